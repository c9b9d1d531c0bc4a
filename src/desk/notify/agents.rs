//! What agents are told: what others did, at once, and bursts in one mail.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{CustomerMessage, Desk, HOUR_MS, Notice, Result};
use crate::model::told::{Happening, agent_gets, agents_told, named_in, told_at};
use crate::model::wishes::may_be_switched_off;
use crate::model::{
    Actor, Agent, Audience, NotificationTemplate, OutboxEntry, RecentMail, Response, Ticket, Timestamp,
};
use crate::store::Tx;

/// A minute, in milliseconds.
const MINUTE_MS: i64 = 60_000;
/// Most messages told in one mail.
const MAX_BUNDLED: usize = 20;

/// What a mail to an agent tells.
#[derive(Clone, Copy)]
struct Telling<'a> {
    template: NotificationTemplate,
    ticket: &'a Ticket,
    response: &'a Response,
}

impl Desk {
    /// A ticket was opened: tells everybody while it is nobody's, else the one whose it is.
    pub(super) async fn tell_agents_of_opening(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
    ) -> Result<Vec<OutboxEntry>> {
        let happening = Happening::Opened;
        self.tell_agents(tx, happening, event.ticket, event.message, event.notify).await
    }

    /// A customer wrote on a ticket.
    pub(super) async fn tell_agents_of_message(
        &self,
        tx: &mut Tx,
        event: CustomerMessage<'_>,
    ) -> Result<Vec<OutboxEntry>> {
        let happening = Happening::CustomerWrote { reopened: event.reopened };
        self.tell_agents(tx, happening, event.ticket, event.message, event.notify).await
    }

    /// A note was left: tells those it names, the assignee, and the agents who wrote on the ticket before.
    pub(in crate::desk) async fn notify_note(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        note: &Response,
        notify: Option<bool>,
    ) -> Result<Vec<OutboxEntry>> {
        let named = named_in(&note.body_text, &self.directory().agents);
        let taking_part = tx.agents_who_wrote(ticket.id).await?;
        let happening = Happening::NoteWritten { named: &named, taking_part: &taking_part };
        self.tell_agents(tx, happening, ticket, note, notify).await
    }

    /// The ticket was given to somebody: tells them, unless they took it themselves. Call it before a response that
    /// goes with it is filed: the mail shows the newest message there was.
    pub(in crate::desk) async fn notify_assigned(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        by: &Actor,
        notify: Option<bool>,
    ) -> Result<Option<OutboxEntry>> {
        let template = NotificationTemplate::AgentAssigned;
        let response = tx.last_public_response(ticket.id).await?;
        let context = json!({ "by": by.name });
        self.tell_assignee(tx, template, ticket, response.as_ref(), (by.id, notify), context).await
    }

    /// The ticket is open again by itself: tells whose it is.
    pub(in crate::desk) async fn notify_woken(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
    ) -> Result<Option<OutboxEntry>> {
        let response = tx.last_public_response(ticket.id).await?;
        let template = NotificationTemplate::AgentReopened;
        // They asked to be reminded, so the switch for customers' mails does not keep it from them.
        self.tell_assignee(tx, template, ticket, response.as_ref(), (None, Some(true)), json!({})).await
    }

    /// A reply did not arrive: tells who wrote it, or else the assignee, or everybody. `context` says why.
    pub(in crate::desk) async fn notify_delivery_failed(
        &self,
        tx: &mut Tx,
        ticket: &Ticket,
        failed: &OutboxEntry,
        context: Value,
    ) -> Result<Vec<OutboxEntry>> {
        let template = NotificationTemplate::AgentDeliveryFailed;
        let response = match failed.response_id {
            Some(id) => tx.response(id).await?,
            None => None,
        };
        let directory = self.directory();
        let author = response.as_ref().and_then(|response| response.author_id);
        let author = author.filter(|id| directory.agents.iter().any(|agent| agent.id == *id));
        let whose = author.or(ticket.assignee_id);
        let mut entries = Vec::new();
        for (agent, _) in agents_told(&directory.agents, Happening::NotDelivered, whose, None) {
            if agent_gets(agent, template, None, |kind| self.is_on(kind)).is_some() {
                let notice = Notice::to_agent(template, Some(ticket), agent);
                let notice = Notice { response: response.as_ref(), context: context.clone(), ..notice };
                entries.extend(self.tell_agent(tx, notice).await?);
            }
        }
        Ok(entries)
    }

