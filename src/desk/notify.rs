//! Who is told what: turns what happened on a ticket into outbox rows, inside the transaction of its cause
//! (MAIL.md §2.1). Rows name a template and what it needs; they are rendered at the first try.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Desk, Result};
use crate::config::{AckUnverified, SubjectTag};
use crate::model::notification::{acknowledgement, agents_told, status_notice};
use crate::model::{
    Agent, Audience, EmailStatus, Mailbox, NotificationTemplate, OutboxEntry, Response, Status, Ticket,
    Timestamp,
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
    /// Why it must not be answered automatically; `None` when it may be.
    pub no_answer: Option<&'a str>,
}

/// A mail to be put into the outbox.
struct Notice<'a> {
    template: NotificationTemplate,
    ticket: &'a Ticket,
    response: Option<&'a Response>,
    to: &'a str,
    to_name: Option<&'a str>,
    locale: Option<&'a str>,
    verified: bool,
    context: Value,
}

impl Desk {
    /// A ticket was opened by a customer: acknowledges it to the requester, tells the agents.
    pub(super) async fn notify_opened(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
    ) -> Result<Vec<OutboxEntry>> {
        let mut entries = self.acknowledge(tx, event).await?;
        entries.extend(self.tell_agents(tx, event, NotificationTemplate::AgentNewTicket).await?);
        Ok(entries)
    }

    /// A customer wrote on a ticket: tells the assignee, or all agents when there is none.
    pub(super) async fn notify_customer_message(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
    ) -> Result<Vec<OutboxEntry>> {
        self.tell_agents(tx, event, NotificationTemplate::AgentCustomerMessage).await
    }

    /// An agent (or a service) answered publicly: mails requester and the response's `to`, `cc`, `bcc`.
    pub(super) async fn notify_reply(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        response: &Response,
        author: Option<&Agent>,
    ) -> Result<Vec<OutboxEntry>> {
        let template = match ticket.response_count {
            ..=1 => NotificationTemplate::TicketOpenedForYou,
            _ => NotificationTemplate::TicketReply,
        };
        let mut entries = Vec::new();
        for to in self.reply_recipients(ticket, response, author) {
            let verified = vouched_for(tx, ticket, &to).await?;
            let notice = Notice {
                template,
                ticket,
                response: Some(response),
                to: &to,
                to_name: None,
                locale: ticket.locale.as_deref(),
                verified,
                context: json!({ "author_id": author.map(|agent| agent.id) }),
            };
            entries.push(self.post(tx, notice).await?);
        }
        Ok(entries)
    }

    /// The status changed and no reply went with it: tells the requester what the settings switch on.
    pub(super) async fn notify_status(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        from: Status,
        notify: Option<bool>,
    ) -> Result<Vec<OutboxEntry>> {
        let Some(template) = status_notice(from, ticket.status, notify) else { return Ok(Vec::new()) };
        let verified = is_verified(tx, &ticket.requester_email).await?;
        let context = json!({ "from": from, "to": ticket.status });
        Ok(self.tell_requester(tx, template, ticket, None, verified, context).await?.into_iter().collect())
    }

    /// A reply did not arrive: tells who wrote it, or else the assignee, or everybody. `context` says why.
    pub(super) async fn notify_delivery_failed(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        failed: &OutboxEntry,
        context: Value,
    ) -> Result<Vec<OutboxEntry>> {
        let directory = self.directory();
        let response = match failed.response_id {
            Some(id) => tx.response(id).await?,
            None => None,
        };
        let author = response.as_ref().and_then(|response| response.author_id);
        let is_here = |id: &Uuid| directory.agents.iter().any(|agent| agent.is_active && agent.id == *id);
        let who = author.filter(is_here).or(ticket.assignee_id);
        let mut entries = Vec::new();
        for agent in agents_told(&directory.agents, who, (None, None)) {
            if directory.recipients.is_ours(&agent.email) {
                continue;
            }
            let notice = Notice {
                template: NotificationTemplate::AgentDeliveryFailed,
                ticket,
                response: response.as_ref(),
                to: &agent.email,
                to_name: Some(&agent.name),
                locale: agent.locale.as_deref(),
                verified: true,
                context: context.clone(),
            };
            entries.push(self.post(tx, notice).await?);
        }
        Ok(entries)
    }

    async fn acknowledge(&self, tx: &mut Tx, event: CustomerMessage<'_>) -> Result<Vec<OutboxEntry>> {
        let CustomerMessage { ticket, message, verified, no_answer } = event;
        let neutral = self.inner.config.intake.ack_unverified.map(|ack| ack == AckUnverified::Neutral);
        let Some(template) = acknowledgement(verified, message.channel, neutral) else {
            return Ok(Vec::new());
        };
        if no_answer.is_some() {
            return Ok(Vec::new());
        }
        let sent = self.tell_requester(tx, template, ticket, Some(message), verified, json!({})).await?;
        Ok(sent.into_iter().collect())
    }

    /// A machine's mail to the requester, within the caps.
    async fn tell_requester(
        &self,
        tx: &mut Tx,
        template: NotificationTemplate,
        ticket: &Ticket,
        response: Option<&Response>,
        verified: bool,
        context: Value,
    ) -> Result<Option<OutboxEntry>> {
        let to = ticket.requester_email.as_str();
        if ticket.is_spam || to.is_empty() || self.recipients().is_ours(to) {
            return Ok(None);
        }
        let recent = tx.recent_mail(to, self.inner.clock.now()).await?;
        if !recent.allows(template, self.inner.config.intake.max_automatic_per_day) {
            return Ok(None);
        }
        let locale = ticket.locale.as_deref();
        let notice = Notice { template, ticket, response, to, to_name: None, locale, verified, context };
        Ok(Some(self.put(tx, notice, recent.suppressed).await?))
    }

