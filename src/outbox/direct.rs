//! Straight to the servers of each recipient's domain: MX by MX, address by address, until one takes the mail or says
//! that it won't. A domain whose servers are in trouble is left alone for a while, and costs others nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::dial::{Dial, Security};
use super::judge::{Ending, LOOPS_BACK, NO_HOST, Way, is_about_server};
use super::kept::Kept;
use super::line::Step;
use super::mx;
use super::pace::Pace;
use super::talk::trouble;
use super::tls::Trust;
use super::transport::{Letter, Sent, TransportError, World};
use super::trouble::Troubles;
use crate::config::{self, Config};
use crate::sender::{LookupError, ascii_domain};

/// Most addresses that one try asks.
const MOST: usize = 10;

/// All the world's servers.
pub(super) struct Direct {
    world: World,
    settings: config::Direct,
    trust: Trust,
    hello: String,
    step: Duration,
    /// By name of the host, and what we demanded of its TLS.
    kept: Kept<(String, Security)>,
    /// By domain.
    troubles: Troubles,
}

impl Direct {
    /// As configured.
    ///
    /// # Errors
    /// When certificates can't be read.
    pub(super) fn new(config: &Config, world: World) -> Result<Self, TransportError> {
        let settings = config.outbox.direct.clone();
        let trust = Trust::load(settings.ca_file.as_deref());
        let key = || "outbox.direct.ca_file".to_owned();
        Ok(Self {
            world,
            trust: trust.map_err(|error| TransportError::Settings(key(), error))?,
            settings,
            hello: config.smtp.hostname.clone(),
            step: Duration::from_secs(config.outbox.step_timeout_seconds.max(1)),
            kept: Kept::new(),
            troubles: Troubles::default(),
        })
    }

    /// Tries to send one mail until `end`.
    pub(super) async fn send(&self, letter: Letter<'_>, end: Instant) -> Sent {
        let Some(domain) = domain_of(letter.to) else {
            return Sent::nowhere(Ending::Impossible(format!("{:?} is not an address", letter.to)));
        };
        let known = self.troubles.of(&domain);
        let Some(pass) = known.pass() else {
            return Sent::nowhere(trouble(&format!("the servers of {domain} were in trouble a moment ago")));
        };
        let sent = timeout_at(end, self.deliver(letter, &domain, end)).await;
        let late = |_| Sent::nowhere(trouble(&format!("no server of {domain} answers in time")));
        let sent = sent.unwrap_or_else(late);
        if !is_about_server(&sent.ending) {
            pass.works();
        } else if let Some(wait) = pass.fails() {
            let error = sent.ending.words();
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
    async fn deliver(&self, letter: Letter<'_>, domain: &str, end: Instant) -> Sent {
        let hosts = match self.hosts(domain).await {
            Ok(hosts) => hosts,
            Err(ending) => return Sent::nowhere(ending),
        };
        let pace = Pace::until(end, self.step);
        let mut said =
            Sent::nowhere(Ending::Nowhere(NO_HOST, format!("no mail server of {domain} has an address")));
        for (i, host) in hosts.iter().enumerate() {
            let security = Security::Opportunistic;
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

    async fn hosts(&self, domain: &str) -> Step<Vec<String>> {
        if literal(domain).is_some() {
            return Ok(vec![domain.to_owned()]);
        }
        let answer = self.world.resolver.mail_exchangers(domain).await;
        mx::hosts(domain, answer, || self.world.ids.below(u64::MAX))
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

/// The domain of an address, as the DNS knows it; a literal such as `[192.0.2.1]` as it is.
fn domain_of(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    if literal(domain).is_some() { Some(domain.to_owned()) } else { ascii_domain(domain) }
}

/// The address that stands in place of a domain (RFC 5321 §4.1.3).
fn literal(domain: &str) -> Option<IpAddr> {
    let inside = domain.strip_prefix('[')?.strip_suffix(']')?;
    inside.strip_prefix("IPv6:").unwrap_or(inside).parse().ok()
}

/// Addresses that lead to this machine, or to none in particular.
fn is_ourselves(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// One of IPv6, one of IPv4, and so on: where one of the two is missing, the other comes soon.
fn alternate(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let pairs = v6.len().max(v4.len());
    (0..pairs).flat_map(|i| [v6.get(i), v4.get(i)]).flatten().copied().collect()
}

fn no_address(host: &str) -> Ending {
    Ending::Nowhere(NO_HOST, format!("the mail server {host} has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_read_as_the_dns_knows_them() {
        for (address, want) in [
            ("jo@Shop.test", Some("shop.test")),
            ("jo@bücher.test", Some("xn--bcher-kva.test")),
            ("\"a@b\"@shop.test", Some("shop.test")),
            ("jo@[192.0.2.1]", Some("[192.0.2.1]")),
            ("jo@[IPv6:2001:db8::1]", Some("[IPv6:2001:db8::1]")),
            ("jo", None),
            ("jo@", None),
        ] {
            assert_eq!(domain_of(address).as_deref(), want, "{address}");
        }
    }

    #[test]
    fn ourselves_are_known() {
        for (address, want) in [
            ("127.0.0.1", true),
            ("127.9.9.9", true),
            ("0.0.0.0", true),
            ("255.255.255.255", true),
            ("224.0.0.1", true),
            ("::", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("ff02::1", true),
            ("10.0.0.1", false),
            ("192.0.2.1", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_ourselves(address.parse().unwrap()), want, "{address}");
        }
    }

    #[test]
    fn the_two_kinds_of_addresses_alternate() {
        let parse = |text: &str| text.split(' ').map(|one| one.parse().unwrap()).collect::<Vec<IpAddr>>();
        for (addresses, want) in [
            ("::2 ::3 10.0.0.1 10.0.0.2", "::2 10.0.0.1 ::3 10.0.0.2"),
            ("10.0.0.1 10.0.0.2 ::2", "::2 10.0.0.1 10.0.0.2"),
            ("10.0.0.1", "10.0.0.1"),
        ] {
            assert_eq!(alternate(parse(addresses)), parse(want));
        }
    }
}
