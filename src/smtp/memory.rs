//! What mails may use: while they come in no number of clients makes it more than `smtp.max_memory_mb`, and while they are
//! filed no number of big mails is in memory at once. A big mail is kept in a file until its last octet has come, however
//! slowly; then it waits for its turn to be filed. All those files have `smtp.max_spool_mb`, so that who fills them
//! with big mails stops big mails alone.

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

/// So many octets, and how many of them are in use.
#[derive(Debug)]
struct Pool {
    octets: usize,
    used: AtomicUsize,
}

impl Pool {
    fn new(octets: usize) -> Self {
        Self { octets, used: AtomicUsize::new(0) }
    }

    /// Takes what `held` lacks to `octets`; `false` when there is not that much left.
    fn grow(&self, held: &mut usize, octets: usize) -> bool {
        let more = octets.saturating_sub(*held);
        let within = |used: usize| used.checked_add(more).filter(|sum| *sum <= self.octets);
        let granted = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, within).is_ok();
        *held += if granted { more } else { 0 };
        granted
    }

    fn give_back(&self, held: &mut usize) {
        self.used.fetch_sub(std::mem::take(held), Ordering::Relaxed);
    }
}

/// What there is for all mails together.
#[derive(Debug)]
pub struct Budget {
    memory: Pool,
    files: Pool,
    turns: Arc<Semaphore>,
    units: usize,
    spool_dir: PathBuf,
}

impl Budget {
    /// A budget of so many octets in memory and in files of `spool_dir`, for mails of up to `max_mail`.
    pub fn new(memory: usize, files: usize, max_mail: usize, spool_dir: PathBuf) -> Self {
        let units = units(max_mail.max(FILED_AT_ONCE)).min(u32::MAX as usize >> 3);
        let turns = Arc::new(Semaphore::new(units));
        Self { memory: Pool::new(memory), files: Pool::new(files), turns, units, spool_dir }
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
}

/// One mail's part of the [`Budget`]; dropping it gives it back.
#[derive(Debug)]
pub struct Lease {
    budget: Arc<Budget>,
    memory: usize,
    files: usize,
}

impl Lease {
    /// A lease of nothing yet.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, memory: 0, files: 0 }
    }

    /// What it is a part of.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Makes it so many octets of memory, if it is less; `false` when there is not that much left.
    pub fn grow_to(&mut self, octets: usize) -> bool {
        self.budget.memory.grow(&mut self.memory, octets)
    }

    /// Makes it so many octets of files, if it is less; `false` when there is not that much left.
    pub fn spool_to(&mut self, octets: usize) -> bool {
        self.budget.files.grow(&mut self.files, octets)
    }

    /// Gives everything back.
    pub fn give_back(&mut self) {
        self.budget.memory.give_back(&mut self.memory);
        self.budget.files.give_back(&mut self.files);
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
        Arc::new(Budget::new(octets, octets, max_mail, std::env::temp_dir()))
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
        assert!(two.spool_to(100), "files are not memory");
        assert!(!two.spool_to(101));
        two.give_back();
        assert_eq!(budget.memory.used.load(Ordering::Relaxed), 0);
        assert_eq!(budget.files.used.load(Ordering::Relaxed), 0);
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
