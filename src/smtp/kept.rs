//! What is kept of a mail while it comes in: in memory at first, in a file when it is big, and never more than the byte
//! budget leased to it.

use std::fs::File;
use std::io::{self, Write};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::spawn_blocking;

use super::memory::{Lease, SMALL, read_back};

/// What a fresh mail reserves: most mails of people fit.
const FIRST_ROOM: usize = 8 * 1024;

/// The octets of a mail.
#[derive(Debug)]
pub struct Kept {
    /// Octets that are not in the file.
    tail: Vec<u8>,
    /// What came before them, when the mail is big.
    spool: Option<File>,
    /// All that was kept.
    octets: usize,
    lease: Lease,
}

/// What a mail in memory uses, to be held as long as it is there.
#[derive(Debug)]
pub struct Held {
    _lease: Lease,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Kept {
    /// Nothing yet.
    pub fn new(lease: Lease) -> Self {
        Self { tail: Vec::new(), spool: None, octets: 0, lease }
    }

    /// How many there are.
    pub fn octets(&self) -> usize {
        self.octets
    }

    /// Keeps more; `false` when there is no room for them.
    pub fn push(&mut self, octets: &[u8]) -> bool {
        let room = self.make_room(octets.len());
        if room {
            self.tail.extend_from_slice(octets);
            self.octets += octets.len();
        }
        room
    }

    /// Gives back all room: the mail is of no more use.
    pub fn give_up(&mut self) {
        self.tail = Vec::new();
        self.spool = None;
        self.lease.give_back();
    }

    /// The mail, in memory. A big one waits for its turn; `None` when that does not come in time, or its file can't be
    /// read: there is no memory for it.
    pub async fn load(self, patience: Duration) -> Option<(Vec<u8>, Held)> {
        let Some(spool) = self.spool else {
            return Some((self.tail, Held { _lease: self.lease, _turn: None }));
        };
        let turn = self.lease.budget().turn(self.octets, patience).await?;
        let reading = spawn_blocking(move || read_back(spool, &self.tail, self.octets));
        let Ok(Ok(raw)) = reading.await else { return None };
        Some((raw, Held { _lease: self.lease, _turn: Some(turn) }))
    }

    /// Twice the room in memory at first, and the file when that is not small any more.
    fn make_room(&mut self, octets: usize) -> bool {
        let needed = self.tail.len() + octets;
        if needed <= self.tail.capacity() {
            return true;
        }
        if needed > SMALL {
            return self.lease.grow_to(SMALL.max(octets))
                && self.lease.spool_to(self.octets)
                && self.write_out().is_ok();
        }
        let room = (self.tail.capacity() * 2).clamp(FIRST_ROOM, SMALL).max(needed);
        let granted = self.lease.grow_to(room);
        if granted {
            self.tail.reserve_exact(room - self.tail.len());
        }
        granted
    }

    fn write_out(&mut self) -> io::Result<()> {
        let spool = match &mut self.spool {
            Some(spool) => spool,
            none => none.insert(self.lease.budget().spool()?),
        };
        spool.write_all(&self.tail)?;
        self.tail.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::smtp::memory::Budget;

    impl Kept {
        /// A mail that never was big.
        pub(in crate::smtp) fn into_small(self) -> Vec<u8> {
            assert!(self.spool.is_none());
            self.tail
        }
    }

    fn budget(octets: usize) -> Arc<Budget> {
        Arc::new(Budget::new(octets, octets, octets, std::env::temp_dir()))
    }

    #[test]
    fn memory_is_leased_and_given_back() {
        let budget = budget(3 * FIRST_ROOM);
        let mut first = Kept::new(Lease::new(budget.clone()));
        assert!(first.push(&[b'x'; 100]));
        let mut second = Kept::new(Lease::new(budget.clone()));
        assert!(!second.push(&[b'x'; 3 * FIRST_ROOM]));
        drop(second);
        assert!(!Lease::new(budget.clone()).grow_to(3 * FIRST_ROOM), "the first mail is still held");
        first.give_up();
        assert!(Lease::new(budget).grow_to(3 * FIRST_ROOM), "all is given back");
    }

    /// Otherwise some slow clients with big mails would stop everybody's.
    #[test]
    fn big_mails_take_nothing_of_small_ones() {
        let budget = Arc::new(Budget::new(3 * SMALL, 9 * SMALL, 9 * SMALL, std::env::temp_dir()));
        let mut big = Kept::new(Lease::new(budget.clone()));
        let pieces = (0..20).take_while(|_| big.push(&[b'x'; SMALL])).count();
        assert_eq!(pieces, 10, "nine in the file, one in memory");
        assert!(Kept::new(Lease::new(budget)).push(&[b'x'; SMALL]));
    }

    #[tokio::test]
    async fn a_big_mail_is_put_aside_and_comes_back_whole() {
        for lines in [SMALL / 10, SMALL / 10 + 1, SMALL / 4] {
            let mail: Vec<u8> = (0..lines).flat_map(|n| format!("{n:08}\r\n").into_bytes()).collect();
            let mut kept = Kept::new(Lease::new(budget(9 * SMALL)));
            for piece in mail.chunks(65_521) {
                assert!(kept.push(piece));
            }
            assert!(kept.tail.capacity() <= SMALL);
            let (raw, _held) = kept.load(Duration::ZERO).await.unwrap();
            assert_eq!(raw, mail, "{lines} lines");
        }
    }
}
