//! Tickets opened and moved by API callers.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::filing::{NewResponse, NewTicket, set_status};
use super::notify::CustomerMessage;
use super::puzzles::SolvedPuzzle;
use super::query::TicketRef;
use super::reading::present;
use super::responses::{Body, ResponseRequest, Speaker};
use super::teams::check_team;
use super::writing::{Answered, Ending};
use super::{Caller, Desk, Error, Result, TicketView, Upload};
use crate::model::*;
use crate::store::{self, Tx};

/// A ticket asked for (API.md §4.1), its fields valid one by one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "API.md §4.1 names the fields")]
pub struct TicketRequest {
    pub subject: String,
    pub description: Body,
    pub category: Category,
    pub priority: Priority,
    pub channel: Channel,
    pub customer_email: Option<String>,
    pub customer_name: Option<String>,
    pub customer_phone: Option<String>,
    pub locale: Option<String>,
    pub requester_type: ContactType,
    pub user_id: Option<String>,
    pub seller_id: Option<String>,
    pub store_id: Option<String>,
    pub order_id: Option<String>,
    pub external_id: Option<String>,
    pub cc: Vec<String>,
    /// Files sent along …
    #[serde(skip)]
    pub uploads: Vec<Upload>,
    /// … and those that lie ready.
    pub attachment_ids: Vec<Uuid>,
    pub tags: Vec<String>,
    pub custom_fields: Value,
    pub metadata: Value,
    pub assignee_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub status: Status,
    pub created_at: Option<Timestamp>,
    /// What the caller wished; `None`: as the settings say.
    pub notify: Option<bool>,
    /// What an anonymous caller solved.
    #[serde(skip)]
    pub puzzle: Option<SolvedPuzzle>,
}

/// A status asked for (API.md §4.5).
#[derive(Debug, Clone)]
pub struct StatusRequest {
    /// What it shall become.
    pub status: Status,
    /// How it ended.
    pub resolution: Option<String>,
    /// Goes out as a public reply.
    pub message: Option<Body>,
    /// What the caller wished; `None`: as the settings say.
    pub notify: Option<bool>,
    /// `If-Match`.
    pub version: Option<i64>,
}

/// A stranger's ids are no more than what they say: a ticket with them must not turn up among a customer's own.
fn claim_ids(request: &mut TicketRequest) {
    let ids = [("claimed_user_id", request.user_id.take()), ("claimed_seller_id", request.seller_id.take())];
    for (name, id) in ids {
        if let (Some(id), Some(metadata)) = (id, request.metadata.as_object_mut()) {
            metadata.insert(name.into(), id.into());
        }
    }
}

/// Who opens a ticket, and with what.
pub(super) struct Opening<'a> {
    /// Whose token it is.
    pub caller: Option<&'a Caller>,
    /// The requester's address is known to be theirs.
    pub vouched: bool,
    /// To be filed with the first message.
    pub files: Vec<AttachmentRecord>,
}

/// A ticket after a write, and what was mailed.
#[derive(Debug, Clone)]
pub struct TicketWritten {
    /// As it stands now.
    pub view: TicketView,
    /// Put into the outbox.
    pub emails: Vec<OutboxEntry>,
}

impl Desk {
    /// Opens a ticket for a caller; `None`: for anybody.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown assignee or nobody to answer to, [`Error::Duplicate`] for a taken
    /// `external_id`; the store's.
    pub async fn create_ticket(
        &self,
        request: TicketRequest,
        caller: Option<&Caller>,
        ending: Ending<'_, TicketWritten>,
    ) -> Result<Answered> {
        match self.create_ticket_once(request.clone(), caller, &ending).await {
            // Its number was taken, or another call met the same customer at this moment.
            Err(Error::Store(store::Error::Conflict(_))) => {
                self.create_ticket_once(request, caller, &ending).await
            }
            done => done,
        }
    }

