//! How long a try may take: each step of it, and all of it.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, error::Elapsed, timeout_at};

/// Slowest way a mail may go out, octets a second; slower, and the connection is given up.
const SLOWEST: u64 = 16 << 10;

/// Time limits of a try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Longest wait for one step.
    pub step: Duration,
    /// Longest wait for a TCP connection.
    pub connect: Duration,
    /// When the try must have ended.
    pub end: Instant,
}

impl Pace {
    /// No step longer than `step`, and all of it over by `end`.
    pub(super) fn until(end: Instant, step: Duration) -> Self {
        Self { step, connect: step, end }
    }

    /// The TCP connection.
    pub(super) async fn connection<T>(&self, connection: impl Future<Output = T>) -> Result<T, Elapsed> {
        timeout_at(self.end.min(Instant::now() + self.connect), connection).await
    }

    /// One step.
    pub(super) async fn step<T>(&self, step: impl Future<Output = T>) -> Result<T, Elapsed> {
        timeout_at(self.end.min(Instant::now() + self.step), step).await
    }

    /// The step that carries a mail of so many octets: longer for a larger one.
    pub(super) async fn body<T>(&self, size: usize, step: impl Future<Output = T>) -> Result<T, Elapsed> {
        timeout_at(self.end.min(Instant::now() + self.step + least(size)), step).await
    }

    /// The first of so many ways that lead to a server: when nobody is there, time must be left to the others, and to the
    /// mail itself.
    pub(super) fn one_of(&self, ways: usize) -> Self {
        let left = self.end.saturating_duration_since(Instant::now());
        let part = left / u32::try_from(ways).unwrap_or(u32::MAX).saturating_add(1);
        Self { connect: self.connect.min(part), ..*self }
    }
}

/// What a mail of so many octets takes on the slowest way.
fn least(size: usize) -> Duration {
    Duration::from_secs(u64::try_from(size).unwrap_or(u64::MAX) / SLOWEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_mail_may_take_longer() {
        for (size, want_s) in [(0, 0), (10_000, 0), (16 << 10, 1), (1 << 20, 64), (25 << 20, 1_600)] {
            assert_eq!(least(size), Duration::from_secs(want_s), "{size}");
        }
    }

    #[test]
    fn ways_share_the_time_to_connect() {
        let pace = Pace::until(Instant::now() + Duration::from_millis(110_500), Duration::from_secs(60));
        for (ways, want_s) in [(1, 55), (4, 22), (10, 10)] {
            assert_eq!(pace.one_of(ways).connect.as_secs(), want_s, "{ways}");
        }
    }
}
