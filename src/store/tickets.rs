//! Tickets, one at a time.

use std::collections::HashMap;

use uuid::Uuid;

use super::select::Select;
use super::value::{args, json};
use super::{Result, Tx};
use crate::model::{Ticket, TicketNumber};

impl Tx {
    /// A ticket.
    pub async fn ticket(&mut self, id: Uuid) -> Result<Option<Ticket>> {
        let ticket = self.one(include_str!("sql/tickets/get.sql"), args![id]).await?;
        self.news(|news| ticket.iter().for_each(|ticket| news.saw_ticket(ticket)));
        Ok(ticket)
    }

    /// A ticket, locked until the transaction ends: whoever changes one reads it so.
    pub async fn lock_ticket(&mut self, id: Uuid) -> Result<Option<Ticket>> {
        let sql = self
            .pick(include_str!("sql/tickets/lock.sqlite.sql"), include_str!("sql/tickets/lock.postgres.sql"));
        let ticket = self.one(sql, args![id]).await?;
        self.news(|news| ticket.iter().for_each(|ticket| news.saw_ticket(ticket)));
        Ok(ticket)
    }

    /// The ticket of a number.
    pub async fn ticket_by_number(&mut self, number: &TicketNumber) -> Result<Option<Ticket>> {
        let sql = include_str!("sql/tickets/by_number.sql");
        self.one(sql, args![number.as_str()]).await
    }

    /// Which of these numbers tickets have already.
    pub async fn numbers_taken<'a>(
        &mut self,
        numbers: impl IntoIterator<Item = &'a TicketNumber>,
    ) -> Result<Vec<String>> {
        let mut select = Select::new("SELECT number FROM tickets WHERE number IN ");
        select.bind_all(numbers.into_iter().map(TicketNumber::as_str));
        Ok(select.all::<(String,)>(self).await?.into_iter().map(|(number,)| number).collect())
    }

    /// The tickets of these numbers: number → id; those there are none of are left out.
    pub async fn ids_of_numbers(&mut self, numbers: &[&TicketNumber]) -> Result<HashMap<String, Uuid>> {
        if numbers.is_empty() {
            return Ok(HashMap::new());
        }
        let sql = self.pick(
            include_str!("sql/tickets/ids_of_numbers.sqlite.sql"),
            include_str!("sql/tickets/ids_of_numbers.postgres.sql"),
        );
        Ok(self.all(sql, args![json(numbers)]).await?.into_iter().collect())
    }

    /// The number of the ticket a caller knows by this id of its own.
    pub async fn number_of_external_id(&mut self, scope: &str, id: &str) -> Result<Option<String>> {
        let sql = include_str!("sql/tickets/by_external_id.sql");
        self.field(sql, args![scope, id]).await
    }

    /// What the ticket is about: the new text of its first message.
    pub async fn description_of(&mut self, ticket: Uuid) -> Result<Option<String>> {
        let sql = include_str!("sql/tickets/description.sql");
        self.field(sql, args![ticket]).await
    }

    /// Adds a ticket.
    ///
    /// # Errors
    /// [`super::Error::Conflict`] when its number is taken; the verb is done again, with another.
    pub async fn insert_ticket(&mut self, t: &Ticket) -> Result<()> {
        self.news(|news| news.saw_ticket(t));
        let sql = self.pick(
            include_str!("sql/tickets/insert.sqlite.sql"),
            include_str!("sql/tickets/insert.postgres.sql"),
        );
        self.put(
            sql,
            args![
                t.id,
                t.number.as_str(),
                &t.subject,
                &t.mail_subject,
                &t.preview,
                t.status,
                t.priority,
                t.category,
                t.channel,
                t.mailbox_id,
                t.requester_id,
                t.requester_type,
                &t.requester_email,
                t.assignee_id,
                t.team_id,
                &t.user_id,
                &t.seller_id,
                &t.store_id,
                &t.order_id,
                &t.external_id,
                &t.external_scope,
                &t.locale,
                json(&t.cc),
                json(&t.tags),
                json(&t.custom_fields),
                json(&t.metadata),
                t.response_count,
                t.attachment_count,
                &t.resolution,
                t.is_spam,
                t.deleted_at,
                t.merged_into_id,
                t.follow_up_of_id,
                t.related_to_id,
                t.waiting_since,
                t.snoozed_until,
                t.reminded_at,
                t.first_response_at,
                t.last_customer_message_at,
                t.last_agent_message_at,
                t.resolved_at,
                t.reopened_at,
                t.closed_at,
                t.created_at,
                t.updated_at,
                t.version
            ],
        )
        .await
    }

    /// Writes everything of a ticket that may change, as it stands in `t`.
    pub async fn update_ticket(&mut self, t: &Ticket) -> Result<()> {
        self.news(|news| news.saw_ticket(t));
        let sql = self.pick(
            include_str!("sql/tickets/update.sqlite.sql"),
            include_str!("sql/tickets/update.postgres.sql"),
        );
        self.run(
            sql,
            args![
                t.id,
                &t.subject,
                t.status,
                t.priority,
                t.category,
                t.requester_id,
                &t.requester_email,
                t.assignee_id,
                t.team_id,
                &t.user_id,
                &t.seller_id,
                &t.store_id,
                &t.order_id,
                json(&t.cc),
                json(&t.tags),
                json(&t.custom_fields),
                t.response_count,
                t.attachment_count,
                &t.resolution,
                t.is_spam,
                t.deleted_at,
                t.merged_into_id,
                t.waiting_since,
                t.snoozed_until,
                t.reminded_at,
                t.first_response_at,
                t.last_customer_message_at,
                t.last_agent_message_at,
                t.resolved_at,
                t.reopened_at,
                t.closed_at,
                t.updated_at,
                t.version,
                t.requester_type
            ],
        )
        .await
        .map(drop)
    }
}
