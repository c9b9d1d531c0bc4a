//! Address lists (RFC 5322 §3.4 and §4.4), read so that nobody can hide the address he sends from: where there is an
//! angle bracket, only what stands in it is the address.

use crate::model::Address;

use super::{names, words};

/// More addresses than this of one field are not kept.
const MAX_ADDRESSES: usize = 1_000;
/// How far the end of a quoted string or bracket is looked for, so that a flood of openings stays linear.
const MAX_TOKEN: usize = 2_000;

/// What has been read of one mailbox.
#[derive(Default)]
struct Mailbox {
    /// Words outside quotes, brackets and comments; a name, or an address without brackets.
    bare: Vec<u8>,
    /// The same with quoted strings, unquoted.
    phrase: Vec<u8>,
    comment: Vec<u8>,
    angle: Option<Vec<u8>>,
}

/// Mailboxes of an unfolded field value, groups dissolved into their members.
pub(super) fn read(value: &[u8], charset_hint: Option<&[u8]>) -> Vec<Address> {
    let mut out = Vec::new();
    let mut mailbox = Mailbox::default();
    let mut at = 0;
    while at < value.len() && out.len() < MAX_ADDRESSES {
        let rest = &value[at..];
        at += match rest[0] {
            b',' if mailbox.is_surname(&rest[1..]) => mailbox.other(b',', rest),
            b',' | b';' => {
                out.extend(std::mem::take(&mut mailbox).finish(charset_hint));
                1
            }
            b':' if mailbox.is_group_name(&rest[1..]) => {
                mailbox = Mailbox::default();
                1
            }
            b'"' => mailbox.quoted(rest),
            b'(' => mailbox.comment(rest),
            b'<' => mailbox.angle(rest),
            byte => mailbox.other(byte, rest),
        };
    }
    out.extend(mailbox.finish(charset_hint));
    out
}

/// Whether a field's value says this address and no other, in so many octets: nothing was decoded, dropped or chosen to
/// get it. (RFC 2047 §5 has no encoded words in addresses.) What stands in quotes, comments and encoded words is a name.
pub(super) fn is_plain(value: &[u8], email: &str) -> bool {
    let is_clean = value.iter().all(|byte| *byte == b'\t' || !byte.is_ascii_control())
        && !String::from_utf8_lossy(value).chars().any(|c| c != '\t' && names::is_deceptive(c));
    let is_it = |word: &[u8]| word.eq_ignore_ascii_case(email.as_bytes());
    let mut mailbox = Mailbox::default();
    let (mut brackets, mut at) = (0, 0);
    while at < value.len() {
        let rest = &value[at..];
        at += match rest[0] {
            b'"' => mailbox.quoted(rest),
            b'(' => mailbox.comment(rest),
            b'<' => {
                brackets += 1;
                mailbox.angle(rest)
            }
            byte => match encoded_word_length(rest) {
                Some(length) => length,
                None => mailbox.other(byte, rest),
            },
        };
    }
    let mut bare = mailbox.bare.split(|byte| b" \t,;[]".contains(byte)).filter(|word| word.contains(&b'@'));
    let others_are_it = bare.clone().all(is_it);
    is_clean
        && others_are_it
        && match &mailbox.angle {
            Some(angle) => brackets == 1 && is_it(angle.trim_ascii()),
            None => bare.next().is_some(),
        }
}

impl Mailbox {
    /// A `:` ends a group's name, unless it stands inside an address (`x:y@example.org`) or a time.
    fn is_group_name(&self, rest: &[u8]) -> bool {
        self.angle.is_none()
            && !self.phrase.contains(&b'@')
            && rest.first().is_none_or(|b| {
                b.is_ascii_whitespace()
                    || matches!(b, b';' | b'<' | b'"')
                    || rest[..rest.len().min(MAX_TOKEN)].contains(&b';')
            })
    }

    /// `Doe, Jo <jo@example.org>` without its quotes: nothing in front of the comma is an address, and behind it comes one
    /// in brackets, with a name before.
    fn is_surname(&self, rest: &[u8]) -> bool {
        let end =
            rest.iter().take(MAX_TOKEN).position(|b| matches!(b, b',' | b';' | b':' | b'@' | b'<' | b'"'));
        self.angle.is_none()
            && !self.phrase.trim_ascii().is_empty()
            && !self.phrase.contains(&b'@')
            && !self.phrase.contains(&b',')
            && end.is_some_and(|end| rest[end] == b'<' && !rest[..end].trim_ascii().is_empty())
    }

    fn other(&mut self, byte: u8, rest: &[u8]) -> usize {
        let word = encoded_word_length(rest);
        let taken = word.unwrap_or(1);
        if word.is_some() {
            self.phrase.extend_from_slice(&rest[..taken]);
            self.bare.extend_from_slice(&rest[..taken]);
        } else {
            self.phrase.push(byte);
            self.bare.push(byte);
        }
        taken
    }

