//! Lists and the things that hang on their rows. One page costs a fixed number of statements.

use uuid::Uuid;

use super::query::{Start, TicketRef};
use super::select::Select;
use super::value::args;
use super::{Result, Tx};
use crate::model::*;

const TICKETS: &str = "SELECT * FROM tickets WHERE deleted_at IS NULL";

impl Tx {
    /// A whole ticket, deleted ones too.
    pub async fn find_ticket(&mut self, ticket: &TicketRef) -> Result<Option<Ticket>> {
        match ticket {
            TicketRef::Id(id) => self.ticket(*id).await,
            TicketRef::Number(number) => self.ticket_by_number(number).await,
        }
    }

    /// Tickets that name this one as theirs to follow up or to relate to, and those it names.
    pub async fn related_tickets(&mut self, ticket: &Ticket) -> Result<Vec<Ticket>> {
        let named = [ticket.follow_up_of_id, ticket.related_to_id].into_iter().flatten();
        let mut select = Select::new(TICKETS);
        select.sql(" AND (id IN ").bind_all(named);
        select.sql(" OR follow_up_of_id = ").bind(ticket.id);
        select.sql(" OR related_to_id = ").bind(ticket.id).sql(") ORDER BY id LIMIT 100");
        select.all(self).await
    }

    /// Contacts by id.
    pub async fn contacts_of(&mut self, ids: impl IntoIterator<Item = Uuid>) -> Result<Vec<Contact>> {
        let mut select = Select::new("SELECT * FROM contacts WHERE id IN ");
        select.bind_all(ids);
        select.all(self).await
    }

    /// Addresses of contacts, as they are kept.
    pub async fn contact_emails_of(
        &mut self,
        addresses: impl IntoIterator<Item = String>,
    ) -> Result<Vec<ContactEmail>> {
        let mut select = Select::new("SELECT * FROM contact_emails WHERE address IN ");
        select.bind_all(addresses);
        select.all(self).await
    }

    /// Agents by id.
    pub async fn agents_of(&mut self, ids: impl IntoIterator<Item = Uuid>) -> Result<Vec<Agent>> {
        let mut select = Select::new("SELECT * FROM agents WHERE id IN ");
        select.bind_all(ids);
        select.all(self).await
    }

    /// A page of the addresses that get no mail now, by time; in reverse when it ends before a row.
    pub async fn list_suppressions(
        &mut self,
        now: Timestamp,
        descending: bool,
        start: &Start,
        limit: i64,
    ) -> Result<Vec<Suppression>> {
        let mut select = Select::new("SELECT * FROM suppressions WHERE (expires_at IS NULL OR expires_at > ");
        select.bind(now).sql(")");
        add_by_id(&mut select, descending, start, limit);
        select.all(self).await
    }

    /// How many addresses get no mail now.
    pub async fn count_suppressions(&mut self, now: Timestamp) -> Result<i64> {
        let mut select =
            Select::new("SELECT COUNT(*) FROM suppressions WHERE (expires_at IS NULL OR expires_at > ");
        select.bind(now).sql(")");
        count(select, self).await
    }

    /// An email log.
    pub async fn email_log(&mut self, id: Uuid) -> Result<Option<OutboxEntry>> {
        let mut select = Select::new(super::mail_list::OUTBOX);
        select.sql(" AND id = ").bind(id);
        select.optional(self).await
    }

    /// The tries of an email log, first one first.
    pub async fn tries_of(&mut self, log: Uuid) -> Result<Vec<DeliveryAttempt>> {
        self.all(include_str!("sql/outbox/tries.sql"), args![log]).await
    }

    /// The bytes of a mail as sent; `None` before its first try.
    pub async fn sent_mime(&mut self, log: Uuid) -> Result<Option<Vec<u8>>> {
        let mime: Option<Option<Vec<u8>>> =
            self.field(include_str!("sql/outbox/sent_mime.sql"), args![log]).await?;
        Ok(mime.flatten())
    }

    /// Logs of a response, oldest first: id and status.
    pub async fn logs_of_responses(
        &mut self,
        ticket: Uuid,
    ) -> Result<Vec<(Uuid, Option<Uuid>, EmailStatus)>> {
        self.all(include_str!("sql/outbox/status_by_response.sql"), args![ticket]).await
    }

    /// Whether the database answers.
    pub async fn ping(&mut self) -> Result<()> {
        let _: (i64,) = self.only("SELECT COUNT(*) FROM desk_facts", args![]).await?;
        Ok(())
    }
}

pub(super) fn add_limit(select: &mut Select, start: &Start, limit: i64) {
    select.sql(" LIMIT ").bind(limit);
    if let Start::Offset(skipped) = start {
        select.sql(" OFFSET ").bind(*skipped);
    }
}

/// Ids are made in the order of time: the primary key is the order.
pub(super) fn add_by_id(select: &mut Select, descending: bool, start: &Start, limit: i64) {
    let (keys, before) = match start {
        Start::After(keys) => (Some(keys), false),
        Start::Before(keys) => (Some(keys), true),
        Start::Top | Start::Offset(_) => (None, false),
    };
    let down = descending != before;
    if let Some(keys) = keys {
        select.sql(if down { " AND id < " } else { " AND id > " }).bind_all(keys.iter().cloned());
    }
    select.sql(if down { " ORDER BY id DESC" } else { " ORDER BY id" });
    add_limit(select, start, limit);
}

pub(super) async fn count(select: Select, tx: &mut Tx) -> Result<i64> {
    let row: Option<(i64,)> = select.optional(tx).await?;
    Ok(row.map_or(0, |(count,)| count))
}
