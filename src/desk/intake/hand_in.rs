//! A mail handed in by a call of the API: filed as any other, and once for its key (API.md §1.6).

use super::reading::Reading;
use super::{Desk, Error, Result};
use crate::desk::{Answered, Ending};
use crate::model::{InboundMail, InboundRecord};
use crate::store;

/// Whether a mail is filed as it was read, or kept for a person to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Filed,
    Aside,
}

impl Desk {
    /// Takes a mail; the ledger row is shown. Mail row, ticket, key and answer are one transaction.
    ///
    /// # Errors
    /// [`Error::NotFound`] of a mailbox when no recipient is ours; [`Error::KeyReused`]; [`Error::Store`].
    pub async fn hand_in(&self, mail: InboundMail, ending: Ending<'_, InboundRecord>) -> Result<Answered> {
        let _counted = self.count_receiving();
        let reading = self.read(mail).await.ok_or(Error::NotFound("mailbox"))?;
        match self.keep(&reading, &ending, Way::Filed).await {
            // As in `take`: another node was first, at this moment.
            Err(Error::Store(store::Error::Conflict(_))) => self.keep(&reading, &ending, Way::Filed).await,
            Err(error @ Error::Store(store::Error::Broken(_))) => {
                tracing::error!(inbound = %reading.id, %error, "a mail could not be filed; it is quarantined");
                self.keep(&reading, &ending, Way::Aside).await
            }
            kept => kept,
        }
    }

    async fn keep(&self, mail: &Reading, ending: &Ending<'_, InboundRecord>, way: Way) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, ending).await? {
            return Ok(answered);
        }
        let record = match way {
            Way::Filed => mail.record(&self.decide(&mut tx, mail).await?),
            Way::Aside => mail.bare_record(&super::unreadable()),
        };
        tx.insert_inbound(&record, &mail.mail.received_header, &mail.mail.raw).await?;
        self.conclude(tx, ending, &record).await
    }
}
