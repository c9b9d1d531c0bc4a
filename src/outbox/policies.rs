//! MTA-STS policies of domains, fetched by HTTPS when their record names a new one, and kept as long as they hold.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, redirect};

use super::addresses::is_ourselves;
use super::mta_sts::{Mode, Policy, policy_id};
use super::tls::Trust;
use crate::clock::Clock;
use crate::config;
use crate::model::Timestamp;
use crate::sender::Resolver;

/// Longest wait for a policy (RFC 8461 §3.3).
const PATIENCE: Duration = Duration::from_secs(60);
/// Largest policy, octets (RFC 8461 §3.2).
const LARGEST: usize = 64 << 10;
/// A policy that could not be fetched is not asked for again before (RFC 8461 §3.3).
const AGAIN_MS: i64 = 5 * 60_000;
/// Most domains that are remembered.
const MOST: usize = 10_000;

/// The policies we know.
pub(super) struct Policies {
    resolver: Resolver,
    clock: Clock,
    client: Client,
    known: Mutex<HashMap<String, Arc<Known>>>,
}

/// What is known of one domain; whoever asks first fetches, others wait for it.
type Known = tokio::sync::Mutex<Domain>;

#[derive(Default)]
struct Domain {
    kept: Option<Kept>,
    /// The policy that could not be fetched, and when it may be asked for again.
    missed: Option<(String, Timestamp)>,
}

#[derive(Clone)]
struct Kept {
    id: String,
    policy: Arc<Policy>,
    until: Timestamp,
}

impl Policies {
    /// None yet.
    ///
    /// # Errors
    /// When there can be no HTTPS client.
    pub(super) fn new(
        settings: &config::Direct,
        trust: &Trust,
        resolver: Resolver,
        clock: Clock,
    ) -> Result<Self, String> {
        let names =
            Names { resolver: resolver.clone(), port: settings.policy_port, loopback: settings.loopback };
        let client = Client::builder()
            .tls_backend_preconfigured(trust.client_config())
            .dns_resolver(Arc::new(names))
            .https_only(true)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build();
        let client = client.map_err(|error| error.to_string())?;
        Ok(Self { resolver, clock, client, known: Mutex::default() })
    }

    /// The policy of a domain; `None` when it has none. One that is kept holds though its record is gone or a newer one
    /// can't be fetched (RFC 8461 §5.1): an attacker could bring about both.
    pub(super) async fn of(&self, domain: &str) -> Option<Arc<Policy>> {
        let texts = self.resolver.texts(&format!("_mta-sts.{domain}")).await;
        let id = texts.ok().and_then(|texts| policy_id(&texts));
        let known = match &id {
            Some(_) => self.entry(domain),
            None => self.known().get(domain).cloned()?,
        };
        let mut known = known.lock().await;
        let now = self.clock.now();
        known.kept.take_if(|kept| kept.until <= now);
        if let Some(id) = id.filter(|id| known.asks_for(id, now)) {
            match self.fetch(domain).await {
                Ok(policy) => known.keep(id, policy, now),
                Err(error) => {
                    tracing::warn!(domain, error, "MTA-STS policy not fetched");
                    known.missed = Some((id, now.plus_ms(AGAIN_MS)));
                }
            }
        }
        let policy = known.kept.as_ref().map(|kept| kept.policy.clone());
        policy.filter(|policy| policy.mode != Mode::None)
    }

    fn entry(&self, domain: &str) -> Arc<Known> {
        let mut known = self.known();
        if known.len() >= MOST && !known.contains_key(domain) {
            let now = self.clock.now();
            known.retain(|_, one| one.try_lock().map_or(true, |one| one.holds(now)));
        }
        known.entry(domain.to_owned()).or_default().clone()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, domain: &str) -> Result<Policy, String> {
        let url = format!("https://mta-sts.{domain}/.well-known/mta-sts.txt");
        let response = self.client.get(url).send().await.map_err(in_words)?;
        if !response.status().is_success() {
            return Err(format!("HTTP {}", response.status().as_u16()));
        }
        let kind =
            response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("text/plain") {
            return Err(format!("its type is {kind:?}, not text/plain"));
        }
        Policy::read(&text(response).await?).map_err(str::to_owned)
    }
}

impl Domain {
    /// Whether a policy of this id is to be fetched.
    fn asks_for(&self, id: &str, now: Timestamp) -> bool {
        let has = self.kept.as_ref().is_some_and(|kept| kept.id == id);
        let missed = self.missed.as_ref().is_some_and(|(missed, until)| missed == id && *until > now);
        !has && !missed
    }

    fn keep(&mut self, id: String, policy: Policy, now: Timestamp) {
        let age = i64::try_from(policy.max_age.as_millis()).unwrap_or(i64::MAX);
        self.kept = Some(Kept { id, policy: Arc::new(policy), until: now.plus_ms(age) });
        self.missed = None;
    }

    fn holds(&self, now: Timestamp) -> bool {
        self.kept.as_ref().is_some_and(|kept| kept.until > now)
    }
}

/// The body, no larger than a policy may be.
async fn text(mut response: Response) -> Result<String, String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(in_words)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > LARGEST {
            return Err("it is too large".into());
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// With the reasons behind it: reqwest's own words only say that something failed.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        words = format!("{words}: {error}");
        source = error.source();
    }
    words
}

/// Addresses of policy servers, by our own resolver.
struct Names {
    resolver: Resolver,
    port: u16,
    loopback: bool,
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { resolver, port, loopback } = self;
        let (resolver, port, loopback) = (resolver.clone(), *port, *loopback);
        Box::pin(async move {
            let found = resolver.addresses(name.as_str()).await?;
            let others = found.into_iter().filter(move |address| loopback || !is_ourselves(*address));
            Ok(Box::new(others.map(move |address| SocketAddr::new(address, port))) as Addrs)
        })
    }
}
