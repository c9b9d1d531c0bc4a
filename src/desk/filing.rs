//! Tickets opened and responses added: what intake and the API have in common. Each works inside the caller's
//! transaction.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::files::unusable;
use super::{Desk, Result};
use crate::config::SubjectTag;
use crate::mail::placement::bare_subject;
use crate::model::*;
use crate::store::Tx;

/// A ticket to be opened. The first message is its first response.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "API.md §4.1 names the fields")]
pub struct NewTicket {
    pub subject: String,
    pub status: Status,
    pub priority: Priority,
    pub category: Category,
    pub channel: Channel,
    pub mailbox_id: Option<Uuid>,
    pub requester: Contact,
    pub requester_type: ContactType,
    /// Lower case; may be empty.
    pub requester_email: String,
    pub assignee_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub user_id: Option<String>,
    pub seller_id: Option<String>,
    pub store_id: Option<String>,
    pub order_id: Option<String>,
    pub external_id: Option<String>,
    pub external_scope: Option<String>,
    pub locale: Option<String>,
    pub cc: Vec<String>,
    pub tags: Vec<String>,
    pub custom_fields: Value,
    pub metadata: Value,
    pub follow_up_of_id: Option<Uuid>,
    pub related_to_id: Option<Uuid>,
    pub created_at: Timestamp,
}

/// A response to be added.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "API.md §3.2 names the fields")]
pub struct NewResponse {
    /// Made by the caller, so that files can name it.
    pub id: Uuid,
    pub visibility: Visibility,
    pub channel: Channel,
    pub author: Actor,
    pub author_email: Option<String>,
    pub body_format: BodyFormat,
    pub body_text: String,
    pub body_html: Option<String>,
    pub quoted_text: String,
    pub full_text: Option<String>,
    pub to_addresses: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub message_id: Option<String>,
    pub in_reply_to: Option<String>,
    pub refs: Vec<String>,
    pub placement: Placement,
    pub mail_kind: Option<MailKind>,
    pub flags: Vec<String>,
    pub inbound_mail_id: Option<Uuid>,
    pub authentication: Option<Authentication>,
    pub template_id: Option<Uuid>,
    pub send_at: Option<Timestamp>,
    /// `response_id` and `ticket_id` are filled in when it is filed.
    pub attachments: Vec<AttachmentRecord>,
    pub created_at: Timestamp,
}

/// A ticket and the response that was just filed on it.
#[derive(Debug, Clone)]
pub struct FiledResponse {
    /// As it stands now.
    pub ticket: Ticket,
    /// As it was stored.
    pub response: Response,
    /// What changed on the ticket: field → `[from, to]`.
    pub changes: Map<String, Value>,
}

/// Longest subject kept, characters (API.md §4.1).
const MAX_SUBJECT: usize = 255;
/// Length of a preview, characters.
const PREVIEW: usize = 140;

impl Desk {
    /// Opens a ticket with its first message.
    pub(super) async fn open_ticket(
        &self,
        tx: &mut Tx,
        new: NewTicket,
        first: NewResponse,
        actor: &Actor,
    ) -> Result<FiledResponse> {
        let ticket = self.ticket_from(new, &first);
        tx.insert_ticket(&ticket).await?;
        let response = store_response(tx, &ticket, first).await?;
        let mut event = self.event(&ticket, "created", actor, response.created_at);
        event.channel = response.channel;
        event.response_id = Some(response.id);
        event.inbound_mail_id = response.inbound_mail_id;
        tx.insert_event(&event).await?;
        Ok(FiledResponse { ticket, response, changes: Map::new() })
    }

