//! Mail straight to the servers of its recipient's domain, in a world of a few names.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use postdesk::clock::Ids;
use postdesk::config::{Config, TransportKind};
use postdesk::outbox::{Transport, World};
use postdesk::sender::{Resolver, Zone};
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::DropGuard;

use crate::support::certificate::certificate;
use crate::support::outgoing::{of_customer, send_by, until, until_customers, write_from, write_in};
use crate::support::sink::{Guard, Plan, Sink, Upgrade};
use crate::support::{App, Engine};

/// The customer's domain; the agent's takes no mail, in every world here.
const DOMAIN: &str = "shop.test";

/// Addresses of this machine, each a host of its own.
const HOSTS: [[u8; 4]; 3] = [[127, 0, 0, 2], [127, 0, 0, 3], [127, 0, 0, 4]];

fn zone() -> Zone {
    Zone::default().mx("desk.test", 0, "")
}

/// Two hosts in this order of preference: the first at `HOSTS[0]`, the second at `HOSTS[1]`.
fn two_hosts() -> Zone {
    let zone = zone().mx(DOMAIN, 20, "mx2.shop.test").mx(DOMAIN, 10, "mx1.shop.test");
    zone.address("mx1.shop.test", HOSTS[0]).address("mx2.shop.test", HOSTS[1])
}

/// Mail leaves straight for this port, on this machine too, with little patience.
fn direct(port: u16) -> impl FnOnce(&mut Config) {
    move |config| {
        config.outbox.transport = TransportKind::Direct;
        config.outbox.step_timeout_seconds = 2;
        config.outbox.direct.port = port;
        config.outbox.direct.loopback = true;
    }
}

/// A desk in this world that has one mail for the customer.
async fn desk(zone: Zone, change: impl FnOnce(&mut Config)) -> (App, DropGuard) {
    let app = App::start_with(Engine::Sqlite, change).await;
    write_in(&app, 1).await;
    let worker = send_in(&app, zone);
    (app, worker)
}

fn send_in(app: &App, zone: Zone) -> DropGuard {
    let resolver = Resolver::Fixed(Arc::new(zone));
    let world = World { resolver, clock: app.clock.clone(), ids: Ids::seeded(7) };
    send_by(app, Transport::new(app.desk.config(), || Ok(world)).expect("it can work"))
}

/// Servers at the first hosts, all on the port of the first.
async fn sinks<const N: usize>(plans: [&[Plan]; N]) -> [Sink; N] {
    let mut sinks: Vec<Sink> = Vec::new();
    for (host, plans) in HOSTS.into_iter().zip(plans) {
        let port = sinks.first().map_or(0, |first| first.address.port());
        sinks.push(Sink::start_at((host, port).into(), plans).await);
    }
    sinks.try_into().ok().expect("as many")
}

#[tokio::test]
async fn the_best_host_gets_the_mail() {
    let [first, second] = sinks([&[], &[]]).await;
    let (app, _worker) = desk(two_hosts(), direct(first.address.port())).await;
    until_customers(&app, "sent").await;
    assert_eq!(of_customer(&app, "remote").await, "mx1.shop.test [127.0.0.2]");
    assert_eq!((first.taken().len(), second.connections()), (1, 0));
    write_in(&app, 2).await;
    until("one more", async || first.taken().len() == 2).await;
    assert_eq!(first.connections(), 1, "the connection is kept");
}

#[tokio::test]
async fn the_next_host_gets_it_where_nobody_is_there() {
    let second = Sink::start_at((HOSTS[1], 0).into(), &[]).await;
    let zone = two_hosts().address("mx1.shop.test", [0, 0, 0, 0, 0, 0, 0, 1]);
    let (app, _worker) = desk(zone, direct(second.address.port())).await;
    until_customers(&app, "sent").await;
    assert_eq!(of_customer(&app, "remote").await, "mx2.shop.test [127.0.0.3]");
    assert_eq!(of_customer(&app, "attempts").await, "1");
}

#[tokio::test]
async fn what_a_host_says_of_a_mail_is_its_last_word() {
    let [first, second] = sinks([&[Plan::Rcpt("450 4.7.1 Greylisted")], &[]]).await;
    let (app, _worker) = desk(two_hosts(), direct(first.address.port())).await;
    until_customers(&app, "deferred").await;
    assert_eq!(of_customer(&app, "enhanced_code").await, "4.7.1");
    assert_eq!(second.connections(), 0);
    app.clock.advance_ms(70_000);
    until_customers(&app, "sent").await;
}

