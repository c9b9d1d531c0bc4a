//! What of the tree is body text, and what is an attachment (MAIL.md §1.5).

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::enriched;
use super::guess::{self, Reading};
use super::mime::Part;
use super::{Attachment, names, tnef};
use crate::mail::{html, parse};

/// Plain parts longer than this are no stubs, whatever they say.
const MAX_STUB: usize = 400;

/// What programs write into the text part when they have nothing to say in it.
static STUB: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\bhtml\b|view (this|the) (e-?mail|message|newsletter)|online version|web ?version|in (your|a) browser")
        .expect("a valid pattern")
});

/// A piece of body text.
#[derive(Debug)]
enum Piece {
    Text(String),
    Html(String),
    /// The same in two forms: `multipart/alternative`.
    Either {
        text: String,
        html: String,
    },
}

/// All that a tree of parts says.
#[derive(Debug, Default)]
pub(super) struct Content {
    pieces: Vec<Piece>,
    /// Parts that are not body text.
    pub attachments: Vec<Attachment>,
    /// Whether some charset was guessed or some byte replaced.
    pub repaired: bool,
    /// What is wrong with it.
    pub defects: Vec<String>,
}

impl Content {
    /// Walks the tree.
    pub(super) fn of(root: &Part<'_>) -> Self {
        let mut content = Self::default();
        content.add(root, true);
        content.mark_inline();
        content
    }

    /// The whole text, and whether it was made from HTML alone.
    pub(super) fn text(&self) -> (String, bool) {
        let mut from_html = true;
        let mut out = String::new();
        for piece in &self.pieces {
            let text = match piece {
                Piece::Text(text) => {
                    from_html &= text.trim().is_empty();
                    Cow::Borrowed(text)
                }
                Piece::Html(html) => Cow::Owned(html::to_text(html)),
                Piece::Either { text, html } => match better_text(text, html) {
                    Some(made) => Cow::Owned(made),
                    None => {
                        from_html = false;
                        Cow::Borrowed(text)
                    }
                },
            };
            if !out.is_empty() && !text.trim().is_empty() && !out.ends_with('\n') {
                out.push('\n');
            }
            out.push_str(&text);
        }
        let from_html = from_html && self.has_html();
        (out, from_html)
    }

    /// The HTML as sent; text parts that stand beside it in the mail are set as HTML between, so that neither view lacks
    /// anything.
    pub(super) fn html(&self) -> Option<String> {
        if !self.has_html() {
            return None;
        }
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Html(html) | Piece::Either { html, .. } => out.push_str(html),
                Piece::Text(text) if text.trim().is_empty() => {}
                Piece::Text(text) => out.push_str(&format!("<div>{}</div>", html::from_text(text))),
            }
        }
        Some(out)
    }

    fn has_html(&self) -> bool {
        self.pieces.iter().any(|piece| !matches!(piece, Piece::Text(_)))
    }

    fn add(&mut self, part: &Part<'_>, is_root: bool) {
        if part.kind() == "multipart/alternative" && !part.children.is_empty() {
            return self.add_alternatives(part);
        }
        for child in &part.children {
            self.add(child, false);
        }
        if part.children.is_empty() {
            self.add_leaf(part, is_root);
        }
    }

    fn add_alternatives(&mut self, part: &Part<'_>) {
        let before = self.pieces.len();
        for child in &part.children {
            self.add(child, false);
        }
        let (mut texts, mut htmls) = (Vec::new(), Vec::new());
        for piece in self.pieces.split_off(before) {
            match piece {
                Piece::Text(text) => texts.push(text),
                Piece::Html(html) => htmls.push(html),
                Piece::Either { text, html } => {
                    texts.push(text);
                    htmls.push(html);
                }
            }
        }
        let (text, html) = (texts.join("\n"), htmls.join("\n"));
        match (texts.is_empty(), htmls.is_empty()) {
            (true, true) => {}
            (false, true) => self.pieces.push(Piece::Text(text)),
            (true, false) => self.pieces.push(Piece::Html(html)),
            (false, false) => self.pieces.push(Piece::Either { text, html }),
        }
    }

    fn add_leaf(&mut self, part: &Part<'_>, is_root: bool) {
        match body_kind(part, is_root) {
            Some(BodyKind::Text) => {
                let text = self.text_of(part);
                self.pieces.push(Piece::Text(text));
            }
            Some(BodyKind::Html) => {
                let html = self.text_of(part);
                self.pieces.push(Piece::Html(html));
            }
            None => self.add_attachment(part),
        }
    }

    fn text_of(&mut self, part: &Part<'_>) -> String {
        let content = part.content();
        let charset = part.content_type.raw("charset").or_else(|| meta_charset(part, &content));
        let (text, reading) = guess::text(&content, charset.as_deref());
        if reading == Reading::Repaired {
            self.repaired = true;
            let declared = charset.as_deref().map_or("no charset".into(), String::from_utf8_lossy);
            self.defects.push(format!("{} with bytes of another", names::readable(&declared)));
        }
        let text = with_plain_line_ends(&text);
        match part.kind() {
            "text/enriched" => enriched::to_plain(&text, false),
            "text/richtext" => enriched::to_plain(&text, true),
            _ => text,
        }
    }

    fn add_attachment(&mut self, part: &Part<'_>) {
        let content = part.content();
        let name = part.name();
        let is_tnef = part.kind().ends_with("/ms-tnef") || part.kind().ends_with("/vnd.ms-tnef");
        if (is_tnef || name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat")))
            && let Some(opened) = tnef::open(&content).filter(|opened| self.gains_from(opened))
        {
            return self.add_opened(opened);
        }
        let filename = match name.as_deref().and_then(names::filename) {
            Some(name) if is_message(part.kind()) && !name.contains('.') => {
                names::filename(&format!("{name}.eml"))
            }
            Some(name) => Some(name),
            None => given_name(part, &content),
        };
        self.attachments.push(Attachment {
            filename,
            content_type: part.kind().to_owned(),
            inline: part.disposition.value == "inline",
            content_id: part.fields.first("content-id").and_then(|value| content_id(&value)),
            content: content.into_owned(),
        });
    }

    /// Whether a `winmail.dat` says anything new: one of formatting alone stays the file that it is.
    fn gains_from(&self, opened: &tnef::Opened) -> bool {
        !opened.files.is_empty() || !self.has_text()
    }

    fn has_text(&self) -> bool {
        self.pieces.iter().any(|piece| match piece {
            Piece::Text(text) => !text.trim().is_empty(),
            Piece::Html(_) | Piece::Either { .. } => true,
        })
    }

    /// Files and text of a `winmail.dat`; its text counts only where the mail has none of its own.
    fn add_opened(&mut self, opened: tnef::Opened) {
        if !self.has_text() {
            self.pieces.extend(opened.html.map(Piece::Html).or(opened.text.map(Piece::Text)));
        }
        self.attachments.extend(opened.files);
    }

    /// Parts that the HTML shows by `cid:` are inline, whatever their disposition says.
    fn mark_inline(&mut self) {
        let shown: HashSet<Cow<'_, str>> = self
            .pieces
            .iter()
            .filter_map(|piece| match piece {
                Piece::Html(html) | Piece::Either { html, .. } => Some(html::content_ids(html)),
                Piece::Text(_) => None,
            })
            .flatten()
            .map(|(_, id)| id)
            .collect();
        for attachment in &mut self.attachments {
            attachment.inline |= attachment.content_id.as_deref().is_some_and(|id| shown.contains(id));
        }
    }
}

