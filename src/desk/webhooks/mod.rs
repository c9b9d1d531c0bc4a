//! Webhooks: made, changed and tried by people. `dispatch` turns events into deliveries, `replay` those of a time once more, `sending` hands those to the
//! door and writes down what became of them.

mod dispatch;
mod filter;
mod replay;
mod sending;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use super::reading::{Page, PageOf, cut};
use super::writing::{Answered, Deed, Ending, WithSecret};
use super::{Caller, Desk, Error, Result};
use crate::model::{DeliveryState, EventType, Exchange, Webhook, WebhookDelivery, WebhookSecret};
use crate::store::Tx;
use crate::store::query::WebhookDeliveryFilter;

pub use filter::webhook_filter;
pub use sending::ReadyDelivery;

/// Bytes of a secret; Standard Webhooks asks for 24 to 64.
const SECRET_BYTES: usize = 32;
/// Why deliveries ended that waited for a webhook when it was switched off.
const SWITCHED_OFF: &str = "the webhook was switched off";

/// A webhook to be made; its URL, events and filter were checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewWebhook {
    /// Where to.
    pub url: String,
    /// Types and globs.
    pub events: Vec<String>,
    /// For people.
    pub description: Option<String>,
    /// A search of tickets.
    pub filter: Option<String>,
    /// Whether it is told of events.
    pub is_active: bool,
}

/// What is to be changed of a webhook; what is absent stays. URL, events and filter were checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebhookChange {
    /// Where to.
    pub url: Option<String>,
    /// Types and globs.
    pub events: Option<Vec<String>>,
    /// For people; null clears.
    pub description: Option<Option<String>>,
    /// A search of tickets; null clears.
    pub filter: Option<Option<String>>,
    /// Whether it is told of events.
    pub is_active: Option<bool>,
    /// The version the caller has seen.
    pub version: Option<i64>,
}

/// A delivery with what was sent, and what was said at the last try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryWithExchange {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// What is sent.
    pub body: String,
    /// `None` before the first try.
    pub exchange: Option<Exchange>,
}

