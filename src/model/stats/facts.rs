//! What is counted, as small as it can be held: eighty octets a ticket, sixteen a mail or reply. Facts are put in by id,
//! so reading a row twice changes nothing.

use std::collections::HashMap;
use std::hash::Hash;

use uuid::Uuid;

use crate::model::{Category, Channel, EmailStatus, Priority, Status, Timestamp};

/// A ticket as the database has it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "API.md §3.1 names the fields")]
pub struct TicketRow {
    pub id: Uuid,
    pub status: Status,
    pub priority: Priority,
    pub category: Category,
    pub channel: Channel,
    pub assignee_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub store_id: Option<String>,
    pub seller_id: Option<String>,
    /// JSON list.
    pub tags: String,
    pub is_spam: bool,
    pub deleted_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub first_response_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    pub reopened_at: Option<Timestamp>,
}

/// A public reply of an agent's.
#[derive(Debug, Clone)]
pub struct ReplyRow {
    /// Its place in the order of storing.
    pub seq: i64,
    /// UUIDv7.
    pub id: Uuid,
    /// On this ticket.
    pub ticket_id: Uuid,
    /// When written.
    pub created_at: Timestamp,
    /// The agent; `None` for a service.
    pub author_id: Option<Uuid>,
    /// Taken back.
    pub deleted_at: Option<Timestamp>,
}

/// A mail, in or out.
#[derive(Debug, Clone)]
pub struct LogRow<W> {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is about.
    pub ticket_id: Option<Uuid>,
    /// When made, or received.
    pub at: Timestamp,
    /// What is counted of it.
    pub what: W,
}

/// How a mail that left, or should have, is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §4.6 names the classes")]
pub enum MailClass {
    Waiting,
    Delivered,
    Bounced,
    Failed,
    /// Suppressed, kept or cancelled: neither sent nor waiting.
    Other,
}

impl From<EmailStatus> for MailClass {
    fn from(status: EmailStatus) -> Self {
        match status {
            EmailStatus::Queued | EmailStatus::Sending | EmailStatus::Deferred => Self::Waiting,
            EmailStatus::Sent | EmailStatus::Delivered => Self::Delivered,
            EmailStatus::Bounced => Self::Bounced,
            EmailStatus::Failed => Self::Failed,
            EmailStatus::Suppressed | EmailStatus::Captured | EmailStatus::Cancelled => Self::Other,
        }
    }
}

/// A moment that has not come: a ticket without answer, or not resolved.
pub(super) const NEVER: i64 = i64::MAX;

/// A ticket. Times are unix milliseconds; values that are numbered have 0 for "none".
#[derive(Debug, Clone)]
pub(super) struct TicketFact {
    pub id: Uuid,
    pub created: i64,
    pub first_response: i64,
    pub resolved: i64,
    pub reopened: i64,
    pub assignee: u32,
    pub team: u32,
    pub store: u32,
    pub seller: u32,
    /// The whole list of tags has a number.
    pub tags: u32,
    pub status: Status,
    pub priority: Priority,
    pub category: Category,
    pub channel: Channel,
    pub is_spam: bool,
    pub is_deleted: bool,
}

/// A mail or a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogFact {
    /// Unix seconds.
    at: u32,
    /// The ticket's place, or [`NOWHERE`].
    pub ticket: u32,
    /// Of the id: tells it from others of the same millisecond.
    print: u32,
    /// Milliseconds of `at`.
    ms: u16,
    /// What is counted of it.
    pub what: u16,
}

/// The place of a ticket that is not there.
pub(super) const NOWHERE: u32 = u32::MAX;

impl LogFact {
    fn new(id: Uuid, at: Timestamp, ticket: u32, what: u16) -> Self {
        let bits = id.as_u128();
        #[expect(clippy::cast_possible_truncation, reason = "a print of the id, on purpose")]
        let print = (bits ^ (bits >> 32)) as u32;
        let seconds = u32::try_from(at.0.div_euclid(1_000)).unwrap_or(0);
        let ms = u16::try_from(at.0.rem_euclid(1_000)).unwrap_or(0);
        Self { at: seconds, ticket, print, ms, what }
    }

    /// Unix milliseconds.
    pub fn at(self) -> i64 {
        i64::from(self.at) * 1_000 + i64::from(self.ms)
    }

    fn key(self) -> (u32, u16, u32) {
        (self.at, self.ms, self.print)
    }
}

/// Mails or replies in the order of time.
#[derive(Debug, Default)]
pub(super) struct Logs(Vec<LogFact>);

impl Logs {
    /// All that lie in a stretch of time.
    pub fn between(&self, from: i64, to: i64) -> &[LogFact] {
        let begin = self.0.partition_point(|fact| fact.at() < from);
        let end = self.0.partition_point(|fact| fact.at() < to);
        &self.0[begin..end.max(begin)]
    }

