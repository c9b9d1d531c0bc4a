//! Who wrote: an agent, a known contact, or somebody new.

use uuid::Uuid;

use super::place::Placed;
use super::reading::Reading;
use super::{Desk, Result};
use crate::desk::filing::new_contact;
use crate::model::*;
use crate::store::Tx;

/// Who a mail says it is from, and how far that is believed.
pub(super) struct Sender {
    /// Lower case; may be empty.
    pub address: String,
    pub name: Option<String>,
    /// MAIL.md §1.2, reply tokens aside.
    pub verified: bool,
    /// Authentication says it is forged (DMARC fail).
    pub failing: bool,
    /// The agent of this address, believed or not.
    agent: Option<Agent>,
    /// The mail names one sender: a second one would be believed along with the first.
    is_sole: bool,
    /// Somebody let the mail out of quarantine: it is the agent's.
    vouched: bool,
    /// The contact of this address, where there is one.
    pub contact: Option<Contact>,
}

impl Desk {
    pub(super) async fn sender(&self, tx: &mut Tx, mail: &Reading) -> Result<Sender> {
        let address = mail.from_address.to_lowercase();
        let contact = if address.is_empty() { None } else { tx.contact_by_address(&address).await? };
        let authentication = &mail.mail.authentication;
        let is_sole = mail.parsed.sole_from().is_some();
        Ok(Sender {
            name: mail.from_name.clone(),
            verified: authentication.is_verified() && is_sole && address.contains('@'),
            failing: authentication.dmarc == Authority::Fail,
            agent: self.directory().agent_by_address(&address).cloned(),
            is_sole,
            vouched: false,
            contact,
            address,
        })
    }

    /// Somebody a forward names: nobody has proved anything.
    pub(super) async fn forwarded_sender(&self, tx: &mut Tx, from: Address) -> Result<Sender> {
        let address = from.email.to_lowercase();
        let contact = tx.contact_by_address(&address).await?;
        Ok(Sender {
            address,
            name: from.name,
            verified: false,
            failing: false,
            agent: None,
            is_sole: true,
            vouched: false,
            contact,
        })
    }

    /// The sender's contact, made when there is none; and whether their address is verified, by this mail or before.
    pub(super) async fn known_contact(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        sender: &Sender,
    ) -> Result<(Contact, bool)> {
        if let Some(contact) = &sender.contact {
            if sender.verified {
                tx.verify_contact_email(&sender.address).await?;
                self.lift_hard_bounce(tx, &sender.address).await?;
            }
            return Ok((contact.clone(), sender.verified));
        }
        let at = mail.mail.received_at;
        let contact = new_contact(self.ids().uuid(at), sender.name.clone(), at);
        let email = (!sender.address.is_empty()).then(|| ContactEmail {
            address: sender.address.clone(),
            contact_id: contact.id,
            verified: sender.verified,
            is_primary: true,
        });
        tx.insert_contact(&contact, email.as_ref()).await?;
        Ok((contact, sender.verified))
    }
}

impl Sender {
    /// As the author of a customer's message.
    pub fn customer(&self, contact: &Contact) -> Actor {
        let name = self.name.clone().or_else(|| contact.name.clone());
        let r#type =
            if contact.r#type == ContactType::Seller { ActorType::Seller } else { ActorType::Customer };
        Actor { r#type, id: Some(contact.id), name }
    }

    /// The agent, when the mail itself proves who sent it.
    pub fn acting_agent(&self) -> Option<&Agent> {
        self.agent.as_ref().filter(|_| self.verified || self.vouched)
    }

    /// The agent, when the mail proves it or carries the token that was sent to that very agent (MAIL.md §1.6).
    pub fn agent_for(&self, placed: &Placed) -> Option<&Agent> {
        let is_theirs = |agent: &&Agent| self.is_sole && placed.token_agent == Some(agent.id);
        self.acting_agent().or(self.agent.as_ref().filter(is_theirs))
    }

    /// The agent this may be, held back because nothing proves it: their address is used, or their reply address.
    pub fn unproven_agent(&self, placed: &Placed) -> Option<Uuid> {
        match (self.agent_for(placed), &self.agent) {
            (Some(_), _) => None,
            (None, Some(agent)) => Some(agent.id),
            (None, None) => placed.token_agent,
        }
    }

    /// The sender as the agent whom somebody vouched for.
    pub fn vouched_for(self, agent: Agent) -> Self {
        Self { agent: Some(agent), vouched: true, ..self }
    }

    /// Whether the address is one of our agents'.
    pub fn uses_agents_address(&self) -> bool {
        self.agent.is_some()
    }

    /// Requester or copied on the ticket, or an agent who is believed.
    pub fn takes_part_in(&self, ticket: &Ticket) -> bool {
        let is_requester = self.contact.as_ref().is_some_and(|contact| contact.id == ticket.requester_id);
        let named = !self.address.is_empty()
            && (ticket.requester_email == self.address || ticket.cc.contains(&self.address));
        is_requester || named || self.acting_agent().is_some()
    }
}
