//! DNS block lists (RFC 5782): whether an address is known for spam.

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::Resolver;

/// Longest wait for the lists; one that is silent says nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// The first of these lists (zones) that has the address.
pub async fn listed<'z>(resolver: &Resolver, ip: IpAddr, lists: &'z [String]) -> Option<&'z str> {
    let asked = lists.iter().map(async |list| {
        let name = format!("{}.{list}", reversed(ip));
        let found = timeout(PATIENCE, resolver.addresses_like(&name, IpAddr::from([0, 0, 0, 0]))).await;
        let says_so = found.is_ok_and(|found| found.is_ok_and(|codes| codes.iter().any(is_a_listing)));
        says_so.then_some(list.as_str())
    });
    join_all(asked).await.into_iter().flatten().next()
}

/// `127.0.0.0/8` (RFC 5782 §2.1), but what big lists answer to those they don't serve: `127.255.255.0/24`.
fn is_a_listing(code: &IpAddr) -> bool {
    matches!(code, IpAddr::V4(code) if code.octets()[0] == 127 && code.octets()[..3] != [127, 255, 255])
}

/// The address as it stands in a zone: octets, or hexadecimal digits of IPv6, from the last to the first.
fn reversed(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}")
        }
        IpAddr::V6(ip) => {
            let digits = ip.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
            let digits: Vec<_> = digits.map(|digit| format!("{digit:x}")).collect();
            digits.into_iter().rev().collect::<Vec<_>>().join(".")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sender::Zone;

    /// The test entries of RFC 5782 §5.
    #[tokio::test]
    async fn lists_are_asked_as_the_rfc_says() {
        let zone = Zone::default()
            .address("2.0.0.127.bl.test", [127, 0, 0, 2])
            .address("1.0.113.0.203.refuses.test", [127, 255, 255, 254])
            .address(&format!("2.0.0.0.0.0.f.7.f.f.f.f.{}bl.test", "0.".repeat(20)), [127, 0, 0, 2]);
        let resolver = Resolver::Fixed(Arc::new(zone));
        let lists = ["refuses.test".to_owned(), "bl.test".to_owned()];
        for (ip, want) in [
            ("127.0.0.2", Some("bl.test")),
            ("127.0.0.1", None),
            ("203.0.113.1", None),
            ("::ffff:7f00:2", Some("bl.test")),
        ] {
            assert_eq!(listed(&resolver, ip.parse().expect("an address"), &lists).await, want, "{ip}");
        }
    }
}
