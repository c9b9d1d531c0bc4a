//! A held mail, filed after all: the same rules, with a person's word for its sender.

use uuid::Uuid;

use super::place::Placed;
use super::reading::Reading;
use super::sender::Sender;
use super::{Desk, Error, Result};
use crate::desk::quarantine::{Release, ReleaseTo};
use crate::model::*;
use crate::store::Tx;

/// Whose mail it may be, and which address would be theirs from then on.
pub(in crate::desk) struct Claim {
    pub agent: Option<Agent>,
    pub adds: Option<String>,
}

/// What became of a held mail.
pub(in crate::desk) struct Refiled {
    row: InboundRecord,
    /// An agent has another address now, or a sender is blocked no longer.
    pub changed_directory: bool,
}

impl Refiled {
    /// The mail's row with what was decided now.
    pub fn over(&self, held: InboundRecord) -> InboundRecord {
        let now = self.row.clone();
        InboundRecord {
            action: now.action,
            reason: now.reason,
            detail: now.detail,
            ticket_id: now.ticket_id,
            ticket_number: now.ticket_number,
            response_id: now.response_id,
            placement_by: now.placement_by,
            placement_reason: now.placement_reason,
            flags: now.flags,
            authentication: now.authentication,
            ..held
        }
    }
}

impl Desk {
    /// A mail of the ledger, read again: a person looks at it, so it is a person's.
    pub(in crate::desk) async fn read_held(
        &self,
        id: Uuid,
        notify: bool,
    ) -> Result<(InboundRecord, Reading)> {
        let (record, mut reading) = self.read_again(id).await?;
        reading.judgement.kind = MailKind::Person;
        reading.notify = notify;
        Ok((record, reading))
    }

    /// A mail of the ledger, read again as if it came in now.
    pub(super) async fn read_again(&self, id: Uuid) -> Result<(InboundRecord, Reading)> {
        let mut tx = self.store().read().await?;
        let record = tx.inbound(id).await?.ok_or(Error::NotFound("inbound_mail"))?;
        let raw = tx.inbound_raw(id).await?.ok_or(Error::NotFound("inbound_mail"))?;
        drop(tx);
        let mail = InboundMail {
            via: record.via,
            remote_ip: record.remote_ip.as_deref().and_then(|ip| ip.parse().ok()),
            envelope: Envelope {
                reverse_path: ReversePath::from_text(&record.reverse_path),
                recipients: record.recipients.clone(),
            },
            received_header: String::new(),
            raw,
            received_at: self.clock().now(),
            authentication: record.authentication,
        };
        let reading = self.read_as(mail, id).await;
        let reading = reading.ok_or(Error::InvalidState("none of its recipients is ours any more"))?;
        Ok((record, reading))
    }

    /// The agent a held mail may be from.
    pub(in crate::desk) async fn claim(&self, tx: &mut Tx, mail: &Reading) -> Result<Claim> {
        let sender = self.sender(tx, mail).await?;
        let placed = self.place(tx, mail, &sender).await?;
        let directory = self.directory();
        let agent = sender.unproven_agent(&placed).or(sender.agent_for(&placed).map(|agent| agent.id));
        let agent = directory.agents.iter().find(|known| Some(known.id) == agent).cloned();
        let adds = agent.as_ref().and_then(|_| self.further_address(&sender, placed.ticket.as_ref()));
        Ok(Claim { agent, adds })
    }

    /// The sender's address, when it may become an agent's: nobody of ours has it, and no customer of the ticket writes
    /// from it, who would be taken for the agent from then on.
    fn further_address(&self, sender: &Sender, ticket: Option<&Ticket>) -> Option<String> {
        let free = !sender.uses_agents_address()
            && sender.address.contains('@')
            && !self.recipients().is_ours(&sender.address)
            && !ticket.is_some_and(|ticket| sender.takes_part_in(ticket));
        free.then(|| sender.address.clone())
    }

    /// Files it as if its sender had been believed.
    pub(in crate::desk) async fn refile(
        &self,
        tx: &mut Tx,
        record: &InboundRecord,
        mail: &mut Reading,
        release: &Release,
    ) -> Result<Refiled> {
        let mut changed_directory = false;
        let mut sender = self.sender(tx, mail).await?;
        if record.reason == "unverified_agent" {
            let claim = self.claim(tx, mail).await?;
            let agent = claim.agent.ok_or(Error::InvalidState("no agent is known who may have sent it"))?;
            if let Some(address) = claim.adds.filter(|_| release.trust_sender) {
                changed_directory = tx.insert_agent_address(&address, agent.id).await?;
            }
            sender = sender.vouched_for(agent);
        } else if release.trust_sender {
            sender.verified = true;
            changed_directory = tx.unblock_sender(&sender.address).await?;
        }
        let placed = self.place(tx, mail, &sender).await?;
        let placed = match &release.to {
            ReleaseTo::Auto => placed,
            ReleaseTo::New => placed.nowhere_by(PlacedBy::Api, "a person let it in as a new ticket"),
            ReleaseTo::Ticket(ticket) => {
                let ticket = self.locked(tx, ticket, None).await?;
                placed.put_on(ticket, "a person put it there")
            }
        };
        let decision = self.file_placed(tx, mail, sender, placed).await?;
        if decision.action == InboundAction::Quarantined {
            return Err(Error::InvalidState("nothing says who sent it"));
        }
        Ok(Refiled { row: mail.record(&decision), changed_directory })
    }
}

impl Placed {
    fn nowhere_by(self, by: PlacedBy, reason: &str) -> Self {
        let placement = Placement { by, reason: reason.into() };
        Self { placement, ticket: None, follow_up_of: None, ..self }
    }

    fn put_on(self, ticket: Ticket, reason: &str) -> Self {
        Self {
            ticket: Some(ticket),
            may_tell_agents: true,
            may_reopen: true,
            ..self.nowhere_by(PlacedBy::Api, reason)
        }
    }
}
