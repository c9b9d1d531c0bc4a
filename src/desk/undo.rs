//! A reply taken back before it leaves (API.md §5.1): while its mails are held by `undo_seconds` or `send_at`. It counts
//! from the moment it is written, so everything it moved on the ticket moves back.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filing::set_status;
use super::query::TicketRef;
use super::writing::{Answered, Ending};
use super::{Caller, Desk, Error, ResponseView, ResponseWritten, Result};
use crate::model::queue::cancelled;
use crate::model::*;
use crate::store::Tx;

impl Desk {
    /// Takes a reply back: its mails are cancelled, it is deleted, and status and clocks of the ticket stand as before
    /// it, unless somebody moved them since.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`]; [`Error::InvalidState`] when nothing of it is held, or some of it left;
    /// the store's.
    pub async fn cancel_response(
        &self,
        id: Uuid,
        caller: &Caller,
        ending: Ending<'_, ResponseWritten>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let is_there = |r: &Response| r.visibility == Visibility::Public && r.deleted_at.is_none();
        let mut response = tx.response(id).await?.filter(is_there).ok_or(Error::NotFound("response"))?;
        let ticket = self.locked(&mut tx, &TicketRef::Id(response.ticket_id), None).await?;
        let emails = self.cancel_mails(&mut tx, &response).await?;
        let now = self.clock().now();
        if !tx.take_back_response(id, now).await? {
            return Err(Error::NotFound("response"));
        }
        (response.deleted_at, response.version) = (Some(now), response.version + 1);
        let ticket = self.move_back(&mut tx, ticket, &response, caller).await?;
        let attachments = tx.attachments_of_response(id).await?;
        let logs = emails.iter().map(|entry| (entry.id, entry.status)).collect();
        let view = ResponseView { response, attachments, logs };
        self.conclude(tx, &ending, &ResponseWritten { view, ticket, emails }).await
    }

    /// Cancels every mail of the response, or none: one that left can't be called back.
    async fn cancel_mails(&self, tx: &mut Tx, response: &Response) -> Result<Vec<OutboxEntry>> {
        let logs = tx.logs_of_responses(response.ticket_id).await?;
        let mut emails = Vec::new();
        for (id, ..) in logs.into_iter().filter(|(_, of, _)| *of == Some(response.id)) {
            let entry = tx.lock_outbox_entry(id).await?.ok_or(Error::NotFound("email_log"))?;
            match entry.status {
                _ if entry.audience != Audience::Customer => {}
                EmailStatus::Suppressed | EmailStatus::Cancelled => {}
                EmailStatus::Queued => emails.extend(cancelled(entry)),
                _ => return Err(Error::InvalidState("a mail of it left, or is leaving")),
            }
        }
        if emails.is_empty() {
            return Err(Error::InvalidState("no mail of it is held"));
        }
        for entry in &emails {
            tx.update_outbox(entry, self.inner.clock.now()).await?;
        }
        Ok(emails)
    }

    /// The ticket without the response.
    async fn move_back(
        &self,
        tx: &mut Tx,
        mut ticket: Ticket,
        response: &Response,
        caller: &Caller,
    ) -> Result<Ticket> {
        let now = self.clock().now();
        let events = tx.events_of(ticket.id).await?;
        let added = events.iter().find(|event| event.response_id == Some(response.id));
        let mut changes = Map::new();
        if let Some((from, to)) = added.and_then(|event| moved(&event.changes))
            && ticket.status == to
        {
            // Moved back, it was not opened again.
            let reopened_at = ticket.reopened_at.filter(|_| !from.is_ended());
            set_status(&mut ticket, from, now, &mut changes);
            ticket.reopened_at = reopened_at;
        }
        let files = tx.attachments_of_response(response.id).await?.len();
        ticket.response_count -= 1;
        ticket.attachment_count -= i64::try_from(files).unwrap_or(0);
        let answers = answered_at(&tx.responses_of(ticket.id).await?);
        ticket.last_agent_message_at = answers.last().copied();
        // The message that opened a ticket answers nothing.
        let first = answers.into_iter().find(|at| *at > ticket.created_at);
        ticket.first_response_at = ticket.first_response_at.and(first);
        ticket.updated_at = now;
        ticket.version += 1;
        tx.update_ticket(&ticket).await?;
        let mut event = self.event(&ticket, "response_cancelled", &caller.actor(), now);
        event.changes = Value::Object(changes);
        event.response_id = Some(response.id);
        tx.insert_event(&event).await?;
        Ok(ticket)
    }
}

/// The status that an event changed: from, to.
fn moved(changes: &Value) -> Option<(Status, Status)> {
    let pair = changes.get("status").unwrap_or(&json!(null)).clone();
    serde_json::from_value(pair).ok()
}

/// When agents answered, in order.
fn answered_at(responses: &[Response]) -> Vec<Timestamp> {
    let answers = responses.iter().filter(|response| {
        response.visibility == Visibility::Public && response.author_type == ActorType::Agent
    });
    answers.map(|response| response.created_at).collect()
}
