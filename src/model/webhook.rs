//! Webhooks: who is told of events by HTTP (API.md §6, Standard Webhooks 1.0.0), and what becomes of each delivery.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{EventType, Timestamp, words};

/// What every secret begins with; base64 of the key follows.
pub const SECRET_PREFIX: &str = "whsec_";
/// How long a rotated secret goes on to sign beside the new one, milliseconds.
pub const OVERLAP_MS: i64 = 24 * HOUR_MS;
/// A webhook that has failed for so long is switched off, milliseconds.
pub const PATIENCE_MS: i64 = 5 * 24 * HOUR_MS;
/// Deliveries are kept for so long, milliseconds.
pub const KEPT_MS: i64 = 30 * 24 * HOUR_MS;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
const HOUR_MS: i64 = 60 * MINUTE_MS;

/// Waits after the first try, the second, …
const WAITS_MS: [i64; 9] = [
    5 * SECOND_MS,
    5 * MINUTE_MS,
    30 * MINUTE_MS,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
];
/// `Retry-After` is believed up to this, milliseconds: beyond, we knock by our own schedule.
const LONGEST_WAIT_MS: i64 = 24 * HOUR_MS;
/// No delivery waits for longer, whatever is added to its wait.
pub const LATEST_TRY_MS: i64 = LONGEST_WAIT_MS + LONGEST_WAIT_MS / 10;

/// Who is told of events by HTTP (API.md §3.6).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub struct Webhook {
    pub id: Uuid,
    pub url: String,
    /// Types and globs, see `hears`.
    pub events: Vec<String>,
    pub description: Option<String>,
    /// A search of tickets: only events of tickets that it finds.
    pub filter: Option<String>,
    pub is_active: bool,
    /// Since when no delivery has succeeded.
    pub failing_since: Option<Timestamp>,
    pub secret: WebhookSecret,
    /// The one before, which signs too until its time is over.
    pub old_secret: Option<WebhookSecret>,
    pub old_secret_until: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// `whsec_…`: the key that signs. `Debug` leaves it out.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(String);

words! {
    /// How a delivery stands.
    DeliveryState { Pending = "pending", Retrying = "retrying", Delivered = "delivered", Failed = "failed" }
}

/// One event on its way to one webhook (API.md §3.6), without what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub struct WebhookDelivery {
    pub id: Uuid,
    pub webhook_id: Uuid,
    /// The `webhook-id` of every try.
    pub event_id: Uuid,
    pub r#type: String,
    pub state: DeliveryState,
    pub attempts: i64,
    /// HTTP status of the last try; `None` when there was no answer.
    pub status_code: Option<i64>,
    pub duration_ms: Option<i64>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// `None`: it has ended; while it is on the wire: when the lease ends.
    pub next_attempt_at: Option<Timestamp>,
    /// Which worker has it.
    pub lease: Option<String>,
    pub created_at: Timestamp,
}

/// What was said at the last try.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Exchange {
    pub at: Option<Timestamp>,
    pub url: String,
    pub request_headers: Vec<(String, String)>,
    pub response_headers: Vec<(String, String)>,
    /// The beginning of it.
    pub response_body: Option<String>,
    /// There was more than was kept.
    pub truncated: bool,
}

/// How a try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookTry {
    /// HTTP status; `None` without an answer.
    pub status: Option<u16>,
    /// The answer asks to be left alone for so long, milliseconds.
    pub retry_after_ms: Option<i64>,
    /// Why there was no answer.
    pub error: Option<String>,
    /// How long it took.
    pub duration_ms: i64,
    /// What was said.
    pub exchange: Exchange,
}

/// What a try means for the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryVerdict {
    /// It arrived.
    Delivered,
    /// It did not; another time it may.
    Again,
    /// Nobody wants it any more (410): the webhook is to be switched off.
    Gone,
}

impl WebhookSecret {
    /// Of a key of 24 to 64 bytes, in base64.
    pub fn new(base64_key: &str) -> Self {
        Self(format!("{SECRET_PREFIX}{base64_key}"))
    }

    /// As it is kept.
    pub fn from_text(text: String) -> Self {
        Self(text)
    }

    /// As receivers want it: to sign with it, or to show it this once.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret")
    }
}

impl Webhook {
    /// Whether it subscribed to events of this type. Nobody does to tests: they go to the webhook that is tried.
    pub fn wants(&self, event: EventType) -> bool {
        let may_be_asked_for = event.is_for_webhooks() && event != EventType::WebhookTest;
        may_be_asked_for && self.events.iter().any(|pattern| hears(pattern, event.as_str()))
    }

    /// The secrets that sign now, the newest first.
    pub fn signing_secrets(&self, now: Timestamp) -> impl Iterator<Item = &WebhookSecret> {
        let overlaps = self.old_secret_until.is_some_and(|until| now < until);
        std::iter::once(&self.secret).chain(self.old_secret.as_ref().filter(move |_| overlaps))
    }

