//! Reads events in their order, each once, and none is left out. On PostgreSQL an event may be seen before one with a
//! lower number, whose transaction is still about to commit. Such a gap is waited for, until the event is there or every
//! transaction has ended that could bring it.

use std::time::Duration;

use tokio::time::Instant;

use crate::desk::{Desk, Result};
use crate::model::DeskEvent;

/// Most events of one read.
const PAGE: i64 = 500;
/// How far back the first read begins, milliseconds: what is older than this is settled.
const UNSETTLED_MS: i64 = 60_000;
/// A gap holds up what follows it for so long at most: a transaction draws its numbers just before it commits.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where a node is in the desk's events.
pub(super) struct Reader {
    desk: Desk,
    cursor: Cursor,
}

/// How far a read came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// There is nothing more.
    AtEnd,
    /// There may be more.
    More,
    /// What follows waits for a gap.
    Held,
}

/// The rule of gaps, apart from the store.
#[derive(Debug)]
struct Cursor {
    /// The place of the last event that was read.
    after: i64,
    gap: Option<Gap>,
}

/// Numbers that were drawn and are not seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    first: i64,
    /// Whoever drew them has a lower number than this; `None` until asked.
    before: Option<i64>,
    since: Instant,
}

impl Reader {
    /// From a minute ago.
    pub async fn new(desk: Desk) -> Result<Self> {
        let mut tx = desk.store().read().await?;
        let since = desk.clock().now().plus_ms(-UNSETTLED_MS);
        let after = match tx.first_event_since(since).await? {
            Some(first) => first - 1,
            None => tx.newest_event().await?,
        };
        drop(tx);
        Ok(Self { desk, cursor: Cursor { after, gap: None } })
    }

    /// The place of the last event that was read; none before it is still to come.
    pub fn position(&self) -> i64 {
        self.cursor.after
    }

    /// Reads past what is there.
    pub async fn skip_to_end(&mut self) -> Result<()> {
        while let (_, Progress::More) = self.read().await? {}
        Ok(())
    }

    /// What comes next.
    pub async fn read(&mut self) -> Result<(Vec<DeskEvent>, Progress)> {
        let mut tx = self.desk.store().read().await?;
        let found = tx.events_after(self.cursor.after, PAGE).await?;
        let is_full = found.len() == PAGE as usize;
        let ended_below = match found.is_empty() {
            true => 0,
            false => tx.ended_below().await?,
        };
        drop(tx);
        let ready = self.cursor.take(found, ended_below);
        if let Some(gap @ Gap { before: None, .. }) = &mut self.cursor.gap {
            let mut tx = self.desk.store().begin().await?;
            gap.before = Some(tx.next_transaction().await?);
            tx.rollback().await?;
        }
        let progress = match (self.cursor.gap, is_full) {
            (Some(_), _) => Progress::Held,
            (None, true) => Progress::More,
            (None, false) => Progress::AtEnd,
        };
        Ok((ready, progress))
    }
}

impl Cursor {
    /// Those of the events found behind the cursor that nothing can come before any more.
    fn take(&mut self, found: Vec<DeskEvent>, ended_below: i64) -> Vec<DeskEvent> {
        let mut ready = Vec::with_capacity(found.len());
        for event in found {
            if event.seq > self.after + 1 && !self.is_settled(ended_below) {
                return ready;
            }
            self.gap = None;
            self.after = event.seq;
            ready.push(event);
        }
        ready
    }

    /// Whether the numbers that follow the cursor will never be seen. A gap that was not known before is noted: whoever
    /// drew its numbers has begun to write by now.
    fn is_settled(&mut self, ended_below: i64) -> bool {
        let first = self.after + 1;
        match self.gap {
            _ if ended_below == i64::MAX => true,
            Some(gap) if gap.first == first => {
                gap.before.is_some_and(|before| ended_below >= before) || gap.since.elapsed() > PATIENCE
            }
            _ => {
                self.gap = Some(Gap { first, before: None, since: Instant::now() });
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{EventType, Timestamp};

    fn found(seqs: &[i64]) -> Vec<DeskEvent> {
        let event = |seq: &i64| DeskEvent {
            seq: *seq,
            id: Uuid::nil(),
            at: Timestamp(0),
            r#type: EventType::TicketCreated,
            ticket_id: None,
            body: String::new(),
        };
        seqs.iter().map(event).collect()
    }

    fn take(cursor: &mut Cursor, seqs: &[i64], ended_below: i64) -> Vec<i64> {
        cursor.take(found(seqs), ended_below).iter().map(|event| event.seq).collect()
    }

    #[test]
    fn what_follows_a_gap_waits_until_it_is_settled() {
        let mut cursor = Cursor { after: 3, gap: None };
        assert_eq!(take(&mut cursor, &[4, 5, 7, 8], 100), [4, 5], "6 may be about to come");
        cursor.gap.as_mut().expect("a gap").before = Some(120);
        assert_eq!(take(&mut cursor, &[7, 8], 119), [0; 0], "whoever drew it may still commit");
        assert_eq!(take(&mut cursor, &[6, 7, 8, 10], 119), [6, 7, 8], "it came; there is another gap");
        assert_eq!(cursor.gap.expect("a gap").before, None, "of which nothing is known yet");
        cursor.gap.as_mut().expect("a gap").before = Some(130);
        assert_eq!(take(&mut cursor, &[10, 11], 130), [10, 11], "9 was taken back");
        assert!(cursor.gap.is_none());
        assert_eq!(take(&mut cursor, &[13], 130), [0; 0]);
        cursor.gap.as_mut().expect("a gap").since = Instant::now() - PATIENCE - Duration::from_secs(1);
        assert_eq!(take(&mut cursor, &[13], 130), [13], "nobody waits for ever");
    }

    #[test]
    fn one_writer_leaves_no_gaps_to_wait_for() {
        let mut cursor = Cursor { after: 0, gap: None };
        assert_eq!(take(&mut cursor, &[2, 5], i64::MAX), [2, 5]);
    }
}
