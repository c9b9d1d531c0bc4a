//! `Content-Type` and `Content-Disposition`: a value and its parameters (RFC 2045 §5.1, 2183, 2231), with the common
//! violations of each.

use std::borrow::Cow;

use super::{guess, transfer, words};

/// More sections than this of one parameter are not joined.
const MAX_SECTIONS: usize = 512;

/// A field value split at its semicolons.
#[derive(Debug, Default)]
pub(super) struct Params {
    /// What stands in front of the parameters, lower case: `text/plain`, `attachment`.
    pub value: String,
    sections: Vec<Section>,
}

/// One parameter, or one piece of a parameter.
#[derive(Debug)]
struct Section {
    name: String,
    /// `*0`, `*1`, …
    index: Option<u32>,
    /// A trailing `*`: percent-encoded, the first piece with charset and language in front.
    extended: bool,
    bytes: Vec<u8>,
}

impl Params {
    /// Reads an unfolded field value.
    pub(super) fn read(field: &[u8]) -> Self {
        let mut rest = field;
        let value =
            String::from_utf8_lossy(take_until_semicolon(&mut rest).trim_ascii()).to_ascii_lowercase();
        let mut sections = Vec::new();
        while !rest.is_empty() && sections.len() < MAX_SECTIONS {
            sections.extend(section(&mut rest));
        }
        Self { value, sections }
    }

    /// Bytes of a parameter as written, continuations joined: for boundaries and charset names.
    pub(super) fn raw(&self, name: &str) -> Option<Cow<'_, [u8]>> {
        let plain = self.sections.iter().find(|s| s.name == name && s.index.is_none() && !s.extended);
        match plain {
            Some(section) => Some(Cow::Borrowed(section.bytes.trim_ascii())),
            None => self.joined(name).map(|(bytes, _)| Cow::Owned(bytes)),
        }
    }

    /// Text of a parameter: the RFC 2231 form before the plain one, encoded words decoded although RFC 2047 forbids
    /// them there, raw 8-bit bytes guessed.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        if let Some((bytes, charset)) = self.joined(name) {
            let charset = charset.filter(|name| !name.is_empty());
            let text = match charset {
                Some(charset) => guess::text(&bytes, Some(&charset)).0.into_owned(),
                None => words::decode(&bytes, None).into_owned(),
            };
            return Some(text);
        }
        let plain = self.sections.iter().find(|s| s.name == name)?;
        Some(words::decode(&plain.bytes, None).into_owned())
    }

    /// The pieces of an RFC 2231 parameter in their order, percent-decoded, and the charset of the first.
    fn joined(&self, name: &str) -> Option<(Vec<u8>, Option<Vec<u8>>)> {
        let mut pieces: Vec<&Section> =
            self.sections.iter().filter(|s| s.name == name && (s.extended || s.index.is_some())).collect();
        pieces.sort_by_key(|piece| piece.index);
        let first = pieces.first()?;
        let (charset, start) = if first.extended { charset_prefix(&first.bytes) } else { (None, 0) };
        let mut out = Vec::new();
        for (at, piece) in pieces.iter().enumerate() {
            let bytes = if at == 0 { &piece.bytes[start..] } else { &piece.bytes[..] };
            if piece.extended || (charset.is_some() && bytes.contains(&b'%')) {
                out.extend(percent_decoded(bytes));
            } else {
                out.extend_from_slice(bytes);
            }
        }
        Some((out, charset))
    }
}

/// `charset'language'` in front of an extended value, and where the value begins.
fn charset_prefix(bytes: &[u8]) -> (Option<Vec<u8>>, usize) {
    let mut quotes = bytes.iter().enumerate().filter(|(_, b)| **b == b'\'').map(|(at, _)| at);
    match (quotes.next(), quotes.next()) {
        (Some(first), Some(second)) => (Some(bytes[..first].to_vec()), second + 1),
        _ => (None, 0),
    }
}

