//! Whether a domain lets a client send its mail: SPF. Sections named here are of RFC 7208.

mod macros;
mod record;

use std::net::IpAddr;

use self::macros::{Facts, MacroString};
use self::record::{Mechanism, PrefixLengths, Record};
use super::{LookupError, Resolver, ascii_domain};
use crate::model::Authority;

/// Most terms that ask the DNS (§4.6.4).
const MOST_TERMS: u32 = 10;
/// Most of them that may find nothing (§4.6.4).
const MOST_VOID: u32 = 2;
/// Most servers of an `mx`, and most names of an address that are tried (§4.6.4).
const MOST_NAMES: usize = 10;
/// Longest label.
const LONGEST_LABEL: usize = 63;

/// Not written as the RFC says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// What the DNS says of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spf {
    /// The result.
    pub result: Authority,
    /// Whose record it is, lower case: the reverse-path's domain, or the one of HELO where that is null.
    pub domain: String,
}

/// Looks up whether the client may send mail of this reverse-path (§2.4). A null one counts as `postmaster` of the HELO
/// name; `mail_from` is empty then.
pub async fn check(resolver: &Resolver, ip: IpAddr, helo: &str, mail_from: &str) -> Spf {
    let (local, domain) = match mail_from.rsplit_once('@') {
        Some((local, domain)) => (local, domain),
        None => ("", if mail_from.is_empty() { helo } else { mail_from }),
    };
    let local = if local.is_empty() { "postmaster" } else { local };
    let Some(domain) = ascii_domain(domain) else {
        return Spf { result: Authority::None, domain: domain.to_ascii_lowercase() };
    };
    let mut check = Check {
        resolver,
        ip: ip.to_canonical(),
        sender: (local, &domain),
        helo,
        terms: 0,
        void: 0,
        client_names: None,
    };
    let result = match check.host(&domain).await {
        Ok(result) => result,
        Err(Stop::Permanent) => Authority::Permerror,
        Err(Stop::Temporary) => Authority::Temperror,
    };
    Spf { result, domain }
}

/// Why an evaluation ends without a result of its own (§2.6.6, §2.6.7).
#[derive(Debug)]
enum Stop {
    Permanent,
    Temporary,
}

impl From<Malformed> for Stop {
    fn from(_: Malformed) -> Self {
        Self::Permanent
    }
}

/// One evaluation, with what it has asked so far.
struct Check<'a> {
    resolver: &'a Resolver,
    ip: IpAddr,
    sender: (&'a str, &'a str),
    helo: &'a str,
    terms: u32,
    void: u32,
    /// Names of the client's address that lead back to it.
    client_names: Option<Vec<String>>,
}

