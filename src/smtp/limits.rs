//! What one client, or all of them together, may use: sessions, and mails a minute.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use tokio::sync::{Notify, Semaphore};
use tokio::time::sleep;

use crate::config::Smtp;

/// The counters of one door.
#[derive(Debug)]
pub struct Limits {
    max_sessions: usize,
    max_sessions_per_ip: usize,
    sessions: Mutex<Sessions>,
    by_ip: Option<DefaultKeyedRateLimiter<IpAddr>>,
    by_sender: Option<DefaultKeyedRateLimiter<u64>>,
    /// Rung for the session that has waited longest, when somebody needs its place.
    room: Notify,
    /// Places of those who wait for one.
    at_the_door: Semaphore,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Crowd {
    /// All are taken.
    OfAll,
    /// This address has as many as it may have.
    OfAddress,
}

/// Most clients that wait for a place.
const MOST_WAITING: usize = 200;
/// Longest wait for a place, and for another look.
const PATIENCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
struct Sessions {
    all: usize,
    by_ip: HashMap<IpAddr, usize>,
}

impl Limits {
    /// From `[smtp]`.
    pub fn new(config: &Smtp) -> Self {
        Self {
            max_sessions: config.max_sessions,
            max_sessions_per_ip: config.max_sessions_per_ip,
            sessions: Mutex::default(),
            by_ip: a_minute(config.max_mails_per_ip_minute).map(RateLimiter::keyed),
            by_sender: a_minute(config.max_mails_per_sender_minute).map(RateLimiter::keyed),
            room: Notify::new(),
            at_the_door: Semaphore::new(MOST_WAITING),
        }
    }

    /// A place for one more session. `ip` is `None` for clients whose number is not limited.
    pub fn enter(self: &Arc<Self>, ip: Option<IpAddr>) -> Result<Place, Crowd> {
        let ip = ip.map(network);
        let mut sessions = self.sessions();
        let of_ip = ip.and_then(|ip| sessions.by_ip.get(&ip)).copied().unwrap_or_default();
        if of_ip >= self.max_sessions_per_ip {
            return Err(Crowd::OfAddress);
        }
        if sessions.all >= self.max_sessions {
            return Err(Crowd::OfAll);
        }
        if let Some(ip) = ip {
            *sessions.by_ip.entry(ip).or_default() += 1;
        }
        sessions.all += 1;
        drop(sessions);
        Ok(Place { limits: self.clone(), ip })
    }

    /// The same when all places are taken: the session that has waited longest for its client gives up its own. `None`
    /// when too many stand at the door already, or nobody leaves in time.
    pub async fn enter_soon(self: &Arc<Self>, ip: Option<IpAddr>) -> Option<Place> {
        let _waiting = self.at_the_door.try_acquire().ok()?;
        for _ in 0..PATIENCE.as_millis() / AGAIN.as_millis() {
            match self.enter(ip) {
                Ok(place) => return Some(place),
                Err(Crowd::OfAddress) => return None,
                Err(Crowd::OfAll) => self.room.notify_one(),
            }
            sleep(AGAIN).await;
        }
        None
    }

    /// Ends when a session that only waits for its client must make room for another.
    pub async fn crowded_out(&self) {
        loop {
            self.room.notified().await;
            let is_wanted = self.at_the_door.available_permits() < MOST_WAITING;
            if is_wanted && self.sessions().all >= self.max_sessions {
                return;
            }
        }
    }

    /// Whether one more mail may come from here now; counts it. A sender is limited at each address, or else anybody could
    /// use up what another may send; the null sender by address alone.
    pub fn may_send(&self, ip: Option<IpAddr>, sender: &str) -> bool {
        let ip_may = match (&self.by_ip, ip) {
            (Some(limiter), Some(ip)) => limiter.check_key(&network(ip)).is_ok(),
            _ => true,
        };
        let sender_may = match &self.by_sender {
            Some(limiter) if !sender.is_empty() => limiter.check_key(&key(ip, sender)).is_ok(),
            _ => true,
        };
        ip_may && sender_may
    }

    /// Forgets addresses and senders that were quiet for a minute; to be called about that often.
    pub fn forget_quiet(&self) {
        if let Some(limiter) = &self.by_ip {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
        if let Some(limiter) = &self.by_sender {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place; dropping it leaves.
#[derive(Debug)]
pub struct Place {
    limits: Arc<Limits>,
    ip: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sessions = self.limits.sessions();
        sessions.all -= 1;
        let Some(ip) = self.ip else { return };
        if let Some(count) = sessions.by_ip.get_mut(&ip) {
            *count -= 1;
            if *count == 0 {
                sessions.by_ip.remove(&ip);
            }
        }
    }
}

/// 0 is no limit.
fn a_minute(mails: u32) -> Option<Quota> {
    NonZeroU32::new(mails).map(Quota::per_minute)
}

/// One client of IPv6 has a whole /64 as a rule, so that counts as one address.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

/// A fixed size for whatever length a client sends; two senders that share a key share a limit, no more.
fn key(ip: Option<IpAddr>, sender: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (ip.map(network), sender.to_lowercase()).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_counted_in_all_and_by_address() {
        let config = Smtp { max_sessions: 3, max_sessions_per_ip: 2, ..Smtp::default() };
        let limits = Arc::new(Limits::new(&config));
        let ip = |text: &str| Some(text.parse().unwrap());
        let one = limits.enter(ip("2001:db8::1")).unwrap();
        let _two = limits.enter(ip("2001:db8::2")).unwrap();
        assert_eq!(limits.enter(ip("2001:db8::3")).err(), Some(Crowd::OfAddress), "the same /64");
        let _three = limits.enter(ip("192.0.2.1")).unwrap();
        assert_eq!(limits.enter(None).err(), Some(Crowd::OfAll), "three in all");
        drop(one);
        assert!(limits.enter(ip("2001:db8::3")).is_ok());
    }

    #[test]
    fn mails_are_limited_by_address_and_by_sender() {
        let config = Smtp { max_mails_per_ip_minute: 3, max_mails_per_sender_minute: 2, ..Smtp::default() };
        let limits = Limits::new(&config);
        let ip = |text: &str| Some(text.parse().unwrap());
        for (from, sender, want) in [
            ("192.0.2.1", "a@x.example", true),
            ("192.0.2.1", "A@X.example", true),
            ("192.0.2.1", "a@x.example", false),
            ("192.0.2.2", "a@x.example", true),
            ("192.0.2.1", "b@x.example", false),
            ("192.0.2.2", "", true),
            ("192.0.2.3", "b@x.example", true),
        ] {
            assert_eq!(limits.may_send(ip(from), sender), want, "{from} {sender}");
        }
        limits.forget_quiet();
        assert!(!limits.may_send(ip("192.0.2.1"), "a@x.example"), "not quiet yet");
    }
}
