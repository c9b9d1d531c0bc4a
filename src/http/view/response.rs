//! What was said on a ticket (API.md §3.2).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Actor, Time, all_bracketed, bracketed, time};
use crate::desk::ResponseView;
use crate::http::problem::BASE;
use crate::model::{
    self, ActorType, AttachmentRecord, Authentication, Channel, EmailStatus, MailKind, PlacedBy, Visibility,
};

/// A response: an answer, a customer's message, or a note.
#[derive(Debug, Serialize, ToSchema)]
pub struct Response<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// The ticket it is part of.
    pub ticket_id: Uuid,
    /// Who may read it: `internal` ones are notes, which customers never see.
    pub visibility: Visibility,
    /// How it reached us.
    pub channel: Channel,
    /// Who wrote it.
    pub author: Author<'a>,
    /// The new text only.
    #[schema(example = "It broke.")]
    pub body_text: &'a str,
    /// The new part, sanitised.
    #[schema(example = "<p>It broke.</p>")]
    pub body_html: Option<&'a str>,
    /// What was folded away: history and signature.
    #[schema(example = "-- \nJo\n\nAda wrote:\n> Sent")]
    pub quoted_text: &'a str,
    /// The whole decoded text.
    #[schema(example = "It broke.\n\n-- \nJo\n\nAda wrote:\n> Sent")]
    pub full_text: &'a str,
    /// Its files.
    pub attachments: Vec<Attachment<'a>>,
    /// Recipients of its mail.
    #[schema(example = json!(["support@shop.example"]))]
    pub to: &'a [String],
    /// Further recipients.
    pub cc: &'a [String],
    /// Recipients nobody else sees.
    pub bcc: &'a [String],
    /// Of its mail, in brackets.
    #[schema(example = "<c1@example.org>")]
    pub message_id: Option<String>,
    /// What its mail answers.
    #[schema(example = "<r7@shop.example>")]
    pub in_reply_to: Option<String>,
    /// The thread its mail names.
    #[schema(example = json!(["<r7@shop.example>"]))]
    pub references: Vec<String>,
    /// How the ticket was found.
    pub placement: Placement<'a>,
    /// What sort of mail it came by; null: by none.
    pub mail_kind: Option<MailKind>,
    /// What is remarkable: `unverified_sender new_participant forged_token new_topic charset_repaired parse_damaged
    /// claimed_number` and others.
    #[schema(example = json!([]))]
    pub flags: &'a [String],
    /// The mail it came by.
    pub inbound_mail_id: Option<Uuid>,
    /// What is known of who really sent that mail.
    pub authentication: Option<Authentication>,
    /// How its own mails fare.
    pub delivery: ResponseDelivery,
    /// The template that filled it.
    pub template_id: Option<Uuid>,
    /// Until when its mail is held.
    pub send_at: Option<Time>,
    /// When it was said.
    pub created_at: Time,
    /// When it was changed.
    pub edited_at: Option<Time>,
    /// Counts changes, from 1; also the `ETag`.
    pub version: i64,
}

/// Who wrote a response.
#[derive(Debug, Serialize, ToSchema)]
pub struct Author<'a> {
    /// What sort of somebody.
    pub r#type: ActorType,
    /// Contact or agent; null for services and the desk itself.
    pub id: Option<Uuid>,
    /// For people.
    #[schema(example = "Jo Doe")]
    pub name: Option<&'a str>,
    /// Where they wrote from.
    #[schema(example = "jo@example.org")]
    pub email: Option<&'a str>,
}

/// How a ticket was found for a mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Placement<'a> {
    /// The rule.
    pub by: PlacedBy,
    /// For people.
    #[schema(example = "reply address, key k1")]
    pub reason: &'a str,
}

/// How the mails of a response fare.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResponseDelivery {
    /// The worst of them; null without mails.
    pub status: Option<EmailStatus>,
    /// All of them, oldest first.
    pub email_log_ids: Vec<Uuid>,
}

/// A file.
#[derive(Debug, Serialize, ToSchema)]
pub struct Attachment<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// As it was sent, without a path.
    #[schema(example = "box.jpg")]
    pub filename: Option<&'a str>,
    /// What it is, by its content.
    #[schema(example = "image/jpeg")]
    pub content_type: &'a str,
    /// Octets.
    #[schema(example = 84_211)]
    pub size: i64,
    /// Hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: &'a str,
    /// Whether the HTML text shows it.
    pub inline: bool,
    /// What the HTML text names it by.
    pub content_id: Option<&'a str>,
    /// `clean infected skipped`.
    #[schema(example = "clean")]
    pub scan: &'a str,
    /// Where it is read.
    #[schema(example = "/api/support/attachments/019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b")]
    pub url: String,
}

