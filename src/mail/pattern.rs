//! Patterns that are as fast on Ümläuts as on ASCII.

use std::sync::OnceLock;

use regex::Regex;

/// A regular expression for people's words.
///
/// Where a text is not ASCII, the automata of `regex` can't say what `\b` bounds, and the engine that steps in is a
/// hundred times slower. The same pattern without its `\b` is no trouble, and matches all that the pattern does: what
/// it denies needs no second look.
pub(super) struct Pattern {
    exact: Regex,
    /// As written, where it has a `\b`.
    bounded: Option<Box<str>>,
    /// Without `\b`; made when the first text comes that is not ASCII.
    loose: OnceLock<Regex>,
}

impl Pattern {
    /// From a constant pattern in the syntax of `regex`, in which `\b` is always a word boundary.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        let exact = compiled(&text);
        Self { exact, bounded: Some(text).filter(|text| text.contains(r"\b")), loose: OnceLock::new() }
    }

    /// Whether it matches anywhere in the text.
    pub fn is_match(&self, text: &str) -> bool {
        let ruled_out = |pattern: &str| !text.is_ascii() && !self.loose(pattern).is_match(text);
        !self.bounded.as_deref().is_some_and(ruled_out) && self.exact.is_match(text)
    }

    fn loose(&self, pattern: &str) -> &Regex {
        self.loose.get_or_init(|| compiled(&pattern.replace(r"\b", "")))
    }
}

/// A pattern whose `\b` knows ASCII alone, which costs nothing in any text: for words of machines, where a letter beside
/// them that is not ASCII may count as the end of a word.
pub(super) fn ascii_bounds(pattern: &str) -> String {
    pattern.replace(r"\b", r"(?-u:\b)")
}

fn compiled(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
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
