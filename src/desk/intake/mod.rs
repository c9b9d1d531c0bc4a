//! A mail comes in: the one call every door makes. Read (pure, outside any transaction), then filed in one
//! transaction: ledger row, ticket or response, audit line, outbox rows.

mod again;
mod agent;
mod forward;
mod hand_in;
mod limit;
mod place;
mod reading;
mod release;
mod report;
mod sender;

use uuid::Uuid;

pub(super) use self::agent::KEPT_AS_NOTE;
use self::place::Placed;
pub(super) use self::reading::Reading;
use self::sender::Sender;
use super::filing::{FiledResponse, NewResponse, NewTicket};
use super::notify::CustomerMessage;
use super::{Desk, Error, Filed, Refusal, Result, Trouble, Verdict};
use crate::mail::kind::Judgement;
use crate::model::*;
use crate::store::{self, Turn, Tx};
use crate::telemetry::meters;

/// Why a blocked sender's mail goes no further.
const BLOCKED: &str = "its sender is blocked: a ticket of theirs was called spam";

/// What filing decided, for the ledger and the door.
struct Decision {
    action: InboundAction,
    /// A word of API.md's `inbound reason`.
    reason: &'static str,
    /// A sentence for people.
    detail: String,
    placement: Option<Placement>,
    filed: Option<FiledResponse>,
    /// The ticket, where nothing was filed on it.
    ticket: Option<(Uuid, TicketNumber)>,
    duplicate_of: Option<Uuid>,
    /// The mail of ours that a report is about.
    reported: Option<Uuid>,
    flags: Vec<&'static str>,
    token: TokenState,
}

impl Decision {
    fn new(action: InboundAction, reason: &'static str, detail: impl Into<String>) -> Self {
        Self {
            action,
            reason,
            detail: detail.into(),
            placement: None,
            filed: None,
            ticket: None,
            duplicate_of: None,
            reported: None,
            flags: Vec::new(),
            token: TokenState::None,
        }
    }
}

impl Desk {
    /// Takes a mail: when this returns anything but [`Verdict::Deferred`] or [`Verdict::Rejected`], it is on disk.
    ///
    /// It happens in a task of its own: a door that goes away half-way loses the answer, not the mail.
    pub async fn receive(&self, mail: InboundMail) -> Verdict {
        let (desk, via) = (self.clone(), mail.via);
        // Mails that came at the same moment share a commit; one that takes long to read holds up nobody.
        let turn = reading::is_quick(&mail).then(|| self.store().queue());
        let taken = tokio::spawn(async move {
            let _counted = desk.count_receiving();
            desk.take(mail, turn).await
        });
        let verdict = taken.await.unwrap_or_else(|fault| {
            tracing::error!(%fault, "taking a mail panicked; its sender keeps it");
            Verdict::Deferred(Trouble::Store)
        });
        meters::mail_in(via.as_str(), verdict.as_str());
        verdict
    }

    async fn take(&self, mail: InboundMail, turn: Option<Turn>) -> Verdict {
        let Some(reading) = self.read(mail).await else { return Verdict::Rejected(Refusal::NoRecipient) };
        match self.file(turn.unwrap_or_else(|| self.store().queue()), &reading).await {
            Ok(verdict) => verdict,
            // Another node took the same mail, or the same sender's first one, at this moment; or the number that was
            // drawn is taken: once more.
            Err(Error::Store(store::Error::Conflict(_))) => {
                self.file(self.store().queue(), &reading).await.unwrap_or_else(|e| deferred(&e))
            }
            Err(error @ Error::Store(store::Error::Broken(_))) => self.set_aside(&reading, &error).await,
            Err(error) => deferred(&error),
        }
    }

    /// One transaction: what becomes of the mail, and the ledger row that says so.
    async fn file(&self, turn: Turn, mail: &Reading) -> Result<Verdict> {
        let mut tx = turn.begin().await?;
        let decision = self.decide(&mut tx, mail).await?;
        let record = mail.record(&decision);
        tx.insert_inbound(&record, &mail.mail.received_header, &mail.mail.raw).await?;
        tx.commit().await?;
        self.note_received(&mail.mail.envelope.recipients, mail.mail.received_at);
        if decision.filed.is_some() || decision.reported.is_some() {
            self.ring_outbox();
        }
        Ok(verdict(mail.id, decision))
    }

