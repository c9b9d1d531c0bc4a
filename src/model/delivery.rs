//! Mail on its way out: an entry of the outbox, its attempts, and when the next one is due.

use serde_json::Value;
use uuid::Uuid;

use super::{Timestamp, words};

words! {
    /// Where an outgoing mail stands (API.md §2).
    EmailStatus {
        Queued = "queued", Sending = "sending", Deferred = "deferred", Sent = "sent", Delivered = "delivered",
        Bounced = "bounced", Failed = "failed", Suppressed = "suppressed", Captured = "captured",
        Cancelled = "cancelled",
    }
}

words! {
    /// Who a mail is for: decides look, words and what it may say.
    Audience { Customer = "customer", Agent = "agent", Admin = "admin" }
}

/// One mail to one recipient; the API's email log (API.md §3.3).
#[derive(Debug, Clone, PartialEq)]
pub struct OutboxEntry {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is about.
    pub ticket_id: Option<Uuid>,
    /// What caused it.
    pub response_id: Option<Uuid>,
    /// Key of the notification template (MAIL.md §2.1).
    pub template: String,
    /// Version of an override; `None` for the built-in.
    pub template_version: Option<i64>,
    /// Language it is written in.
    pub locale: String,
    /// Who it is for.
    pub audience: Audience,
    /// Written by the machine: counts to the caps, marked `Auto-Submitted`.
    pub automatic: bool,
    /// The recipient's address is verified: caller-written text may be used (invariant 9).
    pub verified: bool,
    /// The mailbox.
    pub from_address: String,
    /// The one recipient.
    pub to_address: String,
    /// Display name.
    pub to_name: Option<String>,
    /// Whole subject, as shown.
    pub subject: String,
    /// Ours, signed, without brackets; the same at every try.
    pub message_id: String,
    /// `bounce+token@…`; empty for `<>`.
    pub envelope_from: String,
    /// What the template needs besides the rows it names; a JSON object.
    pub context: Value,
    /// Where it stands.
    pub status: EmailStatus,
    /// 0 before 1.
    pub priority: i64,
    /// Tries so far.
    pub attempts: i64,
    /// `None`: ended. While sending: when the lease ends.
    pub next_attempt_at: Option<Timestamp>,
    /// The worker that has it.
    pub lease: Option<String>,
    /// After this, no more tries.
    pub give_up_at: Timestamp,
    /// `mx1.example.org [198.51.100.4]`.
    pub remote: Option<String>,
    /// `TLSv1.3`.
    pub tls: Option<String>,
    /// Last reply's code.
    pub smtp_code: Option<i64>,
    /// Last reply's enhanced code.
    pub enhanced_code: Option<String>,
    /// Last reply, whole.
    pub smtp_response: Option<String>,
    /// Our own words for a failure without reply.
    pub error: Option<String>,
    /// Octets of the rendered mail.
    pub size: Option<i64>,
    /// When it became due for the first time.
    pub queued_at: Timestamp,
    /// When the next server took it.
    pub sent_at: Option<Timestamp>,
    /// When a report said it arrived.
    pub delivered_at: Option<Timestamp>,
    /// When a report said it did not.
    pub bounced_at: Option<Timestamp>,
    /// When made.
    pub created_at: Timestamp,
}

/// One try (MAIL.md §2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryAttempt {
    /// UUIDv7.
    pub id: Uuid,
    /// The mail.
    pub outbox_id: Uuid,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// `delivered`, `deferred`, `failed`, `captured`.
    pub outcome: String,
    /// `mx1.example.org [198.51.100.4]`.
    pub remote: Option<String>,
    /// `TLSv1.3`.
    pub tls: Option<String>,
    /// Reply code.
    pub smtp_code: Option<i64>,
    /// Enhanced code.
    pub enhanced_code: Option<String>,
    /// Reply, whole.
    pub smtp_response: Option<String>,
    /// Our own words for a failure without reply.
    pub error: Option<String>,
}

/// What one try came to, as the transport's judge says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The next server took it.
    Delivered,
    /// Not sent by choice: kept and shown.
    Captured,
    /// Try again later.
    Deferred,
    /// Never will.
    Failed,
}

impl Outcome {
    /// The word in the log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Captured => "captured",
            Self::Deferred => "deferred",
            Self::Failed => "failed",
        }
    }
}

/// Everything a try leaves in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptReport {
    /// What it came to.
    pub outcome: Outcome,
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub duration_ms: i64,
    /// `mx1.example.org [198.51.100.4]`.
    pub remote: Option<String>,
    /// `TLSv1.3`.
    pub tls: Option<String>,
    /// Reply code.
    pub smtp_code: Option<u16>,
    /// Enhanced code.
    pub enhanced_code: Option<String>,
    /// Reply, whole.
    pub smtp_response: Option<String>,
    /// Our own words for a failure without reply.
    pub error: Option<String>,
}

/// Waits before the second, third, … try, in minutes; the last one repeats (MAIL.md §2.3).
const WAITS_MIN: [i64; 7] = [1, 5, 15, 30, 60, 120, 240];

/// How long to wait after this many tries (≥ 1), in milliseconds, before jitter.
pub fn retry_delay_ms(attempts: i64) -> i64 {
    let step = usize::try_from(attempts.max(1) - 1).unwrap_or(0).min(WAITS_MIN.len() - 1);
    WAITS_MIN[step] * 60_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_then_stay() {
        for (attempts, minutes) in [(1, 1), (2, 5), (3, 15), (4, 30), (5, 60), (6, 120), (7, 240), (30, 240)]
        {
            assert_eq!(retry_delay_ms(attempts), minutes * 60_000, "after {attempts}");
        }
    }
}
