//! Lists and the things that hang on their rows. One page costs a fixed number of statements.

use uuid::Uuid;

use super::query::{EmailLogFilter, InboundFilter, Order, Start, TicketFilter, TicketKey, TicketRef};
use super::select::Select;
use super::value::args;
use super::{Result, Tx};
use crate::model::*;

const TICKETS: &str = "SELECT * FROM tickets WHERE deleted_at IS NULL";

/// Everything but the raw bytes.
const INBOUND: &str = "SELECT id, received_at, via, remote_ip, reverse_path, recipients, message_id, dedupe_key, \
    from_address, from_name, subject, size, sha256, kind, action, reason, detail, ticket_id, ticket_number, \
    response_id, duplicate_of, in_reply_to, refs, placement_by, placement_reason, flags, authentication, bounces, \
    defects, released_at, released_by FROM inbound_mails WHERE TRUE";

/// Everything but the rendered bytes.
const OUTBOX: &str = "SELECT id, ticket_id, response_id, template, template_version, locale, audience, automatic, \
    verified, from_address, to_address, to_name, subject, message_id, envelope_from, context, status, priority, \
    attempts, next_attempt_at, released, lease, give_up_at, remote, tls, smtp_code, enhanced_code, smtp_response, error, size, \
    queued_at, sent_at, delivered_at, bounced_at, created_at FROM outbox WHERE TRUE";

impl Tx {
    /// A page of tickets; in reverse when it ends before a row.
    pub async fn list_tickets(
        &mut self,
        filters: &[TicketFilter],
        order: &[Order<TicketKey>],
        start: &Start,
        limit: i64,
    ) -> Result<Vec<Ticket>> {
        let statuses = one_by_one(filters);
        if statuses.len() < 2 {
            let mut select = Select::new(TICKETS);
            self.add_tickets(&mut select, filters, order, start, limit);
            return select.all(self).await;
        }
        // One ordered walk of the index for each status, merged: a single walk over all of them would sort.
        let mut select = Select::new("");
        for (i, filters) in statuses.iter().enumerate() {
            select.sql(if i == 0 { "SELECT * FROM (" } else { ") AS part UNION ALL SELECT * FROM (" });
            select.sql(TICKETS);
            let deep = if let Start::Offset(skipped) = start { limit + skipped } else { limit };
            let begin = if matches!(start, Start::Offset(_)) { &Start::Top } else { start };
            self.add_tickets(&mut select, filters, order, begin, deep);
        }
        select.sql(") AS part");
        let mut all = Select::new("SELECT * FROM (");
        all.append(select).sql(") AS every");
        add_order(&mut all, order, start);
        add_limit(&mut all, start, limit);
        all.all(self).await
    }

    fn add_tickets(
        &self,
        select: &mut Select,
        filters: &[TicketFilter],
        order: &[Order<TicketKey>],
        start: &Start,
        limit: i64,
    ) {
        for filter in filters {
            filter.add(select, self);
        }
        add_start(select, order, start);
        add_order(select, order, start);
        add_limit(select, start, limit);
    }

