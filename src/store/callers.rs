//! Counts of callers that all nodes share. Where one process has the database for itself, it counts in memory.

use super::value::args;
use super::{Engine, Result, Store, postgres};
use crate::model::Timestamp;
use crate::model::quota::{Counted, Quota, micros};

impl Store {
    /// Counts a call for all nodes, in one step that no other can come between; `None` where there are no other nodes.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn count_call(&self, key: &str, quota: Quota, now: Timestamp) -> Result<Option<Counted>> {
        let Engine::Postgres(pool) = &self.engine else { return Ok(None) };
        let sql = include_str!("sql/callers/count.postgres.sql");
        let mut connection = pool.acquire().await?;
        let row: Option<(i64, bool)> = postgres::one(
            &mut connection,
            sql,
            args![key, micros(now), quota.step_us(), quota.room_us(), quota.believed_until(now)],
        )
        .await?;
        Ok(row.map(|(full_at, passed)| quota.counted(full_at, passed, now)))
    }

    /// Forgets callers whose buckets are full.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn forget_callers(&self, now: Timestamp) -> Result<()> {
        let Engine::Postgres(pool) = &self.engine else { return Ok(()) };
        let sql = include_str!("sql/callers/sweep.postgres.sql");
        postgres::run(&mut *pool.acquire().await?, sql, args![micros(now)]).await.map(drop)
    }
}
