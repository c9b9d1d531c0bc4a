//! The desk in figures, as the API shows it (API.md §4.6): as JSON, or as a table.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::desk::stats::{EmailFigures, Point, Range, Spread, StatsFound, TicketFigures};
use crate::model::{Category, Priority, Status};

/// Figures of a stretch of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Statistics {
    /// What they are of.
    range: StatsRange,
    /// Tickets.
    tickets: StatsTickets,
    /// How fast the desk is.
    response_times: StatsTimes,
    /// Agents with anything to show, the busiest first.
    agents: Vec<StatsAgent>,
    /// Mail.
    email: StatsEmail,
    /// Not built yet.
    #[schema(value_type = Option<Object>)]
    sla: Value,
    /// With `group_by`: the groups, largest first.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    groups: Option<Vec<StatsGroup>>,
    /// One entry for each interval, in order.
    series: Vec<StatsPoint>,
}

/// A stretch of time.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsRange {
    /// Inclusive.
    #[schema(format = "date-time")]
    from: String,
    /// Exclusive.
    #[schema(format = "date-time")]
    to: String,
    /// Whose hours, days, weeks and months the series has; IANA name.
    tz: &'static str,
}

/// Tickets, counted. `total`, `open` and the tables are of all tickets that pass the filters; the rest is of the range.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsTickets {
    total: u64,
    /// Opened in the range.
    created: u64,
    /// Resolved in the range, and not opened again since.
    resolved: u64,
    /// Opened again in the range, for the last time.
    reopened: u64,
    /// Neither resolved nor closed.
    open: u64,
    /// Every status.
    by_status: BTreeMap<&'static str, u64>,
    /// Categories that have tickets.
    by_category: BTreeMap<&'static str, u64>,
    /// Every priority.
    by_priority: BTreeMap<&'static str, u64>,
}

/// How fast the desk is.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsTimes {
    /// From a ticket's beginning to its first answer, for first answers in the range.
    first_response_seconds: StatsSpread,
    /// From a ticket's beginning to its end, for tickets resolved in the range.
    resolution_seconds: StatsSpread,
    /// Nights and weekends count.
    business_hours: bool,
}

/// Seconds; null when there is nothing to measure.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsSpread {
    median: Option<u32>,
    /// Nine of ten took no longer.
    p90: Option<u32>,
    average: Option<u32>,
}

/// What one agent did in the range.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsAgent {
    id: Uuid,
    name: Option<String>,
    /// Public replies they wrote.
    replies: u64,
    /// Tickets assigned to them that were resolved.
    resolved: u64,
    /// Of tickets assigned to them that got their first answer.
    first_response_median_seconds: Option<u32>,
    /// Not built yet.
    #[schema(value_type = Option<f64>)]
    csat: Value,
}

/// Mail made or received in the range.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsEmail {
    /// Waits to be sent, or to be tried again.
    queued: u64,
    /// `delivered` + `bounced` + `failed`.
    sent: u64,
    /// The next server took it, or a report says it arrived.
    delivered: u64,
    bounced: u64,
    failed: u64,
    /// `delivered` ÷ `sent`; null when nothing was sent.
    success_rate: Option<f64>,
    /// Mails that came in.
    inbound: u64,
    /// Of those, held back now.
    quarantined: u64,
}

/// The tickets of one group.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsGroup {
    /// The value they share; null: those without one.
    key: Option<String>,
    /// All of them.
    total: u64,
    /// Opened in the range.
    created: u64,
    /// Resolved in the range.
    resolved: u64,
}

/// What happened in one interval.
#[derive(Debug, Serialize, ToSchema)]
pub struct StatsPoint {
    /// Its beginning: a date, or the hour with its offset from UTC.
    at: String,
    created: u64,
    resolved: u64,
    /// Mails made in it that count as sent.
    emails_sent: u64,
}