    /// A quoted string with its escapes; one that never ends is taken as it stands, quote and all.
    fn quoted(&mut self, rest: &[u8]) -> usize {
        let Some(end) = closing(rest, b'"') else {
            self.phrase.push(b' ');
            return 1;
        };
        let local_part = rest.get(end + 1) == Some(&b'@');
        if local_part {
            self.phrase.extend_from_slice(&rest[..=end]);
            self.bare.extend_from_slice(&rest[..=end]);
        } else {
            self.phrase.extend(unescaped(&rest[1..end]));
        }
        end + 1
    }

    /// A comment with the comments in it.
    fn comment(&mut self, rest: &[u8]) -> usize {
        let (mut depth, mut at) = (0usize, 0);
        while let Some(&byte) = rest.get(at) {
            match byte {
                b'\\' => at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                break;
            }
        }
        let end = at.min(rest.len());
        let inner = rest[1..end].strip_suffix(b")").unwrap_or(&rest[1..end]);
        if !self.comment.is_empty() {
            self.comment.push(b' ');
        }
        self.comment.extend(unescaped(inner));
        end
    }

    /// `<address>`; the last of several counts, as it does for those who route mail by it. A bracket that never closes
    /// ends with its mailbox.
    fn angle(&mut self, rest: &[u8]) -> usize {
        let end = match closing(rest, b'>') {
            Some(end) => end,
            None => rest.iter().position(|b| matches!(b, b',' | b';')).unwrap_or(rest.len()),
        };
        let inner = rest.get(1..end).unwrap_or_default();
        if self.angle.is_none() || !inner.trim_ascii().is_empty() {
            self.angle = Some(inner.to_vec());
        }
        (end + usize::from(rest.get(end) == Some(&b'>'))).max(1)
    }

    fn finish(self, charset_hint: Option<&[u8]>) -> Option<Address> {
        let text = |bytes: &[u8]| names::readable(&words::decode(bytes, charset_hint));
        let (address, name) = match &self.angle {
            Some(angle) => (clean_address(angle), text(&self.phrase)),
            None if self.bare.contains(&b'@') => split_bare(&self.bare, &text),
            None => match text(&self.phrase) {
                name if name.contains('@') => split_bare(name.as_bytes(), &text),
                name => (String::new(), name),
            },
        };
        let name = if name.is_empty() { text(&self.comment) } else { name };
        let name = name.trim_matches(|c| c == '"' || c == '\'').trim().to_owned();
        if address.is_empty() && name.is_empty() {
            return None;
        }
        if address.is_empty() && self.angle.is_none() && !name.contains(' ') {
            return Some(Address { name: None, email: name });
        }
        Some(Address { name: (!name.is_empty()).then_some(name), email: address })
    }
}

/// Without brackets: the word with the `@` is the address, the others are a name (`jo@example.org Jo Doe`).
fn split_bare(bare: &[u8], text: &dyn Fn(&[u8]) -> String) -> (String, String) {
    let joined = text(bare).replace(" @ ", "@").replace(" @", "@").replace("@ ", "@");
    if let Some(at) = joined.find("\"@").filter(|_| joined.starts_with('"')) {
        let end = joined[at..].find(' ').map_or(joined.len(), |space| at + space);
        return (clean_address(&joined.as_bytes()[..end]), joined[end..].trim().to_owned());
    }
    let mut rest = Vec::new();
    let mut address = String::new();
    for word in joined.split(' ') {
        if address.is_empty() && word.contains('@') {
            address = clean_address(word.as_bytes());
        } else {
            rest.push(word);
        }
    }
    (address, rest.join(" "))
}

/// The address itself: no white space or control characters, no `mailto:`, no source route (RFC 5321 §F.2), and no comment.
fn clean_address(bytes: &[u8]) -> String {
    let decoded = words::decode(bytes, None);
    let quoted = decoded.trim_start().starts_with('"');
    let mut text: String = decoded
        .chars()
        .filter(|c| !c.is_control() && (quoted || !c.is_whitespace()) && !matches!(c, '<' | '>'))
        .filter(|c| *c == ' ' || !(c.is_whitespace() || names::is_deceptive(*c)))
        .collect();
    if let Some((before, after)) = text.split_once('(') {
        let tail = after.split_once(')').map_or("", |(_, tail)| tail);
        text = format!("{before}{tail}");
    }
    let text = text.trim().trim_end_matches(',');
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let text = if text.starts_with('@') { text.split_once(':').map_or(text, |(_, rest)| rest) } else { text };
    let text = text.trim_matches(|c| c == '\'' || c == ';');
    let inside = |open, close| text.strip_prefix(open).and_then(|rest| rest.strip_suffix(close));
    inside('"', '"').or_else(|| inside('[', ']')).unwrap_or(text).to_owned()
}

/// Length of an encoded word at the start, so that what it holds is never read as grammar.
fn encoded_word_length(rest: &[u8]) -> Option<usize> {
    let inner = rest.strip_prefix(b"=?")?;
    let mut marks = inner.iter().take(400).enumerate().filter(|(_, b)| **b == b'?').map(|(at, _)| at);
    let (_, second) = (marks.next()?, marks.next()?);
    let text = &inner[second + 1..];
    let end = memchr::memmem::find(&text[..text.len().min(MAX_TOKEN)], b"?=")?;
    Some(2 + second + 1 + end + 2)
}

