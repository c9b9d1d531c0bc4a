//! Mails a worker has taken and not yet put on the wire, and whose turn it is: no destination domain may take all
//! places, or fill the hand, however slow its servers are.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::desk::ReadyMail;

/// Most mails in hand that wait for a place.
const MOST: usize = 128;
/// So few, and it is time to take more.
const FEW: usize = MOST / 4;
/// How long it is remembered that a domain did not answer.
const SILENCE: Duration = Duration::from_secs(600);

/// A mail that is ready to go.
#[derive(Debug)]
pub(super) struct Held {
    /// With its bytes, which are fixed.
    pub mail: ReadyMail,
    /// Of the recipient.
    pub domain: String,
    /// When its lease began.
    pub claimed: Instant,
}

/// Mails that wait for a place on the wire, and how many are on it to each domain.
#[derive(Debug)]
pub(super) struct Hand {
    waiting: VecDeque<Held>,
    lanes: HashMap<String, Lane>,
    on_wire: usize,
    /// On the wire as well, without a place.
    aside: usize,
    places: usize,
    per_domain: usize,
    most_aside: usize,
}

/// What is under way to one domain.
#[derive(Debug, Default)]
struct Lane {
    on_wire: usize,
    waiting: usize,
    /// When the last try ended without an answer: one mail at a time finds out whether the next one gets one.
    silent: Option<Instant>,
}

impl Lane {
    fn is_silent(&self, now: Instant) -> bool {
        self.silent.is_some_and(|since| now.duration_since(since) < SILENCE)
    }
}

impl Hand {
    /// Empty, with so many places on the wire, so many of them for one domain, and room for so many mails besides that
    /// take long.
    pub(super) fn new(places: usize, per_domain: usize, most_aside: usize) -> Self {
        let (waiting, lanes) = (VecDeque::new(), HashMap::new());
        Self { waiting, lanes, on_wire: 0, aside: 0, places, per_domain, most_aside }
    }

    /// How many mails it would take.
    pub(super) fn room(&self) -> usize {
        MOST.saturating_sub(self.waiting.len())
    }

    /// Octets of the mails that wait.
    pub(super) fn octets(&self) -> usize {
        self.waiting.iter().map(|held| held.mail.mime.len()).sum()
    }

