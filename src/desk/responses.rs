//! Responses added by API callers: public answers, notes, and customers' messages handed in.

use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::files::picture_path;
use super::filing::{FiledResponse, NewResponse};
use super::notify::CustomerMessage;
use super::query::TicketRef;
use super::tickets::{check_transition, customer};
use super::updates::given;
use super::writing::{Answered, Ending};
use super::{Caller, Desk, Error, ResponseView, Result};
use crate::mail::html;
use crate::model::*;
use crate::store::Tx;

/// A text and how it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// As sent.
    pub text: String,
    /// How to read it.
    pub format: BodyFormat,
}

/// A response asked for (API.md §4.4), its fields valid one by one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "API.md §4.4 names the fields")]
pub struct ResponseRequest {
    pub body: Body,
    pub visibility: Visibility,
    /// A customer speaks, not the caller; their address, where it is not the requester's.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub as_customer: Option<Option<String>>,
    pub to: Option<Vec<String>>,
    pub cc: Option<Vec<String>>,
    pub bcc: Vec<String>,
    pub template_id: Option<Uuid>,
    pub status: Option<Status>,
    /// `Some(None)`: nobody.
    #[serde(default, deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<Option<Uuid>>,
    pub send_at: Option<Timestamp>,
    pub last_seen_response_id: Option<Uuid>,
    pub force: bool,
    /// Uploads of the caller.
    pub attachment_ids: Vec<Uuid>,
    /// They are shared with responses to other tickets, and stay to be used.
    pub copy_attachments: bool,
    pub notify: Option<bool>,
    /// `If-Match`.
    pub version: Option<i64>,
}

impl ResponseRequest {
    /// A plain public answer.
    pub fn reply(body: Body) -> Self {
        Self {
            body,
            visibility: Visibility::Public,
            as_customer: None,
            to: None,
            cc: None,
            bcc: Vec::new(),
            template_id: None,
            status: None,
            assignee_id: None,
            send_at: None,
            last_seen_response_id: None,
            force: false,
            attachment_ids: Vec::new(),
            copy_attachments: false,
            notify: None,
            version: None,
        }
    }
}

/// Who adds a response.
pub(super) struct Speaker<'a> {
    caller: &'a Caller,
}

impl<'a> Speaker<'a> {
    /// The caller.
    pub fn of(caller: &'a Caller) -> Self {
        Self { caller }
    }
}

/// A response after a write, its ticket, and what was mailed.
#[derive(Debug, Clone)]
pub struct ResponseWritten {
    /// The response.
    pub view: ResponseView,
    /// As it stands now.
    pub ticket: Ticket,
    /// Put into the outbox.
    pub emails: Vec<OutboxEntry>,
}

impl Desk {
    /// Adds a response to a ticket.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`], [`Error::VersionMismatch`], [`Error::Collision`],
    /// [`Error::InvalidTransition`], [`Error::InvalidState`], [`Error::Invalid`]; the store's.
    pub async fn add_response(
        &self,
        ticket: &TicketRef,
        request: ResponseRequest,
        caller: &Caller,
        ending: Ending<'_, ResponseWritten>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let ticket = self.locked(&mut tx, ticket, request.version).await?;
        if !request.force {
            check_collision(&mut tx, &ticket, request.last_seen_response_id, caller).await?;
        }
        let written = self.respond(&mut tx, ticket, request, &Speaker::of(caller)).await?;
        self.conclude(tx, &ending, &written).await
    }

    /// Files the response on a locked ticket and puts its mails into the outbox.
    pub(super) async fn respond(
        &self,
        tx: &mut Tx,
        mut ticket: Ticket,
        request: ResponseRequest,
        speaker: &Speaker<'_>,
    ) -> Result<ResponseWritten> {
        let status = next_status(&ticket, &request, speaker.caller)?;
        let assigned = self.assign(tx, &mut ticket, &request, speaker.caller).await?;
        let (from, notify) = (ticket.status, request.notify);
        let (new, actor) = self.response_of(tx, &ticket, request, speaker).await?;
        if let Some(template) = new.template_id {
            tx.template_used(template, new.created_at).await?;
        }
        let FiledResponse { ticket, response, .. } =
            self.append_response(tx, ticket, new, status, &actor).await?;
        let told = match (response.visibility, actor.r#type) {
            (Visibility::Internal, _) => self.tell_of_note(tx, &ticket, &response, from, notify).await?,
            (Visibility::Public, ActorType::Agent) if notify == Some(false) => Vec::new(),
            (Visibility::Public, ActorType::Agent) => {
                self.notify_reply(tx, &ticket, &response, speaker.caller.agent.as_ref()).await?
            }
            (Visibility::Public, _) => {
                let event = CustomerMessage {
                    ticket: &ticket,
                    message: &response,
                    verified: true,
                    reopened: from.is_ended(),
                    no_answer: None,
                    notify,
                };
                self.notify_customer_message(tx, event).await?
            }
        };
        let emails: Vec<_> = assigned.into_iter().chain(told).collect();
        let own = emails.iter().filter(|entry| entry.response_id == Some(response.id));
        let logs = own.map(|entry| (entry.id, entry.status)).collect();
        let attachments = tx.attachments_of_response(response.id).await?;
        Ok(ResponseWritten { view: ResponseView { response, attachments, logs }, ticket, emails })
    }

