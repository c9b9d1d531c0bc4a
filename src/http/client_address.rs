//! Whose request it is, behind proxies. Each proxy adds the address it was called from at the right of a header, so it is
//! read from there: as far as proxies of ours wrote it, and no further, for what stands left of that the client could
//! have written itself.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use crate::config::{ForwardedHeader, Http};

/// The client's address, as an extension of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// The client's address: the connection's, or what trusted proxies say.
pub fn of(peer: IpAddr, headers: &HeaderMap, settings: &Http) -> ClientAddress {
    let trusted = &settings.trusted_proxies;
    let mut client = peer.to_canonical();
    if !is_trusted(trusted, client) {
        return ClientAddress(client);
    }
    let hops = match settings.forwarded_header {
        ForwardedHeader::XForwardedFor => lines(headers, "x-forwarded-for", Some),
        ForwardedHeader::Forwarded => lines(headers, "forwarded", forwarded_for),
    };
    for hop in hops.into_iter().rev() {
        let Some(address) = hop.and_then(address) else { break };
        client = address.to_canonical();
        if !is_trusted(trusted, client) {
            break;
        }
    }
    ClientAddress(client)
}

fn is_trusted(trusted: &[IpNet], address: IpAddr) -> bool {
    trusted.iter().any(|network| network.contains(&address))
}

/// The elements of all lines of a header, in order.
fn lines<'h>(
    headers: &'h HeaderMap,
    name: &str,
    read: impl Fn(&'h str) -> Option<&'h str>,
) -> Vec<Option<&'h str>> {
    let lines = headers.get_all(name).iter().map(|line| line.to_str().unwrap_or_default());
    lines.flat_map(|line| line.split(',')).map(|hop| read(hop.trim())).collect()
}

/// The `for` of an element (RFC 7239 §4).
fn forwarded_for(element: &str) -> Option<&str> {
    let mut pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    Some(node.trim().trim_matches('"'))
}

/// An address with or without a port; in brackets, when it is of IPv6.
fn address(node: &str) -> Option<IpAddr> {
    let bare = node.trim_start_matches('[').trim_end_matches(']');
    bare.parse().ok().or_else(|| node.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_our_proxies_wrote_is_believed() {
        use ForwardedHeader::{Forwarded, XForwardedFor};
        let trusted = vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        for (header, peer, lines, want) in [
            (XForwardedFor, "203.0.113.9", &["198.51.100.1"][..], "203.0.113.9"),
            (XForwardedFor, "10.0.0.1", &[], "10.0.0.1"),
            (XForwardedFor, "10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &["1.1.1.1", "198.51.100.1"], "198.51.100.1"),
            (XForwardedFor, "10.0.0.1", &["1.1.1.1, lies, 10.0.0.2"], "10.0.0.2"),
            (XForwardedFor, "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            (XForwardedFor, "::ffff:10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            (XForwardedFor, "2001:db8::1", &["[2a00::7]:443"], "2a00::7"),
            (XForwardedFor, "10.0.0.1", &["unknown"], "10.0.0.1"),
            (Forwarded, "10.0.0.1", &["for=1.1.1.1, for=198.51.100.1;proto=https"], "198.51.100.1"),
            (Forwarded, "10.0.0.1", &["proto=http;For=\"[2a00::7]:443\""], "2a00::7"),
            (Forwarded, "10.0.0.1", &["for=1.1.1.1, for=_hidden"], "10.0.0.1"),
        ] {
            let settings =
                Http { trusted_proxies: trusted.clone(), forwarded_header: header, ..Http::default() };
            let name = if header == Forwarded { "forwarded" } else { "x-forwarded-for" };
            let other = if header == Forwarded { "x-forwarded-for" } else { "forwarded" };
            let mut headers = HeaderMap::new();
            headers.insert(other, "for=9.9.9.9".parse().unwrap());
            for line in lines {
                headers.append(name, line.parse().unwrap());
            }
            let ClientAddress(found) = of(peer.parse().unwrap(), &headers, &settings);
            assert_eq!(found, want.parse::<IpAddr>().unwrap(), "{peer} {lines:?}");
        }
    }
}
