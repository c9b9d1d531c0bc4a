//! What a write answers: the object, and what was mailed for it (API.md §1.8).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Response, Ticket};
use crate::desk;
use crate::model::{self, EmailStatus, OutboxEntry, Status, TicketNumber};

/// A mail that a write put into the outbox.
#[derive(Debug, Serialize, ToSchema)]
pub struct Email<'a> {
    /// The email log; null in a dry run.
    pub id: Option<Uuid>,
    /// Key of the notification template.
    #[schema(example = "ticket_received")]
    pub template: &'a str,
    /// The one recipient.
    #[schema(example = "jo@example.org")]
    pub to: &'a str,
    /// Where it stands; null in a dry run.
    pub status: Option<EmailStatus>,
}

impl<'a> Email<'a> {
    /// In a dry run nothing was mailed: ids and statuses are null.
    pub fn all(entries: &'a [OutboxEntry], dry_run: bool) -> Vec<Self> {
        let shown = |e: &'a OutboxEntry| Self {
            id: (!dry_run).then_some(e.id),
            template: &e.template,
            to: &e.to_address,
            status: (!dry_run).then_some(e.status),
        };
        entries.iter().map(shown).collect()
    }
}

/// A ticket as it stands after a write, and what was mailed.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketWritten<'a> {
    /// The ticket.
    #[serde(flatten)]
    pub ticket: Ticket<'a>,
    /// What was mailed.
    pub emails: Vec<Email<'a>>,
}

impl<'a> TicketWritten<'a> {
    /// After a write.
    pub fn of(written: &'a desk::TicketWritten, dry_run: bool) -> Self {
        Self { ticket: Ticket::of(&written.view), emails: Email::all(&written.emails, dry_run) }
    }
}

/// A response as it stands after a write, what was mailed, and the state of its ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct ResponseWritten<'a> {
    /// The response.
    #[serde(flatten)]
    pub response: Response<'a>,
    /// What was mailed.
    pub emails: Vec<Email<'a>>,
    /// Its ticket.
    pub ticket: TicketState<'a>,
}

/// A ticket in brief.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketState<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// What people name it by.
    #[schema(value_type = &str, example = "TKT-2026-K7Q4ZP")]
    pub number: &'a TicketNumber,
    /// Where it stands.
    pub status: Status,
    /// Counts changes, from 1.
    pub version: i64,
}

impl<'a> ResponseWritten<'a> {
    /// After a write.
    pub fn of(written: &'a desk::ResponseWritten, dry_run: bool) -> Self {
        Self {
            response: Response::of(&written.view),
            emails: Email::all(&written.emails, dry_run),
            ticket: TicketState::of(&written.ticket),
        }
    }
}

impl<'a> TicketState<'a> {
    fn of(t: &'a model::Ticket) -> Self {
        Self { id: t.id, number: &t.number, status: t.status, version: t.version }
    }
}
