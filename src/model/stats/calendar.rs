//! Ranges of time, and the slots a series is made of: hours, days, weeks and months as people in a time zone live them.
//! A day has 23 or 25 hours where the clocks change, a week begins on Monday.

use chrono::{
    DateTime, Datelike, Days, Duration, LocalResult, Months, NaiveDate, NaiveTime, Offset, TimeZone, Timelike,
};
use chrono_tz::Tz;

use crate::model::{Timestamp, words};

words! {
    /// How long the slots of a series are.
    Interval { Hour = "hour", Day = "day", Week = "week", Month = "month" }
}

/// A stretch of time, seen in a time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Inclusive.
    pub from: Timestamp,
    /// Exclusive.
    pub to: Timestamp,
    /// Whose days they are.
    pub tz: Tz,
}

/// The slots of a range, in order. The first may begin before the range and the last end after it: only what lies in the
/// range is counted in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slots {
    interval: Interval,
    tz: Tz,
    /// Where each begins, unix milliseconds, ascending; then where the last one ends.
    bounds: Vec<i64>,
    /// The slot in which each cell begins: cells are much shorter than slots, and all 2^`cell` milliseconds long.
    cells: Vec<u16>,
    cell: u32,
}

/// The range has more slots than an answer can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// Most slots of a series.
const MOST: usize = 2_000;
/// A local time that the clocks skip lies at most so many quarters of an hour before one that exists: whole days were
/// skipped where islands changed the date line.
const LONGEST_GAP: i64 = 4 * 26;

impl Range {
    /// Whether this moment lies in it.
    pub fn holds(&self, at: i64) -> bool {
        at >= self.from.0 && at < self.to.0
    }

    /// Its slots.
    ///
    /// # Errors
    /// [`TooMany`] over 2,000.
    pub fn slots(&self, interval: Interval) -> Result<Slots, TooMany> {
        let mut bounds = Vec::new();
        let mut at = self.first(interval);
        loop {
            bounds.push(at.timestamp_millis());
            if at.timestamp_millis() >= self.to.0 {
                return Ok(Slots::new(interval, self.tz, bounds));
            }
            if bounds.len() > MOST {
                return Err(TooMany);
            }
            at = next(at, interval);
        }
    }

    /// Where the slot begins that holds the beginning of the range.
    fn first(&self, interval: Interval) -> DateTime<Tz> {
        let at = local(self.tz, self.from);
        let date = at.date_naive();
        match interval {
            Interval::Hour => hour_of(at),
            Interval::Day => beginning(self.tz, date),
            Interval::Week => {
                beginning(self.tz, date - Days::new(date.weekday().num_days_from_monday().into()))
            }
            Interval::Month => beginning(self.tz, date - Days::new(date.day0().into())),
        }
    }
}

impl Slots {
    fn new(interval: Interval, tz: Tz, bounds: Vec<i64>) -> Self {
        const CELLS_OF_A_SLOT: i64 = 16;
        let (begin, end) = (bounds[0], bounds[bounds.len() - 1]);
        let slots = i64::try_from(bounds.len() - 1).unwrap_or(1).max(1);
        let cell = ((end - begin) / (slots * CELLS_OF_A_SLOT)).max(1).ilog2();
        let mut slots = Self { interval, tz, bounds, cells: Vec::new(), cell };
        slots.cells = (0..=(end - begin) >> cell).map(|i| slots.found(begin + (i << cell))).collect();
        slots
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.bounds.len() - 1
    }

    /// Never: a range that holds anything has a slot.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The slot of a moment in the range.
    pub fn of(&self, at: i64) -> usize {
        let cell = usize::try_from((at - self.bounds[0]) >> self.cell).unwrap_or(0);
        let mut slot = usize::from(self.cells[cell.min(self.cells.len() - 1)]);
        while slot + 1 < self.len() && at >= self.bounds[slot + 1] {
            slot += 1;
        }
        slot
    }