    async fn tell_agents(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
        template: NotificationTemplate,
    ) -> Result<Vec<OutboxEntry>> {
        let CustomerMessage { ticket, message, .. } = event;
        let directory = self.directory();
        let author = (message.author_id, message.author_email.as_deref());
        let ours = &directory.recipients;
        let mut entries = Vec::new();
        for agent in agents_told(&directory.agents, ticket.assignee_id, author) {
            if ticket.is_spam || ours.is_ours(&agent.email) {
                continue;
            }
            let notice = Notice {
                template,
                ticket,
                response: Some(message),
                to: &agent.email,
                to_name: Some(&agent.name),
                locale: agent.locale.as_deref(),
                verified: true,
                context: json!({}),
            };
            entries.push(self.post(tx, notice).await?);
        }
        Ok(entries)
    }

    /// Requester first, then the response's own recipients; no address twice, none of ours, not the author's.
    fn reply_recipients(&self, ticket: &Ticket, response: &Response, author: Option<&Agent>) -> Vec<String> {
        let ours = self.recipients();
        let mut all: Vec<String> = Vec::new();
        let named = response.to_addresses.iter().chain(&response.cc).chain(&response.bcc);
        for address in std::iter::once(&ticket.requester_email).chain(named) {
            let address = address.trim().to_lowercase();
            let is_author = author.is_some_and(|agent| agent.email == address);
            if !address.is_empty() && !is_author && !ours.is_ours(&address) && !all.contains(&address) {
                all.push(address);
            }
        }
        all
    }

    /// Puts a mail into the outbox, to be sent unless its address is suppressed.
    async fn post(&self, tx: &mut Tx, notice: Notice<'_>) -> Result<OutboxEntry> {
        let suppressed = tx.suppression(notice.to, self.inner.clock.now()).await?.is_some();
        self.put(tx, notice, suppressed).await
    }

    async fn put(&self, tx: &mut Tx, notice: Notice<'_>, suppressed: bool) -> Result<OutboxEntry> {
        let entry = self.entry(&notice, suppressed);
        tx.insert_outbox(&entry).await?;
        Ok(entry)
    }

    fn entry(&self, notice: &Notice<'_>, suppressed: bool) -> OutboxEntry {
        let Notice { template, ticket, to, .. } = notice;
        let now = self.inner.clock.now();
        let due = notice.response.and_then(|response| response.send_at).unwrap_or(now).max(now);
        let id = self.inner.ids.uuid(now);
        let mailbox = self.mailbox_of(ticket);
        let from = mailbox.as_ref().map_or_else(String::new, |mailbox| mailbox.address.clone());
        let domain = domain_of(&from);
        let locale = notice.locale.or(mailbox.as_ref().and_then(|mailbox| mailbox.locale.as_deref()));
        let (delimiter, bounce) =
            (self.inner.config.email.recipient_delimiter, self.inner.keys.bounce_token(id));
        OutboxEntry {
            id,
            ticket_id: Some(ticket.id),
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
            message_id: self.inner.keys.message_id(&ticket.number, to, id, domain).as_str().into(),
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
        due.plus_ms(i64::from(self.inner.config.outbox.give_up_hours) * HOUR_MS)
    }

    /// The ticket's mailbox; the first one when it has none or that is gone.
    pub(super) fn mailbox_of(&self, ticket: &Ticket) -> Option<Mailbox> {
        let directory = self.directory();
        let own = directory.mailboxes.iter().find(|mailbox| Some(mailbox.id) == ticket.mailbox_id);
        own.or(directory.mailboxes.first()).cloned()
    }

    /// `Re: {mail subject}`; to an unverified address the number alone, which rendering puts our own words before
    /// (API.md §1.9).
    fn subject(&self, notice: &Notice<'_>) -> String {
        let tag = format!("[{}]", notice.ticket.number);
        let setting = self.inner.config.email.subject_tag;
        if !notice.verified {
            return if setting == SubjectTag::Always { tag } else { String::new() };
        }
        let subject = &notice.ticket.mail_subject;
        let re = if notice.template == NotificationTemplate::TicketOpenedForYou { "" } else { "Re: " };
        let for_agents = setting == SubjectTag::Agents && notice.template.audience() == Audience::Agent;
        if for_agents { format!("{re}{subject} {tag}") } else { format!("{re}{subject}") }
    }
}

/// Whether a mail or a link proved this address.
async fn is_verified(tx: &mut Tx, address: &str) -> Result<bool> {
    Ok(tx.contact_email(address).await?.is_some_and(|email| email.verified))
}

/// An address the customer named must be verified; one that the agent named is vouched for.
async fn vouched_for(tx: &mut Tx, ticket: &Ticket, to: &str) -> Result<bool> {
    let by_customer = ticket.requester_email == to || ticket.cc.iter().any(|cc| cc.eq_ignore_ascii_case(to));
    Ok(!by_customer || is_verified(tx, to).await?)
}

/// What stands behind the last `@`.
pub(super) fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}
