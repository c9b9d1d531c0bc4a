//! A zone that stands still: what the DNS says, in tests.

use std::collections::HashMap;
use std::net::IpAddr;

use super::resolver::{LookupError, MailExchanger};

/// Most aliases that are followed.
const MOST_ALIASES: usize = 8;

/// Names and what they hold. A name that holds nothing, and has nothing below it, does not exist.
#[derive(Debug, Clone, Default)]
pub struct Zone {
    names: HashMap<String, Records>,
}

#[derive(Debug, Clone, Default)]
struct Records {
    exchangers: Vec<MailExchanger>,
    addresses: Vec<IpAddr>,
    texts: Vec<String>,
    pointers: Vec<String>,
    alias: Option<String>,
    broken: bool,
    silent: bool,
}

impl Zone {
    /// A server that takes a domain's mail; `""` for the null MX.
    #[must_use]
    pub fn mx(mut self, domain: &str, preference: u16, host: &str) -> Self {
        self.at(domain).exchangers.push(MailExchanger { preference, host: host.to_owned() });
        self
    }

    /// A host's address.
    #[must_use]
    pub fn address(mut self, host: &str, address: impl Into<IpAddr>) -> Self {
        self.at(host).addresses.push(address.into());
        self
    }

    /// A text.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.at(name).texts.push(text.to_owned());
        self
    }

    /// A name of an address, which is written as the DNS has it: `1.2.0.192.in-addr.arpa`.
    #[must_use]
    pub fn pointer(mut self, reverse: &str, host: &str) -> Self {
        self.at(reverse).pointers.push(host.to_owned());
        self
    }

    /// A name that is there and holds nothing.
    #[must_use]
    pub fn empty(mut self, name: &str) -> Self {
        self.at(name);
        self
    }

    /// Another name for a host (CNAME).
    #[must_use]
    pub fn alias(mut self, name: &str, host: &str) -> Self {
        self.at(name).alias = Some(host.to_owned());
        self
    }

    /// A name whose servers don't answer, except with what stands here.
    #[must_use]
    pub fn silent(mut self, name: &str) -> Self {
        self.at(name).silent = true;
        self
    }

    /// A name whose servers don't answer.
    #[must_use]
    pub fn broken(mut self, name: &str) -> Self {
        self.at(name).broken = true;
        self
    }

    pub(super) fn mail_exchangers(&self, domain: &str) -> Result<Vec<MailExchanger>, LookupError> {
        self.find(domain, |records| records.exchangers.clone())
    }

    pub(super) fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let mut addresses = self.find(host, |records| records.addresses.clone())?;
        addresses.sort_by_key(IpAddr::is_ipv4);
        Ok(addresses)
    }

    pub(super) fn texts(&self, name: &str) -> Result<Vec<String>, LookupError> {
        self.find(name, |records| records.texts.clone())
    }

    pub(super) fn pointers(&self, reverse: &str) -> Result<Vec<String>, LookupError> {
        self.find(reverse, |records| records.pointers.iter().map(|name| name.to_ascii_lowercase()).collect())
    }

    fn at(&mut self, name: &str) -> &mut Records {
        self.names.entry(name.trim_end_matches('.').to_ascii_lowercase()).or_default()
    }

    fn find<T>(&self, name: &str, read: impl Fn(&Records) -> Vec<T>) -> Result<Vec<T>, LookupError> {
        let mut name = name.trim_end_matches('.').to_ascii_lowercase();
        for _ in 0..MOST_ALIASES {
            let Some(alias) = self.names.get(&name).and_then(|records| records.alias.as_ref()) else { break };
            name = alias.to_ascii_lowercase();
        }
        match self.names.get(&name) {
            Some(records) if records.broken || records.silent && read(records).is_empty() => {
                Err(LookupError::Trouble("SERVFAIL".into()))
            }
            Some(records) => Ok(read(records)),
            None if self.names.keys().any(|known| known.ends_with(&format!(".{name}"))) => Ok(Vec::new()),
            None => Err(LookupError::NoSuchName),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_answers_as_the_dns_would() {
        let zone = Zone::default()
            .mx("shop.test", 10, "mx.shop.test")
            .address("mx.shop.test", [192, 0, 2, 1])
            .address("mx.shop.test", [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
            .broken("lost.test");
        assert_eq!(zone.mail_exchangers("Shop.test").unwrap().len(), 1);
        let v6_first: Vec<_> = zone.addresses("mx.shop.test").unwrap().iter().map(IpAddr::is_ipv6).collect();
        assert_eq!(v6_first, [true, false]);
        assert_eq!(zone.addresses("shop.test"), Ok(vec![]));
        assert_eq!(zone.texts("test"), Ok(vec![]), "an empty name above others");
        assert_eq!(zone.texts("nowhere.test"), Err(LookupError::NoSuchName));
        assert_eq!(zone.texts("lost.test"), Err(LookupError::Trouble("SERVFAIL".into())));
    }
}