impl Statistics {
    /// The figures of a range whose intervals have these names.
    pub fn of(range: Range, names: Vec<String>, found: StatsFound) -> Self {
        let StatsFound { stats, names: mut people } = found;
        let agents = stats.agents.into_iter().map(|agent| StatsAgent {
            id: agent.id,
            name: people.remove(&agent.id),
            replies: agent.replies,
            resolved: agent.resolved,
            first_response_median_seconds: agent.first_response_median,
            csat: Value::Null,
        });
        let groups = stats.groups.map(|groups| groups.into_iter().map(StatsGroup::from).collect());
        Self {
            range: StatsRange { from: range.from.rfc3339(), to: range.to.rfc3339(), tz: range.tz.name() },
            tickets: (&stats.tickets).into(),
            response_times: StatsTimes {
                first_response_seconds: stats.first_response.into(),
                resolution_seconds: stats.resolution.into(),
                business_hours: false,
            },
            agents: agents.collect(),
            email: stats.email.into(),
            sla: Value::Null,
            groups,
            series: names.into_iter().zip(stats.series).map(StatsPoint::from).collect(),
        }
    }

    /// As a table with a head (RFC 4180): the groups when there are any, else the series.
    pub fn csv(&self) -> String {
        let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        let written = match &self.groups {
            Some(groups) => write_groups(&mut table, groups),
            None => write_series(&mut table, &self.series),
        };
        written.expect("memory takes everything");
        let bytes = table.into_inner().expect("memory takes everything");
        String::from_utf8(bytes).expect("made of text")
    }
}

fn write_groups(table: &mut csv::Writer<Vec<u8>>, groups: &[StatsGroup]) -> csv::Result<()> {
    table.write_record(["key", "total", "created", "resolved"])?;
    for StatsGroup { key, total, created, resolved } in groups {
        let counts = [total, created, resolved].map(u64::to_string);
        table.write_record([harmless(key.as_deref().unwrap_or_default())].iter().chain(&counts))?;
    }
    Ok(())
}

fn write_series(table: &mut csv::Writer<Vec<u8>>, series: &[StatsPoint]) -> csv::Result<()> {
    table.write_record(["at", "created", "resolved", "emails_sent"])?;
    for StatsPoint { at, created, resolved, emails_sent } in series {
        let counts = [created, resolved, emails_sent].map(u64::to_string);
        table.write_record([at.clone()].iter().chain(&counts))?;
    }
    Ok(())
}

/// A spreadsheet takes some texts for formulas, and callers write tags and ids: an apostrophe in front makes them text.
fn harmless(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

impl From<&TicketFigures> for StatsTickets {
    fn from(figures: &TicketFigures) -> Self {
        let statuses = Status::ALL.iter().zip(figures.by_status);
        let categories = Category::ALL.iter().zip(figures.by_category);
        let priorities = Priority::ALL.iter().zip(figures.by_priority);
        Self {
            total: figures.total,
            created: figures.created,
            resolved: figures.resolved,
            reopened: figures.reopened,
            open: figures.open,
            by_status: statuses.map(|(word, count)| (word.as_str(), count)).collect(),
            by_category: categories.filter(|(_, n)| *n > 0).map(|(word, n)| (word.as_str(), n)).collect(),
            by_priority: priorities.map(|(word, count)| (word.as_str(), count)).collect(),
        }
    }
}

impl From<Spread> for StatsSpread {
    fn from(Spread { median, p90, average }: Spread) -> Self {
        Self { median, p90, average }
    }
}

impl From<EmailFigures> for StatsEmail {
    fn from(figures: EmailFigures) -> Self {
        Self {
            queued: figures.queued,
            sent: figures.sent(),
            delivered: figures.delivered,
            bounced: figures.bounced,
            failed: figures.failed,
            success_rate: figures.success_rate(),
            inbound: figures.inbound,
            quarantined: figures.quarantined,
        }
    }
}

impl From<crate::desk::stats::Group> for StatsGroup {
    fn from(group: crate::desk::stats::Group) -> Self {
        Self { key: group.key, total: group.total, created: group.created, resolved: group.resolved }
    }
}

impl From<(String, Point)> for StatsPoint {
    fn from((at, point): (String, Point)) -> Self {
        Self { at, created: point.created, resolved: point.resolved, emails_sent: point.emails_sent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, want) in
            [("vip", "vip"), ("=1+1", "'=1+1"), ("-1", "'-1"), ("@a", "'@a"), ("a=b", "a=b"), ("", "")]
        {
            assert_eq!(harmless(text), want);
        }
    }
}
