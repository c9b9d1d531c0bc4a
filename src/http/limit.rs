//! How often one may call (API.md §1.7): a quota for each token, for each anonymous address, for each address that
//! tickets are opened for, and for guesses at tokens. All nodes count together.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use uuid::Uuid;

use super::problem::Problem;
use crate::config::ApiLimits;
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::model::quota::{Counted, Quota};

/// Tickets an anonymous caller may open for one address.
const RECIPIENT_HOUR: Policy = Policy { name: "recipient-hour", quota: Quota { calls: 3, seconds: 3_600 } };
const RECIPIENT_DAY: Policy = Policy { name: "recipient-day", quota: Quota { calls: 10, seconds: 86_400 } };

/// The quotas of the settings.
pub struct Limits {
    desk: Desk,
}

/// A quota with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Policy {
    name: &'static str,
    quota: Quota,
}

/// What is left of a caller's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    policy: Policy,
    counted: Counted,
    now: Timestamp,
}

impl Limits {
    /// Those of this desk.
    pub fn new(desk: Desk) -> Self {
        Self { desk }
    }

    /// Counts a call of a token; `None` where nothing is limited.
    ///
    /// # Errors
    /// 429 `rate_limited`; 503 when the store does not answer.
    pub async fn token(&self, id: Uuid) -> Result<Option<Left>, Problem> {
        let Some(limits) = self.limits() else { return Ok(None) };
        let policy = Policy { name: "token", quota: Quota::a_minute(limits.token) };
        self.count(policy, &id.to_string(), "rate_limited").await.map(Some)
    }

    /// Counts an anonymous ticket from this client for this address.
    ///
    /// # Errors
    /// 429 `rate_limited`, `recipient_limited`; 503 when the store does not answer.
    pub async fn anonymous(&self, client: Option<IpAddr>, recipient: Option<&str>) -> Result<(), Problem> {
        let Some(limits) = self.limits() else { return Ok(()) };
        if let Some(client) = client {
            let policy = Policy { name: "anonymous", quota: Quota::a_minute(limits.anonymous) };
            self.count(policy, &network(client).to_string(), "rate_limited").await?;
        }
        if let Some(recipient) = recipient {
            let recipient = recipient.to_lowercase();
            self.count(RECIPIENT_HOUR, &recipient, "recipient_limited").await?;
            self.count(RECIPIENT_DAY, &recipient, "recipient_limited").await?;
        }
        Ok(())
    }

    /// Counts a token that nobody has. Only those are counted: where many callers share an address, somebody's guesses
    /// keep nobody else out.
    ///
    /// # Errors
    /// 429 `rate_limited`; 503 when the store does not answer.
    pub async fn bad_token(&self, client: Option<IpAddr>) -> Result<(), Problem> {
        let (Some(limits), Some(client)) = (self.limits(), client) else { return Ok(()) };
        let policy = Policy { name: "login", quota: Quota::a_minute(limits.login) };
        self.count(policy, &network(client).to_string(), "rate_limited").await.map(drop)
    }

    fn limits(&self) -> Option<&ApiLimits> {
        Some(&self.desk.config().api.limits).filter(|limits| limits.enabled)
    }

    async fn count(&self, policy: Policy, who: &str, code: &'static str) -> Result<Left, Problem> {
        let key = format!("{}:{who}", policy.name);
        let counted = self.desk.count_call(key, policy.quota).await?;
        let left = Left { policy, counted, now: self.desk.clock().now() };
        if counted.passed { Ok(left) } else { Err(left.problem(code)) }
    }
}

impl Left {
    /// Says it in the answer.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.extend(self.lines().map(|(name, value)| (HeaderName::from_static(name), value)));
    }

    fn lines(&self) -> [(&'static str, HeaderValue); 5] {
        let Self { policy: Policy { name, quota: Quota { calls, seconds } }, counted, now } = self;
        let full_in = whole_seconds(counted.full_in_ms);
        let full_at = now.0.div_euclid(1_000) + full_in;
        [
            ("ratelimit-policy", format!("\"{name}\";q={calls};w={seconds}")),
            ("ratelimit", format!("\"{name}\";r={};t={full_in}", counted.left)),
            ("x-ratelimit-limit", calls.to_string()),
            ("x-ratelimit-remaining", counted.left.to_string()),
            ("x-ratelimit-reset", full_at.to_string()),
        ]
        .map(|(name, value)| (name, HeaderValue::try_from(value).expect("printable ASCII")))
    }

    fn problem(&self, code: &'static str) -> Problem {
        let seconds = whole_seconds(self.counted.next_in_ms).max(1);
        let refused =
            Problem::new(code, format!("again in {seconds} s")).header(header::RETRY_AFTER, seconds.into());
        self.lines()
            .into_iter()
            .fold(refused, |refused, (name, value)| refused.header(HeaderName::from_static(name), value))
    }
}

fn whole_seconds(ms: i64) -> i64 {
    (ms + 999) / 1_000
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
    fn a_client_is_an_address_or_a_network() {
        for (ip, want) in [
            ("203.0.113.9", "203.0.113.9"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("2001:db8::ffff:2", "2001:db8::"),
            ("2001:db8:0:1::1", "2001:db8:0:1::"),
        ] {
            assert_eq!(network(ip.parse().expect("an address")).to_string(), want, "{ip}");
        }
    }

    #[test]
    fn the_headers_say_how_the_quota_stands() {
        let counted = Counted { passed: true, left: 571, full_in_ms: 2_900, next_in_ms: 0 };
        let policy = Policy { name: "token", quota: Quota::a_minute(600) };
        let left = Left { policy, counted, now: Timestamp(1_772_442_000_500) };
        let lines = left.lines().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
        assert_eq!(
            lines,
            [
                "ratelimit-policy: \"token\";q=600;w=60",
                "ratelimit: \"token\";r=571;t=3",
                "x-ratelimit-limit: 600",
                "x-ratelimit-remaining: 571",
                "x-ratelimit-reset: 1772442003",
            ]
        );
    }
}
