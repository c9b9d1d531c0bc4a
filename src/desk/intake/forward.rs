//! A customer's mail that an agent forwards to the desk: who wrote it.

use std::sync::LazyLock;

use regex::Regex;

use super::place::Placed;
use super::reading::Reading;
use super::{Decision, Desk, Result};
use crate::desk::files::no_room;
use crate::desk::notify::CustomerMessage;
use crate::mail::parse::{self, Attachment, ParsedMail};
use crate::mail::placement::is_forward_subject;
use crate::mail::quote;
use crate::model::*;
use crate::store::Tx;

/// `From: Jo Doe <jo@example.org>` of an inline forward, in the words mail programs use for "From".
static FROM_LINE: LazyLock<Regex> = LazyLock::new(|| {
    let from = "From|Von|De|Da|Van|Fra|Från|Lähettäjä|Od|От|Від|Gönderen|Kimden|Από|Feladó|Expéditeur|差出人|发件人|寄件者|보낸 사람|من";
    let pattern = format!(
        r"(?mi)^[>\s*]*(?:{from})\s*[::]\**\s*(.*?)[\s<\[(]*(?:mailto:)?([^\s<>\[\]()]+@[^\s<>\[\]();,]+)"
    );
    Regex::new(&pattern).expect("a pattern of ours")
});

/// A mail that was forwarded, as far as it can be told from its wrapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Forwarded {
    /// Who wrote it.
    pub from: Address,
    /// What the agent wrote above it.
    pub note: String,
    /// What it says.
    pub text: String,
    /// Its own subject and id, where it came as a whole.
    pub subject: Option<String>,
    pub message_id: Option<MessageId>,
    /// Its files, where it came as a whole; else they are the forward's own.
    pub files: Vec<Attachment>,
}

/// The mail in a forward: an attached `message/rfc822`, else what stands below the first header block of the text. `None`
/// when the mail is no forward. `written` is what the agent newly wrote.
pub(super) fn read(raw: &[u8], written: &str) -> Option<Forwarded> {
    let mail = parse::parse(raw);
    attached(&mail, written).or_else(|| inline(&mail))
}

fn attached(mail: &ParsedMail, written: &str) -> Option<Forwarded> {
    let mut messages = mail.attachments.iter().filter(|a| a.content_type == "message/rfc822");
    let (Some(only), None) = (messages.next(), messages.next()) else { return None };
    let inner = parse::parse(&only.content);
    Some(Forwarded {
        from: inner.sole_from()?.clone(),
        note: written.to_owned(),
        text: inner.text,
        subject: Some(inner.subject).filter(|subject| !subject.is_empty()),
        message_id: inner.message_id,
        files: inner.attachments,
    })
}

fn inline(mail: &ParsedMail) -> Option<Forwarded> {
    if !is_forward_subject(&mail.subject) {
        return None;
    }
    let found = FROM_LINE.captures(&mail.text)?;
    let name = found[1].trim().trim_matches(['"', '\'']).to_owned();
    let from = Address { name: Some(name).filter(|name| !name.is_empty()), email: found[2].to_owned() };
    let (note, text) = quote::at_forward(&mail.text).unwrap_or_else(|| (String::new(), mail.text.clone()));
    Some(Forwarded { from, note, text, subject: None, message_id: None, files: Vec::new() })
}

impl Desk {
    /// An agent handed a customer's mail on: its writer is the new ticket's requester. The desk mails them nothing by
    /// itself, for nobody has proved that they wrote it.
    pub(super) async fn file_forward(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        agent: &Agent,
        forwarded: Forwarded,
        placed: Placed,
    ) -> Result<Decision> {
        let sender = self.forwarded_sender(tx, forwarded.from.clone()).await?;
        let (contact, _) = self.known_contact(tx, mail, &sender).await?;
        let actor = sender.customer(&contact);
        let mut first = self.response_from(mail, &actor, placed.placement.clone(), &placed.flags);
        first.author_email = Some(sender.address.clone());
        first.body_format = BodyFormat::Text;
        first.body_text.clone_from(&forwarded.text);
        first.body_html = None;
        first.quoted_text = String::new();
        first.full_text = Some(mail.full_text.clone());
        first.message_id = forwarded.message_id.as_ref().map(|id| id.as_str().to_owned());
        (first.in_reply_to, first.refs) = (None, Vec::new());
        first.attachments.extend(self.keep_files(tx, &forwarded.files, mail).await?);
        let mut new = self.ticket_of_mail(mail, &sender, &placed, contact);
        new.subject = forwarded.subject.clone().unwrap_or(new.subject);
        let filed = self.open_ticket(tx, new, first, &actor).await?;
        let event = CustomerMessage {
            ticket: &filed.ticket,
            message: &filed.response,
            verified: false,
            reopened: false,
            no_answer: Some("an agent forwarded it"),
            notify: (!mail.notify).then_some(false),
        };
        self.notify_opened(tx, event).await?;
        self.file_note_above(tx, mail, agent, filed.ticket.clone(), &forwarded.note, &placed).await?;
        let detail = "an agent forwarded a customer's mail";
        let mut decision = Decision::new(InboundAction::Created, "forwarded", detail);
        decision.placement = Some(placed.placement);
        (decision.flags, decision.token) = (placed.flags, placed.token);
        decision.filed = Some(filed);
        Ok(decision)
    }

    /// Files of the mail inside, which has no row of its own to find them by.
    async fn keep_files(
        &self,
        tx: &mut Tx,
        files: &[Attachment],
        mail: &Reading,
    ) -> Result<Vec<AttachmentRecord>> {
        let at = mail.mail.received_at;
        let uploads = files.iter().map(|file| {
            let mut spool = self.spool();
            spool.push(&file.content)?;
            spool.finish(file.filename.clone())
        });
        let uploads = uploads.collect::<std::io::Result<_>>().map_err(no_room)?;
        self.keep_uploads(tx, uploads, at).await
    }
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
            let found =
                found.as_ref().map(|f| (f.from.name.as_deref().unwrap_or_default(), f.from.email.as_str()));
            assert_eq!(found, want, "{subject}: {text}");
        }
    }

    #[test]
    fn the_note_above_stands_apart() {
        let mail = |text: &str| ParsedMail {
            subject: "Fwd: Lost".into(),
            text: text.into(),
            ..ParsedMail::default()
        };
        for (text, note, forwarded) in [
            (
                "Please see to it.\n\n---------- Forwarded message ---------\nFrom: Jo <jo@x.org>\nDate: today\nSubject: Lost\nTo: ada@x.org\n\n\nIt broke.\n\nJo\n",
                "Please see to it.",
                "It broke.\n\nJo",
            ),
            (
                "Begin forwarded message:\n\n> From: Jo <jo@x.org>\n> Subject: Lost\n> To: ada@x.org\n> \n> It broke.\n> Jo\n",
                "",
                "It broke.\nJo",
            ),
            (
                "#assign me\n\nVon: Jo <jo@x.org>\nGesendet: heute\nAn: ada@x.org\nBetreff: Weg\n\nKaputt.",
                "#assign me",
                "Kaputt.",
            ),
        ] {
            let found = inline(&mail(text)).unwrap();
            assert_eq!((found.note.trim(), found.text.trim()), (note, forwarded), "{text}");
        }
    }
}
