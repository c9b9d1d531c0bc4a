//! Which ticket a mail belongs to: the first rule that answers wins (MAIL.md §1.4).

use uuid::Uuid;

use super::reading::Reading;
use super::sender::Sender;
use super::{Desk, Result};
use crate::config::Strangers;
use crate::mail::placement::{answered_ids, subject_numbers};
use crate::mail::reply_token::{ReplyToken, TokenReading};
use crate::model::*;
use crate::store::Tx;

/// How many steps a chain of merged tickets is followed.
const MAX_MERGES: usize = 20;

/// Where a mail belongs.
pub(super) struct Placed {
    pub placement: Placement,
    /// Locked; `None`: a ticket of its own.
    pub ticket: Option<Ticket>,
    /// The closed ticket that it would have been on.
    pub follow_up_of: Option<Ticket>,
    /// The ticket whose number an outsider named.
    pub related_to: Option<Uuid>,
    pub flags: Vec<&'static str>,
    pub token: TokenState,
    /// The token was sent to the address that now uses it.
    pub token_was_senders: bool,
    /// The agent the token was sent to, at whichever of their addresses.
    pub token_agent: Option<Uuid>,
    /// The token came with an internal note: what answers it stays internal.
    pub internal: bool,
    /// A stranger who only knew a Message-ID is shown in the desk, but mailed to nobody.
    pub may_tell_agents: bool,
    /// Not if nothing but a Message-ID, which can be stolen, speaks for the sender: the mail is shown, and the ticket
    /// stays as it is.
    pub may_reopen: bool,
}

impl Placed {
    fn nowhere() -> Self {
        Self {
            placement: Placement { by: PlacedBy::New, reason: "it answers nothing known".into() },
            ticket: None,
            follow_up_of: None,
            related_to: None,
            flags: Vec::new(),
            token: TokenState::None,
            token_was_senders: false,
            token_agent: None,
            internal: false,
            may_tell_agents: true,
            may_reopen: true,
        }
    }

    fn on(mut self, ticket: Ticket, by: PlacedBy, reason: String) -> Self {
        self.placement = Placement { by, reason };
        self.ticket = Some(ticket);
        self
    }
}

impl Desk {
    pub(super) async fn place(&self, tx: &mut Tx, mail: &Reading, sender: &Sender) -> Result<Placed> {
        let placed = match self.by_token(tx, mail, sender).await? {
            Placed { ticket: None, token, flags, .. } => {
                let start = Placed { token, flags, ..Placed::nowhere() };
                self.by_references(tx, mail, sender, start).await?
            }
            placed => placed,
        };
        let placed =
            if placed.ticket.is_none() { self.by_number(tx, mail, sender, placed).await? } else { placed };
        Ok(settle(placed, sender))
    }

    /// Rule 1: a reply token in the recipient address.
    async fn by_token(&self, tx: &mut Tx, mail: &Reading, sender: &Sender) -> Result<Placed> {
        let mut placed = Placed::nowhere();
        for text in &mail.tokens {
            let token = match self.keys().read_reply(text) {
                TokenReading::Valid(token) => token,
                TokenReading::Forged => {
                    tracing::warn!(inbound = %mail.id, "a reply token with a bad signature");
                    placed.token = TokenState::Forged;
                    placed.flags.push("forged_token");
                    continue;
                }
                TokenReading::NotAToken => continue,
            };
            let Some(ticket) = self.ticket_for_mail(tx, &token.ticket).await? else { continue };
            placed.token = TokenState::Valid;
            placed.token_was_senders = token.was_sent_to(self.keys(), &sender.address);
            placed.token_agent = self.agent_of(&token);
            placed.internal = token.internal;
            if !placed.token_was_senders && !sender.takes_part_in(&ticket) {
                placed.flags.push("unverified_sender");
            }
            return Ok(placed.on(
                ticket,
                PlacedBy::ReplyToken,
                format!("reply address, key {}", token.key_id),
            ));
        }
        Ok(placed)
    }

    /// The agent whom a token was sent to.
    fn agent_of(&self, token: &ReplyToken) -> Option<Uuid> {
        let directory = self.directory();
        let mut addresses = directory.agent_addresses.iter();
        let (_, place) = addresses.find(|(address, _)| token.was_sent_to(self.keys(), address))?;
        Some(directory.agents[*place].id)
    }