/// Servers that let us wait, each of another domain, take no places from those that don't.
#[tokio::test]
async fn tarpits_of_many_domains_hold_up_no_other() {
    let [slow, good] = sinks([&[Plan::Stall; 3], &[]]).await;
    let app = App::start_with(Engine::Sqlite, |config| {
        direct(slow.address.port())(config);
        config.outbox.step_timeout_seconds = 60;
        config.outbox.concurrency = 2;
        config.outbox.lease_seconds = 20;
    })
    .await;
    let domains = [("a.test", HOSTS[0]), ("b.test", HOSTS[0]), ("c.test", HOSTS[0]), (DOMAIN, HOSTS[1])];
    for (domain, _) in domains {
        write_from(&app, &format!("jo@{domain}")).await;
    }
    let world = domains.into_iter().fold(zone(), |zone, (domain, host)| zone.address(domain, host));
    let _worker = send_in(&app, world);
    // What takes longer than a third of a lease takes no place.
    until("sent all the same", async || good.taken().len() == 1).await;
    assert_eq!(slow.connections(), 3);
}

#[tokio::test]
async fn a_domain_without_mx_gets_it_itself() {
    let [host] = sinks([&[]]).await;
    let (app, _worker) = desk(zone().address(DOMAIN, HOSTS[0]), direct(host.address.port())).await;
    until_customers(&app, "sent").await;
    assert_eq!(of_customer(&app, "remote").await, "shop.test [127.0.0.2]");
}

#[tokio::test]
async fn domains_that_take_no_mail_are_told_apart() {
    for (zone, status, code, error) in [
        (zone().mx(DOMAIN, 0, ""), "failed", "5.1.10", "the domain shop.test takes no mail (null MX)"),
        (zone(), "failed", "5.1.2", "the domain shop.test does not exist"),
        (zone().mx(DOMAIN, 10, "gone.test"), "failed", "5.4.4", "no mail server of shop.test has an address"),
        (zone().broken(DOMAIN), "deferred", "", "MX of shop.test: SERVFAIL"),
        (
            zone().mx(DOMAIN, 10, "gone.test").mx(DOMAIN, 20, "lost.test").broken("lost.test"),
            "deferred",
            "",
            "address of lost.test: SERVFAIL",
        ),
    ] {
        let (app, _worker) = desk(zone, direct(25)).await;
        until_customers(&app, status).await;
        assert_eq!(of_customer(&app, "enhanced_code").await, code);
        assert_eq!(of_customer(&app, "error").await, error);
    }
}

#[tokio::test]
async fn mail_does_not_go_to_ourselves() {
    let zone = zone().mx(DOMAIN, 10, "trap.test").address("trap.test", [127, 0, 0, 1]);
    let (app, _worker) = desk(zone, |config| config.outbox.transport = TransportKind::Direct).await;
    until_customers(&app, "failed").await;
    assert_eq!(of_customer(&app, "enhanced_code").await, "5.4.6");
    assert_eq!(of_customer(&app, "error").await, "mail loops back: trap.test is this machine itself");
}

#[tokio::test]
async fn a_domain_that_is_down_costs_itself_a_try_and_others_nothing() {
    let [_, other] = sinks([&[], &[]]).await;
    let zone = Zone::default().mx(DOMAIN, 10, "down.test").address("down.test", HOSTS[2]);
    let zone = zone.address("desk.test", HOSTS[1]);
    let (app, _worker) = desk(zone, direct(other.address.port())).await;
    until_customers(&app, "deferred").await;
    assert_eq!(of_customer(&app, "attempts").await, "1");
    assert_eq!(of_customer(&app, "error").await, "Connection refused (os error 111)");
    until("the agent's is there", async || other.taken().len() == 1).await;
}

#[tokio::test]
async fn names_beyond_ascii_go_out_in_ascii() {
    let [host] = sinks([&[]]).await;
    let app = App::start_with(Engine::Sqlite, direct(host.address.port())).await;
    write_in(&app, 1).await;
    let sql =
        "UPDATE outbox SET to_address = 'jo@bücher.test' WHERE audience = 'customer' RETURNING to_address";
    app.database.texts(sql).await;
    let _worker = send_in(&app, zone().address("xn--bcher-kva.test", HOSTS[0]));
    until_customers(&app, "sent").await;
    assert_eq!(host.taken()[0].to, "jo@xn--bcher-kva.test");
}

#[tokio::test]
async fn a_local_part_beyond_ascii_fails_clearly() {
    let [host] = sinks([&[]]).await;
    let app = App::start_with(Engine::Sqlite, direct(host.address.port())).await;
    write_in(&app, 1).await;
    let sql =
        "UPDATE outbox SET to_address = 'jö@shop.test' WHERE audience = 'customer' RETURNING to_address";
    app.database.texts(sql).await;
    let _worker = send_in(&app, zone().address(DOMAIN, HOSTS[0]));
    until_customers(&app, "failed").await;
    let error = "the address is not ASCII, and the server has no SMTPUTF8";
    assert_eq!(of_customer(&app, "error").await, error);
}

