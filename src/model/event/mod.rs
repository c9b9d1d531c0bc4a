//! What the desk tells those who listen, by webhook or live (API.md §6): which events there are, and what they say.
//! An event names things and holds nothing that people wrote, so that a person can be forgotten without a search
//! through everything that was ever told.

mod news;
mod sight;
mod trail;

pub use news::News;
pub use sight::Sight;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    Actor, ActorType, Category, Channel, EmailStatus, InboundAction, MailKind, Priority, Response, Scope,
    Status, Ticket, TicketNumber, Timestamp, Via, Visibility, words,
};

words! {
    /// What happened (API.md §6). `queue.*` is told live only: no webhook gets it.
    EventType {
        TicketCreated = "ticket.created", TicketUpdated = "ticket.updated",
        TicketStatusChanged = "ticket.status_changed", TicketAssigned = "ticket.assigned",
        TicketPriorityChanged = "ticket.priority_changed", TicketTagsChanged = "ticket.tags_changed",
        TicketDeleted = "ticket.deleted",
        ResponseCreated = "response.created", ResponseDeleted = "response.deleted", NoteCreated = "note.created",
        EmailSent = "email.sent", EmailDelivered = "email.delivered", EmailBounced = "email.bounced",
        EmailFailed = "email.failed", EmailReceived = "email.received", EmailQuarantined = "email.quarantined",
        ContactCreated = "contact.created", ContactUpdated = "contact.updated", ContactErased = "contact.erased",
        WebhookTest = "webhook.test",
        QueuePaused = "queue.paused", QueueResumed = "queue.resumed",
    }
}

words! {
    /// What a live listener may choose (API.md §6).
    Topic {
        Tickets = "tickets", Responses = "responses", Emails = "emails", Inbound = "inbound", Queue = "queue",
    }
}

impl EventType {
    /// Whether a webhook may ask for it.
    pub const fn is_for_webhooks(self) -> bool {
        !matches!(self, Self::QueuePaused | Self::QueueResumed)
    }

    /// What a live listener chooses to get it; `None` for what is not told live. People go with the tickets they ask in.
    pub const fn topic(self) -> Option<Topic> {
        match self {
            Self::TicketCreated
            | Self::TicketUpdated
            | Self::TicketStatusChanged
            | Self::TicketAssigned
            | Self::TicketPriorityChanged
            | Self::TicketTagsChanged
            | Self::TicketDeleted
            | Self::ContactCreated
            | Self::ContactUpdated
            | Self::ContactErased => Some(Topic::Tickets),
            Self::ResponseCreated | Self::ResponseDeleted | Self::NoteCreated => Some(Topic::Responses),
            Self::EmailSent | Self::EmailDelivered | Self::EmailBounced | Self::EmailFailed => {
                Some(Topic::Emails)
            }
            Self::EmailReceived | Self::EmailQuarantined => Some(Topic::Inbound),
            Self::QueuePaused | Self::QueueResumed => Some(Topic::Queue),
            Self::WebhookTest => None,
        }
    }

    /// What a live listener must be allowed to see it. The deletion of a note is one of the note: see
    /// [`DeskEvent::needs`].
    const fn scope(self) -> Scope {
        match self {
            Self::NoteCreated => Scope::NotesRead,
            Self::EmailSent
            | Self::EmailDelivered
            | Self::EmailBounced
            | Self::EmailFailed
            | Self::EmailReceived
            | Self::EmailQuarantined => Scope::EmailLogsRead,
            Self::ContactCreated | Self::ContactUpdated | Self::ContactErased => Scope::ContactsRead,
            Self::WebhookTest | Self::QueuePaused | Self::QueueResumed => Scope::Admin,
            _ => Scope::TicketsRead,
        }
    }
}

/// An event as it is kept: told to live listeners for some minutes, and to webhooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeskEvent {
    /// Its place; the order in which things happened. 0 before it is stored.
    pub seq: i64,
    /// UUIDv7; the same wherever it is told.
    pub id: Uuid,
    /// When.
    pub at: Timestamp,
    /// What.
    pub r#type: EventType,
    /// The ticket it is about.
    pub ticket_id: Option<Uuid>,
    /// An [`EventBody`] as JSON, less than 20 KB.
    pub body: String,
}

