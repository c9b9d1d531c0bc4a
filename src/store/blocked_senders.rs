//! Whose mail is held back.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};
use crate::model::Timestamp;

impl Tx {
    /// Every blocked address, lower case.
    pub async fn blocked_senders(&mut self) -> Result<Vec<String>> {
        self.fields(include_str!("sql/blocked_senders/all.sql"), args![]).await
    }

    /// Blocks an address (lower case) for what it wrote on a ticket; nothing happens when it is blocked.
    pub async fn block_sender(&mut self, address: &str, ticket: Uuid, at: Timestamp) -> Result<()> {
        let sql = include_str!("sql/blocked_senders/insert.sql");
        self.run(sql, args![address, ticket, at]).await.map(drop)
    }

    /// Lets an address write again; whether it was blocked.
    pub async fn unblock_sender(&mut self, address: &str) -> Result<bool> {
        Ok(self.run(include_str!("sql/blocked_senders/delete.sql"), args![address]).await? == 1)
    }
}