    async fn tell_assignee(
        &self,
        tx: &mut Tx,
        template: NotificationTemplate,
        ticket: &Ticket,
        response: Option<&Response>,
        (by, notify): (Option<Uuid>, Option<bool>),
        context: Value,
    ) -> Result<Option<OutboxEntry>> {
        let directory = self.directory();
        let assignee = directory.agents.iter().find(|agent| Some(agent.id) == ticket.assignee_id);
        let Some(agent) = assignee.filter(|agent| by != Some(agent.id)) else { return Ok(None) };
        if agent_gets(agent, template, notify, |kind| self.is_on(kind)) != Some(template) {
            return Ok(None);
        }
        let notice = Notice { response, context, ..Notice::to_agent(template, Some(ticket), agent) };
        self.tell_agent(tx, notice).await
    }

    async fn tell_agents(
        &self,
        tx: &mut Tx,
        happening: Happening<'_>,
        ticket: &Ticket,
        response: &Response,
        notify: Option<bool>,
    ) -> Result<Vec<OutboxEntry>> {
        if ticket.is_spam {
            return Ok(Vec::new());
        }
        let directory = self.directory();
        let by_address = response.author_email.as_deref().and_then(|email| directory.agent_by_address(email));
        let author = by_address.map(|agent| agent.id).or(response.author_id);
        let mut entries = Vec::new();
        for (agent, kind) in agents_told(&directory.agents, happening, ticket.assignee_id, author) {
            let Some(template) = agent_gets(agent, kind, notify, |kind| self.is_on(kind)) else { continue };
            let telling = Telling { template, ticket, response };
            entries.extend(self.tell_soon(tx, telling, agent).await?);
        }
        Ok(entries)
    }

    /// At once; what comes in bursts joins a mail that waits, or begins one.
    async fn tell_soon(
        &self,
        tx: &mut Tx,
        telling: Telling<'_>,
        agent: &Agent,
    ) -> Result<Option<OutboxEntry>> {
        let Telling { template, ticket, response } = telling;
        let mut due = Timestamp(0);
        if template.comes_in_bursts() {
            if let Some(joined) = self.join(tx, telling, agent).await? {
                return Ok(Some(joined));
            }
            due = self.burst_ends(tx, telling, agent).await?;
        }
        let response = Some(response);
        self.tell_agent(tx, Notice { response, due, ..Notice::to_agent(template, Some(ticket), agent) }).await
    }

    /// Adds the response to a mail of its kind that has not left. The row is locked meanwhile: a worker that takes it
    /// first sends it without, and there is none to join.
    async fn join(&self, tx: &mut Tx, telling: Telling<'_>, agent: &Agent) -> Result<Option<OutboxEntry>> {
        let Telling { template, ticket, response } = telling;
        let Some(mut waiting) = tx.lock_waiting_mail(ticket.id, &agent.email, template).await? else {
            return Ok(None);
        };
        let more = waiting.context.get("more").and_then(Value::as_array).cloned().unwrap_or_default();
        if more.len() + 1 >= MAX_BUNDLED {
            return Ok(None);
        }
        waiting.context["more"] = more.into_iter().chain([json!(response.id)]).collect();
        tx.set_outbox_context(waiting.id, &waiting.context).await?;
        Ok(Some(waiting))
    }

    async fn burst_ends(&self, tx: &mut Tx, telling: Telling<'_>, agent: &Agent) -> Result<Timestamp> {
        let Telling { template, ticket, .. } = telling;
        let now = self.clock().now();
        let since = now.plus_ms(-HOUR_MS);
        let last = tx.last_told(ticket.id, &agent.email, template, since).await?;
        let minutes =
            agent.notifications.bundle_minutes.unwrap_or(self.config().notifications.bundle_minutes);
        Ok(told_at(now, last, ticket.last_agent_message_at, i64::from(minutes) * MINUTE_MS))
    }

    /// A mail to an agent, unless there were too many today. Whether they want it is its caller's question; what they
    /// can't switch off, the settings can.
    pub(in crate::desk) async fn tell_agent(
        &self,
        tx: &mut Tx,
        notice: Notice<'_>,
    ) -> Result<Option<OutboxEntry>> {
        let needed = notice.template.audience() == Audience::Agent && !may_be_switched_off(notice.template);
        if self.recipients().is_ours(notice.to) || needed && !self.is_on(notice.template) {
            return Ok(None);
        }
        let most = self.config().notifications.max_per_agent_day;
        let day_ago = self.clock().now().plus_ms(-RecentMail::DAY_MS);
        let around = tx.mails_around_cap(notice.to, most.into()).await?;
        match around.iter().filter(|at| **at > day_ago).count() {
            2 => return Ok(None),
            1 => {
                tracing::warn!(most, "an agent gets no more mail for a day: notifications.max_per_agent_day")
            }
            _ => {}
        }
        self.post(tx, notice).await.map(Some)
    }
}
