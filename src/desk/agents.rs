//! Those who answer: made, changed, and sent home.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::changes::Act;
use super::reading::{Page, PageOf, cut};
use super::writing::{Answered, Deed, Ending, check_version};
use super::{Caller, Desk, Error, Result};
use crate::model::{Agent, Timestamp, Wishes};
use crate::store::Tx;

/// An agent, with what hangs on them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentView {
    /// The agent.
    pub agent: Agent,
    /// Further addresses they write from, lower case.
    pub alternate_emails: Vec<String>,
    /// The teams they are in.
    pub team_ids: Vec<Uuid>,
}

/// What an agent shall be (API.md §3.6). `None` leaves a thing as it is; `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub struct AgentRequest {
    pub name: Option<String>,
    /// Lower case.
    pub email: Option<String>,
    /// Lower case.
    pub alternate_emails: Option<Vec<String>>,
    pub role: Option<String>,
    pub signature: Option<Option<String>>,
    pub locale: Option<Option<String>>,
    pub timezone: Option<Option<String>>,
    /// A merge patch.
    pub notifications: Map<String, Value>,
    pub team_ids: Option<Vec<Uuid>>,
    pub is_active: Option<bool>,
}

impl Desk {
    /// A page of the agents, by name; those who left too, unless `active` says.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_agents(&self, active: Option<bool>, page: &PageOf) -> Result<Page<AgentView>> {
        let mut tx = self.store().read().await?;
        let rows = tx.list_agents(active, &page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_agents(active).await?) } else { None };
        let Page { rows, has_next, has_previous, total } = cut(rows, page, total);
        Ok(Page { rows: view(&mut tx, rows).await?, has_next, has_previous, total })
    }

    /// An agent, whether they work here or not.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn agent(&self, id: Uuid) -> Result<AgentView> {
        let mut tx = self.store().read().await?;
        let agent = tx.agent(id).await?.ok_or(Error::NotFound("agent"))?;
        view_one(&mut tx, agent).await
    }

    /// Takes somebody on.
    ///
    /// # Errors
    /// [`Error::Duplicate`] for an address that is an agent's or a mailbox's; [`Error::Invalid`] for one that the desk
    /// itself answers to, a team that is not there, or a wish that can't be had; the store's.
    pub async fn create_agent(
        &self,
        request: AgentRequest,
        caller: &Caller,
        ending: Ending<'_, AgentView>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let at = self.clock().now();
        let agent = request.over(nobody(self.ids().uuid(at), at))?;
        let further = self.free_addresses(&mut tx, &agent, &[], request.alternate_emails).await?;
        if !tx.insert_agent(&agent).await? {
            return Err(Error::Duplicate { what: "email", existing: None });
        }
        tx.set_agent_addresses(agent.id, &further).await?;
        put_into_teams(&mut tx, agent.id, request.team_ids).await?;
        let deed = Deed { by: Some(caller), what: "agent.created", id: agent.id };
        self.conclude_agent(tx, &ending, agent, deed).await
    }

    /// Changes an agent. One who leaves (`is_active = false`) loses their tokens for good, and the tickets that are
    /// still to be answered.
    ///
    /// # Errors
    /// As [`Desk::create_agent`]; [`Error::NotFound`], [`Error::VersionMismatch`]; [`Error::InvalidState`] for a caller
    /// who sends themselves home.
    pub async fn change_agent(
        &self,
        id: Uuid,
        request: AgentRequest,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, AgentView>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let before = tx.lock_any_agent(id).await?.ok_or(Error::NotFound("agent"))?;
        check_version(before.version, version)?;
        let mut agent = request.over(before.clone())?;
        (agent.updated_at, agent.version) = (self.clock().now(), before.version + 1);
        let AgentView { alternate_emails: further, .. } = view_one(&mut tx, before.clone()).await?;
        if agent.email != before.email || request.alternate_emails.is_some() {
            let own: Vec<_> = further.iter().cloned().chain([before.email]).collect();
            let wanted = Some(request.alternate_emails.unwrap_or(further));
            let further = self.free_addresses(&mut tx, &agent, &own, wanted).await?;
            tx.set_agent_addresses(id, &further).await?;
        }
        tx.update_agent(&agent).await?;
        put_into_teams(&mut tx, id, request.team_ids).await?;
        if before.is_active && !agent.is_active {
            self.send_home(&mut tx, &agent, caller).await?;
        }
        let what = if agent.is_active { "agent.changed" } else { "agent.deactivated" };
        self.conclude_agent(tx, &ending, agent, Deed { by: Some(caller), what, id }).await
    }

    /// Nothing that opens the desk is theirs any more, and nobody waits for an answer of theirs. What they ended keeps
    /// their name.
    async fn send_home(&self, tx: &mut Tx, agent: &Agent, caller: &Caller) -> Result<()> {
        if caller.agent.as_ref().is_some_and(|own| own.id == agent.id) {
            return Err(Error::InvalidState("this is you: another admin can do it"));
        }
        tx.revoke_tokens_of(agent.id, agent.updated_at).await?;
        let act = Act::by_api(caller.actor(), agent.updated_at);
        for ticket in tx.open_tickets_of(agent.id).await? {
            let Some(mut ticket) = tx.lock_ticket(ticket).await? else { continue };
            if self.give_to(tx, &mut ticket, None, &act).await? {
                self.write_down(tx, &mut ticket, &act).await?;
            }
        }
        Ok(())
    }

    /// The further addresses an agent wants, when nobody else has any of them or their first one. `own`: what they have.
    async fn free_addresses(
        &self,
        tx: &mut Tx,
        agent: &Agent,
        own: &[String],
        wanted: Option<Vec<String>>,
    ) -> Result<Vec<String>> {
        let mut further = wanted.unwrap_or_default();
        further.retain(|address| *address != agent.email);
        tx.serialise_addresses().await?;
        let all = [("/email", &agent.email)].into_iter();
        let all = all.chain(further.iter().map(|address| ("/alternate_emails", address)));
        for (pointer, address) in all.filter(|(_, address)| !own.contains(address)) {
            if let Some(holder) = tx.holder_of_address(address).await?.filter(|holder| *holder != agent.id) {
                let what = pointer.trim_start_matches('/');
                return Err(Error::Duplicate { what, existing: Some(holder.to_string()) });
            }
            if self.recipients().is_ours(address) {
                let detail = format!("{address} is an address of the desk itself");
                return Err(Error::Invalid { pointer, code: "not_allowed", detail });
            }
        }
        Ok(further)
    }

    /// Every door knows at once: here by the directory, on other nodes when they read theirs again.
    async fn conclude_agent(
        &self,
        mut tx: Tx,
        ending: &Ending<'_, AgentView>,
        agent: Agent,
        deed: Deed<'_>,
    ) -> Result<Answered> {
        let view = view_one(&mut tx, agent).await?;
        let answered = self.conclude_deed(tx, ending, &view, deed).await?;
        if !ending.dry_run {
            self.doubt_callers(|caller| caller.token.agent_id == Some(view.agent.id));
            self.reload_directory().await?;
        }
        Ok(answered)
    }
}

