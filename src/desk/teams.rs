//! Teams: agents who share work. Tickets, mailboxes and templates may be a team's.

use std::collections::HashMap;

use uuid::Uuid;

use super::changes::Act;
use super::reading::{Page, PageOf, cut};
use super::writing::{Answered, Deed, Ending, check_version};
use super::{Caller, Desk, Error, Result};
use crate::model::Team;
use crate::store::Tx;

/// Most tickets that a team may have when it is taken away: each gets its line in the audit trail, in one transaction.
const MOST_TICKETS: i64 = 1_000;

/// A team, and who is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamView {
    /// The team.
    pub team: Team,
    /// Agents, in the order of their ids.
    pub member_ids: Vec<Uuid>,
}

/// What a team shall be; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRequest {
    /// Unique, in whatever case. A new team has one.
    pub name: Option<String>,
    /// Agents. A new team has nobody without.
    pub member_ids: Option<Vec<Uuid>>,
}

impl Desk {
    /// A page of the teams, by name.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_teams(&self, page: &PageOf) -> Result<Page<TeamView>> {
        let mut tx = self.store().read().await?;
        let rows = tx.list_teams(&page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_teams().await?) } else { None };
        let Page { rows, has_next, has_previous, total } = cut(rows, page, total);
        let mut members: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        for (team, agent) in tx.members_of_teams(rows.iter().map(|team| team.id)).await? {
            members.entry(team).or_default().push(agent);
        }
        let view = |team: Team| TeamView { member_ids: members.remove(&team.id).unwrap_or_default(), team };
        Ok(Page { rows: rows.into_iter().map(view).collect(), has_next, has_previous, total })
    }

    /// Makes a team.
    ///
    /// # Errors
    /// [`Error::Duplicate`] for a name that is taken, [`Error::Invalid`] for a member who is nobody; the store's.
    pub async fn create_team(
        &self,
        request: TeamRequest,
        caller: &Caller,
        ending: Ending<'_, TeamView>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let at = self.clock().now();
        let name = request.name.unwrap_or_default();
        let team = Team { id: self.ids().uuid(at), name, created_at: at, updated_at: at, version: 1 };
        check_name(&mut tx, &team).await?;
        tx.insert_team(&team).await?;
        let view = with_members(&mut tx, team, request.member_ids).await?;
        let deed = Deed { by: Some(caller), what: "team.created", id: view.team.id };
        self.conclude_deed(tx, &ending, &view, deed).await
    }

    /// Names a team anew, or says who is in it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`], [`Error::Duplicate`] for a name that is taken, [`Error::Invalid`]
    /// for a member who is nobody; the store's.
    pub async fn change_team(
        &self,
        id: Uuid,
        request: TeamRequest,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, TeamView>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let team = tx.lock_team(id).await?.ok_or(Error::NotFound("team"))?;
        check_version(team.version, version)?;
        let name = request.name.unwrap_or(team.name);
        let (updated_at, version) = (self.clock().now(), team.version + 1);
        let team = Team { name, updated_at, version, ..team };
        check_name(&mut tx, &team).await?;
        tx.update_team(&team).await?;
        let view = with_members(&mut tx, team, request.member_ids).await?;
        let deed = Deed { by: Some(caller), what: "team.changed", id };
        self.conclude_deed(tx, &ending, &view, deed).await
    }

    /// Takes a team away. Its tickets lose it, with a line in the trail of each; its mailboxes too.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; [`Error::InvalidState`] while it has too many tickets for one
    /// transaction, or templates of its own, which would be everybody's; the store's.
    pub async fn delete_team(
        &self,
        id: Uuid,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, ()>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let team = tx.lock_team(id).await?.ok_or(Error::NotFound("team"))?;
        check_version(team.version, version)?;
        if tx.templates_of_team(id).await? > 0 {
            return Err(Error::InvalidState(
                "it has templates of its own; give them to another team, or to all",
            ));
        }
        let tickets = tx.tickets_of_team(id, MOST_TICKETS + 1).await?;
        if tickets.len() > usize::try_from(MOST_TICKETS).unwrap_or(usize::MAX) {
            return Err(Error::InvalidState(
                "it has more than 1000 tickets; give them to another team first",
            ));
        }
        let act = Act::by_api(caller.actor(), self.clock().now());
        for ticket in tickets {
            let Some(mut ticket) = tx.lock_ticket(ticket).await? else { continue };
            self.give_to_team(&mut tx, &mut ticket, None, &act).await?;
            self.write_down(&mut tx, &mut ticket, &act).await?;
        }
        tx.delete_team(id, act.at).await?;
        let answered =
            self.conclude_deed(tx, &ending, &(), Deed { by: Some(caller), what: "team.deleted", id }).await?;
        self.reload_directory().await?;
        Ok(answered)
    }
}

/// A team that a ticket is given to must be there.
pub(super) async fn check_team(tx: &mut Tx, id: Option<Uuid>) -> Result<()> {
    let Some(id) = id else { return Ok(()) };
    let detail = || "no team has this id".into();
    let unknown = || Error::Invalid { pointer: "/team_id", code: "not_found", detail: detail() };
    tx.team(id).await?.map(drop).ok_or_else(unknown)
}

async fn check_name(tx: &mut Tx, team: &Team) -> Result<()> {
    match tx.team_of_name(&team.name).await? {
        Some(other) if other != team.id => {
            Err(Error::Duplicate { what: "name", existing: Some(other.to_string()) })
        }
        _ => Ok(()),
    }
}

/// Puts these agents into the team, when any are named, and shows who is in it.
async fn with_members(tx: &mut Tx, team: Team, wanted: Option<Vec<Uuid>>) -> Result<TeamView> {
    if let Some(wanted) = wanted {
        let known = tx.agents_of(wanted.iter().copied()).await?;
        if let Some(stranger) = wanted.iter().find(|id| known.iter().all(|agent| agent.id != **id)) {
            let detail = format!("no agent has the id {stranger}");
            return Err(Error::Invalid { pointer: "/member_ids", code: "not_found", detail });
        }
        tx.set_team_members(team.id, &wanted).await?;
    }
    let members = tx.members_of_teams([team.id]).await?;
    Ok(TeamView { team, member_ids: members.into_iter().map(|(_, agent)| agent).collect() })
}
