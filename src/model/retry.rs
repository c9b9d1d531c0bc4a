//! When a mail that could not be delivered is tried again (MAIL.md §2.3).

use super::Timestamp;

/// One minute, in milliseconds.
const MINUTE_MS: i64 = 60_000;

/// Waits between the tries of a mail.
///
/// What a remote says of waiting ("try again in 5 minutes", "retry after 300 seconds") is not read. It is free text in
/// any language, written by whoever answers: believed, it could hold a mail back for days or have it knock every
/// second. The first steps of the schedule (1 minute, then 5, then 15) meet every usual greylist in time anyway.
#[derive(Debug, Clone, Copy)]
pub struct RetrySchedule<'a> {
    minutes: &'a [u32],
}

impl<'a> RetrySchedule<'a> {
    /// Waits in minutes: after the first try, the second, …; the last one repeats.
    pub fn new(minutes: &'a [u32]) -> Self {
        Self { minutes }
    }

    /// When to try again, after this many tries (≥ 1) of which the last ended at `ended`. `jitter` draws a number below
    /// its bound: up to a tenth of the wait is added, so that mails deferred together don't come back together.
    pub fn next_try(&self, tries: i64, ended: Timestamp, jitter: impl FnOnce(u64) -> u64) -> Timestamp {
        let wait = self.wait_ms(tries);
        let jitter = jitter(u64::try_from(wait / 10).unwrap_or(0).max(1));
        ended.plus_ms(wait + i64::try_from(jitter).unwrap_or(0))
    }

    /// No wait is longer, jitter and all.
    pub fn longest_wait_ms(&self) -> i64 {
        let tries = i64::try_from(self.minutes.len()).unwrap_or(i64::MAX);
        let longest = (1..=tries.max(1)).map(|tries| self.wait_ms(tries)).max().unwrap_or(0);
        longest + longest / 10
    }

    fn wait_ms(&self, tries: i64) -> i64 {
        let step = usize::try_from(tries.max(1) - 1).unwrap_or(usize::MAX);
        let minutes = self.minutes.get(step).or(self.minutes.last()).copied().unwrap_or(1);
        i64::from(minutes.max(1)) * MINUTE_MS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_then_stay() {
        let schedule = RetrySchedule::new(&[1, 5, 15, 30, 60, 120, 240]);
        for (tries, minutes) in [
            (0, 1),
            (1, 1),
            (2, 5),
            (3, 15),
            (4, 30),
            (5, 60),
            (6, 120),
            (7, 240),
            (30, 240),
            (i64::MAX, 240),
        ] {
            let next = schedule.next_try(tries, Timestamp(7), |_| 0);
            assert_eq!(next, Timestamp(7 + minutes * MINUTE_MS), "after {tries}");
        }
    }

    #[test]
    fn no_schedule_at_all_waits_a_minute() {
        for minutes in [&[][..], &[0]] {
            let next = RetrySchedule::new(minutes).next_try(3, Timestamp(0), |_| 0);
            assert_eq!(next, Timestamp(MINUTE_MS), "{minutes:?}");
        }
    }

    #[test]
    fn jitter_is_at_most_a_tenth() {
        let latest = RetrySchedule::new(&[10]).next_try(1, Timestamp(0), |bound| bound - 1);
        assert_eq!(latest, Timestamp(11 * MINUTE_MS - 1));
    }
}
