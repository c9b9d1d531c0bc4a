//! What the desk shows: lists, single things, and what hangs on them. Each call reads one snapshot.

use std::collections::HashMap;

use uuid::Uuid;

use super::{Desk, Error, Result};
use crate::model::*;
use crate::store::Tx;
use crate::store::query::{EmailLogFilter, InboundFilter, Order, Start, TicketFilter, TicketKey, TicketRef};

/// A ticket and the people in it.
#[derive(Debug, Clone)]
pub struct TicketView {
    /// The ticket.
    pub ticket: Ticket,
    /// New text of the first message; not read for lists.
    pub description: Option<String>,
    /// Who asks.
    pub requester: Contact,
    /// The requester's address is verified (API.md §1.9).
    pub verified: bool,
    /// Who answers.
    pub assignee: Option<Agent>,
    /// Whose work it is.
    pub team: Option<Team>,
}

/// A response, its files, and how its mails fare.
#[derive(Debug, Clone)]
pub struct ResponseView {
    /// The response.
    pub response: Response,
    /// In the order of the mail.
    pub attachments: Vec<AttachmentRecord>,
    /// Its mails, oldest first.
    pub logs: Vec<(Uuid, EmailStatus)>,
}

/// What to read along with a ticket.
#[derive(Debug, Clone, Copy, Default)]
pub struct Include {
    /// Responses; internal ones only with `notes`.
    pub responses: bool,
    /// The caller may see internal responses and what belongs to them.
    pub notes: bool,
    /// Email logs.
    pub email_logs: bool,
    /// Files.
    pub attachments: bool,
    /// Audit trail.
    pub events: bool,
    /// Tickets named by this one, or naming it.
    pub related: bool,
}

/// A ticket with what was asked for.
#[derive(Debug, Clone)]
pub struct TicketWith {
    /// The ticket.
    pub view: TicketView,
    /// Oldest first.
    pub responses: Option<Vec<ResponseView>>,
    /// Newest first.
    pub email_logs: Option<Vec<OutboxEntry>>,
    /// Oldest first.
    pub attachments: Option<Vec<AttachmentRecord>>,
    /// Oldest first.
    pub events: Option<Vec<TicketEvent>>,
    /// In the order they were opened.
    pub related: Option<Vec<TicketView>>,
}

/// A part of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The rows, in the order asked for.
    pub rows: Vec<T>,
    /// There are rows behind the last one.
    pub has_next: bool,
    /// There are rows before the first one.
    pub has_previous: bool,
    /// All rows there are, when counted.
    pub total: Option<i64>,
}

impl<T> Page<T> {
    /// The same page of other rows.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U> {
        let rows = self.rows.into_iter().map(each).collect();
        Page { rows, has_next: self.has_next, has_previous: self.has_previous, total: self.total }
    }
}

/// Which part of a list.
#[derive(Debug, Clone)]
pub struct PageOf {
    /// Where it begins.
    pub start: Start,
    /// Rows of a page.
    pub limit: i64,
    /// Whether to count all rows.
    pub count: bool,
}

/// What mails a ticket's responses made: response → its logs.
type LogsByResponse = HashMap<Uuid, Vec<(Uuid, EmailStatus)>>;

/// Most email logs shown along with a ticket.
const LOGS_SHOWN: i64 = 500;

