//! What an address of a recipient or of a server says: which domain, which kind, and whether it is our own.

use std::net::{IpAddr, Ipv4Addr};

use crate::sender::ascii_domain;

/// The domain of an address, as the DNS knows it; a literal such as `[192.0.2.1]` as it is.
pub(super) fn domain_of(address: &str) -> Option<String> {
    let (_, domain) = address.rsplit_once('@')?;
    if literal(domain).is_some() { Some(domain.to_owned()) } else { ascii_domain(domain) }
}

/// The address that stands in place of a domain (RFC 5321 §4.1.3).
pub(super) fn literal(domain: &str) -> Option<IpAddr> {
    let inside = domain.strip_prefix('[')?.strip_suffix(']')?;
    inside.strip_prefix("IPv6:").unwrap_or(inside).parse().ok()
}

/// Addresses that lead to this machine, or to none in particular.
pub(super) fn is_ourselves(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address == IpAddr::V4(Ipv4Addr::BROADCAST)
}

/// One of IPv6, one of IPv4, and so on: where one of the two is missing, the other comes soon.
pub(super) fn alternate(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.into_iter().partition(IpAddr::is_ipv6);
    let pairs = v6.len().max(v4.len());
    (0..pairs).flat_map(|i| [v6.get(i), v4.get(i)]).flatten().copied().collect()
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
