//! What one client, or all of them together, may use: sessions, and mails a minute.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::config::Smtp;

/// The counters of one door.
#[derive(Debug)]
pub struct Limits {
    max_sessions: usize,
    max_sessions_per_ip: usize,
    sessions: Mutex<Sessions>,
    by_ip: Option<DefaultKeyedRateLimiter<IpAddr>>,
    by_sender: Option<DefaultKeyedRateLimiter<u64>>,
}

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
        }
    }

    /// A place for one more session, or `None`. `ip` is `None` for clients whose number is not limited.
    pub fn enter(self: &Arc<Self>, ip: Option<IpAddr>) -> Option<Place> {
        let ip = ip.map(network);
        let mut sessions = self.sessions();
        if sessions.all >= self.max_sessions {
            return None;
        }
        if let Some(ip) = ip {
            let count = sessions.by_ip.entry(ip).or_default();
            if *count >= self.max_sessions_per_ip {
                return None;
            }
            *count += 1;
        }
        sessions.all += 1;
        drop(sessions);
        Some(Place { limits: self.clone(), ip })
    }

    /// Whether one more mail may come from here now; counts it. The null sender is limited by address alone.
    pub fn may_send(&self, ip: Option<IpAddr>, sender: &str) -> bool {
        let ip_may = match (&self.by_ip, ip) {
            (Some(limiter), Some(ip)) => limiter.check_key(&network(ip)).is_ok(),
            _ => true,
        };
        let sender_may = match &self.by_sender {
            Some(limiter) if !sender.is_empty() => limiter.check_key(&key(sender)).is_ok(),
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
fn key(sender: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    sender.to_lowercase().hash(&mut hasher);
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
        assert!(limits.enter(ip("2001:db8::3")).is_none(), "the same /64");
        let _three = limits.enter(ip("192.0.2.1")).unwrap();
        assert!(limits.enter(None).is_none(), "three in all");
        drop(one);
        assert!(limits.enter(ip("2001:db8::3")).is_some());
    }

    #[test]
    fn mails_are_limited_by_address_and_by_sender() {
        let config = Smtp { max_mails_per_ip_minute: 3, max_mails_per_sender_minute: 2, ..Smtp::default() };
        let limits = Limits::new(&config);
        let ip = |text: &str| Some(text.parse().unwrap());
        for (from, sender, want) in [
            ("192.0.2.1", "a@x.example", true),
            ("192.0.2.1", "A@X.example", true),
            ("192.0.2.2", "a@x.example", false),
            ("192.0.2.1", "", true),
            ("192.0.2.1", "b@x.example", false),
            ("192.0.2.3", "b@x.example", true),
        ] {
            assert_eq!(limits.may_send(ip(from), sender), want, "{from} {sender}");
        }
        limits.forget_quiet();
        assert!(!limits.may_send(ip("192.0.2.4"), "a@x.example"), "not quiet yet");
    }
}
