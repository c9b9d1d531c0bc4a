//! A mail that left, or is to leave (API.md §3.3).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Time, bracketed, time};
use crate::model::{DeliveryAttempt, EmailStatus, OutboxEntry};

/// One mail to one recipient.
#[derive(Debug, Serialize, ToSchema)]
pub struct EmailLog<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is about.
    pub ticket_id: Option<Uuid>,
    /// What caused it.
    pub response_id: Option<Uuid>,
    /// Key of the notification template.
    #[schema(example = "ticket_reply")]
    pub template: &'a str,
    /// Version of an override; null for the built-in.
    pub template_version: Option<i64>,
    /// The language it is written in.
    #[schema(example = "en")]
    pub locale: &'a str,
    /// Our address.
    #[schema(example = "support@shop.example")]
    pub from: &'a str,
    /// The one recipient.
    #[schema(example = "jo@example.org")]
    pub to: &'a str,
    /// Whole, as shown.
    #[schema(example = "Re: Where is my order? [TKT-2026-K7Q4ZP]")]
    pub subject: &'a str,
    /// The same at every try.
    #[schema(example = "<r7@shop.example>")]
    pub message_id: Option<String>,
    /// Where it stands.
    pub status: EmailStatus,
    /// Tries so far.
    pub attempts: i64,
    /// When the next try is due; null: ended.
    pub next_attempt_at: Option<Time>,
    /// After this, no more tries.
    pub give_up_at: Time,
    /// The server that answered last.
    #[schema(example = "mx1.example.org [198.51.100.4]")]
    pub remote: Option<&'a str>,
    /// How the last try was encrypted.
    #[schema(example = "TLSv1.3")]
    pub tls: Option<&'a str>,
    /// The last reply's code.
    #[schema(example = 451)]
    pub smtp_code: Option<i64>,
    /// The last reply's enhanced code (RFC 3463).
    #[schema(example = "4.7.1")]
    pub enhanced_code: Option<&'a str>,
    /// The last reply, whole.
    #[schema(example = "451 4.7.1 Greylisted")]
    pub smtp_response: Option<&'a str>,
    /// Our own words for a failure without reply.
    pub error: Option<&'a str>,
    /// Octets of the rendered mail.
    pub size: Option<i64>,
    /// When it became due for the first time.
    pub queued_at: Time,
    /// When the next server took it.
    pub sent_at: Option<Time>,
    /// When a report said it arrived.
    pub delivered_at: Option<Time>,
    /// When a report said it did not.
    pub bounced_at: Option<Time>,
    /// When it was made.
    pub created_at: Time,
}

impl<'a> EmailLog<'a> {
    /// API.md §3.3.
    pub fn of(e: &'a OutboxEntry) -> Self {
        Self {
            id: e.id,
            ticket_id: e.ticket_id,
            response_id: e.response_id,
            template: &e.template,
            template_version: e.template_version,
            locale: &e.locale,
            from: &e.from_address,
            to: &e.to_address,
            subject: &e.subject,
            message_id: bracketed(Some(&e.message_id)),
            status: e.status,
            attempts: e.attempts,
            next_attempt_at: time(e.next_attempt_at),
            give_up_at: Time(e.give_up_at),
            remote: e.remote.as_deref(),
            tls: e.tls.as_deref(),
            smtp_code: e.smtp_code,
            enhanced_code: e.enhanced_code.as_deref(),
            smtp_response: e.smtp_response.as_deref(),
            error: e.error.as_deref(),
            size: e.size,
            queued_at: Time(e.queued_at),
            sent_at: time(e.sent_at),
            delivered_at: time(e.delivered_at),
            bounced_at: time(e.bounced_at),
            created_at: Time(e.created_at),
        }
    }
}

/// A mail with its tries (API.md §5.4).
#[derive(Debug, Serialize, ToSchema)]
pub struct EmailLogWithAttempts<'a> {
    /// The mail.
    #[serde(flatten)]
    pub log: EmailLog<'a>,
    /// Oldest first.
    pub delivery_attempts: Vec<Attempt<'a>>,
}

/// One try to deliver a mail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeliveryAttempt)]
pub struct Attempt<'a> {
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub duration_ms: i64,
    /// `delivered deferred failed captured`.
    #[schema(example = "deferred")]
    pub outcome: &'a str,
    /// The server that answered.
    #[schema(example = "mx1.example.org [198.51.100.4]")]
    pub remote: Option<&'a str>,
    /// How it was encrypted.
    #[schema(example = "TLSv1.3")]
    pub tls: Option<&'a str>,
    /// Reply code.
    #[schema(example = 451)]
    pub smtp_code: Option<i64>,
    /// Enhanced code (RFC 3463).
    #[schema(example = "4.7.1")]
    pub enhanced_code: Option<&'a str>,
    /// Reply, whole.
    #[schema(example = "451 4.7.1 Greylisted")]
    pub smtp_response: Option<&'a str>,
    /// Our own words for a failure without reply.
    pub error: Option<&'a str>,
}

impl<'a> EmailLogWithAttempts<'a> {
    /// API.md §5.4.
    pub fn of(entry: &'a OutboxEntry, attempts: &'a [DeliveryAttempt]) -> Self {
        Self { log: EmailLog::of(entry), delivery_attempts: attempts.iter().map(Attempt::of).collect() }
    }
}

impl<'a> Attempt<'a> {
    fn of(a: &'a DeliveryAttempt) -> Self {
        Self {
            at: Time(a.at),
            duration_ms: a.duration_ms,
            outcome: &a.outcome,
            remote: a.remote.as_deref(),
            tls: a.tls.as_deref(),
            smtp_code: a.smtp_code,
            enhanced_code: a.enhanced_code.as_deref(),
            smtp_response: a.smtp_response.as_deref(),
            error: a.error.as_deref(),
        }
    }
}
