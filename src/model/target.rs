//! Where webhooks may be sent: a URL as browsers read it (WHATWG URL), and addresses that are the world's, so that
//! nobody reaches through us what only we can reach (SSRF).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use url::{Host, Url};

/// Longest URL, octets.
const LONGEST: usize = 2_000;

/// Networks that are not the world's (IANA's special-purpose registry, RFC 6890), and what clouds tell their machines
/// by at addresses that look like it.
const CLOSED_V4: &[Ipv4Net] = &[
    v4(0, 0, 0, 0, 8),        // this host
    v4(10, 0, 0, 0, 8),       // private
    v4(100, 64, 0, 0, 10),    // shared by carriers' customers
    v4(127, 0, 0, 0, 8),      // loopback
    v4(168, 63, 129, 16, 32), // Azure's
    v4(169, 254, 0, 0, 16),   // link-local, and the metadata of most clouds
    v4(172, 16, 0, 0, 12),    // private
    v4(192, 0, 0, 0, 24),     // protocols'
    v4(192, 0, 2, 0, 24),     // documentation
    v4(192, 88, 99, 0, 24),   // 6to4 relays
    v4(192, 168, 0, 0, 16),   // private
    v4(198, 18, 0, 0, 15),    // benchmarks
    v4(198, 51, 100, 0, 24),  // documentation
    v4(203, 0, 113, 0, 24),   // documentation
    v4(224, 0, 0, 0, 4),      // multicast
    v4(240, 0, 0, 0, 4),      // reserved, broadcast
];

/// What the world has of IPv6 today (RFC 4291 §2.4), …
const WORLD_V6: Ipv6Net = v6(0x2000, 0, 3);
/// … but for these.
const CLOSED_V6: &[Ipv6Net] = &[
    v6(0x2001, 0, 23),     // protocols', Teredo among them, which leads to an IPv4 address
    v6(0x2001, 0xdb8, 32), // documentation
    v6(0x2002, 0, 16),     // 6to4, which leads to an IPv4 address
    v6(0x3fff, 0, 20),     // documentation
];
/// What stands for an IPv4 address: IPv4-mapped (RFC 4291 §2.5.5.2), and NAT64's well-known prefix (RFC 6052).
const EMBEDS_V4: &[Ipv6Net] =
    &[Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96), v6(0x64, 0xff9b, 96)];

/// Ports that are no web server's: what we send would be read as another protocol there (Fetch standard, "bad port").
const BAD_PORTS: &[u16] = &[
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103,
    104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514,
    515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723,
    2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(first: u16, second: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, 0, 0, 0, 0, 0, 0), length)
}

/// Reads a URL that webhooks may go to. Odd spellings of addresses (decimal, octal, hexadecimal, full width) are read as
/// browsers do, and judged by what they mean; what a name leads to is judged when it is looked up.
///
/// # Errors
/// In words for people: what is wrong, and what would be right.
pub fn webhook_url(text: &str, allow_private: bool) -> Result<Url, String> {
    if text.len() > LONGEST {
        return Err(format!("at most {LONGEST} characters"));
    }
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("must not hold spaces, control characters or backslashes".into());
    }
    let url = Url::parse(text).map_err(|error| format!("is no URL: {error}"))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err("must begin with https:// or http://".into());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name or a password: who may read the webhook would see them".into());
    }
    if url.fragment().is_some() {
        return Err("must not have a fragment (#…): it is never sent".into());
    }
    check_place(&url, allow_private)?;
    Ok(url)
}

/// Whether webhooks may go to the place a URL names, as far as the URL itself tells.
///
/// # Errors
/// In words.
pub fn check_place(url: &Url, allow_private: bool) -> Result<(), String> {
    let port = url.port_or_known_default().unwrap_or(0);
    if BAD_PORTS.contains(&port) {
        return Err(format!("port {port} is no web server's"));
    }
    let private = match url.host() {
        None => return Err("names no host".into()),
        Some(Host::Ipv4(ip)) => !is_public(ip.into()),
        Some(Host::Ipv6(ip)) => !is_public(ip.into()),
        Some(Host::Domain(name)) => is_local(name),
    };
    if private && !allow_private {
        return Err("is a private address; webhooks go there only with webhooks.allow_private_targets".into());
    }
    Ok(())
}

/// Names of this machine itself (RFC 6761 §6.3).
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether an address is the world's: none of this machine, of a private or special network, or of a cloud's inside.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !CLOSED_V4.iter().any(|net| net.contains(&ip)),
        IpAddr::V6(ip) => match embedded(ip) {
            Some(v4) => is_public(v4.into()),
            None => WORLD_V6.contains(&ip) && !CLOSED_V6.iter().any(|net| net.contains(&ip)),
        },
    }
}