/// Index of the closing mark, escapes skipped.
fn closing(bytes: &[u8], mark: u8) -> Option<usize> {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at).filter(|_| at < MAX_TOKEN) {
        match byte {
            b'\\' => at += 1,
            _ if byte == mark => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut escaped = false;
    for &byte in bytes {
        if byte == b'\\' && !escaped {
            escaped = true;
        } else {
            out.push(byte);
            escaped = false;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What others may read otherwise speaks for nobody.
    #[test]
    fn an_address_is_plain_or_repaired() {
        let email = "ada@agents.test";
        for plain in [
            "ada@agents.test",
            "ADA@Agents.test",
            "Ada <ada@agents.test>",
            "\"eve@evil.test\" <ada@agents.test>",
            "=?utf-8?Q?A=40b?= (x@y) <ada@agents.test>",
            "ada@agents.test <ada@agents.test>",
            "ada@agents.test (Ada)",
            "Ada < ada@agents.test >",
        ] {
            assert!(is_plain(plain.as_bytes(), email), "{plain}");
        }
        for repaired in [
            "=?utf-8?b?YWRhQGFnZW50cy50ZXN0?=",
            "<=?utf-8?b?YWRhQGFnZW50cy50ZXN0?=>",
            "<ada@agents.te\0st>",
            "<a\u{202e}da@agents.test>",
            "<ada@agents\u{200e}.test>",
            "<ada@=?utf-8?b?YWdlbnRzLnRlc3Q=?=>",
            "\"a\" <real@evil.test> <ada@agents.test>",
            "real@evil.test\0 <ada@agents.test>",
            "real@evil.test <ada@agents.test>",
            "real@evil.test, ada@agents.test",
            "<@evil.test:ada@agents.test>",
            "<ada@agents. test>",
            "ada@agents.test <>",
        ] {
            assert!(!is_plain(repaired.as_bytes(), email), "{repaired:?}");
        }
    }

    /// RFC 5322 §3.4 with the obsolete forms of §4.4.
    #[test]
    fn reads_lists_and_their_violations() {
        for (value, expected) in [
            ("jo@example.org", ":jo@example.org"),
            ("Jo Doe <jo@example.org>", "Jo Doe:jo@example.org"),
            ("\"Doe, Jo\" <jo@example.org>, b@c.example", "Doe, Jo:jo@example.org|:b@c.example"),
            ("jo@example.org (Jo Doe)", "Jo Doe:jo@example.org"),
            ("=?utf-8?Q?Doe=2C_J=C3=B6?= <jo@example.org>", "Doe, Jö:jo@example.org"),
            ("team: a@b.example, C <c@d.example>;", ":a@b.example|C:c@d.example"),
            ("undisclosed-recipients:;", ""),
            ("boss@example.org <mallory@evil.example>", "boss@example.org:mallory@evil.example"),
            ("<boss@example.org> <mallory@evil.example>", ":mallory@evil.example"),
            ("\"quoted local\"@example.org", ":\"quoted local\"@example.org"),
            ("<@relay.example:jo@example.org>", ":jo@example.org"),
            ("<mailto:jo@example.org>", ":jo@example.org"),
            ("Jo <jo@exa\0mple.org\r\n>", "Jo:jo@example.org"),
            ("Jo <jo@example.org", "Jo:jo@example.org"),
            ("jo @ example.org", ":jo@example.org"),
            ("postmaster", ":postmaster"),
            ("\"unclosed <jo@example.org>", "unclosed:jo@example.org"),
            ("Jo (a (nested) comment) <jo@example.org>", "Jo:jo@example.org"),
            ("Doe, Jo <jo@example.org>", "Doe, Jo:jo@example.org"),
            (
                "Doe, Jo <jo@example.org>, Roe, Al <al@example.org>",
                "Doe, Jo:jo@example.org|Roe, Al:al@example.org",
            ),
            ("jo@example.org, Al Roe <al@example.org>", ":jo@example.org|Al Roe:al@example.org"),
            ("postmaster, <jo@example.org>", ":postmaster|:jo@example.org"),
            ("Jo Doe <\"jo@example.org\">", "Jo Doe:jo@example.org"),
            ("Jo Doe [jo@example.org]", "Jo Doe:jo@example.org"),
            ("jo@[192.0.2.1]", ":jo@[192.0.2.1]"),
            ("=?utf-8?B?Sm8gRG9lIDxqb0BleGFtcGxlLm9yZz4=?=", "Jo Doe:jo@example.org"),
            (
                "=?utf-8?Q?Jo_<boss@example.org>?= <mallory@evil.example>",
                "Jo <boss@example.org>:mallory@evil.example",
            ),
            ("", ""),
        ] {
            let read = read(value.as_bytes(), None);
            let shown: Vec<String> =
                read.iter().map(|a| format!("{}:{}", a.name.as_deref().unwrap_or(""), a.email)).collect();
            assert_eq!(shown.join("|"), expected, "{value:?}");
        }
    }
}