    /// A note says nothing to the customer: a status sent along is told by a notice of its own.
    async fn tell_of_note(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        note: &Response,
        from: Status,
        notify: Option<bool>,
    ) -> Result<Vec<OutboxEntry>> {
        let mut emails = self.notify_note(tx, ticket, note, notify).await?;
        emails.extend(self.notify_status(tx, ticket, from, notify).await?);
        Ok(emails)
    }

    /// Changes the assignee with a line in the audit trail, and tells them; the ticket itself is written with the
    /// response.
    async fn assign(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        request: &ResponseRequest,
        caller: &Caller,
    ) -> Result<Option<OutboxEntry>> {
        let Some(assignee) = request.assignee_id.filter(|assignee| *assignee != ticket.assignee_id) else {
            return Ok(None);
        };
        self.check_assignee(assignee)?;
        let mut event = self.event(ticket, "assigned", &caller.actor(), self.clock().now());
        event.changes = json!({"assignee_id": [ticket.assignee_id, assignee]});
        tx.insert_event(&event).await?;
        ticket.assignee_id = assignee;
        self.notify_assigned(tx, ticket, &caller.actor(), request.notify).await
    }

    /// The response to be filed, and who speaks in it.
    async fn response_of(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        request: ResponseRequest,
        speaker: &Speaker<'_>,
    ) -> Result<(NewResponse, Actor)> {
        let at = self.clock().now();
        let (actor, address) = match &request.as_customer {
            Some(address) => self.speaking_customer(tx, ticket, address.as_deref()).await?,
            None => (speaker.caller.actor(), speaker.caller.agent.as_ref().map(|agent| agent.email.clone())),
        };
        let files = match request.copy_attachments {
            true => self.copy_uploads(tx, &request.attachment_ids, speaker.caller).await?,
            false => self.claim_uploads(tx, &request.attachment_ids, Some(speaker.caller)).await?,
        };
        let mut new = self.message_with(request.body, files, actor.clone(), request.visibility, at);
        new.author_email = address;
        new.template_id = request.template_id;
        if request.visibility == Visibility::Public && request.as_customer.is_none() {
            let requester = || vec![ticket.requester_email.clone()].into_iter().filter(|a| !a.is_empty());
            new.to_addresses = request.to.unwrap_or_else(|| requester().collect());
            new.cc = request.cc.unwrap_or_else(|| ticket.cc.clone());
            new.bcc = request.bcc;
            new.send_at = request.send_at.filter(|due| *due > at);
        }
        Ok((new, actor))
    }