    /// Rule 2: a Message-ID of ours, or one known from the ledger.
    async fn by_references(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        sender: &Sender,
        placed: Placed,
    ) -> Result<Placed> {
        for id in answered_ids(&mail.parsed) {
            let ours = self.keys().read_message_id(&id).map(|ours| ours.token);
            let (ticket, whose) = match &ours {
                Some(token) => (self.ticket_for_mail(tx, &token.ticket).await?, "ours"),
                None => (self.ticket_of_known_mail(tx, &id).await?, "in the ledger"),
            };
            let Some(ticket) = ticket else { continue };
            let reason = format!("it answers {id}, which is {whose}");
            let got_it = ours.is_some_and(|token| token.was_sent_to(self.keys(), &sender.address));
            let mut placed = placed;
            if got_it || sender.takes_part_in(&ticket) {
                placed.may_reopen = !sender.failing;
                return Ok(placed.on(ticket, PlacedBy::References, reason));
            }
            placed.may_reopen = false;
            placed.flags.push("unverified_sender");
            if self.config().intake.strangers_by_reference == Strangers::NewTicket {
                placed.related_to = Some(ticket.id);
                return Ok(placed);
            }
            placed.may_tell_agents = false;
            return Ok(placed.on(ticket, PlacedBy::References, reason));
        }
        Ok(placed)
    }

    /// Rule 3: a ticket number in the subject, from a participant whom authentication does not belie.
    async fn by_number(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        sender: &Sender,
        mut placed: Placed,
    ) -> Result<Placed> {
        for number in subject_numbers(&mail.subject) {
            let Some(ticket) = self.ticket_for_mail(tx, &number).await? else { continue };
            if sender.takes_part_in(&ticket) && !sender.failing {
                let reason = format!("{number} in the subject, from a participant");
                return Ok(placed.on(ticket, PlacedBy::SubjectNumber, reason));
            }
            placed.related_to.get_or_insert(ticket.id);
            placed.flags.push("claimed_number");
            placed.placement.reason =
                format!("the subject names {number}, but the sender takes no part in it");
            break;
        }
        Ok(placed)
    }

    async fn ticket_of_known_mail(&self, tx: &mut Tx, id: &MessageId) -> Result<Option<Ticket>> {
        match tx.ticket_of_message(id.as_str()).await? {
            Some(ticket) => self.lock_target(tx, ticket).await,
            None => Ok(None),
        }
    }

    async fn ticket_for_mail(&self, tx: &mut Tx, number: &TicketNumber) -> Result<Option<Ticket>> {
        match tx.ticket_by_number(number).await? {
            Some(ticket) => self.lock_target(tx, ticket.id).await,
            None => Ok(None),
        }
    }

    /// The ticket, or the one it was merged into, locked; `None` when it lies in the bin.
    pub(in crate::desk) async fn lock_target(&self, tx: &mut Tx, mut id: Uuid) -> Result<Option<Ticket>> {
        for _ in 0..MAX_MERGES {
            match tx.lock_ticket(id).await? {
                Some(Ticket { merged_into_id: Some(target), .. }) => id = target,
                found => return Ok(found.filter(|ticket| ticket.deleted_at.is_none())),
            }
        }
        Ok(None)
    }
}

/// What the rules have in common at their end: a closed ticket takes no more mail of customers, but has a follow-up.
fn settle(mut placed: Placed, sender: &Sender) -> Placed {
    let known = placed.token_was_senders || sender.verified || sender.acting_agent().is_some();
    if placed.ticket.is_some() && !known && !placed.flags.contains(&"unverified_sender") {
        placed.flags.push("unverified_sender");
    }
    let believed =
        placed.ticket.as_ref().is_some_and(|ticket| sender.takes_part_in(ticket)) || placed.token_was_senders;
    let is_agents = placed.token_agent.is_some() || sender.acting_agent().is_some();
    if placed.ticket.as_ref().is_some_and(|ticket| ticket.status == Status::Closed) && !is_agents {
        let closed = placed.ticket.take();
        if believed {
            placed.follow_up_of = closed;
        } else {
            placed.related_to = closed.map(|ticket| ticket.id);
        }
    }
    placed
}
