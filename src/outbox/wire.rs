//! What is on the wire at this moment, and whether there is room for more.

use std::future::Future;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::transport::Transport;

/// Mails being sent at this moment.
pub(super) struct Wire {
    sends: JoinSet<()>,
    concurrency: usize,
    transport: Arc<Transport>,
}

impl Wire {
    /// Nothing on it yet, and never more than so many mails.
    pub(super) fn new(concurrency: usize, transport: Arc<Transport>) -> Self {
        Self { sends: JoinSet::new(), concurrency, transport }
    }

    /// One more mail; the caller has waited for room.
    pub(super) fn send(&mut self, mail: impl Future<Output = ()> + Send + 'static) {
        self.sends.spawn(mail);
    }

    /// Waits until there is room for a mail: for the only one, while every relay is in trouble.
    pub(super) async fn room(&mut self) {
        while self.sends.try_join_next().is_some() {}
        while self.sends.len() >= if self.is_probing() { 1 } else { self.concurrency } {
            self.sends.join_next().await;
        }
    }

    /// Waits as long as every relay must be left alone.
    pub(super) async fn open(&self) {
        if let Some(until) = self.transport.in_trouble_until() {
            sleep_until(until).await;
        }
    }

    /// Whether every relay must be left alone for now.
    pub(super) fn is_closed(&self) -> bool {
        self.transport.in_trouble_until().is_some_and(|until| until > Instant::now())
    }

    /// Whether it is yet to be found out that the trouble is over: one mail will do.
    pub(super) fn is_probing(&self) -> bool {
        self.transport.in_trouble_until().is_some()
    }

    /// Waits until every mail has ended.
    pub(super) async fn end(mut self) {
        while self.sends.join_next().await.is_some() {}
    }
}
