//! What falls due by time. Each list is locked until the transaction ends, and skips what another node holds.

use super::value::args;
use super::{Result, Tx};
use crate::model::{Ticket, Timestamp};

impl Tx {
    /// Tickets that were resolved so long ago, the oldest first.
    pub async fn resolved_tickets(&mut self, until: Timestamp, limit: i64) -> Result<Vec<Ticket>> {
        let sql = self.pick(
            include_str!("sql/chores/resolved.sqlite.sql"),
            include_str!("sql/chores/resolved.postgres.sql"),
        );
        self.all(sql, args![until, limit]).await
    }

    /// Snoozed tickets whose time has come.
    pub async fn snoozed_tickets(&mut self, until: Timestamp, limit: i64) -> Result<Vec<Ticket>> {
        let sql = self.pick(
            include_str!("sql/chores/snoozed.sqlite.sql"),
            include_str!("sql/chores/snoozed.postgres.sql"),
        );
        self.all(sql, args![until, limit]).await
    }

    /// Tickets that have waited for their customer since then, and were not reminded.
    pub async fn waiting_tickets(&mut self, until: Timestamp, limit: i64) -> Result<Vec<Ticket>> {
        let sql = self.pick(
            include_str!("sql/chores/waiting.sqlite.sql"),
            include_str!("sql/chores/waiting.postgres.sql"),
        );
        self.all(sql, args![until, limit]).await
    }

    /// How many due mails nobody has tried since then, and since when the oldest waits.
    pub async fn overdue_mails(
        &mut self,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(i64, Option<Timestamp>)> {
        self.only(include_str!("sql/chores/overdue.sql"), args![since, now]).await
    }

    /// Takes the turn to do a thing that is done once in a while, unless somebody took it after `before`.
    pub async fn take_turn(&mut self, what: &str, now: Timestamp, before: Timestamp) -> Result<bool> {
        let sql = include_str!("sql/chores/take_turn.sql");
        Ok(self.run(sql, args![what, now.0.to_string(), before]).await? == 1)
    }
}
