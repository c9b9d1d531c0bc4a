//! The PROXY protocol, version 2, and limits of the clients it speaks for.

use std::time::Duration;

use postdesk::sender::Zone;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::desk::{behind_a_proxy, send, taken};
use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::{App, Engine};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
const UNIX: u8 = 0x31;
const RAW: &[u8] = b"From: jo@example.org\r\nSubject: x\r\n\r\nHi.\r\n";

/// A header: command, protocol, addresses with ports, and what else there is.
fn header(command: u8, protocol: u8, addresses: &[u8], more: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len() + more.len()).expect("a length");
    [SIGNATURE, &[command, protocol], &length.to_be_bytes(), addresses, more].concat()
}

/// One type, length and value (§2.2.7).
fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).expect("a length");
    [&[kind], &length.to_be_bytes()[..], value].concat()
}

/// The PROXY protocol §2.2: whatever comes with the addresses is passed over, up to 536 octets in all.
#[tokio::test]
async fn version_2_tells_who_is_there() {
    let app = App::start_in(Engine::Sqlite, Zone::default(), behind_a_proxy).await;
    let v4 = [198, 51, 100, 7, 127, 0, 0, 1, 15, 160, 0, 25];
    let v6 = [[0x20, 1, 0xd, 0xb8].as_slice(), &[0; 11], &[7], &[0; 15], &[1], &[15, 160, 0, 25]].concat();
    let mapped =
        [[0; 10].as_slice(), &[0xff; 2], &[198, 51, 100, 7], &[0; 15], &[1], &[15, 160, 0, 25]].concat();
    let tlvs =
        [tlv(0x02, b"mx.desk.test"), tlv(0x05, b"id"), tlv(0x20, &[1, 0, 0, 0, 0]), tlv(0xe0, b"")].concat();
    let full = tlv(0x04, &[0; 520 - 12 - 3]);
    for (what, first, ip) in [
        ("IPv4", header(0x21, TCP4, &v4, b""), "198.51.100.7"),
        ("IPv4 with more", header(0x21, TCP4, &v4, &tlvs), "198.51.100.7"),
        ("536 octets", header(0x21, TCP4, &v4, &full), "198.51.100.7"),
        ("IPv6", header(0x21, TCP6, &v6, b""), "2001:db8::7"),
        ("IPv6 with more", header(0x21, TCP6, &v6, &tlvs), "2001:db8::7"),
        ("IPv4 in IPv6", header(0x21, TCP6, &mapped, b""), "198.51.100.7"),
        ("a health check", header(0x20, TCP4, &v4, b""), "127.0.0.1"),
        ("a health check that says nothing", header(0x20, 0, b"", b""), "127.0.0.1"),
        ("a socket", header(0x21, UNIX, &[b'x'; 216], b""), "127.0.0.1"),
    ] {
        let client = Client::connect_saying(app.smtp, &first).await;
        let mut client = client.unwrap_or_else(|_| panic!("{what}: not greeted"));
        let row = taken(&app, &client.send("jo@example.org", SUPPORT, RAW).await.expect("answered")).await;
        assert_eq!(row.remote_ip.as_deref(), Some(ip), "{what}");
    }
    for (what, first) in [
        ("537 octets", header(0x21, TCP4, &v4, &tlv(0x04, &[0; 521 - 12 - 3]))),
        ("65,535 octets", header(0x21, TCP4, &v4, &vec![0; 65_535 - 12])),
        ("another version", header(0x31, TCP4, &v4, b"")),
        ("another command", header(0x2f, TCP4, &v4, b"")),
        ("an address that is too short", header(0x21, TCP6, &v4, b"")),
    ] {
        assert_eq!(last_words(&app, &first).await, "", "{what}");
    }
}

/// The PROXY protocol §2: who is not listed is not believed, whatever they say first; to them it is the door of SMTP.
#[tokio::test]
async fn nobody_else_speaks_for_others() {
    let app = App::start_with(Engine::Sqlite, |config| {
        config.smtp.proxy_networks = vec!["192.0.2.0/24".parse().expect("a network")];
    })
    .await;
    let v2 = header(0x21, TCP4, &[198, 51, 100, 7, 127, 0, 0, 1, 15, 160, 0, 25], b"");
    for first in [b"PROXY TCP4 198.51.100.7 127.0.0.1 4000 25\r\n".as_slice(), &v2] {
        let said = last_words(&app, &[first, b"\r\nQUIT\r\n"].concat()).await;
        let mut replies = said.lines();
        assert!(replies.next().is_some_and(|first| first.starts_with("220 ")), "{said}");
        assert!(replies.next().is_some_and(|second| second.starts_with('5')), "{said}");
    }
}

/// CHECKLIST §2, PROXY: a short deadline. Half a header and then nothing costs others nothing, and ends.
#[tokio::test]
async fn who_begins_a_header_ends_it_soon() {
    let app = App::start_in(Engine::Sqlite, Zone::default(), behind_a_proxy).await;
    let half = &header(0x21, TCP4, &[198, 51, 100, 7, 127, 0, 0, 1, 15, 160, 0, 25], b"")[..20];
    let others = async {
        for _ in 0..3 {
            send(&app, "198.51.100.8", "jo@example.org", SUPPORT, RAW).await;
        }
    };
    let (one, two, three, ()) = tokio::join!(
        last_words(&app, half),
        last_words(&app, b"PROXY TCP4 198.51.100.7"),
        last_words(&app, b""),
        others
    );
    assert_eq!([one, two, three], [""; 3]);
}

/// What a client that says this is answered until the door closes.
async fn last_words(app: &App, first: &[u8]) -> String {
    let mut stream = TcpStream::connect(app.smtp).await.expect("open");
    let _ = stream.write_all(first).await;
    let mut said = Vec::new();
    // A reset is an end as well.
    let _ = timeout(Duration::from_secs(60), stream.read_to_end(&mut said)).await.expect("it ends");
    String::from_utf8_lossy(&said).into_owned()
}

/// CHECKLIST §3, rate per IP: who sends too much waits, and nobody else behind the same proxy does.
#[tokio::test]
async fn one_clients_flood_is_not_anothers() {
    let app = App::start_in(Engine::Sqlite, Zone::default(), |config| {
        behind_a_proxy(config);
        config.smtp.max_mails_per_ip_minute = 2;
    })
    .await;
    let mut sent = 0;
    let mut bring = async |ip: &str| {
        sent += 1;
        let mut client = Client::connect_for(app.smtp, ip).await.expect("greeted");
        let from = format!("jo{sent}@example.org");
        client.send(&from, SUPPORT, RAW).await.expect("answered")[..9].to_owned()
    };
    const TAKEN: &str = "250 2.0.0";
    const LATER: &str = "450 4.7.1";
    for (flooder, same, other) in [
        ("198.51.100.7", "198.51.100.7", "198.51.100.8"),
        ("2001:db8::7", "2001:db8::1:8", "2001:db8:0:1::7"),
    ] {
        assert_eq!([bring(flooder).await, bring(flooder).await], [TAKEN; 2], "{flooder}");
        assert_eq!([bring(flooder).await, bring(same).await], [LATER; 2], "{flooder}");
        assert_eq!([bring(other).await, bring(other).await], [TAKEN; 2], "{other}");
    }
}
