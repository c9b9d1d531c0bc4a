//! RFC 5322 and MIME, read. Total: any bytes give a [`ParsedMail`] and a list of defects (invariant 3).

use crate::model::{Address, MessageId, Timestamp};

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
    /// Value of the first field of this name (any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    }

    /// Values of all fields of this name (any case), in order.
    pub fn header_all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers.iter().filter(move |h| h.name.eq_ignore_ascii_case(name)).map(|h| h.value.as_str())
    }

    /// The one address that may speak for the mail: the only one of the only `From` field.
    pub fn sole_from(&self) -> Option<&Address> {
        match (self.from_fields, self.from.as_slice()) {
            (1, [one]) => Some(one),
            _ => None,
        }
    }
}

/// Reads a mail. Never fails; what surprised it stands in `defects`.
pub fn parse(raw: &[u8]) -> ParsedMail {
    let _ = raw;
    ParsedMail::default()
}

/// Number of `Received` fields, without reading the rest: cheap enough for the SMTP door's loop check.
pub fn count_hops(raw: &[u8]) -> usize {
    let _ = raw;
    0
}