    async fn decide(&self, tx: &mut Tx, mail: &Reading) -> Result<Decision> {
        if let Some(first) = self.first_of(tx, mail).await? {
            let mut decision =
                Decision::new(InboundAction::Duplicate, "duplicate", "the same mail came before");
            decision.duplicate_of = Some(first);
            return Ok(decision);
        }
        match mail.judgement.kind {
            MailKind::Bounce => self.file_bounce(tx, mail).await,
            MailKind::Loop => Ok(Decision::new(InboundAction::Ignored, "loop", &mail.judgement.detail)),
            MailKind::AutoReply => self.file_auto_reply(tx, mail).await,
            MailKind::Person => self.file_person(tx, mail).await,
        }
    }

    /// The ledger row of the same mail, if it came before (MAIL.md §1.7). Read again, it is not its own duplicate.
    async fn first_of(&self, tx: &mut Tx, mail: &Reading) -> Result<Option<Uuid>> {
        match &mail.dedupe_key {
            Some(key) => Ok(tx.inbound_by_dedupe_key(key).await?.filter(|first| *first != mail.id)),
            None => Ok(None),
        }
    }

    /// Appended where it belongs, telling nobody and reopening nothing. With nowhere to go it stays in the ledger, or
    /// in quarantine when a person may have written it.
    async fn file_auto_reply(&self, tx: &mut Tx, mail: &Reading) -> Result<Decision> {
        let Judgement { reason, detail, report, unsure, .. } = &mail.judgement;
        if report.is_some() {
            return self.tie_report(tx, mail, Decision::new(InboundAction::Ignored, reason, detail)).await;
        }
        let sender = self.sender(tx, mail).await?;
        if self.directory().is_blocked(&sender.address) {
            return Ok(Decision::new(InboundAction::Ignored, "blocked_sender", BLOCKED));
        }
        let mut placed = self.place(tx, mail, &sender).await?;
        let Some(ticket) = placed.ticket.take().filter(|_| sender.agent_for(&placed).is_none()) else {
            let action = if *unsure { InboundAction::Quarantined } else { InboundAction::Ignored };
            return Ok(Decision::new(action, reason, detail));
        };
        let (contact, _) = self.known_contact(tx, mail, &sender).await?;
        let (status, actor) = (ticket.status, sender.customer(&contact));
        let response = self.response_from(mail, &actor, placed.placement.clone(), &placed.flags);
        let filed = self.append_response(tx, ticket, response, status, &actor).await?;
        Ok(Decision { reason, detail: detail.clone(), ..appended(placed, filed) })
    }

    async fn file_person(&self, tx: &mut Tx, mail: &Reading) -> Result<Decision> {
        let sender = self.sender(tx, mail).await?;
        if self.directory().is_blocked(&sender.address) {
            return Ok(Decision::new(InboundAction::Quarantined, "blocked_sender", BLOCKED));
        }
        let placed = self.place(tx, mail, &sender).await?;
        self.file_placed(tx, mail, sender, placed).await
    }

    /// It is known who wrote, and where it belongs.
    async fn file_placed(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        sender: Sender,
        mut placed: Placed,
    ) -> Result<Decision> {
        if let Some(agent) = sender.unproven_agent(&placed) {
            return self.hold_agents_mail(tx, mail, agent, &sender, placed).await;
        }
        match (placed.ticket.take(), sender.agent_for(&placed).cloned()) {
            (Some(ticket), Some(agent)) => self.file_agents_mail(tx, mail, &agent, placed, ticket).await,
            (Some(ticket), None) => self.append_customer_message(tx, mail, sender, placed, ticket).await,
            (None, _) => self.open_from_mail(tx, mail, sender, placed).await,
        }
    }