    /// Adds a response to a ticket the caller has locked, moves the ticket's clocks, and gives it `status`.
    pub(super) async fn append_response(
        &self,
        tx: &mut Tx,
        mut ticket: Ticket,
        new: NewResponse,
        status: Status,
        actor: &Actor,
    ) -> Result<FiledResponse> {
        let at = new.created_at;
        note_message(&mut ticket, &new);
        let mut changes = Map::new();
        set_status(&mut ticket, status, at, &mut changes);
        ticket.updated_at = at;
        ticket.version += 1;
        tx.update_ticket(&ticket).await?;
        let response = store_response(tx, &ticket, new).await?;
        let kind = if response.visibility == Visibility::Internal { "note_added" } else { "response_added" };
        let mut event = self.event(&ticket, kind, actor, at);
        event.channel = response.channel;
        event.changes = Value::Object(changes.clone());
        event.response_id = Some(response.id);
        event.inbound_mail_id = response.inbound_mail_id;
        tx.insert_event(&event).await?;
        Ok(FiledResponse { ticket, response, changes })
    }

    /// A line for the audit trail, without changes.
    pub(super) fn event(&self, ticket: &Ticket, kind: &str, actor: &Actor, at: Timestamp) -> TicketEvent {
        TicketEvent {
            id: self.inner.ids.uuid(at),
            ticket_id: ticket.id,
            at,
            r#type: kind.into(),
            actor_type: actor.r#type,
            actor_id: actor.id,
            actor_name: actor.name.clone(),
            channel: Channel::Api,
            changes: Value::Object(Map::new()),
            response_id: None,
            inbound_mail_id: None,
        }
    }

    fn ticket_from(&self, new: NewTicket, first: &NewResponse) -> Ticket {
        let at = new.created_at;
        let from_agent = first.author.r#type == ActorType::Agent;
        let subject = one_line(&new.subject, MAX_SUBJECT);
        let subject = if subject.is_empty() { "(no subject)".into() } else { subject };
        let number = self.inner.ids.ticket_number(at);
        Ticket {
            id: self.inner.ids.uuid(at),
            mail_subject: self.mail_subject(&subject, &number),
            number,
            preview: preview(&first.body_text),
            subject,
            status: new.status,
            priority: new.priority,
            category: new.category,
            channel: new.channel,
            mailbox_id: new.mailbox_id,
            requester_id: new.requester.id,
            requester_type: new.requester_type,
            requester_email: new.requester_email,
            assignee_id: new.assignee_id,
            team_id: new.team_id,
            user_id: new.user_id,
            seller_id: new.seller_id,
            store_id: new.store_id,
            order_id: new.order_id,
            external_id: new.external_id,
            external_scope: new.external_scope,
            locale: new.locale,
            cc: new.cc,
            tags: new.tags,
            custom_fields: new.custom_fields,
            metadata: new.metadata,
            response_count: 1,
            attachment_count: count(&first.attachments),
            resolution: None,
            is_spam: false,
            deleted_at: None,
            merged_into_id: None,
            follow_up_of_id: new.follow_up_of_id,
            related_to_id: new.related_to_id,
            waiting_since: (!new.status.is_ended()).then_some(at),
            snoozed_until: None,
            reminded_at: None,
            first_response_at: None,
            last_customer_message_at: (!from_agent).then_some(at),
            last_agent_message_at: from_agent.then_some(at),
            resolved_at: (new.status == Status::Resolved).then_some(at),
            reopened_at: None,
            closed_at: (new.status == Status::Closed).then_some(at),
            created_at: at,
            // Whoever follows changes goes by this: a ticket that is imported from another time is new to them.
            updated_at: self.inner.clock.now(),
            version: 1,
        }
    }

    /// What follows `Re: ` in the ticket's mails (API.md §1.9).
    fn mail_subject(&self, subject: &str, number: &TicketNumber) -> String {
        let bare = bare_subject(subject);
        let bare = if bare.is_empty() { subject.trim() } else { bare.as_str() };
        match self.inner.config.email.subject_tag {
            SubjectTag::Always => format!("{bare} [{number}]"),
            SubjectTag::Agents | SubjectTag::Never => bare.to_owned(),
        }
    }
}

