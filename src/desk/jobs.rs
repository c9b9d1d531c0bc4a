//! What takes longer than a request: written down as a job, and worked on piece by piece by any node. A piece and the
//! progress it makes are one transaction, so that no piece is done twice, whatever is killed when.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Caller, Desk, Error, Result};
use crate::model::{Job, JobKind, JobState, Scope};
use crate::store::Tx;

/// How often we look for jobs of other nodes, and for those whose worker died.
const EVERY: Duration = Duration::from_secs(2);
/// How long a job is a worker's, counted from its last piece, milliseconds.
pub(super) const LEASE_MS: i64 = 60_000;
/// Pieces of one turn: then other jobs have theirs.
const TURN: usize = 50;
/// Most tries of a piece that met another call at the same moment.
const TRIES: usize = 3;
/// Ended jobs are forgotten after a week.
const LIFE_MS: i64 = 7 * 24 * 3_600_000;

/// Makes a refusal what is shown of it: the doors know how.
pub type ShowRefusal = fn(Error) -> Value;

/// What a piece says when it is done.
pub(super) enum Step {
    /// There are more.
    More,
    /// It was the last one; what came of the whole job.
    Ended(Value),
}

impl Desk {
    /// Writes a job down, to be begun when the transaction is on disk; ring for it then ([`Desk::ring_jobs`]).
    pub(super) async fn start_job(
        &self,
        tx: &mut Tx,
        kind: JobKind,
        request: Value,
        owner: &Caller,
    ) -> Result<Job> {
        let now = self.clock().now();
        let job = Job {
            id: self.ids().uuid(now),
            kind,
            state: JobState::Queued,
            done: 0,
            total: None,
            errors: Vec::new(),
            result: None,
            request,
            position: Value::Null,
            owner_id: owner.token.id,
            next_at: Some(now),
            lease: None,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        tx.insert_job(&job).await?;
        Ok(job)
    }

    /// A job, for its owner or an admin.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn job(&self, id: Uuid, caller: &Caller) -> Result<Job> {
        visible(self.store().read().await?.job(id).await?, caller)
    }

    /// Stops a job; what it did stays done.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`] when it has ended; the store's.
    pub async fn cancel_job(&self, id: Uuid, caller: &Caller, dry_run: bool) -> Result<Job> {
        let mut tx = self.store().begin().await?;
        let mut job = visible(tx.lock_job(id).await?, caller)?;
        if job.state.is_ended() {
            return Err(Error::InvalidState("the job has ended"));
        }
        job.end(JobState::Cancelled);
        self.save_progress(&mut tx, &mut job).await?;
        if dry_run {
            tx.rollback().await?
        } else {
            tx.commit().await?
        }
        Ok(job)
    }

