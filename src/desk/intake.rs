//! A mail comes in: the one call every door makes.

use super::{Desk, Trouble, Verdict};
use crate::model::InboundMail;

impl Desk {
    /// Takes a mail: when this returns anything but [`Verdict::Deferred`] or [`Verdict::Rejected`], it is on disk.
    pub async fn receive(&self, mail: InboundMail) -> Verdict {
        let _ = mail;
        Verdict::Deferred(Trouble::Store)
    }
}
