//! Addresses that get no mail and why, and the soft bounces that lead there.

use uuid::Uuid;

use super::select::Select;
use super::value::args;
use super::{Result, Tx};
use crate::model::{Suppression, Timestamp};

impl Tx {
    /// Why an address gets no mail; `None` when it does.
    pub async fn suppression(&mut self, address: &str, now: Timestamp) -> Result<Option<Suppression>> {
        self.one(include_str!("sql/suppressions/get.sql"), args![address, now]).await
    }

    /// Which of these addresses get no mail now.
    pub async fn suppressed_of(&mut self, addresses: &[String], now: Timestamp) -> Result<Vec<String>> {
        let mut select = Select::new("SELECT address FROM suppressions WHERE address IN ");
        select.bind_all(addresses.iter().cloned());
        select.sql(" AND (expires_at IS NULL OR expires_at > ").bind(now).sql(")");
        let rows: Vec<(String,)> = select.all(self).await?;
        Ok(rows.into_iter().map(|(address,)| address).collect())
    }

    /// To which of these addresses mail bounced softly since then, or since they last took one.
    pub async fn bouncing_of(&mut self, addresses: &[String], since: Timestamp) -> Result<Vec<String>> {
        let mut select = Select::new("SELECT DISTINCT address FROM soft_bounces WHERE address IN ");
        select.bind_all(addresses.iter().cloned()).sql(" AND at >= ").bind(since);
        let rows: Vec<(String,)> = select.all(self).await?;
        Ok(rows.into_iter().map(|(address,)| address).collect())
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
        Ok(self.run(include_str!("sql/suppressions/delete.sql"), args![address]).await? > 0)
    }

    /// Writes down that a mail did not arrive, though its address may be good; once per mail. Older ones than `since`
    /// are let go.
    pub async fn insert_soft_bounce(
        &mut self,
        address: &str,
        outbox_id: Uuid,
        at: Timestamp,
        since: Timestamp,
    ) -> Result<()> {
        self.run(include_str!("sql/soft_bounces/prune.sql"), args![address, since]).await?;
        self.run(include_str!("sql/soft_bounces/insert.sql"), args![address, outbox_id, at]).await.map(drop)
    }

    /// How many mails to an address bounced softly since then, or since it last took one.
    pub async fn soft_bounces(&mut self, address: &str, since: Timestamp) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/soft_bounces/count.sql"), args![address, since]).await?;
        Ok(count)
    }

    /// An address took a mail: what bounced before is forgotten.
    pub async fn forget_soft_bounces(&mut self, address: &str) -> Result<()> {
        self.run(include_str!("sql/soft_bounces/forget.sql"), args![address]).await.map(drop)
    }
}
