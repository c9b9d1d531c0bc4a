//! What is on the wire, and what it says of the relay.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// Waits while the relay is in trouble: doubled each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Mails being sent at this moment.
pub(super) struct Wire {
    sends: JoinSet<Finding>,
    concurrency: usize,
    trouble: Trouble,
}

/// Trouble with the relay itself: while it lasts the queue waits, and one mail at a time finds out.
#[derive(Default)]
struct Trouble {
    wait: Option<Duration>,
    until: Option<Instant>,
}

/// What a try says of the relay.
pub(super) enum Finding {
    /// It is in trouble, and these are its words.
    Relay(String),
    /// It answers.
    Works,
    /// Nothing.
    Unknown,
}

impl Wire {
    /// Nothing on it yet, and never more than so many mails.
    pub(super) fn new(concurrency: usize) -> Self {
        Self { sends: JoinSet::new(), concurrency, trouble: Trouble::default() }
    }

    /// One more mail; the caller has waited for room.
    pub(super) fn send(&mut self, mail: impl Future<Output = Finding> + Send + 'static) {
        self.sends.spawn(mail);
    }

    /// Waits until there is room for a mail: for the only one, while the relay is in trouble.
    pub(super) async fn room(&mut self) {
        while let Some(done) = self.sends.try_join_next() {
            self.trouble.learn(done.unwrap_or(Finding::Unknown));
        }
        while self.sends.len() >= if self.is_probing() { 1 } else { self.concurrency } {
            let Some(done) = self.sends.join_next().await else { return };
            self.trouble.learn(done.unwrap_or(Finding::Unknown));
        }
    }

    /// Waits as long as the relay must be left alone.
    pub(super) async fn open(&self) {
        if let Some(until) = self.trouble.until {
            sleep_until(until).await;
        }
    }

    /// Whether the relay must be left alone for now.
    pub(super) fn is_closed(&self) -> bool {
        self.trouble.until.is_some_and(|until| until > Instant::now())
    }

    /// Whether it is yet to be found out that the trouble is over: one mail will do.
    pub(super) fn is_probing(&self) -> bool {
        self.trouble.until.is_some()
    }

    /// Waits until every mail has ended.
    pub(super) async fn end(mut self) {
        while self.sends.join_next().await.is_some() {}
    }
}

impl Trouble {
    fn learn(&mut self, finding: Finding) {
        match finding {
            Finding::Unknown => {}
            Finding::Works => *self = Self::default(),
            // Others that were on the way say the same: only the first lengthens the wait.
            Finding::Relay(_) if self.until.is_some_and(|until| until > Instant::now()) => {}
            Finding::Relay(error) => {
                let wait = self.wait.map_or(FIRST_WAIT, |wait| (wait * 2).min(LONGEST_WAIT));
                tracing::warn!(error, wait_s = wait.as_secs(), "the relay takes no mail, the queue waits");
                *self = Self { wait: Some(wait), until: Some(Instant::now() + wait) };
            }
        }
    }
}
