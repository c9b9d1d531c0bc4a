//! Tickets that are spam, and senders whose mail is held back for it.

use super::changes::Act;
use super::query::TicketRef;
use super::writing::{Answered, Ending};
use super::{Caller, Desk, Error, Result, TicketWritten};
use crate::model::Ticket;
use crate::store::Tx;

/// A ticket is spam (API.md §5.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpamRequest {
    /// Its sender's further mail is held back.
    pub block_sender: bool,
    /// `If-Match`.
    pub version: Option<i64>,
}

impl Desk {
    /// Marks a ticket as spam: lists hide it, and the machine mails nobody about it. Its sender's mail may be held back
    /// from now on, until the mark is taken away, or somebody releases a mail of theirs and trusts them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`], [`Error::VersionMismatch`]; [`Error::Invalid`] when its sender can't be
    /// blocked; the store's.
    pub async fn mark_as_spam(
        &self,
        ticket: &TicketRef,
        request: SpamRequest,
        caller: &Caller,
        ending: Ending<'_, TicketWritten>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let ticket = self.mark(&mut tx, ticket, request, caller).await?;
        let view = self.view_ticket(&mut tx, ticket).await?;
        let answered = self.conclude(tx, &ending, &TicketWritten { view, emails: Vec::new() }).await?;
        if request.block_sender {
            self.reload_directory().await?;
        }
        Ok(answered)
    }

    /// The same, inside the caller's transaction.
    pub(super) async fn mark(
        &self,
        tx: &mut Tx,
        ticket: &TicketRef,
        request: SpamRequest,
        caller: &Caller,
    ) -> Result<Ticket> {
        let mut ticket = self.locked(tx, ticket, request.version).await?;
        let act = Act::by_api(caller.actor(), self.clock().now());
        if request.block_sender {
            self.block(tx, &ticket, &act).await?;
        }
        if self.set_spam(tx, &mut ticket, true, &act).await? {
            self.write_down(tx, &mut ticket, &act).await?;
        }
        Ok(ticket)
    }

    /// Holds back what comes from the ticket's address. Agents and the desk itself can't be blocked: their mail would be
    /// lost to everybody.
    async fn block(&self, tx: &mut Tx, ticket: &Ticket, act: &Act) -> Result<()> {
        let directory = self.directory();
        let address = &ticket.requester_email;
        let why_not = match address.is_empty() {
            true => Some("the ticket has no sender's address"),
            false if directory.recipients.is_ours(address) => Some("the sender is the desk itself"),
            false => directory.agent_by_address(address).map(|_| "the sender is an agent"),
        };
        if let Some(detail) = why_not {
            let detail = detail.into();
            return Err(Error::Invalid { pointer: "/block_sender", code: "not_allowed", detail });
        }
        Ok(tx.block_sender(address, ticket.id, act.at).await?)
    }
}
