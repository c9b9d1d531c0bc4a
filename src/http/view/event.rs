//! A line of the audit trail (API.md §3.6).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;
use crate::model::{ActorType, Channel, TicketEvent};

/// Something that happened to a ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct Event<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// The ticket.
    pub ticket_id: Uuid,
    /// When.
    pub at: Time,
    /// What.
    #[schema(example = "status_changed")]
    pub r#type: &'a str,
    /// Who did it.
    pub actor: Actor<'a>,
    /// By which door.
    pub channel: Channel,
    /// Of each field that changed, what it was and what it is.
    #[schema(value_type = Object, example = json!({"status": ["open", "resolved"]}))]
    pub changes: &'a Value,
    /// The response it is about.
    pub response_id: Option<Uuid>,
    /// The mail that caused it.
    pub inbound_mail_id: Option<Uuid>,
    /// The same as `at`.
    pub created_at: Time,
}

/// Who did a thing.
#[derive(Debug, Serialize, ToSchema)]
pub struct Actor<'a> {
    /// What sort of somebody.
    pub r#type: ActorType,
    /// Contact or agent; null for services and the desk itself.
    pub id: Option<Uuid>,
    /// For people.
    #[schema(example = "Ada")]
    pub name: Option<&'a str>,
}

impl<'a> Event<'a> {
    /// API.md §3.6.
    pub fn of(e: &'a TicketEvent) -> Self {
        Self {
            id: e.id,
            ticket_id: e.ticket_id,
            at: Time(e.at),
            r#type: &e.r#type,
            actor: Actor { r#type: e.actor_type, id: e.actor_id, name: e.actor_name.as_deref() },
            channel: e.channel,
            changes: &e.changes,
            response_id: e.response_id,
            inbound_mail_id: e.inbound_mail_id,
            created_at: Time(e.at),
        }
    }
}
