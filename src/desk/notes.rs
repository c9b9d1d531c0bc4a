//! Notes changed and taken away by API callers (API.md §5.1). What went to customers stays as it was sent.

use serde_json::json;
use uuid::Uuid;

use super::changes::Act;
use super::query::TicketRef;
use super::reading::view_response;
use super::responses::Body;
use super::writing::{Answered, Ending, check_version};
use super::{Caller, Desk, Error, ResponseView, Result};
use crate::model::{ActorType, Response, Scope, Ticket, Visibility};
use crate::store::Tx;

impl Desk {
    /// Writes a note anew; nobody is told.
    ///
    /// # Errors
    /// [`Error::NotFound`], also without `notes:read`; [`Error::Deleted`], [`Error::VersionMismatch`];
    /// [`Error::InvalidState`] when it is public, or the desk's own; the store's.
    pub async fn edit_note(
        &self,
        id: Uuid,
        body: Body,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, ResponseView>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let (mut ticket, mut note) = self.locked_note(&mut tx, id, version, caller).await?;
        if note.author_type == ActorType::System {
            return Err(Error::InvalidState("the desk itself wrote it"));
        }
        let act = Act::by_api(caller.actor(), self.clock().now());
        (note.body_text, note.body_html) = body.rendered();
        note.body_format = body.format;
        (note.quoted_text, note.full_text) = (String::new(), None);
        note.edited_at = Some(act.at);
        note.version += 1;
        tx.rewrite_response(&note).await?;
        self.end_note_change(&mut tx, &mut ticket, &note, "note_edited", &act).await?;
        self.index_moved(&mut tx, ticket.id).await?;
        let view = view_response(&mut tx, note).await?;
        self.conclude(tx, &ending, &view).await
    }

    /// Takes a note away.
    ///
    /// # Errors
    /// As [`Desk::edit_note`].
    pub async fn delete_note(
        &self,
        id: Uuid,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, ()>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let (mut ticket, note) = self.locked_note(&mut tx, id, version, caller).await?;
        let act = Act::by_api(caller.actor(), self.clock().now());
        let files = tx.attachments_of_response(id).await?.len();
        for row in tx.responses_to_index(ticket.id).await?.iter().filter(|row| row.id == id) {
            tx.forget_response(row).await?;
        }
        tx.take_back_response(id, act.at).await?;
        ticket.response_count -= 1;
        ticket.attachment_count -= i64::try_from(files).unwrap_or(0);
        self.end_note_change(&mut tx, &mut ticket, &note, "note_deleted", &act).await?;
        self.conclude(tx, &ending, &()).await
    }

    /// A note, its ticket locked; callers who may not read notes learn of none.
    async fn locked_note(
        &self,
        tx: &mut Tx,
        id: Uuid,
        version: Option<i64>,
        caller: &Caller,
    ) -> Result<(Ticket, Response)> {
        let notes = caller.allows(Scope::NotesRead);
        let is_there = |r: &Response| r.deleted_at.is_none() && (notes || r.visibility == Visibility::Public);
        let found = tx.response(id).await?.filter(is_there).ok_or(Error::NotFound("response"))?;
        let ticket = self.locked(tx, &TicketRef::Id(found.ticket_id), None).await?;
        let note = tx.response(id).await?.filter(is_there).ok_or(Error::NotFound("response"))?;
        if note.visibility == Visibility::Public {
            return Err(Error::InvalidState("only notes can be changed; others have read this"));
        }
        check_version(note.version, version)?;
        Ok((ticket, note))
    }

    /// A line in the trail, and a new version of the ticket.
    async fn end_note_change(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        note: &Response,
        kind: &str,
        act: &Act,
    ) -> Result<()> {
        let mut event = self.event(ticket, kind, &act.actor, act.at);
        event.response_id = Some(note.id);
        event.changes = json!({});
        tx.insert_event(&event).await?;
        self.write_down(tx, ticket, act).await
    }
}
