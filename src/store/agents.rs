//! Those who answer.

use uuid::Uuid;

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
