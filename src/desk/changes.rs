//! Changes of one field of a ticket, each with its line in the audit trail. They work on a ticket the caller has
//! locked and writes down after the last of them; what changes nothing leaves no line.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::filing::set_status;
use super::{Desk, Result};
use crate::mail::command::TagChange;
use crate::model::{Actor, Category, Channel, ContactEmail, Priority, Status, Ticket, Timestamp};
use crate::store::Tx;

/// Most tags of a ticket (API.md §4.1).
const MAX_TAGS: usize = 50;

/// Who changes a ticket, and how they told us.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub actor: Actor,
    pub channel: Channel,
    pub at: Timestamp,
    /// The mail that said so.
    pub inbound_mail_id: Option<Uuid>,
}

impl Act {
    /// Somebody changes things by the API.
    pub(super) fn by_api(actor: Actor, at: Timestamp) -> Self {
        Self { actor, channel: Channel::Api, at, inbound_mail_id: None }
    }
}

impl Desk {
    /// Gives the ticket to an agent, or to nobody. Whether it changed hands.
    pub(super) async fn give_to(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: Option<Uuid>,
        act: &Act,
    ) -> Result<bool> {
        let from = std::mem::replace(&mut ticket.assignee_id, to);
        self.note_change(tx, ticket, act, "assigned", ("assignee_id", json!(from), json!(to))).await
    }

    /// Gives the ticket to a team, or to none.
    pub(super) async fn give_to_team(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: Option<Uuid>,
        act: &Act,
    ) -> Result<bool> {
        let from = std::mem::replace(&mut ticket.team_id, to);
        self.note_change(tx, ticket, act, "team_changed", ("team_id", json!(from), json!(to))).await
    }

    /// Says how soon it matters.
    pub(super) async fn set_priority(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: Priority,
        act: &Act,
    ) -> Result<bool> {
        let from = std::mem::replace(&mut ticket.priority, to);
        self.note_change(tx, ticket, act, "priority_changed", ("priority", json!(from), json!(to))).await
    }

    /// Says what it is about.
    pub(super) async fn set_category(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: Category,
        act: &Act,
    ) -> Result<bool> {
        let from = std::mem::replace(&mut ticket.category, to);
        self.note_change(tx, ticket, act, "category_changed", ("category", json!(from), json!(to))).await
    }

    /// Adds and takes away tags; no tag twice.
    pub(super) async fn change_tags(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        change: &TagChange,
        act: &Act,
    ) -> Result<bool> {
        let mut tags = ticket.tags.clone();
        tags.retain(|tag| !change.remove.contains(tag));
        for tag in &change.add {
            if !tags.contains(tag) && tags.len() < MAX_TAGS {
                tags.push(tag.clone());
            }
        }
        self.set_tags(tx, ticket, tags, act).await
    }

    /// Lets people read along. An agent vouches for the addresses, as one does who opens a ticket for somebody.
    pub(super) async fn add_cc(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        addresses: &[String],
        act: &Act,
    ) -> Result<bool> {
        let from = json!(ticket.cc);
        for address in addresses {
            if *address == ticket.requester_email || ticket.cc.contains(address) {
                continue;
            }
            self.vouch_for(tx, address, act.at).await?;
            ticket.cc.push(address.clone());
        }
        let to = json!(ticket.cc);
        self.note_change(tx, ticket, act, "cc_changed", ("cc", from, to)).await
    }

    /// Marks it as spam, from when on the machine mails nobody about it; or takes that back.
    pub(super) async fn set_spam(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: bool,
        act: &Act,
    ) -> Result<bool> {
        let from = std::mem::replace(&mut ticket.is_spam, to);
        let kind = if to { "marked_spam" } else { "unmarked_spam" };
        self.note_change(tx, ticket, act, kind, ("is_spam", json!(from), json!(to))).await
    }

    /// Names it anew for agents; its mails keep their subject.
    pub(super) async fn set_subject(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: &str,
        act: &Act,
    ) -> Result<bool> {
        let from = std::mem::replace(&mut ticket.subject, to.to_owned());
        self.note_change(tx, ticket, act, "subject_changed", ("subject", json!(from), json!(to))).await
    }

    /// Writes down its tags.
    pub(super) async fn set_tags(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: Vec<String>,
        act: &Act,
    ) -> Result<bool> {
        let from = std::mem::replace(&mut ticket.tags, to);
        let to = json!(ticket.tags);
        self.note_change(tx, ticket, act, "tags_changed", ("tags", json!(from), to)).await
    }

    /// Writes down the fields that the shop made up.
    pub(super) async fn set_custom_fields(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: Value,
        act: &Act,
    ) -> Result<bool> {
        let from = std::mem::replace(&mut ticket.custom_fields, to.clone());
        self.note_change(tx, ticket, act, "custom_fields_changed", ("custom_fields", from, to)).await
    }

    /// Puts it out of sight until then, or until somebody writes.
    pub(super) async fn snooze(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        until: Timestamp,
        act: &Act,
    ) -> Result<bool> {
        let from = ticket.snoozed_until.replace(until).map(Timestamp::rfc3339);
        let to = json!(until.rfc3339());
        self.note_change(tx, ticket, act, "snoozed", ("snoozed_until", json!(from), to)).await
    }

    /// Gives it a status, with all that hangs on it.
    pub(super) async fn change_status_of(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        to: Status,
        act: &Act,
    ) -> Result<bool> {
        let from = ticket.status;
        set_status(ticket, to, act.at, &mut Map::new());
        self.note_change(tx, ticket, act, "status_changed", ("status", json!(from), json!(to))).await
    }

    /// Writes the ticket down as it stands.
    pub(super) async fn write_down(&self, tx: &mut Tx, ticket: &mut Ticket, act: &Act) -> Result<()> {
        ticket.updated_at = act.at;
        ticket.version += 1;
        Ok(tx.update_ticket(ticket).await?)
    }

    /// A line in the audit trail, when there is a change.
    pub(super) async fn note_change(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        act: &Act,
        kind: &str,
        (field, from, to): (&str, Value, Value),
    ) -> Result<bool> {
        if from == to {
            return Ok(false);
        }
        let mut event = self.event(ticket, kind, &act.actor, act.at);
        event.channel = act.channel;
        event.inbound_mail_id = act.inbound_mail_id;
        event.changes = json!({ field: [from, to] });
        tx.insert_event(&event).await?;
        Ok(true)
    }

    /// The address is verified from now on; its contact is made when there is none.
    async fn vouch_for(&self, tx: &mut Tx, address: &str, at: Timestamp) -> Result<()> {
        if tx.contact_email(address).await?.is_some() {
            return Ok(tx.verify_contact_email(address).await?);
        }
        let contact = super::filing::new_contact(self.ids().uuid(at), None, at);
        let email = ContactEmail {
            address: address.to_owned(),
            contact_id: contact.id,
            verified: true,
            is_primary: true,
        };
        Ok(tx.insert_contact(&contact, Some(&email)).await?)
    }
}
