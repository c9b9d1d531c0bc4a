//! Whether mail is coming in at this moment: its senders wait for the disk, so what can wait lets them go first.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Desk;

/// So long after the last mail it is quiet.
const QUIET: Duration = Duration::from_millis(30);

/// The mails being taken.
#[derive(Debug, Default)]
pub(super) struct Receiving(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many at this moment.
    mails: usize,
    /// When the last one had been taken.
    last: Option<Instant>,
}

impl Desk {
    /// Resolves when no mail has come in for a moment. Under a steady flow that is never: the caller's patience ends.
    pub async fn quiet(&self) {
        while let Some(rest) = self.inner.receiving.rest(Instant::now()) {
            tokio::time::sleep(rest).await;
        }
    }

    /// A mail is being taken until the answer is dropped.
    pub(super) fn count_receiving(&self) -> impl Drop + use<> {
        struct Counted(Desk);
        impl Drop for Counted {
            fn drop(&mut self) {
                self.0.inner.receiving.end(Instant::now());
            }
        }
        self.inner.receiving.begin();
        Counted(self.clone())
    }
}

impl Receiving {
    fn begin(&self) {
        self.change(|state| state.mails += 1);
    }

    fn end(&self, now: Instant) {
        self.change(|state| *state = State { mails: state.mails.saturating_sub(1), last: Some(now) });
    }

    /// How long it can't be quiet yet; `None` when it is.
    fn rest(&self, now: Instant) -> Option<Duration> {
        self.change(|state| match state.last {
            _ if state.mails > 0 => Some(QUIET),
            Some(last) => QUIET.checked_sub(now.duration_since(last)).filter(|rest| !rest.is_zero()),
            None => None,
        })
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_quiet_a_moment_after_the_last_mail() {
        let receiving = Receiving::default();
        let start = Instant::now();
        assert_eq!(receiving.rest(start), None);
        receiving.begin();
        receiving.begin();
        receiving.end(start);
        let later = start + QUIET * 2;
        assert_eq!(receiving.rest(later), Some(QUIET), "another one is being taken");
        receiving.end(later);
        assert_eq!(receiving.rest(later + QUIET / 3), Some(QUIET - QUIET / 3));
        assert_eq!(receiving.rest(later + QUIET), None);
    }
}