    /// How many tickets there are.
    pub async fn count_tickets(&mut self, filters: &[TicketFilter]) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM tickets WHERE deleted_at IS NULL");
        for filter in filters {
            filter.add(&mut select, self);
        }
        count(select, self).await
    }

    /// The first tickets by id, for going through them all.
    pub async fn ticket_ids(&mut self, filters: &[TicketFilter], limit: i64) -> Result<Vec<Uuid>> {
        let mut select = Select::new("SELECT id FROM tickets WHERE deleted_at IS NULL");
        for filter in filters {
            filter.add(&mut select, self);
        }
        select.sql(" ORDER BY id LIMIT ").bind(limit);
        let rows: Vec<(Uuid,)> = select.all(self).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

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

    /// A page of the ledger, newest first; in reverse when it ends before a row.
    pub async fn list_inbound(
        &mut self,
        filters: &[InboundFilter],
        start: &Start,
        limit: i64,
    ) -> Result<Vec<InboundRecord>> {
        let mut select = Select::new(INBOUND);
        filters.iter().for_each(|filter| filter.add(&mut select));
        add_newest_first(&mut select, start, limit);
        select.all(self).await
    }

    /// How many rows of the ledger there are.
    pub async fn count_inbound(&mut self, filters: &[InboundFilter]) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM inbound_mails WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        count(select, self).await
    }

    /// A page of email logs, newest first; in reverse when it ends before a row.
    pub async fn list_email_logs(
        &mut self,
        filters: &[EmailLogFilter],
        start: &Start,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>> {
        let mut select = Select::new(OUTBOX);
        filters.iter().for_each(|filter| filter.add(&mut select));
        add_newest_first(&mut select, start, limit);
        select.all(self).await
    }

    /// How many email logs there are.
    pub async fn count_email_logs(&mut self, filters: &[EmailLogFilter]) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM outbox WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        count(select, self).await
    }

    /// A page of the addresses that get no mail now, the newest first; in reverse when it ends before a row.
    pub async fn list_suppressions(
        &mut self,
        now: Timestamp,
        start: &Start,
        limit: i64,
    ) -> Result<Vec<Suppression>> {
        let mut select = Select::new("SELECT * FROM suppressions WHERE (expires_at IS NULL OR expires_at > ");
        select.bind(now).sql(")");
        add_newest_first(&mut select, start, limit);
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
        let mut select = Select::new(OUTBOX);
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

/// The conditions once for each status asked for, so that each can walk its own stretch of the index.
fn one_by_one(filters: &[TicketFilter]) -> Vec<Vec<TicketFilter>> {
    let Some(at) = filters.iter().position(|f| matches!(f, TicketFilter::Status(c) if !c.negated)) else {
        return Vec::new();
    };
    let TicketFilter::Status(choice) = &filters[at] else { return Vec::new() };
    let alone = |status: &Status| {
        let mut filters = filters.to_vec();
        filters[at] = TicketFilter::Status(super::query::Choice::only(*status));
        filters
    };
    choice.any.iter().map(alone).collect()
}

/// Where the page begins: `(a, b, id) > (…)` where all keys run one way, spelt out where they don't.
fn add_start(select: &mut Select, order: &[Order<TicketKey>], start: &Start) {
    let (keys, before) = match start {
        Start::After(keys) => (keys, false),
        Start::Before(keys) => (keys, true),
        Start::Top | Start::Offset(_) => return,
    };
    let columns = columns(order);
    let mixed = order.iter().any(|o| o.descending != order[0].descending);
    if !mixed {
        select.sql(" AND (");
        for (i, (column, _)) in columns.iter().enumerate() {
            select.sql(if i == 0 { "" } else { ", " }).sql(column);
        }
        select.sql(if columns[0].1 == before { ") > " } else { ") < " }).bind_all(keys.iter().cloned());
        return;
    }
    select.sql(" AND (FALSE");
    for last in 0..columns.len() {
        select.sql(" OR (TRUE");
        for i in 0..=last {
            let (column, descending) = columns[i];
            let sign = match (i == last, descending == before) {
                (false, _) => " = ",
                (true, true) => " > ",
                (true, false) => " < ",
            };
            select.sql(" AND ").sql(column).sql(sign).bind(keys[i].clone());
        }
        select.sql(")");
    }
    select.sql(")");
}

/// Columns and directions to sort by; the id, last, makes the order total.
fn columns(order: &[Order<TicketKey>]) -> Vec<(&'static str, bool)> {
    let mut columns: Vec<_> = order.iter().map(|o| (o.key.expression(o.descending), o.descending)).collect();
    columns.push(("id", order.first().is_none_or(|o| o.descending)));
    columns
}

fn add_order(select: &mut Select, order: &[Order<TicketKey>], start: &Start) {
    let reverse = matches!(start, Start::Before(_));
    for (i, (column, descending)) in columns(order).into_iter().enumerate() {
        select.sql(if i == 0 { " ORDER BY " } else { ", " }).sql(column);
        select.sql(if descending == reverse { "" } else { " DESC" });
    }
}

fn add_limit(select: &mut Select, start: &Start, limit: i64) {
    select.sql(" LIMIT ").bind(limit);
    if let Start::Offset(skipped) = start {
        select.sql(" OFFSET ").bind(*skipped);
    }
}

/// Ids are made in the order of time: the primary key is the order.
pub(super) fn add_newest_first(select: &mut Select, start: &Start, limit: i64) {
    match start {
        Start::After(keys) => drop(select.sql(" AND id < ").bind_all(keys.iter().cloned())),
        Start::Before(keys) => drop(select.sql(" AND id > ").bind_all(keys.iter().cloned())),
        Start::Top | Start::Offset(_) => {}
    }
    select.sql(if matches!(start, Start::Before(_)) { " ORDER BY id" } else { " ORDER BY id DESC" });
    add_limit(select, start, limit);
}

pub(super) async fn count(select: Select, tx: &mut Tx) -> Result<i64> {
    let row: Option<(i64,)> = select.optional(tx).await?;
    Ok(row.map_or(0, |(count,)| count))
}
