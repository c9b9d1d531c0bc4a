//! Totals of long lists: a few rows are counted where they lie, many in the memory that figures are counted over. While
//! that is read for the first time, and for filters it knows nothing of, the database counts row by row.

use std::sync::{Arc, PoisonError};

use tokio::task::spawn_blocking;

use super::asked;
use super::kept::{Changes, Kept};
use crate::desk::query::{Choice, EmailLogFilter, InboundFilter, TicketFilter};
use crate::desk::{Desk, Error, Result};
use crate::model::stats::{Facts, chosen, count_mails_in, count_mails_out, count_tickets};
use crate::model::{EmailStatus, Timestamp};
use crate::store::Tx;

/// The first moment and the last.
const EVER: (Timestamp, Timestamp) = (Timestamp(i64::MIN), Timestamp(i64::MAX));

impl Desk {
    /// How many tickets there are.
    pub(in crate::desk) async fn total_tickets(&self, tx: &mut Tx, filters: &[TicketFilter]) -> Result<i64> {
        if let Some(total) = tx.count_few_tickets(filters).await? {
            return Ok(total);
        }
        let Some(at_hand) = self.facts_for_totals(tx).await? else {
            return Ok(tx.count_tickets(filters).await?);
        };
        let agents = tx.agent_names().await?;
        let chosen = asked::Chosen::of(tx, filters.to_vec(), &agents).await?;
        counted(at_hand, move |facts| count_tickets(facts, &chosen.tests(facts))).await
    }

    /// How many email logs there are.
    pub(in crate::desk) async fn total_email_logs(
        &self,
        tx: &mut Tx,
        filters: &[EmailLogFilter],
    ) -> Result<i64> {
        let ((mut from, mut to), mut statuses) = (EVER, u16::MAX);
        for filter in filters {
            match filter {
                EmailLogFilter::CreatedFrom(at) => from = from.max(*at),
                EmailLogFilter::CreatedTo(at) => to = to.min(*at),
                EmailLogFilter::Status(choice) => statuses &= mask(choice),
                _ => return Ok(tx.count_email_logs(filters).await?),
            }
        }
        match self.facts_for_totals(tx).await? {
            Some(at_hand) => counted(at_hand, move |facts| count_mails_out(facts, from, to, statuses)).await,
            None => Ok(tx.count_email_logs(filters).await?),
        }
    }

    /// How many rows of the ledger there are.
    pub(in crate::desk) async fn total_inbound(&self, tx: &mut Tx, filters: &[InboundFilter]) -> Result<i64> {
        let (mut from, mut to) = EVER;
        for filter in filters {
            match filter {
                InboundFilter::ReceivedFrom(at) => from = from.max(*at),
                InboundFilter::ReceivedTo(at) => to = to.min(*at),
                _ => return Ok(tx.count_inbound(filters).await?),
            }
        }
        match self.facts_for_totals(tx).await? {
            Some(at_hand) => counted(at_hand, move |facts| count_mails_in(facts, from, to)).await,
            None => Ok(tx.count_inbound(filters).await?),
        }
    }

    /// The facts if they were read already; where there are many rows, that is begun otherwise.
    async fn facts_for_totals(&self, tx: &mut Tx) -> Result<Option<(Arc<Kept>, Changes)>> {
        let at_hand = self.facts_at_hand().await?;
        if at_hand.is_none() && tx.has_many_rows().await? {
            self.read_facts_ahead();
        }
        Ok(at_hand)
    }
}

/// Counts in the facts, brought up to date before.
async fn counted(
    (kept, changes): (Arc<Kept>, Changes),
    count: impl FnOnce(&Facts) -> usize + Send + 'static,
) -> Result<i64> {
    let counted = spawn_blocking(move || {
        kept.take_in(changes);
        count(&kept.facts.read().unwrap_or_else(PoisonError::into_inner))
    });
    let counted = counted.await.map_err(|_| Error::Busy("the rows could not be counted"))?;
    Ok(i64::try_from(counted).unwrap_or(i64::MAX))
}

fn mask(choice: &Choice<EmailStatus>) -> u16 {
    chosen(choice.any.iter().map(|status| *status as u8), choice.negated)
}
