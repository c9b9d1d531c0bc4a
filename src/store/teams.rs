//! Teams and who is in them.

use uuid::Uuid;

use super::paging::add_by_name;
use super::query::Start;
use super::select::Select;
use super::value::args;
use super::{Result, Tx};
use crate::model::{Team, Timestamp};

impl Tx {
    /// A team.
    pub async fn team(&mut self, id: Uuid) -> Result<Option<Team>> {
        self.one(include_str!("sql/teams/get.sql"), args![id]).await
    }

    /// A team, held until the transaction ends.
    pub async fn lock_team(&mut self, id: Uuid) -> Result<Option<Team>> {
        let sql =
            self.pick(include_str!("sql/teams/lock.sqlite.sql"), include_str!("sql/teams/lock.postgres.sql"));
        self.one(sql, args![id]).await
    }

    /// Teams by id.
    pub async fn teams_of(&mut self, ids: impl IntoIterator<Item = Uuid>) -> Result<Vec<Team>> {
        let mut select = Select::new("SELECT * FROM teams WHERE id IN ");
        select.bind_all(ids);
        select.all(self).await
    }

    /// Which team has a name, in whatever case.
    pub async fn team_of_name(&mut self, name: &str) -> Result<Option<Uuid>> {
        self.field(include_str!("sql/teams/by_name.sql"), args![name]).await
    }

    /// A page of teams by name; in reverse when it ends before a row.
    pub async fn list_teams(&mut self, start: &Start, limit: i64) -> Result<Vec<Team>> {
        let mut select = Select::new("SELECT * FROM teams WHERE TRUE");
        add_by_name(&mut select, self, start, limit);
        select.all(self).await
    }

    /// How many teams there are.
    pub async fn count_teams(&mut self) -> Result<i64> {
        let row: Option<(i64,)> = Select::new("SELECT COUNT(*) FROM teams").optional(self).await?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// Who is in these teams: team and agent.
    pub async fn members_of_teams(
        &mut self,
        teams: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<(Uuid, Uuid)>> {
        let mut select = Select::new("SELECT team_id, agent_id FROM team_members WHERE team_id IN ");
        select.bind_all(teams).sql(" ORDER BY team_id, agent_id");
        select.all(self).await
    }

    /// Which teams these agents are in: agent and team.
    pub async fn teams_of_agents(
        &mut self,
        agents: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<(Uuid, Uuid)>> {
        let mut select = Select::new("SELECT agent_id, team_id FROM team_members WHERE agent_id IN ");
        select.bind_all(agents).sql(" ORDER BY agent_id, team_id");
        select.all(self).await
    }

    /// Adds a team.
    ///
    /// # Errors
    /// [`super::Error::Conflict`] when another has the name.
    pub async fn insert_team(&mut self, team: &Team) -> Result<()> {
        self.run(
            include_str!("sql/teams/insert.sql"),
            args![team.id, &team.name, team.created_at, team.updated_at, team.version],
        )
        .await
        .map(drop)
    }

    /// Writes what may change of a team.
    ///
    /// # Errors
    /// [`super::Error::Conflict`] when another has the name.
    pub async fn update_team(&mut self, team: &Team) -> Result<()> {
        self.run(
            include_str!("sql/teams/update.sql"),
            args![team.id, &team.name, team.updated_at, team.version],
        )
        .await
        .map(drop)
    }

    /// Puts exactly these agents into a team.
    pub async fn set_team_members(&mut self, team: Uuid, agents: &[Uuid]) -> Result<()> {
        self.run(include_str!("sql/teams/remove_members.sql"), args![team]).await?;
        for agent in agents {
            self.run(include_str!("sql/teams/add_member.sql"), args![team, agent]).await?;
        }
        Ok(())
    }

    /// Puts an agent into exactly these teams.
    pub async fn set_teams_of_agent(&mut self, agent: Uuid, teams: &[Uuid]) -> Result<()> {
        self.run(include_str!("sql/teams/leave_all.sql"), args![agent]).await?;
        for team in teams {
            self.run(include_str!("sql/teams/add_member.sql"), args![team, agent]).await?;
        }
        Ok(())
    }

    /// The first tickets of a team, in the bin or not.
    pub async fn tickets_of_team(&mut self, team: Uuid, limit: i64) -> Result<Vec<Uuid>> {
        self.fields(include_str!("sql/teams/tickets.sql"), args![team, limit]).await
    }

    /// How many templates are a team's own.
    pub async fn templates_of_team(&mut self, team: Uuid) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/teams/templates.sql"), args![team]).await?;
        Ok(count)
    }

    /// Takes a team away that no ticket and no template names. Its mailboxes are nobody's from now on.
    pub async fn delete_team(&mut self, team: Uuid, at: Timestamp) -> Result<()> {
        self.run(include_str!("sql/teams/leave_mailboxes.sql"), args![team, at]).await?;
        self.run(include_str!("sql/teams/remove_members.sql"), args![team]).await?;
        self.run(include_str!("sql/teams/delete.sql"), args![team]).await.map(drop)
    }
}