impl Desk {
    /// A page of tickets.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_tickets(
        &self,
        filters: &[TicketFilter],
        order: &[Order<TicketKey>],
        page: &PageOf,
    ) -> Result<Page<TicketView>> {
        let mut tx = self.store().read().await?;
        let filters = tx.resolved(filters).await?;
        let rows = tx.list_tickets(&filters, order, &page.start, page.limit + 1).await?;
        let total = if page.count { Some(self.total_tickets(&mut tx, &filters).await?) } else { None };
        let page = cut(rows, page, total);
        let rows = self.view_tickets(&mut tx, page.rows).await?;
        Ok(Page { rows, has_next: page.has_next, has_previous: page.has_previous, total: page.total })
    }

    /// Responses of listed tickets, in the order of the tickets.
    ///
    /// # Errors
    /// The store's.
    pub async fn responses_of_tickets(
        &self,
        tickets: &[Uuid],
        notes: bool,
    ) -> Result<Vec<Vec<ResponseView>>> {
        let mut tx = self.store().read().await?;
        let mut all = Vec::with_capacity(tickets.len());
        for ticket in tickets {
            all.push(view_responses(&mut tx, *ticket, notes).await?);
        }
        Ok(all)
    }

    /// A ticket with what was asked for.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`]; the store's.
    pub async fn ticket(&self, ticket: &TicketRef, include: Include) -> Result<TicketWith> {
        let mut tx = self.store().read().await?;
        let ticket = present(tx.find_ticket(ticket).await?)?;
        let id = ticket.id;
        let related = if include.related {
            let rows = tx.related_tickets(&ticket).await?;
            Some(self.view_tickets(&mut tx, rows).await?)
        } else {
            None
        };
        Ok(TicketWith {
            view: self.view_ticket(&mut tx, ticket).await?,
            responses: match include.responses {
                true => Some(view_responses(&mut tx, id, include.notes).await?),
                false => None,
            },
            email_logs: match include.email_logs {
                true => Some(
                    tx.list_email_logs(
                        &[EmailLogFilter::Ticket(TicketRef::Id(id))],
                        true,
                        &Start::Top,
                        LOGS_SHOWN,
                    )
                    .await?,
                ),
                false => None,
            },
            attachments: match include.attachments {
                true => Some(visible_attachments(&mut tx, id, include.notes).await?),
                false => None,
            },
            events: match include.events {
                true => Some(visible_events(tx.events_of(id).await?, include.notes)),
                false => None,
            },
            related,
        })
    }

    /// A response.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for an internal one without `notes` or on a deleted ticket; the store's.
    pub async fn response(&self, id: Uuid, notes: bool) -> Result<ResponseView> {
        let mut tx = self.store().read().await?;
        let response = visible(tx.response(id).await?, notes)?;
        tx.ticket(response.ticket_id).await?.filter(|t| t.deleted_at.is_none()).ok_or(gone("response"))?;
        view_response(&mut tx, response).await
    }

    /// The mail a response came in by or went out as: `None` when it was no mail, or was not rendered yet.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn response_raw(&self, id: Uuid) -> Result<Option<Vec<u8>>> {
        let mut tx = self.store().read().await?;
        let response = visible(tx.response(id).await?, true)?;
        if let Some(mail) = response.inbound_mail_id {
            return Ok(tx.inbound_raw(mail).await?);
        }
        let logs = logs_by_response(&mut tx, response.ticket_id).await?.remove(&id).unwrap_or_default();
        for (log, _) in logs {
            if let Some(mime) = tx.sent_mime(log).await? {
                return Ok(Some(mime));
            }
        }
        Ok(None)
    }

    /// A page of a ticket's email logs, by time.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`]; the store's.
    pub async fn ticket_email_logs(
        &self,
        ticket: &TicketRef,
        filters: Vec<EmailLogFilter>,
        descending: bool,
        page: &PageOf,
    ) -> Result<Page<OutboxEntry>> {
        let mut tx = self.store().read().await?;
        let ticket = present(tx.find_ticket(ticket).await?)?;
        let of_ticket = EmailLogFilter::Ticket(TicketRef::Id(ticket.id));
        let filters: Vec<_> = std::iter::once(of_ticket).chain(filters).collect();
        self.email_logs(&mut tx, &filters, descending, page).await
    }

    /// A page of email logs, by time.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_email_logs(
        &self,
        filters: &[EmailLogFilter],
        descending: bool,
        page: &PageOf,
    ) -> Result<Page<OutboxEntry>> {
        self.email_logs(&mut self.store().read().await?, filters, descending, page).await
    }

    async fn email_logs(
        &self,
        tx: &mut Tx,
        filters: &[EmailLogFilter],
        descending: bool,
        page: &PageOf,
    ) -> Result<Page<OutboxEntry>> {
        let rows = tx.list_email_logs(filters, descending, &page.start, page.limit + 1).await?;
        let total = if page.count { Some(self.total_email_logs(tx, filters).await?) } else { None };
        Ok(cut(rows, page, total))
    }

    /// An email log and its tries.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn email_log(&self, id: Uuid) -> Result<(OutboxEntry, Vec<DeliveryAttempt>)> {
        let mut tx = self.store().read().await?;
        let entry = tx.email_log(id).await?.ok_or(gone("email_log"))?;
        Ok((entry, tx.tries_of(id).await?))
    }

    /// A mail as sent; `None` before its first try.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn email_log_raw(&self, id: Uuid) -> Result<Option<Vec<u8>>> {
        let mut tx = self.store().read().await?;
        tx.email_log(id).await?.ok_or(gone("email_log"))?;
        Ok(tx.sent_mime(id).await?)
    }

    /// A page of the ledger, by time.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_inbound(
        &self,
        filters: &[InboundFilter],
        descending: bool,
        page: &PageOf,
    ) -> Result<Page<InboundRecord>> {
        let mut tx = self.store().read().await?;
        let rows = tx.list_inbound(filters, descending, &page.start, page.limit + 1).await?;
        let total = if page.count { Some(self.total_inbound(&mut tx, filters).await?) } else { None };
        Ok(cut(rows, page, total))
    }

    /// A row of the ledger.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn inbound_mail(&self, id: Uuid) -> Result<InboundRecord> {
        self.store().read().await?.inbound(id).await?.ok_or(gone("inbound_mail"))
    }

    /// Exactly the bytes received, and whether they became a note.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn inbound_mail_raw(&self, id: Uuid) -> Result<(Vec<u8>, bool)> {
        let mut tx = self.store().read().await?;
        let row = tx.inbound(id).await?.ok_or(gone("inbound_mail"))?;
        let response = match row.response_id {
            Some(response) => tx.response(response).await?,
            None => None,
        };
        let is_note = response.is_some_and(|response| response.visibility == Visibility::Internal);
        Ok((tx.inbound_raw(id).await?.ok_or(gone("inbound_mail"))?, is_note))
    }

    /// Whether the database answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn ping(&self) -> Result<()> {
        Ok(self.store().read().await?.ping().await?)
    }

    pub(super) async fn view_ticket(&self, tx: &mut Tx, ticket: Ticket) -> Result<TicketView> {
        let description = tx.description_of(ticket.id).await?.unwrap_or_default();
        let mut views = self.view_tickets(tx, vec![ticket]).await?;
        let view = views.pop().ok_or(gone("ticket"))?;
        Ok(TicketView { description: Some(description), ..view })
    }

    /// People for a whole page in four statements.
    pub(super) async fn view_tickets(&self, tx: &mut Tx, tickets: Vec<Ticket>) -> Result<Vec<TicketView>> {
        if tickets.is_empty() {
            return Ok(Vec::new());
        }
        let contacts = tx.contacts_of(tickets.iter().map(|t| t.requester_id)).await?;
        let contacts: HashMap<_, _> = contacts.into_iter().map(|c| (c.id, c)).collect();
        let addresses = tx.contact_emails_of(tickets.iter().map(|t| t.requester_email.clone())).await?;
        let verified: HashMap<_, _> =
            addresses.into_iter().map(|e| (e.address, (e.contact_id, e.verified))).collect();
        let agents = tx.agents_of(tickets.iter().filter_map(|t| t.assignee_id)).await?;
        let agents: HashMap<_, _> = agents.into_iter().map(|a| (a.id, a)).collect();
        let teams = tx.teams_of(tickets.iter().filter_map(|t| t.team_id)).await?;
        let teams: HashMap<_, _> = teams.into_iter().map(|t| (t.id, t)).collect();
        let view = |ticket: Ticket| {
            let requester = contacts.get(&ticket.requester_id)?.clone();
            let verified = verified.get(&ticket.requester_email) == Some(&(ticket.requester_id, true));
            let assignee = ticket.assignee_id.and_then(|id| agents.get(&id)).cloned();
            let team = ticket.team_id.and_then(|id| teams.get(&id)).cloned();
            Some(TicketView { ticket, description: None, requester, verified, assignee, team })
        };
        Ok(tickets.into_iter().filter_map(view).collect())
    }
}

