//! An agent's answer by mail (MAIL.md §1.6): commands are taken off its top and all checked before anything is done;
//! what remains goes to the customer, or stays a note.

use serde_json::json;
use uuid::Uuid;

use super::reading::Reading;
use super::sender::Sender;
use super::{Decision, Desk, Placed, Result, appended};
use crate::desk::changes::Act;
use crate::desk::filing::{FiledResponse, NewResponse};
use crate::desk::notify::Notice;
use crate::desk::orders::{Order, Step};
use crate::mail::command::{self, Commanded};
use crate::mail::placement::answered_ids;
use crate::model::*;
use crate::store::Tx;

/// The mark of a reply that was kept back, until it is sent.
pub(in crate::desk) const KEPT_AS_NOTE: &str = "kept_as_note";
/// An agent is told of one refused mail in this time, milliseconds: never in a loop.
const REFUSAL_EVERY_MS: i64 = RecentMail::HOUR_MS;
/// Most of another agent's words in a transcript, characters.
const MAX_NEWER: usize = 2_000;

/// What an agent's mail says beside its commands.
struct Saying {
    response: NewResponse,
    /// There is something in it.
    is_written: bool,
    /// It stays a note.
    is_internal: bool,
}

/// Who writes, and by which mail.
struct Writer<'a> {
    mail: &'a Reading,
    agent: &'a Agent,
    act: Act,
}

impl Desk {
    /// Holds back what may be an agent's and is not proven to be: they are asked at the address we know.
    pub(super) async fn hold_agents_mail(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        agent: Uuid,
        sender: &Sender,
        placed: Placed,
    ) -> Result<Decision> {
        if mail.judgement.no_answer.is_none() {
            self.tell_of_refusal(tx, mail, agent, placed.ticket.as_ref()).await?;
        }
        let detail = if sender.uses_agents_address() {
            "it says it is from an agent, and nothing proves it"
        } else {
            "it came to an agent's reply address from another sender"
        };
        let mut decision = Decision::new(InboundAction::Quarantined, "unverified_agent", detail);
        decision.flags = placed.flags;
        decision.token = placed.token;
        Ok(decision)
    }

    async fn tell_of_refusal(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        agent: Uuid,
        ticket: Option<&Ticket>,
    ) -> Result<()> {
        let directory = self.directory();
        let Some(agent) = directory.agents.iter().find(|known| known.id == agent) else { return Ok(()) };
        let template = NotificationTemplate::AgentReplyRefused;
        let since = self.clock().now().plus_ms(-REFUSAL_EVERY_MS);
        if tx.sent_of_late(&agent.email, template, since).await? > 0 {
            return Ok(());
        }
        let from = match &mail.from_name {
            Some(name) => format!("{name} <{}>", mail.from_address),
            None => mail.from_address.clone(),
        };
        let context = json!({ "inbound_mail_id": mail.id, "from": from, "subject": mail.subject });
        let notice = Notice { context, ..Notice::to_agent(template, ticket, agent) };
        self.tell_agent(tx, notice).await.map(drop)
    }

    /// An agent answered from their mail program.
    pub(super) async fn file_agents_mail(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        agent: &Agent,
        mut placed: Placed,
        ticket: Ticket,
    ) -> Result<Decision> {
        let order = self.understand(tx, command::read(&mail.body_text), &ticket, agent).await?;
        if order.is_refused() {
            self.post_transcript(tx, agent, &ticket, None, order.transcript()).await?;
            return Ok(refused(placed, &ticket));
        }
        let seen = self.replied_to(tx, mail, &ticket, agent).await?;
        let mut saying = self.saying(mail, agent, &placed, &order);
        saying.is_internal =
            placed.internal || order.is_internal() || seen.as_ref().is_some_and(tells_of_a_note);
        if saying.is_written
            && !saying.is_internal
            && !order.has(&Step::Send)
            && let Some(newer) = self.answered_since(tx, &ticket, agent, seen).await?
        {
            placed.flags.push(KEPT_AS_NOTE);
            return self.keep_as_note(tx, agent, placed, ticket, saying, &newer).await;
        }
        self.carry_out(tx, &Writer::of(mail, agent), placed, ticket, order, saying).await
    }

