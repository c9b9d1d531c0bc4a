//! Patterns that are as fast on Ümläuts as on ASCII.

use regex::Regex;

/// A regular expression for people's words.
///
/// Where a text is not ASCII, the automata of `regex` can't say what `\b` bounds, and the engine that steps in is a
/// hundred times slower. The same pattern without its `\b` is no trouble, and matches all that the pattern does: what
/// it denies needs no second look.
pub(super) struct Pattern {
    exact: Regex,
    /// Without `\b`; `None` where there is none.
    loose: Option<Regex>,
}

impl Pattern {
    /// From a constant pattern in the syntax of `regex`, in which `\b` is always a word boundary.
    pub fn new(text: &str) -> Self {
        let regex = |text: &str| Regex::new(text).expect("a constant pattern");
        let loose = text.replace(r"\b", "");
        Self { exact: regex(text), loose: (loose != text).then(|| regex(&loose)) }
    }

    /// Whether it matches anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        let ruled_out = || self.loose.as_ref().is_some_and(|loose| !text.is_ascii() && !loose.is_match(text));
        !ruled_out() && self.exact.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_words_in_any_text() {
        let pattern = Pattern::new(r"(?i)\b(away|fort)\b");
        for (text, want) in [
            ("I am away.", true),
            ("Straight aways", false),
            ("Für heute fort", true),
            ("Für heute sofort", false),
            ("Für heute da", false),
            ("füraway", false),
        ] {
            assert_eq!(pattern.is_match(text), want, "{text}");
        }
    }
}
