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
