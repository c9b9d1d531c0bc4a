//! Who is told what: turns what happened into outbox rows, inside the transaction of its cause (MAIL.md §2.1). Rows
//! name a template and what it needs; they are rendered at the first try. The rules are [`told`]'s; here they meet the
//! rows.

mod admins;
mod agents;
mod customers;

pub use admins::Finding;

use serde_json::{Value, json};

use super::{Desk, Result};
use crate::config::SubjectTag;
use crate::model::{
    Agent, Audience, EmailStatus, Mailbox, NotificationTemplate, OutboxEntry, Response, Ticket, Timestamp,
};
use crate::store::Tx;

/// An hour, in milliseconds.
const HOUR_MS: i64 = 3_600_000;

/// What the rules must know of a customer's message.
#[derive(Debug, Clone, Copy)]
pub(super) struct CustomerMessage<'a> {
    /// The ticket, as it stands after the message.
    pub ticket: &'a Ticket,
    /// The message.
    pub message: &'a Response,
    /// Its sender is who they say they are (MAIL.md §1.2).
    pub verified: bool,
    /// It opened again what was resolved.
    pub reopened: bool,
    /// Why it must not be answered automatically; `None` when it may be.
    pub no_answer: Option<&'a str>,
    /// What the caller wished; `None`: as the settings say.
    pub notify: Option<bool>,
}

/// A mail to be put into the outbox.
pub(super) struct Notice<'a> {
    /// Which mail.
    pub template: NotificationTemplate,
    /// What it is about; none for what concerns the desk itself.
    pub ticket: Option<&'a Ticket>,
    /// What caused it.
    pub response: Option<&'a Response>,
    /// Lower case.
    pub to: &'a str,
    /// Display name.
    pub to_name: Option<&'a str>,
    /// The recipient's language; `None`: the mailbox's.
    pub locale: Option<&'a str>,
    /// The address is verified: it may read what a caller wrote.
    pub verified: bool,
    /// When it leaves; never in the past.
    pub due: Timestamp,
    /// What the template needs besides the rows, a JSON object.
    pub context: Value,
}

impl<'a> Notice<'a> {
    /// A mail to somebody who works here.
    pub fn to_agent(template: NotificationTemplate, ticket: Option<&'a Ticket>, agent: &'a Agent) -> Self {
        Self {
            template,
            ticket,
            response: None,
            to: &agent.email,
            to_name: Some(&agent.name),
            locale: agent.locale.as_deref(),
            verified: true,
            due: Timestamp(0),
            context: json!({}),
        }
    }
}

impl Desk {
    /// Puts a mail into the outbox, to be sent unless its address is suppressed. Asks nobody whether it should be: that
    /// is its caller's.
    pub(super) async fn post(&self, tx: &mut Tx, notice: Notice<'_>) -> Result<OutboxEntry> {
        let suppressed = tx.suppression(notice.to, self.clock().now()).await?.is_some();
        self.put(tx, notice, suppressed).await
    }

    async fn put(&self, tx: &mut Tx, notice: Notice<'_>, suppressed: bool) -> Result<OutboxEntry> {
        let entry = self.entry(&notice, suppressed);
        tx.insert_outbox(&entry).await?;
        Ok(entry)
    }

    /// Whether the settings switch a mail on.
    fn is_on(&self, template: NotificationTemplate) -> bool {
        self.config().notifications.is_on(template)
    }

    pub(super) fn entry(&self, notice: &Notice<'_>, suppressed: bool) -> OutboxEntry {
        let Notice { template, ticket, to, .. } = notice;
        let now = self.clock().now();
        let due = notice.due.max(now);
        let id = self.ids().uuid(now);
        let mailbox = self.mailbox_of(*ticket);
        let from = mailbox.as_ref().map_or_else(String::new, |mailbox| mailbox.address.clone());
        let domain = domain_of(&from);
        let locale = notice.locale.or(mailbox.as_ref().and_then(|mailbox| mailbox.locale.as_deref()));
        let (delimiter, bounce) = (self.config().email.recipient_delimiter, self.keys().bounce_token(id));
        let message_id = match ticket {
            Some(ticket) if template.is_about_a_note() => {
                self.keys().note_message_id(&ticket.number, to, id, domain)
            }
            Some(ticket) => self.keys().message_id(&ticket.number, to, id, domain),
            None => self.keys().bare_message_id(id, domain),
        };
        OutboxEntry {
            id,
            ticket_id: ticket.map(|ticket| ticket.id),
            response_id: notice.response.map(|response| response.id),
            template: template.as_str().into(),
            template_version: None,
            locale: locale.unwrap_or("en").into(),
            audience: template.audience(),
            automatic: !template.is_from_person(),
            verified: notice.verified,
            to_address: (*to).into(),
            to_name: notice.to_name.map(Into::into),
            subject: self.subject(notice),
            message_id: message_id.as_str().into(),
            envelope_from: format!("bounce{delimiter}{bounce}@{domain}"),
            from_address: from.clone(),
            context: notice.context.clone(),
            status: if suppressed { EmailStatus::Suppressed } else { EmailStatus::Queued },
            priority: template.send_priority(),
            attempts: 0,
            next_attempt_at: (!suppressed).then_some(due),
            released: false,
            lease: None,
            give_up_at: self.give_up_at(due),
            remote: None,
            tls: None,
            smtp_code: None,
            enhanced_code: None,
            smtp_response: None,
            error: None,
            size: None,
            queued_at: due,
            sent_at: None,
            delivered_at: None,
            bounced_at: None,
            created_at: now,
        }
    }

    pub(super) fn give_up_at(&self, due: Timestamp) -> Timestamp {
        due.plus_ms(i64::from(self.config().outbox.give_up_hours) * HOUR_MS)
    }

    /// The ticket's mailbox; the first one when it has none or that is gone.
    pub(super) fn mailbox_of(&self, ticket: Option<&Ticket>) -> Option<Mailbox> {
        let directory = self.directory();
        let id = ticket.and_then(|ticket| ticket.mailbox_id);
        let own = directory.mailboxes.iter().find(|mailbox| Some(mailbox.id) == id);
        own.or(directory.mailboxes.first()).cloned()
    }

    /// `Re: {mail subject}`; to an unverified address the number alone, which rendering puts our own words before
    /// (API.md §1.9), and without a ticket nothing, which rendering does as well.
    fn subject(&self, notice: &Notice<'_>) -> String {
        let Some(ticket) = notice.ticket else { return String::new() };
        let tag = format!("[{}]", ticket.number);
        let setting = self.config().email.subject_tag;
        if !notice.verified {
            return if setting == SubjectTag::Always { tag } else { String::new() };
        }
        let subject = &ticket.mail_subject;
        let re = if notice.template == NotificationTemplate::TicketOpenedForYou { "" } else { "Re: " };
        let for_agents = setting == SubjectTag::Agents && notice.template.audience() == Audience::Agent;
        let tag = if for_agents { format!(" {tag}") } else { String::new() };
        let internal = if notice.template.is_about_a_note() { " (internal)" } else { "" };
        format!("{re}{subject}{tag}{internal}")
    }
}

/// What stands behind the last `@`.
pub(super) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}
