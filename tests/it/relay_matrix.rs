//! A relay that does all that relays do, at every point of the conversation. Whatever it does: each mail gets there in the
//! end, twice only under one Message-ID; mail that comes in is taken meanwhile; and the log tells what happened.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use postdesk::config::{Config, Relay, RelayTls, TransportKind};
use postdesk::outbox::Transport;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::DropGuard;

use crate::support::app::SUPPORT;
use crate::support::certificate::certificate;
use crate::support::client::Client;
use crate::support::outgoing::send_by;
use crate::support::sink::{Act, Guard, Plan, Point, Sink, Taken, Upgrade};
use crate::support::{App, Engine};

/// Longest a case may take, far longer than it should.
const PATIENCE: Duration = Duration::from_secs(60);
/// Cases at once: they wait most of the time.
const AT_ONCE: usize = 8;

/// One thing a relay does.
#[derive(Clone, Copy)]
struct Case {
    /// What it does to the first mails, or connections.
    plans: &'static [Plan],
    /// What the log says of tries that came to nothing.
    log: &'static [&'static str],
    /// Whether the relay may have taken a mail without our knowing.
    doubles: bool,
}

const fn case(plans: &'static [Plan], log: &'static [&'static str]) -> Case {
    Case { plans, log, doubles: false }
}

/// It may have been taken.
const fn perhaps(plans: &'static [Plan], log: &'static [&'static str]) -> Case {
    Case { plans, log, doubles: true }
}

const CASES: &[Case] = {
    use Act::{Babble, Break, HalfClose, Say, Stall, Tarpit};
    use Plan::{HangUpAfterDot, TakeAndClose, Trick};
    use Point::{Data, Dot, Ehlo, Greeting, Mail, Rcpt, Text};
    &[
        case(&[], &[]),
        // It says: later.
        case(&[Trick(Rcpt, Say("450 4.7.1 Greylisted")); 4], &["deferred 450 4.7.1 Greylisted"; 4]),
        case(&[Trick(Greeting, Say("421 4.3.2 too many"))], &[]),
        case(&[Trick(Mail, Say("421 4.3.2 closing"))], &[]),
        case(&[Trick(Mail, Break("421 4.3.2 closing\r\n"))], &[]),
        case(&[Trick(Mail, Say("451 4.3.0 busy"))], &["deferred 451 4.3.0 busy"]),
        case(&[Trick(Rcpt, Break("421 4.3.2 closing\r\n"))], &["deferred 421 4.3.2 closing"]),
        case(&[Trick(Data, Break("421 4.3.2 closing\r\n"))], &["deferred 421 4.3.2 closing"]),
        perhaps(&[Trick(Dot, Break("421 4.3.2 closing\r\n"))], &["deferred 421 4.3.2 closing"]),
        case(&[Trick(Dot, Say("452 4.3.1 full"))], &["deferred 452 4.3.1 full"]),
        // It says: no. Nobody else's mail waits for that.
        case(&[Trick(Rcpt, Say("554 5.7.1 not that one"))], &["failed 554 5.7.1 not that one"]),
        case(&[Trick(Dot, Say("554 5.6.0 not this text"))], &["failed 554 5.6.0 not this text"]),
        // It hangs up.
        case(&[Trick(Greeting, Break(""))], &[]),
        case(&[Trick(Ehlo, Break(""))], &[]),
        case(&[Trick(Mail, Break(""))], &["deferred the server hung up"]),
        case(&[Trick(Rcpt, Break(""))], &["deferred the server hung up"]),
        case(&[Trick(Data, Break(""))], &["deferred the server hung up"]),
        case(&[Trick(Text, Break(""))], &["deferred the server hung up"]),
        perhaps(&[HangUpAfterDot], &["deferred the server hung up"]),
        case(&[TakeAndClose, TakeAndClose], &[]),
        // It says nothing.
        case(&[Trick(Greeting, Stall)], &[]),
        case(&[Trick(Ehlo, Stall)], &[]),
        case(&[Trick(Mail, Stall)], &["deferred no answer to MAIL FROM in time"]),
        case(&[Trick(Rcpt, Stall)], &["deferred no answer to RCPT TO in time"]),
        case(&[Trick(Data, Stall)], &["deferred no answer to DATA in time"]),
        case(&[Trick(Text, Stall)], &["deferred no answer to the mail in time"]),
        perhaps(&[Trick(Dot, Stall)], &["deferred no answer to the mail in time"]),
        // It takes its time for every octet: the deadline is the answer's.
        case(&[Trick(Greeting, Tarpit)], &[]),
        case(&[Trick(Rcpt, Tarpit)], &["deferred no answer to RCPT TO in time"]),
        perhaps(&[Trick(Dot, Tarpit)], &["deferred no answer to the mail in time"]),
        // It closes its own side alone.
        case(&[Trick(Ehlo, HalfClose)], &[]),
        case(&[Trick(Rcpt, HalfClose)], &["deferred the server hung up"]),
        perhaps(&[Trick(Dot, HalfClose)], &["deferred the server hung up"]),
        // It says half of something, something else, or too much.
        case(&[Trick(Greeting, Break("22"))], &[]),
        case(&[Trick(Greeting, Say("SSH-2.0-OpenSSH_9.2"))], &[]),
        case(&[Trick(Greeting, Babble)], &[]),
        case(&[Trick(Ehlo, Break("250-sink.test\r\n250-"))], &[]),
        case(&[Trick(Ehlo, Babble)], &[]),
        case(&[Trick(Mail, Break("25"))], &["deferred the server hung up"]),
        case(&[Trick(Mail, Say("hello"))], &["deferred no SMTP: \"hello\""]),
        case(&[Trick(Rcpt, Babble)], &["deferred an answer without end"]),
        case(&[Trick(Rcpt, Break("250-"))], &["deferred the server hung up"]),
        case(&[Trick(Data, Say("250 2.0.0 what?"))], &["deferred unexpected answer: 250 2.0.0 what?"]),
        perhaps(&[Trick(Dot, Break("25"))], &["deferred the server hung up"]),
        perhaps(&[Trick(Dot, Break("250-2.0.0 taken\r\n"))], &["deferred the server hung up"]),
        perhaps(&[Trick(Dot, Babble)], &["deferred an answer without end"]),
    ]
};

/// Mail leaves for this server, one at a time, with little patience.
fn by_relay(address: SocketAddr) -> impl FnOnce(&mut Config) {
    move |config| {
        config.outbox.transport = TransportKind::Relay;
        config.outbox.concurrency = 1;
        config.outbox.step_timeout_seconds = 3;
        config.outbox.data_done_timeout_seconds = 3;
        config.outbox.relay = Some(Relay::at(address.ip().to_string(), address.port()));
    }
}

/// The worker, until the guard is dropped.
fn send(app: &App) -> DropGuard {
    send_by(app, Transport::from_config(app.desk.config()).expect("it can work"))
}

/// A customer writes, is acknowledged, and an agent is told.
async fn write_in(app: &App, name: &str) {
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    let raw = format!("From: {name}@shop.test\r\nSubject: From {name}\r\n\r\n.It broke.\r\n");
    let reply = client.send(&format!("{name}@shop.test"), SUPPORT, raw.as_bytes()).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
}

async fn count(app: &App, statuses: &str) -> i64 {
    app.database.count(&format!("SELECT count(*) FROM outbox WHERE status IN ({statuses})")).await
}

/// Waits until every mail has ended. Where all that are left wait for their time, it comes; no sooner, or leases would run
/// out before anything is sent.
async fn until_all_ended(app: &App, what: &str) {
    let begun = Instant::now();
    while count(app, "'queued', 'sending', 'deferred'").await > 0 {
        let now = app.clock.now().0;
        let due = format!("SELECT count(*) FROM outbox WHERE next_attempt_at <= {now}");
        if count(app, "'queued', 'sending'").await + app.database.count(&due).await == 0 {
            app.clock.advance_ms(70_000);
        }
        assert!(begun.elapsed() < PATIENCE, "{what}: {:?}", log(app, "").await);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
}

/// Tries as the log has them, outcome and words.
async fn log(app: &App, condition: &str) -> Vec<String> {
    let words = "outcome || ' ' || COALESCE(smtp_response, error, '')";
    app.database.texts(&format!("SELECT {words} FROM delivery_attempts {condition} ORDER BY at, id")).await
}

/// What the outbox has of each mail.
async fn mails(app: &App) -> Vec<(String, String, String)> {
    let columns = "to_address || ' ' || status || ' ' || message_id";
    let rows = app.database.texts(&format!("SELECT {columns} FROM outbox ORDER BY id")).await;
    let split = |row: String| {
        let mut words = row.split(' ').map(str::to_owned);
        let mut word = || words.next().expect("three words");
        (word(), word(), word())
    };
    rows.into_iter().map(split).collect()
}

/// Copies of a mail that the relay took.
fn copies<'a>(taken: &'a [Taken], to: &str, message_id: &str) -> Vec<&'a Taken> {
    let field = format!("Message-ID: <{message_id}>\r\n");
    let is_it = |mail: &&Taken| mail.to == to && String::from_utf8_lossy(&mail.data).contains(&field);
    taken.iter().filter(is_it).collect()
}

/// Every mail reached the relay, or was refused in words; copies are equal, and there are none without a reason.
async fn assert_arrived(app: &App, sink: &Sink, what: &str, doubles: bool) {
    let taken = sink.taken();
    let mut known = 0;
    for (to, status, message_id) in mails(app).await {
        let copies = copies(&taken, &to, &message_id);
        known += copies.len();
        let most = if doubles { 2 } else { 1 };
        match status.as_str() {
            "sent" => assert!((1..=most).contains(&copies.len()), "{what}: {to} got {}", copies.len()),
            "failed" => assert!(copies.is_empty(), "{what}: {to}"),
            status => panic!("{what}: {to} is {status}"),
        }
        assert!(copies.iter().all(|copy| copy.data == copies[0].data), "{what}: copies differ");
    }
    assert_eq!(known, taken.len(), "{what}: a mail nobody knows of");
}

async fn run_case(engine: Engine, case: Case, pipelining: bool) {
    let what = format!("{:?}, pipelining {pipelining}", case.plans);
    let guard = Guard { pipelining, ..Guard::default() };
    let sink = Sink::start_behind(guard, ([127, 0, 0, 1], 0).into(), case.plans).await;
    let app = App::start_with(engine, by_relay(sink.address)).await;
    write_in(&app, "jo").await;
    let _worker = send(&app);
    until_met(&sink, &what).await;
    write_in(&app, "bo").await;
    until_all_ended(&app, &what).await;
    assert_eq!(log(&app, "WHERE outcome <> 'delivered'").await, case.log, "{what}");
    assert_arrived(&app, &sink, &what, case.doubles).await;
    let refused = case.log.iter().filter(|line| line.starts_with("failed")).count();
    assert_eq!(count(&app, "'failed'").await, i64::try_from(refused).expect("few"), "{what}");
    assert!(mails(&app).await.len() >= 4, "{what}");
}

/// Waits until the relay was asked.
async fn until_met(sink: &Sink, what: &str) {
    let begun = Instant::now();
    while sink.connections() == 0 {
        assert!(begun.elapsed() < PATIENCE, "{what}: nobody came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// All cases, some at a time; every failure is told. What a relay does before it offers pipelining was seen without.
async fn run_all(engine: Engine, pipelining: bool) {
    let early = |plan: &Plan| matches!(plan, Plan::Trick(Point::Greeting | Point::Ehlo, _));
    let (turns, mut running) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for case in CASES.iter().filter(|case| !pipelining || !case.plans.iter().any(early)) {
        let turns = turns.clone();
        running.spawn(async move {
            let _turn = turns.acquire_owned().await.expect("it stays open");
            run_case(engine, *case, pipelining).await;
        });
    }
    let mut failed = 0;
    while let Some(ended) = running.join_next().await {
        failed += usize::from(ended.is_err());
    }
    assert_eq!(failed, 0, "cases failed, see above");
}

both_engines! {
    /// RFC 5321 §4.5.4.1, §4.2.1.
    async fn whatever_the_relay_does_mail_gets_there(engine: Engine) {
        run_all(engine, false).await;
    }

    /// RFC 2920 §3.1, RFC 5321 §4.5.4.1.
    async fn whatever_a_pipelining_relay_does_mail_gets_there(engine: Engine) {
        run_all(engine, true).await;
    }

    async fn a_relay_whose_tls_breaks_gets_mail_in_the_clear(engine: Engine) {
        let dir = tempfile::tempdir().expect("a directory");
        let (server, _) = certificate(dir.path(), &["localhost"]);
        for (upgrade, encrypted) in [(Upgrade::Works(server), 2), (Upgrade::Breaks, 0), (Upgrade::Garbage, 0)] {
            let guard = Guard { starttls: Some(upgrade), ..Guard::default() };
            let sink = Sink::start_behind(guard, ([127, 0, 0, 1], 0).into(), &[]).await;
            let app = App::start_with(engine, by_relay(sink.address)).await;
            write_in(&app, "jo").await;
            let _worker = send(&app);
            until_all_ended(&app, "TLS breaks").await;
            assert_arrived(&app, &sink, "TLS breaks", false).await;
            assert_eq!(app.database.count("SELECT count(tls) FROM outbox").await, encrypted);
        }
    }

    async fn a_relay_whose_tls_breaks_gets_nothing_where_tls_is_wanted(engine: Engine) {
        for upgrade in [None, Some(Upgrade::Breaks), Some(Upgrade::Garbage)] {
            let guard = Guard { starttls: upgrade, ..Guard::default() };
            let sink = Sink::start_behind(guard, ([127, 0, 0, 1], 0).into(), &[]).await;
            let app = App::start_with(engine, |config| {
                by_relay(sink.address)(config);
                config.outbox.relay.as_mut().expect("set above").tls = RelayTls::Starttls;
            }).await;
            write_in(&app, "jo").await;
            let _worker = send(&app);
            while sink.connections() < 2 {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            assert_eq!(sink.commands().iter().find(|line| line.starts_with("MAIL")), None);
            assert_eq!(log(&app, "").await, Vec::<String>::new(), "no try was counted");
            assert_eq!(count(&app, "'queued', 'sending'").await, 2);
        }
    }

    async fn a_relay_that_is_gone_for_hours_gets_all_mail_then(engine: Engine) {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a free port");
        let app = App::start_with(engine, by_relay(address)).await;
        let _worker = send(&app);
        for hour in 0..6 {
            write_in(&app, &format!("customer{hour}")).await;
            app.clock.advance_ms(3_600_000);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        assert_eq!(log(&app, "").await, Vec::<String>::new(), "no try was counted");
        assert_eq!(count(&app, "'queued', 'sending'").await, 12);
        let sink = Sink::start_at(address, &[]).await;
        until_all_ended(&app, "gone for hours").await;
        assert_arrived(&app, &sink, "gone for hours", false).await;
        assert_eq!(app.database.count("SELECT max(attempts) FROM outbox").await, 1);
        assert_eq!(sink.taken().len(), 12);
    }
}