impl DeskEvent {
    /// What a live listener must be allowed to see it.
    pub fn needs(&self) -> Scope {
        let is_note = self.r#type == EventType::ResponseDeleted
            && self.body.contains(&format!(r#""visibility":"{}""#, Visibility::Internal));
        if is_note { Scope::NotesRead } else { self.r#type.scope() }
    }
}

/// What an event says, word for word what webhooks send and live listeners get.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = WebhookEvent)]
pub struct EventBody {
    /// What happened.
    pub r#type: EventType,
    /// When, RFC 3339.
    #[schema(example = "2026-03-01T09:30:00.000Z")]
    pub timestamp: String,
    /// To what, and by whom.
    pub data: EventData,
}

/// The things an event is about; those it is not about are left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct EventData {
    /// The ticket, as it stands after the event.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub ticket: Option<EventTicket>,
    /// Who did it; null where that is not known.
    pub actor: Option<Actor>,
    /// Field → `[from, to]`; null in place of a value too long to be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub changes: Option<Map<String, Value>>,
    /// The response or note; of `ticket.created`, the first message.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub response: Option<EventResponse>,
    /// The email log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email: Option<EventEmail>,
    /// The row of the ledger.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub inbound_mail: Option<EventInbound>,
    /// The contact.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub contact: Option<EventContact>,
    /// The outbox as a queue.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub queue: Option<EventQueue>,
}

/// What an event says of a ticket: what filters ask for, and none of its texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "API.md §3.1 names the fields")]
pub struct EventTicket {
    pub id: Uuid,
    #[schema(value_type = String, example = "TKT-2026-K7Q4ZP")]
    pub number: TicketNumber,
    pub status: Status,
    pub priority: Priority,
    pub category: Category,
    pub channel: Channel,
    pub requester_id: Uuid,
    pub assignee_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub user_id: Option<String>,
    pub seller_id: Option<String>,
    pub store_id: Option<String>,
    pub order_id: Option<String>,
    pub external_id: Option<String>,
    pub tags: Vec<String>,
    pub is_spam: bool,
    pub version: i64,
}

/// What an event says of a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "API.md §3.2 names the fields")]
pub struct EventResponse {
    pub id: Uuid,
    pub visibility: Visibility,
    pub channel: Channel,
    pub author: Actor,
}

/// What an event says of a mail that left, or did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "API.md §3.3 names the fields")]
pub struct EventEmail {
    pub id: Uuid,
    pub response_id: Option<Uuid>,
    pub template: String,
    pub status: EmailStatus,
    pub attempts: i64,
    pub smtp_code: Option<i64>,
    pub enhanced_code: Option<String>,
}

/// What an event says of a mail that came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[expect(missing_docs, reason = "API.md §3.4 names the fields")]
pub struct EventInbound {
    pub id: Uuid,
    pub via: Via,
    pub kind: MailKind,
    pub action: InboundAction,
    pub reason: String,
    pub response_id: Option<Uuid>,
}

/// What an event says of a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventContact {
    /// The contact.
    pub id: Uuid,
}

/// What an event says of the queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct EventQueue {
    /// Whether nothing is sent.
    pub paused: bool,
}

impl EventTicket {
    /// Of a ticket as it stands.
    pub fn of(t: &Ticket) -> Self {
        Self {
            id: t.id,
            number: t.number.clone(),
            status: t.status,
            priority: t.priority,
            category: t.category,
            channel: t.channel,
            requester_id: t.requester_id,
            assignee_id: t.assignee_id,
            team_id: t.team_id,
            user_id: t.user_id.clone(),
            seller_id: t.seller_id.clone(),
            store_id: t.store_id.clone(),
            order_id: t.order_id.clone(),
            external_id: t.external_id.clone(),
            tags: t.tags.clone(),
            is_spam: t.is_spam,
            version: t.version,
        }
    }
}

impl EventResponse {
    /// Of a response as it stands.
    pub fn of(r: &Response) -> Self {
        let author = Actor { r#type: r.author_type, id: r.author_id, name: r.author_name.clone() };
        Self { id: r.id, visibility: r.visibility, channel: r.channel, author }
    }

    /// Of one of which only this is known.
    fn unknown(id: Uuid, visibility: Visibility, channel: Channel) -> Self {
        let author = Actor { r#type: ActorType::Agent, id: None, name: None };
        Self { id, visibility, channel, author }
    }
}
