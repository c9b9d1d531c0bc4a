//! A ticket (API.md §3.1), and what may be shown along with it (§4.3).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Attachment, EmailLog, Event, Response, Time, filled, time};
use crate::desk::{TicketView, TicketWith as Found};
use crate::http::problem::BASE;
use crate::model::{Category, Channel, ContactType, Priority, Status, TicketNumber};

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ticket<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// What people name it by. It opens nothing by itself.
    #[schema(value_type = &str, pattern = "^TKT-[0-9]{4}-[0-9A-HJKMNP-TV-Z]{6}$", example = "TKT-2026-K7Q4ZP")]
    pub number: &'a TicketNumber,
    /// What it is about.
    #[schema(example = "Where is my order?")]
    pub subject: &'a str,
    /// What follows `Re: ` in its mails, for life.
    #[schema(example = "Where is my order? [TKT-2026-K7Q4ZP]")]
    pub mail_subject: &'a str,
    /// The new text of the first message. Absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "Hello, my parcel is late.")]
    pub description: Option<&'a str>,
    /// The first words of the first message.
    #[schema(example = "Hello, my parcel …")]
    pub preview: &'a str,
    /// Where it stands.
    pub status: Status,
    /// How soon it matters.
    pub priority: Priority,
    /// What sort of question it is.
    pub category: Category,
    /// How it reached us.
    pub channel: Channel,
    /// Who asks.
    pub requester: Requester<'a>,
    /// Who answers.
    pub assignee: Option<Assignee<'a>>,
    /// Whose it is.
    pub team: Option<TicketTeam<'a>>,
    /// The shop's id of the user.
    #[schema(example = "u_312")]
    pub user_id: Option<&'a str>,
    /// The shop's id of the seller.
    pub seller_id: Option<&'a str>,
    /// The shop's id of the store.
    #[schema(example = "st_81")]
    pub store_id: Option<&'a str>,
    /// The shop's id of the order.
    #[schema(example = "1001")]
    pub order_id: Option<&'a str>,
    /// The caller's own id of the ticket, unique for each token.
    pub external_id: Option<&'a str>,
    /// Who gets copies of answers.
    #[schema(example = json!(["sam@example.org"]))]
    pub cc: &'a [String],
    /// Free words to find it by.
    #[schema(example = json!(["vip"]))]
    pub tags: &'a [String],
    /// What the caller keeps with it.
    #[schema(value_type = Object)]
    pub custom_fields: &'a Value,
    /// What is known of the program it was written with: `browser ip_address page_url user_agent` and others.
    #[schema(value_type = Object)]
    pub metadata: &'a Value,
    /// Responses that were not deleted, notes among them.
    pub response_count: i64,
    /// Files.
    pub attachment_count: i64,
    /// Whether the caller has yet to read something in it.
    pub unread: bool,
    /// What was done, in one sentence.
    #[schema(example = "Parcel found")]
    pub resolution: Option<&'a str>,
    /// Whether it is unwanted mail.
    pub is_spam: bool,
    /// When it was put into the bin.
    pub deleted_at: Option<Time>,
    /// The ticket that has its responses now.
    pub merged_into_id: Option<Uuid>,
    /// The closed ticket that was written to.
    pub follow_up_of_id: Option<Uuid>,
    /// The ticket whose number somebody named who has no part in it.
    pub related_to_id: Option<Uuid>,
    /// Since when it is our turn.
    pub waiting_since: Option<Time>,
    /// Until when it sleeps.
    pub snoozed_until: Option<Time>,
    /// What was promised.
    #[schema(value_type = Option<Object>)]
    pub sla: Option<Value>,
    /// When an agent answered first.
    pub first_response_at: Option<Time>,
    /// When the customer wrote last.
    pub last_customer_message_at: Option<Time>,
    /// When an agent wrote last.
    pub last_agent_message_at: Option<Time>,
    /// When it was resolved.
    pub resolved_at: Option<Time>,
    /// When it was closed.
    pub closed_at: Option<Time>,
    /// When it was opened.
    pub created_at: Time,
    /// When it changed last.
    pub updated_at: Time,
    /// Counts changes, from 1; also the `ETag`.
    pub version: i64,
    /// Where it is shown.
    pub links: TicketLinks,
}

/// Who asks, as far as this ticket knows them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Requester<'a> {
    /// The contact.
    pub id: Uuid,
    /// As they last wrote it.
    #[schema(example = "Jo Doe")]
    pub name: Option<&'a str>,
    /// Where this ticket is answered to.
    #[schema(example = "jo@example.org")]
    pub email: Option<&'a str>,
    /// Free text.
    pub phone: Option<&'a str>,
    /// Who they are to the shop.
    pub r#type: ContactType,
    /// The language they are written to in, BCP 47.
    #[schema(example = "en")]
    pub locale: Option<&'a str>,
    /// Whether the address is proved to be theirs.
    pub verified: bool,
}