    /// What an agent wrote above a mail they forward: a note on its ticket, and commands for it. The customer's mail is
    /// worth more than a wrong command: the ticket is there either way.
    pub(super) async fn file_note_above(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        agent: &Agent,
        mut ticket: Ticket,
        note: &str,
        placed: &Placed,
    ) -> Result<()> {
        let mut order = self.understand(tx, command::read(note), &ticket, agent).await?;
        if order.is_refused() {
            self.post_transcript(tx, agent, &ticket, None, order.transcript()).await?;
            let words = Commanded::without_commands(note);
            order = self.understand(tx, words, &ticket, agent).await?;
        }
        let writer = Writer::of(mail, agent);
        let act = &writer.act;
        self.apply(tx, &mut ticket, &order, act).await?;
        let mut response = self.response_from(mail, &act.actor, placed.placement.clone(), &placed.flags);
        // After the mail it is about: ids of one moment have no order.
        response.created_at = act.at.plus_ms(1);
        response.id = self.ids().uuid(response.created_at);
        (response.body_text, response.body_html) = (order.commanded.text.trim().to_owned(), None);
        response.body_format = BodyFormat::Text;
        (response.quoted_text, response.full_text) = (String::new(), None);
        response.attachments = Vec::new();
        let saying = Saying { is_written: !response.body_text.is_empty(), is_internal: true, response };
        let ticket = if saying.is_written {
            self.say(tx, &writer, ticket, saying, &order).await?.ticket
        } else {
            self.settle(tx, ticket, &order, act).await?
        };
        self.merge_as_ordered(tx, &ticket, &order, act).await
    }

    /// All of it is right: does it.
    async fn carry_out(
        &self,
        tx: &mut Tx,
        writer: &Writer<'_>,
        placed: Placed,
        mut ticket: Ticket,
        order: Order,
        saying: Saying,
    ) -> Result<Decision> {
        let act = &writer.act;
        let from = ticket.status;
        self.apply(tx, &mut ticket, &order, act).await?;
        let kept = order.kept_note().filter(|_| !saying.is_written).cloned();
        let done = match (saying.is_written, kept) {
            (true, _) => self.say(tx, writer, ticket, saying, &order).await?,
            (false, Some(note)) => self.send_kept(tx, writer, ticket, note, &order).await?,
            (false, None) => Done { ticket: self.settle(tx, ticket, &order, act).await?, response: None },
        };
        if !matches!(done.response.as_ref().map(|r| r.visibility), Some(Visibility::Public)) {
            self.notify_status(tx, &done.ticket, from, wish(writer.mail)).await?;
        }
        self.merge_as_ordered(tx, &done.ticket, &order, act).await?;
        if order.wants_transcript(self.config().intake.command_result) {
            self.post_transcript(tx, writer.agent, &done.ticket, None, order.transcript()).await?;
        }
        Ok(carried_out(placed, done))
    }

    /// What the agent wrote, filed: for the customer, or as a note.
    async fn say(
        &self,
        tx: &mut Tx,
        writer: &Writer<'_>,
        ticket: Ticket,
        saying: Saying,
        order: &Order,
    ) -> Result<Done> {
        let Writer { mail, agent, act } = writer;
        let mut response = saying.response;
        let status = if saying.is_internal {
            response.visibility = Visibility::Internal;
            order.status().unwrap_or(ticket.status)
        } else {
            // The desk mails the ticket's own people; whom else the agent copied has the agent's mail already.
            response.to_addresses = vec![ticket.requester_email.clone()];
            response.cc.clone_from(&ticket.cc);
            order.status().unwrap_or(ticket.status.after_agent_reply())
        };
        if let Some(template) = response.template_id {
            tx.template_used(template, response.created_at).await?;
        }
        let filed = self.append_response(tx, ticket, response, status, &act.actor).await?;
        if saying.is_internal {
            self.notify_note(tx, &filed.ticket, &filed.response, wish(mail)).await?;
        } else if mail.notify {
            self.notify_reply(tx, &filed.ticket, &filed.response, Some(agent)).await?;
        }
        Ok(Done { ticket: filed.ticket, response: Some(filed.response) })
    }

