//! A server that is in trouble is left alone, longer each time; then one mail finds out whether that is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Waits while a server is in trouble: doubled each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Most names in trouble that are remembered once their waits are over.
const MOST: usize = 10_000;

/// What is known of one server, or of one domain's servers.
#[derive(Default)]
pub(super) struct Trouble(Mutex<State>);

#[derive(Default)]
struct State {
    /// The last wait, and when it ends.
    wait: Option<(Duration, Instant)>,
    /// What it said last, or what was wrong with it.
    words: String,
    /// A mail is finding out.
    asked: bool,
}

/// What is known of many, by name: those in trouble alone are remembered.
#[derive(Default)]
pub(super) struct Troubles(Mutex<HashMap<String, Arc<Trouble>>>);

impl Troubles {
    /// What is known of one.
    pub(super) fn of(&self, name: &str) -> Arc<Trouble> {
        self.all().entry(name.to_owned()).or_default().clone()
    }

    /// Forgets one that is not in trouble, and that nobody else asks at this moment.
    pub(super) fn forget(&self, name: &str, known: Arc<Trouble>) {
        let mut all = self.all();
        drop(known);
        let settled = |known: &Arc<Trouble>| Arc::strong_count(known) == 1 && known.until().is_none();
        if all.get(name).is_some_and(settled) {
            all.remove(name);
        }
        if all.len() > MOST {
            let now = Instant::now();
            all.retain(|_, known| known.until().is_some_and(|until| until > now));
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Trouble>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Leave to ask the server. What came of it is told by [`Pass::works`] or [`Pass::fails`]; dropped, it says nothing.
pub(super) struct Pass<'a> {
    trouble: &'a Trouble,
    alone: bool,
}

impl Trouble {
    /// Leave to ask; `None` while the server must be left alone, and while another mail finds out.
    pub(super) fn pass(&self) -> Option<Pass<'_>> {
        let alone = self.state().admit(Instant::now())?;
        Some(Pass { trouble: self, alone })
    }

    /// Until when the server must be left alone, though that may be over; `None` when there is no trouble.
    pub(super) fn until(&self) -> Option<Instant> {
        self.state().wait.map(|(_, until)| until)
    }

    /// What was wrong last, while there is trouble.
    pub(super) fn words(&self) -> Option<String> {
        let state = self.state();
        state.wait.is_some().then(|| state.words.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// The server answers: no trouble any more.
    pub(super) fn works(self) {
        self.trouble.state().wait = None;
    }

    /// The server is in trouble, in these words. Returns the wait when it became longer: of mails that were on the way
    /// together, only the first lengthens it.
    pub(super) fn fails(self, words: &str) -> Option<Duration> {
        let mut state = self.trouble.state();
        words.clone_into(&mut state.words);
        state.lengthen(self.alone, Instant::now())
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.alone {
            self.trouble.state().asked = false;
        }
    }
}

impl State {
    /// Lets a mail ask, `true` when it is the one that finds out.
    fn admit(&mut self, now: Instant) -> Option<bool> {
        let Some((_, until)) = self.wait else { return Some(false) };
        if self.asked || until > now {
            return None;
        }
        self.asked = true;
        Some(true)
    }

    fn lengthen(&mut self, alone: bool, now: Instant) -> Option<Duration> {
        let wait = match self.wait {
            Some((_, until)) if !alone && until > now => return None,
            Some((wait, _)) => (wait * 2).min(LONGEST_WAIT),
            None => FIRST_WAIT,
        };
        self.wait = Some((wait, now + wait));
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_one_mail_finds_out() {
        let (mut state, mut now) = (State::default(), Instant::now());
        assert_eq!((state.admit(now), state.admit(now)), (Some(false), Some(false)));
        assert_eq!(state.lengthen(false, now), Some(FIRST_WAIT));
        assert_eq!(state.lengthen(false, now), None, "it was on the way together with the first");
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert_eq!(state.admit(now), None, "left alone");
            now += Duration::from_secs(wait);
            assert_eq!(state.admit(now), Some(true), "its time has come");
            assert_eq!(state.admit(now), None, "one is enough");
            assert_eq!(state.lengthen(true, now), Some(Duration::from_secs((wait * 2).min(60))));
            state.asked = false;
        }
    }

    #[test]
    fn a_pass_that_found_out_nothing_is_given_again() {
        let trouble = Trouble::default();
        trouble.state().wait = Some((FIRST_WAIT, Instant::now()));
        let alone = trouble.pass().expect("its time has come");
        assert!(trouble.pass().is_none());
        drop(alone);
        trouble.pass().expect("the last one found out nothing").works();
        assert!(trouble.until().is_none() && trouble.pass().is_some());
    }

    #[test]
    fn only_those_in_trouble_are_remembered() {
        let troubles = Troubles::default();
        let (well, ill) = (troubles.of("well.test"), troubles.of("ill.test"));
        ill.pass().expect("no trouble yet").fails("");
        troubles.forget("well.test", well);
        troubles.forget("ill.test", ill);
        assert_eq!(troubles.all().keys().collect::<Vec<_>>(), ["ill.test"]);
    }
}
