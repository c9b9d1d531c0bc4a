//! Those who answer.

use uuid::Uuid;

use super::paging::add_by_name;
use super::query::Start;
use super::select::Select;
use super::value::{args, json};
use super::{Result, Tx};
use crate::model::Agent;

impl Tx {
    /// Agents who work here, oldest first.
    pub async fn active_agents(&mut self) -> Result<Vec<Agent>> {
        self.all(include_str!("sql/agents/active.sql"), args![]).await
    }

    /// Further addresses agents write from, lower case.
    pub async fn agent_addresses(&mut self) -> Result<Vec<(String, Uuid)>> {
        self.all(include_str!("sql/agents/addresses.sql"), args![]).await
    }

    /// An agent, whether they work here or not.
    pub async fn agent(&mut self, id: Uuid) -> Result<Option<Agent>> {
        self.one(include_str!("sql/agents/get.sql"), args![id]).await
    }

    /// The same, held until the transaction ends.
    pub async fn lock_any_agent(&mut self, id: Uuid) -> Result<Option<Agent>> {
        let sql = self.pick(
            include_str!("sql/agents/lock_any.sqlite.sql"),
            include_str!("sql/agents/lock_any.postgres.sql"),
        );
        self.one(sql, args![id]).await
    }

    /// A page of agents by name, those who left among them unless `active` says; in reverse when it ends before a row.
    pub async fn list_agents(
        &mut self,
        active: Option<bool>,
        start: &Start,
        limit: i64,
    ) -> Result<Vec<Agent>> {
        let mut select = Select::new("SELECT * FROM agents WHERE TRUE");
        add_active(&mut select, active);
        add_by_name(&mut select, self, start, limit);
        select.all(self).await
    }

    /// How many agents there are.
    pub async fn count_agents(&mut self, active: Option<bool>) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM agents WHERE TRUE");
        add_active(&mut select, active);
        let row: Option<(i64,)> = select.optional(self).await?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// Further addresses these agents write from: address and agent.
    pub async fn addresses_of_agents(
        &mut self,
        agents: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<(String, Uuid)>> {
        let mut select = Select::new("SELECT address, agent_id FROM agent_emails WHERE agent_id IN ");
        select.bind_all(agents).sql(" ORDER BY address");
        select.all(self).await
    }

    /// Which agent or mailbox has an address (lower case).
    pub async fn holder_of_address(&mut self, address: &str) -> Result<Option<Uuid>> {
        self.field(include_str!("sql/agents/address_of.sql"), args![address]).await
    }

    /// Whoever gives addresses to agents and mailboxes waits here for others who do, until they end; on SQLite there is
    /// one writer.
    pub async fn serialise_addresses(&mut self) -> Result<()> {
        if self.is_postgres() {
            self.run(include_str!("sql/outbox/serialise.postgres.sql"), args!["addresses"]).await?;
        }
        Ok(())
    }

    /// Tickets of an agent that are neither resolved nor closed, the oldest first.
    pub async fn open_tickets_of(&mut self, agent: Uuid) -> Result<Vec<Uuid>> {
        self.fields(include_str!("sql/agents/open_tickets.sql"), args![agent]).await
    }

    /// Writes everything of an agent but their further addresses.
    pub async fn update_agent(&mut self, agent: &Agent) -> Result<()> {
        self.run(
            include_str!("sql/agents/update.sql"),
            args![
                agent.id,
                &agent.name,
                &agent.email,
                &agent.role,
                &agent.signature,
                &agent.locale,
                &agent.timezone,
                json(&agent.notifications),
                agent.is_active,
                agent.updated_at,
                agent.version
            ],
        )
        .await
        .map(drop)
    }

    /// Gives an agent exactly these further addresses.
    pub async fn set_agent_addresses(&mut self, agent: Uuid, addresses: &[String]) -> Result<()> {
        self.run(include_str!("sql/agents/remove_addresses.sql"), args![agent]).await?;
        for address in addresses {
            self.insert_agent_address(address, agent).await?;
        }
        Ok(())
    }

    /// Notes that something of the settings was made; `false` when it was before.
    pub async fn note_made(&mut self, what: &str) -> Result<bool> {
        Ok(self.run(include_str!("sql/facts/note.sql"), args![what]).await? == 1)
    }

    /// An agent who works here, held until the transaction ends.
    pub async fn lock_agent(&mut self, id: Uuid) -> Result<Option<Agent>> {
        let sql = self
            .pick(include_str!("sql/agents/lock.sqlite.sql"), include_str!("sql/agents/lock.postgres.sql"));
        self.one(sql, args![id]).await
    }

    /// Writes what an agent wishes to be told.
    pub async fn set_agent_wishes(&mut self, agent: &Agent) -> Result<()> {
        let sql = include_str!("sql/agents/wish.sql");
        let wishes = json(&agent.notifications);
        self.run(sql, args![agent.id, wishes, agent.updated_at, agent.version]).await.map(drop)
    }

    /// One more address an agent writes from; `false` when somebody has it.
    pub async fn insert_agent_address(&mut self, address: &str, agent: Uuid) -> Result<bool> {
        Ok(self.run(include_str!("sql/agents/insert_address.sql"), args![address, agent]).await? == 1)
    }

    /// Adds an agent; `false` when the address is taken.
    pub async fn insert_agent(&mut self, agent: &Agent) -> Result<bool> {
        let rows = self
            .run(
                include_str!("sql/agents/insert.sql"),
                args![
                    agent.id,
                    &agent.name,
                    &agent.email,
                    &agent.role,
                    &agent.signature,
                    &agent.locale,
                    &agent.timezone,
                    json(&agent.notifications),
                    agent.is_active,
                    agent.created_at,
                    agent.updated_at,
                    agent.version
                ],
            )
            .await?;
        Ok(rows == 1)
    }
}

fn add_active(select: &mut Select, active: Option<bool>) {
    if let Some(active) = active {
        select.sql(" AND is_active = ").bind(active);
    }
}