/// A domain with a policy: its mail server, and the server of its policy.
struct Demanding {
    mail: Sink,
    policy: PolicyServer,
    trusted: PathBuf,
    _dir: tempfile::TempDir,
}

/// The server of a policy, and how often it was asked.
struct PolicyServer {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Demanding {
    /// `known`: the mail server's certificate is one that is trusted.
    async fn start(policy: &'static str, known: bool) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (right, trusted) = certificate(dir.path(), &["mta-sts.shop.test", "mx1.shop.test"]);
        let (stranger, _) = certificate(dir.path(), &["mx1.shop.test"]);
        let tls = if known { right.clone() } else { stranger };
        let guard = Guard { starttls: Some(Upgrade::Works(tls)), ..Guard::default() };
        let mail = Sink::start_behind(guard, (HOSTS[0], 0).into(), &[]).await;
        let policy = PolicyServer::start(right, policy).await;
        Self { mail, policy, trusted, _dir: dir }
    }

    async fn desk(&self) -> (App, DropGuard) {
        let zone = zone().mx(DOMAIN, 10, "mx1.shop.test").address("mx1.shop.test", HOSTS[0]);
        let zone = zone.address("mta-sts.shop.test", HOSTS[1]).text("_mta-sts.shop.test", "v=STSv1; id=1;");
        desk(zone, |config| {
            direct(self.mail.address.port())(config);
            config.outbox.direct.policy_port = self.policy.address.port();
            config.outbox.direct.ca_file = Some(self.trusted.clone());
        })
        .await
    }

    /// Nothing of a mail was said.
    fn assert_silent(&self) {
        let commands = self.mail.commands();
        assert!(commands.iter().all(|line| !line.starts_with("MAIL")), "{commands:?}");
    }
}

impl PolicyServer {
    async fn start(tls: Arc<ServerConfig>, policy: &'static str) -> Self {
        let listener = TcpListener::bind((std::net::Ipv4Addr::from(HOSTS[1]), 0)).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = TlsAcceptor::from(tls.clone()).accept(stream).await else { continue };
                let mut request = vec![0; 4_096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                assert!(request[..length].starts_with(b"GET /.well-known/mta-sts.txt HTTP/1.1\r\n"));
                count.fetch_add(1, Ordering::SeqCst);
                let head =
                    "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n";
                let answer = format!("{head}Content-Length: {}\r\n\r\n{policy}", policy.len());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

const ENFORCE: &str = "version: STSv1\r\nmode: enforce\r\nmx: *.shop.test\r\nmax_age: 86400\r\n";

/// RFC 8461 §3.3, §5.
#[tokio::test]
async fn a_policy_is_kept_to_and_kept() {
    let domain = Demanding::start(ENFORCE, true).await;
    let (app, _worker) = domain.desk().await;
    until_customers(&app, "sent").await;
    assert_eq!(of_customer(&app, "tls").await, "TLSv1.3", "the certificate had to be right");
    for (hours, asked) in [(2, 1), (21, 1), (2, 2)] {
        app.clock.advance_ms(hours * 3_600_000);
        let before = domain.mail.taken().len();
        write_in(&app, before + 1).await;
        until("one more", async || domain.mail.taken().len() > before).await;
        assert_eq!(domain.policy.asked(), asked, "it holds for a day");
    }
}

/// RFC 8461 §4.2.
#[tokio::test]
async fn a_policy_refuses_a_certificate_nobody_trusts() {
    let domain = Demanding::start(ENFORCE, false).await;
    let (app, _worker) = domain.desk().await;
    until_customers(&app, "deferred").await;
    assert_eq!(of_customer(&app, "error").await, "TLS: certificate refused: unknown issuer");
    domain.assert_silent();
}

/// RFC 8461 §4.1.
#[tokio::test]
async fn a_policy_refuses_hosts_it_does_not_name() {
    let elsewhere = "version: STSv1\nmode: enforce\nmx: mx.elsewhere.test\nmax_age: 86400\n";
    let domain = Demanding::start(elsewhere, true).await;
    let (app, _worker) = domain.desk().await;
    until_customers(&app, "deferred").await;
    let error = "the MTA-STS policy of shop.test names none of its mail servers";
    assert_eq!(of_customer(&app, "error").await, error);
    assert_eq!(domain.mail.connections(), 0);
}

/// RFC 8461 §5.1.
#[tokio::test]
async fn a_policy_in_testing_refuses_nothing() {
    let testing = "version: STSv1\nmode: testing\nmx: mx.elsewhere.test\nmax_age: 86400\n";
    let domain = Demanding::start(testing, false).await;
    let (app, _worker) = domain.desk().await;
    until_customers(&app, "sent").await;
    assert_eq!(of_customer(&app, "tls").await, "TLSv1.3, certificate not verified: unknown issuer");
}