    async fn create_ticket_once(
        &self,
        mut request: TicketRequest,
        caller: Option<&Caller>,
        ending: &Ending<'_, TicketWritten>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, ending).await? {
            return Ok(replayed);
        }
        self.spend(&mut tx, request.puzzle.as_ref()).await?;
        let mut files = self.claim_uploads(&mut tx, &request.attachment_ids, caller).await?;
        let uploads = std::mem::take(&mut request.uploads);
        files.extend(self.keep_uploads(&mut tx, uploads, self.clock().now()).await?);
        let opening = Opening { caller, vouched: caller.is_some(), files };
        let written = self.open_asked(&mut tx, request, opening).await?;
        self.conclude(tx, ending, &written).await
    }

    /// Opens a ticket that was asked for, and tells whom it concerns.
    pub(super) async fn open_asked(
        &self,
        tx: &mut Tx,
        request: TicketRequest,
        opening: Opening<'_>,
    ) -> Result<TicketWritten> {
        let Opening { caller, vouched, .. } = opening;
        check_external_id(tx, &request, caller).await?;
        self.check_assignee(request.assignee_id)?;
        check_team(tx, request.team_id).await?;
        let contact = self.requester(tx, &request, &opening).await?;
        let by_agent = opening_agent(&request, caller);
        let actor = match by_agent {
            Some(agent) => Actor::agent(agent),
            None => customer(&contact, request.requester_type, request.customer_name.clone()),
        };
        let (notify, address) = (request.notify, request.customer_email.clone());
        let (new, first) = self.ticket_of(tx, request, contact, &actor, opening).await?;
        let filed = self.open_ticket(tx, new, first, &actor).await?;
        let event = CustomerMessage {
            ticket: &filed.ticket,
            message: &filed.response,
            verified: vouched,
            reopened: false,
            no_answer: address.is_none().then_some("nobody to answer"),
            notify,
        };
        let emails = match (notify.unwrap_or(true), by_agent) {
            (false, _) => Vec::new(),
            (true, Some(agent)) => self.notify_reply(tx, &filed.ticket, &filed.response, Some(agent)).await?,
            (true, None) => self.notify_opened(tx, event).await?,
        };
        let by = caller.map_or_else(|| actor.clone(), Caller::actor);
        let assigned = self.notify_assigned(tx, &filed.ticket, &by, notify).await?;
        let emails = emails.into_iter().chain(assigned).collect();
        Ok(TicketWritten { view: self.view_ticket(tx, filed.ticket).await?, emails })
    }

    /// Gives a ticket a status, with or without a word to the customer.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`], [`Error::VersionMismatch`], [`Error::InvalidTransition`]; the store's.
    pub async fn change_status(
        &self,
        ticket: &TicketRef,
        request: StatusRequest,
        caller: &Caller,
        ending: Ending<'_, TicketWritten>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let mut ticket = self.locked(&mut tx, ticket, request.version).await?;
        check_transition(&ticket, request.status, caller)?;
        if let Some(resolution) = request.resolution.clone() {
            ticket.resolution = Some(resolution);
        }
        let (ticket, emails) = match request.message {
            Some(message) => {
                let reply = ResponseRequest {
                    status: Some(request.status),
                    notify: request.notify,
                    ..ResponseRequest::reply(message)
                };
                let written = self.respond(&mut tx, ticket, reply, &Speaker::of(caller)).await?;
                (written.ticket, written.emails)
            }
            None => self.move_silently(&mut tx, ticket, &request, caller).await?,
        };
        let written = TicketWritten { view: self.view_ticket(&mut tx, ticket).await?, emails };
        self.conclude(tx, &ending, &written).await
    }

    /// The status alone: an event, and the notice that the settings switch on.
    async fn move_silently(
        &self,
        tx: &mut Tx,
        mut ticket: Ticket,
        request: &StatusRequest,
        caller: &Caller,
    ) -> Result<(Ticket, Vec<OutboxEntry>)> {
        let (from, now) = (ticket.status, self.clock().now());
        let mut changes = Map::new();
        let resolution = ticket.resolution.clone();
        set_status(&mut ticket, request.status, now, &mut changes);
        ticket.resolution = resolution.filter(|_| request.status.is_ended());
        if changes.is_empty() && request.resolution.is_none() {
            return Ok((ticket, Vec::new()));
        }
        ticket.updated_at = now;
        ticket.version += 1;
        tx.update_ticket(&ticket).await?;
        if !changes.is_empty() {
            let mut event = self.event(&ticket, "status_changed", &caller.actor(), now);
            event.changes = Value::Object(changes);
            tx.insert_event(&event).await?;
        }
        let emails = self.notify_status(tx, &ticket, from, request.notify).await?;
        Ok((ticket, emails))
    }

    /// The ticket, locked, present, and of the version the caller read.
    pub(super) async fn locked(
        &self,
        tx: &mut Tx,
        ticket: &TicketRef,
        version: Option<i64>,
    ) -> Result<Ticket> {
        let id = match ticket {
            TicketRef::Id(id) => *id,
            TicketRef::Number(_) => present(tx.find_ticket(ticket).await?)?.id,
        };
        let ticket = present(tx.lock_ticket(id).await?)?;
        match version {
            Some(version) if version != ticket.version => {
                Err(Error::VersionMismatch { current: ticket.version })
            }
            _ => Ok(ticket),
        }
    }

    /// An assignee must work here.
    pub(super) fn check_assignee(&self, id: Option<Uuid>) -> Result<()> {
        let known = |id| self.directory().agents.iter().any(|agent| agent.id == id);
        match id {
            Some(id) if !known(id) => Err(Error::Invalid {
                pointer: "/assignee_id",
                code: "not_found",
                detail: "no active agent has this id".into(),
            }),
            _ => Ok(()),
        }
    }

    /// Who asks: by address, by the shop's id, or somebody new. A caller with a token vouches for the address; of ids, they
    /// alone are believed.
    async fn requester(
        &self,
        tx: &mut Tx,
        request: &TicketRequest,
        opening: &Opening<'_>,
    ) -> Result<Contact> {
        let Opening { caller, vouched, .. } = *opening;
        if let Some(address) = &request.customer_email {
            if let Some(contact) = tx.contact_by_address(address).await? {
                if vouched {
                    tx.verify_contact_email(address).await?;
                }
                return Ok(contact);
            }
        } else if let Some(user_id) = request.user_id.as_ref().filter(|_| caller.is_some())
            && let Some(contact) = tx.contact_by_user_id(user_id).await?
        {
            return Ok(contact);
        }
        let Some(address) = request.customer_email.clone() else {
            return Err(Error::Invalid {
                pointer: "/customer_email",
                code: "required",
                detail: "is required unless user_id names a contact".into(),
            });
        };
        let contact = self.new_contact(request, caller.is_some());
        let email = ContactEmail { address, contact_id: contact.id, verified: vouched, is_primary: true };
        tx.insert_contact(&contact, Some(&email)).await?;
        Ok(contact)
    }

    /// The shop's own ids find a contact again: a stranger can't give them.
    fn new_contact(&self, request: &TicketRequest, by_shop: bool) -> Contact {
        let at = self.clock().now();
        Contact {
            id: self.ids().uuid(at),
            r#type: request.requester_type,
            name: request.customer_name.clone(),
            phone: request.customer_phone.clone(),
            locale: request.locale.clone(),
            timezone: None,
            user_id: request.user_id.clone().filter(|_| by_shop),
            seller_id: request.seller_id.clone().filter(|_| by_shop),
            store_id: None,
            notes: None,
            custom_fields: Value::Object(Map::new()),
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    async fn ticket_of(
        &self,
        tx: &mut Tx,
        mut request: TicketRequest,
        contact: Contact,
        actor: &Actor,
        opening: Opening<'_>,
    ) -> Result<(NewTicket, NewResponse)> {
        let Opening { caller, vouched, files } = opening;
        if caller.is_none() {
            claim_ids(&mut request);
        }
        let at = request.created_at.unwrap_or(self.clock().now());
        let agent_email = opening_agent(&request, caller).map(|agent| agent.email.clone());
        let address = match request.customer_email {
            Some(address) => address,
            None => primary_address(tx, contact.id).await?,
        };
        let author_email = agent_email.unwrap_or_else(|| address.clone());
        let mut first = self.message_with(request.description, files, actor.clone(), Visibility::Public, at);
        first.channel = request.channel;
        first.author_email = Some(author_email).filter(|address| !address.is_empty());
        if !vouched {
            first.flags.push("unverified_sender".into());
        }
        let external_scope = request.external_id.as_ref().map(|_| scope_of(caller));
        let new = NewTicket {
            subject: request.subject,
            status: request.status,
            priority: request.priority,
            category: request.category,
            channel: request.channel,
            mailbox_id: self.mailbox_of_store(request.store_id.as_deref()),
            requester_type: request.requester_type,
            requester_email: address,
            assignee_id: request.assignee_id,
            team_id: request.team_id,
            // What a stranger's ticket shows of a customer is what the stranger said.
            user_id: request.user_id.or_else(|| contact.user_id.clone().filter(|_| vouched)),
            seller_id: request.seller_id,
            store_id: request.store_id,
            order_id: request.order_id,
            external_id: request.external_id,
            external_scope,
            locale: request.locale,
            cc: request.cc,
            tags: request.tags,
            custom_fields: request.custom_fields,
            metadata: request.metadata,
            follow_up_of_id: None,
            related_to_id: None,
            created_at: at,
            requester: contact,
        };
        Ok((new, first))
    }

    /// The mailbox that answers for a store.
    fn mailbox_of_store(&self, store: Option<&str>) -> Option<Uuid> {
        let directory = self.directory();
        let of_store =
            directory.mailboxes.iter().find(|m| m.store_id.is_some() && m.store_id.as_deref() == store);
        of_store.or(directory.mailboxes.first()).map(|mailbox| mailbox.id)
    }
}

/// The agent who wrote the first message: one who notes a call, or writes first. What comes by the API is otherwise the
/// customer's own words, whoever hands it in.
fn opening_agent<'a>(request: &TicketRequest, caller: Option<&'a Caller>) -> Option<&'a Agent> {
    let ours = matches!(request.channel, Channel::Phone | Channel::Email);
    caller.and_then(|caller| caller.agent.as_ref()).filter(|_| ours)
}

