//! The verbs: one call, one transaction. Doors call these and nothing else; every verb reads like a recipe.

mod error;
mod filing;
mod intake;
mod notify;
mod recipients;
mod verdict;

use std::sync::{Arc, RwLock};

use tokio::sync::Notify;

pub use error::{Error, Result};
pub use filing::{NewResponse, NewTicket};
pub use recipients::{Recipient, Recipients};
pub use verdict::{Filed, Refusal, Trouble, Verdict};

use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::mail::reply_token::KeyRing;
use crate::model::Mailbox;
use crate::store::Store;

/// The desk: every door holds a clone. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    config: Arc<Config>,
    clock: Clock,
    ids: Ids,
    keys: KeyRing,
    directory: RwLock<Arc<Directory>>,
    /// Rung after a commit that put mail into the outbox.
    outbox: Notify,
}

/// What the desk keeps in memory of its mailboxes: RCPT and rendering ask for them all the time.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Active mailboxes, oldest first.
    pub mailboxes: Vec<Mailbox>,
    /// The same, for look-ups by address.
    pub recipients: Arc<Recipients>,
}

impl Desk {
    /// Opens the desk on a store whose schema is up to date, and reads its mailboxes.
    ///
    /// # Errors
    /// When the store does not answer, or `keys.reply` is empty.
    pub async fn open(store: Store, config: Arc<Config>, clock: Clock, ids: Ids) -> Result<Self> {
        let keys = KeyRing::new(&config.keys.reply)?;
        let inner =
            Inner { store, config, clock, ids, keys, directory: RwLock::default(), outbox: Notify::new() };
        let desk = Self { inner: Arc::new(inner) };
        desk.reload_directory().await?;
        Ok(desk)
    }

    /// Reads the mailboxes again, after one was added or changed.
    ///
    /// # Errors
    /// When the store does not answer; the old ones stay.
    pub async fn reload_directory(&self) -> Result<()> {
        let mut tx = self.inner.store.read().await?;
        let mailboxes = tx.active_mailboxes().await?;
        let addresses: Vec<_> = mailboxes.iter().map(|m| (m.id, m.address.clone())).collect();
        let recipients = Arc::new(Recipients::new(&addresses, self.inner.config.email.recipient_delimiter));
        *self.inner.directory.write().expect("no panic while held") =
            Arc::new(Directory { mailboxes, recipients });
        Ok(())
    }

    /// The clock all doors share.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The source of ids all doors share.
    pub fn ids(&self) -> &Ids {
        &self.inner.ids
    }

    /// The settings the desk was opened with.
    pub fn config(&self) -> &Arc<Config> {
        &self.inner.config
    }

    /// Signs and verifies reply addresses, return paths and Message-IDs.
    pub fn keys(&self) -> &KeyRing {
        &self.inner.keys
    }

    /// Mailboxes as of now.
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.read().expect("no panic while held").clone()
    }

    /// Which addresses are ours, as of now.
    pub fn recipients(&self) -> Arc<Recipients> {
        self.directory().recipients.clone()
    }

    /// Resolves when mail may have been put into the outbox on this node.
    pub async fn outbox_rung(&self) {
        self.inner.outbox.notified().await;
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Wakes the outbox: there may be something to send.
    fn ring_outbox(&self) {
        self.inner.outbox.notify_one();
    }
}