    fn put(&mut self, fact: LogFact) {
        match self.0.binary_search_by_key(&fact.key(), |known| known.key()) {
            Ok(place) => self.0[place] = fact,
            Err(place) => self.0.insert(place, fact),
        }
    }

    fn take(&mut self, fact: LogFact) {
        if let Ok(place) = self.0.binary_search_by_key(&fact.key(), |known| known.key()) {
            self.0.remove(place);
        }
    }
}

/// Values that are numbered, from 1.
#[derive(Debug)]
pub(super) struct Numbered<T> {
    numbers: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { numbers: HashMap::new(), values: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    fn number(&mut self, value: Option<&T>) -> u32 {
        let Some(value) = value else { return 0 };
        if let Some(number) = self.numbers.get(value) {
            return *number;
        }
        self.values.push(value.clone());
        let number = u32::try_from(self.values.len()).unwrap_or(0);
        self.numbers.insert(value.clone(), number);
        number
    }

    /// The value of a number; `None` of 0.
    pub fn value(&self, number: usize) -> Option<&T> {
        self.values.get(number.checked_sub(1)?)
    }

    /// One more than the last number: the length of a table by number.
    pub fn table_len(&self) -> usize {
        self.values.len() + 1
    }

    /// For each number whether its value is wanted, and first whether none is.
    fn table(&self, none: bool, wanted: impl Fn(&T) -> bool) -> Vec<bool> {
        std::iter::once(none).chain(self.values.iter().map(wanted)).collect()
    }
}

/// Everything statistics are counted over.
#[derive(Debug, Default)]
pub struct Facts {
    pub(super) tickets: Vec<TicketFact>,
    /// So many of them, from the first, are in the order of their ids; the places of others follow.
    in_order: usize,
    late: HashMap<Uuid, u32>,
    /// Agents who have tickets or wrote replies.
    pub(super) agents: Numbered<Uuid>,
    pub(super) teams: Numbered<Uuid>,
    pub(super) stores: Numbered<String>,
    pub(super) sellers: Numbered<String>,
    tag_texts: Numbered<String>,
    /// By the number of their text; none for 0.
    pub(super) tag_lists: Vec<Vec<String>>,
    /// What is counted: the agent's number.
    pub(super) replies: Logs,
    /// What is counted: the [`EmailStatus`].
    pub(super) mails_out: Logs,
    pub(super) mails_in: Logs,
}

impl Facts {
    /// Puts a ticket in, or in the place of what was known of it.
    pub fn put_ticket(&mut self, row: &TicketRow) {
        let fact = self.ticket_fact(row);
        if let Some(place) = self.place(row.id) {
            self.tickets[place] = fact;
            return;
        }
        let follows = self.tickets.last().is_none_or(|last| last.id < row.id);
        if follows && self.in_order == self.tickets.len() {
            self.in_order += 1;
        } else {
            self.late.insert(row.id, small(self.tickets.len()));
        }
        self.tickets.push(fact);
    }

    /// Puts a reply in, or takes it out when it was taken back.
    pub fn put_reply(&mut self, row: &ReplyRow) {
        let fact = self.reply_fact(row);
        match row.deleted_at {
            Some(_) => self.replies.take(fact),
            None => self.replies.put(fact),
        }
    }

    /// Puts in a mail of ours.
    pub fn put_mail_out(&mut self, row: &LogRow<EmailStatus>) {
        let fact = self.mail_out_fact(row);
        self.mails_out.put(fact);
    }

    /// Puts in a mail that came.
    pub fn put_mail_in(&mut self, row: &LogRow<()>) {
        let fact = self.mail_in_fact(row);
        self.mails_in.put(fact);
    }

    /// The place of a ticket.
    pub fn place(&self, id: Uuid) -> Option<usize> {
        let found = self.tickets[..self.in_order].binary_search_by_key(&id, |ticket| ticket.id);
        found.ok().or_else(|| self.late.get(&id).map(|place| *place as usize))
    }

    /// How many tickets are known.
    pub fn tickets_known(&self) -> usize {
        self.tickets.len()
    }

    /// For each agent's number whether they are wanted, and first whether tickets of nobody are.
    pub fn agents_table(&self, none: bool, wanted: impl Fn(&Uuid) -> bool) -> Vec<bool> {
        self.agents.table(none, wanted)
    }

    /// The same for teams.
    pub fn teams_table(&self, none: bool, wanted: impl Fn(&Uuid) -> bool) -> Vec<bool> {
        self.teams.table(none, wanted)
    }

    /// The same for stores.
    pub fn stores_table(&self, none: bool, wanted: impl Fn(&String) -> bool) -> Vec<bool> {
        self.stores.table(none, wanted)
    }

    /// The same for sellers.
    pub fn sellers_table(&self, none: bool, wanted: impl Fn(&String) -> bool) -> Vec<bool> {
        self.sellers.table(none, wanted)
    }

