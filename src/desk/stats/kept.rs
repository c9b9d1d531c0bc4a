//! The facts in memory: read once, brought up to date at every question, dropped when nobody asks any more.

use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use crate::desk::{Desk, Error, Result};
use crate::model::EmailStatus;
use crate::model::Timestamp;
use crate::model::stats::{Facts, Loading, LogRow, ReplyRow, TicketRow};
use crate::store;

/// Rows read at once.
const BATCH: i64 = 20_000;
/// Longest wait of a question for the first reading; that goes on without it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Facts nobody asked about for so long are dropped.
const IDLE: Duration = Duration::from_secs(3_600);
/// Nodes commit out of order, and their clocks differ: what changed is read again from so long before, milliseconds.
const MARGIN_MS: i64 = 60_000;
/// The first id of all.
const FIRST: Uuid = Uuid::nil();

/// Facts, once somebody asked.
#[derive(Default)]
pub(in crate::desk) struct Statistics(Mutex<Option<Reading>>);

/// Facts being read: `None` until they are.
type Reading = watch::Receiver<Option<store::Result<Arc<Kept>>>>;

/// Facts, and how far they follow the database.
pub(super) struct Kept {
    pub facts: RwLock<Facts>,
    follow: Mutex<Follow>,
    /// As [`store::Tx::rewritten`] said at first.
    rewritten: Option<String>,
    asked_at: Mutex<Instant>,
}

/// Everything before these is in.
#[derive(Debug, Clone, Copy)]
struct Follow {
    /// When changes were looked for.
    at: Timestamp,
    /// The place of a response; a minute later, nothing before it is still to come.
    settled: i64,
    /// A place, and when it was reached.
    reached: (i64, Timestamp),
}

/// What changed.
pub(super) struct Changes {
    tickets: Vec<TicketRow>,
    replies: Vec<ReplyRow>,
    mails_out: Vec<LogRow<EmailStatus>>,
    mails_in: Vec<LogRow<()>>,
    follow: Follow,
}

impl Desk {
    /// The facts, and what brings them up to date.
    pub(super) async fn kept_facts(&self) -> Result<(Arc<Kept>, Changes)> {
        loop {
            let kept = self.read_once().await?;
            *lock(&kept.asked_at) = Instant::now();
            match self.changes(&kept).await? {
                Some(changes) => return Ok((kept, changes)),
                None => self.inner.statistics.forget(&kept),
            }
        }
    }

    /// The same if they were read already and still hold; nobody waits for them, or fails with them.
    pub(super) async fn facts_at_hand(&self) -> Result<Option<(Arc<Kept>, Changes)>> {
        let read = lock(&self.inner.statistics.0).as_ref().and_then(|reading| reading.borrow().clone());
        let Some(Ok(kept)) = read else {
            self.inner.statistics.give_up();
            return Ok(None);
        };
        *lock(&kept.asked_at) = Instant::now();
        let changes = self.changes(&kept).await?;
        if changes.is_none() {
            self.inner.statistics.forget(&kept);
        }
        Ok(changes.map(|changes| (kept, changes)))
    }

    /// Begins to read them, so that they are at hand soon.
    pub(super) fn read_facts_ahead(&self) {
        drop(self.reading());
    }

    /// The facts as they were read first; reads them when nobody does.
    async fn read_once(&self) -> Result<Arc<Kept>> {
        let mut reading = self.reading();
        let read = timeout(PATIENCE, reading.wait_for(Option::is_some)).await;
        let read = read.map_err(|_| Error::Busy("the figures are being counted for the first time"))?;
        let read = read.map(|kept| kept.clone());
        match read {
            Ok(Some(Ok(kept))) => Ok(kept),
            Ok(Some(Err(error))) => {
                self.inner.statistics.give_up();
                Err(error.into())
            }
            Ok(None) | Err(_) => {
                self.inner.statistics.give_up();
                Err(Error::Busy("the figures could not be counted"))
            }
        }
    }

    fn reading(&self) -> Reading {
        let mut current = lock(&self.inner.statistics.0);
        if let Some(reading) = &*current {
            return reading.clone();
        }
        let (told, reading) = watch::channel(None);
        *current = Some(reading.clone());
        let desk = self.clone();
        tokio::spawn(async move {
            let kept = desk.read_all().await.map(Arc::new);
            let watched = kept.as_ref().map(Arc::downgrade).ok();
            told.send_replace(Some(kept));
            if let Some(kept) = watched {
                desk.forget_when_idle(kept).await;
            }
        });
        reading
    }

    /// Reads everything, in stretches: nobody else waits for it.
    async fn read_all(&self) -> store::Result<Kept> {
        let began = Instant::now();
        let at = self.clock().now();
        let mut tx = self.store().read().await?;
        let (rewritten, last) = (tx.rewritten().await?, tx.last_response().await?);
        drop(tx);
        let mut facts = Loading::default();
        self.read_tickets(&mut facts).await?;
        self.read_replies(&mut facts, last).await?;
        self.read_mails_out(&mut facts).await?;
        self.read_mails_in(&mut facts).await?;
        let facts = facts.end();
        tracing::info!(
            tickets = facts.tickets_known(),
            ms = began.elapsed().as_millis(),
            "figures counted for the first time"
        );
        Ok(Kept {
            facts: RwLock::new(facts),
            follow: Mutex::new(Follow { at, settled: last, reached: (last, at) }),
            rewritten,
            asked_at: Mutex::new(Instant::now()),
        })
    }

