//! The outbox as a queue: who is next, who is held back, how many there are. Mails that are due wait as `ready`, each
//! domain's in a stretch of one index; all others wait for their time in another. So the next batch costs the same
//! however many wait.

use uuid::Uuid;

use super::row::row;
use super::value::args;
use super::{Result, Tx};
use crate::model::{OutboxEntry, Timestamp};

/// The fact that says since when nothing is sent.
const PAUSED: &str = "queue_paused_at";

/// A worker's claim on mails of one priority.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who claims.
    pub lease: &'a str,
    /// When the claim ends by itself.
    pub until: Timestamp,
    /// The priority.
    pub priority: i64,
}

/// How the queue stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueState {
    /// Since when nothing is sent, RFC 3339; `None` while mail is sent.
    pub paused: Option<String>,
    /// Mails that were not tried yet.
    pub queued: i64,
    /// Mails a worker has.
    pub sending: i64,
    /// Mails to be tried again.
    pub deferred: i64,
    /// When the oldest of all those became due for the first time.
    pub oldest_queued_at: Option<Timestamp>,
    /// When the next of the queued and deferred ones is due.
    pub next_attempt_at: Option<Timestamp>,
}

row!(QueueState { paused, queued, sending, deferred, oldest_queued_at, next_attempt_at });

impl Tx {
    /// Whether any mail may be sent now.
    pub async fn queue_has_work(&mut self, now: Timestamp) -> Result<bool> {
        let (work,) = self.only(include_str!("sql/queue/due.sql"), args![now, PAUSED]).await?;
        Ok(work)
    }

    /// Lets up to `limit` mails whose time has come wait for their turn, the longest due first; a claim that ran out
    /// counts as due.
    pub async fn promote_due(&mut self, now: Timestamp, limit: i64) -> Result<u64> {
        let sql = self.pick(
            include_str!("sql/queue/promote.sqlite.sql"),
            include_str!("sql/queue/promote.postgres.sql"),
        );
        self.run(sql, args![now, limit]).await
    }

    /// Up to `limit` domains behind `after`, in order, that mails of one priority wait for.
    pub async fn waiting_domains(&mut self, priority: i64, after: &str, limit: i64) -> Result<Vec<String>> {
        self.fields(include_str!("sql/queue/turns.sql"), args![priority, after, limit]).await
    }

    /// Takes up to `limit` mails that wait for one domain, the longest due first.
    pub async fn claim_mails(
        &mut self,
        claim: Claim<'_>,
        domain: &str,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>> {
        let sql = self
            .pick(include_str!("sql/queue/claim.sqlite.sql"), include_str!("sql/queue/claim.postgres.sql"));
        self.all(sql, args![claim.lease, claim.until, claim.priority, domain, limit]).await
    }

    /// Moves the end of a claim, when it is still the same worker's.
    pub async fn renew_claim(&mut self, id: Uuid, lease: Option<&str>, until: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/queue/renew.sql"), args![id, lease, until]).await
    }

    /// Makes every claim run out now: for the start of a desk that has no other node.
    pub async fn free_outbox_leases(&mut self, now: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/queue/free_leases.sql"), args![now]).await
    }

    /// Makes deferred mails due now. Those that were not tried yet keep their time: somebody chose it.
    pub async fn flush_deferred(&mut self, now: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/queue/flush.sql"), args![now]).await
    }

    /// Makes mails due now that wait for a time beyond `latest`, which no mail made by now can: tried, or put there, while
    /// the clock was ahead.
    pub async fn bring_back_mails(&mut self, now: Timestamp, latest: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/queue/bring_back.sql"), args![now, latest]).await
    }

    /// Lets no claim last beyond `latest`: made while the clock was ahead, by somebody who may be gone. Who is not renews
    /// it in time.
    pub async fn cap_outbox_leases(&mut self, latest: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/queue/cap_leases.sql"), args![latest]).await
    }

    /// From now on nothing is claimed, by any node.
    pub async fn pause_queue(&mut self, now: Timestamp) -> Result<()> {
        let sql = include_str!("sql/queue/pause.sql");
        if self.run(sql, args![PAUSED, now.rfc3339()]).await? > 0 {
            self.news(|news| news.add_queue(true));
        }
        Ok(())
    }

    /// Ends a pause.
    pub async fn resume_queue(&mut self) -> Result<()> {
        if self.run(include_str!("sql/queue/resume.sql"), args![PAUSED]).await? > 0 {
            self.news(|news| news.add_queue(false));
        }
        Ok(())
    }

    /// Since when nothing is sent, RFC 3339.
    pub async fn queue_paused(&mut self) -> Result<Option<String>> {
        self.field(include_str!("sql/facts/get.sql"), args![PAUSED]).await
    }

    /// How the queue stands; walks over everything that waits.
    pub async fn queue_state(&mut self) -> Result<QueueState> {
        self.only(include_str!("sql/queue/state.sql"), args![PAUSED]).await
    }

    /// When the mail that waits longest was due.
    pub async fn outbox_due_since(&mut self) -> Result<Option<Timestamp>> {
        let (since,) = self.only(include_str!("sql/queue/due_since.sql"), args![]).await?;
        Ok(since)
    }
}
