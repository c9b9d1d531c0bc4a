//! Bytes whose charset nobody names, or names wrongly: valid UTF-8 first, then `chardetng`.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::charset::{self, Charset};

/// How text came out of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// As the mail says, without a flaw.
    AsDeclared,
    /// The mail says nothing, and it is ASCII or UTF-8.
    Plain,
    /// The charset is a guess, or bytes were replaced.
    Repaired,
}

/// Text of bytes with the charset that the mail declares, if any.
pub(super) fn text<'a>(bytes: &'a [u8], declared: Option<&[u8]>) -> (Cow<'a, str>, Reading) {
    match declared.and_then(charset::named) {
        Some(Charset::Ascii) | None => undeclared(bytes),
        Some(Charset::Web(encoding)) if encoding == encoding_rs::UTF_8 => utf8(bytes),
        Some(charset) => {
            let (text, replaced) = charset::decode(charset, bytes);
            (text, if replaced { Reading::Repaired } else { Reading::AsDeclared })
        }
    }
}

fn undeclared(bytes: &[u8]) -> (Cow<'_, str>, Reading) {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\u{1b}') => (Cow::Borrowed(without_mark(text)), Reading::Plain),
        _ => {
            let (text, _) = charset::decode(detected(bytes), bytes);
            (text, Reading::Repaired)
        }
    }
}

/// Declared UTF-8: a few broken bytes are replaced, text of another charset is guessed.
fn utf8(bytes: &[u8]) -> (Cow<'_, str>, Reading) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(without_mark(text)), Reading::AsDeclared);
    }
    let (text, _) = charset::decode(Charset::Web(encoding_rs::UTF_8), bytes);
    let broken = text.chars().filter(|c| *c == '\u{FFFD}').count();
    let whole = text.chars().filter(|c| !c.is_ascii() && *c != '\u{FFFD}').count();
    if whole >= broken {
        return (text, Reading::Repaired);
    }
    (charset::decode(detected(bytes), bytes).0, Reading::Repaired)
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// The likeliest charset of bytes that are no UTF-8.
fn detected(bytes: &[u8]) -> Charset {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(&bytes[..bytes.len().min(64 * 1024)], true);
    Charset::Web(detector.guess(None, Utf8Detection::Deny))
}