fn percent_decoded(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match transfer::hex_pair(&bytes[at + 1..]) {
            Some(decoded) if byte == b'%' => {
                out.push(decoded);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Takes the bytes in front of the next `;`, and the `;`.
fn take_until_semicolon<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
    let taken = &rest[..end];
    *rest = &rest[(end + 1).min(rest.len())..];
    taken
}

/// Takes one parameter; `None` where there is no `name=`.
fn section(rest: &mut &[u8]) -> Option<Section> {
    *rest = rest.trim_ascii_start();
    let stop = rest.iter().position(|b| matches!(b, b'=' | b';')).filter(|at| rest[*at] == b'=');
    let Some(stop) = stop else {
        take_until_semicolon(rest);
        return None;
    };
    let name = String::from_utf8_lossy(rest[..stop].trim_ascii()).to_ascii_lowercase();
    *rest = rest[stop + 1..].trim_ascii_start();
    let bytes = match quoted(rest) {
        Some((value, length)) => {
            *rest = &rest[length..];
            take_until_semicolon(rest);
            value
        }
        None => take_until_semicolon(rest).trim_ascii().to_vec(),
    };
    let (name, index, extended) = name_parts(&name);
    Some(Section { name, index, extended, bytes })
}

/// `filename*0*` is `filename`, piece 0, extended.
fn name_parts(name: &str) -> (String, Option<u32>, bool) {
    let (name, extended) = name.strip_suffix('*').map_or((name, false), |plain| (plain, true));
    match name.split_once('*') {
        Some((base, index)) => (base.trim().to_owned(), index.parse().ok(), extended),
        None => (name.trim().to_owned(), None, extended),
    }
}

/// A quoted string and its length. Only `\"` and `\\` are escapes: file names with Windows paths are commoner in
/// quotes than other escaped characters. `None` when it does not start with a quote, or never ends.
fn quoted(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let inner = bytes.strip_prefix(b"\"")?;
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        match (inner.get(at)?, inner.get(at + 1)) {
            (b'\\', Some(escaped @ (b'"' | b'\\'))) => {
                out.push(*escaped);
                at += 2;
            }
            (b'"', _) => return Some((out, at + 2)),
            (byte, _) => {
                out.push(*byte);
                at += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2045 §5.1, RFC 2183 §2.3, RFC 2231 §3 and §4.
    #[test]
    fn reads_parameters_and_their_violations() {
        for (field, name) in [
            ("attachment; filename=a.txt", "a.txt"),
            ("attachment; FileName = \"a b.txt\" ; x=y", "a b.txt"),
            ("attachment; filename=a b.txt", "a b.txt"),
            ("attachment; filename=\"a;b.txt\"", "a;b.txt"),
            ("attachment; filename=\"say \\\"hi\\\".txt\"", "say \"hi\".txt"),
            ("attachment; filename=\"C:\\dir\\a.txt\"", "C:\\dir\\a.txt"),
            ("attachment; filename*=utf-8''Gr%C3%BC%C3%9Fe.txt", "Grüße.txt"),
            ("attachment; filename=x.txt; filename*=UTF-8'de'%C3%A4.txt", "ä.txt"),
            ("attachment; filename*0=\"long\"; filename*1=\"name.txt\"", "longname.txt"),
            ("attachment; filename*1*=%C3%A4.txt; filename*0*=utf-8''a", "aä.txt"),
            ("attachment; filename*0*=iso-8859-1''%E4; filename*1=\" %41.txt\"", "ä A.txt"),
            ("attachment; filename*=\"no charset.txt\"", "no charset.txt"),
            ("attachment; filename=\"=?utf-8?B?w6QudHh0?=\"", "ä.txt"),
            ("attachment; filename*0=\"=?utf-8?Q?=C3\"; filename*1=\"=A4?=.txt\"", "ä.txt"),
            ("attachment; filename=\"never ends.txt", "\"never ends.txt"),
            ("attachment;; filename=a.txt", "a.txt"),
        ] {
            assert_eq!(Params::read(field.as_bytes()).text("filename").as_deref(), Some(name), "{field}");
        }
        assert!(Params::read(b"attachment; filename").text("filename").is_none());
    }
}
