//! Texts made findable, behind the accepting of mail: search lags by half a second at rest, and more under load.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Desk, Error, Result};
use crate::model::fold;
use crate::store::Tx;
use crate::store::search::Unindexed;

/// Responses indexed in one transaction.
const BATCH: i64 = 100;
/// The same, when nobody waits.
const LARGE_BATCH: i64 = 5_000;
/// Wait between two looks when there is nothing to do.
const REST: Duration = Duration::from_millis(500);
/// Longest wait for a moment when no mail comes in.
const PATIENCE: Duration = Duration::from_secs(2);
/// Wait after trouble with the store.
const AFTER_TROUBLE: Duration = Duration::from_secs(5);
/// Time left to others for each unit of our own: indexing takes at most a tenth of the writer.
const YIELD: u32 = 9;
/// Nodes commit out of order: a place is settled when it was reached this long ago.
const SETTLED_MS: i64 = 60_000;
/// How often the unsettled places are looked at again.
const RECHECK_MS: i64 = 10_000;
/// Most characters of a response that are indexed.
const LONGEST: usize = 100_000;

/// How far one node's indexer has come.
#[derive(Debug, Default)]
pub struct Indexer {
    /// Everything up to here is indexed for good.
    settled: i64,
    /// The last place seen.
    reached: i64,
    /// A place, and when it was reached: settled after a while.
    settling: Option<(i64, i64)>,
    /// When the unsettled places were looked at.
    rechecked_at: i64,
    started: bool,
}

impl Desk {
    /// Keeps the index up until `cancel`.
    pub async fn run_indexer(&self, cancel: CancellationToken) {
        let mut indexer = Indexer::default();
        loop {
            let _ = tokio::time::timeout(PATIENCE, self.quiet()).await;
            let began = Instant::now();
            let rest = match self.index_new(&mut indexer).await {
                Ok(count) if count < BATCH => REST,
                Ok(_) => (began.elapsed() * YIELD).min(Duration::from_secs(2)),
                Err(error) => {
                    tracing::warn!(%error, "search index not brought up to date");
                    AFTER_TROUBLE
                }
            };
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = cancel.cancelled() => return,
            }
        }
    }

    /// Indexes the next responses; how many there were.
    ///
    /// # Errors
    /// The store's; what was missed is found the next time.
    pub async fn index_new(&self, indexer: &mut Indexer) -> Result<i64> {
        let now = self.clock().now().0;
        let mut read = self.store().read().await?;
        if !indexer.started {
            indexer.settled = read.indexed_to().await?;
            indexer.reached = indexer.settled;
            indexer.started = true;
        }
        let recheck = now - indexer.rechecked_at >= RECHECK_MS;
        let after = if recheck { indexer.settled } else { indexer.reached };
        let newest = read.last_response_seq().await?;
        let rows = read.unindexed_responses(after, BATCH).await?;
        drop(read);
        let count = i64::try_from(rows.len()).unwrap_or(BATCH);
        // What others have indexed is not looked at again each time.
        let seen = if count < BATCH { Some(newest) } else { rows.last().map(|last| last.seq) };
        indexer.reached = indexer.reached.max(seen.unwrap_or_default());
        if recheck && count < BATCH {
            indexer.rechecked_at = now;
        }
        let settled = indexer.settle(now);
        if rows.is_empty() && !settled {
            return Ok(0);
        }
        let texts: Vec<_> = rows.iter().map(text_of).collect();
        let mut tx = self.store().begin().await?;
        tx.index_responses(&rows, &texts).await?;
        if settled {
            tx.set_indexed_to(indexer.settled).await?;
        }
        tx.commit().await?;
        Ok(count)
    }
}

impl Desk {
    /// Indexes everything there is, at full speed; says how many responses are done as it goes along. While some are
    /// written, the next are read.
    pub(super) async fn index_all(&self, progress: &(dyn Fn(u64) + Sync)) -> Result<()> {
        let from = self.store().read().await?.indexed_to().await?;
        let (mut after, mut done) = (from, 0);
        let mut next = self.read_ahead(after);
        loop {
            let (rows, texts) = next.await.map_err(|_| Error::Busy("the responses could not be read"))??;
            let mut tx = self.store().begin().await?;
            let Some(last) = rows.last().map(|row| row.seq) else {
                // A transaction that began before may have put a row below this place: looked for until none is left.
                if after > from && tx.places_come_late() {
                    after = from;
                    next = self.read_ahead(after);
                    continue;
                }
                if !tx.places_come_late() {
                    tx.set_indexed_to(after).await?;
                }
                return Ok(tx.commit().await?);
            };
            next = self.read_ahead(last);
            tx.index_responses(&rows, &texts).await?;
            tx.commit().await?;
            after = last;
            done += rows.len() as u64;
            progress(done);
        }
    }

    /// The responses behind this place and their folded texts, read on another thread.
    fn read_ahead(&self, after: i64) -> JoinHandle<Result<(Vec<Unindexed>, Vec<String>)>> {
        let desk = self.clone();
        tokio::spawn(async move {
            let rows = desk.store().read().await?.unindexed_responses(after, LARGE_BATCH).await?;
            let texts = rows.iter().map(text_of).collect();
            Ok((rows, texts))
        })
    }

    /// A ticket's responses are found by what it is now: after some came from another one, or its subject or people
    /// changed.
    pub(super) async fn index_moved(&self, tx: &mut Tx, ticket: Uuid) -> Result<()> {
        let rows = tx.responses_to_index(ticket).await?;
        for row in &rows {
            tx.forget_response(row).await?;
        }
        let texts: Vec<_> = rows.iter().map(text_of).collect();
        Ok(tx.index_responses(&rows, &texts).await?)
    }
}

impl Indexer {
    /// Moves the settled place up to where we were a while ago, once everything below was looked at since.
    fn settle(&mut self, now: i64) -> bool {
        let Some((place, at)) = self.settling else {
            self.settling = (self.reached > self.settled).then_some((self.reached, now));
            return false;
        };
        if now - at < SETTLED_MS || self.rechecked_at < at + SETTLED_MS {
            return false;
        }
        self.settled = place;
        self.settling = None;
        true
    }
}

/// Subject, people and words of a response, folded.
fn text_of(row: &Unindexed) -> String {
    let names = [&row.author_name, &row.author_email, &row.name].into_iter().flatten();
    let mut text = format!("{} {} {} {} ", row.number, row.subject, row.requester_email, row.cc);
    for name in names {
        text.push_str(name);
        text.push(' ');
    }
    text.extend(row.body_text.chars().take(LONGEST));
    fold(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_settles_after_a_minute_and_another_look() {
        let mut indexer = Indexer { reached: 7, ..Indexer::default() };
        for (now, rechecked_at, want) in
            [(0, 0, 0), (59_000, 59_000, 0), (61_000, 59_000, 0), (61_000, 61_000, 7), (62_000, 62_000, 7)]
        {
            indexer.rechecked_at = rechecked_at;
            indexer.settle(now);
            assert_eq!(indexer.settled, want, "at {now}");
        }
    }
}