/// Who answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Assignee<'a> {
    /// The agent.
    pub id: Uuid,
    /// Their name.
    #[schema(example = "Ada")]
    pub name: &'a str,
}

/// Whose ticket it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketTeam<'a> {
    /// The team.
    pub id: Uuid,
    /// Its name.
    #[schema(example = "Returns")]
    pub name: &'a str,
}

/// Where a ticket is shown.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketLinks {
    /// In this API.
    #[serde(rename = "self")]
    #[schema(example = "/api/support/tickets/019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b")]
    pub this: String,
    /// In the console.
    pub console: Option<String>,
    /// In the portal.
    pub portal: Option<String>,
}

impl<'a> Ticket<'a> {
    /// With the description where it was read: lists leave it out.
    pub fn of(view: &'a TicketView) -> Self {
        let t = &view.ticket;
        Self {
            id: t.id,
            number: &t.number,
            subject: &t.subject,
            mail_subject: &t.mail_subject,
            description: view.description.as_deref(),
            preview: &t.preview,
            status: t.status,
            priority: t.priority,
            category: t.category,
            channel: t.channel,
            requester: Requester::of(view),
            assignee: view.assignee.as_ref().map(|agent| Assignee { id: agent.id, name: &agent.name }),
            team: view.team.as_ref().map(|team| TicketTeam { id: team.id, name: &team.name }),
            user_id: t.user_id.as_deref(),
            seller_id: t.seller_id.as_deref(),
            store_id: t.store_id.as_deref(),
            order_id: t.order_id.as_deref(),
            external_id: t.external_id.as_deref(),
            cc: &t.cc,
            tags: &t.tags,
            custom_fields: &t.custom_fields,
            metadata: &t.metadata,
            response_count: t.response_count,
            attachment_count: t.attachment_count,
            unread: false,
            resolution: t.resolution.as_deref(),
            is_spam: t.is_spam,
            deleted_at: time(t.deleted_at),
            merged_into_id: t.merged_into_id,
            follow_up_of_id: t.follow_up_of_id,
            related_to_id: t.related_to_id,
            waiting_since: time(t.waiting_since),
            snoozed_until: time(t.snoozed_until),
            sla: None,
            first_response_at: time(t.first_response_at),
            last_customer_message_at: time(t.last_customer_message_at),
            last_agent_message_at: time(t.last_agent_message_at),
            resolved_at: time(t.resolved_at),
            closed_at: time(t.closed_at),
            created_at: Time(t.created_at),
            updated_at: Time(t.updated_at),
            version: t.version,
            links: TicketLinks { this: format!("{BASE}/tickets/{}", t.id), console: None, portal: None },
        }
    }
}

impl<'a> Requester<'a> {
    fn of(view: &'a TicketView) -> Self {
        let (ticket, contact) = (&view.ticket, &view.requester);
        Self {
            id: ticket.requester_id,
            name: contact.name.as_deref(),
            email: filled(&ticket.requester_email),
            phone: contact.phone.as_deref(),
            r#type: ticket.requester_type,
            locale: ticket.locale.as_deref().or(contact.locale.as_deref()),
            verified: view.verified,
        }
    }
}

/// A ticket with what `include` asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketWith<'a> {
    /// The ticket.
    #[serde(flatten)]
    pub ticket: Ticket<'a>,
    /// Oldest first; internal ones only with `notes:read`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub responses: Option<Vec<Response<'a>>>,
    /// Its mails, newest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub email_logs: Option<Vec<EmailLog<'a>>>,
    /// Its files, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub attachments: Option<Vec<Attachment<'a>>>,
    /// Its audit trail, oldest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub events: Option<Vec<Event<'a>>>,
    /// Tickets it names, or that name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub related: Option<Vec<Ticket<'a>>>,
}

impl<'a> TicketWith<'a> {
    /// API.md §4.3.
    pub fn of(found: &'a Found) -> Self {
        Self {
            ticket: Ticket::of(&found.view),
            responses: found.responses.as_ref().map(|all| all.iter().map(Response::of).collect()),
            email_logs: found.email_logs.as_ref().map(|all| all.iter().map(EmailLog::of).collect()),
            attachments: found.attachments.as_ref().map(|all| all.iter().map(Attachment::of).collect()),
            events: found.events.as_ref().map(|all| all.iter().map(Event::of).collect()),
            related: found.related.as_ref().map(|all| all.iter().map(Ticket::of).collect()),
        }
    }

    /// A row of a list, with its responses where they were asked for.
    pub fn listed(ticket: &'a TicketView, responses: Option<&'a [crate::desk::ResponseView]>) -> Self {
        let responses = responses.map(|all| all.iter().map(Response::of).collect());
        let (email_logs, attachments, events, related) = (None, None, None, None);
        Self { ticket: Ticket::of(ticket), responses, email_logs, attachments, events, related }
    }
}
