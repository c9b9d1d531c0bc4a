//! Tickets thrown away: put into the bin and taken out again, or erased for good. The mail that made them stays in the
//! ledger either way.

use serde_json::json;

use super::changes::Act;
use super::query::TicketRef;
use super::writing::{Answered, Ending, check_version};
use super::{Caller, Desk, Error, Result, TicketWritten};
use crate::model::Ticket;
use crate::store::Tx;

/// The line of the trail that ends a ticket.
const ERASED: &str = "erased";

impl Desk {
    /// Puts a ticket into the bin: nobody finds it, and it takes no more mail. What waits to leave for it leaves.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`], [`Error::VersionMismatch`]; the store's.
    pub async fn delete_ticket(
        &self,
        ticket: &TicketRef,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, ()>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        self.bin(&mut tx, ticket, version, caller).await?;
        self.conclude(tx, &ending, &()).await
    }

    /// The same, inside the caller's transaction.
    pub(super) async fn bin(
        &self,
        tx: &mut Tx,
        ticket: &TicketRef,
        version: Option<i64>,
        caller: &Caller,
    ) -> Result<Ticket> {
        let mut ticket = self.locked(tx, ticket, version).await?;
        let act = Act::by_api(caller.actor(), self.clock().now());
        self.throw_away(tx, &mut ticket, &act).await?;
        Ok(ticket)
    }

    /// Takes a ticket out of the bin, as it was.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; [`Error::InvalidState`] when it is not in the bin, or nothing is
    /// left of it; the store's.
    pub async fn restore_ticket(
        &self,
        ticket: &TicketRef,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, TicketWritten>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let mut ticket = lock_any(&mut tx, ticket, version).await?;
        let Some(since) = ticket.deleted_at.take() else {
            return Err(Error::InvalidState("the ticket is not in the bin"));
        };
        if is_erased(&mut tx, &ticket).await? {
            return Err(Error::InvalidState("what the ticket said is erased"));
        }
        let act = Act::by_api(caller.actor(), self.clock().now());
        let change = ("deleted_at", json!(since.rfc3339()), json!(null));
        self.note_change(&mut tx, &ticket, &act, "restored", change).await?;
        self.write_down(&mut tx, &mut ticket, &act).await?;
        let view = self.view_ticket(&mut tx, ticket).await?;
        self.conclude(tx, &ending, &TicketWritten { view, emails: Vec::new() }).await
    }

    /// Takes away for good what a ticket said: texts, files, raw mail. Its number, its people, its clocks and its rows
    /// stay, so that counts don't change.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; [`Error::InvalidState`] while a mail of it is on the wire; the
    /// store's.
    pub async fn erase_ticket(
        &self,
        ticket: &TicketRef,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, ()>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let mut ticket = lock_any(&mut tx, ticket, version).await?;
        let act = Act::by_api(caller.actor(), self.clock().now());
        self.erase(&mut tx, &mut ticket, &act).await?;
        self.conclude(tx, &ending, &()).await
    }

    /// Erases a locked ticket; it lies in the bin from then on. Nothing happens when it is erased.
    pub(super) async fn erase(&self, tx: &mut Tx, ticket: &mut Ticket, act: &Act) -> Result<()> {
        if is_erased(tx, ticket).await? {
            return Ok(());
        }
        if tx.mails_leaving(ticket.id).await? > 0 {
            return Err(Error::InvalidState("a mail of it is leaving at this moment; try again"));
        }
        if ticket.deleted_at.is_none() {
            self.throw_away(tx, ticket, act).await?;
        }
        for row in tx.responses_to_index(ticket.id).await? {
            tx.forget_response(&row).await?;
        }
        tx.erase_ticket(ticket.id, act.at).await?;
        let change = (ERASED, json!(false), json!(true));
        self.note_change(tx, ticket, act, ERASED, change).await.map(drop)
    }

    async fn throw_away(&self, tx: &mut Tx, ticket: &mut Ticket, act: &Act) -> Result<()> {
        ticket.deleted_at = Some(act.at);
        let change = ("deleted_at", json!(null), json!(act.at.rfc3339()));
        self.note_change(tx, ticket, act, "deleted", change).await?;
        self.write_down(tx, ticket, act).await
    }
}

/// A ticket, locked, in the bin or not.
async fn lock_any(tx: &mut Tx, ticket: &TicketRef, version: Option<i64>) -> Result<Ticket> {
    let found = tx.find_ticket(ticket).await?.ok_or(Error::NotFound("ticket"))?;
    let ticket = tx.lock_ticket(found.id).await?.ok_or(Error::NotFound("ticket"))?;
    check_version(ticket.version, version)?;
    Ok(ticket)
}

async fn is_erased(tx: &mut Tx, ticket: &Ticket) -> Result<bool> {
    Ok(tx.events_of(ticket.id).await?.iter().any(|event| event.r#type == ERASED))
}
