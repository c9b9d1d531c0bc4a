//! The least speed of a mail's data: a client that drips octets holds a session for long, and is cut off.

use std::time::Duration;

use tokio::time::Instant;

use crate::config::Smtp;

/// The longest a client may be silent in `DATA`; the speed is judged over this.
const WINDOW: Duration = Duration::from_secs(60);

/// How fast one mail comes.
#[derive(Debug)]
pub struct Pace {
    window: Duration,
    /// Octets that have to come in one window.
    least: u64,
    octets: u64,
    until: Instant,
}

impl Pace {
    /// Begins now.
    pub fn new(config: &Smtp) -> Self {
        let window = WINDOW.min(Duration::from_secs(config.command_timeout_seconds.max(1)));
        let least = config.min_data_rate.saturating_mul(window.as_secs()).max(1);
        Self { window, least, octets: 0, until: Instant::now() + window }
    }

    /// When it is judged next.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Counts octets that have come; `false` when a window is over and too few came in it.
    pub fn holds(&mut self, octets: usize, now: Instant) -> bool {
        self.octets += octets as u64;
        if now < self.until {
            return true;
        }
        let enough = self.octets >= self.least;
        self.octets = 0;
        self.until = now + self.window;
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_is_judged_by_itself() {
        let config = Smtp { min_data_rate: 100, command_timeout_seconds: 300, ..Smtp::default() };
        let mut pace = Pace::new(&config);
        let start = Instant::now();
        for (second, octets, want) in [
            (1, 5_999, true),
            (59, 0, true),
            (61, 1, true),
            (100, 9_000, true),
            (125, 0, true),
            (190, 5_999, false),
        ] {
            assert_eq!(pace.holds(octets, start + Duration::from_secs(second)), want, "at {second} s");
        }
    }
}