/// The IPv4 address that this one stands for.
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let [.., a, b, c, d] = ip.octets();
    EMBEDS_V4.iter().any(|net| net.contains(&ip)).then(|| Ipv4Addr::new(a, b, c, d))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_the_worlds_or_not() {
        for (ip, want) in [
            ("93.184.215.14", true),
            ("1.1.1.1", true),
            ("100.63.255.255", true),
            ("100.128.0.0", true),
            ("172.15.255.255", true),
            ("172.32.0.0", true),
            ("223.255.255.255", true),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("10.0.0.1", false),
            ("100.64.0.1", false),
            ("100.100.100.200", false),
            ("127.0.0.1", false),
            ("127.255.255.254", false),
            ("168.63.129.16", false),
            ("169.254.169.254", false),
            ("169.254.170.2", false),
            ("172.16.0.1", false),
            ("172.31.255.255", false),
            ("192.0.0.192", false),
            ("192.0.2.1", false),
            ("192.88.99.1", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("198.51.100.1", false),
            ("203.0.113.1", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("240.0.0.1", false),
            ("255.255.255.255", false),
            ("2606:4700:4700::1111", true),
            ("2a00:1450:4001::64", true),
            ("64:ff9b::1.1.1.1", true),
            ("::ffff:1.1.1.1", true),
            ("64:ff9b::10.0.0.1", false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b:1::1.1.1.1", false),
            ("::ffff:127.0.0.1", false),
            ("::ffff:10.1.2.3", false),
            ("::127.0.0.1", false),
            ("::", false),
            ("::1", false),
            ("100::1", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::1", false),
            ("3fff::1", false),
            ("5f00::1", false),
            ("fc00::1", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("fec0::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_public(ip.parse().unwrap()), want, "{ip}");
        }
    }

    #[test]
    fn private_places_are_known_in_every_spelling() {
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://１２７.０.０.１/",
            "http://127。0。0。1/",
            "http://127.0.0.1./",
            "http://%31%32%37.0.0.1/",
            "http://0/",
            "http://0.0.0.0:8080/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://desk.localhost/",
            "http://ⓛocalhost/",
            "http://[::1]/",
            "http://[::]/",
            "http://[0:0:0:0:0:ffff:7f00:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[fd00:ec2::254]/",
            "http://169.254.169.254/latest/meta-data",
            "http://0xa9fea9fe/",
            "http://10.0.0.5/",
            "https://192.168.0.1:8443/hook",
        ] {
            let error = webhook_url(text, false).expect_err(text);
            assert!(error.contains("private"), "{text}: {error}");
            assert!(webhook_url(text, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn urls_that_are_none_are_refused_even_where_private_ones_are_allowed() {
        for (text, want) in [
            ("", "is no URL"),
            ("shop.example/hook", "is no URL"),
            ("http://", "is no URL"),
            ("http://[fe80::1%25eth0]/", "is no URL"),
            ("http://256.1.1.1/", "is no URL"),
            ("http://1.2.3.4.5/", "is no URL"),
            ("ftp://shop.example/", "must begin with https://"),
            ("file:///etc/passwd", "must begin with https://"),
            ("gopher://127.0.0.1:25/", "must begin with https://"),
            ("https://user:pw@shop.example/", "user name"),
            ("https://shop.example@127.0.0.1/", "user name"),
            ("https://shop.example/#x", "fragment"),
            ("http://shop.example\\@127.0.0.1/", "backslashes"),
            ("http://shop.exa\tmple/", "control characters"),
            ("http://shop.example:25/", "port 25"),
            ("http://shop.example:6667/", "port 6667"),
            ("http://shop.example:0/", "port 0"),
        ] {
            let error = webhook_url(text, true).expect_err(text);
            assert!(error.contains(want), "{text}: {error}");
        }
        assert!(webhook_url(&format!("https://shop.example/{}", "x".repeat(2_000)), true).is_err());
    }

    #[test]
    fn urls_are_kept_as_they_are_understood() {
        for (text, want) in [
            ("https://shop.example", "https://shop.example/"),
            ("HTTPS://Shop.Example:443/Hook?a=1", "https://shop.example/Hook?a=1"),
            ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
            ("http://1.1.1.1:8080/x", "http://1.1.1.1:8080/x"),
        ] {
            assert_eq!(webhook_url(text, false).map(String::from).as_deref(), Ok(want), "{text}");
        }
    }
}
