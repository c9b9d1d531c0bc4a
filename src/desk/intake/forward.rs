//! A customer's mail that an agent forwards to the desk: who wrote it.

use std::sync::LazyLock;

use regex::Regex;

use crate::mail::parse::{self, ParsedMail};
use crate::mail::placement::is_forward_subject;
use crate::model::Address;

/// `From: Jo Doe <jo@example.org>` of an inline forward, in the words mail programs use for "From".
static FROM_LINE: LazyLock<Regex> = LazyLock::new(|| {
    let from = "From|Von|De|Da|Van|Fra|Från|Lähettäjä|Od|От|Від|Gönderen|Kimden|Από|Feladó|Expéditeur|差出人|发件人|寄件者|보낸 사람|من";
    let pattern = format!(
        r"(?mi)^[>\s*]*(?:{from})\s*[::]\**\s*(.*?)[\s<\[(]*(?:mailto:)?([^\s<>\[\]()]+@[^\s<>\[\]();,]+)"
    );
    Regex::new(&pattern).expect("a pattern of ours")
});

/// The original sender: of an attached `message/rfc822`, else of the first header block in the text. `None` when
/// the mail is no forward.
pub(super) fn original_sender(raw: &[u8]) -> Option<Address> {
    let mail = parse::parse(raw);
    attached(&mail).or_else(|| inline(&mail))
}

fn attached(mail: &ParsedMail) -> Option<Address> {
    let mut messages = mail.attachments.iter().filter(|a| a.content_type == "message/rfc822");
    match (messages.next(), messages.next()) {
        (Some(only), None) => parse::parse(&only.content).sole_from().cloned(),
        _ => None,
    }
}

fn inline(mail: &ParsedMail) -> Option<Address> {
    if !is_forward_subject(&mail.subject) {
        return None;
    }
    let found = FROM_LINE.captures(&mail.text)?;
    let name = found[1].trim().trim_matches(['"', '\'']).to_owned();
    Some(Address { name: Some(name).filter(|name| !name.is_empty()), email: found[2].to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_sender_is_found_in_the_text() {
        let mail = |subject: &str, text: &str| ParsedMail {
            subject: subject.into(),
            text: text.into(),
            ..ParsedMail::default()
        };
        for (subject, text, want) in [
            (
                "Fwd: Lost",
                "see below\n\n---\nFrom: Jo Doe <jo@example.org>\nTo: us\n",
                Some(("Jo Doe", "jo@example.org")),
            ),
            (
                "WG: Weg",
                "Von: \"Jo\" [mailto:jo@example.org]\nGesendet: heute",
                Some(("Jo", "jo@example.org")),
            ),
            ("Fwd: Lost", "> From: jo@example.org\n", Some(("", "jo@example.org"))),
            ("Lost", "From: jo@example.org\n", None),
            ("Fwd: Lost", "nothing here", None),
        ] {
            let found = inline(&mail(subject, text));
            let found = found.as_ref().map(|a| (a.name.as_deref().unwrap_or_default(), a.email.as_str()));
            assert_eq!(found, want, "{subject}: {text}");
        }
    }
}
