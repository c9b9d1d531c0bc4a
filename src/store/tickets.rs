//! Tickets, one at a time.

use uuid::Uuid;

use super::row::json;
use super::{Result, Tx, on};
use crate::model::{Ticket, TicketNumber};

impl Tx {
    /// A ticket.
    pub async fn ticket(&mut self, id: Uuid) -> Result<Option<Ticket>> {
        Ok(
            on!(self, c => sqlx::query_as(include_str!("sql/tickets/get.sql")).bind(id).fetch_optional(c).await)?,
        )
    }

    /// A ticket, locked until the transaction ends: whoever changes one reads it so.
    pub async fn lock_ticket(&mut self, id: Uuid) -> Result<Option<Ticket>> {
        let sql = self
            .pick(include_str!("sql/tickets/lock.sqlite.sql"), include_str!("sql/tickets/lock.postgres.sql"));
        Ok(on!(self, c => sqlx::query_as(sql).bind(id).fetch_optional(c).await)?)
    }

    /// The ticket of a number.
    pub async fn ticket_by_number(&mut self, number: &TicketNumber) -> Result<Option<Ticket>> {
        let sql = include_str!("sql/tickets/by_number.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(number.as_str()).fetch_optional(c).await)?)
    }

    /// The number of the ticket a caller knows by this id of its own.
    pub async fn number_of_external_id(&mut self, scope: &str, id: &str) -> Result<Option<String>> {
        let sql = include_str!("sql/tickets/by_external_id.sql");
        Ok(on!(self, c => sqlx::query_scalar(sql).bind(scope).bind(id).fetch_optional(c).await)?)
    }

    /// What the ticket is about: the new text of its first message.
    pub async fn description_of(&mut self, ticket: Uuid) -> Result<Option<String>> {
        let sql = include_str!("sql/tickets/description.sql");
        Ok(on!(self, c => sqlx::query_scalar(sql).bind(ticket).fetch_optional(c).await)?)
    }

    /// Adds a ticket; `false` when its number is taken.
    pub async fn insert_ticket(&mut self, t: &Ticket) -> Result<bool> {
        let rows = on!(self, c => sqlx::query(include_str!("sql/tickets/insert.sql"))
            .bind(t.id).bind(t.number.as_str()).bind(&t.subject).bind(&t.mail_subject).bind(&t.preview).bind(t.status).bind(t.priority).bind(t.category).bind(t.channel).bind(t.mailbox_id)
            .bind(t.requester_id).bind(t.requester_type).bind(&t.requester_email).bind(t.assignee_id)
            .bind(t.team_id).bind(&t.user_id).bind(&t.seller_id).bind(&t.store_id).bind(&t.order_id)
            .bind(&t.external_id).bind(&t.external_scope).bind(&t.locale).bind(json(&t.cc)).bind(json(&t.tags))
            .bind(json(&t.custom_fields)).bind(json(&t.metadata)).bind(t.response_count).bind(t.attachment_count)
            .bind(&t.resolution).bind(t.is_spam).bind(t.deleted_at).bind(t.merged_into_id).bind(t.follow_up_of_id)
            .bind(t.related_to_id).bind(t.waiting_since).bind(t.snoozed_until).bind(t.first_response_at)
            .bind(t.last_customer_message_at).bind(t.last_agent_message_at).bind(t.resolved_at).bind(t.closed_at)
            .bind(t.created_at).bind(t.updated_at).bind(t.version)
            .execute(c).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// Writes everything of a ticket that may change, as it stands in `t`.
    pub async fn update_ticket(&mut self, t: &Ticket) -> Result<()> {
        on!(self, c => sqlx::query(include_str!("sql/tickets/update.sql"))
            .bind(t.id).bind(&t.subject).bind(t.status).bind(t.priority).bind(t.category).bind(t.requester_id)
            .bind(&t.requester_email).bind(t.assignee_id).bind(t.team_id).bind(&t.user_id).bind(&t.seller_id)
            .bind(&t.store_id).bind(&t.order_id).bind(json(&t.cc)).bind(json(&t.tags)).bind(json(&t.custom_fields))
            .bind(t.response_count).bind(t.attachment_count).bind(&t.resolution).bind(t.is_spam).bind(t.deleted_at)
            .bind(t.merged_into_id).bind(t.waiting_since).bind(t.snoozed_until).bind(t.first_response_at)
            .bind(t.last_customer_message_at).bind(t.last_agent_message_at).bind(t.resolved_at).bind(t.closed_at)
            .bind(t.updated_at).bind(t.version)
            .execute(c).await.map(drop))?;
        Ok(())
    }
}