impl Desk {
    /// A page of webhooks, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_webhooks(&self, page: &PageOf) -> Result<Page<Webhook>> {
        let mut tx = self.store().read().await?;
        let rows = tx.list_webhooks(&page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_webhooks().await?) } else { None };
        Ok(cut(rows, page, total))
    }

    /// A webhook.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn webhook(&self, id: Uuid) -> Result<Webhook> {
        self.store().read().await?.webhook(id).await?.ok_or(Error::NotFound("webhook"))
    }

    /// Makes a webhook, with a secret that is shown by this answer alone.
    ///
    /// # Errors
    /// The store's.
    pub async fn create_webhook(
        &self,
        new: NewWebhook,
        caller: &Caller,
        ending: Ending<'_, WithSecret<Webhook>>,
    ) -> Result<Answered> {
        let now = self.clock().now();
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        let webhook = Webhook {
            id: self.ids().uuid(now),
            url: new.url,
            events: new.events,
            description: new.description,
            filter: new.filter,
            is_active: new.is_active,
            failing_since: None,
            secret: self.new_webhook_secret(),
            old_secret: None,
            old_secret_until: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        tx.insert_webhook(&webhook).await?;
        let deed = Deed { by: Some(caller), what: "webhook.created", id: webhook.id };
        self.conclude_secret(tx, &ending, revealed(webhook), deed).await
    }

    /// Changes a webhook. Switched on, it begins without a past; switched off, what waits for it ends: it can be sent
    /// again, each delivery or all of a time.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; the store's.
    pub async fn change_webhook(
        &self,
        id: Uuid,
        change: WebhookChange,
        ending: Ending<'_, Webhook>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let mut webhook = lock(&mut tx, id, change.version).await?;
        let was_active = webhook.is_active;
        apply(&mut webhook, change);
        match (was_active, webhook.is_active) {
            (true, false) => drop(tx.end_waiting_deliveries(id, SWITCHED_OFF).await?),
            (false, true) => webhook.failing_since = None,
            _ => {}
        }
        self.touch(&mut tx, &mut webhook).await?;
        self.conclude(tx, &ending, &webhook).await
    }

    /// Gives a webhook a new secret, shown by this answer alone. Both sign for a day.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn rotate_webhook_secret(
        &self,
        id: Uuid,
        caller: &Caller,
        ending: Ending<'_, WithSecret<Webhook>>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        let mut webhook = lock(&mut tx, id, None).await?;
        webhook.rotate(self.new_webhook_secret(), self.clock().now());
        self.touch(&mut tx, &mut webhook).await?;
        let deed = Deed { by: Some(caller), what: "webhook.rotated", id };
        self.conclude_secret(tx, &ending, revealed(webhook), deed).await
    }

    /// Takes a webhook away, with all its deliveries.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; the store's.
    pub async fn delete_webhook(
        &self,
        id: Uuid,
        version: Option<i64>,
        ending: Ending<'_, Webhook>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let webhook = lock(&mut tx, id, version).await?;
        tx.delete_webhook(id).await?;
        self.conclude(tx, &ending, &webhook).await
    }

    /// Sends a webhook an event of its own, whatever it subscribed to, and though it is switched off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn test_webhook(&self, id: Uuid, ending: Ending<'_, WebhookDelivery>) -> Result<Answered> {
        let now = self.clock().now();
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        tx.webhook(id).await?.ok_or(Error::NotFound("webhook"))?;
        let body = json!({
            "type": EventType::WebhookTest, "timestamp": now.rfc3339(), "data": {"webhook": {"id": id}},
        });
        let delivery = self.new_delivery(id, self.ids().uuid(now), EventType::WebhookTest);
        tx.insert_webhook_delivery(&delivery, &body.to_string()).await?;
        self.conclude_delivery(tx, &ending, &delivery).await
    }

    /// A page of a webhook's deliveries, the newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn list_webhook_deliveries(
        &self,
        webhook: Uuid,
        filters: &[WebhookDeliveryFilter],
        page: &PageOf,
    ) -> Result<Page<WebhookDelivery>> {
        let mut tx = self.store().read().await?;
        tx.webhook(webhook).await?.ok_or(Error::NotFound("webhook"))?;
        let rows = tx.list_webhook_deliveries(webhook, filters, &page.start, page.limit + 1).await?;
        let total =
            if page.count { Some(tx.count_webhook_deliveries(webhook, filters).await?) } else { None };
        Ok(cut(rows, page, total))
    }

    /// A delivery, with what was sent and what was said.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn webhook_delivery(&self, webhook: Uuid, id: Uuid) -> Result<DeliveryWithExchange> {
        let mut tx = self.store().read().await?;
        tx.webhook(webhook).await?.ok_or(Error::NotFound("webhook"))?;
        let delivery = tx.webhook_delivery(webhook, id).await?.ok_or(Error::NotFound("delivery"))?;
        let (body, exchange) = tx.webhook_exchange(id).await?.ok_or(Error::NotFound("delivery"))?;
        Ok(DeliveryWithExchange { delivery, body, exchange })
    }

    /// Sends an event again, under the same id, with all tries before it; whatever became of it, and though the webhook
    /// is switched off.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`] while it is on the wire; the store's.
    pub async fn redeliver(
        &self,
        webhook: Uuid,
        id: Uuid,
        ending: Ending<'_, WebhookDelivery>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        tx.webhook(webhook).await?.ok_or(Error::NotFound("webhook"))?;
        let delivery = tx.lock_webhook_delivery(webhook, id).await?;
        let mut delivery = delivery.ok_or(Error::NotFound("delivery"))?;
        if delivery.is_on_wire() {
            return Err(Error::InvalidState("it is being sent at this moment"));
        }
        delivery.begin_anew(self.clock().now());
        tx.update_webhook_delivery(&delivery).await?;
        self.conclude_delivery(tx, &ending, &delivery).await
    }

    /// Changes when a verb of this node told something; `None` when none will.
    pub fn news(&self) -> Option<watch::Receiver<u64>> {
        self.store().news()
    }

    /// Resolves when a delivery may have become due on this node by somebody's wish.
    pub async fn webhooks_rung(&self) {
        self.inner.webhooks.notified().await;
    }

    async fn conclude_delivery(
        &self,
        tx: Tx,
        ending: &Ending<'_, WebhookDelivery>,
        delivery: &WebhookDelivery,
    ) -> Result<Answered> {
        let answered = self.conclude(tx, ending, delivery).await?;
        self.inner.webhooks.notify_one();
        Ok(answered)
    }

    fn new_delivery(&self, webhook_id: Uuid, event_id: Uuid, r#type: EventType) -> WebhookDelivery {
        let now = self.clock().now();
        WebhookDelivery {
            id: self.ids().uuid(now),
            webhook_id,
            event_id,
            r#type: r#type.as_str().to_owned(),
            state: DeliveryState::Pending,
            attempts: 0,
            status_code: None,
            duration_ms: None,
            error: None,
            next_attempt_at: Some(now),
            lease: None,
            created_at: now,
        }
    }

    /// Writes a webhook under its next version.
    async fn touch(&self, tx: &mut Tx, webhook: &mut Webhook) -> Result<()> {
        webhook.updated_at = self.clock().now();
        webhook.version += 1;
        Ok(tx.update_webhook(webhook).await?)
    }

    fn new_webhook_secret(&self) -> WebhookSecret {
        WebhookSecret::new(&STANDARD.encode(self.ids().bytes::<SECRET_BYTES>()))
    }
}

/// With its secret in the open.
fn revealed(webhook: Webhook) -> (Webhook, String) {
    let secret = webhook.secret.reveal().to_owned();
    (webhook, secret)
}

async fn lock(tx: &mut Tx, id: Uuid, seen: Option<i64>) -> Result<Webhook> {
    let webhook = tx.lock_webhook(id).await?.ok_or(Error::NotFound("webhook"))?;
    let current = webhook.version;
    if seen.is_some_and(|seen| seen != current) {
        Err(Error::VersionMismatch { current })
    } else {
        Ok(webhook)
    }
}

fn apply(webhook: &mut Webhook, change: WebhookChange) {
    let WebhookChange { url, events, description, filter, is_active, version: _ } = change;
    webhook.url = url.unwrap_or(std::mem::take(&mut webhook.url));
    webhook.events = events.unwrap_or(std::mem::take(&mut webhook.events));
    webhook.description = description.unwrap_or(webhook.description.take());
    webhook.filter = filter.unwrap_or(webhook.filter.take());
    webhook.is_active = is_active.unwrap_or(webhook.is_active);
}
