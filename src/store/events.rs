//! The audit trail.

use uuid::Uuid;

use super::value::{args, json};
use super::{Result, Tx};
use crate::model::TicketEvent;

impl Tx {
    /// Adds a line; whoever listens is told what it says.
    pub async fn insert_event(&mut self, e: &TicketEvent) -> Result<()> {
        self.news(|news| news.add_trail(e));
        self.put(
            include_str!("sql/events/insert.sql"),
            args![
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
            ],
        )
        .await
    }

    /// A ticket's trail, oldest first.
    pub async fn events_of(&mut self, ticket: Uuid) -> Result<Vec<TicketEvent>> {
        let sql = include_str!("sql/events/of_ticket.sql");
        self.all(sql, args![ticket]).await
    }
}
