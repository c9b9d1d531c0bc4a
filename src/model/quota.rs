//! How often something may be done: a bucket that empties call by call and fills up steadily, kept as one moment (the
//! generic cell rate algorithm, ITU-T I.371). PostgreSQL does the same sum for all nodes at once
//! (`store/sql/callers/count.postgres.sql`).

use super::Timestamp;

/// So many calls in so long, all at once if need be; then one each time a part of it has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// At least 1.
    pub calls: u32,
    /// Seconds.
    pub seconds: u32,
}

/// Nodes' clocks differ by less, microseconds.
const ASTRAY_US: i64 = 3_600_000_000;

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Whether it may go on.
    pub passed: bool,
    /// Calls that may follow at once.
    pub left: u32,
    /// Until all of them may, milliseconds.
    pub full_in_ms: i64,
    /// Until one may, milliseconds; 0 when one may now.
    pub next_in_ms: i64,
}

impl Quota {
    /// So many a minute.
    pub const fn a_minute(calls: u32) -> Self {
        Self { calls, seconds: 60 }
    }

    /// What one call takes out of the bucket, microseconds: the time that brings it back.
    pub fn step_us(self) -> i64 {
        divided_up(i64::from(self.seconds) * 1_000_000, i64::from(self.calls.max(1)))
    }

    /// What the bucket holds, microseconds: a whole number of steps.
    pub fn room_us(self) -> i64 {
        self.step_us() * i64::from(self.calls.max(1))
    }

    /// Counts one more call. `full_at` is the moment the bucket is full again, unix microseconds; the new one comes first.
    pub fn count(self, full_at: i64, now: Timestamp) -> (i64, Counted) {
        let full_at = if full_at > self.believed_until(now) { 0 } else { full_at };
        let after = full_at.max(micros(now)) + self.step_us();
        let passed = after <= micros(now) + self.room_us();
        let full_at = if passed { after } else { full_at };
        (full_at, self.counted(full_at, passed, now))
    }

    /// No bucket is full as late as this, unless the clock was wrong when it was counted; unix microseconds.
    pub fn believed_until(self, now: Timestamp) -> i64 {
        micros(now) + self.room_us() + ASTRAY_US
    }

    /// How the bucket stands.
    pub fn counted(self, full_at: i64, passed: bool, now: Timestamp) -> Counted {
        let taken = (full_at - micros(now)).clamp(0, self.room_us());
        let left = u32::try_from((self.room_us() - taken) / self.step_us()).unwrap_or(0);
        let lacking = (taken + self.step_us() - self.room_us()).max(0);
        Counted { passed, left, full_in_ms: millis(taken), next_in_ms: millis(lacking) }
    }
}

/// Unix microseconds.
pub fn micros(at: Timestamp) -> i64 {
    at.0.saturating_mul(1_000)
}

/// Rounded up; neither is negative.
fn divided_up(value: i64, by: i64) -> i64 {
    (value + by - 1) / by
}

fn millis(us: i64) -> i64 {
    divided_up(us, 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_772_442_000_000);

    #[test]
    fn a_bucket_lets_exactly_its_quota_through_and_fills_up_steadily() {
        for (calls, seconds) in
            [(1, 60), (3, 3_600), (5, 60), (7, 60), (10, 86_400), (600, 60), (999_999, 60)]
        {
            let quota = Quota { calls, seconds };
            let passing = |mut full_at: i64, now: Timestamp| {
                let mut passed = 0;
                loop {
                    let (next, counted) = quota.count(full_at, now);
                    if !counted.passed {
                        return (passed, full_at);
                    }
                    (passed, full_at) = (passed + 1, next);
                }
            };
            let (at_once, full_at) = passing(0, NOW);
            assert_eq!(at_once, calls, "{quota:?}");
            let step_ms = divided_up(quota.step_us(), 1_000);
            let (later, _) = passing(full_at, NOW.plus_ms(step_ms));
            assert!(later >= 1 && i64::from(later) <= 1 + 1_000 / quota.step_us(), "{quota:?}: {later}");
            assert_eq!(passing(full_at, NOW.plus_ms(quota.room_us() / 1_000 + 1)).0, calls, "{quota:?}");
        }
    }

    #[test]
    fn a_caller_hears_how_the_bucket_stands() {
        let quota = Quota::a_minute(3);
        let mut full_at = 0;
        for (after_ms, passed, left, full_in_ms, next_in_ms) in [
            (0, true, 2, 20_000, 0),
            (0, true, 1, 40_000, 0),
            (0, true, 0, 60_000, 20_000),
            (0, false, 0, 60_000, 20_000),
            (19_999, false, 0, 40_001, 1),
            (20_000, true, 0, 60_000, 20_000),
            (100_000, true, 2, 20_000, 0),
        ] {
            let (next, counted) = quota.count(full_at, NOW.plus_ms(after_ms));
            assert_eq!(counted, Counted { passed, left, full_in_ms, next_in_ms }, "after {after_ms} ms");
            full_at = next;
        }
    }

    #[test]
    fn a_clock_that_was_wrong_locks_nobody_out_for_good() {
        let quota = Quota::a_minute(2);
        let (full_at, _) = quota.count(0, NOW);
        for (back_ms, passed) in [(0, true), (600_000, false), (86_400_000, true)] {
            assert_eq!(quota.count(full_at, NOW.plus_ms(-back_ms)).1.passed, passed, "{back_ms} ms back");
        }
    }
}