impl AgentRequest {
    /// An agent with these in the place of their own.
    fn over(&self, base: Agent) -> Result<Agent> {
        let notifications = base.notifications.patched(&self.notifications).map_err(|wrong| {
            let wrong = wrong.into_iter().next().expect("there is one at least");
            let detail = format!("{}: {}", wrong.key, wrong.detail);
            Error::Invalid { pointer: "/notifications", code: wrong.code, detail }
        })?;
        Ok(Agent {
            name: self.name.clone().unwrap_or(base.name),
            email: self.email.clone().unwrap_or(base.email),
            role: self.role.clone().unwrap_or(base.role),
            signature: self.signature.clone().unwrap_or(base.signature),
            locale: self.locale.clone().unwrap_or(base.locale),
            timezone: self.timezone.clone().unwrap_or(base.timezone),
            is_active: self.is_active.unwrap_or(base.is_active),
            notifications,
            ..base
        })
    }
}

/// An agent of whom nothing is known yet.
pub(super) fn nobody(id: Uuid, at: Timestamp) -> Agent {
    Agent {
        id,
        name: String::new(),
        email: String::new(),
        role: "agent".into(),
        signature: None,
        locale: None,
        timezone: None,
        notifications: Wishes::default(),
        is_active: true,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

async fn put_into_teams(tx: &mut Tx, agent: Uuid, wanted: Option<Vec<Uuid>>) -> Result<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let known = tx.teams_of(wanted.iter().copied()).await?;
    if let Some(stranger) = wanted.iter().find(|id| known.iter().all(|team| team.id != **id)) {
        let detail = format!("no team has the id {stranger}");
        return Err(Error::Invalid { pointer: "/team_ids", code: "not_found", detail });
    }
    Ok(tx.set_teams_of_agent(agent, &wanted).await?)
}

async fn view_one(tx: &mut Tx, agent: Agent) -> Result<AgentView> {
    let mut views = view(tx, vec![agent]).await?;
    views.pop().ok_or(Error::NotFound("agent"))
}

/// What hangs on a page of agents, in two statements.
async fn view(tx: &mut Tx, agents: Vec<Agent>) -> Result<Vec<AgentView>> {
    if agents.is_empty() {
        return Ok(Vec::new());
    }
    let addresses = tx.addresses_of_agents(agents.iter().map(|agent| agent.id)).await?;
    let teams = tx.teams_of_agents(agents.iter().map(|agent| agent.id)).await?;
    let view = |agent: Agent| AgentView {
        alternate_emails: addresses
            .iter()
            .filter(|(_, of)| *of == agent.id)
            .map(|(a, _)| a.clone())
            .collect(),
        team_ids: teams.iter().filter(|(of, _)| *of == agent.id).map(|(_, team)| *team).collect(),
        agent,
    };
    Ok(agents.into_iter().map(view).collect())
}
