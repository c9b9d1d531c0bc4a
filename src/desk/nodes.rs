//! What the nodes of one desk tell each other at once, where they would else find out by looking: there is mail to
//! send, people or mailboxes changed, something happened that listeners are told. Said at most once in a while however
//! often it is true: NOTIFY makes the commits of a database wait for each other.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Caller, Desk, Result};

/// What a node says at most once in.
const PACE: Duration = Duration::from_millis(50);
/// How long after trouble it is tried again.
const AFTER_TROUBLE: Duration = Duration::from_secs(2);

/// What this node has to tell the others.
#[derive(Debug, Default)]
pub(super) struct Signals {
    outbox: AtomicBool,
    directory: AtomicBool,
    bell: Notify,
}

/// What one node tells the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Word {
    /// There may be mail to send.
    outbox: bool,
    /// Mailboxes, agents or tokens changed.
    directory: bool,
    /// There are new events.
    events: bool,
}

impl Signals {
    /// There may be mail to send.
    pub fn outbox(&self) {
        self.outbox.store(true, Ordering::Release);
        self.bell.notify_one();
    }

    /// Mailboxes, agents or tokens changed.
    pub fn directory(&self) {
        self.directory.store(true, Ordering::Release);
        self.bell.notify_one();
    }

    fn take(&self, events: bool) -> Word {
        let (outbox, directory) = (&self.outbox, &self.directory);
        Word {
            outbox: outbox.swap(false, Ordering::AcqRel),
            directory: directory.swap(false, Ordering::AcqRel),
            events,
        }
    }
}

impl Word {
    /// After a time of not hearing, anything may have been said.
    const ANYTHING: Self = Self { outbox: true, directory: true, events: true };

    fn text(self, node: &str) -> String {
        let words = [(self.outbox, "outbox"), (self.directory, "directory"), (self.events, "events")];
        let said = words.into_iter().filter(|(is, _)| *is).map(|(_, word)| word);
        std::iter::once(node).chain(said).collect::<Vec<_>>().join(" ")
    }

    /// What another node said; words we don't know are a newer one's.
    fn parse(text: &str, this: &str) -> Option<Self> {
        let (node, words) = text.split_once(' ')?;
        let said = |word| words.split(' ').any(|one| one == word);
        let word = Self { outbox: said("outbox"), directory: said("directory"), events: said("events") };
        (node != this).then_some(word)
    }
}

impl Desk {
    /// Tells other nodes, and heeds what they say, until stopped. Where there is no other node it does nothing.
    pub async fn run_signals(&self, stop: CancellationToken) {
        if self.store().engine() == "sqlite" {
            return stop.cancelled().await;
        }
        let node = format!("{:016x}", u64::from_be_bytes(self.ids().bytes::<8>()));
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.tell_nodes(&node) => {}
            () = self.heed_nodes(&node) => {}
        }
    }

    /// Callers are looked up again, on every node, and those of them who listen are asked again who they are.
    pub(super) fn doubt_callers(&self, which: impl Fn(&Caller) -> bool) {
        self.inner.tokens.forget(which);
        self.inner.signals.directory();
        self.inner.live.doubt();
    }

    async fn tell_nodes(&self, node: &str) {
        let Some(mut news) = self.store().news() else { return std::future::pending().await };
        loop {
            let events = tokio::select! {
                () = self.inner.signals.bell.notified() => news.has_changed().unwrap_or(false),
                _ = news.changed() => true,
            };
            news.mark_unchanged();
            let word = self.inner.signals.take(events);
            if let Err(error) = self.tell_word(&word.text(node)).await {
                tracing::warn!(%error, "other nodes not told; they look by themselves");
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn tell_word(&self, word: &str) -> Result<()> {
        let mut tx = self.store().begin().await?;
        tx.tell_nodes(word).await?;
        Ok(tx.commit().await?)
    }

    async fn heed_nodes(&self, node: &str) {
        loop {
            match self.store().listen().await {
                Ok(Some(mut ear)) => {
                    self.heed(Word::ANYTHING).await;
                    while let Some(text) = ear.next().await {
                        if let Some(word) = Word::parse(&text, node) {
                            self.heed(word).await;
                        }
                    }
                    tracing::warn!("other nodes are not heard: the connection broke");
                }
                Ok(None) => return std::future::pending().await,
                Err(error) => tracing::warn!(%error, "other nodes are not heard"),
            }
            tokio::time::sleep(AFTER_TROUBLE).await;
        }
    }

    async fn heed(&self, word: Word) {
        if word.outbox {
            self.inner.outbox.notify_one();
        }
        if word.events {
            self.inner.live.ring();
        }
        if word.directory {
            if let Err(error) = self.read_directory().await {
                tracing::warn!(%error, "mailboxes and agents not read again");
            }
            self.inner.tokens.forget(|_| true);
            self.inner.live.doubt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_read_as_it_was_said() {
        let word = Word { outbox: true, directory: false, events: true };
        assert_eq!(word.text("a1"), "a1 outbox events");
        for (text, want) in [
            ("a1 outbox events", Some(word)),
            ("b2 outbox events", None),
            ("a1 outbox events later", Some(word)),
            ("", None),
        ] {
            assert_eq!(Word::parse(text, "b2"), want, "{text}");
        }
    }
}
