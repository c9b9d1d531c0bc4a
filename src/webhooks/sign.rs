//! The headers of Standard Webhooks 1.0.0: an id that stays the same over all tries, the time of this one, and a signature
//! over both and the body for each secret.

use standardwebhooks::{
    HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP, Webhook as Signer, WebhookError,
};

use crate::desk::ReadyDelivery;
use crate::model::Timestamp;

/// Who we say we are.
const USER_AGENT: &str = concat!("Postdesk/", env!("CARGO_PKG_VERSION"));

/// The headers of one try, in the order they are sent and kept.
///
/// # Errors
/// When a secret is not base64: somebody changed the database by hand.
pub(super) fn headers(ready: &ReadyDelivery, now: Timestamp) -> Result<Vec<(String, String)>, WebhookError> {
    let id = ready.delivery.event_id.to_string();
    let seconds = now.0.div_euclid(1_000);
    let mut signatures = Vec::new();
    for secret in ready.webhook.signing_secrets(now) {
        signatures.push(Signer::new(secret.reveal())?.sign(&id, seconds, ready.body.as_bytes())?);
    }
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("user-agent", USER_AGENT.to_owned()),
        (HEADER_WEBHOOK_ID, id),
        (HEADER_WEBHOOK_TIMESTAMP, seconds.to_string()),
        (HEADER_WEBHOOK_SIGNATURE, signatures.join(" ")),
    ];
    Ok(headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