fn gone(what: &'static str) -> Error {
    Error::NotFound(what)
}

/// A ticket that is there and not in the bin.
pub(super) fn present(ticket: Option<Ticket>) -> Result<Ticket> {
    let ticket = ticket.ok_or(gone("ticket"))?;
    if ticket.deleted_at.is_some() { Err(Error::Deleted) } else { Ok(ticket) }
}

/// A response that is there, and that the caller may see.
pub(super) fn visible(response: Option<Response>, notes: bool) -> Result<Response> {
    let shown = |r: &Response| r.deleted_at.is_none() && (notes || r.visibility == Visibility::Public);
    response.filter(shown).ok_or(gone("response"))
}

/// A response with its files, and how its mails fare.
pub(super) async fn view_response(tx: &mut Tx, response: Response) -> Result<ResponseView> {
    let attachments = tx.attachments_of_response(response.id).await?;
    let logs = logs_by_response(tx, response.ticket_id).await?.remove(&response.id).unwrap_or_default();
    Ok(ResponseView { response, attachments, logs })
}

async fn view_responses(tx: &mut Tx, ticket: Uuid, notes: bool) -> Result<Vec<ResponseView>> {
    let responses = tx.responses_of(ticket).await?;
    let mut logs = logs_by_response(tx, ticket).await?;
    let mut files: HashMap<Uuid, Vec<AttachmentRecord>> = HashMap::new();
    for file in tx.attachments_of_ticket(ticket).await? {
        if let Some(response) = file.response_id {
            files.entry(response).or_default().push(file);
        }
    }
    let shown = responses.into_iter().filter(|r| notes || r.visibility == Visibility::Public);
    Ok(shown
        .map(|response| ResponseView {
            attachments: files.remove(&response.id).unwrap_or_default(),
            logs: logs.remove(&response.id).unwrap_or_default(),
            response,
        })
        .collect())
}

