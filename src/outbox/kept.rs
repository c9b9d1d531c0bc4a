//! Lines that are kept open for the next mail, for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::judge::{Ending, Stage, is_closing};
use super::line::Line;
use super::pace::Pace;
use super::transport::{Letter, Sent};

/// A line that was quiet for longer is not used again: the other end has its own patience.
const KEPT: Duration = Duration::from_secs(30);

/// Open lines by where they lead.
pub(super) struct Kept<K>(Arc<Mutex<Lines<K>>>);

struct Lines<K> {
    idle: HashMap<K, Vec<Idle>>,
    /// Somebody sees to old ones.
    swept: bool,
}

struct Idle {
    line: Line,
    since: Instant,
}

impl<K: Eq + Hash + Send + 'static> Kept<K> {
    /// None yet.
    pub(super) fn new() -> Self {
        Self(Arc::new(Mutex::new(Lines { idle: HashMap::new(), swept: false })))
    }

    /// Sends on a kept line; `None` when there is none, or when it turns out that the other end had closed it: then
    /// nothing of the mail was said, and a new line is to be tried.
    pub(super) async fn send(&self, key: K, letter: Letter<'_>, pace: Pace) -> Option<Sent> {
        let line = self.take(&key)?;
        let sent = self.send_on(key, line, letter, pace).await;
        (!was_stale(&sent.ending)).then_some(sent)
    }

    /// Sends on a new line, and keeps it for the next mail.
    pub(super) async fn send_on(&self, key: K, line: Line, letter: Letter<'_>, pace: Pace) -> Sent {
        let (sent, line) = line.send(letter, pace).await;
        if let Some(line) = line {
            self.put(key, line);
        }
        sent
    }

    /// Says goodbye on all lines.
    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut locked(&self.0).idle);
        for one in idle.into_values().flatten() {
            one.line.goodbye().await;
        }
    }

    fn take(&self, key: &K) -> Option<Line> {
        let mut lines = locked(&self.0);
        let idle = lines.idle.get_mut(key)?.pop()?;
        (idle.since.elapsed() < KEPT).then_some(idle.line)
    }

    fn put(&self, key: K, line: Line) {
        let mut lines = locked(&self.0);
        lines.idle.entry(key).or_default().push(Idle { line, since: Instant::now() });
        if !std::mem::replace(&mut lines.swept, true) {
            tokio::spawn(sweep(Arc::downgrade(&self.0)));
        }
    }
}

/// Says goodbye on lines that were quiet for too long, until none is left.
async fn sweep<K: Eq + Hash>(lines: Weak<Mutex<Lines<K>>>) {
    loop {
        sleep(KEPT / 2).await;
        let Some(lines) = lines.upgrade() else { return };
        let (old, left) = take_old(&mut locked(&lines));
        for line in old {
            line.goodbye().await;
        }
        if !left {
            return;
        }
    }
}

/// Old lines, and whether others are left; when none is, the sweeping ends.
fn take_old<K: Eq + Hash>(lines: &mut Lines<K>) -> (Vec<Line>, bool) {
    let mut old = Vec::new();
    for idle in lines.idle.values_mut() {
        let (fresh, late) = std::mem::take(idle).into_iter().partition(|one| one.since.elapsed() < KEPT);
        *idle = fresh;
        let late: Vec<Idle> = late;
        old.extend(late.into_iter().map(|one| one.line));
    }
    lines.idle.retain(|_, idle| !idle.is_empty());
    lines.swept = !lines.idle.is_empty();
    (old, lines.swept)
}

fn locked<K>(lines: &Mutex<Lines<K>>) -> MutexGuard<'_, Lines<K>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a kept line had been closed by the other end: nothing of the mail was said yet.
fn was_stale(ending: &Ending) -> bool {
    match ending {
        Ending::Broken(Stage::Mail, _) => true,
        Ending::Refused(Stage::Mail, reply) => is_closing(reply),
        _ => false,
    }
}
