//! New events are turned into deliveries, by any node: the events taken and the deliveries made commit together, so each
//! webhook gets each event once, whoever is killed meanwhile.

use super::super::{Desk, Result};
use super::filter::wanted;
use crate::model::DeskEvent;
use crate::store::Tx;

/// Most events of one transaction.
const BATCH: i64 = 100;

impl Desk {
    /// Hands the events that wait to the webhooks that want them; how many events there were. Another node's are left to
    /// it.
    ///
    /// # Errors
    /// When the store does not answer; then none of the last batch was handed on.
    pub async fn dispatch_events(&self) -> Result<usize> {
        let mut dispatched = 0;
        while self.store().read().await?.events_wait_for_webhooks().await? {
            let mut tx = self.store().begin().await?;
            let events = tx.take_events_for_webhooks(BATCH).await?;
            if events.is_empty() {
                break;
            }
            self.make_deliveries(&mut tx, &events).await?;
            tx.commit().await?;
            dispatched += events.len();
        }
        Ok(dispatched)
    }

    async fn make_deliveries(&self, tx: &mut Tx, events: &[DeskEvent]) -> Result<()> {
        for webhook in tx.active_webhooks().await? {
            let since_it_was_made = events.iter().filter(|event| event.at >= webhook.created_at).collect();
            for event in wanted(tx, &webhook, since_it_was_made).await? {
                let delivery = self.new_delivery(webhook.id, event.id, event.r#type);
                tx.insert_webhook_delivery(&delivery, &event.body).await?;
            }
        }
        Ok(())
    }
}
