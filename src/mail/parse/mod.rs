//! RFC 5322 and MIME, read. Total: any bytes give a [`ParsedMail`] and a list of defects (invariant 3).

mod addresses;
mod body;
mod charset;
mod codepages;
mod cyrillic;
mod enriched;
mod fields;
mod guess;
mod johab;
mod mime;
mod names;
mod params;
mod stateful;
mod tnef;
mod transfer;
mod words;

use crate::model::{Address, MessageId, Timestamp};
use body::Content;
use fields::Fields;

/// More addresses than this of all fields of one name are not kept.
const MAX_ADDRESSES: usize = 1_000;
/// More Message-IDs than this of one field are not kept.
const MAX_IDS: usize = 1_000;

/// A header field in the order of the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Field name as written.
    pub name: String,
    /// Value: unfolded, encoded words decoded (RFC 2047), charset guessed where raw 8-bit, trimmed.
    pub value: String,
}

/// A part that is not body text (MAIL.md §1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Base name, decoded, without path parts, control or bidi characters, at most 255 octets; `None` when unnamed.
    pub filename: Option<String>,
    /// `type/subtype`, lower case; `application/octet-stream` when absent or broken.
    pub content_type: String,
    /// `Content-Disposition: inline`, or referred to by `cid:` in the HTML part.
    pub inline: bool,
    /// `Content-ID` without brackets.
    pub content_id: Option<String>,
    /// Transfer encoding undone; otherwise the bytes as sent.
    pub content: Vec<u8>,
}

/// What a mail says, as far as it can be read.
#[derive(Debug, Clone, Default)]
pub struct ParsedMail {
    /// Top-level header fields, in order.
    pub headers: Vec<Header>,
    /// Addresses of every `From` field. More than one field or address: nobody is believed (CHECKLIST §4).
    pub from: Vec<Address>,
    /// How many `From` fields there are; well-formed mail has one.
    pub from_fields: usize,
    /// Whether the address in `From` is not what stands there: it was decoded, cleaned, or chosen among several. Others may
    /// read another one.
    pub from_repaired: bool,
    /// `Reply-To` addresses.
    pub reply_to: Vec<Address>,
    /// `To` addresses.
    pub to: Vec<Address>,
    /// `Cc` addresses.
    pub cc: Vec<Address>,
    /// First `Subject`, decoded, white space runs collapsed, control characters removed; empty when absent.
    pub subject: String,
    /// First `Message-ID`.
    pub message_id: Option<MessageId>,
    /// `In-Reply-To`, in order.
    pub in_reply_to: Vec<MessageId>,
    /// `References`, oldest first.
    pub references: Vec<MessageId>,
    /// `Date`, where it can be read.
    pub date: Option<Timestamp>,
    /// The whole text: text parts joined, or made from the HTML when they are empty or a stub. `\n` line ends.
    pub text: String,
    /// Whether `text` was made from the HTML part.
    pub text_from_html: bool,
    /// The HTML part(s) as sent, decoded, not sanitised.
    pub html: Option<String>,
    /// Parts that are not body text, in order of appearance. The index is stable: it is how stored rows find bytes.
    pub attachments: Vec<Attachment>,
    /// Top-level `type/subtype`, lower case (`text/plain` when absent), for judging kinds.
    pub content_type: String,
    /// Number of `Received` fields.
    pub hops: usize,
    /// What is wrong with the mail, a few words each: `charset us-ascii with 8-bit bytes`.
    pub defects: Vec<String>,
    /// Whether bytes were repaired or replaced to get text (`charset_repaired`).
    pub charset_repaired: bool,
}

impl ParsedMail {
    /// Whether the structure is broken. Fields that are merely absent, and charsets that were repaired, break nothing.
    pub fn is_damaged(&self) -> bool {
        let harmless = |defect: &&String| defect.starts_with(ABSENT) || self.charset_repaired;
        !self.defects.iter().all(|defect| harmless(&defect))
    }

    /// Value of the first field of this name (any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    }

    /// Values of all fields of this name (any case), in order.
    pub fn header_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    }

    /// The one address that may speak for the mail: the only one of the only `From` field, as it is written there.
    pub fn sole_from(&self) -> Option<&Address> {
        match (self.from_fields, self.from.as_slice()) {
            (1, [one]) if !self.from_repaired => Some(one),
            _ => None,
        }
    }
}

/// Reads a mail. Never fails; what surprised it stands in `defects`.
pub fn parse(raw: &[u8]) -> ParsedMail {
    let raw = without_preamble(raw);
    let (root, defects) = mime::read(raw);
    let content = Content::of(&root);
    let charset = root.content_type.raw("charset").map(std::borrow::Cow::into_owned);
    let mut mail = ParsedMail { defects, ..header(&root.fields, charset.as_deref()) };
    (mail.text, mail.text_from_html) = content.text();
    mail.html = content.html();
    mail.charset_repaired = content.repaired;
    mail.attachments = content.attachments;
    root.kind().clone_into(&mut mail.content_type);
    mail.defects.extend(content.defects);
    note_header_defects(&root.fields, &mut mail);
    mail
}

/// The attachment at this position of [`ParsedMail::attachments`], read from the mail again.
pub fn attachment(raw: &[u8], index: usize) -> Option<Attachment> {
    let (root, _) = mime::read(without_preamble(raw));
    Content::of(&root).attachments.into_iter().nth(index)
}

/// The base name of a file, made harmless: no path, no control or bidirectional characters, at most 255 octets; `None`
/// when nothing is left.
pub fn file_name(text: &str) -> Option<String> {
    names::filename(text)
}

