//! Who tried to bring mail before.

use super::row::{FromRow, Row};
use super::value::args;
use super::{Result, Tx};
use crate::model::Timestamp;

/// A network, a sender and a recipient that came together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GreyEntry {
    /// When they came first.
    pub first_at: Timestamp,
    /// When they came last.
    pub seen_at: Timestamp,
    /// Whether they waited as they were told.
    pub passed: bool,
}

impl FromRow for GreyEntry {
    fn from_row(row: Row<'_>) -> Result<Self> {
        Ok(Self { first_at: row.at(0)?, seen_at: row.at(1)?, passed: row.at(2)? })
    }
}

impl Tx {
    /// What is known of this key.
    pub async fn grey_entry(&mut self, key: &[u8]) -> Result<Option<GreyEntry>> {
        self.one(include_str!("sql/greylist/get.sql"), args![key]).await
    }

    /// Keeps what is known of this key.
    pub async fn put_grey_entry(&mut self, key: &[u8], entry: GreyEntry) -> Result<()> {
        let GreyEntry { first_at, seen_at, passed } = entry;
        self.run(include_str!("sql/greylist/put.sql"), args![key, first_at, seen_at, passed]).await.map(drop)
    }

    /// Forgets those who were not seen since.
    pub async fn prune_greylist(&mut self, before: Timestamp) -> Result<()> {
        self.run(include_str!("sql/greylist/prune.sql"), args![before]).await.map(drop)
    }
}
