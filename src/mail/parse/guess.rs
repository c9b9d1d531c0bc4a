//! Bytes whose charset nobody names, or names wrongly: valid UTF-8 first, then `chardetng`.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

use super::charset::{self, Charset};
use super::cyrillic;

/// How much of a text is looked at for a guess, in octets.
const MAX_SAMPLE: usize = 64 * 1024;

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
            match utf8_all_the_same(charset, bytes, replaced) {
                Some(text) => (Cow::Borrowed(text), Reading::Repaired),
                None => (text, if replaced { Reading::Repaired } else { Reading::AsDeclared }),
            }
        }
    }
}

/// UTF-8 under another name, as programs send that change the charset and forget the name. Bytes of another charset are
/// hardly ever valid UTF-8: by chance a few Chinese characters are, or two Russian letters, so short texts take a second sign.
fn utf8_all_the_same(charset: Charset, bytes: &[u8], replaced: bool) -> Option<&str> {
    const BY_CHANCE: usize = 6;
    if bytes.is_ascii() || !charset.has_ascii() {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    let mut wide = text.chars().filter(|c| !c.is_ascii());
    let western = charset == Charset::Web(WINDOWS_1252);
    (replaced || western || wide.nth(BY_CHANCE).is_some()).then(|| without_mark(text))
}

fn undeclared(bytes: &[u8]) -> (Cow<'_, str>, Reading) {
    match std::str::from_utf8(bytes) {
        Ok(text) if memchr::memchr(0x1B, bytes).is_none() => {
            (Cow::Borrowed(without_mark(text)), Reading::Plain)
        }
        Ok(_) => (charset::decode(detected(bytes), bytes).0, Reading::Repaired),
        Err(_) => match mostly_utf8(bytes, 3) {
            Some(text) => (text, Reading::Repaired),
            None => (charset::decode(detected(bytes), bytes).0, Reading::Repaired),
        },
    }
}

/// Declared UTF-8: a few broken bytes are replaced, text of another charset is guessed.
fn utf8(bytes: &[u8]) -> (Cow<'_, str>, Reading) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return (Cow::Borrowed(without_mark(text)), Reading::AsDeclared);
    }
    match mostly_utf8(bytes, 1) {
        Some(text) => (text, Reading::Repaired),
        None => (charset::decode(detected(bytes), bytes).0, Reading::Repaired),
    }
}

/// UTF-8 with a few broken bytes: at least `factor` whole characters to each broken one.
fn mostly_utf8(bytes: &[u8], factor: usize) -> Option<Cow<'_, str>> {
    let text = String::from_utf8_lossy(bytes);
    let broken = text.chars().filter(|c| *c == '\u{FFFD}').count();
    let whole = text.chars().filter(|c| !c.is_ascii() && *c != '\u{FFFD}').count();
    (whole >= broken * factor).then_some(text)
}

fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{FEFF}').unwrap_or(text)
}

/// The likeliest charset of bytes that are no UTF-8.
fn detected(bytes: &[u8]) -> Charset {
    let sample = &bytes[..bytes.len().min(MAX_SAMPLE)];
    if is_sparse(sample) {
        return Charset::Web(WINDOWS_1252);
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    if !cyrillic::may_be_mistaken_for(guess) {
        return Charset::Web(guess);
    }
    cyrillic::best(sample).unwrap_or(Charset::Web(guess))
}

/// One or two lone 8-bit bytes give a detector nothing to go by: a pound sign, an umlaut, a degree.
fn is_sparse(bytes: &[u8]) -> bool {
    let lone = |at: usize| at.checked_sub(1).is_none_or(|before| bytes[before].is_ascii());
    let high: Vec<usize> = (0..bytes.len()).filter(|at| !bytes[*at].is_ascii()).take(3).collect();
    matches!(high.len(), 1 | 2) && high.iter().all(|at| lone(*at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_what_nobody_says() {
        let russian = "Здравствуйте! Пожалуйста, пришлите нам счёт за прошлый месяц. Спасибо, Иван Петров.";
        for label in ["koi8-r", "windows-1251", "iso-8859-5", "ibm866", "x-mac-cyrillic"] {
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).expect("a label");
            let (bytes, ..) = encoding.encode(russian);
            assert_eq!(text(&bytes, None).0, russian, "{label}");
            assert_eq!(text(&bytes, Some(b"us-ascii")).0, russian, "{label}");
        }
        for (bytes, guess) in [
            (&b"plain"[..], "plain"),
            (b"\xef\xbb\xbfmark", "mark"),
            ("Grüße".as_bytes(), "Grüße"),
            (b"for \xa380m", "for £80m"),
            (b"caf\xe9", "café"),
            (b"\xc3\xa4\xc3\xb6\xc3\xbc\xff", "äöü\u{FFFD}"),
            (b"\x1b$B$\"\x1b(B", "あ"),
        ] {
            assert_eq!(text(bytes, None).0, guess);
        }
        assert_eq!(text(b"M\xfcll", Some(b"utf-8")).0, "Müll");
    }

    #[test]
    fn sees_utf_8_under_another_name() {
        for (content, label) in [
            ("您好！ 你今天好吗？", "big5"),
            ("我公司可代开发票", "gb2312"),
            ("Grüße", "iso-8859-1"),
            ("Здравствуйте", "koi8-r"),
        ] {
            assert_eq!(text(content.as_bytes(), Some(label.as_bytes())), (content.into(), Reading::Repaired));
        }
        for (bytes, label, content) in [
            (&b"\xc4\xe3\xba\xc3"[..], "gb2312", "你好"),
            (b"\xc1\xaa\xcd\xa8", "gb2312", "联通"),
            (b"\xd0\xb3", "windows-1251", "Рі"),
            (b"\xc9t\xe9", "iso-8859-1", "Été"),
        ] {
            assert_eq!(text(bytes, Some(label.as_bytes())), (content.into(), Reading::AsDeclared), "{label}");
        }
    }
}
