//! Straight to the servers of each recipient's domain: MX by MX, address by address, until one takes the mail or says
//! that it won't. A domain whose servers are in trouble is left alone for a while, and costs others nothing.

use std::net::SocketAddr;
use std::sync::Arc;

use super::addresses::{alternate, domain_of, is_ourselves, literal};
use super::dial::{Dial, Security};
use super::judge::{Ending, LOOPS_BACK, NO_HOST, Way, is_about_server};
use super::kept::Kept;
use super::line::Step;
use super::mta_sts::{Mode, Policy};
use super::mx;
use super::pace::{Pace, Steps};
use super::policies::Policies;
use super::talk::trouble;
use super::tls::Trust;
use super::transport::{Letter, Sent, TransportError, World};
use super::trouble::Troubles;
use crate::config::{self, Config};
use crate::sender::LookupError;

/// Most addresses that one try asks.
const MOST: usize = 10;

/// All the world's servers.
pub(super) struct Direct {
    world: World,
    settings: config::Direct,
    trust: Trust,
    hello: String,
    steps: Steps,
    /// By name of the host, and what we demanded of its TLS.
    kept: Kept<(String, Security)>,
    /// By domain.
    troubles: Troubles,
    /// What domains demand; `None` when nobody shall ask.
    policies: Option<Policies>,
}

impl Direct {
    /// As configured.
    ///
    /// # Errors
    /// When certificates can't be read.
    pub(super) fn new(config: &Config, world: World) -> Result<Self, TransportError> {
        let settings = config.outbox.direct.clone();
        let wrong = |key: &str, error| TransportError::Settings(format!("outbox.direct.{key}"), error);
        let trust = Trust::load(settings.ca_file.as_deref()).map_err(|error| wrong("ca_file", error))?;
        let policies = match settings.mta_sts {
            true => Some(Policies::new(&settings, &trust, world.resolver.clone(), world.clock.clone())),
            false => None,
        };
        Ok(Self {
            policies: policies.transpose().map_err(|error| wrong("mta_sts", error))?,
            world,
            trust,
            settings,
            hello: config.smtp.hostname.clone(),
            steps: Steps::from_config(&config.outbox),
            kept: Kept::new(),
            troubles: Troubles::default(),
        })
    }

    /// Tries to send one mail.
    pub(super) async fn send(&self, letter: Letter<'_>) -> Sent {
        let Some(domain) = domain_of(letter.to) else {
            return Sent::nowhere(Ending::Impossible(format!("{:?} is not an address", letter.to)));
        };
        let known = self.troubles.of(&domain);
        let Some(pass) = known.pass() else {
            return Sent::nowhere(trouble(&format!("the servers of {domain} were in trouble a moment ago")));
        };
        let sent = self.deliver(letter, &domain).await;
        let error = sent.ending.words();
        if !is_about_server(&sent.ending) {
            pass.works();
        } else if let Some(wait) = pass.fails(&error) {
            tracing::info!(domain, error, wait_s = wait.as_secs(), "its servers are in trouble, left alone");
        }
        self.troubles.forget(&domain, known);
        Sent { way: Way::Own, ..sent }
    }

    /// Says goodbye on all kept lines.
    pub(super) async fn close(&self) {
        self.kept.close().await;
    }

    /// From host to host, until one has answered about the mail.
    async fn deliver(&self, letter: Letter<'_>, domain: &str) -> Sent {
        let pace = Pace::new(self.steps);
        let policy = self.policy(domain).await;
        let security = match policy.as_deref() {
            Some(policy) if policy.mode == Mode::Enforce => Security::Starttls,
            _ => Security::Opportunistic,
        };
        let hosts = match self.hosts(domain, policy.as_deref()).await {
            Ok(hosts) => hosts,
            Err(ending) => return Sent::nowhere(ending),
        };
        let mut said =
            Sent::nowhere(Ending::Nowhere(NO_HOST, format!("no mail server of {domain} has an address")));
        for (i, host) in hosts.iter().enumerate() {
            let sent = match self.kept.send((host.clone(), security), letter, pace).await {
                Some(sent) => sent,
                None => self.ask(host, security, letter, pace, hosts.len() - i).await,
            };
            match &sent.ending {
                // A host that may answer another time outweighs those that never will.
                ending if is_about_server(ending) => said = sent,
                Ending::Nowhere(NO_HOST, _) => {}
                Ending::Nowhere(..) if !is_about_server(&said.ending) => said = sent,
                Ending::Nowhere(..) => {}
                _ => return sent,
            }
        }
        said
    }

    /// Sends on a new line to a host, the first of so many that are left.
    async fn ask(&self, host: &str, security: Security, letter: Letter<'_>, pace: Pace, left: usize) -> Sent {
        let addresses = match self.addresses(host, MOST / left).await {
            Ok(addresses) => addresses,
            Err(ending) => return Sent::nowhere(ending),
        };
        let dial = Dial { host, security, trust: &self.trust, hello: &self.hello, login: None };
        match dial.any(&addresses, pace.one_of(left)).await {
            Ok(line) => self.kept.send_on((host.to_owned(), security), line, letter, pace).await,
            Err(ending) => Sent::nowhere(ending),
        }
    }

    async fn policy(&self, domain: &str) -> Option<Arc<Policy>> {
        self.policies.as_ref().filter(|_| literal(domain).is_none())?.of(domain).await
    }

    /// The hosts that take the domain's mail, and that its policy allows.
    async fn hosts(&self, domain: &str, policy: Option<&Policy>) -> Step<Vec<String>> {
        if literal(domain).is_some() {
            return Ok(vec![domain.to_owned()]);
        }
        let answer = self.world.resolver.mail_exchangers(domain).await;
        let mut hosts = mx::hosts(domain, answer, || self.world.ids.below(u64::MAX))?;
        let Some(policy) = policy else { return Ok(hosts) };
        let strange: Vec<_> = hosts.iter().filter(|host| !policy.allows(host)).cloned().collect();
        if !strange.is_empty() {
            tracing::warn!(domain, mode = ?policy.mode, hosts = ?strange, "not named by the domain's MTA-STS policy");
        }
        if policy.mode == Mode::Enforce {
            hosts.retain(|host| policy.allows(host));
        }
        if hosts.is_empty() {
            return Err(trouble(&format!("the MTA-STS policy of {domain} names none of its mail servers")));
        }
        Ok(hosts)
    }

    /// A host's addresses, in the order they are asked; without those that are ourselves.
    async fn addresses(&self, host: &str, most: usize) -> Step<Vec<SocketAddr>> {
        let found = match literal(host) {
            Some(address) => Ok(vec![address]),
            None => self.world.resolver.addresses(host).await,
        };
        let all = match found {
            Ok(all) if all.is_empty() => return Err(no_address(host)),
            Ok(all) => all,
            Err(LookupError::NoSuchName) => return Err(no_address(host)),
            Err(LookupError::Trouble(words)) => return Err(trouble(&format!("address of {host}: {words}"))),
        };
        let others = all.into_iter().filter(|address| self.settings.loopback || !is_ourselves(*address));
        let mut others = alternate(others.collect());
        if others.is_empty() {
            let words = format!("mail loops back: {host} is this machine itself");
            return Err(Ending::Nowhere(LOOPS_BACK, words));
        }
        others.truncate(most.max(2));
        Ok(others.into_iter().map(|address| SocketAddr::new(address, self.settings.port)).collect())
    }
}

fn no_address(host: &str) -> Ending {
    Ending::Nowhere(NO_HOST, format!("the mail server {host} has no address"))
}
