//! Webhooks and their deliveries (API.md §3.6).

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Time, time};
use crate::desk::{DeliveryWithExchange, WithSecret};
use crate::model::{self, DeliveryState};

/// Who is told of events by HTTP.
#[derive(Debug, Serialize, ToSchema)]
pub struct Webhook<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// Where to.
    #[schema(example = "https://shop.example/hook")]
    pub url: &'a str,
    /// Types of events, and globs such as `ticket.*`.
    #[schema(example = json!(["ticket.*"]))]
    pub events: &'a [String],
    /// For people.
    pub description: Option<&'a str>,
    /// Only events of tickets that this search finds.
    #[schema(example = "store_id:st_81")]
    pub filter: Option<&'a str>,
    /// Whether it is told of events. The desk itself switches off one that nobody answers for 5 days, or that answers
    /// 410.
    pub is_active: bool,
    /// Since when no delivery has succeeded; null while all is well.
    pub failing_since: Option<Time>,
    /// When made.
    pub created_at: Time,
    /// When last changed.
    pub updated_at: Time,
    /// Counts changes, from 1.
    pub version: i64,
}

/// A webhook with its secret, which is shown this once: a repeat under the same `Idempotency-Key` shows null.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookWithSecret<'a> {
    /// The webhook.
    #[serde(flatten)]
    pub webhook: Webhook<'a>,
    /// What signs: the base64 of the key stands behind `whsec_`.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=")]
    pub secret: Option<&'a str>,
}

/// One event on its way to one webhook.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookDelivery<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// Whom to.
    pub webhook_id: Uuid,
    /// The `webhook-id` of every try.
    pub event_id: Uuid,
    /// What happened.
    #[schema(example = "ticket.created")]
    pub r#type: &'a str,
    /// `pending retrying delivered failed`.
    #[schema(value_type = String, example = "retrying")]
    pub state: DeliveryState,
    /// Tries so far, since it was last begun.
    pub attempts: i64,
    /// HTTP status of the last try; null without an answer.
    pub status_code: Option<i64>,
    /// How long the last try took.
    pub duration_ms: Option<i64>,
    /// Why the last try failed.
    pub error: Option<&'a str>,
    /// When it is tried next; null: never.
    pub next_attempt_at: Option<Time>,
    /// When made.
    pub created_at: Time,
}

/// A delivery with what was sent, and what was said at the last try.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryDetails<'a> {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: WebhookDelivery<'a>,
    /// What is sent.
    pub request: DeliveryRequest<'a>,
    /// What was answered; null without an answer.
    pub response: Option<DeliveryResponse<'a>>,
}

/// What is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryRequest<'a> {
    /// Where the last try went; null before it.
    pub url: Option<&'a str>,
    /// When the last try began.
    pub at: Option<Time>,
    /// Headers of the last try.
    pub headers: BTreeMap<&'a str, &'a str>,
    /// The body, byte for byte.
    pub body: &'a str,
}

/// What was answered.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryResponse<'a> {
    /// Its headers, without cookies.
    pub headers: BTreeMap<&'a str, &'a str>,
    /// The first 8 KiB of it.
    pub body: Option<&'a str>,
    /// There was more of the body, or it broke off.
    pub truncated: bool,
}

impl<'a> Webhook<'a> {
    /// API.md §3.6.
    pub fn of(w: &'a model::Webhook) -> Self {
        Self {
            id: w.id,
            url: &w.url,
            events: &w.events,
            description: w.description.as_deref(),
            filter: w.filter.as_deref(),
            is_active: w.is_active,
            failing_since: time(w.failing_since),
            created_at: Time(w.created_at),
            updated_at: Time(w.updated_at),
            version: w.version,
        }
    }
}

impl<'a> WebhookWithSecret<'a> {
    /// With the secret where it is shown.
    pub fn of(w: &'a WithSecret<model::Webhook>) -> Self {
        Self { webhook: Webhook::of(&w.made), secret: w.secret.as_deref() }
    }
}

impl<'a> WebhookDelivery<'a> {
    /// API.md §3.6. What is on the wire is tried now.
    pub fn of(d: &'a model::WebhookDelivery) -> Self {
        Self {
            id: d.id,
            webhook_id: d.webhook_id,
            event_id: d.event_id,
            r#type: &d.r#type,
            state: d.state,
            attempts: d.attempts,
            status_code: d.status_code,
            duration_ms: d.duration_ms,
            error: d.error.as_deref(),
            next_attempt_at: time(d.next_attempt_at.filter(|_| !d.is_on_wire())),
            created_at: Time(d.created_at),
        }
    }
}

impl<'a> DeliveryDetails<'a> {
    /// With what was said.
    pub fn of(with: &'a DeliveryWithExchange) -> Self {
        let exchange = with.exchange.as_ref();
        let answered = exchange.filter(|_| with.delivery.status_code.is_some());
        Self {
            delivery: WebhookDelivery::of(&with.delivery),
            request: DeliveryRequest {
                url: exchange.map(|exchange| exchange.url.as_str()),
                at: time(exchange.and_then(|exchange| exchange.at)),
                headers: exchange.map(|exchange| by_name(&exchange.request_headers)).unwrap_or_default(),
                body: &with.body,
            },
            response: answered.map(|exchange| DeliveryResponse {
                headers: by_name(&exchange.response_headers),
                body: exchange.response_body.as_deref(),
                truncated: exchange.truncated,
            }),
        }
    }
}

/// The last one of a name counts.
fn by_name(headers: &[(String, String)]) -> BTreeMap<&str, &str> {
    headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}
