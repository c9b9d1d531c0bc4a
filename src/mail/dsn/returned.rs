//! The mail that a report gives back, or its headers.

use std::borrow::Cow;
use std::sync::LazyLock;

use mail_parser::MessageParser;
use regex::Regex;

use super::super::parse::{Attachment, ParsedMail};
use super::{DeliveryReport, fields};
use crate::model::MessageId;

/// Headers are read from no more than this.
const MAX_HEADERS: usize = 64 * 1024;
/// Reports are short; what stands further down is the mail given back.
const MAX_BODY: usize = 256 * 1024;

static NAMED_ID: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\bmessage[ -]?id\W{1,12}<([^<>\s]{3,250})>").expect("a constant pattern")
});

/// What the returned headers say.
#[derive(Debug, Default)]
pub(super) struct Returned {
    pub message_id: Option<MessageId>,
    /// `Return-Path`, where the last server wrote one.
    pub return_path: Option<String>,
    /// Addresses of `To` and its kin, lower case, no doubles.
    pub to: Vec<String>,
}

impl Returned {
    /// What a report knows from it alone.
    pub fn into_report(self) -> DeliveryReport {
        DeliveryReport {
            original_message_id: self.message_id,
            original_return_path: self.return_path,
            ..DeliveryReport::default()
        }
    }
}

/// From the parts that carry them, else from the end of the text.
pub(super) fn read(mail: &ParsedMail) -> Returned {
    match mail.attachments.iter().find(|part| is_returned(part)) {
        Some(part) => from_bytes(&part.content),
        None => from_text(&body(mail)),
    }
}

/// The Message-ID of the mail a report is about, where it is named in words (`Message-ID: <…>` somewhere in the text) or
/// answered, as some servers do.
pub(super) fn named_message_id(mail: &ParsedMail) -> Option<MessageId> {
    let body = body(mail);
    let named = NAMED_ID.captures(&body).and_then(|found| MessageId::new(&found[1]));
    named.or_else(|| mail.in_reply_to.first().cloned())
}

/// The text; of a mail whose parts can't be told apart, all of it.
pub(super) fn body(mail: &ParsedMail) -> Cow<'_, str> {
    let whole = mail.attachments.iter().find(|part| part.content_type.starts_with("multipart/"));
    match whole.filter(|_| mail.text.trim().is_empty()) {
        Some(part) => String::from_utf8_lossy(&part.content[..part.content.len().min(MAX_BODY)]),
        None => Cow::Borrowed(&mail.text[..mail.text.floor_char_boundary(MAX_BODY)]),
    }
}

fn is_returned(part: &Attachment) -> bool {
    match part.content_type.as_str() {
        "message/rfc822" | "message/global" | "message/partial" => true,
        "text/rfc822-headers"
        | "text/rfc822-header"
        | "message/rfc822-headers"
        | "message/global-headers" => true,
        "text/plain" => {
            let start = String::from_utf8_lossy(&part.content[..part.content.len().min(4096)]);
            start.lines().any(is_field_of_a_mail)
                && start.lines().find(|l| !l.is_empty()).is_some_and(is_field)
        }
        _ => false,
    }
}

/// The returned mail stands behind a line that says so, or begins with fields that only mails have.
pub(super) fn split(text: &str) -> (&str, &str) {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if is_field_of_a_mail(line) || is_separator(line) {
            return text.split_at(start);
        }
        start += line.len();
    }
    (text, "")
}

fn from_text(text: &str) -> Returned {
    let (_, rest) = split(text);
    let mail = rest.lines().skip_while(|line| !is_field(line)).collect::<Vec<_>>().join("\n");
    from_bytes(mail.as_bytes())
}

fn from_bytes(bytes: &[u8]) -> Returned {
    let start = bytes.iter().position(|b| !b.is_ascii_whitespace()).unwrap_or(bytes.len());
    let end = bytes.len().min(start + MAX_HEADERS);
    let Some(mail) = MessageParser::default().parse_headers(&bytes[start..end]) else {
        return Returned::default();
    };
    let (mut to, mut return_path) = (Vec::new(), None);
    for (name, value) in mail.headers_raw() {
        match name.to_ascii_lowercase().as_str() {
            "to" | "x-original-to" | "x-hmxmroriginalrecipient" => to.extend(fields::addresses(value)),
            "return-path" => return_path = return_path.or_else(|| fields::address(value)),
            _ => {}
        }
    }
    to.sort_unstable();
    to.dedup();
    Returned { message_id: mail.message_id().and_then(MessageId::new), return_path, to }
}

fn is_field(line: &str) -> bool {
    line.split_once(':').is_some_and(|(name, _)| {
        (2..60).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

fn is_field_of_a_mail(line: &str) -> bool {
    const NAMES: [&str; 6] =
        ["received", "return-path", "message-id", "mime-version", "dkim-signature", "delivered-to"];
    line.split_once(':')
        .is_some_and(|(name, _)| NAMES.contains(&name.trim_end().to_ascii_lowercase().as_str()))
}

/// `--- Below this line is a copy of the message.` and its many relatives: ruled, or a sentence of its own.
fn is_separator(line: &str) -> bool {
    const PHRASES: [&str; 24] = [
        "this is a copy of",
        "line is a copy of",
        "original message",
        "headers follow",
        "returned message",
        "returned mail follows",
        "header of the original",
        "copy of the message",
        "copy of your message",
        "message text follows",
        "original mail info",
        "original mail as follows",
        "unsent message",
        "message header",
        "headers of the message",
        "text of your message",
        "copy of the original",
        "message follows",
        "original mail follows",
        "original headers",
        "bounced e-mail",
        "bounced message",
        "start of returned",
        "undelivered message",
    ];
    let line = line.trim();
    if line.len() > 120 {
        return false;
    }
    let words = line.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let ruled = line.starts_with(['-', '=', '|', '*', '#', '_', '+']);
    let Some(phrase) = PHRASES.iter().find(|phrase| words.contains(*phrase)) else { return false };
    let says_so = words.ends_with("follow") || words.ends_with("follows") || words.ends_with("following");
    ruled
        || says_so
        || (words.starts_with("original message") && words.len() <= phrase.len() + 8)
        || words.starts_with("included is")
        || words.starts_with("below ")
        || words.starts_with("here is a copy")
}
