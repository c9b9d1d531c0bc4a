//! The audit trail.

use uuid::Uuid;

use super::row::json;
use super::{Result, Tx, on};
use crate::model::TicketEvent;

impl Tx {
    /// Adds a line.
    pub async fn insert_event(&mut self, e: &TicketEvent) -> Result<()> {
        on!(self, c => sqlx::query(include_str!("sql/events/insert.sql"))
            .bind(e.id).bind(e.ticket_id).bind(e.at).bind(&e.r#type).bind(e.actor_type).bind(e.actor_id)
            .bind(&e.actor_name).bind(e.channel).bind(json(&e.changes)).bind(e.response_id).bind(e.inbound_mail_id)
            .execute(c).await.map(drop))?;
        Ok(())
    }

    /// A ticket's trail, oldest first.
    pub async fn events_of(&mut self, ticket: Uuid) -> Result<Vec<TicketEvent>> {
        let sql = include_str!("sql/events/of_ticket.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(ticket).fetch_all(c).await)?)
    }
}