    async fn read_tickets(&self, facts: &mut Loading) -> store::Result<()> {
        let mut after = FIRST;
        loop {
            let rows = self.store().read().await?.ticket_facts(after, BATCH).await?;
            rows.iter().for_each(|row| facts.ticket(row));
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
        }
    }

    async fn read_replies(&self, facts: &mut Loading, last: i64) -> store::Result<()> {
        let mut after = 0;
        while after < last {
            let rows = self.store().read().await?.reply_facts(after, after + BATCH).await?;
            rows.iter().for_each(|row| facts.reply(row));
            after += BATCH;
        }
        Ok(())
    }

    async fn read_mails_out(&self, facts: &mut Loading) -> store::Result<()> {
        let mut after = FIRST;
        loop {
            let rows = self.store().read().await?.mail_out_facts(after, BATCH).await?;
            rows.iter().for_each(|row| facts.mail_out(row));
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
        }
    }

    async fn read_mails_in(&self, facts: &mut Loading) -> store::Result<()> {
        let mut after = FIRST;
        loop {
            let rows = self.store().read().await?.mail_in_facts(after, BATCH).await?;
            rows.iter().for_each(|row| facts.mail_in(row));
            let Some(last) = rows.last() else { return Ok(()) };
            after = last.id;
        }
    }

    /// What changed since the last question, in one snapshot; `None` when everything has to be read again.
    async fn changes(&self, kept: &Kept) -> store::Result<Option<Changes>> {
        let now = self.clock().now();
        let mut follow = *lock(&kept.follow);
        let since = follow.at.plus_ms(-MARGIN_MS);
        let mut tx = self.store().read().await?;
        if tx.rewritten().await? != kept.rewritten {
            return Ok(None);
        }
        let tickets = tx.ticket_facts_since(since).await?;
        let mut replies = tx.reply_facts(follow.settled, i64::MAX).await?;
        let last = replies.iter().map(|row| row.seq).max().unwrap_or(follow.settled);
        replies.extend(tx.replies_deleted_since(since).await?);
        let mut mails_out = tx.mail_out_facts(since.first_uuid(), i64::MAX).await?;
        mails_out.extend(tx.mail_out_facts_since(since).await?);
        let mut mails_in = tx.mail_in_facts(since.first_uuid(), i64::MAX).await?;
        mails_in.extend(tx.mail_in_facts_since(since).await?);
        follow.go_on(last, now);
        Ok(Some(Changes { tickets, replies, mails_out, mails_in, follow }))
    }

    async fn forget_when_idle(&self, kept: Weak<Kept>) {
        while let Some(facts) = kept.upgrade() {
            let idle = lock(&facts.asked_at).elapsed();
            match IDLE.checked_sub(idle).filter(|rest| !rest.is_zero()) {
                Some(rest) => {
                    drop(facts);
                    sleep(rest).await;
                }
                None => return self.inner.statistics.forget(&facts),
            }
        }
    }
}

impl Statistics {
    /// Drops these facts, unless there are newer ones.
    fn forget(&self, kept: &Arc<Kept>) {
        let mut current = lock(&self.0);
        let are_these = current.as_ref().is_some_and(|reading| match &*reading.borrow() {
            Some(Ok(known)) => Arc::ptr_eq(known, kept),
            _ => false,
        });
        if are_these {
            *current = None;
        }
    }

    /// Nothing could be read: the next question tries again.
    fn give_up(&self) {
        let mut current = lock(&self.0);
        let failed = current.as_ref().is_some_and(|reading| {
            let failed = matches!(&*reading.borrow(), Some(Err(_)));
            failed || reading.has_changed().is_err()
        });
        if failed {
            *current = None;
        }
    }
}

impl Kept {
    /// Brings the facts up to date; waits for those who count.
    pub fn take_in(&self, changes: Changes) {
        let mut facts = self.facts.write().unwrap_or_else(PoisonError::into_inner);
        changes.tickets.iter().for_each(|row| facts.put_ticket(row));
        changes.replies.iter().for_each(|row| facts.put_reply(row));
        changes.mails_out.iter().for_each(|row| facts.put_mail_out(row));
        changes.mails_in.iter().for_each(|row| facts.put_mail_in(row));
        let mut follow = lock(&self.follow);
        if changes.follow.at > follow.at {
            *follow = changes.follow;
        }
    }
}

impl Follow {
    /// Looked for changes now, and came to this place.
    fn go_on(&mut self, last: i64, now: Timestamp) {
        self.at = now;
        let (place, at) = self.reached;
        if now.0 - at.0 >= MARGIN_MS {
            self.settled = place;
            self.reached = (last.max(place), now);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_settles_a_minute_after_it_was_reached() {
        let at = Timestamp;
        let mut follow = Follow { at: at(0), settled: 5, reached: (5, at(0)) };
        for (now, last, settled) in [
            (1_000, 9, 5),
            (59_999, 9, 5),
            (60_000, 9, 5),
            (90_000, 12, 5),
            (120_000, 12, 9),
            (500_000, 20, 12),
        ] {
            follow.go_on(last, at(now));
            assert_eq!((follow.settled, follow.at), (settled, at(now)), "at {now}");
        }
    }
}
