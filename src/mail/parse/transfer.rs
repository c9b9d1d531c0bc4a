//! Content transfer encodings (RFC 2045 §6), read as forgivingly as the common readers do.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;

/// How a part's bytes travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transfer {
    /// `7bit`, `8bit`, `binary`, nothing, or a word nobody knows: the bytes as sent.
    Opaque,
    /// RFC 2045 §6.8.
    Base64,
    /// RFC 2045 §6.7.
    QuotedPrintable,
    /// `x-uuencode`: never a standard, still about.
    Uuencode,
}

impl Transfer {
    /// From the value of `Content-Transfer-Encoding`; comments and quotes around the word do no harm.
    pub(super) fn named(value: &[u8]) -> Self {
        let word: Vec<u8> = value
            .iter()
            .skip_while(|b| b.is_ascii_whitespace() || **b == b'"')
            .take_while(|b| b.is_ascii_alphanumeric() || **b == b'-')
            .map(u8::to_ascii_lowercase)
            .collect();
        match word.as_slice() {
            b"base64" => Self::Base64,
            b"quoted-printable" | b"quotedprintable" => Self::QuotedPrintable,
            b"x-uuencode" | b"uuencode" | b"uue" | b"x-uue" => Self::Uuencode,
            _ => Self::Opaque,
        }
    }

    /// Undoes it.
    pub(super) fn undo(self, bytes: &[u8]) -> Cow<'_, [u8]> {
        match self {
            Self::Opaque => Cow::Borrowed(bytes),
            Self::Base64 => Cow::Owned(base64(bytes)),
            Self::QuotedPrintable => Cow::Owned(quoted_printable(bytes)),
            Self::Uuencode => uuencoded(bytes).map_or(Cow::Borrowed(bytes), Cow::Owned),
        }
    }
}

/// Base64. Characters outside the alphabet are skipped (RFC 2045 §6.8); padding ends it, so that a footer which
/// a mailing list hung below does not become rubbish.
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let clean_end = memchr::memchr(b'=', bytes).unwrap_or(bytes.len());
    let only_padding = bytes[clean_end..].iter().all(|b| *b == b'=' || b.is_ascii_whitespace());
    if only_padding && let Some(decoded) = base64_decode(bytes) {
        return decoded;
    }
    base64_leniently(bytes)
}

fn base64_leniently(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for &byte in bytes {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            b'=' if count >= 2 => break,
            _ => continue,
        };
        bits = (bits << 6) | u32::from(value);
        count += 1;
        if count == 4 {
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
            (bits, count) = (0, 0);
        }
    }
    flush(&mut out, bits, count);
    out
}

/// Writes the whole bytes of an unfinished group.
fn flush(out: &mut Vec<u8>, bits: u32, count: u32) {
    match count {
        2 => out.extend_from_slice(&(bits << 12).to_be_bytes()[1..2]),
        3 => out.extend_from_slice(&(bits << 6).to_be_bytes()[1..3]),
        _ => {}
    }
}

/// Quoted-printable; a `=` that starts nothing stands for itself.
pub(super) fn quoted_printable(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        if let Some(length) = soft_break(rest) {
            rest = &rest[length..];
        } else if let Some(byte) = hex_pair(&rest[1..]) {
            out.push(byte);
            rest = &rest[3..];
        } else {
            out.push(b'=');
            rest = &rest[1..];
        }
    }
    out.extend_from_slice(rest);
    out
}

/// Length of `=`, white space and a line end at the start of `bytes`; a `=` at the very end counts too.
fn soft_break(bytes: &[u8]) -> Option<usize> {
    let padding = bytes[1..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    match &bytes[1 + padding..] {
        [b'\r', b'\n', ..] => Some(padding + 3),
        [b'\n' | b'\r', ..] => Some(padding + 2),
        [] if padding == 0 => Some(1),
        _ => None,
    }
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn hex_pair(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// Between `begin` and `end`; `None` when there is no `begin` line.
fn uuencoded(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut lines = bytes.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.find(|line| line.starts_with(b"begin "))?;
    let mut out = Vec::new();
    for line in lines.take_while(|line| line.trim_ascii_end() != b"end") {
        let Some((&length, code)) = line.split_first() else { continue };
        let length = usize::from(length.wrapping_sub(b' ') & 63);
        let start = out.len();
        for group in code.chunks(4) {
            let bits = (0..4).fold(0u32, |bits, at| {
                let code = group.get(at).map_or(0, |b| b.wrapping_sub(b' ') & 63);
                (bits << 6) | u32::from(code)
            });
            out.extend_from_slice(&bits.to_be_bytes()[1..]);
        }
        out.truncate(start + length);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2045 §6.4 (an unknown encoding is left as it is), §6.7 and §6.8.
    #[test]
    fn undoes_each_encoding_and_its_violations() {
        let cases: &[(&str, &[u8], &[u8])] = &[
            ("base64", b"aGVsbG8=", b"hello"),
            ("Base64 (comment)", b"aGVs\r\nbG8", b"hello"),
            ("base64", b"aG!Vs*bG8=", b"hello"),
            ("base64", b"aGVsbG8=\r\n-- \r\nlist footer", b"hello"),
            ("quoted-printable", b"a=3Db=\r\nc= \nd=ZZ=", b"a=bcd=ZZ"),
            ("x-uuencode", b"begin 644 a\r\n#0V%T\r\n`\r\nend\r\n", b"Cat"),
            ("x-yencode", b"=ybegin", b"=ybegin"),
            ("8bit", b"\xff", b"\xff"),
        ];
        for (name, sent, content) in cases {
            assert_eq!(&*Transfer::named(name.as_bytes()).undo(sent), *content, "{name}");
        }
    }
}