    /// For each list of tags whether it is wanted; without a tag, it is when `none` is.
    pub fn tags_table(&self, none: bool, wanted: impl Fn(&String) -> bool) -> Vec<bool> {
        self.tag_lists
            .iter()
            .map(|tags| if tags.is_empty() { none } else { tags.iter().any(&wanted) })
            .collect()
    }

    fn ticket_fact(&mut self, row: &TicketRow) -> TicketFact {
        let moment = |at: Option<Timestamp>| at.map_or(NEVER, |at| at.0);
        TicketFact {
            id: row.id,
            created: row.created_at.0,
            first_response: moment(row.first_response_at),
            resolved: moment(row.resolved_at),
            reopened: moment(row.reopened_at),
            assignee: self.agents.number(row.assignee_id.as_ref()),
            team: self.teams.number(row.team_id.as_ref()),
            store: self.stores.number(row.store_id.as_ref()),
            seller: self.sellers.number(row.seller_id.as_ref()),
            tags: self.tags(&row.tags),
            status: row.status,
            priority: row.priority,
            category: row.category,
            channel: row.channel,
            is_spam: row.is_spam,
            is_deleted: row.deleted_at.is_some(),
        }
    }

    /// The number of a list of tags.
    fn tags(&mut self, text: &str) -> u32 {
        if self.tag_lists.is_empty() {
            self.tag_lists.push(Vec::new());
        }
        if text == "[]" {
            return 0;
        }
        let number = self.tag_texts.number(Some(&text.to_owned()));
        if self.tag_lists.len() <= number as usize {
            self.tag_lists.push(serde_json::from_str(text).unwrap_or_default());
        }
        number
    }

    fn reply_fact(&mut self, row: &ReplyRow) -> LogFact {
        let agent = self.agents.number(row.author_id.as_ref());
        LogFact::new(
            row.id,
            row.created_at,
            self.ticket_of(Some(row.ticket_id)),
            u16::try_from(agent).unwrap_or(0),
        )
    }

    fn mail_out_fact(&self, row: &LogRow<EmailStatus>) -> LogFact {
        LogFact::new(row.id, row.at, self.ticket_of(row.ticket_id), row.what as u16)
    }

    fn mail_in_fact(&self, row: &LogRow<()>) -> LogFact {
        LogFact::new(row.id, row.at, self.ticket_of(row.ticket_id), 0)
    }

    fn ticket_of(&self, id: Option<Uuid>) -> u32 {
        id.and_then(|id| self.place(id)).map_or(NOWHERE, small)
    }
}

/// Facts being read for the first time: many, tickets first, and in any order of time.
#[derive(Debug, Default)]
pub struct Loading(Facts);

impl Loading {
    /// A ticket; they come in the order of their ids.
    pub fn ticket(&mut self, row: &TicketRow) {
        self.0.put_ticket(row);
    }

    /// A reply, unless it was taken back.
    pub fn reply(&mut self, row: &ReplyRow) {
        if row.deleted_at.is_none() {
            let fact = self.0.reply_fact(row);
            self.0.replies.0.push(fact);
        }
    }

    /// A mail of ours.
    pub fn mail_out(&mut self, row: &LogRow<EmailStatus>) {
        let fact = self.0.mail_out_fact(row);
        self.0.mails_out.0.push(fact);
    }

    /// A mail that came.
    pub fn mail_in(&mut self, row: &LogRow<()>) {
        let fact = self.0.mail_in_fact(row);
        self.0.mails_in.0.push(fact);
    }

    /// All of it, in order.
    pub fn end(mut self) -> Facts {
        for logs in [&mut self.0.replies, &mut self.0.mails_out, &mut self.0.mails_in] {
            logs.0.sort_unstable_by_key(|fact| fact.key());
            logs.0.shrink_to_fit();
        }
        self.0.tickets.shrink_to_fit();
        self.0
    }
}

fn small(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NOWHERE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_small() {
        assert_eq!((size_of::<TicketFact>(), size_of::<LogFact>()), (80, 16));
    }

    #[test]
    fn a_log_is_known_again() {
        let mut logs = Logs::default();
        let at = Timestamp(1_772_442_000_123);
        let ids = [1_u128, 2, 3].map(|n| Uuid::from_u128(n << 8));
        for (id, later) in [(ids[0], 0), (ids[1], 0), (ids[2], -5)] {
            logs.put(LogFact::new(id, at.plus_ms(later), NOWHERE, 1));
        }
        logs.put(LogFact::new(ids[1], at, 7, 2));
        let seen: Vec<_> =
            logs.between(at.0 - 5, at.0 + 1).iter().map(|f| (f.at() - at.0, f.ticket, f.what)).collect();
        assert_eq!(seen, [(-5, NOWHERE, 1), (0, NOWHERE, 1), (0, 7, 2)]);
        logs.take(LogFact::new(ids[0], at, NOWHERE, 0));
        assert_eq!(logs.between(at.0, at.0 + 1).len(), 1);
        assert!(logs.between(at.0 + 1, at.0).is_empty());
    }
}
