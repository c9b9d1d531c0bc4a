//! How the desk stands at this moment, in a few numbers that cost little.

use crate::desk::{Desk, QueueState, Result};
use crate::model::Status;

/// How the desk stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingNow {
    /// The outbox.
    pub queue: QueueState,
    /// How long the most overdue mail has waited over its time, milliseconds.
    pub late_ms: i64,
    /// Tickets by status, for the statuses that are neither resolved nor closed.
    pub tickets_open: Vec<(Status, i64)>,
    /// Mails held back.
    pub quarantined: i64,
}

impl Desk {
    /// How the desk stands.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn standing(&self) -> Result<StandingNow> {
        let mut tx = self.store().read().await?;
        let queue = tx.queue_state().await?;
        let due = tx.outbox_due_since().await?;
        let late_ms = due.map_or(0, |due| (self.clock().now().0 - due.0).max(0));
        let counted = tx.open_tickets().await?;
        let count =
            |status: &Status| counted.iter().find(|(known, _)| known == status).map_or(0, |(_, n)| *n);
        let open = Status::ALL.iter().filter(|status| !status.is_ended());
        let tickets_open = open.map(|status| (*status, count(status))).collect();
        Ok(StandingNow { queue, late_ms, tickets_open, quarantined: tx.all_held_mails().await? })
    }
}
