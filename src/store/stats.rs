//! What statistics are counted over, read in stretches at first and by what changed from then on.

use uuid::Uuid;

use super::query::TicketFilter;
use super::row::{FromRow, Row, row};
use super::value::{Value, args};
use super::{Result, Tx};
use crate::model::stats::{LogRow, ReplyRow, TicketRow};
use crate::model::{EmailStatus, Status, Timestamp};

/// The fact that says how often rows came or went past the marks of change.
const REWRITTEN: &str = "tickets_rewritten";

row!(TicketRow {
    id,
    status,
    priority,
    category,
    channel,
    assignee_id,
    team_id,
    store_id,
    seller_id,
    tags,
    is_spam,
    deleted_at,
    created_at,
    first_response_at,
    resolved_at,
    reopened_at,
});
row!(ReplyRow { seq, id, ticket_id, created_at, author_id, deleted_at });

impl FromRow for LogRow<EmailStatus> {
    fn from_row(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: row.get("id")?,
            ticket_id: row.get("ticket_id")?,
            at: row.get("at")?,
            what: row.get("what")?,
        })
    }
}

impl FromRow for LogRow<()> {
    fn from_row(row: Row<'_>) -> Result<Self> {
        Ok(Self { id: row.get("id")?, ticket_id: row.get("ticket_id")?, at: row.get("at")?, what: () })
    }
}

impl Tx {
    /// Tickets behind this id, in the order of ids.
    pub async fn ticket_facts(&mut self, after: Uuid, limit: i64) -> Result<Vec<TicketRow>> {
        self.at_length(include_str!("sql/stats/tickets.sql"), vec![Value::Id(after), Value::Int(limit)]).await
    }

    /// Tickets that changed since then, deleted ones too.
    pub async fn ticket_facts_since(&mut self, since: Timestamp) -> Result<Vec<TicketRow>> {
        self.at_length(include_str!("sql/stats/tickets_changed.sql"), vec![Value::Int(since.0)]).await
    }

    /// Whether there are so many tickets, or mails that came or left, that counting them one by one is felt.
    pub async fn has_many_rows(&mut self) -> Result<bool> {
        self.only(include_str!("sql/stats/many.sql"), args![]).await.map(|(many,)| many)
    }

    /// The place of the response stored last.
    pub async fn last_response(&mut self) -> Result<i64> {
        let (seq,) = self.only(include_str!("sql/stats/last_response.sql"), args![]).await?;
        Ok(seq)
    }

    /// Public replies of agents behind this place and up to that one.
    pub async fn reply_facts(&mut self, after: i64, to: i64) -> Result<Vec<ReplyRow>> {
        self.at_length(include_str!("sql/stats/replies.sql"), vec![Value::Int(after), Value::Int(to)]).await
    }

    /// Public replies of agents that were taken back since then.
    pub async fn replies_deleted_since(&mut self, since: Timestamp) -> Result<Vec<ReplyRow>> {
        self.at_length(include_str!("sql/stats/replies_deleted.sql"), vec![Value::Int(since.0)]).await
    }

    /// Mails of ours behind this id, in the order of ids.
    pub async fn mail_out_facts(&mut self, after: Uuid, limit: i64) -> Result<Vec<LogRow<EmailStatus>>> {
        self.at_length(include_str!("sql/stats/mails_out.sql"), vec![Value::Id(after), Value::Int(limit)])
            .await
    }

    /// Mails of ours whose status changed since then.
    pub async fn mail_out_facts_since(&mut self, since: Timestamp) -> Result<Vec<LogRow<EmailStatus>>> {
        self.at_length(include_str!("sql/stats/mails_out_changed.sql"), vec![Value::Int(since.0)]).await
    }

    /// Mails that came, behind this id, in the order of ids.
    pub async fn mail_in_facts(&mut self, after: Uuid, limit: i64) -> Result<Vec<LogRow<()>>> {
        self.at_length(include_str!("sql/stats/mails_in.sql"), vec![Value::Id(after), Value::Int(limit)])
            .await
    }

    /// Mails that were let in since then: they are a ticket's now.
    pub async fn mail_in_facts_since(&mut self, since: Timestamp) -> Result<Vec<LogRow<()>>> {
        self.at_length(include_str!("sql/stats/mails_in_released.sql"), vec![Value::Int(since.0)]).await
    }

    /// How many of the mails that came in this time are held back now.
    pub async fn held_mails(&mut self, from: Timestamp, to: Timestamp) -> Result<i64> {
        let sql = include_str!("sql/stats/quarantined.sql");
        let (count,) = self.only(sql, args![from.first_uuid(), to.first_uuid()]).await?;
        Ok(count)
    }

    /// How many mails are held back now.
    pub async fn all_held_mails(&mut self) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/stats/all_quarantined.sql"), args![]).await?;
        Ok(count)
    }

    /// How many tickets there are of each status that is no end.
    pub async fn open_tickets(&mut self) -> Result<Vec<(Status, i64)>> {
        self.all(include_str!("sql/stats/open.sql"), args![]).await
    }

    /// Every agent there ever was: id, name, address.
    pub async fn agent_names(&mut self) -> Result<Vec<(Uuid, String, String)>> {
        self.all(include_str!("sql/stats/agents.sql"), args![]).await
    }

    /// Tickets that pass all of these.
    pub async fn matching_tickets(&mut self, filters: &[TicketFilter]) -> Result<Vec<Uuid>> {
        self.ticket_ids(filters, i64::MAX).await
    }

    /// Says that tickets, or what hangs on them, came with times long past or went without a trace: whoever keeps figures
    /// in memory reads all of it again.
    pub async fn note_rewritten(&mut self) -> Result<()> {
        self.run(include_str!("sql/facts/count_up.sql"), args![REWRITTEN]).await.map(drop)
    }

    /// How often that was said.
    pub async fn rewritten(&mut self) -> Result<Option<String>> {
        self.field(include_str!("sql/facts/get.sql"), args![REWRITTEN]).await
    }

    async fn at_length<T: FromRow + Send + 'static>(
        &mut self,
        sql: &'static str,
        args: Vec<Value<'static>>,
    ) -> Result<Vec<T>> {
        self.all_at_length(sql.to_owned(), args).await
    }
}