/// Gives a ticket a status, with all that hangs on it. Nothing happens when it has it.
pub(super) fn set_status(ticket: &mut Ticket, to: Status, at: Timestamp, changes: &mut Map<String, Value>) {
    let from = ticket.status;
    if from == to {
        return;
    }
    changes.insert("status".into(), json!([from, to]));
    ticket.status = to;
    ticket.resolved_at =
        (to == Status::Resolved).then_some(at).or(ticket.resolved_at.filter(|_| to.is_ended()));
    if from.is_ended() && !to.is_ended() {
        ticket.reopened_at = Some(at);
    }
    ticket.closed_at = (to == Status::Closed).then_some(at);
    ticket.waiting_since = (!to.is_ended()).then_some(at);
    ticket.reminded_at = None;
    if !to.is_ended() {
        ticket.resolution = None;
    }
}

/// Moves the ticket's counters and clocks for one more message.
fn note_message(ticket: &mut Ticket, new: &NewResponse) {
    ticket.response_count += 1;
    ticket.attachment_count += count(&new.attachments);
    let automatic = new.mail_kind.is_some_and(|kind| kind != MailKind::Person);
    if new.visibility == Visibility::Internal || automatic {
        return;
    }
    if new.author.r#type == ActorType::Agent {
        ticket.first_response_at.get_or_insert(new.created_at);
        ticket.last_agent_message_at = Some(new.created_at);
    } else {
        ticket.last_customer_message_at = Some(new.created_at);
        ticket.snoozed_until = None;
    }
}

/// A contact of whom nothing is known but a name.
pub(super) fn new_contact(id: Uuid, name: Option<String>, at: Timestamp) -> Contact {
    Contact {
        id,
        r#type: ContactType::Customer,
        name,
        phone: None,
        locale: None,
        timezone: None,
        user_id: None,
        seller_id: None,
        store_id: None,
        notes: None,
        custom_fields: serde_json::json!({}),
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

async fn store_response(tx: &mut Tx, ticket: &Ticket, new: NewResponse) -> Result<Response> {
    for attachment in &new.attachments {
        let row =
            AttachmentRecord { ticket_id: Some(ticket.id), response_id: Some(new.id), ..attachment.clone() };
        if !tx.put_attachment(&row).await? {
            // Another call used the upload at this moment.
            return Err(unusable(row.id));
        }
    }
    let response = Response {
        id: new.id,
        ticket_id: ticket.id,
        visibility: new.visibility,
        channel: new.channel,
        author_type: new.author.r#type,
        author_id: new.author.id,
        author_name: new.author.name,
        author_email: new.author_email,
        body_format: new.body_format,
        body_text: new.body_text,
        body_html: new.body_html,
        quoted_text: new.quoted_text,
        full_text: new.full_text,
        to_addresses: new.to_addresses,
        cc: new.cc,
        bcc: new.bcc,
        message_id: new.message_id,
        in_reply_to: new.in_reply_to,
        refs: new.refs,
        placement_by: new.placement.by,
        placement_reason: new.placement.reason,
        mail_kind: new.mail_kind,
        flags: new.flags,
        inbound_mail_id: new.inbound_mail_id,
        authentication: new.authentication,
        template_id: new.template_id,
        send_at: new.send_at,
        created_at: new.created_at,
        edited_at: None,
        deleted_at: None,
        version: 1,
    };
    tx.insert_response(&response).await?;
    Ok(response)
}

fn count(attachments: &[AttachmentRecord]) -> i64 {
    i64::try_from(attachments.len()).unwrap_or(i64::MAX)
}

/// On one line, without control characters, at most `max` characters.
pub(super) fn one_line(text: &str, max: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(max).collect()
}

/// The beginning of a text, on one line.
pub(super) fn preview(text: &str) -> String {
    let start: String = text.chars().take(4 * PREVIEW).collect();
    let line = one_line(&start, PREVIEW + 1);
    if line.chars().count() <= PREVIEW {
        return line;
    }
    line.chars().take(PREVIEW - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_one_short_line() {
        assert_eq!(preview("Hello,\n\n my parcel\tis late."), "Hello, my parcel is late.");
        assert_eq!(preview(&"ab ".repeat(100)).chars().count(), PREVIEW);
        assert!(preview(&"x".repeat(1000)).ends_with('…'));
    }
}
