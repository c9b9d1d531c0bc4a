//! What customers are told.

use serde_json::{Value, json};

use super::{CustomerMessage, Desk, Notice, Result};
use crate::config::AckUnverified;
use crate::model::told::{acknowledgement, is_sent, receipts, status_notices};
use crate::model::{Agent, NotificationTemplate, OutboxEntry, Response, Status, Ticket, Timestamp};
use crate::store::Tx;

/// A machine's mail to a ticket's requester.
struct Word<'a> {
    template: NotificationTemplate,
    ticket: &'a Ticket,
    response: Option<&'a Response>,
    verified: bool,
    context: Value,
}

impl Desk {
    /// A ticket was opened by a customer: acknowledges it to the requester, tells the agents.
    pub(in crate::desk) async fn notify_opened(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
    ) -> Result<Vec<OutboxEntry>> {
        let mut entries: Vec<_> = self.acknowledge(tx, event).await?.into_iter().collect();
        entries.extend(self.tell_agents_of_opening(tx, event).await?);
        Ok(entries)
    }

    /// A customer wrote on a ticket: tells the assignee, or all agents when there is none, and the requester that it
    /// arrived.
    pub(in crate::desk) async fn notify_customer_message(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
    ) -> Result<Vec<OutboxEntry>> {
        let mut entries: Vec<_> = self.confirm_receipt(tx, event).await?.into_iter().collect();
        entries.extend(self.tell_agents_of_message(tx, event).await?);
        Ok(entries)
    }