    /// A customer wrote on a ticket: it is ours to act again.
    async fn append_customer_message(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        sender: Sender,
        placed: Placed,
        ticket: Ticket,
    ) -> Result<Decision> {
        let (contact, verified) = self.known_contact(tx, mail, &sender).await?;
        let actor = sender.customer(&contact);
        let reopened = placed.may_reopen && ticket.status.is_ended();
        let status = match placed.may_reopen {
            true => ticket.status.after_customer_message().unwrap_or(Status::Open),
            false => ticket.status,
        };
        let response = self.response_from(mail, &actor, placed.placement.clone(), &placed.flags);
        let filed = self.append_response(tx, ticket, response, status, &actor).await?;
        if placed.may_tell_agents {
            let event = CustomerMessage {
                ticket: &filed.ticket,
                message: &filed.response,
                verified,
                reopened,
                no_answer: mail.judgement.no_answer.as_deref(),
                notify: (!mail.notify).then_some(false),
            };
            self.notify_customer_message(tx, event).await?;
        }
        Ok(appended(placed, filed))
    }

    /// Nothing is answered: a new ticket.
    async fn open_from_mail(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        sender: Sender,
        placed: Placed,
    ) -> Result<Decision> {
        if let Some(refused) = self.over_limit(tx, mail, &sender).await? {
            return Ok(refused);
        }
        if let Some(agent) = sender.acting_agent().cloned()
            && let Some(forwarded) = forward::read(&mail.mail.raw, &mail.body_text)
        {
            return self.file_forward(tx, mail, &agent, forwarded, placed).await;
        }
        let (contact, verified) = self.known_contact(tx, mail, &sender).await?;
        let actor = sender.customer(&contact);
        let first = self.response_from(mail, &actor, placed.placement.clone(), &placed.flags);
        let new = self.ticket_of_mail(mail, &sender, &placed, contact);
        let filed = self.open_ticket(tx, new, first, &actor).await?;
        let event = CustomerMessage {
            ticket: &filed.ticket,
            message: &filed.response,
            verified,
            reopened: false,
            no_answer: mail.judgement.no_answer.as_deref(),
            notify: (!mail.notify).then_some(false),
        };
        self.notify_opened(tx, event).await?;
        let (reason, detail) = match &placed.follow_up_of {
            Some(of) => ("closed_ticket", format!("{} is closed: a follow-up", of.number)),
            None => ("new_ticket", placed.placement.reason.clone()),
        };
        let mut decision = Decision::new(InboundAction::Created, reason, detail);
        decision.placement = Some(placed.placement);
        decision.flags = placed.flags;
        decision.token = placed.token;
        decision.filed = Some(filed);
        Ok(decision)
    }

    fn ticket_of_mail(
        &self,
        mail: &Reading,
        sender: &Sender,
        placed: &Placed,
        contact: Contact,
    ) -> NewTicket {
        let mailbox = mail.mailbox.as_ref();
        NewTicket {
            subject: mail.subject.clone(),
            status: Status::Open,
            priority: Priority::Medium,
            category: mailbox.map_or(Category::General, |mailbox| mailbox.default_category),
            channel: Channel::Email,
            mailbox_id: mailbox.map(|mailbox| mailbox.id),
            requester_type: contact.r#type,
            requester_email: sender.address.clone(),
            assignee_id: None,
            team_id: mailbox.and_then(|mailbox| mailbox.team_id),
            user_id: contact.user_id.clone(),
            seller_id: contact.seller_id.clone(),
            store_id: contact
                .store_id
                .clone()
                .or_else(|| mailbox.and_then(|mailbox| mailbox.store_id.clone())),
            order_id: None,
            external_id: None,
            external_scope: None,
            locale: contact
                .locale
                .clone()
                .or_else(|| mail.language.clone())
                .or_else(|| mailbox.and_then(|mailbox| mailbox.locale.clone())),
            cc: if sender.verified { self.customers_cc(mail, &sender.address) } else { Vec::new() },
            tags: Vec::new(),
            custom_fields: serde_json::json!({}),
            metadata: serde_json::json!({}),
            follow_up_of_id: placed.follow_up_of.as_ref().map(|of| of.id),
            related_to_id: placed.related_to,
            created_at: mail.mail.received_at,
            requester: contact,
        }
    }

    /// Whom the customer copied, us and our agents left out.
    fn customers_cc(&self, mail: &Reading, requester: &str) -> Vec<String> {
        let directory = self.directory();
        let mut cc: Vec<String> = Vec::new();
        for address in mail.parsed.cc.iter().map(|a| a.email.to_lowercase()) {
            let theirs = address != requester
                && address.contains('@')
                && !directory.recipients.is_ours(&address)
                && directory.agent_by_address(&address).is_none();
            if theirs && !cc.contains(&address) && cc.len() < 20 {
                cc.push(address);
            }
        }
        cc
    }

