//! Addresses that get no mail, and why.

use super::value::args;
use super::{Result, Tx};
use crate::model::{Suppression, Timestamp};

impl Tx {
    /// Why an address gets no mail; `None` when it does.
    pub async fn suppression(&mut self, address: &str, now: Timestamp) -> Result<Option<Suppression>> {
        self.one(include_str!("sql/suppressions/get.sql"), args![address, now]).await
    }

    /// From now on an address gets no mail; replaces what was known of it, but for its id and its beginning.
    pub async fn put_suppression(&mut self, s: &Suppression) -> Result<()> {
        self.run(
            include_str!("sql/suppressions/put.sql"),
            args![s.id, &s.address, &s.reason, s.outbox_id, &s.note, s.expires_at, s.created_at],
        )
        .await
        .map(drop)
    }

    /// An address gets mail again; whether it got none.
    pub async fn delete_suppression(&mut self, address: &str) -> Result<bool> {
        Ok(self.run(include_str!("sql/suppressions/delete.sql"), args![address]).await? == 1)
    }
}
