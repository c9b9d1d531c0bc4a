//! What agents command by mail, understood: each command is looked up against the desk before any is carried out, so
//! that a mail does all it says or nothing.

use serde_json::{Value, json};
use uuid::Uuid;

use super::changes::Act;
use super::filing::NewResponse;
use super::intake::KEPT_AS_NOTE;
use super::notify::Notice;
use super::{Desk, Error, Result};
use crate::config::CommandResult;
use crate::mail::command::{Assignee, Command, CommandRefusal, Commanded, Refused, TagChange};
use crate::mail::html;
use crate::model::*;
use crate::store::Tx;

/// Most transcripts one agent gets in an hour: what answers them without end has to end.
const MAX_TRANSCRIPTS_HOUR: i64 = 12;
/// Most names offered for one that was not understood.
const MAX_NEAR: usize = 5;

/// A command that can be carried out.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handful of them, for one mail")]
pub(super) enum Step {
    Note,
    Status(Status),
    Assign(Option<Uuid>),
    Priority(Priority),
    Category(Category),
    Tag(TagChange),
    Cc(Vec<String>),
    Template(Answer),
    Snooze(Timestamp),
    Merge(Uuid),
    Spam,
    Help,
    Send,
    /// `#send` with nothing else in the mail: this note.
    SendKept(Response),
}

/// A reply template, filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    pub template: Uuid,
    pub text: String,
    /// Where its format has any.
    pub html: Option<String>,
    pub format: BodyFormat,
}

/// An agent's mail, its commands looked up.
pub(super) struct Order {
    pub commanded: Commanded,
    steps: Vec<Step>,
}

impl Order {
    /// Whether nothing of it may be done.
    pub fn is_refused(&self) -> bool {
        self.commanded.is_refused()
    }

    /// Whether it asks for exactly this.
    pub fn has(&self, step: &Step) -> bool {
        self.steps.contains(step)
    }

    /// Whether what is written stays here: said so, or said to be spam.
    pub fn is_internal(&self) -> bool {
        self.has(&Step::Note) || self.has(&Step::Spam)
    }

    /// The status it gives.
    pub fn status(&self) -> Option<Status> {
        self.steps.iter().find_map(|step| if let Step::Status(status) = step { Some(*status) } else { None })
    }

    /// The template it answers with.
    pub fn template(&self) -> Option<&Answer> {
        self.steps.iter().find_map(|step| if let Step::Template(answer) = step { Some(answer) } else { None })
    }

    /// The note it sends.
    pub fn kept_note(&self) -> Option<&Response> {
        self.steps.iter().find_map(|step| if let Step::SendKept(note) = step { Some(note) } else { None })
    }

    fn merges_into(&self) -> Option<Uuid> {
        self.steps.iter().find_map(|step| if let Step::Merge(target) = step { Some(*target) } else { None })
    }

    /// Whether its author is told that it was done.
    pub fn wants_transcript(&self, setting: CommandResult) -> bool {
        self.has(&Step::Help) || (setting == CommandResult::Always && !self.steps.is_empty())
    }

    /// What `agent_command_result` tells.
    pub fn transcript(&self) -> Value {
        let refused: Vec<Value> = self.commanded.lines.iter().filter_map(refused_line).collect();
        let is_command = |line: &&str| !line.eq_ignore_ascii_case("#help");
        let written = self.commanded.lines.iter().map(|line| line.written.as_str());
        let done: Vec<&str> =
            if refused.is_empty() { written.filter(is_command).collect() } else { Vec::new() };
        json!({
            "done": done, "refused": refused, "kept_as_note": false, "newer": null,
            "help": self.commanded.has(&Command::Help),
        })
    }
}

fn refused_line(line: &crate::mail::command::Line) -> Option<Value> {
    let refused = line.command.as_ref().err()?;
    Some(json!({ "line": line.written, "why": refused.why, "near": refused.near }))
}

impl Answer {
    /// Fills a response, or stands under what the agent wrote.
    pub fn put_under(&self, response: &mut NewResponse) {
        let own = response.body_text.trim_end().to_owned();
        response.template_id = Some(self.template);
        if own.trim().is_empty() {
            response.body_text.clone_from(&self.text);
            response.body_html.clone_from(&self.html);
            response.body_format = self.format;
            return;
        }
        if response.body_html.is_some() || self.html.is_some() {
            let above = response.body_html.take().unwrap_or_else(|| html::from_text(&own));
            let below = self.html.clone().unwrap_or_else(|| html::from_text(&self.text));
            response.body_html = Some(format!("<div>{above}</div>\n<div>{below}</div>"));
        }
        response.body_text = format!("{own}\n\n{}", self.text);
    }
}

impl Desk {
    /// Looks every command up; those that can't be carried out are marked so.
    pub(super) async fn understand(
        &self,
        tx: &mut Tx,
        mut commanded: Commanded,
        ticket: &Ticket,
        agent: &Agent,
    ) -> Result<Order> {
        let mut steps = Vec::with_capacity(commanded.lines.len());
        let alone = commanded.text.trim().is_empty();
        for line in &mut commanded.lines {
            let Ok(command) = line.command.clone() else { continue };
            match self.step(tx, command, alone, ticket, agent).await? {
                Ok(step) => steps.push(step),
                Err(refused) => line.command = Err(refused),
            }
        }
        Ok(Order { commanded, steps })
    }