/// The file name in a `Content-Disposition` value (RFC 2183, RFC 6266), made harmless.
pub fn file_name_of(disposition: &[u8]) -> Option<String> {
    file_name(&params::Params::read(disposition).text("filename")?)
}

/// The bytes of the header as sent, the empty line that ends it left out.
pub fn header_bytes(raw: &[u8]) -> &[u8] {
    let (_, length) = Fields::read(raw);
    &raw[..length]
}

/// Number of `Received` fields, without reading the rest: cheap enough for the SMTP door's loop check.
pub fn count_hops(raw: &[u8]) -> usize {
    let mut hops = 0;
    let mut at = 0;
    while at < raw.len() {
        let line = fields::line_at(raw, at);
        if fields::without_end(line).is_empty() && at > 0 {
            break;
        }
        let name = line.get(..8).unwrap_or_default();
        if name.eq_ignore_ascii_case(b"received") && line[8..].trim_ascii_start().starts_with(b":") {
            hops += 1;
        }
        at += line.len();
    }
    hops
}

/// The decoded subject of a mail, for naming it.
pub(crate) fn subject_of(raw: &[u8]) -> String {
    let (fields, _) = Fields::read(without_preamble(raw));
    fields.first("subject").map(|value| names::readable(&words::decode(&value, None))).unwrap_or_default()
}

/// A byte order mark and empty lines in front of the first field are no part of the mail.
fn without_preamble(raw: &[u8]) -> &[u8] {
    let raw = raw.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(raw);
    let start = raw.iter().take(64).position(|b| !matches!(b, b'\r' | b'\n')).unwrap_or(0);
    let (fields, _) = if start > 0 { Fields::read(&raw[start..]) } else { return raw };
    if fields.all.is_empty() { raw } else { &raw[start..] }
}

fn header(fields: &Fields<'_>, charset: Option<&[u8]>) -> ParsedMail {
    let decoded = |name: &str| fields.first(name).map(|value| words::decode(&value, charset).into_owned());
    let addresses = |name: &str| {
        let all = fields.named(name).flat_map(|field| addresses::read(&field.unfolded(), charset));
        all.take(MAX_ADDRESSES).collect::<Vec<Address>>()
    };
    let ids = |name: &str| decoded(name).map(|value| message_ids(&value)).unwrap_or_default();
    let from = addresses("from");
    let repaired = |value: &[u8]| from.iter().any(|address| !addresses::is_plain(value, &address.email));
    ParsedMail {
        from_repaired: fields.named("from").any(|field| repaired(&field.unfolded())),
        headers: fields.all.iter().map(|field| readable_header(field, charset)).collect(),
        from_fields: fields.named("from").count(),
        from,
        reply_to: addresses("reply-to"),
        to: addresses("to"),
        cc: addresses("cc"),
        subject: decoded("subject").map(|value| names::readable(&value)).unwrap_or_default(),
        message_id: ids("message-id").into_iter().next(),
        in_reply_to: ids("in-reply-to"),
        references: ids("references"),
        date: decoded("date").and_then(|value| date(&value)),
        hops: fields.named("received").count(),
        ..ParsedMail::default()
    }
}

fn readable_header(field: &fields::Field<'_>, charset: Option<&[u8]>) -> Header {
    let value = field.unfolded();
    let mut value = words::decode(&value, charset).into_owned();
    if value.bytes().any(|b| b.is_ascii_control() && b != b'\t') {
        value = value.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
    }
    let trimmed = value.trim();
    if trimmed.len() < value.len() {
        value = trimmed.to_owned();
    }
    Header { name: String::from_utf8_lossy(field.name).into_owned(), value }
}

/// Ids in angle brackets; where there are none, words that look like ids.
fn message_ids(value: &str) -> Vec<MessageId> {
    let bracketed: Vec<MessageId> = value
        .split('<')
        .skip(1)
        .filter_map(|rest| rest.split_once('>'))
        .filter_map(|(id, _)| MessageId::new(id))
        .take(MAX_IDS)
        .collect();
    if !bracketed.is_empty() {
        return bracketed;
    }
    let words = value.split([' ', '\t', ',']).filter(|word| word.contains('@'));
    words.filter_map(MessageId::new).take(MAX_IDS).collect()
}

/// RFC 5322 §3.3 with its obsolete forms, or RFC 3339.
fn date(value: &str) -> Option<Timestamp> {
    if let Ok(date) = chrono::DateTime::parse_from_rfc2822(value) {
        return Some(Timestamp(date.timestamp_millis()));
    }
    let date = mail_parser::DateTime::parse_rfc822(value)
        .or_else(|| mail_parser::DateTime::parse_rfc3339(value))
        .filter(mail_parser::DateTime::is_valid)?;
    Some(Timestamp(date.to_timestamp() * 1_000))
}

/// How the defect of a missing field begins.
const ABSENT: &str = "no readable ";

fn note_header_defects(fields: &Fields<'_>, mail: &mut ParsedMail) {
    let missing = [
        ("From", mail.from_fields == 0),
        ("Message-ID", mail.message_id.is_none()),
        ("Date", mail.date.is_none()),
    ];
    let absent = missing.iter().filter(|(_, is)| *is).map(|(name, _)| format!("{ABSENT}{name}"));
    mail.defects.extend(absent);
    if mail.from_fields > 1 || mail.from.len() > 1 {
        mail.defects.push("more than one From".to_owned());
    }
    if fields.broken {
        mail.defects.push("broken header lines".to_owned());
    }
}

#[cfg(test)]
mod tests;
