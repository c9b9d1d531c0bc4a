//! Jobs: who works on which, how far they are, and what they go through.

use uuid::Uuid;

use super::row::row;
use super::value::{args, json};
use super::{Result, Tx};
use crate::model::{Job, Timestamp};

row!(Job {
    id, kind, state, done, total, owner_id, next_at, lease, created_at, updated_at, version,
} json { errors, request, position } optional { result });

impl Tx {
    /// A job.
    pub async fn job(&mut self, id: Uuid) -> Result<Option<Job>> {
        self.one(include_str!("sql/jobs/get.sql"), args![id]).await
    }

    /// A job, locked until the transaction ends.
    pub async fn lock_job(&mut self, id: Uuid) -> Result<Option<Job>> {
        let sql =
            self.pick(include_str!("sql/jobs/lock.sqlite.sql"), include_str!("sql/jobs/lock.postgres.sql"));
        self.one(sql, args![id]).await
    }

    /// Whether a job may go on.
    pub async fn job_is_due(&mut self, now: Timestamp) -> Result<bool> {
        let (due,): (i64,) = self.only(include_str!("sql/jobs/due.sql"), args![now]).await?;
        Ok(due > 0)
    }

    /// Takes the job that waits longest, for a while.
    pub async fn claim_job(&mut self, lease: &str, until: Timestamp, now: Timestamp) -> Result<Option<Job>> {
        let sql =
            self.pick(include_str!("sql/jobs/claim.sqlite.sql"), include_str!("sql/jobs/claim.postgres.sql"));
        self.one(sql, args![lease, until, now]).await
    }

    /// Makes every claim run out now: for the start of a desk that has no other node.
    pub async fn free_job_leases(&mut self, now: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/jobs/free_leases.sql"), args![now]).await
    }

    /// Adds a job.
    pub async fn insert_job(&mut self, j: &Job) -> Result<()> {
        self.run(
            include_str!("sql/jobs/insert.sql"),
            args![
                j.id,
                j.kind,
                j.state,
                j.done,
                j.total,
                json(&j.errors),
                j.result.as_ref().map(json),
                json(&j.request),
                json(&j.position),
                j.owner_id,
                j.next_at,
                &j.lease,
                j.created_at,
                j.updated_at,
                j.version
            ],
        )
        .await
        .map(drop)
    }

    /// Writes how far a job is; its errors apart, as they are many and seldom change.
    pub async fn save_job(&mut self, j: &Job) -> Result<()> {
        self.run(
            include_str!("sql/jobs/save.sql"),
            args![
                j.id,
                j.state,
                j.done,
                j.total,
                j.result.as_ref().map(json),
                json(&j.position),
                j.next_at,
                &j.lease,
                j.updated_at,
                j.version
            ],
        )
        .await
        .map(drop)
    }

    /// Writes what was refused.
    pub async fn save_job_errors(&mut self, j: &Job) -> Result<()> {
        self.run(include_str!("sql/jobs/save_errors.sql"), args![j.id, json(&j.errors)]).await.map(drop)
    }

    /// Writes down what a job goes through, in order.
    pub async fn insert_job_items(&mut self, job: Uuid, items: &[String]) -> Result<()> {
        let sql = self.pick(
            include_str!("sql/jobs/insert_items.sqlite.sql"),
            include_str!("sql/jobs/insert_items.postgres.sql"),
        );
        self.run(sql, args![job, json(items)]).await.map(drop)
    }

    /// What a job goes through at this place, from 0; `None` behind the last.
    pub async fn job_item(&mut self, job: Uuid, seq: i64) -> Result<Option<String>> {
        self.field(include_str!("sql/jobs/item.sql"), args![job, seq]).await
    }

    /// Everything a job goes through, in order.
    pub async fn job_items(&mut self, job: Uuid) -> Result<Vec<String>> {
        self.fields(include_str!("sql/jobs/items.sql"), args![job]).await
    }

    /// Forgets jobs that ended before this time.
    pub async fn prune_jobs(&mut self, before: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/jobs/prune_items.sql"), args![before]).await?;
        self.run(include_str!("sql/jobs/prune.sql"), args![before]).await
    }
}
