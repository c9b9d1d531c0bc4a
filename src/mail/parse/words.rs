//! Encoded words (RFC 2047 §2) and raw bytes of header fields, as text.

use std::borrow::Cow;

use memchr::memmem;

use super::{guess, transfer};

/// Longest text of a word; RFC 2047 says 75, and many write more.
const MAX_WORD: usize = 4_096;

/// One `=?charset?encoding?text?=`.
struct Word<'a> {
    charset: &'a [u8],
    base64: bool,
    text: &'a [u8],
    length: usize,
}

/// A run of neighbouring words of one charset: their bytes make one text, since a character may be cut between two.
#[derive(Default)]
struct Run<'a> {
    charset: &'a [u8],
    bytes: Vec<u8>,
    /// Base64 of a word that ended inside a group of four, to be continued by the next.
    unfinished: Vec<u8>,
}

/// The text of an unfolded field value: encoded words decoded wherever they stand, raw 8-bit bytes guessed.
pub(super) fn decode<'a>(value: &'a [u8], charset_hint: Option<&[u8]>) -> Cow<'a, str> {
    let Some(first) = memmem::find(value, b"=?") else { return raw(value, charset_hint) };
    let mut out = String::with_capacity(value.len());
    let mut run = Run::default();
    let (mut at, mut plain_from) = (first, 0);
    while at < value.len() {
        let Some(word) = word_at(&value[at..]) else {
            at = memmem::find(&value[at + 1..], b"=?").map_or(value.len(), |next| at + 1 + next);
            continue;
        };
        let between = &value[plain_from..at];
        if plain_from == 0 || !between.trim_ascii().is_empty() {
            run.flush(&mut out);
            out.push_str(&raw(between, charset_hint));
        }
        run.add(&word, &mut out);
        at += word.length;
        plain_from = at;
        at = memmem::find(&value[at..], b"=?").map_or(value.len(), |next| at + next);
    }
    run.flush(&mut out);
    out.push_str(&raw(&value[plain_from..], charset_hint));
    Cow::Owned(out)
}

fn raw<'a>(bytes: &'a [u8], charset_hint: Option<&[u8]>) -> Cow<'a, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if memchr::memchr(0x1B, bytes).is_none() => Cow::Borrowed(text),
        _ => guess::text(bytes, charset_hint).0,
    }
}

impl<'a> Run<'a> {
    fn add(&mut self, word: &Word<'a>, out: &mut String) {
        if !self.charset.eq_ignore_ascii_case(word.charset) {
            self.flush(out);
            self.charset = word.charset;
        }
        if !word.base64 {
            self.finish_base64();
            self.bytes.extend(q_decoded(word.text));
            return;
        }
        self.unfinished.extend(word.text.iter().filter(|b| !b.is_ascii_whitespace()));
        if self.unfinished.len().is_multiple_of(4) || self.unfinished.ends_with(b"=") {
            self.finish_base64();
        }
    }

    fn finish_base64(&mut self) {
        if !self.unfinished.is_empty() {
            self.bytes.extend(transfer::base64(&self.unfinished));
            self.unfinished.clear();
        }
    }

    fn flush(&mut self, out: &mut String) {
        self.finish_base64();
        if !self.bytes.is_empty() {
            out.push_str(&guess::text(&self.bytes, Some(self.charset)).0);
            self.bytes.clear();
        }
        self.charset = b"";
    }
}

/// The encoded word at the very start of `bytes`. Spaces inside its text are a common violation, and are taken.
fn word_at(bytes: &[u8]) -> Option<Word<'_>> {
    let inner = bytes.strip_prefix(b"=?")?;
    let charset_end = inner.iter().take(80).position(|b| *b == b'?')?;
    let (charset, rest) = inner.split_at(charset_end);
    let [b'?', kind, b'?', text @ ..] = rest else { return None };
    let base64 = match kind {
        b'b' | b'B' => true,
        b'q' | b'Q' => false,
        _ => return None,
    };
    let end = word_end(text, base64)?;
    let language_cut = charset.iter().position(|b| *b == b'*').unwrap_or(charset.len());
    Some(Word {
        charset: charset[..language_cut].trim_ascii(),
        base64,
        text: &text[..end],
        length: 2 + charset_end + 3 + end + 2,
    })
}

/// Where `?=` ends the text. In a Q word a bare `?` before an `=XX` is the text's own, if a later `?=` follows at once.
fn word_end(text: &[u8], base64: bool) -> Option<usize> {
    let text = &text[..text.len().min(MAX_WORD)];
    let mut from = 0;
    loop {
        let end = from + memmem::find(&text[from..], b"?=")?;
        let after = &text[end + 2..];
        if base64 || transfer::hex_pair(after).is_none() {
            return Some(end);
        }
        let token = after.iter().take(200).position(u8::is_ascii_whitespace).unwrap_or(after.len().min(200));
        if memmem::find(&after[..token], b"?=").is_none() || memmem::find(&after[..token], b"=?").is_some() {
            return Some(end);
        }
        from = end + 1;
    }
}

/// Q encoding (RFC 2047 §4.2): quoted-printable with `_` for space.
fn q_decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'_' { b' ' } else { *b }).collect();
    transfer::quoted_printable(&spaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2047 §2, §4 and §6.2, RFC 2231 §5.
    #[test]
    fn decodes_words_and_their_violations() {
        for (value, text) in [
            ("plain", "plain"),
            ("=?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
            ("Re: =?iso-8859-1?q?M=FCll?= am =?iso-8859-1?q?Montag?=", "Re: Müll am Montag"),
            ("=?utf-8?B?4oKs?= =?utf-8?B?4oKs?=", "€€"),
            ("=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€"),
            ("=?utf-8?Q?a=E2=82?=\t=?UTF-8?Q?=ACb?=", "a€b"),
            ("=?utf-8?B?4oK?= =?utf-8?B?s?=", "€"),
            ("=?utf-8*en?Q?x_y?=", "x y"),
            ("=?utf-8?Q?two words?=", "two words"),
            ("=?utf-8?Q?why?=20not?=", "why? not"),
            ("(=?utf-8?Q?c?=)", "(c)"),
            ("=?no-such-charset?Q?=E4?=", "ä"),
            ("=?utf-8?Q?never ends", "=?utf-8?Q?never ends"),
            ("=?utf-8?X?y?=", "=?utf-8?X?y?="),
            ("a=?b", "a=?b"),
        ] {
            assert_eq!(decode(value.as_bytes(), None), text, "{value}");
        }
        assert_eq!(decode(b"M\xfcller", Some(b"iso-8859-1")), "Müller");
    }
}
