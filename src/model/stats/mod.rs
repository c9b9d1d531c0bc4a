//! The desk in figures (API.md §4.6): how many tickets, how fast, by whom, and how its mail fares. Everything here is
//! counted over facts that are kept in memory; the rules of ranges, intervals and middle values stand beside it.

mod calendar;
mod count;
mod facts;
mod figures;
mod test;

pub use calendar::{Interval, Range, Slots, TooMany, day};
pub use count::{Question, count, count_mails_in, count_mails_out, count_tickets};
pub use facts::{Facts, Loading, LogRow, MailClass, ReplyRow, TicketRow};
pub use figures::{Spread, rate, spread};
pub use test::{Bits, Test, chosen};

use uuid::Uuid;

use super::{Category, Priority, Status, words};

words! {
    /// What tickets are grouped by.
    GroupBy {
        Status = "status", Category = "category", Priority = "priority", Assignee = "assignee", Team = "team",
        StoreId = "store_id", SellerId = "seller_id", Tag = "tag", Channel = "channel",
    }
}

/// The answer: all figures of one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Stats {
    /// Tickets, counted.
    pub tickets: TicketFigures,
    /// From a ticket's beginning to its first answer, for first answers in the range.
    pub first_response: Spread,
    /// From a ticket's beginning to its end, for tickets resolved in the range.
    pub resolution: Spread,
    /// Agents with anything to show, the busiest first.
    pub agents: Vec<AgentFigures>,
    /// Mail, counted.
    pub email: EmailFigures,
    /// Largest first; `None` when nobody asked.
    pub groups: Option<Vec<Group>>,
    /// One point for each slot of the range, in order.
    pub series: Vec<Point>,
}

/// Tickets, counted. `total`, `open` and the tables are of all tickets that were asked for; the others of the range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §4.6 names the members")]
pub struct TicketFigures {
    pub total: u64,
    pub created: u64,
    pub resolved: u64,
    /// Tickets that were opened again in the range, for the last time.
    pub reopened: u64,
    /// Neither resolved nor closed.
    pub open: u64,
    /// In the order of [`Status::ALL`].
    pub by_status: [u64; Status::ALL.len()],
    /// In the order of [`Category::ALL`].
    pub by_category: [u64; Category::ALL.len()],
    /// In the order of [`Priority::ALL`].
    pub by_priority: [u64; Priority::ALL.len()],
}

/// What one agent did in the range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentFigures {
    /// Who.
    pub id: Uuid,
    /// Public replies they wrote.
    pub replies: u64,
    /// Tickets of theirs that were resolved.
    pub resolved: u64,
    /// Of the tickets of theirs that got their first answer; seconds.
    pub first_response_median: Option<u32>,
}

/// Adds counts to those of the same places.
fn sum(to: &mut [u64], more: &[u64]) {
    to.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
}

impl TicketFigures {
    /// Takes in those of other tickets.
    fn add(&mut self, more: &Self) {
        let Self { total, created, resolved, reopened, open, by_status, by_category, by_priority } = more;
        for (to, more) in [
            (&mut self.total, total),
            (&mut self.created, created),
            (&mut self.resolved, resolved),
            (&mut self.reopened, reopened),
            (&mut self.open, open),
        ] {
            *to += more;
        }
        sum(&mut self.by_status, by_status);
        sum(&mut self.by_category, by_category);
        sum(&mut self.by_priority, by_priority);
    }
}

/// Mail made or received in the range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §4.6 names the members")]
pub struct EmailFigures {
    /// Waits to be sent, or to be tried again.
    pub queued: u64,
    /// The next server took it, or a report says it arrived.
    pub delivered: u64,
    pub bounced: u64,
    pub failed: u64,
    pub inbound: u64,
    /// Held back at this moment.
    pub quarantined: u64,
}

impl EmailFigures {
    /// Mails that left, or should have: `delivered` + `bounced` + `failed`.
    pub fn sent(&self) -> u64 {
        self.delivered + self.bounced + self.failed
    }

    /// `delivered` ÷ `sent`; `None` when nothing was sent.
    pub fn success_rate(&self) -> Option<f64> {
        rate(self.delivered, self.sent())
    }
}

/// The tickets of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// The value they share; `None`: those without one.
    pub key: Option<String>,
    /// All of them.
    pub total: u64,
    /// Opened in the range.
    pub created: u64,
    /// Resolved in the range.
    pub resolved: u64,
}

/// What happened in one slot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §4.6 names the members")]
pub struct Point {
    pub created: u64,
    pub resolved: u64,
    /// Mails made in the slot that count as sent.
    pub emails_sent: u64,
}
