//! What anonymous callers sent and nobody vouches for yet; and the puzzles they solved.

use uuid::Uuid;

use super::row::{FromRow, Row};
use super::value::args;
use super::{Result, Tx};
use crate::model::Timestamp;

/// A form that waits for its sender to confirm their address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingTicket {
    /// Whose address it is said to be, lower case.
    pub address: String,
    /// What is asked for, JSON; `None`: it is a ticket now.
    pub request: Option<String>,
    /// When it came.
    pub created_at: Timestamp,
    /// When it goes.
    pub expires_at: Timestamp,
}

impl FromRow for PendingTicket {
    fn from_row(row: Row<'_>) -> Result<Self> {
        Ok(Self { address: row.at(0)?, request: row.at(1)?, created_at: row.at(2)?, expires_at: row.at(3)? })
    }
}

impl Tx {
    /// Adds a form.
    pub async fn insert_pending(&mut self, id: Uuid, pending: &PendingTicket) -> Result<()> {
        let PendingTicket { address, request, created_at, expires_at } = pending;
        let sql = include_str!("sql/pending/insert.sql");
        self.run(sql, args![id, address, request, created_at, expires_at]).await.map(drop)
    }

    /// A form.
    pub async fn pending(&mut self, id: Uuid) -> Result<Option<PendingTicket>> {
        self.one(include_str!("sql/pending/get.sql"), args![id]).await
    }

    /// Takes what a form says: it becomes a ticket now. `false`: it did before.
    pub async fn settle_pending(&mut self, id: Uuid) -> Result<bool> {
        Ok(self.run(include_str!("sql/pending/settle.sql"), args![id]).await? == 1)
    }

    /// Forgets forms and puzzles that have expired.
    pub async fn expire_pending(&mut self, now: Timestamp) -> Result<()> {
        self.run(include_str!("sql/pending/expire.sql"), args![now]).await?;
        self.run(include_str!("sql/pending/expire_puzzles.sql"), args![now]).await.map(drop)
    }

    /// Notes that a puzzle was solved; `false`: it was before.
    pub async fn spend_puzzle(&mut self, challenge: &str, expires_at: Timestamp) -> Result<bool> {
        let sql = include_str!("sql/pending/spend.sql");
        Ok(self.run(sql, args![challenge, expires_at]).await? == 1)
    }
}