    /// A reply that was kept back goes out after all: the note becomes the public answer, as of now.
    async fn send_kept(
        &self,
        tx: &mut Tx,
        writer: &Writer<'_>,
        ticket: Ticket,
        mut note: Response,
        order: &Order,
    ) -> Result<Done> {
        let act = &writer.act;
        note.visibility = Visibility::Public;
        note.flags.retain(|flag| flag != KEPT_AS_NOTE);
        note.created_at = act.at;
        note.to_addresses = vec![ticket.requester_email.clone()];
        note.cc.clone_from(&ticket.cc);
        note.version += 1;
        tx.update_response(&note).await?;
        let mut event = self.event(&ticket, "note_sent", &act.actor, act.at);
        (event.channel, event.inbound_mail_id) = (act.channel, act.inbound_mail_id);
        event.response_id = Some(note.id);
        tx.insert_event(&event).await?;
        let mut ticket = ticket;
        ticket.first_response_at.get_or_insert(act.at);
        ticket.last_agent_message_at = Some(act.at);
        let status = order.status().unwrap_or(ticket.status.after_agent_reply());
        self.change_status_of(tx, &mut ticket, status, act).await?;
        self.write_down(tx, &mut ticket, act).await?;
        self.notify_reply(tx, &ticket, &note, Some(writer.agent)).await?;
        Ok(Done { ticket, response: Some(note) })
    }

    /// Commands alone: their changes, written down.
    async fn settle(&self, tx: &mut Tx, mut ticket: Ticket, order: &Order, act: &Act) -> Result<Ticket> {
        if let Some(status) = order.status() {
            self.change_status_of(tx, &mut ticket, status, act).await?;
        }
        self.write_down(tx, &mut ticket, act).await?;
        Ok(ticket)
    }

    /// Somebody else answered the customer: the reply stays here, and its author is asked.
    async fn keep_as_note(
        &self,
        tx: &mut Tx,
        agent: &Agent,
        placed: Placed,
        ticket: Ticket,
        saying: Saying,
        newer: &Response,
    ) -> Result<Decision> {
        let mut response = saying.response;
        response.visibility = Visibility::Internal;
        response.flags.push(KEPT_AS_NOTE.into());
        let status = ticket.status;
        let filed = self.append_response(tx, ticket, response, status, &Actor::agent(agent)).await?;
        let text: String = newer.body_text.trim().chars().take(MAX_NEWER).collect();
        let result = json!({
            "done": [], "refused": [], "kept_as_note": true, "help": false,
            "newer": { "author": newer.author_name, "text": text },
        });
        self.post_transcript(tx, agent, &filed.ticket, Some(&filed.response), result).await?;
        Ok(appended(placed, filed))
    }

    /// The text and files of the mail, without its commands, with the template it asks for.
    fn saying(&self, mail: &Reading, agent: &Agent, placed: &Placed, order: &Order) -> Saying {
        let mut response =
            self.response_from(mail, &Actor::agent(agent), placed.placement.clone(), &placed.flags);
        let html = mail.body_html.as_deref().and_then(|html| order.commanded.html(html));
        response.body_html = html.filter(|html| !html.trim().is_empty());
        if !order.commanded.lines.is_empty() {
            response.full_text.get_or_insert_with(|| mail.full_text.clone());
        }
        response.body_text.clone_from(&order.commanded.text);
        if let Some(answer) = order.template() {
            answer.put_under(&mut response);
        }
        if response.body_html.is_none() && response.body_format == BodyFormat::Html {
            response.body_format = BodyFormat::Text;
        }
        let has_files = response.attachments.iter().any(|file| !file.is_inline);
        let is_written = has_files || !response.body_text.trim().is_empty();
        Saying { is_written, is_internal: false, response }
    }

