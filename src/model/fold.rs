//! Text as it is searched by: on every engine the same.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// Lower case, without accents, words separated by one space: whatever is neither letter nor digit separates. A word
/// longer than 200 characters is cut: nobody types it, and the engines bound what they index.
pub fn fold(text: &str) -> String {
    const LONGEST: usize = 200;
    let mut folded = String::with_capacity(text.len());
    let mut length = 0;
    for c in text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase) {
        if !c.is_alphanumeric() {
            length = 0;
            if !folded.is_empty() && !folded.ends_with(' ') {
                folded.push(' ');
            }
        } else if length < LONGEST {
            folded.push(c);
            length += 1;
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_folded() {
        for (text, want) in [
            ("Größe: 42,5 cm!", "große 42 5 cm"),
            ("jo@example.org", "jo example org"),
            ("Ünïcode  \n", "unicode"),
            ("¿?", ""),
        ] {
            assert_eq!(fold(text), want);
        }
    }
}
