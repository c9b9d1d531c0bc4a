//! The audit trail.

use uuid::Uuid;

use super::row::json;
use super::{Result, Tx, later, on};
use crate::model::TicketEvent;

impl Tx {
    /// Adds a line.
    pub async fn insert_event(&mut self, e: &TicketEvent) -> Result<()> {
        later!(
            self,
            include_str!("sql/events/insert.sql"),
            e.id,
            e.ticket_id,
            e.at,
            &e.r#type,
            e.actor_type,
            e.actor_id,
            &e.actor_name,
            e.channel,
            json(&e.changes),
            e.response_id,
            e.inbound_mail_id
        )
    }

    /// A ticket's trail, oldest first.
    pub async fn events_of(&mut self, ticket: Uuid) -> Result<Vec<TicketEvent>> {
        let sql = include_str!("sql/events/of_ticket.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(ticket).fetch_all(c).await)?)
    }
}
