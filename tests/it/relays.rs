//! Relays in order, and how we talk to one: TLS, tokens, pipelining.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use postdesk::config::{Config, Relay, RelayTls, TransportKind};
use postdesk::outbox::Transport;

use crate::support::certificate::certificate;
use crate::support::outgoing::{of_customer, send_by, until, until_customers, write_in};
use crate::support::sink::{Auth, Guard, PASSWORD, Plan, Sink, USER, Upgrade};
use crate::support::{App, Engine};

/// Mail leaves by these, with little patience.
fn by(relays: Vec<Relay>) -> impl FnOnce(&mut Config) {
    move |config| {
        config.outbox.transport = TransportKind::Relay;
        config.outbox.step_timeout_seconds = 2;
        config.outbox.relays = relays;
    }
}

fn relay(sink: &Sink) -> Relay {
    Relay::at("127.0.0.1", sink.address.port())
}

/// A desk that sends by these.
async fn desk(relays: Vec<Relay>) -> App {
    App::start_with(Engine::Sqlite, by(relays)).await
}

fn transport(app: &App) -> Transport {
    Transport::from_config(app.desk.config()).expect("it can work")
}

/// What is wrong with the first relay.
async fn trouble(app: &App) -> String {
    let found = transport(app).probe().await;
    found.into_iter().next().and_then(|probe| probe.error).expect("something is wrong")
}

/// Where nobody listens.
fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a free port")
}

#[tokio::test]
async fn the_next_relay_takes_mail_while_the_first_is_down() {
    let (down, second) = (nobody(), Sink::start(&[]).await);
    let app = desk(vec![Relay::at("127.0.0.1", down.port()), relay(&second)]).await;
    let _worker = send_by(&app, transport(&app));
    write_in(&app, 1).await;
    until("both by the second", async || second.taken().len() == 2).await;
    until_customers(&app, "sent").await;
    assert_eq!(app.database.count("SELECT count(*) FROM delivery_attempts").await, 2, "one try each");
    let first = Sink::start_at(down, &[]).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    for number in 2..9 {
        write_in(&app, number).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    assert!(!first.taken().is_empty(), "it is asked again after its wait");
}

#[tokio::test]
async fn what_a_relay_says_of_a_mail_is_its_last_word() {
    let busy = Plan::Rcpt("450 4.2.1 busy");
    let (first, second) = (Sink::start(&[busy, busy]).await, Sink::start(&[]).await);
    let app = desk(vec![relay(&first), relay(&second)]).await;
    write_in(&app, 1).await;
    let _worker = send_by(&app, transport(&app));
    until_customers(&app, "deferred").await;
    assert_eq!(of_customer(&app, "enhanced_code").await, "4.2.1");
    assert_eq!(second.connections(), 0);
}

#[tokio::test]
async fn a_relay_that_does_not_know_us_hands_on_to_the_next() {
    let dir = tempfile::tempdir().expect("a directory");
    let (tls, ca) = certificate(dir.path(), &["localhost"]);
    let guard = Guard { starttls: Some(Upgrade::Works(tls)), auth: Some(Auth::Plain), ..Guard::default() };
    let (first, second) = (Sink::guarded(guard).await, Sink::start(&[]).await);
    let strict = Relay {
        tls: RelayTls::Starttls,
        username: Some(USER.into()),
        password: Some("guessed".into()),
        ca_file: Some(ca),
        ..Relay::at("localhost", first.address.port())
    };
    let app = desk(vec![strict, relay(&second)]).await;
    assert_eq!(trouble(&app).await, "535 5.7.8 who?");
    write_in(&app, 1).await;
    let _worker = send_by(&app, transport(&app));
    until_customers(&app, "sent").await;
    assert_eq!(first.taken(), []);
}

#[tokio::test]
async fn an_access_token_is_read_whenever_it_is_needed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (tls, ca) = certificate(dir.path(), &["localhost"]);
    let guard = Guard { starttls: Some(Upgrade::Works(tls)), auth: Some(Auth::Token), ..Guard::default() };
    let sink = Sink::guarded(guard).await;
    let file = dir.path().join("token");
    let app = desk(vec![Relay {
        tls: RelayTls::Starttls,
        username: Some(USER.into()),
        access_token_file: Some(file.clone()),
        ca_file: Some(ca),
        ..Relay::at("localhost", sink.address.port())
    }])
    .await;
    assert!(trouble(&app).await.starts_with("no access token: "));
    std::fs::write(&file, "stale\n").expect("it writes");
    let words = "the access token was refused, it may have expired: 535 5.7.8 who? ({\"status\":\"401\"})";
    assert_eq!(trouble(&app).await, words);
    write_in(&app, 1).await;
    let _worker = send_by(&app, transport(&app));
    let asked = || sink.commands().iter().filter(|line| line.starts_with("AUTH ")).count();
    until("tried", async || asked() >= 2).await;
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("it writes");
    until_customers(&app, "sent").await;
    assert_eq!(of_customer(&app, "attempts").await, "1");
    assert_eq!(of_customer(&app, "tls").await, "TLSv1.3");
}