    /// Works on jobs until stopped.
    pub async fn run_jobs(&self, show: ShowRefusal, stop: CancellationToken) {
        if let Err(error) = self.free_stale_jobs().await {
            tracing::warn!(%error, "leases of jobs not freed, they run out");
        }
        while !stop.is_cancelled() {
            match self.take_turn(show, &stop).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(%error, "a job can't go on, tried again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.inner.jobs.notified() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Does everything there is to do now.
    ///
    /// # Errors
    /// When the store does not answer; what was done before stays done.
    pub async fn do_jobs(&self, show: ShowRefusal) -> Result<()> {
        let never = CancellationToken::new();
        while self.take_turn(show, &never).await? {}
        Ok(())
    }

    /// Wakes the worker of this node: a job was written down.
    pub(super) fn ring_jobs(&self) {
        self.inner.jobs.notify_one();
    }

    /// Forgets jobs that ended long ago.
    pub(super) async fn forget_jobs(&self) -> Result<()> {
        let mut tx = self.store().begin().await?;
        tx.prune_jobs(self.clock().now().plus_ms(-LIFE_MS)).await?;
        Ok(tx.commit().await?)
    }

    /// Where no other node shares the desk, a lease that is there was left by a process that was killed.
    async fn free_stale_jobs(&self) -> Result<()> {
        if self.store().engine() != "sqlite" {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        tx.free_job_leases(self.clock().now()).await?;
        Ok(tx.commit().await?)
    }

    /// A few pieces of the job that waits longest; `false` when none waits.
    async fn take_turn(&self, show: ShowRefusal, stop: &CancellationToken) -> Result<bool> {
        let now = self.clock().now();
        if !self.store().read().await?.job_is_due(now).await? {
            return Ok(false);
        }
        let lease = Uuid::from_bytes(self.ids().bytes()).to_string();
        let mut tx = self.store().begin().await?;
        let claimed = tx.claim_job(&lease, now.plus_ms(LEASE_MS), now).await?;
        tx.commit().await?;
        let Some(job) = claimed else { return Ok(false) };
        for _ in 0..TURN {
            if stop.is_cancelled() || !self.do_piece(job.id, &lease, show).await? {
                break;
            }
        }
        self.pass_on(job.id, &lease).await?;
        Ok(true)
    }

    /// Works on one job alone until it ends or is another worker's.
    pub(super) async fn work_off(&self, id: Uuid, lease: &str, show: ShowRefusal) -> Result<()> {
        while self.do_piece(id, lease, show).await? {}
        Ok(())
    }

    /// One piece; `false` when there is none left to do for this worker.
    async fn do_piece(&self, id: Uuid, lease: &str, show: ShowRefusal) -> Result<bool> {
        for _ in 1..TRIES {
            match self.try_piece(id, lease).await {
                Err(Error::Store(store)) if store.is_conflict() => {}
                tried => return self.settle_piece(id, lease, tried, show).await,
            }
        }
        let tried = self.try_piece(id, lease).await;
        self.settle_piece(id, lease, tried, show).await
    }

    /// A refusal of the piece is noted in a transaction of its own; trouble of the store is another try's.
    async fn settle_piece(
        &self,
        id: Uuid,
        lease: &str,
        tried: Result<bool>,
        show: ShowRefusal,
    ) -> Result<bool> {
        match tried {
            Err(Error::Store(store)) if store.is_transient() => Err(Error::Store(store)),
            Err(refused) => self.note_refusal(id, lease, show(refused)).await,
            done => done,
        }
    }

    /// The piece and the progress it makes.
    async fn try_piece(&self, id: Uuid, lease: &str) -> Result<bool> {
        let mut tx = self.store().begin().await?;
        let Some(mut job) = tx.lock_job(id).await?.filter(|job| is_held(job, lease)) else {
            return Ok(false);
        };
        match AssertUnwindSafe(self.do_step(&mut tx, &mut job)).catch_unwind().await {
            Ok(Ok(Step::More)) => {}
            Ok(Ok(Step::Ended(result))) => {
                job.result = Some(result);
                job.end(JobState::Done);
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                return Err(Error::Store(crate::store::Error::Broken("a piece of a job panicked".into())));
            }
        }
        self.save_progress(&mut tx, &mut job).await?;
        tx.commit().await?;
        self.ring_outbox();
        if job.state.is_ended() {
            // It may have changed whose mail is held back.
            self.reload_directory().await?;
        }
        Ok(!job.state.is_ended())
    }

    /// Does the next piece of a job and moves its `done` and `position`. What it refuses is taken back: of a job with
    /// items the one is passed over, any other job fails.
    async fn do_step(&self, tx: &mut Tx, job: &mut Job) -> Result<Step> {
        match job.kind {
            JobKind::Bulk => self.bulk_step(tx, job).await,
            JobKind::EraseContact => self.erase_step(tx, job).await,
            JobKind::ReplayWebhook => self.replay_piece(tx, job).await,
        }
    }

    /// Notes why a piece was not done. `position` of a job with items counts those that were refused.
    async fn note_refusal(&self, id: Uuid, lease: &str, problem: Value) -> Result<bool> {
        let mut tx = self.store().begin().await?;
        let Some(mut job) = tx.lock_job(id).await?.filter(|job| is_held(job, lease)) else {
            return Ok(false);
        };
        match tx.job_item(id, job.done).await? {
            Some(item) => {
                job.note_error(json!({ "id": item, "status": problem["status"], "problem": problem }));
                job.done += 1;
                job.position = json!(job.position.as_i64().unwrap_or(0) + 1);
            }
            None => {
                job.note_error(problem);
                job.end(JobState::Failed);
            }
        }
        tx.save_job_errors(&job).await?;
        self.save_progress(&mut tx, &mut job).await?;
        tx.commit().await?;
        Ok(!job.state.is_ended())
    }

    async fn save_progress(&self, tx: &mut Tx, job: &mut Job) -> Result<()> {
        let now = self.clock().now();
        job.updated_at = now;
        job.version += 1;
        job.next_at = job.next_at.map(|_| now.plus_ms(LEASE_MS));
        Ok(tx.save_job(job).await?)
    }

    /// Puts a job behind the others that wait.
    async fn pass_on(&self, id: Uuid, lease: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let Some(mut job) = tx.lock_job(id).await?.filter(|job| is_held(job, lease)) else { return Ok(()) };
        job.next_at = Some(self.clock().now());
        job.lease = None;
        tx.save_job(&job).await?;
        Ok(tx.commit().await?)
    }

    /// Who started a job. A token that expired meanwhile was good when it counted; one that was taken back is not.
    pub(super) async fn owner_of(&self, tx: &mut Tx, job: &Job) -> Result<Caller> {
        const GONE: Error = Error::InvalidState("the token that started it was taken back");
        let token = tx.token(job.owner_id).await?.filter(|token| token.revoked_at.is_none()).ok_or(GONE)?;
        let agent = match token.agent_id {
            Some(id) => Some(tx.acting_agent(id).await?.ok_or(GONE)?),
            None => None,
        };
        Ok(Caller { token, agent })
    }
}

fn is_held(job: &Job, lease: &str) -> bool {
    !job.state.is_ended() && job.lease.as_deref() == Some(lease)
}

/// Others' jobs are nobody's business.
fn visible(job: Option<Job>, caller: &Caller) -> Result<Job> {
    job.filter(|job| job.owner_id == caller.token.id || caller.allows(Scope::Admin))
        .ok_or(Error::NotFound("job"))
}