enum BodyKind {
    Text,
    Html,
}

/// Whether a leaf is text to show. A text with a file name is a file, unless it is all there is.
fn body_kind(part: &Part<'_>, is_root: bool) -> Option<BodyKind> {
    if part.is_attached() || (!is_root && part.name().is_some()) {
        return None;
    }
    match part.kind() {
        "text/html" => Some(BodyKind::Html),
        "text/plain" | "text/enriched" | "text/richtext" | "text/markdown" | "text/x-markdown" => {
            Some(BodyKind::Text)
        }
        kind if kind.starts_with("multipart/") => Some(BodyKind::Text),
        _ => None,
    }
}

/// The charset that an HTML part names inside, where its header names none and it is no UTF-8.
fn meta_charset(part: &Part<'_>, content: &[u8]) -> Option<Cow<'static, [u8]>> {
    const MAX_HEAD: usize = 4_096;
    if part.kind() != "text/html" || std::str::from_utf8(content).is_ok() {
        return None;
    }
    let head = content[..content.len().min(MAX_HEAD)].to_ascii_lowercase();
    let value = &head[memchr::memmem::find(&head, b"charset=")? + b"charset=".len()..];
    let value = value.trim_ascii_start().strip_prefix(b"\"").unwrap_or(value);
    let end =
        value.iter().position(|b| !b.is_ascii_alphanumeric() && !b"-_:.".contains(b)).unwrap_or(value.len());
    Some(Cow::Owned(value[..end].to_vec()))
}

/// Text made from the HTML, where the text part is empty or a stub beside it.
fn better_text(text: &str, html: &str) -> Option<String> {
    let trimmed = text.trim();
    if trimmed.len() > MAX_STUB || (!trimmed.is_empty() && !STUB.is_match(trimmed)) {
        return None;
    }
    let made = html::to_text(html);
    let says_more = made.trim().len() > trimmed.len() && !made.contains(trimmed);
    (trimmed.is_empty() || says_more).then_some(made)
}

/// CR LF and lone CR become LF; NUL, which no database takes in text, becomes U+FFFD.
fn with_plain_line_ends(text: &str) -> String {
    if memchr::memchr2(b'\r', 0, text.as_bytes()).is_none() {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'\r', 0, rest.as_bytes()) {
        out.push_str(&rest[..at]);
        out.push(if rest.as_bytes()[at] == 0 { '\u{FFFD}' } else { '\n' });
        let crlf = rest[at..].starts_with("\r\n");
        rest = &rest[at + 1 + usize::from(crlf)..];
    }
    out.push_str(rest);
    out
}

/// Whether a part is a whole mail.
fn is_message(kind: &str) -> bool {
    matches!(kind, "message/rfc822" | "message/global")
}

/// A name for a part that has none: a mail's subject, `invite.ics` for an invitation.
fn given_name(part: &Part<'_>, content: &[u8]) -> Option<String> {
    match part.kind() {
        kind if is_message(kind) => {
            let subject = parse::subject_of(content);
            let subject: String =
                subject.chars().map(|c| if matches!(c, '/' | '\\') { '-' } else { c }).take(80).collect();
            Some(if subject.is_empty() {
                "message.eml".to_owned()
            } else {
                names::filename(&format!("{subject}.eml"))?
            })
        }
        "text/calendar" => Some("invite.ics".to_owned()),
        _ => None,
    }
}

/// `Content-ID` without brackets.
fn content_id(value: &[u8]) -> Option<String> {
    let text = names::readable(&String::from_utf8_lossy(value));
    let id = text.trim().trim_start_matches('<').trim_end_matches('>').trim();
    (!id.is_empty()).then(|| id.to_owned())
}
