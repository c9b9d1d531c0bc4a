//! The tree of parts (RFC 2046 §5), found in one pass over the lines. Nested multiparts end at the boundary of any that
//! surrounds them, as RFC 2046 §5.1.2 asks; messages in the mail are leaves, kept whole.

use std::borrow::Cow;

use memchr::memmem;

use super::fields::{Fields, line_at, without_end};
use super::params::Params;
use super::transfer::Transfer;

/// Multiparts deeper than this are leaves.
const MAX_DEPTH: usize = 40;
/// Parts beyond these are not split off any more.
const MAX_PARTS: usize = 2_000;

/// A part: a leaf with bytes, or a multipart with children.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Its header.
    pub fields: Fields<'a>,
    /// `Content-Type`; its value is what the part counts as, after defaults.
    pub content_type: Params,
    /// `Content-Disposition`.
    pub disposition: Params,
    /// The bytes as sent, without header.
    pub body: &'a [u8],
    /// Children of a multipart; empty for a leaf.
    pub children: Vec<Part<'a>>,
}

impl<'a> Part<'a> {
    /// Content with the transfer encoding undone.
    pub(super) fn content(&self) -> Cow<'a, [u8]> {
        self.transfer().undo(self.body)
    }

    fn transfer(&self) -> Transfer {
        self.fields
            .first("content-transfer-encoding")
            .map_or(Transfer::Opaque, |value| Transfer::named(&value))
    }

    /// `type/subtype`, lower case.
    pub(super) fn kind(&self) -> &str {
        &self.content_type.value
    }

    /// Whether `Content-Disposition` says `attachment`.
    pub(super) fn is_attached(&self) -> bool {
        self.disposition.value == "attachment"
    }

    /// File name as written, decoded.
    pub(super) fn name(&self) -> Option<String> {
        self.disposition
            .text("filename")
            .or_else(|| self.content_type.text("name"))
            .filter(|name| !name.is_empty())
    }
}

/// Reads the tree of a mail, and says what is wrong with it.
pub(super) fn read(raw: &[u8]) -> (Part<'_>, Vec<String>) {
    let mut walker = Walker { raw, at: 0, parts: 0, open: Vec::new(), defects: Vec::new() };
    let (part, _) = walker.part("text/plain");
    (part, walker.defects)
}

/// Why reading a body stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Stop {
    /// The mail ends.
    End,
    /// A boundary line of the `level`th open multipart; `closing` when it ends that.
    Boundary { level: usize, closing: bool },
}

struct Walker<'a> {
    raw: &'a [u8],
    at: usize,
    parts: usize,
    /// Boundaries of the multiparts around here, outermost first.
    open: Vec<Vec<u8>>,
    defects: Vec<String>,
}

impl<'a> Walker<'a> {
    /// Reads a header and all that belongs to it, up to and with the boundary line that ends it.
    fn part(&mut self, default_type: &str) -> (Part<'a>, Stop) {
        self.parts += 1;
        let start = self.at;
        let (header_end, stop_in_header) = self.header_end();
        let (fields, length) = Fields::read(&self.raw[start..header_end]);
        let mut part = new_part(fields, default_type);
        if let Some(stop) = stop_in_header {
            part.body = without_end(&self.raw[start + length..header_end]);
            return (part, stop);
        }
        self.at = start + length;
        let stop = match boundary_of(&part) {
            Some(boundary) if self.open.len() < MAX_DEPTH => self.children(&mut part, boundary),
            Some(_) => self.leaf(&mut part, "nested too deep"),
            None if part.kind().starts_with("multipart/") => {
                self.leaf(&mut part, "multipart without boundary")
            }
            None => self.leaf(&mut part, ""),
        };
        (part, stop)
    }

    /// Where the header ends at the latest: behind the first empty line, or in front of a boundary line that comes before.
    fn header_end(&mut self) -> (usize, Option<Stop>) {
        let mut at = self.at;
        while at < self.raw.len() {
            let line = line_at(self.raw, at);
            if without_end(line).is_empty() {
                return (at + line.len(), None);
            }
            if let Some((end, stop)) = self.boundary_at(at, self.raw.len()) {
                return (end, Some(stop));
            }
            at += line.len();
        }
        (at, None)
    }

    fn leaf(&mut self, part: &mut Part<'a>, defect: &str) -> Stop {
        if !defect.is_empty() {
            self.defect(defect);
        }
        let start = self.at;
        let (end, stop) = self.seek(self.raw.len());
        part.body = &self.raw[start..end.max(start)];
        stop
    }

    /// Reads a multipart. Without any part in it, all of it is its body.
    fn children(&mut self, part: &mut Part<'a>, boundary: Vec<u8>) -> Stop {
        let start = self.at;
        let level = self.open.len();
        let default_type = if part.kind() == "multipart/digest" { "message/rfc822" } else { "text/plain" };
        self.open.push(boundary);
        let (mut end, mut stop) = self.seek(self.raw.len());
        while stop == (Stop::Boundary { level, closing: false }) && self.parts < MAX_PARTS {
            let child_start = self.at;
            let (child, next) = self.part(default_type);
            if !(child.body.is_empty() && child.fields.all.is_empty() && child.children.is_empty()) {
                part.children.push(child);
            }
            (end, stop) = (self.at.max(child_start), next);
        }
        self.open.truncate(level);
        if self.parts >= MAX_PARTS && stop == (Stop::Boundary { level, closing: false }) {
            self.defect("too many parts");
        }
        if part.children.is_empty() {
            self.defect("multipart without parts");
            part.body = &self.raw[start..end.max(start)];
        } else {
            part.body = &self.raw[start..self.at.max(start)];
        }
        match stop {
            Stop::Boundary { level: at, .. } if at == level => self.seek(self.raw.len()).1,
            other => {
                self.defect("multipart without end");
                other
            }
        }
    }

