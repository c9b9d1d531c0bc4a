//! The verbs: one call, one transaction.

mod recipients;
mod verdict;

use std::sync::{Arc, RwLock};

pub use recipients::{Recipient, Recipients};
pub use verdict::{Filed, Refusal, Trouble, Verdict};

use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::model::InboundMail;

/// The desk: every door holds a clone. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    config: Arc<Config>,
    clock: Clock,
    ids: Ids,
    recipients: RwLock<Arc<Recipients>>,
}

impl Desk {
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

    /// Which addresses are ours, as of now.
    pub fn recipients(&self) -> Arc<Recipients> {
        self.inner.recipients.read().expect("no panic while held").clone()
    }

    /// Takes a mail: when this returns anything but [`Verdict::Deferred`] or [`Verdict::Rejected`], it is on disk.
    pub async fn receive(&self, mail: InboundMail) -> Verdict {
        let _ = mail;
        Verdict::Deferred(Trouble::Store)
    }
}
