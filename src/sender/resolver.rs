//! Questions to the DNS that mail asks: by hickory-resolver, or from a [`Zone`] that stands still.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::Zone;
use crate::config;

/// Longest wait for one name server; each is asked twice.
const PATIENCE: Duration = Duration::from_secs(3);
/// Answers kept for as long as they say themselves.
const KEPT: u64 = 4_096;

/// Asks the DNS. Cheap to clone; clones share what they learned.
#[derive(Clone)]
pub enum Resolver {
    /// The world's.
    World(Box<TokioResolver>),
    /// What stands in a zone, and nothing else.
    Fixed(Arc<Zone>),
}

/// A name without an answer. (A name that has no records of the kind that was asked for has one: none.)
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// There is no such name (NXDOMAIN, RFC 8020): nor any name below it.
    #[error("there is no such domain")]
    NoSuchName,
    /// No answer that could be used: another time there may be one.
    #[error("the DNS does not answer: {0}")]
    Trouble(String),
}

/// One of the servers that take a domain's mail (RFC 5321 §5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailExchanger {
    /// Lower ones first.
    pub preference: u16,
    /// Its name, lower case, without a dot at the end; empty for the null MX (RFC 7505).
    pub host: String,
}

type Answer<T> = Result<Vec<T>, LookupError>;

impl Resolver {
    /// As configured: the servers named there, or those of the system (`/etc/resolv.conf`).
    ///
    /// # Errors
    /// When the system's settings can't be read.
    pub fn from_config(dns: &config::Dns) -> Result<Self, LookupError> {
        let mut builder = if dns.servers.is_empty() {
            TokioResolver::builder_tokio().map_err(trouble)?
        } else {
            let servers = dns.servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_name_servers(servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options = builder.options_mut();
        options.timeout = options.timeout.min(PATIENCE);
        options.cache_size = KEPT;
        Ok(Self::World(Box::new(builder.build().map_err(trouble)?)))
    }

    /// The servers that take a domain's mail, in no order; none when the domain names none.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn mail_exchangers(&self, domain: &str) -> Answer<MailExchanger> {
        match self {
            Self::Fixed(zone) => zone.mail_exchangers(domain),
            Self::World(_) => self.ask(domain, RecordType::MX, exchanger).await,
        }
    }

    /// A host's addresses, those of IPv6 first.
    ///
    /// # Errors
    /// See [`LookupError`]; addresses of one kind are enough when the other kind is in trouble.
    pub async fn addresses(&self, host: &str) -> Answer<IpAddr> {
        if let Self::Fixed(zone) = self {
            return zone.addresses(host);
        }
        let (v6, v4) =
            tokio::join!(self.ask(host, RecordType::AAAA, address), self.ask(host, RecordType::A, address));
        match (v6, v4) {
            (Ok(v6), Ok(v4)) => Ok([v6, v4].concat()),
            (Ok(some), Err(_)) | (Err(_), Ok(some)) if !some.is_empty() => Ok(some),
            (_, Err(error)) | (Err(error), _) => Err(error),
        }
    }

    /// A host's addresses of one kind: of that which `like` is of.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn addresses_like(&self, host: &str, like: IpAddr) -> Answer<IpAddr> {
        let kind = if like.is_ipv4() { RecordType::A } else { RecordType::AAAA };
        match self {
            Self::Fixed(zone) => {
                let all = zone.addresses(host)?;
                Ok(all.into_iter().filter(|ip| ip.is_ipv4() == like.is_ipv4()).collect())
            }
            Self::World(_) => self.ask(host, kind, address).await,
        }
    }

    /// The names of an address, lower case, without a dot at the end.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn pointers(&self, ip: IpAddr) -> Answer<String> {
        let name = Name::from(ip).to_ascii();
        let name = name.trim_end_matches('.');
        match self {
            Self::Fixed(zone) => zone.pointers(name),
            Self::World(_) => self.ask(name, RecordType::PTR, pointer).await,
        }
    }

    /// The texts of a name, the pieces of each put together.
    ///
    /// # Errors
    /// See [`LookupError`].
    pub async fn texts(&self, name: &str) -> Answer<String> {
        match self {
            Self::Fixed(zone) => zone.texts(name),
            Self::World(_) => self.ask(name, RecordType::TXT, text).await,
        }
    }

    async fn ask<T>(&self, name: &str, kind: RecordType, read: impl Fn(&RData) -> Option<T>) -> Answer<T> {
        let Self::World(resolver) = self else { return Ok(Vec::new()) };
        // As it stands: SPF makes names of whatever stands in an address.
        let mut name = Name::from_labels(name.trim_end_matches('.').split('.').map(str::as_bytes))
            .map_err(|_| LookupError::NoSuchName)?;
        // Or else the system's search list would be tried as well.
        name.set_fqdn(true);
        match resolver.lookup(name, kind).await {
            Ok(lookup) => Ok(lookup.answers().iter().filter_map(|record| read(&record.data)).collect()),
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NXDomain => Err(LookupError::NoSuchName),
                ResponseCode::NoError => Ok(Vec::new()),
                code => Err(LookupError::Trouble(code.to_string())),
            },
            Err(error) => Err(trouble(error)),
        }
    }
}

/// A domain as the DNS and servers without SMTPUTF8 know it (RFC 5891): lower case, ASCII. `None` when it is none.
pub fn ascii_domain(domain: &str) -> Option<String> {
    let ascii = idna::domain_to_ascii(domain).ok()?;
    let ascii = ascii.trim_end_matches('.');
    let host_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (!ascii.is_empty() && ascii.bytes().all(host_name)).then(|| ascii.to_owned())
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = address.port();
        connection
    });
    NameServerConfig::new(address.ip(), true, connections.into())
}

fn exchanger(data: &RData) -> Option<MailExchanger> {
    let RData::MX(mx) = data else { return None };
    let host = mx.exchange.to_ascii().to_ascii_lowercase();
    Some(MailExchanger { preference: mx.preference, host: host.trim_end_matches('.').to_owned() })
}

fn address(data: &RData) -> Option<IpAddr> {
    match data {
        RData::A(ip) => Some(IpAddr::V4(ip.0)),
        RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
        _ => None,
    }
}

fn pointer(data: &RData) -> Option<String> {
    let RData::PTR(name) = data else { return None };
    Some(name.to_ascii().to_ascii_lowercase().trim_end_matches('.').to_owned())
}

fn text(data: &RData) -> Option<String> {
    let RData::TXT(TXT { txt_data, .. }) = data else { return None };
    Some(String::from_utf8_lossy(&txt_data.concat()).into_owned())
}

fn trouble(error: NetError) -> LookupError {
    LookupError::Trouble(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_are_made_ascii() {
        for (domain, want) in [
            ("Shop.Example", Some("shop.example")),
            ("shop.example.", Some("shop.example")),
            ("bücher.example", Some("xn--bcher-kva.example")),
            ("BÜCHER.example", Some("xn--bcher-kva.example")),
            ("", None),
            ("a b.example", None),
        ] {
            assert_eq!(ascii_domain(domain).as_deref(), want, "{domain:?}");
        }
    }
}