/// CVE-2011-0411, seen from the client.
#[tokio::test]
async fn words_slipped_in_before_tls_end_the_connection() {
    let dir = tempfile::tempdir().expect("a directory");
    for tls in [RelayTls::Opportunistic, RelayTls::Starttls] {
        let (server, ca) = certificate(dir.path(), &["localhost"]);
        let guard = Guard { starttls: Some(Upgrade::SlippedIn(server)), ..Guard::default() };
        let sink = Sink::guarded(guard).await;
        let relay = Relay { tls, ca_file: Some(ca), ..Relay::at("localhost", sink.address.port()) };
        let app = desk(vec![relay]).await;
        assert_eq!(trouble(&app).await, "the server speaks without being asked", "{tls:?}");
        assert_eq!(sink.commands().len(), 2, "nothing behind EHLO and STARTTLS: {:?}", sink.commands());
    }
}

#[tokio::test]
async fn only_opportunistic_tls_that_breaks_is_followed_by_the_clear() {
    let guard = || Guard { starttls: Some(Upgrade::Breaks), ..Guard::default() };
    let (lenient, strict) = (Sink::guarded(guard()).await, Sink::guarded(guard()).await);
    let app = desk(vec![Relay { tls: RelayTls::Starttls, ..relay(&strict) }, relay(&lenient)]).await;
    write_in(&app, 1).await;
    let _worker = send_by(&app, transport(&app));
    until_customers(&app, "sent").await;
    assert_eq!(of_customer(&app, "tls").await, "", "in the clear");
    assert!(strict.commands().iter().all(|line| !line.starts_with("MAIL")), "{:?}", strict.commands());
}

#[tokio::test]
async fn the_log_says_what_a_certificate_was_worth() {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, trusted, wanted) in [
        ("localhost", true, "TLSv1.3, certificate verified"),
        ("localhost", false, "TLSv1.3, certificate not verified: unknown issuer"),
        ("other.test", true, "TLSv1.3, certificate not verified: issued for another name"),
    ] {
        let (tls, ca) = certificate(dir.path(), &[name]);
        let sink = Sink::guarded(Guard { starttls: Some(Upgrade::Works(tls)), ..Guard::default() }).await;
        let port = sink.address.port();
        let app = desk(vec![Relay { ca_file: trusted.then_some(ca), ..Relay::at("localhost", port) }]).await;
        write_in(&app, 1).await;
        let _worker = send_by(&app, transport(&app));
        until_customers(&app, "sent").await;
        assert_eq!(of_customer(&app, "tls").await, wanted);
        let tried = app.database.texts("SELECT DISTINCT tls FROM delivery_attempts").await;
        assert_eq!(tried, [wanted]);
    }
}

/// RFC 2920 §3.1.
#[tokio::test]
async fn the_envelope_is_said_at_once_where_that_is_offered() {
    let refused = [Plan::Rcpt("550 5.7.1 no"), Plan::Rcpt("450 4.2.1 busy")];
    let guard = Guard { pipelining: true, ..Guard::default() };
    let sink = Sink::start_behind(guard, ([127, 0, 0, 1], 0).into(), &refused).await;
    let app = desk(vec![relay(&sink)]).await;
    write_in(&app, 1).await;
    let _worker = send_by(&app, transport(&app));
    let tried = "SELECT count(*) FROM delivery_attempts";
    until("both tried", async || app.database.count(tried).await == 2).await;
    let mut said = app.database.texts("SELECT smtp_response FROM outbox").await;
    said.sort();
    assert_eq!(said, ["450 4.2.1 busy", "550 5.7.1 no"], "not what was said of DATA");
    assert_eq!(sink.taken(), []);
    app.clock.advance_ms(3_600_000);
    write_in(&app, 2).await;
    until("two new ones, and the one that was told to wait", async || sink.taken().len() == 3).await;
    assert_eq!(sink.pipelined(), 5);
    assert!(sink.taken().iter().all(|mail| mail.data.ends_with(b"\r\n")), "whole mails");
}

/// Mail that goes nowhere else leaves when somebody wants it to: as many tries as it takes, and no other mail waits.
#[tokio::test]
async fn captured_mail_has_a_way_out_where_one_is_set() {
    let sink = Sink::start(&[]).await;
    let app = App::start_with(Engine::Sqlite, |config| {
        by(vec![relay(&sink)])(config);
        config.outbox.transport = TransportKind::Capture;
        config.outbox.release_by = Some(postdesk::config::ReleaseBy::Relay);
    })
    .await;
    write_in(&app, 1).await;
    let transport = transport(&app);
    assert!(transport.keeps(false) && !transport.keeps(true));
    let _worker = send_by(&app, transport);
    until_customers(&app, "captured").await;
    assert_eq!(sink.connections(), 0);
}