impl<'a> Response<'a> {
    /// API.md §3.2.
    pub fn of(view: &'a ResponseView) -> Self {
        let r = &view.response;
        Self {
            id: r.id,
            ticket_id: r.ticket_id,
            visibility: r.visibility,
            channel: r.channel,
            author: Author::of(r),
            body_text: &r.body_text,
            body_html: r.body_html.as_deref(),
            quoted_text: &r.quoted_text,
            full_text: r.full_text.as_deref().unwrap_or(&r.body_text),
            attachments: view.attachments.iter().map(Attachment::of).collect(),
            to: &r.to_addresses,
            cc: &r.cc,
            bcc: &r.bcc,
            message_id: bracketed(r.message_id.as_deref()),
            in_reply_to: bracketed(r.in_reply_to.as_deref()),
            references: all_bracketed(&r.refs),
            placement: Placement { by: r.placement_by, reason: &r.placement_reason },
            mail_kind: r.mail_kind,
            flags: &r.flags,
            inbound_mail_id: r.inbound_mail_id,
            authentication: r.authentication,
            delivery: ResponseDelivery::of(&view.logs),
            template_id: r.template_id,
            send_at: time(r.send_at),
            created_at: Time(r.created_at),
            edited_at: time(r.edited_at),
            version: r.version,
        }
    }
}

impl<'a> Author<'a> {
    fn of(r: &'a model::Response) -> Self {
        Self {
            r#type: r.author_type,
            id: r.author_id,
            name: r.author_name.as_deref(),
            email: r.author_email.as_deref(),
        }
    }
}

impl ResponseDelivery {
    fn of(logs: &[(Uuid, EmailStatus)]) -> Self {
        let status = worst(logs.iter().map(|(_, status)| *status));
        Self { status, email_log_ids: logs.iter().map(|(id, _)| *id).collect() }
    }
}

/// The status of a response's mails that matters most; `None` without mails.
fn worst(statuses: impl Iterator<Item = EmailStatus>) -> Option<EmailStatus> {
    use EmailStatus::*;
    const ORDER: [EmailStatus; 10] =
        [Failed, Bounced, Suppressed, Deferred, Queued, Sending, Cancelled, Captured, Sent, Delivered];
    statuses.min_by_key(|status| ORDER.iter().position(|known| known == status))
}

impl<'a> Attachment<'a> {
    /// API.md §3.2.
    pub fn of(a: &'a AttachmentRecord) -> Self {
        Self {
            id: a.id,
            filename: a.filename.as_deref(),
            content_type: &a.content_type,
            size: a.size,
            sha256: &a.sha256,
            inline: a.is_inline,
            content_id: a.content_id.as_deref(),
            scan: &a.scan,
            url: format!("{BASE}/attachments/{}", a.id),
        }
    }
}

/// What a colliding answer did not see (API.md §1.5).
#[derive(Debug, Serialize, ToSchema)]
pub struct Newer<'a> {
    /// The response.
    pub id: Uuid,
    /// Who wrote it.
    pub author: Actor<'a>,
    /// When.
    pub created_at: Time,
    /// Its first words.
    #[schema(example = "It arrived today, thank you!")]
    pub preview: String,
}

impl<'a> Newer<'a> {
    /// Of a response the caller had not seen.
    pub fn of(r: &'a model::Response) -> Self {
        let words: Vec<_> = r.body_text.split_whitespace().collect();
        Self {
            id: r.id,
            author: Actor { r#type: r.author_type, id: r.author_id, name: r.author_name.as_deref() },
            created_at: Time(r.created_at),
            preview: words.join(" ").chars().take(140).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_mail_speaks_for_a_response() {
        use EmailStatus::*;
        for (statuses, want) in [
            (vec![], None),
            (vec![Sent, Delivered], Some(Sent)),
            (vec![Sent, Bounced, Queued], Some(Bounced)),
            (vec![Captured, Queued], Some(Queued)),
        ] {
            assert_eq!(worst(statuses.iter().copied()), want, "{statuses:?}");
        }
    }
}
