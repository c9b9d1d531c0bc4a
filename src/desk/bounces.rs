//! Mail that failed, came back, or is late: what the desk learns from it, and whom it tells.

use serde_json::json;

use super::{Desk, Result};
use crate::mail::dsn::{Action, DeliveryReport};
use crate::model::delivery::{after_report, is_no_such_user};
use crate::model::{Actor, Channel, OutboxEntry, Suppression};
use crate::store::Tx;

impl Desk {
    /// Ties a report to the mail it is about: bounced, or delivered. An address where there is nobody gets no more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn record_bounce(
        &self,
        tx: &mut Tx,
        entry: uuid::Uuid,
        report: &DeliveryReport,
    ) -> Result<Option<OutboxEntry>> {
        let Some(mut entry) = tx.lock_outbox_entry(entry).await? else { return Ok(None) };
        let now = self.inner.clock.now();
        for recipient in &report.recipients {
            let arrived = match recipient.action {
                Action::Failed => false,
                Action::Delivered => true,
                Action::Delayed | Action::Relayed | Action::Expanded | Action::Complaint => continue,
            };
            entry = after_report(entry, arrived, now);
            if let (false, Some(status)) = (arrived, &recipient.status) {
                entry.enhanced_code = Some(status.clone());
                self.suppress_if_gone(tx, &entry, "bounce").await?;
            }
        }
        tx.update_outbox(&entry).await?;
        Ok(Some(entry))
    }

    /// A mail will not arrive: the remote refused it, or we gave up. Its ticket's history says so, and an address where
    /// there is nobody gets no more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn mail_failed(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<()> {
        self.suppress_if_gone(tx, entry, "failed").await?;
        self.note(tx, entry, "email_failed").await
    }

    /// A mail has not left for hours: its ticket's history says so. Called once per mail.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn mail_delayed(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<()> {
        self.note(tx, entry, "email_delayed").await
    }

    /// A mail that will not arrive, or not soon, is written into its ticket's history.
    async fn note(&self, tx: &mut Tx, entry: &OutboxEntry, kind: &str) -> Result<()> {
        let Some(ticket) = entry.ticket_id else { return Ok(()) };
        let Some(ticket) = tx.ticket(ticket).await? else { return Ok(()) };
        let mut event = self.event(&ticket, kind, &Actor::system(), self.inner.clock.now());
        event.channel = Channel::Email;
        event.response_id = entry.response_id;
        let why = entry.smtp_response.as_ref().or(entry.error.as_ref());
        event.changes = json!({ "email": [entry.to_address, why] });
        Ok(tx.insert_event(&event).await?)
    }

    async fn suppress_if_gone(&self, tx: &mut Tx, entry: &OutboxEntry, reason: &str) -> Result<()> {
        if !entry.enhanced_code.as_deref().is_some_and(is_no_such_user) {
            return Ok(());
        }
        let now = self.inner.clock.now();
        let suppression = Suppression {
            id: self.inner.ids.uuid(now),
            address: entry.to_address.to_lowercase(),
            reason: reason.into(),
            outbox_id: Some(entry.id),
            note: entry.smtp_response.clone(),
            expires_at: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        Ok(tx.put_suppression(&suppression).await?)
    }
}
