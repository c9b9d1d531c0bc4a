//! How long a try may take: each step of it, and all of it.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, error::Elapsed, timeout, timeout_at};

use crate::config;

/// Slowest way a mail may go out, octets a second; slower, and the connection is given up.
const SLOWEST: u64 = 16 << 10;

/// Longest wait for a TCP connection, as in Postfix (`smtp_connect_timeout`).
const CONNECT: Duration = Duration::from_secs(30);
/// Longest look at a server that gets no mail.
const PROBE: Duration = Duration::from_secs(60);
/// What a try has to get a mail to where it is said, whatever servers and steps that takes.
const LONGEST: Duration = Duration::from_secs(900);

/// How long the other side may think (RFC 5321 §4.5.3.2).
#[derive(Debug, Clone, Copy)]
pub(super) struct Steps {
    /// About any step.
    pub any: Duration,
    /// About a whole mail, once it is said: it may be scanned, filed and handed on before it is taken, and whoever hangs
    /// up meanwhile will send a second copy.
    pub done: Duration,
}

impl Steps {
    /// As configured.
    pub(super) fn from_config(outbox: &config::Outbox) -> Self {
        let seconds = |seconds: u64| Duration::from_secs(seconds.max(1));
        Self { any: seconds(outbox.step_timeout_seconds), done: seconds(outbox.data_done_timeout_seconds) }
    }
}

/// Time limits of a try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    steps: Steps,
    /// Longest wait for a TCP connection.
    connect: Duration,
    /// When the mail must be under way.
    end: Instant,
}

impl Pace {
    /// That of a try that begins now.
    pub(super) fn new(steps: Steps) -> Self {
        Self { steps, connect: steps.any.min(CONNECT), end: Instant::now() + LONGEST }
    }

    /// That of a look at a server that somebody waits for, with no mail.
    pub(super) fn of_probe(steps: Steps) -> Self {
        Self { end: Instant::now() + steps.any.min(PROBE), ..Self::new(steps) }
    }

    /// The TCP connection.
    pub(super) async fn connection<T>(&self, connection: impl Future<Output = T>) -> Result<T, Elapsed> {
        timeout_at(self.end.min(Instant::now() + self.connect), connection).await
    }

    /// One step.
    pub(super) async fn step<T>(&self, step: impl Future<Output = T>) -> Result<T, Elapsed> {
        timeout_at(self.end.min(Instant::now() + self.steps.any), step).await
    }

    /// The step that carries a mail of so many octets, and hears that it is taken: it may end behind all others.
    pub(super) async fn body<T>(&self, size: usize, step: impl Future<Output = T>) -> Result<T, Elapsed> {
        timeout(self.steps.done + least(size), step).await
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
        let steps = Steps { any: Duration::from_secs(300), done: Duration::from_secs(600) };
        let pace = Pace { end: Instant::now() + Duration::from_millis(110_500), ..Pace::new(steps) };
        for (ways, want_s) in [(1, 30), (4, 22), (10, 10)] {
            assert_eq!(pace.one_of(ways).connect.as_secs(), want_s, "{ways}");
        }
        assert_eq!(Pace::of_probe(Steps { any: CONNECT / 2, ..steps }).connect, CONNECT / 2);
    }
}