    /// The mail of ours that is answered: as its ids say, else the newest one this agent got about the ticket.
    async fn replied_to(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        ticket: &Ticket,
        agent: &Agent,
    ) -> Result<Option<OutboxEntry>> {
        for id in answered_ids(&mail.parsed) {
            let Some(entry) = self.keys().read_message_id(&id).and_then(|ours| ours.entry) else { continue };
            let Some(entry) = tx.outbox_entry(entry).await? else { continue };
            if entry.audience == Audience::Agent && self.is_about(tx, &entry, ticket).await? {
                return Ok(Some(entry));
            }
        }
        Ok(tx.newest_sent(ticket.id, &agent.email).await?)
    }

    /// Whether a mail was about this ticket, or about one that was merged into it.
    async fn is_about(&self, tx: &mut Tx, entry: &OutboxEntry, ticket: &Ticket) -> Result<bool> {
        let Some(of) = entry.ticket_id else { return Ok(false) };
        Ok(of == ticket.id || tx.ticket(of).await?.and_then(|of| of.merged_into_id) == Some(ticket.id))
    }

    /// What another one of us said publicly since the answered mail was written.
    async fn answered_since(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        agent: &Agent,
        seen: Option<OutboxEntry>,
    ) -> Result<Option<Response>> {
        let Some(seen) = seen else { return Ok(None) };
        let responses = tx.responses_of(ticket.id).await?;
        Ok(responses.into_iter().rev().find(|response| {
            response.created_at > seen.created_at
                && response.visibility == Visibility::Public
                && matches!(response.author_type, ActorType::Agent | ActorType::System)
                && response.author_id != Some(agent.id)
        }))
    }
}

impl<'a> Writer<'a> {
    fn of(mail: &'a Reading, agent: &'a Agent) -> Self {
        let act = Act {
            actor: Actor::agent(agent),
            channel: Channel::Email,
            at: mail.mail.received_at,
            inbound_mail_id: Some(mail.id),
        };
        Self { mail, agent, act }
    }
}

/// What came of an agent's mail.
struct Done {
    ticket: Ticket,
    response: Option<Response>,
}

/// Whether the mail told of something internal: an answer to it is internal, wherever it was sent.
fn tells_of_a_note(entry: &OutboxEntry) -> bool {
    let template = NotificationTemplate::parse(&entry.template);
    matches!(template, Some(NotificationTemplate::AgentNote | NotificationTemplate::AgentMentioned))
}

/// As the settings say, or nothing at all.
fn wish(mail: &Reading) -> Option<bool> {
    (!mail.notify).then_some(false)
}

fn carried_out(placed: Placed, done: Done) -> Decision {
    match done.response {
        Some(response) => {
            appended(placed, FiledResponse { ticket: done.ticket, response, changes: serde_json::Map::new() })
        }
        None => on_ticket(placed, &done.ticket, InboundAction::Appended, "commands", "commands alone"),
    }
}

fn refused(placed: Placed, ticket: &Ticket) -> Decision {
    let detail = "a command was not understood: nothing was done, and the agent was told";
    on_ticket(placed, ticket, InboundAction::Ignored, "commands_refused", detail)
}

/// Nothing was filed, but a ticket is concerned.
fn on_ticket(
    placed: Placed,
    ticket: &Ticket,
    action: InboundAction,
    reason: &'static str,
    detail: &str,
) -> Decision {
    let mut decision = Decision::new(action, reason, detail);
    decision.ticket = Some((ticket.id, ticket.number.clone()));
    decision.placement = Some(placed.placement);
    decision.flags = placed.flags;
    decision.token = placed.token;
    decision
}