    /// An agent (or a service) answered publicly: mails requester and the response's `to`, `cc`, `bcc`, when its time
    /// has come.
    pub(in crate::desk) async fn notify_reply(
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
                ticket: Some(ticket),
                response: Some(response),
                to: &to,
                to_name: None,
                locale: ticket.locale.as_deref(),
                verified,
                due: response.send_at.unwrap_or(Timestamp(0)),
                context: json!({ "author_id": author.map(|agent| agent.id) }),
            };
            entries.push(self.post(tx, notice).await?);
        }
        Ok(entries)
    }

    /// The status changed and no reply went with it: tells the requester what the settings, or the caller, switch on.
    pub(in crate::desk) async fn notify_status(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        from: Status,
        notify: Option<bool>,
    ) -> Result<Vec<OutboxEntry>> {
        let notices = status_notices(from, ticket.status, notify == Some(true));
        let sent = notices.into_iter().find(|template| is_sent(self.is_on(*template), notify));
        let Some(template) = sent else { return Ok(Vec::new()) };
        let verified = is_verified(tx, &ticket.requester_email).await?;
        let context = json!({ "from": from, "to": ticket.status });
        let word = Word { template, ticket, response: None, verified, context };
        Ok(self.tell_requester(tx, word).await?.into_iter().collect())
    }

    /// Two tickets became one: tells the requester of the one that ended, where their mails go now.
    pub(in crate::desk) async fn notify_merged(
        &self,
        tx: &mut Tx,
        merged: &Ticket,
        into: &Ticket,
        notify: Option<bool>,
    ) -> Result<Vec<OutboxEntry>> {
        let template = NotificationTemplate::TicketMerged;
        // Another requester is no participant of the other ticket, and learns nothing of it.
        let same = merged.requester_id == into.requester_id;
        if !same || !is_sent(self.is_on(template), notify) {
            return Ok(Vec::new());
        }
        let verified = is_verified(tx, &into.requester_email).await?;
        let context = json!({ "from_number": merged.number });
        let word = Word { template, ticket: into, response: None, verified, context };
        Ok(self.tell_requester(tx, word).await?.into_iter().collect())
    }

    /// We have waited for the requester's answer for long: says so.
    pub(in crate::desk) async fn remind(&self, tx: &mut Tx, ticket: &Ticket) -> Result<Option<OutboxEntry>> {
        let asked = tx.last_answer_of(ticket.id).await?;
        let verified = is_verified(tx, &ticket.requester_email).await?;
        let template = NotificationTemplate::TicketWaitingReminder;
        let word = Word { template, ticket, response: asked.as_ref(), verified, context: json!({}) };
        self.tell_requester(tx, word).await
    }

    /// A verified sender opened more tickets than the settings allow: names those that are open, once a day. The
    /// newest of them is what an answer belongs to.
    pub(in crate::desk) async fn notify_limited(
        &self,
        tx: &mut Tx,
        open: &[Ticket],
    ) -> Result<Option<OutboxEntry>> {
        let template = NotificationTemplate::RateLimitedNotice;
        let Some(ticket) = open.first().filter(|_| self.is_on(template)) else { return Ok(None) };
        let list: Vec<_> = open.iter().map(|t| json!({ "number": t.number, "subject": t.subject })).collect();
        let context = json!({ "open": list });
        let word = Word { template, ticket, response: None, verified: true, context };
        self.tell_requester(tx, word).await
    }

    /// Somebody filled in a form with this address: asks whether it is theirs, by a link that opens the ticket. There is
    /// one such mail for each form, so it is no answer that comes once an hour; how many forms one may send for an address
    /// is the door's to say.
    pub(in crate::desk) async fn notify_pending(
        &self,
        tx: &mut Tx,
        to: &str,
        locale: Option<&str>,
        context: Value,
    ) -> Result<()> {
        let now = self.clock().now();
        let recent = tx.recent_mail(to, now).await?;
        let most = i64::from(self.config().intake.max_automatic_per_day);
        if self.recipients().is_ours(to) || recent.automatic_day >= most {
            return Ok(());
        }
        let notice = Notice {
            template: NotificationTemplate::TicketReceivedNeutral,
            ticket: None,
            response: None,
            to,
            to_name: None,
            locale,
            verified: false,
            due: now,
            context,
        };
        self.put(tx, notice, recent.suppressed).await.map(drop)
    }

    async fn acknowledge(&self, tx: &mut Tx, event: CustomerMessage<'_>) -> Result<Option<OutboxEntry>> {
        let CustomerMessage { ticket, message, verified, no_answer, notify, .. } = event;
        let neutral = self.config().intake.ack_unverified.map(|ack| ack == AckUnverified::Neutral);
        let Some(template) = acknowledgement(verified, message.channel, neutral) else { return Ok(None) };
        if no_answer.is_some() || !is_sent(self.is_on(template), notify) {
            return Ok(None);
        }
        let word = Word { template, ticket, response: Some(message), verified, context: json!({}) };
        self.tell_requester(tx, word).await
    }

    /// Says that a further message arrived: to the requester alone, and only when it was they who wrote it.
    async fn confirm_receipt(&self, tx: &mut Tx, event: CustomerMessage<'_>) -> Result<Option<OutboxEntry>> {
        let CustomerMessage { ticket, message, verified, reopened, no_answer, notify } = event;
        let wrote = message.author_email.as_deref().unwrap_or_default();
        if no_answer.is_some() || !verified || !wrote.eq_ignore_ascii_case(&ticket.requester_email) {
            return Ok(None);
        }
        let sent = receipts(reopened).into_iter().find(|template| is_sent(self.is_on(*template), notify));
        let Some(template) = sent else { return Ok(None) };
        let word = Word { template, ticket, response: Some(message), verified, context: json!({}) };
        self.tell_requester(tx, word).await
    }

    /// A machine's mail to the requester, within the caps.
    async fn tell_requester(&self, tx: &mut Tx, word: Word<'_>) -> Result<Option<OutboxEntry>> {
        let Word { template, ticket, response, verified, context } = word;
        let to = ticket.requester_email.as_str();
        if ticket.is_spam || to.is_empty() || self.recipients().is_ours(to) {
            return Ok(None);
        }
        let now = self.clock().now();
        let recent = tx.recent_mail(to, now).await?;
        if !recent.allows(template, self.config().intake.max_automatic_per_day, now) {
            return Ok(None);
        }
        let notice = Notice {
            template,
            ticket: Some(ticket),
            response,
            to,
            to_name: None,
            locale: ticket.locale.as_deref(),
            verified,
            due: now,
            context,
        };
        Ok(Some(self.put(tx, notice, recent.suppressed).await?))
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
