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
    /// Sent really where mail is kept (`outbox.transport = "capture"`).
    pub released: bool,
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

impl OutboxEntry {
    /// What stands behind the recipient's last `@`, lower case: mails to one domain take turns with those to others.
    pub fn domain(&self) -> String {
        self.to_address.rsplit_once('@').map_or("localhost", |(_, domain)| domain).to_lowercase()
    }
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

/// Where a mail stands after a try; `next_try` is when the next one would be.
pub fn after_attempt(mut entry: OutboxEntry, report: &AttemptReport, next_try: Timestamp) -> OutboxEntry {
    let ended = report.at.plus_ms(report.duration_ms);
    entry.attempts += 1;
    entry.lease = None;
    entry.next_attempt_at = None;
    entry.remote = report.remote.clone().or(entry.remote);
    entry.tls.clone_from(&report.tls);
    entry.smtp_code = report.smtp_code.map(i64::from);
    entry.enhanced_code.clone_from(&report.enhanced_code);
    entry.smtp_response.clone_from(&report.smtp_response);
    entry.error.clone_from(&report.error);
    match report.outcome {
        Outcome::Delivered => {
            entry.status = EmailStatus::Sent;
            entry.sent_at = Some(ended);
        }
        Outcome::Captured => entry.status = EmailStatus::Captured,
        Outcome::Deferred if next_try <= entry.give_up_at => {
            entry.status = EmailStatus::Deferred;
            entry.next_attempt_at = Some(next_try);
        }
        Outcome::Deferred | Outcome::Failed => entry.status = EmailStatus::Failed,
    }
    entry
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn entry() -> OutboxEntry {
        OutboxEntry {
            id: Uuid::from_u128(1),
            ticket_id: None,
            response_id: None,
            template: "ticket_reply".into(),
            template_version: None,
            locale: "en".into(),
            audience: Audience::Customer,
            automatic: false,
            verified: true,
            from_address: "support@shop.example".into(),
            to_address: "jo@example.org".into(),
            to_name: None,
            subject: "Re: Lamp".into(),
            message_id: "m@shop.example".into(),
            envelope_from: String::new(),
            context: Value::Null,
            status: EmailStatus::Sending,
            priority: 0,
            attempts: 0,
            next_attempt_at: Some(Timestamp(90_000)),
            released: false,
            lease: Some("w1".into()),
            give_up_at: Timestamp(1_000_000),
            remote: None,
            tls: None,
            smtp_code: None,
            enhanced_code: None,
            smtp_response: None,
            error: None,
            size: None,
            queued_at: Timestamp(0),
            sent_at: None,
            delivered_at: None,
            bounced_at: None,
            created_at: Timestamp(0),
        }
    }

    fn report(outcome: Outcome) -> AttemptReport {
        AttemptReport {
            outcome,
            at: Timestamp(10),
            duration_ms: 5,
            remote: Some("mx [192.0.2.1]".into()),
            tls: None,
            smtp_code: Some(451),
            enhanced_code: Some("4.7.1".into()),
            smtp_response: Some("451 4.7.1 Greylisted".into()),
            error: None,
        }
    }

    #[test]
    fn a_try_ends_or_leads_to_the_next() {
        for (outcome, next_try, status, next) in [
            (Outcome::Delivered, 500, EmailStatus::Sent, None),
            (Outcome::Captured, 500, EmailStatus::Captured, None),
            (Outcome::Deferred, 500, EmailStatus::Deferred, Some(500)),
            (Outcome::Deferred, 1_000_001, EmailStatus::Failed, None),
            (Outcome::Failed, 500, EmailStatus::Failed, None),
        ] {
            let after = after_attempt(entry(), &report(outcome.clone()), Timestamp(next_try));
            assert_eq!((after.status, after.next_attempt_at), (status, next.map(Timestamp)), "{outcome:?}");
            assert_eq!((after.attempts, after.lease), (1, None), "{outcome:?}");
            assert_eq!(after.sent_at.is_some(), outcome == Outcome::Delivered);
        }
    }
}
