//! The desk in figures (API.md §4.6). They are counted over facts that this node holds in memory from the first question
//! on, and gives back an hour after the last (`docs/decisions/0008-figures-from-memory.md`). Each question first reads what
//! changed since the one before it, so a ticket is counted as soon as it is stored, by whichever node.

mod asked;
mod kept;
mod standing;
mod totals;

use std::collections::HashMap;
use std::sync::PoisonError;

use tokio::task::spawn_blocking;
use uuid::Uuid;

pub use crate::model::stats::{
    EmailFigures, Group, GroupBy, Interval, Point, Range, Slots, Spread, Stats, TicketFigures, day,
};

use super::query::TicketFilter;
use super::{Desk, Error, Result};
use crate::model::stats::{Question, count};
pub(super) use kept::Statistics;
pub use standing::StandingNow;

/// What somebody wants to know.
#[derive(Debug)]
pub struct StatsRequest {
    /// The stretch of time.
    pub range: Range,
    /// Its slots.
    pub slots: Slots,
    /// Which tickets; deleted ones never count.
    pub filters: Vec<TicketFilter>,
    /// Whether somebody chose tickets: then only their mail is counted.
    pub is_filtered: bool,
    /// Whether and how tickets are grouped.
    pub group_by: Option<GroupBy>,
}

/// The figures, and who is who in them.
#[derive(Debug)]
pub struct StatsFound {
    /// The figures.
    pub stats: Stats,
    /// Agents' names.
    pub names: HashMap<Uuid, String>,
}

impl Desk {
    /// Counts.
    ///
    /// # Errors
    /// [`Error::Busy`] while the facts of a large desk are read for the first time; the store's.
    pub async fn stats(&self, request: StatsRequest) -> Result<StatsFound> {
        let (kept, changes) = self.kept_facts().await?;
        let mut tx = self.store().read().await?;
        let agents = tx.agent_names().await?;
        let chosen = asked::Chosen::of(&mut tx, request.filters, &agents).await?;
        let held =
            if request.is_filtered { 0 } else { tx.held_mails(request.range.from, request.range.to).await? };
        drop(tx);
        let StatsRequest { range, slots, group_by, is_filtered, .. } = request;
        let counted = spawn_blocking(move || {
            kept.take_in(changes);
            let facts = kept.facts.read().unwrap_or_else(PoisonError::into_inner);
            let tests = chosen.tests(&facts);
            let question = Question { range, slots, tests, mail_of_tickets: is_filtered, group_by };
            count(&facts, &question)
        });
        let mut stats = counted.await.map_err(|_| Error::Busy("the figures could not be counted"))?;
        stats.email.quarantined = u64::try_from(held).unwrap_or(0);
        Ok(StatsFound { stats, names: agents.into_iter().map(|(id, name, _)| (id, name)).collect() })
    }
}
