//! What changed since somebody looked last: every change is told, whichever node made it and whenever it was committed.

use uuid::Uuid;

use super::{Desk, Error, Result, TicketView};
use crate::model::Timestamp;
use crate::store::feed::{ChangedTicket, Horizon};

/// Where a reader of changes goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangesFrom {
    /// First all tickets by the time of their last change, behind this one; then, from `mark` on, what changed meanwhile.
    Time {
        /// Of the last one told, or the time asked for.
        at: Timestamp,
        /// Of the last one told.
        id: Uuid,
        /// The horizon when the first page was read; `None` on that one.
        mark: Option<i64>,
        /// Of the marks.
        epoch: String,
    },
    /// Changes behind this one.
    Mark {
        /// Of the last one told.
        mark: i64,
        /// Of the last one told.
        id: Uuid,
        /// Of the marks.
        epoch: String,
    },
}

/// Some changes.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Tickets as they stand now; those in the bin too.
    pub tickets: Vec<TicketView>,
    /// Where to go on.
    pub next: ChangesFrom,
    /// There is no more for now.
    pub end: bool,
}

impl Desk {
    /// The next changes.
    ///
    /// # Errors
    /// [`Error::InvalidState`] for a place in another database, or one that lies ahead, as after a restored backup;
    /// the store's.
    pub async fn ticket_changes(&self, from: &ChangesFrom, limit: i64) -> Result<Changes> {
        let mut tx = self.store().read().await?;
        let horizon = tx.change_horizon().await?;
        let (rows, next, end) = match from {
            ChangesFrom::Time { at, id, mark, epoch } => {
                let start = mark.map_or(Ok(horizon.mark), |mark| known(&horizon, mark, epoch))?;
                let rows = tx.updated_tickets((*at, *id), limit).await?;
                let next = by_time(&rows, start, &horizon, limit);
                let end = matches!(next, ChangesFrom::Mark { .. }) && start == horizon.mark;
                (rows, next, end)
            }
            ChangesFrom::Mark { mark, id, epoch } => {
                let mark = known(&horizon, *mark, epoch)?;
                let rows = tx.changed_tickets((mark, *id), horizon.mark, limit).await?;
                let end = !is_full(&rows, limit);
                let next = by_mark(&rows, horizon, limit);
                (rows, next, end)
            }
        };
        let tickets = self.view_tickets(&mut tx, rows.into_iter().map(|row| row.ticket).collect()).await?;
        Ok(Changes { tickets, next, end })
    }
}

/// The mark, where it is one of this database.
fn known(horizon: &Horizon, mark: i64, epoch: &str) -> Result<i64> {
    if epoch == horizon.epoch && mark <= horizon.mark {
        return Ok(mark);
    }
    Err(Error::InvalidState("the place is not one of this database"))
}

fn is_full(rows: &[ChangedTicket], limit: i64) -> bool {
    i64::try_from(rows.len()).is_ok_and(|count| count >= limit)
}

fn by_time(rows: &[ChangedTicket], mark: i64, horizon: &Horizon, limit: i64) -> ChangesFrom {
    let epoch = horizon.epoch.clone();
    match rows.last().filter(|_| is_full(rows, limit)) {
        Some(ChangedTicket { ticket, .. }) => {
            ChangesFrom::Time { at: ticket.updated_at, id: ticket.id, mark: Some(mark), epoch }
        }
        None => ChangesFrom::Mark { mark, id: Uuid::nil(), epoch },
    }
}

fn by_mark(rows: &[ChangedTicket], horizon: Horizon, limit: i64) -> ChangesFrom {
    let epoch = horizon.epoch;
    match rows.last().filter(|_| is_full(rows, limit)) {
        Some(ChangedTicket { ticket, mark }) => ChangesFrom::Mark { mark: *mark, id: ticket.id, epoch },
        None => ChangesFrom::Mark { mark: horizon.mark, id: Uuid::nil(), epoch },
    }
}
