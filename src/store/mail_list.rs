//! Pages of the ledger and of email logs. Each value of a filter is walked on its own, along an index that has its rows in
//! the order of the list; what has no index of its own is so common that a walk along the ids soon meets it.

use super::query::{Choice, EmailLogFilter, InboundFilter, Start};
use super::reading::{add_by_id, add_limit, count};
use super::select::Select;
use super::{Result, Tx};
use crate::model::{InboundRecord, OutboxEntry};

/// Everything but the raw bytes.
const INBOUND: &str = "SELECT id, received_at, via, remote_ip, reverse_path, recipients, message_id, dedupe_key, \
    from_address, from_name, subject, size, sha256, kind, action, reason, detail, ticket_id, ticket_number, \
    response_id, duplicate_of, in_reply_to, refs, placement_by, placement_reason, flags, authentication, bounces, \
    defects, released_at, released_by FROM inbound_mails WHERE TRUE";

/// Everything but the rendered bytes.
pub(super) const OUTBOX: &str = "SELECT id, ticket_id, response_id, template, template_version, locale, audience, automatic, \
    verified, from_address, to_address, to_name, subject, message_id, envelope_from, context, status, priority, \
    attempts, next_attempt_at, released, lease, give_up_at, remote, tls, smtp_code, enhanced_code, smtp_response, error, size, \
    queued_at, sent_at, delivered_at, bounced_at, created_at FROM outbox WHERE TRUE";

/// Mails whose texts are looked through for words: the newest.
const NEWEST: i64 = 5_000;

impl Tx {
    /// A page of the ledger by time; in reverse when it ends before a row.
    pub async fn list_inbound(
        &mut self,
        filters: &[InboundFilter],
        descending: bool,
        start: &Start,
        limit: i64,
    ) -> Result<Vec<InboundRecord>> {
        let legs = legs(filters, |filter| match filter {
            InboundFilter::Action(choice) => each(choice, InboundFilter::Action),
            InboundFilter::Kind(choice) => each(choice, InboundFilter::Kind),
            _ => None,
        });
        let mut select = Select::new("");
        let leg = |select: &mut Select, filters: &[InboundFilter]| {
            select.sql(INBOUND);
            filters.iter().for_each(|filter| filter.add(select));
        };
        add_legs(&mut select, &legs, leg, &By { column: "id", descending }, start, limit);
        select.all(self).await
    }

    /// How many rows of the ledger there are.
    pub async fn count_inbound(&mut self, filters: &[InboundFilter]) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM inbound_mails WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        count(select, self).await
    }

    /// A page of email logs by time; in reverse when it ends before a row. Words are looked for in the newest that pass
    /// the other filters.
    pub async fn list_email_logs(
        &mut self,
        filters: &[EmailLogFilter],
        descending: bool,
        start: &Start,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>> {
        let (words, others) = words_apart(filters);
        let by = By { column: order_of(&others), descending };
        let mut select = Select::new("");
        if words.is_empty() {
            add_email_logs(&mut select, &others, &by, start, limit);
            return select.all(self).await;
        }
        select.sql("SELECT * FROM (");
        add_email_logs(&mut select, &others, &By { descending: true, ..by }, &Start::Top, NEWEST);
        select.sql(") AS newest WHERE TRUE");
        words.iter().for_each(|words| words.add(&mut select));
        by.add(&mut select, start, limit);
        select.all(self).await
    }

    /// How many email logs there are; with words, among the newest that pass the other filters.
    pub async fn count_email_logs(&mut self, filters: &[EmailLogFilter]) -> Result<i64> {
        let (words, others) = words_apart(filters);
        let mut select = Select::new("SELECT COUNT(*) FROM ");
        if words.is_empty() {
            select.sql("outbox WHERE TRUE");
            others.iter().for_each(|filter| filter.add(&mut select));
            return count(select, self).await;
        }
        select.sql("(");
        let by = By { column: order_of(&others), descending: true };
        add_email_logs(&mut select, &others, &by, &Start::Top, NEWEST);
        select.sql(") AS newest WHERE TRUE");
        words.iter().for_each(|words| words.add(&mut select));
        count(select, self).await
    }
}

