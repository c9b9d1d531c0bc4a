//! Header fields: where they begin and end (RFC 5322 §2.2, §4.5), unfolded and found by name.

use std::borrow::Cow;

/// More fields than this of one header are skipped over.
const MAX_FIELDS: usize = 10_000;
/// Longest value that is read, in octets; Postfix takes headers of this size altogether.
const MAX_VALUE: usize = 102_400;

/// A field as it stands in the mail.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field<'a> {
    /// Name without the colon and white space around it.
    pub name: &'a [u8],
    /// All after the colon, folding included.
    value: &'a [u8],
}

impl<'a> Field<'a> {
    /// The value with folding undone and white space trimmed; at most 100 kB of it.
    pub(super) fn unfolded(&self) -> Cow<'a, [u8]> {
        let value = &self.value[..self.value.len().min(MAX_VALUE)].trim_ascii();
        let Some(first) = memchr::memchr2(b'\n', b'\r', value) else { return Cow::Borrowed(value) };
        let mut out = Vec::with_capacity(value.len());
        out.extend_from_slice(&value[..first]);
        value[first..].split(|b| matches!(b, b'\r' | b'\n')).for_each(|piece| out.extend_from_slice(piece));
        Cow::Owned(out)
    }
}

/// The header of a mail or part.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    /// In order.
    pub all: Vec<Field<'a>>,
    /// Whether lines stood among them that are no fields, or there were too many.
    pub broken: bool,
}

impl<'a> Fields<'a> {
    /// Reads the header at the start of `bytes`, and says how many octets it takes, the empty line included. It ends at an
    /// empty line, or at a line that is no field and no field follows.
    pub(super) fn read(bytes: &'a [u8]) -> (Self, usize) {
        let mut fields = Self::default();
        let mut at = 0;
        while at < bytes.len() {
            let line = line_at(bytes, at);
            if without_end(line).is_empty() {
                return (fields, at + line.len());
            }
            let next = at + line.len();
            match name_length(line) {
                Some(length) => {
                    let end = folded_end(bytes, next);
                    fields.add(line[..length].trim_ascii(), &bytes[at + colon(line)..end]);
                    at = end;
                }
                None if is_stray(&fields, line, bytes, next) => {
                    fields.broken = true;
                    at = next;
                }
                None => {
                    fields.broken = true;
                    return (fields, at);
                }
            }
        }
        (fields, at)
    }

    fn add(&mut self, name: &'a [u8], value: &'a [u8]) {
        if self.all.len() < MAX_FIELDS {
            self.all.push(Field { name, value });
        } else {
            self.broken = true;
        }
    }

    /// First field of this name, any case.
    pub(super) fn first(&self, name: &str) -> Option<Cow<'a, [u8]>> {
        self.named(name).next().map(|field| field.unfolded())
    }

    /// All fields of this name, any case.
    pub(super) fn named(&self, name: &str) -> impl Iterator<Item = &Field<'a>> {
        self.all.iter().filter(move |field| field.name.eq_ignore_ascii_case(name.as_bytes()))
    }
}

/// The line that starts at `at`, its end included.
pub(super) fn line_at(bytes: &[u8], at: usize) -> &[u8] {
    let rest = &bytes[at..];
    memchr::memchr(b'\n', rest).map_or(rest, |end| &rest[..=end])
}

/// A line without LF or CR LF.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// Length of the field name in front of the colon; white space before the colon is RFC 5322 §4.5's. A mbox `From ` line has
/// none.
fn name_length(line: &[u8]) -> Option<usize> {
    let end = line.iter().position(|b| !(0x21..=0x7E).contains(b) || *b == b':')?;
    let gap = line[end..].iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    (end > 0 && line.get(end + gap) == Some(&b':')).then_some(end)
}

/// Index behind the first colon.
fn colon(line: &[u8]) -> usize {
    memchr::memchr(b':', line).map_or(line.len(), |at| at + 1)
}

/// Where the folded lines of a field end (RFC 5322 §2.2.3). A line of white space alone that is followed by more text is
/// still a fold (§4.2); before the end of the header it is the empty line that separates the body.
fn folded_end(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\t')) {
        at += line_at(bytes, at).len();
    }
    at
}

/// Whether a line that is no field stands *inside* the header: it is an mbox `From ` line at the top, a white-space fold, or a field
/// follows it at once.
fn is_stray(fields: &Fields<'_>, line: &[u8], bytes: &[u8], next: usize) -> bool {
    if matches!(line[0], b' ' | b'\t') {
        return !fields.all.is_empty() || next < bytes.len();
    }
    if fields.all.is_empty() && (line.starts_with(b"From ") || line.starts_with(b">From ")) {
        return true;
    }
    !fields.all.is_empty() && next < bytes.len() && is_known(line_at(bytes, next))
}

/// Whether a line begins with the name of a field that mails commonly have.
fn is_known(line: &[u8]) -> bool {
    const KNOWN: &[&str] = &[
        "from",
        "to",
        "cc",
        "subject",
        "date",
        "message-id",
        "in-reply-to",
        "references",
        "reply-to",
        "sender",
        "received",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
        "content-id",
        "return-path",
        "delivered-to",
        "dkim-signature",
        "list-id",
        "precedence",
        "auto-submitted",
        "user-agent",
    ];
    let Some(length) = name_length(line) else { return false };
    let name = &line[..length];
    name.to_ascii_lowercase().starts_with(b"x-")
        || KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(raw: &str) -> (String, usize) {
        let (fields, end) = Fields::read(raw.as_bytes());
        let all: Vec<String> = fields
            .all
            .iter()
            .map(|f| {
                format!("{}={}", String::from_utf8_lossy(f.name), String::from_utf8_lossy(&f.unfolded()))
            })
            .collect();
        (all.join("|"), end)
    }

    /// RFC 5322 §2.2 and §2.2.3 with the obsolete forms of §4.5.
    #[test]
    fn finds_fields_and_the_body() {
        for (raw, fields, body) in [
            ("A: 1\r\nB: 2\r\n 3\r\n\r\nbody", "A=1|B=2 3", "body"),
            ("A: 1\nB : 2\n\nbody", "A=1|B=2", "body"),
            ("From x@y Mon\nA: 1\n\nbody", "A=1", "body"),
            ("A: 1\nno field\nSubject: x\n\nbody", "A=1|Subject=x", "body"),
            ("A: 1\nHello you\nthere", "A=1", "Hello you\nthere"),
            ("Hello you\nthere", "", "Hello you\nthere"),
            ("A: 1", "A=1", ""),
            ("\nbody", "", "body"),
        ] {
            let (found, end) = shown(raw);
            assert_eq!((found.as_str(), &raw[end..]), (fields, body), "{raw:?}");
        }
    }
}