    /// The customer a message is handed in for: the requester, or whoever owns the address.
    async fn speaking_customer(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        address: Option<&str>,
    ) -> Result<(Actor, Option<String>)> {
        let contact = match address {
            Some(address) => tx.contact_by_address(address).await?,
            None => tx.contact(ticket.requester_id).await?,
        };
        let contact = contact.ok_or(Error::Invalid {
            pointer: "/customer_email",
            code: "not_found",
            detail: "nobody is known by this address".into(),
        })?;
        let address = address.unwrap_or(&ticket.requester_email).to_owned();
        Ok((customer(&contact, contact.r#type, None), Some(address).filter(|a| !a.is_empty())))
    }

    /// A message of an API caller, without recipients and files.
    pub(super) fn message(
        &self,
        body: Body,
        author: Actor,
        visibility: Visibility,
        at: Timestamp,
    ) -> NewResponse {
        self.message_with(body, Vec::new(), author, visibility, at)
    }

    /// The same with files; its body may show them.
    pub(super) fn message_with(
        &self,
        body: Body,
        mut attachments: Vec<AttachmentRecord>,
        author: Actor,
        visibility: Visibility,
        at: Timestamp,
    ) -> NewResponse {
        let (body_text, body_html) = body.rendered_with(&mut attachments);
        NewResponse {
            id: self.ids().uuid(at),
            visibility,
            channel: Channel::Api,
            author,
            author_email: None,
            body_format: body.format,
            body_text,
            body_html,
            quoted_text: String::new(),
            full_text: None,
            to_addresses: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            message_id: None,
            in_reply_to: None,
            refs: Vec::new(),
            placement: Placement { by: PlacedBy::Api, reason: "the call names the ticket".into() },
            mail_kind: None,
            flags: Vec::new(),
            inbound_mail_id: None,
            authentication: None,
            template_id: None,
            send_at: None,
            attachments,
            created_at: at,
        }
    }
}

impl Body {
    /// Its text, and its safe HTML where the format has any.
    pub fn rendered(&self) -> (String, Option<String>) {
        self.rendered_with(&mut [])
    }

    /// The same, with the files that its HTML shows: `cid:` and a file's id, Content-ID or name is that file, which is
    /// then an inline one.
    pub fn rendered_with(&self, files: &mut [AttachmentRecord]) -> (String, Option<String>) {
        let shown = |cid: &str| files.iter().find(|file| is_named(file, cid)).map(picture_path);
        let (text, html) = self.sanitised(&shown);
        for file in files {
            file.is_inline |= html.as_ref().is_some_and(|html| html.contains(&picture_path(file)));
        }
        (text, html)
    }

    fn sanitised(&self, parts: &dyn Fn(&str) -> Option<String>) -> (String, Option<String>) {
        match self.format {
            BodyFormat::Text => (self.text.clone(), None),
            BodyFormat::Html => (html::to_text(&self.text), Some(html::sanitise(&self.text, parts))),
            BodyFormat::Markdown => {
                let mut page = String::new();
                pulldown_cmark::html::push_html(&mut page, pulldown_cmark::Parser::new(&self.text));
                (self.text.clone(), Some(html::sanitise(&page, parts)))
            }
        }
    }
}

/// Whether a `cid:` means this file.
fn is_named(file: &AttachmentRecord, cid: &str) -> bool {
    [file.content_id.as_deref(), file.filename.as_deref()].contains(&Some(cid)) || cid == file.id.to_string()
}

/// The status after the response: as asked for, or as the rules say (API.md §2).
fn next_status(ticket: &Ticket, request: &ResponseRequest, caller: &Caller) -> Result<Status> {
    if let Some(status) = request.status {
        check_transition(ticket, status, caller)?;
        return Ok(status);
    }
    match (request.visibility, &request.as_customer) {
        (Visibility::Internal, _) => Ok(ticket.status),
        (Visibility::Public, None) => Ok(ticket.status.after_agent_reply()),
        (Visibility::Public, Some(_)) => ticket
            .status
            .after_customer_message()
            .ok_or(Error::InvalidState("the ticket is closed: a customer's message opens a new one")),
    }
}

/// The collision guard (API.md §1.5): responses after the one the caller saw last. The desk's own notes collide with
/// nothing, and nobody else's with who may not read them.
async fn check_collision(
    tx: &mut Tx,
    ticket: &Ticket,
    last_seen: Option<Uuid>,
    caller: &Caller,
) -> Result<()> {
    let Some(last_seen) = last_seen else { return Ok(()) };
    let responses = tx.responses_of(ticket.id).await?;
    let seen = responses.iter().position(|response| response.id == last_seen).ok_or(Error::Invalid {
        pointer: "/last_seen_response_id",
        code: "not_found",
        detail: "the ticket has no such response".into(),
    })?;
    let is_seen = |response: &Response| {
        response.author_type != ActorType::System
            && (response.visibility == Visibility::Public || caller.allows(Scope::NotesRead))
    };
    let newer: Vec<_> = responses.into_iter().skip(seen + 1).filter(is_seen).collect();
    if newer.is_empty() { Ok(()) } else { Err(Error::Collision { newer }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_safe_whatever_they_are() {
        for (format, text, want_text, want_html) in [
            (BodyFormat::Text, "<b>hi</b>", "<b>hi</b>", None),
            (BodyFormat::Markdown, "*hi*", "*hi*", Some("<em>hi</em>")),
            (BodyFormat::Markdown, "<script>x</script>", "<script>x</script>", Some("")),
            (BodyFormat::Html, "<b onclick=x>hi</b>", "hi", Some("<b>hi</b>")),
        ] {
            let (text, html) = Body { text: text.into(), format }.rendered();
            assert_eq!(text.trim(), want_text);
            match (html, want_html) {
                (Some(html), Some(want)) => {
                    assert!(
                        html.contains(want) && !html.contains("script") && !html.contains("onclick"),
                        "{html}"
                    );
                }
                (html, want) => assert_eq!(html.as_deref(), want),
            }
        }
    }
}
