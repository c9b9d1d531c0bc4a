//! Deliveries on their way: leased to a worker, and what each try makes of them.

use uuid::Uuid;

use super::super::notify::Finding;
use super::super::{Desk, Result};
use super::SWITCHED_OFF;
use crate::model::{Timestamp, TryVerdict, Webhook, WebhookDelivery, WebhookTry, webhook};
use crate::store::{Tx, WebhookClaim};

/// Most deliveries forgotten by one transaction.
const SWEPT: i64 = 1_000;

/// A delivery that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyDelivery {
    /// Whom to.
    pub webhook: Webhook,
    /// The delivery, leased.
    pub delivery: WebhookDelivery,
    /// What to send, byte for byte.
    pub body: String,
}

impl Desk {
    /// Webhooks that a delivery is due to.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn due_webhooks(&self) -> Result<Vec<Webhook>> {
        Ok(self.store().read().await?.due_webhooks(self.clock().now()).await?)
    }

    /// Leases due deliveries: of each of these webhooks up to so many. `lease` is the claim's name, never used twice; it
    /// ends by itself after `lease_ms`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn claim_deliveries(
        &self,
        lease: &str,
        lease_ms: i64,
        wanted: &[(Uuid, usize)],
    ) -> Result<Vec<ReadyDelivery>> {
        let now = self.clock().now();
        let mut tx = self.store().begin().await?;
        let mut ready = Vec::new();
        for &(id, limit) in wanted {
            let Some(webhook) = tx.webhook(id).await? else { continue };
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let claim = WebhookClaim { lease, until: now.plus_ms(lease_ms), now, limit };
            let leased = tx.claim_webhook_deliveries(id, claim).await?.into_iter();
            ready.extend(leased.map(|leased| ReadyDelivery {
                webhook: webhook.clone(),
                delivery: leased.delivery,
                body: leased.body,
            }));
        }
        tx.commit().await?;
        Ok(ready)
    }

    /// Writes down how a try went: the delivery has arrived, goes again, or has failed; and the webhook works, fails, or
    /// is switched off. A try whose lease ran out meanwhile is not counted: somebody else makes the next one.
    ///
    /// # Errors
    /// When the store does not answer; then the lease runs out, and the delivery goes again.
    pub async fn record_webhook_try(&self, ready: &ReadyDelivery, result: &WebhookTry) -> Result<()> {
        let now = self.clock().now();
        let mut tx = self.store().begin().await?;
        let Some(mut webhook) = tx.lock_webhook(ready.webhook.id).await? else { return Ok(()) };
        let Some(mut delivery) = tx.lock_webhook_delivery(webhook.id, ready.delivery.id).await? else {
            return Ok(());
        };
        if delivery.lease != ready.delivery.lease {
            return Ok(());
        }
        delivery.tried(result, now, |bound| self.ids().below(bound));
        self.judge_webhook(&mut tx, &mut webhook, result, now).await?;
        if !webhook.is_active && delivery.next_attempt_at.is_some() {
            delivery.give_up();
        }
        tx.update_webhook_delivery(&delivery).await?;
        tx.keep_webhook_exchange(delivery.id, &result.exchange).await?;
        tx.commit().await?;
        self.ring_outbox();
        Ok(())
    }

    /// Forgets deliveries that were made too long ago.
    pub(in crate::desk) async fn sweep_webhook_deliveries(&self) -> Result<()> {
        let before = self.clock().now().plus_ms(-webhook::KEPT_MS);
        loop {
            let mut tx = self.store().begin().await?;
            let some = tx.sweep_webhook_deliveries(before, SWEPT).await?;
            tx.commit().await?;
            if some < SWEPT.unsigned_abs() {
                return Ok(());
            }
        }
    }

    /// What a try says of the webhook itself. Only what changes is written.
    async fn judge_webhook(
        &self,
        tx: &mut Tx,
        webhook: &mut Webhook,
        result: &WebhookTry,
        now: Timestamp,
    ) -> Result<()> {
        let before = webhook.failing_since;
        match result.verdict() {
            TryVerdict::Delivered => webhook.failing_since = None,
            TryVerdict::Again | TryVerdict::Gone => drop(webhook.failing_since.get_or_insert(now)),
        }
        let why = match result.verdict() {
            _ if !webhook.is_active => None,
            TryVerdict::Gone => Some("its receiver says that it is gone (HTTP 410)".to_owned()),
            TryVerdict::Again if webhook.is_hopeless(now) => {
                Some(format!("nothing has arrived for 5 days; last: {}", result.reason().unwrap_or_default()))
            }
            _ => None,
        };
        if let Some(why) = why {
            return self.switch_off(tx, webhook, why).await;
        }
        if webhook.failing_since != before {
            tx.update_webhook(webhook).await?;
        }
        Ok(())
    }

    /// Tells it no more: what waits for it ends, and the admins hear of it.
    async fn switch_off(&self, tx: &mut Tx, webhook: &mut Webhook, why: String) -> Result<()> {
        webhook.is_active = false;
        self.touch(tx, webhook).await?;
        tx.end_waiting_deliveries(webhook.id, SWITCHED_OFF).await?;
        tracing::warn!(webhook = %webhook.id, why, "webhook switched off");
        let finding = Finding {
            what: format!("webhook {}", webhook.id),
            detail: format!(
                "switched off: {why}. Mend the receiver, then set is_active and replay what it missed"
            ),
        };
        self.tell_findings(tx, &[finding]).await.map(drop)
    }
}