    fn response_from(
        &self,
        mail: &Reading,
        author: &Actor,
        placement: Placement,
        flags: &[&'static str],
    ) -> NewResponse {
        NewResponse {
            id: mail.response_id,
            visibility: Visibility::Public,
            channel: Channel::Email,
            author: author.clone(),
            author_email: Some(mail.from_address.clone()).filter(|address| !address.is_empty()),
            body_format: if mail.body_html.is_some() { BodyFormat::Html } else { BodyFormat::Text },
            body_text: mail.body_text.clone(),
            body_html: mail.body_html.clone(),
            quoted_text: mail.quoted_text.clone(),
            full_text: (!mail.quoted_text.is_empty()).then(|| mail.full_text.clone()),
            to_addresses: mail.parsed.to.iter().map(|a| a.email.clone()).collect(),
            cc: mail.parsed.cc.iter().map(|a| a.email.clone()).collect(),
            bcc: Vec::new(),
            message_id: mail.parsed.message_id.as_ref().map(|id| id.as_str().to_owned()),
            in_reply_to: mail.parsed.in_reply_to.first().map(|id| id.as_str().to_owned()),
            refs: mail.parsed.references.iter().map(|id| id.as_str().to_owned()).collect(),
            placement,
            mail_kind: Some(mail.judgement.kind),
            flags: mail.flags(flags),
            inbound_mail_id: Some(mail.id),
            authentication: Some(mail.mail.authentication),
            template_id: None,
            send_at: None,
            attachments: mail.attachments.clone(),
            created_at: mail.mail.received_at,
        }
    }

    /// Last resort for a mail that can't be filed: kept in the ledger with its bytes, for a person to look at.
    async fn set_aside(&self, mail: &Reading, error: &Error) -> Verdict {
        tracing::error!(inbound = %mail.id, %error, "a mail could not be filed; it is quarantined");
        let record = mail.bare_record(&unreadable());
        let kept = async {
            let mut tx = self.store().begin().await?;
            tx.insert_inbound(&record, &mail.mail.received_header, &mail.mail.raw).await?;
            tx.commit().await
        };
        match kept.await {
            Ok(()) => Verdict::Quarantined { inbound: mail.id },
            Err(error) => deferred(&Error::Store(error)),
        }
    }
}

/// What is decided of a mail that can't be filed.
fn unreadable() -> Decision {
    Decision::new(InboundAction::Quarantined, "unreadable", "it could not be filed; see the log")
}

fn appended(placed: Placed, filed: FiledResponse) -> Decision {
    let reason = placed.placement.by.as_str();
    let mut decision = Decision::new(InboundAction::Appended, reason, &placed.placement.reason);
    decision.placement = Some(placed.placement);
    decision.flags = placed.flags;
    decision.token = placed.token;
    decision.filed = Some(filed);
    decision
}

fn verdict(inbound: Uuid, decision: Decision) -> Verdict {
    let filed =
        |filed: FiledResponse| Filed { inbound, ticket: filed.ticket.id, number: filed.ticket.number };
    match (decision.action, decision.filed) {
        (InboundAction::Appended, None) if let Some((ticket, number)) = decision.ticket => {
            Verdict::Appended(Filed { inbound, ticket, number })
        }
        (InboundAction::Created, Some(ticket)) => Verdict::Created(filed(ticket)),
        (InboundAction::Appended, Some(ticket)) => Verdict::Appended(filed(ticket)),
        (InboundAction::Quarantined, _) => Verdict::Quarantined { inbound },
        (InboundAction::Duplicate, _) => Verdict::Duplicate { inbound },
        (InboundAction::Bounce, _) => Verdict::Bounce { inbound },
        _ => Verdict::Ignored { inbound },
    }
}

fn deferred(error: &Error) -> Verdict {
    tracing::error!(%error, "a mail could not be taken; its sender keeps it");
    match error {
        Error::Store(store::Error::Full(_)) => Verdict::Deferred(Trouble::DiskFull),
        _ => Verdict::Deferred(Trouble::Store),
    }
}
