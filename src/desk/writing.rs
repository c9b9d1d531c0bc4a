//! How a write of the API ends: once, however often it is asked for, or only tried (API.md §1.6, §1.8).

use std::time::Duration;

use uuid::Uuid;

use super::{Caller, Desk, Error, Result};
use crate::store::Tx;
use crate::store::idempotency::{StoredAnswer, WriteKey};

/// Keys are forgotten after a day.
const KEY_LIFE_MS: i64 = 24 * 3_600_000;

/// How often a key that another call holds is tried for, and how long between.
const HOLD_TRIES: u32 = 5;
const HOLD_PAUSE: Duration = Duration::from_millis(50);

/// How a write shall end.
pub struct Ending<'a, T> {
    /// Makes repeats harmless.
    pub key: Option<WriteKey>,
    /// Validate and answer, keep nothing.
    pub dry_run: bool,
    /// The answer, kept with the key in the same transaction.
    pub show: &'a (dyn Fn(&T) -> StoredAnswer + Sync),
}

/// What a write changed, for the line in the log that says who did what.
pub(super) struct Deed<'a> {
    /// Who; `None`: somebody at the machine itself.
    pub by: Option<&'a Caller>,
    /// `team.created`, …
    pub what: &'static str,
    /// Of what.
    pub id: Uuid,
}

/// A write's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// What to answer.
    pub answer: StoredAnswer,
    /// It was made by an earlier call with the same key; nothing was done now.
    pub replayed: bool,
}

/// What was made, and its secret where it is shown: once, to whoever had it made.
#[derive(Debug, Clone)]
pub struct WithSecret<T> {
    /// What was made.
    pub made: T,
    /// The secret; `None` in the answer that is kept for repeats.
    pub secret: Option<String>,
}

impl Desk {
    /// What an earlier call with this key was answered, before anything is done for this one.
    ///
    /// # Errors
    /// [`Error::KeyReused`]; the store's.
    pub async fn earlier_answer(&self, key: &WriteKey) -> Result<Option<Answered>> {
        let mut tx = self.store().read().await?;
        let Some((body_hash, answer)) = tx.stored_answer(key).await? else { return Ok(None) };
        if body_hash != key.body_hash {
            return Err(Error::KeyReused);
        }
        Ok(Some(Answered { answer, replayed: true }))
    }

    /// Takes the key; the first call's answer when there was one.
    pub(super) async fn replay<T>(&self, tx: &mut Tx, ending: &Ending<'_, T>) -> Result<Option<Answered>> {
        let Some(key) = ending.key.as_ref().filter(|_| !ending.dry_run) else { return Ok(None) };
        if !hold(tx, key).await? {
            return Err(Error::KeyInProgress);
        }
        let now = self.clock().now();
        tx.expire_write_keys(now.plus_ms(-KEY_LIFE_MS)).await?;
        if tx.take_write_key(key, now).await? {
            return Ok(None);
        }
        let Some((body_hash, answer)) = tx.stored_answer(key).await? else { return Ok(None) };
        if body_hash != key.body_hash {
            return Err(Error::KeyReused);
        }
        Ok(Some(Answered { answer, replayed: true }))
    }

    /// Keeps the answer and commits, or takes everything back.
    pub(super) async fn conclude<T>(
        &self,
        mut tx: Tx,
        ending: &Ending<'_, T>,
        written: &T,
    ) -> Result<Answered> {
        let answer = (ending.show)(written);
        if ending.dry_run {
            tx.rollback().await?;
            return Ok(Answered { answer, replayed: false });
        }
        if let Some(key) = &ending.key {
            tx.store_answer(key, &answer).await?;
        }
        tx.commit().await?;
        self.ring_outbox();
        Ok(Answered { answer, replayed: false })
    }

    /// [`Desk::conclude`], and a line in the log that says who changed what: people, tokens and addresses of the desk.
    pub(super) async fn conclude_deed<T>(
        &self,
        tx: Tx,
        ending: &Ending<'_, T>,
        written: &T,
        deed: Deed<'_>,
    ) -> Result<Answered> {
        let answered = self.conclude(tx, ending, written).await?;
        if !ending.dry_run {
            deed.log();
        }
        Ok(answered)
    }

    /// [`Desk::conclude_deed`] for an answer that shows a secret. What is kept for repeats is without.
    pub(super) async fn conclude_secret<T>(
        &self,
        tx: Tx,
        ending: &Ending<'_, WithSecret<T>>,
        (made, secret): (T, String),
        deed: Deed<'_>,
    ) -> Result<Answered> {
        let without = WithSecret { made, secret: None };
        let answered = self.conclude_deed(tx, ending, &without, deed).await?;
        if ending.dry_run {
            return Ok(answered);
        }
        let answer = (ending.show)(&WithSecret { secret: Some(secret), ..without });
        Ok(Answered { answer, ..answered })
    }
}

/// Whether the key is ours now, or was answered. A call that ended badly lets go a moment after its answer was sent, and
/// whoever tries again at once is not to be sent away.
async fn hold(tx: &mut Tx, key: &WriteKey) -> Result<bool> {
    for _ in 0..HOLD_TRIES {
        if tx.hold_write_key(key).await? || tx.stored_answer(key).await?.is_some() {
            return Ok(true);
        }
        tokio::time::sleep(HOLD_PAUSE).await;
    }
    Ok(false)
}

impl Deed<'_> {
    /// Ids alone: no name and no address stands in the log.
    pub fn log(&self) {
        let Self { what, id, .. } = self;
        let token = self.by.map(|caller| caller.token.id.to_string());
        let agent = self.by.and_then(|caller| caller.agent.as_ref()).map(|agent| agent.id.to_string());
        tracing::info!(what, %id, token, agent, "changed");
    }
}

/// Refuses a write that was made for another version (`If-Match`).
pub(super) fn check_version(current: i64, seen: Option<i64>) -> Result<()> {
    if seen.is_some_and(|seen| seen != current) { Err(Error::VersionMismatch { current }) } else { Ok(()) }
}