    /// Takes a new secret; the old one goes on to sign for a day.
    pub fn rotate(&mut self, secret: WebhookSecret, now: Timestamp) {
        self.old_secret = Some(std::mem::replace(&mut self.secret, secret));
        self.old_secret_until = Some(now.plus_ms(OVERLAP_MS));
    }

    /// Whether it has failed for too long, after a try that failed too.
    pub fn is_hopeless(&self, now: Timestamp) -> bool {
        self.failing_since.is_some_and(|since| since.plus_ms(PATIENCE_MS) <= now)
    }
}

/// Whether a webhook may subscribe so: to a type there is, or to a glob that names one.
pub fn is_known_pattern(pattern: &str) -> bool {
    let types = EventType::ALL.iter().filter(|event| event.is_for_webhooks());
    types.map(|event| event.as_str()).any(|event| hears(pattern, event))
}

/// Whether a pattern names this type: the type itself, `*` (all), or `family.*`.
fn hears(pattern: &str, event: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("") => true,
        Some(family) => family.ends_with('.') && event.starts_with(family),
        None => pattern == event,
    }
}

impl WebhookTry {
    /// What it means: any 2xx is success, whatever else is not. Redirects are not followed.
    pub fn verdict(&self) -> TryVerdict {
        match self.status {
            Some(200..=299) => TryVerdict::Delivered,
            Some(410) => TryVerdict::Gone,
            _ => TryVerdict::Again,
        }
    }

    /// Why it failed, for people.
    pub fn reason(&self) -> Option<String> {
        match (self.verdict(), self.status) {
            (TryVerdict::Delivered, _) => None,
            (_, Some(status @ 300..=399)) => Some(format!("HTTP {status}: redirects are not followed")),
            (_, Some(status)) => Some(format!("HTTP {status}")),
            (_, None) => Some(self.error.clone().unwrap_or_else(|| "no answer".into())),
        }
    }
}

impl WebhookDelivery {
    /// Whether somebody is sending it now.
    pub fn is_on_wire(&self) -> bool {
        self.lease.is_some()
    }

    /// Begins anew: the same event, all tries before it.
    pub fn begin_anew(&mut self, now: Timestamp) {
        self.state = DeliveryState::Pending;
        self.attempts = 0;
        self.next_attempt_at = Some(now);
        self.lease = None;
    }

    /// Ends without having arrived.
    pub fn give_up(&mut self) {
        self.state = DeliveryState::Failed;
        self.next_attempt_at = None;
    }

    /// What a try makes of it. `jitter` draws a number below its bound.
    pub fn tried(&mut self, result: &WebhookTry, now: Timestamp, jitter: impl FnOnce(u64) -> u64) {
        self.attempts += 1;
        self.lease = None;
        self.status_code = result.status.map(i64::from);
        self.duration_ms = Some(result.duration_ms);
        self.error = result.reason();
        match result.verdict() {
            TryVerdict::Delivered => (self.state, self.next_attempt_at) = (DeliveryState::Delivered, None),
            TryVerdict::Gone => self.give_up(),
            TryVerdict::Again => match next_try(self.attempts, now, result.retry_after_ms, jitter) {
                Some(at) => (self.state, self.next_attempt_at) = (DeliveryState::Retrying, Some(at)),
                None => self.give_up(),
            },
        }
    }
}

/// When to try again after so many tries (≥ 1) of which the last ended at `ended`; `None` when that was the last. Up to a
/// tenth of the wait is added, so that deliveries that failed together don't come back together; who answers "retry
/// after" is not asked before.
fn next_try(
    tries: i64,
    ended: Timestamp,
    retry_after_ms: Option<i64>,
    jitter: impl FnOnce(u64) -> u64,
) -> Option<Timestamp> {
    let step = usize::try_from(tries.max(1) - 1).ok()?;
    let own = *WAITS_MS.get(step)?;
    let wait = own.max(retry_after_ms.unwrap_or(0).min(LONGEST_WAIT_MS));
    let jitter = jitter(u64::try_from(wait / 10).unwrap_or(0).max(1));
    Some(ended.plus_ms(wait + i64::try_from(jitter).unwrap_or(0)))
}

