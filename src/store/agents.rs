//! Those who answer.

use uuid::Uuid;

use super::{Result, Tx, on};
use crate::model::Agent;

impl Tx {
    /// Agents who work here, oldest first.
    pub async fn active_agents(&mut self) -> Result<Vec<Agent>> {
        Ok(on!(self, c => sqlx::query_as(include_str!("sql/agents/active.sql")).fetch_all(c).await)?)
    }

    /// Further addresses agents write from, lower case.
    pub async fn agent_addresses(&mut self) -> Result<Vec<(String, Uuid)>> {
        Ok(on!(self, c => sqlx::query_as(include_str!("sql/agents/addresses.sql")).fetch_all(c).await)?)
    }

    /// Adds an agent; `false` when the address is taken.
    pub async fn insert_agent(&mut self, agent: &Agent) -> Result<bool> {
        let rows = on!(self, c => sqlx::query(include_str!("sql/agents/insert.sql"))
            .bind(agent.id).bind(&agent.name).bind(&agent.email).bind(&agent.role).bind(&agent.signature)
            .bind(&agent.locale).bind(&agent.timezone).bind(agent.is_active).bind(agent.created_at)
            .bind(agent.updated_at).bind(agent.version)
            .execute(c).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }
}