    async fn step(
        &self,
        tx: &mut Tx,
        command: Command,
        alone: bool,
        ticket: &Ticket,
        agent: &Agent,
    ) -> Result<Result<Step, Refused>> {
        Ok(match command {
            Command::Note => Ok(Step::Note),
            Command::Priority(priority) => Ok(Step::Priority(priority)),
            Command::Category(category) => Ok(Step::Category(category)),
            Command::Tag(change) => Ok(Step::Tag(change)),
            Command::Spam => Ok(Step::Spam),
            Command::Help => Ok(Step::Help),
            Command::Snooze(ms) => Ok(Step::Snooze(self.clock().now().plus_ms(ms))),
            Command::Status(status) => allowed_status(ticket, status, agent),
            Command::Assign(assignee) => self.assignee(&assignee, agent).map(Step::Assign),
            Command::Cc(addresses) => self.not_ours(addresses).map(Step::Cc),
            Command::Template(name) => self.answer(tx, &name, ticket, agent).await?.map(Step::Template),
            Command::Merge(number) => self.merge_target(tx, &number, ticket).await?.map(Step::Merge),
            Command::Send if alone => kept_note(tx, ticket, agent).await?.map(Step::SendKept),
            Command::Send => Ok(Step::Send),
        })
    }

    /// An agent by name, first name or address, when there is one alone.
    fn assignee(&self, wanted: &Assignee, agent: &Agent) -> Result<Option<Uuid>, Refused> {
        match wanted {
            Assignee::Me => Ok(Some(agent.id)),
            Assignee::Nobody => Ok(None),
            Assignee::Named(name) => named(&self.directory().agents, name).map(|agent| Some(agent.id)),
        }
    }

    /// Nobody is copied at an address of our own: mail would come back to us.
    fn not_ours(&self, addresses: Vec<String>) -> Result<Vec<String>, Refused> {
        let recipients = self.recipients();
        if addresses.iter().any(|address| recipients.is_ours(address)) {
            return Err(CommandRefusal::BadValue.into());
        }
        Ok(addresses)
    }

    async fn merge_target(
        &self,
        tx: &mut Tx,
        number: &TicketNumber,
        ticket: &Ticket,
    ) -> Result<Result<Uuid, Refused>> {
        let Some(found) = tx.ticket_by_number(number).await? else {
            return Ok(Err(CommandRefusal::NoSuchTicket.into()));
        };
        let target = self.lock_target(tx, found.id).await?;
        Ok(match target {
            None => Err(CommandRefusal::NoSuchTicket.into()),
            Some(target) if target.id == ticket.id => Err(CommandRefusal::SameTicket.into()),
            Some(target) if target.status == Status::Closed => Err(CommandRefusal::NotAllowed.into()),
            Some(target) => Ok(target.id),
        })
    }

    /// A reply template by its name, filled for this ticket.
    async fn answer(
        &self,
        tx: &mut Tx,
        name: &str,
        ticket: &Ticket,
        agent: &Agent,
    ) -> Result<Result<Answer, Refused>> {
        let filled = match self.reply_text(tx, name, ticket, agent).await {
            Ok(filled) => filled,
            Err(Error::NotFound(_)) => return Ok(Err(CommandRefusal::NoSuchTemplate.into())),
            Err(Error::Template(_)) => return Ok(Err(CommandRefusal::TemplateFails.into())),
            Err(error) => return Err(error),
        };
        let (text, html) = filled.body.rendered();
        Ok(Ok(Answer { template: filled.template_id, text, html, format: filled.body.format }))
    }

    /// Carries out what only changes the ticket's fields; the status, and the merge, come with or after what is said.
    pub(super) async fn apply(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        order: &Order,
        act: &Act,
    ) -> Result<()> {
        for step in &order.steps {
            match step {
                Step::Assign(to) => {
                    let given = self.give_to(tx, ticket, *to, act).await?;
                    given && self.notify_assigned(tx, ticket, &act.actor, None).await?.is_some()
                }
                Step::Priority(to) => self.set_priority(tx, ticket, *to, act).await?,
                Step::Category(to) => self.set_category(tx, ticket, *to, act).await?,
                Step::Tag(change) => self.change_tags(tx, ticket, change, act).await?,
                Step::Cc(addresses) => self.add_cc(tx, ticket, addresses, act).await?,
                Step::Snooze(until) => self.snooze(tx, ticket, *until, act).await?,
                Step::Spam => self.set_spam(tx, ticket, true, act).await?,
                Step::Note
                | Step::Status(_)
                | Step::Template(_)
                | Step::Merge(_)
                | Step::Help
                | Step::Send
                | Step::SendKept(_) => false,
            };
        }
        Ok(())
    }