    /// The same, looked for among all.
    fn found(&self, at: i64) -> u16 {
        let slot = self.bounds.partition_point(|begin| *begin <= at).saturating_sub(1);
        u16::try_from(slot.min(self.len().saturating_sub(1))).unwrap_or(u16::MAX)
    }

    /// How each is named: hours with their offset from UTC, longer ones by their first day.
    pub fn names(&self) -> Vec<String> {
        let begins = self.bounds[..self.len()].iter().map(|at| local(self.tz, Timestamp(*at)));
        let name = |at: DateTime<Tz>| match self.interval {
            Interval::Hour => at.format("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            Interval::Day | Interval::Week | Interval::Month => at.format("%Y-%m-%d").to_string(),
        };
        begins.map(name).collect()
    }
}

/// Where the slot behind the one that begins here begins. A day that was skipped begins with the one after it, and has no
/// slot of its own.
fn next(begin: DateTime<Tz>, interval: Interval) -> DateTime<Tz> {
    let date = begin.date_naive();
    let day = match interval {
        Interval::Hour => return next_hour(begin),
        Interval::Day => date + Days::new(1),
        Interval::Week => date + Days::new(7),
        Interval::Month => date + Months::new(1),
    };
    beginning(begin.timezone(), day)
}

/// The next full hour. Where the clocks jump into the middle of an hour, that hour begins there; where they go back by
/// half an hour, the hour is that much longer.
fn next_hour(begin: DateTime<Tz>) -> DateTime<Tz> {
    let next = hour_of(begin) + Duration::hours(1);
    let minute = i64::from(next.minute());
    let shift = next.offset().fix().local_minus_utc() - begin.offset().fix().local_minus_utc();
    if minute == 0 || shift > 0 { next } else { next + Duration::minutes(60 - minute) }
}

fn hour_of(at: DateTime<Tz>) -> DateTime<Tz> {
    let past = i64::from(at.minute()) * 60_000 + i64::from(at.second()) * 1_000;
    at - Duration::milliseconds(past + i64::from(at.timestamp_subsec_millis()))
}

/// The first moment of a day.
fn beginning(tz: Tz, day: NaiveDate) -> DateTime<Tz> {
    let midnight = day.and_time(NaiveTime::MIN);
    for quarters in 0..=LONGEST_GAP {
        match tz.from_local_datetime(&(midnight + Duration::minutes(15 * quarters))) {
            LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => return at,
            LocalResult::None => {}
        }
    }
    tz.from_utc_datetime(&midnight)
}

fn local(tz: Tz, at: Timestamp) -> DateTime<Tz> {
    at.utc().with_timezone(&tz)
}

/// The first moment of a day named `2026-11-22`; `None` for other texts.
pub fn day(tz: Tz, text: &str) -> Option<Timestamp> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10)?;
    Some(Timestamp(beginning(tz, date).timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(DateTime::parse_from_rfc3339(text).expect("a time").timestamp_millis())
    }

    fn slots(from: &str, to: &str, tz: &str, interval: Interval) -> Slots {
        let tz = tz.parse().expect("a time zone");
        Range { from: at(from), to: at(to), tz }.slots(interval).expect("not too many")
    }

    /// Lengths of the slots in quarters of an hour.
    fn quarters(slots: &Slots) -> Vec<i64> {
        slots.bounds.windows(2).map(|pair| (pair[1] - pair[0]) / 900_000).collect()
    }

    #[test]
    fn slots_follow_the_clocks_on_the_wall() {
        use Interval::{Day, Hour, Month, Week};
        for (tz, from, to, interval, names, lengths) in [
            (
                "Europe/Berlin",
                "2026-03-28T12:00:00Z",
                "2026-03-30T12:00:00Z",
                Day,
                vec!["2026-03-28", "2026-03-29", "2026-03-30"],
                vec![96, 92, 96],
            ),
            (
                "Europe/Berlin",
                "2026-10-24T23:00:00Z",
                "2026-10-25T10:00:00Z",
                Day,
                vec!["2026-10-25"],
                vec![100],
            ),
            (
                "Europe/Berlin",
                "2026-03-29T00:30:00Z",
                "2026-03-29T01:30:00Z",
                Hour,
                vec!["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"],
                vec![4, 4],
            ),
            (
                "Europe/Berlin",
                "2026-10-25T00:00:00Z",
                "2026-10-25T02:00:00Z",
                Hour,
                vec!["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"],
                vec![4, 4],
            ),
            // Half an hour back: the hour is longer. Half an hour on: the next one is shorter.
            (
                "Australia/Lord_Howe",
                "2026-04-04T14:00:00Z",
                "2026-04-04T16:00:00Z",
                Hour,
                vec!["2026-04-05T01:00:00+11:00", "2026-04-05T02:00:00+10:30"],
                vec![6, 4],
            ),
            (
                "Australia/Lord_Howe",
                "2026-10-03T14:30:00Z",
                "2026-10-03T16:10:00Z",
                Hour,
                vec!["2026-10-04T01:00:00+10:30", "2026-10-04T02:30:00+11:00", "2026-10-04T03:00:00+11:00"],
                vec![4, 2, 4],
            ),
            (
                "Asia/Kolkata",
                "2026-01-01T00:00:00Z",
                "2026-01-01T00:10:00Z",
                Hour,
                vec!["2026-01-01T05:00:00+05:30"],
                vec![4],
            ),
            // No midnight on the day the clocks go on, and no Friday at all where the date line moved.
            (
                "America/Santiago",
                "2026-09-06T12:00:00Z",
                "2026-09-06T13:00:00Z",
                Day,
                vec!["2026-09-06"],
                vec![92],
            ),
            (
                "Pacific/Apia",
                "2011-12-29T20:00:00Z",
                "2011-12-31T09:00:00Z",
                Day,
                vec!["2011-12-29", "2011-12-31"],
                vec![96, 96],
            ),
            (
                "UTC",
                "2026-01-01T00:00:00Z",
                "2026-01-12T00:00:00Z",
                Week,
                vec!["2025-12-29", "2026-01-05"],
                vec![672, 672],
            ),
            (
                "America/New_York",
                "2026-02-28T12:00:00Z",
                "2026-03-31T12:00:00Z",
                Month,
                vec!["2026-02-01", "2026-03-01"],
                vec![28 * 96, 31 * 96 - 4],
            ),
        ] {
            let slots = slots(from, to, tz, interval);
            assert_eq!(
                (slots.names(), quarters(&slots)),
                (names.iter().map(|n| (*n).to_owned()).collect(), lengths),
                "{tz} {from}"
            );
        }
    }

    #[test]
    fn every_moment_lies_in_one_slot() {
        for interval in Interval::ALL {
            let slots = slots("2026-03-01T10:20:30Z", "2026-04-11T00:00:00Z", "Europe/Berlin", *interval);
            let mut last = 0;
            for moment in (at("2026-03-01T10:20:30Z").0..at("2026-04-11T00:00:00Z").0).step_by(601_000) {
                let slot = slots.of(moment);
                assert!(slot == usize::from(slots.found(moment)) && slot >= last, "{interval} {moment}");
                last = slot;
            }
            assert_eq!(last + 1, slots.len(), "{interval}");
        }
    }

    #[test]
    fn there_are_not_more_slots_than_an_answer_shows() {
        let range = Range { from: at("2026-01-01T00:00:00Z"), to: at("2026-03-25T08:00:00Z"), tz: Tz::UTC };
        assert_eq!(range.slots(Interval::Hour).map(|slots| slots.len()), Ok(2_000));
        let longer = Range { to: range.to.plus_ms(1), ..range };
        assert_eq!(longer.slots(Interval::Hour), Err(TooMany));
    }

    #[test]
    fn a_day_begins_where_people_live() {
        let berlin = "Europe/Berlin".parse().expect("a time zone");
        assert_eq!(day(berlin, "2026-07-01"), Some(at("2026-06-30T22:00:00Z")));
        for text in ["2026-02-30", "20260701", "2026-7-1", "", "2026-07-01T00:00"] {
            assert_eq!(day(berlin, text), None, "{text}");
        }
    }
}