/// How long `Retry-After` asks us to wait, milliseconds: seconds, or a date (RFC 9110 §10.2.3).
pub fn retry_after_ms(value: &str, now: Timestamp) -> Option<i64> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(i64::from(seconds) * SECOND_MS);
    }
    let at = chrono::DateTime::parse_from_rfc2822(value).ok()?;
    Some((at.timestamp_millis() - now.0).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: Option<u16>) -> WebhookTry {
        WebhookTry {
            status,
            retry_after_ms: None,
            error: None,
            duration_ms: 7,
            exchange: Exchange::default(),
        }
    }

    fn delivery() -> WebhookDelivery {
        WebhookDelivery {
            id: Uuid::nil(),
            webhook_id: Uuid::nil(),
            event_id: Uuid::nil(),
            r#type: "ticket.created".into(),
            state: DeliveryState::Pending,
            attempts: 0,
            status_code: None,
            duration_ms: None,
            error: None,
            next_attempt_at: Some(Timestamp(0)),
            lease: Some("me".into()),
            created_at: Timestamp(0),
        }
    }

    #[test]
    fn patterns_name_types() {
        for (pattern, event, want) in [
            ("ticket.created", "ticket.created", true),
            ("ticket.created", "ticket.updated", false),
            ("ticket.*", "ticket.status_changed", true),
            ("ticket.*", "tickets.created", false),
            ("ticket*", "ticket.created", false),
            ("*", "email.sent", true),
            ("", "ticket.created", false),
            (".*", "ticket.created", false),
        ] {
            assert_eq!(hears(pattern, event), want, "{pattern} {event}");
        }
        for (pattern, want) in [
            ("ticket.created", true),
            ("email.*", true),
            ("*", true),
            ("webhook.test", true),
            ("queue.*", false),
            ("queue.paused", false),
            ("ticket.exploded", false),
            ("tickets.*", false),
        ] {
            assert_eq!(is_known_pattern(pattern), want, "{pattern}");
        }
    }

    #[test]
    fn an_answer_is_judged_by_its_status() {
        for (status, want, reason) in [
            (Some(200), TryVerdict::Delivered, None),
            (Some(204), TryVerdict::Delivered, None),
            (Some(299), TryVerdict::Delivered, None),
            (Some(302), TryVerdict::Again, Some("HTTP 302: redirects are not followed")),
            (Some(400), TryVerdict::Again, Some("HTTP 400")),
            (Some(404), TryVerdict::Again, Some("HTTP 404")),
            (Some(410), TryVerdict::Gone, Some("HTTP 410")),
            (Some(429), TryVerdict::Again, Some("HTTP 429")),
            (Some(503), TryVerdict::Again, Some("HTTP 503")),
            (None, TryVerdict::Again, Some("no answer")),
        ] {
            let answer = answer(status);
            assert_eq!((answer.verdict(), answer.reason().as_deref()), (want, reason), "{status:?}");
        }
    }

    #[test]
    fn ten_tries_and_then_no_more() {
        let mut delivery = delivery();
        let mut waits = Vec::new();
        while let Some(at) = delivery.next_attempt_at {
            delivery.tried(&answer(Some(500)), at, |_| 0);
            waits.extend(delivery.next_attempt_at.map(|next| (next.0 - at.0) / 1_000));
        }
        assert_eq!(waits, [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]);
        assert_eq!((delivery.attempts, delivery.state), (10, DeliveryState::Failed));
    }

    #[test]
    fn jitter_is_at_most_a_tenth() {
        assert_eq!(next_try(2, Timestamp(0), None, |bound| bound - 1), Some(Timestamp(329_999)));
    }

    #[test]
    fn who_asks_for_time_gets_it_up_to_a_day() {
        for (tries, asked_ms, want_ms) in [
            (1, 120_000, Some(120_000)),
            (2, 1_000, Some(300_000)),
            (1, i64::MAX, Some(86_400_000)),
            (10, 1_000, None),
        ] {
            let got = next_try(tries, Timestamp(0), Some(asked_ms), |_| 0);
            assert_eq!(got, want_ms.map(Timestamp), "{tries} {asked_ms}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp(1_772_442_000_000); // 2026-03-02 09:00:00
        for (value, want) in [
            ("120", Some(120_000)),
            (" 0 ", Some(0)),
            ("Mon, 02 Mar 2026 09:01:30 GMT", Some(90_000)),
            ("Mon, 02 Mar 2026 08:00:00 GMT", Some(0)),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(retry_after_ms(value, now), want, "{value}");
        }
    }

    #[test]
    fn a_rotated_secret_signs_for_a_day() {
        let secret = |text: &str| WebhookSecret::new(text);
        let mut webhook = Webhook {
            id: Uuid::nil(),
            url: "https://shop.example/".into(),
            events: vec!["*".into()],
            description: None,
            filter: None,
            is_active: true,
            failing_since: Some(Timestamp(0)),
            secret: secret("b25l"),
            old_secret: None,
            old_secret_until: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        };
        webhook.rotate(secret("dHdv"), Timestamp(0));
        let signing = |at| webhook.signing_secrets(Timestamp(at)).map(|s| s.reveal()).collect::<Vec<_>>();
        assert_eq!(signing(OVERLAP_MS - 1), ["whsec_dHdv", "whsec_b25l"]);
        assert_eq!(signing(OVERLAP_MS), ["whsec_dHdv"]);
        assert!(!format!("{webhook:?}").contains("whsec_"), "secrets stay out of logs");
        assert!(
            !webhook.is_hopeless(Timestamp(PATIENCE_MS - 1)) && webhook.is_hopeless(Timestamp(PATIENCE_MS))
        );
    }
}