/// What a list is sorted by: the id, or a column before it.
struct By {
    column: &'static str,
    descending: bool,
}

impl By {
    fn add(&self, select: &mut Select, start: &Start, limit: i64) {
        if self.column == "id" {
            return add_by_id(select, self.descending, start, limit);
        }
        let (keys, before) = match start {
            Start::After(keys) => (Some(keys), false),
            Start::Before(keys) => (Some(keys), true),
            Start::Top | Start::Offset(_) => (None, false),
        };
        let down = self.descending != before;
        if let Some(key) = keys.and_then(|keys| keys.first()) {
            select.sql(if down { " AND (queued_at, id) < " } else { " AND (queued_at, id) > " });
            select.sql("((SELECT queued_at FROM outbox WHERE id = ").bind(key.clone()).sql("), ");
            select.bind(key.clone()).sql(")");
        }
        select.sql(if down { " ORDER BY queued_at DESC, id DESC" } else { " ORDER BY queued_at, id" });
        add_limit(select, start, limit);
    }
}

/// Mails to one address stand in the index by when they were queued, which is when they were made.
fn order_of(filters: &[EmailLogFilter]) -> &'static str {
    let to_one = filters.iter().any(|filter| matches!(filter, EmailLogFilter::Recipient(_)));
    if to_one { "queued_at" } else { "id" }
}

fn words_apart(filters: &[EmailLogFilter]) -> (Vec<EmailLogFilter>, Vec<EmailLogFilter>) {
    filters.iter().cloned().partition(|filter| matches!(filter, EmailLogFilter::Words(_)))
}

fn add_email_logs(select: &mut Select, filters: &[EmailLogFilter], by: &By, start: &Start, limit: i64) {
    let legs = legs(filters, |filter| match filter {
        EmailLogFilter::Status(choice) => each(choice, EmailLogFilter::Status),
        EmailLogFilter::Template(choice) => each(choice, EmailLogFilter::Template),
        _ => None,
    });
    let leg = |select: &mut Select, filters: &[EmailLogFilter]| {
        select.sql(OUTBOX);
        filters.iter().for_each(|filter| filter.add(select));
    };
    add_legs(select, &legs, leg, by, start, limit);
}

/// The filters once for each value of the first that has several; else once.
fn legs<F: Clone>(filters: &[F], values: impl Fn(&F) -> Option<Vec<F>>) -> Vec<Vec<F>> {
    for (place, filter) in filters.iter().enumerate() {
        let Some(values) = values(filter) else { continue };
        let with = |value| {
            let mut leg = filters.to_vec();
            leg[place] = value;
            leg
        };
        return values.into_iter().map(with).collect();
    }
    vec![filters.to_vec()]
}

/// A filter for each value, when there are several and nothing else.
fn each<T: Clone, F>(choice: &Choice<T>, filter: impl Fn(Choice<T>) -> F) -> Option<Vec<F>> {
    let several = choice.any.len() > 1 && !choice.negated && !choice.none;
    several.then(|| choice.any.iter().map(|value| filter(Choice::only(value.clone()))).collect())
}

/// The first rows of every leg, and of those the page.
fn add_legs<F>(
    select: &mut Select,
    legs: &[Vec<F>],
    add: impl Fn(&mut Select, &[F]),
    by: &By,
    start: &Start,
    limit: i64,
) {
    if let [leg] = legs {
        add(select, leg);
        return by.add(select, start, limit);
    }
    let skipped = if let Start::Offset(skipped) = start { *skipped } else { 0 };
    let from = if skipped > 0 { &Start::Top } else { start };
    for (place, leg) in legs.iter().enumerate() {
        select.sql(if place == 0 { "SELECT * FROM (SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
        add(select, leg);
        by.add(select, from, limit + skipped);
        select.sql(") AS leg");
    }
    select.sql(") AS legs WHERE TRUE");
    by.add(select, start, limit);
}