    /// Merges the ticket when that was ordered.
    pub(super) async fn merge_as_ordered(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        order: &Order,
        act: &Act,
    ) -> Result<()> {
        let Some(target) = order.merges_into() else { return Ok(()) };
        self.merge(tx, ticket.id, target, act).await
    }

    /// Tells an agent what became of their commands, unless they got too many such mails of late.
    pub(super) async fn post_transcript(
        &self,
        tx: &mut Tx,
        agent: &Agent,
        ticket: &Ticket,
        response: Option<&Response>,
        result: Value,
    ) -> Result<()> {
        let template = NotificationTemplate::AgentCommandResult;
        let since = self.clock().now().plus_ms(-RecentMail::HOUR_MS);
        if tx.sent_of_late(&agent.email, template, since).await? >= MAX_TRANSCRIPTS_HOUR {
            return Ok(());
        }
        let notice = Notice { response, context: result, ..Notice::to_agent(template, Some(ticket), agent) };
        self.tell_agent(tx, notice).await.map(drop)
    }
}

/// `#close` of a closed ticket changes nothing; another status is an admin's to give.
fn allowed_status(ticket: &Ticket, to: Status, agent: &Agent) -> Result<Step, Refused> {
    if ticket.status.may_become(to, agent.role == "admin") {
        Ok(Step::Status(to))
    } else {
        Err(CommandRefusal::NotAllowed.into())
    }
}

/// The agent's newest reply that was kept back.
async fn kept_note(tx: &mut Tx, ticket: &Ticket, agent: &Agent) -> Result<Result<Response, Refused>> {
    let responses = tx.responses_of(ticket.id).await?;
    let is_kept = |response: &Response| {
        response.author_id == Some(agent.id)
            && response.visibility == Visibility::Internal
            && response.flags.iter().any(|flag| flag == KEPT_AS_NOTE)
    };
    let note = responses.into_iter().rev().find(is_kept);
    Ok(note.ok_or_else(|| CommandRefusal::NothingToSend.into()))
}

/// The one agent of this name: the whole name or address first, then first name or what stands before the `@`.
fn named<'a>(agents: &'a [Agent], name: &str) -> Result<&'a Agent, Refused> {
    let wanted = fold(name);
    let local = |agent: &Agent| fold(agent.email.split('@').next().unwrap_or_default());
    let whole = |agent: &&Agent| fold(&agent.name) == wanted || agent.email.eq_ignore_ascii_case(name.trim());
    let part = |agent: &&Agent| {
        local(agent) == wanted
            || agent.name.split_whitespace().next().is_some_and(|first| fold(first) == wanted)
    };
    for found in [agents.iter().filter(whole).collect::<Vec<_>>(), agents.iter().filter(part).collect()] {
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            several => {
                let near = several.iter().map(|agent| agent.email.clone()).take(MAX_NEAR);
                return Err(Refused { why: CommandRefusal::AmbiguousAgent, near: near.collect() });
            }
        }
    }
    let close = |agent: &&Agent| {
        let first = agent.name.split_whitespace().next().unwrap_or_default();
        [fold(first), fold(&agent.name), local(agent)]
            .iter()
            .any(|known| strsim::jaro_winkler(known, &wanted) > 0.85)
    };
    let near = agents.iter().filter(close).map(|agent| agent.name.clone()).take(MAX_NEAR).collect();
    Err(Refused { why: CommandRefusal::NoSuchAgent, near })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(name: &str, email: &str) -> Agent {
        Agent {
            id: Uuid::from_u128(email.len() as u128),
            name: name.into(),
            email: email.into(),
            role: "agent".into(),
            signature: None,
            locale: None,
            timezone: None,
            is_active: true,
            notifications: Default::default(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        }
    }

    #[test]
    fn a_name_means_one_agent_or_nobody() {
        use CommandRefusal::{AmbiguousAgent, NoSuchAgent};
        let agents = [
            agent("Ada Lovelace", "ada@desk.example"),
            agent("Ada Byron", "byron@desk.example"),
            agent("Jürgen Groß", "juergen@desk.example"),
            agent("Bo", "bo.b@desk.example"),
        ];
        for (name, want) in [
            ("ada lovelace", Ok("ada@desk.example")),
            ("BYRON", Ok("byron@desk.example")),
            ("ada", Err((AmbiguousAgent, vec!["ada@desk.example", "byron@desk.example"]))),
            ("ADA@desk.example", Ok("ada@desk.example")),
            ("jurgen", Ok("juergen@desk.example")),
            ("bo", Ok("bo.b@desk.example")),
            ("byrom", Err((NoSuchAgent, vec!["Ada Byron"]))),
            ("zoe", Err((NoSuchAgent, vec![]))),
        ] {
            let got = named(&agents, name).map(|agent| agent.email.as_str());
            let want = want.map_err(|(why, near): (_, Vec<&str>)| Refused {
                why,
                near: near.into_iter().map(str::to_owned).collect(),
            });
            assert_eq!(got, want, "{name}");
        }
    }
}