    /// Whether no mail waits in it, and none is on the wire.
    pub(super) fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.on_wire + self.aside == 0
    }

    /// Whether it is time to take more.
    pub(super) fn is_low(&self) -> bool {
        self.waiting.len() <= FEW
    }

    /// Whether it has enough of some domain: that one may have more in the queue.
    pub(super) fn is_rich(&self) -> bool {
        self.lanes.values().any(|lane| lane.waiting >= MOST / 2)
    }

    /// Domains that are to get no more for now: those it has enough of (half of what fits), and those that don't answer
    /// while anything at all is on its way to them.
    pub(super) fn resting(&self, now: Instant) -> HashSet<String> {
        let rests = |lane: &Lane| {
            lane.waiting >= MOST / 2 || (lane.is_silent(now) && lane.waiting + lane.on_wire > 0)
        };
        self.lanes.iter().filter(|(_, lane)| rests(lane)).map(|(domain, _)| domain.clone()).collect()
    }

    /// Takes mails in.
    pub(super) fn put(&mut self, mails: impl IntoIterator<Item = Held>) {
        for held in mails {
            self.lanes.entry(held.domain.clone()).or_default().waiting += 1;
            self.waiting.push_back(held);
        }
    }

    /// The next mail for the wire, which counts as on it from now on: the first one whose domain has a place. A domain
    /// may have as many mails on the wire as places are free, so one alone takes half of them, two a third each, and
    /// there is always one for whoever comes next. `alone`: only one mail in all may be on its way.
    pub(super) fn next(&mut self, alone: bool, now: Instant) -> Option<Held> {
        let places = if alone { 1 } else { self.places };
        let free = places.saturating_sub(self.on_wire);
        let most = free.min(self.per_domain);
        let may_go = |lane: &Lane| lane.on_wire < if lane.is_silent(now) { most.min(1) } else { most };
        let first = self.waiting.iter().position(|held| self.lanes.get(&held.domain).is_some_and(may_go))?;
        let held = self.waiting.remove(first)?;
        if let Some(lane) = self.lanes.get_mut(&held.domain) {
            lane.waiting -= 1;
            lane.on_wire += 1;
        }
        self.on_wire += 1;
        Some(held)
    }

    /// Frees the place of a mail that takes long, where there is room; its domain still has it on the wire.
    pub(super) fn set_aside(&mut self) -> bool {
        let may = self.aside < self.most_aside;
        if may {
            self.on_wire -= 1;
            self.aside += 1;
        }
        may
    }

    /// A try ended: `Some` says whether with an answer, `None` that it tells nothing of the domain. `aside`: it had no
    /// place any more.
    pub(super) fn ended(&mut self, domain: &str, answered: Option<bool>, aside: bool, now: Instant) {
        if aside {
            self.aside -= 1;
        } else {
            self.on_wire -= 1;
        }
        if let Some(lane) = self.lanes.get_mut(domain) {
            lane.on_wire -= 1;
            match answered {
                Some(true) => lane.silent = None,
                Some(false) => lane.silent = Some(now),
                None => {}
            }
        }
        self.lanes.retain(|_, lane| lane.is_silent(now) || lane.on_wire + lane.waiting > 0);
    }

    /// Mails to be given back: those whose turn did not come for so long, and those to domains that don't answer, since
    /// others need the room.
    pub(super) fn give_back(&mut self, longest: Duration, now: Instant) -> Vec<ReadyMail> {
        self.take_out(|lane, held| {
            lane.is_silent(now) && lane.on_wire > 0 || now.duration_since(held.claimed) > longest
        })
    }

    /// All of them.
    pub(super) fn give_all_back(&mut self) -> Vec<ReadyMail> {
        self.take_out(|_, _| true)
    }

    fn take_out(&mut self, out: impl Fn(&Lane, &Held) -> bool) -> Vec<ReadyMail> {
        let mut back = Vec::new();
        for held in std::mem::take(&mut self.waiting) {
            match self.lanes.get_mut(&held.domain) {
                Some(lane) if out(lane, &held) => {
                    lane.waiting -= 1;
                    back.push(held.mail);
                }
                _ => self.waiting.push_back(held),
            }
        }
        back
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::delivery::tests::entry;

    /// So many mails to each of these domains, in this order, claimed then.
    fn hand(places: usize, per_domain: usize, mails: &[(&str, usize)], claimed: Instant) -> Hand {
        let mut hand = Hand::new(places, per_domain, 1);
        for (domain, count) in mails {
            hand.put((0..*count).map(|_| held(domain, claimed)));
        }
        hand
    }

    fn held(domain: &str, claimed: Instant) -> Held {
        let mail = ReadyMail { entry: entry(), mime: vec![0; 10], fixed: true };
        Held { mail, domain: domain.into(), claimed }
    }

    /// Puts on the wire what may go; how many of each domain.
    fn go(hand: &mut Hand, alone: bool, now: Instant) -> Vec<(String, usize)> {
        let mut gone: Vec<(String, usize)> = Vec::new();
        while let Some(held) = hand.next(alone, now) {
            match gone.iter_mut().find(|(domain, _)| *domain == held.domain) {
                Some((_, count)) => *count += 1,
                None => gone.push((held.domain, 1)),
            }
        }
        gone
    }

    #[test]
    fn no_domain_takes_all_places() {
        let now = Instant::now();
        for (places, per_domain, mails, want) in [
            (20, 20, &[("a", 99)][..], &[("a", 10)][..]),
            (20, 20, &[("a", 99), ("b", 1)], &[("a", 10), ("b", 1)]),
            (20, 20, &[("a", 99), ("b", 99)], &[("a", 10), ("b", 5)]),
            (20, 5, &[("a", 99), ("b", 99)], &[("a", 5), ("b", 5)]),
            (1, 20, &[("a", 9), ("b", 9)], &[("a", 1)]),
            (2, 20, &[("a", 9), ("b", 9)], &[("a", 1), ("b", 1)]),
        ] {
            let gone = go(&mut hand(places, per_domain, mails, now), false, now);
            let gone: Vec<_> = gone.iter().map(|(domain, count)| (domain.as_str(), *count)).collect();
            assert_eq!(gone, want, "{places} places, {per_domain} each, {mails:?}");
        }
        let gone = go(&mut hand(20, 20, &[("a", 9)], now), true, now);
        assert_eq!(gone, [("a".to_owned(), 1)], "one finds out");
    }

    #[test]
    fn a_domain_that_does_not_answer_gets_one_place() {
        let now = Instant::now();
        let mut hand = hand(20, 20, &[("a", 30), ("b", 3)], now);
        go(&mut hand, false, now);
        hand.ended("a", Some(false), false, now);
        assert_eq!(hand.resting(now), HashSet::from(["a".to_owned()]));
        assert_eq!(hand.give_back(SILENCE, now).len(), 20, "others need the room");
        hand.put([held("a", now), held("a", now)]);
        for _ in 0..9 {
            assert!(hand.next(false, now).is_none(), "there are others on the wire");
            hand.ended("a", Some(false), false, now);
        }
        assert_eq!(go(&mut hand, false, now), [("a".to_owned(), 1)]);
        hand.ended("a", Some(true), false, now);
        assert_eq!(go(&mut hand, false, now), [("a".to_owned(), 1)], "it answers: the other one goes too");
        hand.ended("a", Some(false), false, now);
        assert_eq!(hand.resting(now), HashSet::new(), "the next one finds out");
        let later = now + SILENCE;
        hand.put([held("a", later), held("a", later)]);
        assert_eq!(go(&mut hand, false, later), [("a".to_owned(), 2)], "forgotten");
    }

    #[test]
    fn a_slow_try_leaves_its_place_to_other_domains() {
        let now = Instant::now();
        let mut hand = hand(2, 1, &[("a", 1), ("b", 2), ("c", 2)], now);
        assert_eq!(go(&mut hand, false, now).len(), 2, "a and b");
        assert!(hand.set_aside() && !hand.set_aside(), "there is room for one");
        assert_eq!(go(&mut hand, false, now), [("c".to_owned(), 1)], "b has what it may have");
        hand.ended("a", Some(true), true, now);
        assert!(go(&mut hand, false, now).is_empty(), "that was no place");
        hand.ended("b", Some(true), false, now);
        assert_eq!(go(&mut hand, false, now), [("b".to_owned(), 1)]);
    }

    #[test]
    fn what_waits_for_long_is_given_back() {
        let (now, half) = (Instant::now(), Duration::from_secs(30));
        let mut hand = hand(2, 2, &[("a", 70)], now);
        assert!(!hand.is_low() && hand.is_rich() && hand.octets() == 700 && hand.room() == 58);
        go(&mut hand, false, now);
        let later = now + half + Duration::from_secs(1);
        hand.put([held("a", later)]);
        assert_eq!(hand.give_back(half, later).len(), 69);
        assert_eq!((hand.give_all_back().len(), hand.is_low()), (1, true));
        hand.ended("a", None, false, later);
        assert!(hand.is_idle());
    }
}
