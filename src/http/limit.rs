//! How often one may call (API.md §1.7): a bucket for each token, for each anonymous address, and for each address
//! that tickets are opened for. Buckets are kept on this node.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use governor::clock::{Clock as _, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DefaultKeyedStateStore;
use governor::{Quota, RateLimiter};
use uuid::Uuid;

use super::problem::Problem;
use crate::config::ApiLimits;
use crate::model::Timestamp;

type Buckets<K> = RateLimiter<K, DefaultKeyedStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// Over so many buckets the full ones are dropped.
const MANY_BUCKETS: usize = 10_000;
/// Tickets an anonymous caller may open for one address.
const PER_RECIPIENT_HOUR: u32 = 3;
const PER_RECIPIENT_DAY: u32 = 10;

/// All buckets.
pub struct Limits {
    enabled: bool,
    token_quota: u32,
    tokens: Buckets<Uuid>,
    anonymous: Buckets<IpAddr>,
    recipient_hour: Buckets<String>,
    recipient_day: Buckets<String>,
}

/// What is left of a caller's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    policy: &'static str,
    quota: u32,
    remaining: u32,
    /// Until the bucket is full again, seconds.
    reset: u64,
}

impl Limits {
    /// Empty buckets.
    pub fn new(config: &ApiLimits) -> Self {
        let minute = |calls: u32| Quota::per_minute(NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN));
        let spread = |calls: u32, seconds: u64| {
            let calls = NonZeroU32::new(calls).unwrap_or(NonZeroU32::MIN);
            let quota = Quota::with_period(Duration::from_secs(seconds) / calls.get());
            quota.expect("the period is not zero").allow_burst(calls)
        };
        Self {
            enabled: config.enabled,
            token_quota: config.token,
            tokens: buckets(minute(config.token)),
            anonymous: buckets(minute(config.anonymous)),
            recipient_hour: buckets(spread(PER_RECIPIENT_HOUR, 3_600)),
            recipient_day: buckets(spread(PER_RECIPIENT_DAY, 86_400)),
        }
    }

    /// Counts a call of a token.
    ///
    /// # Errors
    /// 429 `rate_limited`.
    pub fn token(&self, id: Uuid) -> Result<Option<Left>, Problem> {
        if !self.enabled {
            return Ok(None);
        }
        match take(&self.tokens, &id) {
            Ok(remaining) => Ok(Some(Left::new("token", self.token_quota, remaining))),
            Err(wait) => Err(Left::new("token", self.token_quota, 0).problem(wait)),
        }
    }

    /// Counts an anonymous ticket from this client for this address.
    ///
    /// # Errors
    /// 429 `rate_limited`, `recipient_limited`.
    pub fn anonymous(&self, client: Option<IpAddr>, recipient: Option<&str>) -> Result<(), Problem> {
        if !self.enabled {
            return Ok(());
        }
        if let Some(client) = client {
            take(&self.anonymous, &network(client)).map_err(|wait| refuse("rate_limited", wait))?;
        }
        if let Some(recipient) = recipient {
            let recipient = recipient.to_owned();
            take(&self.recipient_hour, &recipient).map_err(|wait| refuse("recipient_limited", wait))?;
            take(&self.recipient_day, &recipient).map_err(|wait| refuse("recipient_limited", wait))?;
        }
        Ok(())
    }
}

impl Left {
    fn new(policy: &'static str, quota: u32, remaining: u32) -> Self {
        let used = u64::from(quota.saturating_sub(remaining));
        Self { policy, quota, remaining, reset: (used * 60).div_ceil(u64::from(quota.max(1))) }
    }

    /// Says it in the answer.
    pub fn write(&self, headers: &mut HeaderMap, now: Timestamp) {
        let Self { policy, quota, remaining, reset } = self;
        let at = u64::try_from(now.0 / 1_000).unwrap_or(0) + reset;
        let lines = [
            ("ratelimit-policy", format!("\"{policy}\";q={quota};w=60")),
            ("ratelimit", format!("\"{policy}\";r={remaining};t={reset}")),
            ("x-ratelimit-limit", quota.to_string()),
            ("x-ratelimit-remaining", remaining.to_string()),
            ("x-ratelimit-reset", at.to_string()),
        ];
        for (name, value) in lines {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }

    fn problem(self, wait: Duration) -> Problem {
        let Self { policy, quota, reset, .. } = self;
        let value = |text: String| HeaderValue::from_str(&text).expect("printable ASCII");
        refuse("rate_limited", wait)
            .header(
                HeaderName::from_static("ratelimit-policy"),
                value(format!("\"{policy}\";q={quota};w=60")),
            )
            .header(HeaderName::from_static("ratelimit"), value(format!("\"{policy}\";r=0;t={reset}")))
    }
}

fn buckets<K: std::hash::Hash + Eq + Clone>(quota: Quota) -> Buckets<K> {
    RateLimiter::keyed(quota).with_middleware::<StateInformationMiddleware>()
}

/// Takes one from a bucket: what is left, or how long to wait.
fn take<K: std::hash::Hash + Eq + Clone>(buckets: &Buckets<K>, key: &K) -> Result<u32, Duration> {
    if buckets.len() > MANY_BUCKETS {
        buckets.retain_recent();
        buckets.shrink_to_fit();
    }
    match buckets.check_key(key) {
        Ok(state) => Ok(state.remaining_burst_capacity()),
        Err(refused) => Err(refused.wait_time_from(DefaultClock::default().now())),
    }
}

fn refuse(code: &'static str, wait: Duration) -> Problem {
    let seconds = wait.as_secs() + 1;
    Problem::new(code, format!("again in {seconds} s"))
        .header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

/// One client: an IPv4 address, or the /64 an IPv6 host can move in.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & (u128::MAX << 64))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties() {
        let limits = Limits::new(&ApiLimits { enabled: true, token: 2, anonymous: 1 });
        let id = Uuid::from_u128(1);
        assert_eq!(limits.token(id).ok().flatten().map(|left| left.remaining), Some(1));
        assert!(limits.token(id).is_ok());
        assert!(limits.token(id).is_err());
        assert!(limits.token(Uuid::from_u128(2)).is_ok());
        let [a, b] = ["2001:db8::1", "2001:db8::ffff:2"].map(|ip| ip.parse().ok());
        assert!(limits.anonymous(a, None).is_ok());
        assert!(limits.anonymous(b, None).is_err(), "the same /64");
    }
}