impl Check<'_> {
    /// `check_host()` (§4).
    async fn host(&mut self, domain: &str) -> Result<Authority, Stop> {
        let Some(record) = self.record(domain).await? else { return Ok(Authority::None) };
        for directive in &record.directives {
            if self.matches(&directive.mechanism, domain).await? {
                return Ok(directive.result);
            }
        }
        let Some(redirect) = &record.redirect else { return Ok(Authority::Neutral) };
        self.count_term()?;
        let target = self.target(Some(redirect), domain).await;
        match Box::pin(self.host(&target)).await? {
            Authority::None => Err(Stop::Permanent),
            result => Ok(result),
        }
    }

    /// The domain's record; `None` when it has none (§4.3 to §4.5).
    async fn record(&self, domain: &str) -> Result<Option<Record>, Stop> {
        let labels = || domain.split('.');
        if labels().count() < 2 || labels().any(|label| label.is_empty() || label.len() > LONGEST_LABEL) {
            return Ok(None);
        }
        let texts = match self.resolver.texts(domain).await {
            Ok(texts) => texts,
            Err(LookupError::NoSuchName) => return Ok(None),
            Err(LookupError::Trouble(_)) => return Err(Stop::Temporary),
        };
        let mut records = texts.iter().filter(|text| Record::is_one(text));
        match (records.next(), records.next()) {
            (None, _) => Ok(None),
            (Some(record), None) => Ok(Some(Record::parse(record)?)),
            (Some(_), Some(_)) => Err(Stop::Permanent),
        }
    }

    async fn matches(&mut self, mechanism: &Mechanism, domain: &str) -> Result<bool, Stop> {
        let ip = self.ip;
        match mechanism {
            Mechanism::All => return Ok(true),
            Mechanism::Ip4(network) => return Ok(matches!(ip, IpAddr::V4(ip) if network.contains(&ip))),
            Mechanism::Ip6(network) => return Ok(matches!(ip, IpAddr::V6(ip) if network.contains(&ip))),
            _ => self.count_term()?,
        }
        match mechanism {
            Mechanism::Include(target) => {
                let target = self.target(Some(target), domain).await;
                match Box::pin(self.host(&target)).await? {
                    Authority::Pass => Ok(true),
                    Authority::None => Err(Stop::Permanent),
                    _ => Ok(false),
                }
            }
            Mechanism::A(target, lengths) => {
                let host = self.target(target.as_ref(), domain).await;
                let found = self.resolver.addresses_like(&host, ip).await;
                let addresses = self.count_void(found)?;
                Ok(addresses.iter().any(|address| lengths.cover(*address, ip)))
            }
            Mechanism::Mx(target, lengths) => {
                let target = self.target(target.as_ref(), domain).await;
                let found = self.resolver.mail_exchangers(&target).await;
                let servers = self.count_void(found)?;
                if servers.len() > MOST_NAMES {
                    return Err(Stop::Permanent);
                }
                for server in servers {
                    let addresses = answered(self.resolver.addresses_like(&server.host, ip).await)?;
                    if addresses.iter().any(|address| lengths.cover(*address, ip)) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Mechanism::Ptr(target) => {
                let target = self.target(target.as_ref(), domain).await.to_ascii_lowercase();
                Ok(self.client_names().await.iter().any(|name| is_within(name, &target)))
            }
            Mechanism::Exists(target) => {
                let host = self.target(Some(target), domain).await;
                let found = self.resolver.addresses_like(&host, IpAddr::V4([0; 4].into())).await;
                Ok(!self.count_void(found)?.is_empty())
            }
            Mechanism::All | Mechanism::Ip4(_) | Mechanism::Ip6(_) => Ok(false),
        }
    }

    fn count_term(&mut self) -> Result<(), Stop> {
        self.terms += 1;
        if self.terms > MOST_TERMS { Err(Stop::Permanent) } else { Ok(()) }
    }

    /// An answer without records is one of the few that a record may cause.
    fn count_void<T>(&mut self, found: Result<Vec<T>, LookupError>) -> Result<Vec<T>, Stop> {
        let found = answered(found)?;
        self.void += u32::from(found.is_empty());
        if self.void > MOST_VOID { Err(Stop::Permanent) } else { Ok(found) }
    }

    /// The name that a term is about.
    async fn target(&mut self, spec: Option<&MacroString>, domain: &str) -> String {
        let Some(spec) = spec else { return domain.to_owned() };
        let client_name = if spec.names_client() { self.client_name(domain).await } else { String::new() };
        let facts =
            Facts { ip: self.ip, sender: self.sender, helo: self.helo, domain, client_name: &client_name };
        spec.expand(&facts)
    }

    /// `%{p}` (§7.3): the client's name that is nearest to the domain.
    async fn client_name(&mut self, domain: &str) -> String {
        let names = self.client_names().await;
        let nearest = names
            .iter()
            .find(|name| *name == domain)
            .or_else(|| names.iter().find(|name| is_within(name, domain)))
            .or(names.first());
        nearest.cloned().unwrap_or_else(|| "unknown".into())
    }

    /// Names of the client's address that have this address (§5.5), lower case; asked once.
    async fn client_names(&mut self) -> &[String] {
        if self.client_names.is_none() {
            let mut names = self.resolver.pointers(self.ip).await.unwrap_or_default();
            names.truncate(MOST_NAMES);
            let mut validated = Vec::new();
            for name in names {
                let addresses = self.resolver.addresses_like(&name, self.ip).await.unwrap_or_default();
                if addresses.contains(&self.ip) {
                    validated.push(name);
                }
            }
            self.client_names = Some(validated);
        }
        self.client_names.as_deref().unwrap_or_default()
    }
}

impl PrefixLengths {
    /// Whether both addresses lie in one network.
    fn cover(self, network: IpAddr, ip: IpAddr) -> bool {
        let bits = if network.is_ipv4() { self.four } else { self.six };
        ipnet::IpNet::new(network, bits).is_ok_and(|network| network.contains(&ip))
    }
}

/// No such name is an answer without records.
fn answered<T>(found: Result<Vec<T>, LookupError>) -> Result<Vec<T>, Stop> {
    match found {
        Ok(found) => Ok(found),
        Err(LookupError::NoSuchName) => Ok(Vec::new()),
        Err(LookupError::Trouble(_)) => Err(Stop::Temporary),
    }
}

fn is_within(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.'))
}