    /// Goes behind the next boundary line of any open multipart, at most to `limit`; gives where the text before it ends.
    fn seek(&mut self, limit: usize) -> (usize, Stop) {
        let start = self.at;
        if !self.open.is_empty() {
            let at_line_start = start == 0 || self.raw[start - 1] == b'\n';
            if at_line_start && let Some(found) = self.boundary_at(start, limit) {
                return found;
            }
            let mut from = start;
            while let Some(found) = memmem::find(&self.raw[from..limit], b"\n--") {
                let line = from + found + 1;
                if let Some((_, stop)) = self.boundary_at(line, limit) {
                    let crlf = line >= start + 2 && self.raw[line - 2] == b'\r';
                    return (line - 1 - usize::from(crlf), stop);
                }
                from = line;
            }
        }
        self.at = limit;
        (limit, Stop::End)
    }

    fn boundary_at(&mut self, line_start: usize, limit: usize) -> Option<(usize, Stop)> {
        if self.open.is_empty() || line_start >= limit || !self.raw[line_start..].starts_with(b"--") {
            return None;
        }
        let line = line_at(self.raw, line_start);
        let text = without_end(line)[2..].trim_ascii_end();
        let found = self.open.iter().enumerate().rev().find_map(|(level, boundary)| {
            match text.strip_prefix(&boundary[..]) {
                Some(b"") => Some(Stop::Boundary { level, closing: false }),
                Some(b"--") => Some(Stop::Boundary { level, closing: true }),
                _ => None,
            }
        })?;
        self.at = line_start + line.len();
        Some((line_start, found))
    }

    fn defect(&mut self, what: &str) {
        if self.defects.len() < 20 && !self.defects.iter().any(|known| known == what) {
            self.defects.push(what.to_owned());
        }
    }
}

fn new_part<'a>(fields: Fields<'a>, default_type: &str) -> Part<'a> {
    let disposition =
        fields.first("content-disposition").map(|value| Params::read(&value)).unwrap_or_default();
    let mut content_type = fields.first("content-type").map(|value| Params::read(&value)).unwrap_or_default();
    if !is_type(&content_type.value) {
        let named = disposition.text("filename").is_some() || content_type.text("name").is_some();
        let broken = !content_type.value.is_empty();
        content_type.value = match content_type.value.as_str() {
            "text" | "text/" | "plain" => "text/plain",
            "html" => "text/html",
            _ if named || disposition.value == "attachment" => "application/octet-stream",
            _ if broken => "text/plain",
            _ => default_type,
        }
        .to_owned();
    }
    Part { fields, content_type, disposition, body: b"", children: Vec::new() }
}

/// Whether this is `type/subtype` of token characters.
fn is_type(value: &str) -> bool {
    let token = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
    };
    value.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

fn boundary_of(part: &Part<'_>) -> Option<Vec<u8>> {
    if !part.kind().starts_with("multipart/") {
        return None;
    }
    let boundary = part.content_type.raw("boundary")?.trim_ascii_end().to_vec();
    (!boundary.is_empty()).then_some(boundary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(part: &Part<'_>) -> String {
        if part.children.is_empty() {
            return format!("{}[{}]", part.kind(), String::from_utf8_lossy(part.body).replace("\r\n", "|"));
        }
        let children: Vec<String> = part.children.iter().map(shown).collect();
        format!("{}({})", part.kind(), children.join(" "))
    }

    fn mail(boundary: &str, body: &str) -> String {
        format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\n{body}").replace('\n', "\r\n")
    }

    /// RFC 2046 §5.1.1 (a boundary that another begins with, an outer one that ends an inner part) and §5.2.1.
    #[test]
    fn finds_the_parts() {
        for (raw, tree) in [
            ("Subject: x\r\n\r\nhello".to_owned(), "text/plain[hello]"),
            (
                mail("b", "pre\n--b\n\none\n--b\nContent-Type: image/png\n\ntwo\n--b--\npost"),
                "multipart/mixed(text/plain[one] image/png[two])",
            ),
            (
                mail("b", "--b\n\none\n--bb\n--b  \n\ntwo"),
                "multipart/mixed(text/plain[one|--bb] text/plain[two])",
            ),
            (mail("b", "no parts"), "multipart/mixed[no parts]"),
            (mail("b", "--b\n--b\n\none\n--b--"), "multipart/mixed(text/plain[one])"),
            (
                mail(
                    "b",
                    "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nin\n--b\n\nout\n--b--",
                ),
                "multipart/mixed(multipart/alternative(text/plain[in]) text/plain[out])",
            ),
            (
                mail(
                    "b",
                    "--b\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nin\n--x--\n--b--",
                ),
                "multipart/mixed(message/rfc822[Content-Type: multipart/mixed; boundary=x||--x||in|--x--])",
            ),
            (
                mail("b", "--b\nContent-Type: text/plain\n--b\n\ntwo\n--b--"),
                "multipart/mixed(text/plain[] text/plain[two])",
            ),
            ("Content-Type: multipart/mixed\r\n\r\nhello".to_owned(), "multipart/mixed[hello]"),
            ("Content-Type: rubbish\r\n\r\nhello".to_owned(), "text/plain[hello]"),
        ] {
            assert_eq!(shown(&read(raw.as_bytes()).0), tree, "{raw}");
        }
    }
}
