//! What changed on tickets, in an order that no commit slips into later.
//!
//! SQLite has one writer: each change gets a larger number than the one before. On PostgreSQL many nodes write, and who
//! began first may commit last; a change is marked with its transaction, and nothing is read at or above the oldest one
//! that is still under way.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};
use crate::model::{Ticket, Timestamp};

/// Up to where changes can be read now, and for which database that is true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Horizon {
    /// Below it nothing will be added.
    pub mark: i64,
    /// Names the database: marks of another one mean nothing here.
    pub epoch: String,
}

/// A ticket as a change left it, and the mark of that change.
#[derive(Debug, Clone)]
pub struct ChangedTicket {
    /// As it stands; maybe in the bin.
    pub ticket: Ticket,
    /// The mark.
    pub mark: i64,
}

impl super::row::FromRow for ChangedTicket {
    fn from_row(row: super::row::Row<'_>) -> Result<Self> {
        Ok(Self { ticket: Ticket::from_row(row)?, mark: row.get("changed")? })
    }
}

impl Tx {
    /// Up to where changes can be read in this snapshot.
    pub async fn change_horizon(&mut self) -> Result<Horizon> {
        let sql = self.pick(
            include_str!("sql/tickets/horizon.sqlite.sql"),
            include_str!("sql/tickets/horizon.postgres.sql"),
        );
        let (mark, epoch) = self.only(sql, args![]).await?;
        Ok(Horizon { mark, epoch })
    }

    /// Changes behind this one and below the horizon, in order.
    pub async fn changed_tickets(
        &mut self,
        (mark, id): (i64, Uuid),
        horizon: i64,
        limit: i64,
    ) -> Result<Vec<ChangedTicket>> {
        self.all(include_str!("sql/tickets/changed.sql"), args![mark, id, horizon, limit]).await
    }

    /// Tickets that changed last behind this one, in that order.
    pub async fn updated_tickets(
        &mut self,
        (at, id): (Timestamp, Uuid),
        limit: i64,
    ) -> Result<Vec<ChangedTicket>> {
        self.all(include_str!("sql/tickets/updated.sql"), args![at, id, limit]).await
    }
}