async fn visible_attachments(tx: &mut Tx, ticket: Uuid, notes: bool) -> Result<Vec<AttachmentRecord>> {
    let mut files = tx.attachments_of_ticket(ticket).await?;
    if !notes {
        let responses = tx.responses_of(ticket).await?;
        let internal = |id| responses.iter().any(|r| r.id == id && r.visibility == Visibility::Internal);
        files.retain(|file| !file.response_id.is_some_and(internal));
    }
    Ok(files)
}

/// That there are notes is itself a note.
fn visible_events(mut events: Vec<TicketEvent>, notes: bool) -> Vec<TicketEvent> {
    events.retain(|event| {
        notes || !["note_added", "note_edited", "note_deleted"].contains(&event.r#type.as_str())
    });
    events
}

pub(super) async fn logs_by_response(tx: &mut Tx, ticket: Uuid) -> Result<LogsByResponse> {
    let mut logs = LogsByResponse::new();
    for (id, response, status) in tx.logs_of_responses(ticket).await? {
        if let Some(response) = response {
            logs.entry(response).or_default().push((id, status));
        }
    }
    Ok(logs)
}

/// One row more than asked for was read: it says whether there is more.
pub(super) fn cut<T>(mut rows: Vec<T>, page: &PageOf, total: Option<i64>) -> Page<T> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let (has_next, has_previous) = match page.start {
        Start::Top => (more, false),
        Start::After(_) => (more, true),
        Start::Before(_) => (true, more),
        Start::Offset(skipped) => (more, skipped > 0),
    };
    if matches!(page.start, Start::Before(_)) {
        rows.reverse();
    }
    Page { rows, has_next, has_previous, total }
}
