//! What mails may use while they are read and filed: no number of clients makes it more than `smtp.max_memory_mb`,
//! and no number of big mails is in memory at once. A big mail is kept in a file until its last octet has come, however
//! slowly; then it waits for its turn to be filed.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// A mail of up to so many octets stays in memory, and is filed without waiting.
pub const SMALL: usize = 128 * 1024;
/// Octets of big mails that are filed at once; one mail of the largest size always may.
const FILED_AT_ONCE: usize = 32 * 1024 * 1024;
/// What one permit stands for.
const UNIT: usize = 1024;

/// What there is for all mails together.
#[derive(Debug)]
pub struct Budget {
    octets: usize,
    used: AtomicUsize,
    turns: Arc<Semaphore>,
    units: usize,
    spool_dir: PathBuf,
}

impl Budget {
    /// A budget of so many octets, for mails of up to `max_mail`; big ones wait in files of `spool_dir`.
    pub fn new(octets: usize, max_mail: usize, spool_dir: PathBuf) -> Self {
        let units = units(max_mail.max(FILED_AT_ONCE)).min(u32::MAX as usize >> 3);
        Self { octets, used: AtomicUsize::new(0), turns: Arc::new(Semaphore::new(units)), units, spool_dir }
    }

    /// A file without a name, gone when it is closed.
    pub fn spool(&self) -> io::Result<File> {
        tempfile::tempfile_in(&self.spool_dir)
    }

    /// Waits until a mail of so many octets may be in memory; `None` when that takes too long.
    pub async fn turn(&self, octets: usize, patience: Duration) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(units(octets).min(self.units)).ok()?;
        timeout(patience, self.turns.clone().acquire_many_owned(units)).await.ok()?.ok()
    }

    fn take(&self, octets: usize) -> bool {
        let within = |used: usize| used.checked_add(octets).filter(|sum| *sum <= self.octets);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok()
    }
}

/// One mail's part of the [`Budget`]; dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    budget: Arc<Budget>,
    octets: usize,
}

impl Lease {
    /// A lease of nothing yet.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, octets: 0 }
    }

    /// What it is a part of.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Makes it up to so many octets; `false` when there is not that much left.
    pub fn grow_to(&mut self, octets: usize) -> bool {
        let more = octets.saturating_sub(self.octets);
        let granted = self.budget.take(more);
        if granted {
            self.octets += more;
        }
        granted
    }

    /// Gives everything back.
    pub fn give_back(&mut self) {
        self.budget.used.fetch_sub(std::mem::take(&mut self.octets), Ordering::Relaxed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// All of a spooled mail: what its file has, and behind it the octets that were not written any more.
pub fn read_back(mut spool: File, tail: &[u8], octets: usize) -> io::Result<Vec<u8>> {
    let mut raw = Vec::with_capacity(octets);
    spool.rewind()?;
    spool.read_to_end(&mut raw)?;
    raw.extend_from_slice(tail);
    Ok(raw)
}

fn units(octets: usize) -> usize {
    octets.div_ceil(UNIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_millis(1);

    fn budget(octets: usize, max_mail: usize) -> Arc<Budget> {
        Arc::new(Budget::new(octets, max_mail, std::env::temp_dir()))
    }

    #[test]
    fn leases_share_the_budget() {
        let budget = budget(100, 100);
        let mut one = Lease::new(budget.clone());
        let mut two = Lease::new(budget.clone());
        assert!(one.grow_to(50));
        assert!(one.grow_to(40), "it has that much already");
        assert!(two.grow_to(50));
        assert!(!two.grow_to(51));
        drop(one);
        assert!(two.grow_to(100));
        two.give_back();
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn big_mails_take_turns() {
        let budget = budget(0, 2 * FILED_AT_ONCE);
        let first = budget.turn(FILED_AT_ONCE, NOW).await;
        let second = budget.turn(FILED_AT_ONCE, NOW).await;
        assert!(first.is_some() && second.is_some());
        assert!(budget.turn(1, NOW).await.is_none());
        let (third, ()) = tokio::join!(budget.turn(1, Duration::from_secs(9)), async { drop(first) });
        assert!(third.is_some());
        drop((second, third));
        assert!(budget.turn(9 * FILED_AT_ONCE, NOW).await.is_some(), "never more than there is");
    }
}
