//! A mail that came in, and what became of it (API.md §3.4).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::response::Placement;
use super::{Time, all_bracketed, bracketed, time};
use crate::model::{Authentication, InboundAction, InboundRecord, MailKind, TicketNumber, Via};

/// A row of the ledger: every mail ever accepted has one.
#[derive(Debug, Serialize, ToSchema)]
pub struct InboundMail<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// When its last byte came.
    pub received_at: Time,
    /// The door it came by.
    pub via: Via,
    /// The client.
    #[schema(example = "203.0.113.9")]
    pub remote_ip: Option<&'a str>,
    /// Sender and recipients on the wire.
    pub envelope: InboundEnvelope<'a>,
    /// In brackets.
    #[schema(example = "<d9@mx.example.org>")]
    pub message_id: Option<String>,
    /// The author's address.
    #[schema(example = "jo@example.org")]
    pub from: &'a str,
    /// The author's name as this mail wrote it.
    #[schema(example = "Jo Doe")]
    pub from_name: Option<&'a str>,
    /// As this mail wrote it.
    #[schema(example = "Where is my order?")]
    pub subject: &'a str,
    /// Octets.
    #[schema(example = 4_120)]
    pub size: i64,
    /// Of the bytes, hex.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub sha256: &'a str,
    /// What sort of mail it is.
    pub kind: MailKind,
    /// What was done with it.
    pub action: InboundAction,
    /// Why, for programs: `new_ticket reply_token references subject_number closed_ticket forwarded auto_reply list
    /// loop delivery_report delay_notice complaint duplicate unverified_agent sender_limit spam blocked_sender
    /// discarded` and others.
    #[schema(example = "new_ticket")]
    pub reason: &'a str,
    /// Why, for people.
    pub detail: &'a str,
    /// The ticket it is part of.
    pub ticket_id: Option<Uuid>,
    /// That ticket's number.
    #[schema(value_type = Option<&str>, example = "TKT-2026-K7Q4ZP")]
    pub ticket_number: Option<&'a TicketNumber>,
    /// The response it made.
    pub response_id: Option<Uuid>,
    /// The mail it repeats.
    pub duplicate_of: Option<Uuid>,
    /// What it answers.
    pub in_reply_to: Option<String>,
    /// The thread it names.
    pub references: Vec<String>,
    /// How the ticket was found.
    pub placement: Option<Placement<'a>>,
    /// As in a response.
    pub flags: &'a [String],
    /// What is known of who really sent it.
    pub authentication: Authentication,
    /// One entry for each recipient a report names; empty for other mail.
    #[schema(value_type = Vec<ReportedRecipient>)]
    pub bounces: &'a [Value],
    /// When it was let in after all.
    pub released_at: Option<Time>,
    /// Who let it in.
    pub released_by: Option<&'a str>,
}

/// Sender and recipients on the wire.
#[derive(Debug, Serialize, ToSchema)]
pub struct InboundEnvelope<'a> {
    /// Empty for `<>`.
    #[schema(example = "jo@example.org")]
    pub reverse_path: &'a str,
    /// Our addresses that it named.
    #[schema(example = json!(["support@shop.example"]))]
    pub recipients: &'a [String],
}

/// What a report says of one recipient.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is kept as JSON")]
pub struct ReportedRecipient {
    /// Who the mail was for.
    #[schema(example = "jo@example.org")]
    recipient: Option<String>,
    /// The report's: `failed delayed delivered relayed expanded`; `complaint`.
    #[schema(example = "failed")]
    action: String,
    /// Enhanced code (RFC 3463).
    #[schema(example = "5.1.1")]
    status: Option<String>,
    /// What the server said.
    #[schema(example = "smtp; 550 5.1.1 no such user")]
    diagnostic: Option<String>,
    /// The mail it speaks of.
    email_log_id: Option<Uuid>,
}

impl<'a> InboundMail<'a> {
    /// API.md §3.4.
    pub fn of(m: &'a InboundRecord) -> Self {
        let reason = m.placement_reason.as_deref().unwrap_or_default();
        Self {
            id: m.id,
            received_at: Time(m.received_at),
            via: m.via,
            remote_ip: m.remote_ip.as_deref(),
            envelope: InboundEnvelope { reverse_path: &m.reverse_path, recipients: &m.recipients },
            message_id: bracketed(m.message_id.as_deref()),
            from: &m.from_address,
            from_name: m.from_name.as_deref(),
            subject: &m.subject,
            size: m.size,
            sha256: &m.sha256,
            kind: m.kind,
            action: m.action,
            reason: &m.reason,
            detail: &m.detail,
            ticket_id: m.ticket_id,
            ticket_number: m.ticket_number.as_ref(),
            response_id: m.response_id,
            duplicate_of: m.duplicate_of,
            in_reply_to: bracketed(m.in_reply_to.as_deref()),
            references: all_bracketed(&m.refs),
            placement: m.placement_by.map(|by| Placement { by, reason }),
            flags: &m.flags,
            authentication: m.authentication,
            bounces: &m.bounces,
            released_at: time(m.released_at),
            released_by: m.released_by.as_deref(),
        }
    }
}
