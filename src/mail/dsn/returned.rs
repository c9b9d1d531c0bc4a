//! The mail that a report gives back, or its headers.

use mail_parser::MessageParser;

use super::super::parse::ParsedMail;
use super::fields;
use crate::model::MessageId;

/// Headers are read from no more than this.
const MAX_HEADERS: usize = 64 * 1024;

/// What the returned headers say.
#[derive(Debug, Default)]
pub(super) struct Returned {
    pub message_id: Option<MessageId>,
    /// Addresses of `To`, lower case.
    pub to: Vec<String>,
}

/// From the parts that carry them, else from the end of the text.
pub(super) fn read(mail: &ParsedMail) -> Returned {
    let part = mail.attachments.iter().find(|part| {
        let kind = part.content_type.as_str();
        matches!(kind, "message/rfc822" | "text/rfc822-headers" | "text/rfc822-header" | "message/global")
            || matches!(kind, "message/global-headers" | "message/rfc822-headers" | "message/partial")
    });
    match part {
        Some(part) => from_bytes(&part.content),
        None => from_text(&mail.text),
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
    let mut to = Vec::new();
    for (name, value) in mail.headers_raw() {
        if name.eq_ignore_ascii_case("to") || name.eq_ignore_ascii_case("x-original-to") {
            to.extend(fields::addresses(value));
        }
    }
    Returned { message_id: mail.message_id().and_then(MessageId::new), to }
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
    const PHRASES: [&str; 20] = [
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
        "unsent message",
        "message header",
        "headers of the message",
        "text of your message",
        "copy of the original",
        "message follows",
        "original mail follows",
        "original headers",
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
