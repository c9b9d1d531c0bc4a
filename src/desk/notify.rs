//! Who is told what: turns what happened on a ticket into outbox rows, inside the transaction of its cause
//! (MAIL.md §2.1). Rows name a template and what it needs; they are rendered at the first try.

use super::{Desk, Result};
use crate::model::{Agent, OutboxEntry, Response, Status, Ticket};
use crate::store::Tx;

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

impl Desk {
    /// A ticket was opened by a customer: acknowledges it to the requester, tells the agents.
    pub(super) async fn notify_opened(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
    ) -> Result<Vec<OutboxEntry>> {
        let _ = (tx, event);
        Ok(Vec::new())
    }

    /// A customer wrote on a ticket: tells the assignee, or all agents when there is none.
    pub(super) async fn notify_customer_message(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
    ) -> Result<Vec<OutboxEntry>> {
        let _ = (tx, event);
        Ok(Vec::new())
    }

    /// An agent (or a service) answered publicly: mails requester and the response's `to`, `cc`, `bcc`.
    pub(super) async fn notify_reply(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        response: &Response,
        author: Option<&Agent>,
    ) -> Result<Vec<OutboxEntry>> {
        let _ = (tx, ticket, response, author);
        Ok(Vec::new())
    }

    /// The status changed and no reply went with it: tells the requester what the settings switch on.
    pub(super) async fn notify_status(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        from: Status,
        notify: Option<bool>,
    ) -> Result<Vec<OutboxEntry>> {
        let _ = (tx, ticket, from, notify);
        Ok(Vec::new())
    }

    /// Marks the mail a report is about, and what follows from it. `None` when there is no such mail.
    pub(super) async fn record_bounce(
        &self,
        tx: &mut Tx,
        entry: uuid::Uuid,
        report: &crate::mail::dsn::DeliveryReport,
    ) -> Result<Option<OutboxEntry>> {
        let _ = (tx, entry, report);
        Ok(None)
    }
}