/// Moves by hand (API.md §2).
pub(super) fn check_transition(ticket: &Ticket, to: Status, caller: &Caller) -> Result<()> {
    let admin = caller.allows(Scope::Admin);
    if ticket.status.may_become(to, admin) {
        return Ok(());
    }
    let allowed = Status::ALL.iter().copied().filter(|next| ticket.status.may_become(*next, admin));
    Err(Error::InvalidTransition { from: ticket.status, to, allowed: allowed.collect() })
}

/// A contact as the author of a message.
pub(super) fn customer(contact: &Contact, r#type: ContactType, name: Option<String>) -> Actor {
    let r#type = if r#type == ContactType::Seller { ActorType::Seller } else { ActorType::Customer };
    Actor { r#type, id: Some(contact.id), name: name.or_else(|| contact.name.clone()) }
}

/// Whose `external_id`s these are: the token's.
fn scope_of(caller: Option<&Caller>) -> String {
    caller.map_or_else(|| "anonymous".to_owned(), |caller| caller.token.id.to_string())
}

async fn check_external_id(tx: &mut Tx, request: &TicketRequest, caller: Option<&Caller>) -> Result<()> {
    let Some(id) = &request.external_id else { return Ok(()) };
    match tx.number_of_external_id(&scope_of(caller), id).await? {
        Some(existing) => Err(Error::Duplicate { what: "external_id", existing: Some(existing) }),
        None => Ok(()),
    }
}

/// The address a contact is answered at; empty when there is none.
pub(super) async fn primary_address(tx: &mut Tx, contact: Uuid) -> Result<String> {
    Ok(tx.contact_emails(contact).await?.into_iter().next().map_or_else(String::new, |email| email.address))
}
