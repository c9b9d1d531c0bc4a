//! Mail on its way out: from the row to a server that is not always in the mood.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailin_embedded::response::OK;
use mailin_embedded::{Handler, Response, Server, SslConfig};
use postdesk::config::{Config, Relay, Tls, TransportKind};
use postdesk::outbox::{Transport, Worker};
use postdesk::templates::Templates;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::app::{AGENT, SUPPORT};
use crate::support::client::Client;
use crate::support::sink::{Plan, Sink};
use crate::support::{App, Engine};

const JO: &str = "jo@shop.test";

/// Mail leaves for this server, one at a time, with little patience.
pub fn by_relay(address: SocketAddr) -> impl FnOnce(&mut Config) {
    move |config| {
        config.outbox.transport = TransportKind::Relay;
        config.outbox.concurrency = 1;
        config.outbox.step_timeout_seconds = 1;
        config.outbox.relay = Some(Relay::at(address.ip().to_string(), address.port()));
    }
}

/// The worker, until the guard is dropped.
fn send(app: &App) -> DropGuard {
    let stop = CancellationToken::new();
    let transport = Transport::from_config(app.desk.config()).expect("it can work");
    let worker = Worker::new(app.desk.clone(), Arc::new(Templates::load(None)), transport);
    tokio::spawn(worker.run(stop.clone()));
    stop.drop_guard()
}

/// A customer's first mail: acknowledged to them, told to the agent.
async fn write_in(app: &App) {
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    let raw = b"From: Jo Doe <jo@shop.test>\r\nTo: support@desk.test\r\nSubject: Lamp broken\r\nMessage-ID: <c1@shop.test>\r\n\r\n.It broke.\r\n";
    let reply = client.send(JO, SUPPORT, raw).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
}

/// Mail that never ends: each is told to the agent.
async fn flow(app: &App) {
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    for n in 0.. {
        let raw =
            format!("From: jo@shop.test\r\nMessage-ID: <{n}@shop.test>\r\nSubject: no {n}\r\n\r\n{n}\r\n");
        client.send(JO, SUPPORT, raw.as_bytes()).await.expect("answered");
    }
}

/// From now on the database takes no bytes of mails to customers.
async fn refuse_bytes_to_customers(app: &App, engine: Engine) {
    let trigger =
        "CREATE TRIGGER refuse BEFORE UPDATE OF mime ON outbox FOR EACH ROW WHEN (NEW.audience = 'customer')";
    let statements = match engine {
        Engine::Sqlite => vec![format!("{trigger} BEGIN SELECT RAISE(ABORT, 'refused'); END")],
        Engine::Postgres => vec![
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$"
                .into(),
            format!("{trigger} EXECUTE FUNCTION refuse()"),
        ],
    };
    for statement in statements {
        app.database.texts(&statement).await;
    }
}

/// Waits until so many mails were kept.
async fn until_captured(app: &App, wanted: i64) {
    for _ in 0..400 {
        if app.database.count("SELECT count(*) FROM outbox WHERE status = 'captured'").await >= wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{wanted} mails should have been kept, got {:?}", statuses(app).await);
}

/// Statuses of all mails, those to customers first.
async fn statuses(app: &App) -> Vec<String> {
    app.database.texts("SELECT status FROM outbox ORDER BY audience DESC, id").await
}

/// Waits until mails stand so.
async fn until(app: &App, wanted: [&str; 2]) {
    for _ in 0..400 {
        if statuses(app).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("wanted {wanted:?}, got {:?}", statuses(app).await);
}

/// A column of the customer's mail, as text.
async fn of_customer(app: &App, column: &str) -> String {
    let sql = format!("SELECT CAST({column} AS TEXT) FROM outbox WHERE audience = 'customer'");
    app.database.texts(&sql).await.pop().unwrap_or_default()
}

both_engines! {
    /// RFC 5321 §4.5.2: what begins with a dot arrives so.
    async fn mail_goes_to_the_relay_one_recipient_each(engine: Engine) {
        let sink = Sink::start(&[]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        write_in(&app).await;
        let _worker = send(&app);
        until(&app, ["sent", "sent"]).await;
        let mut to: Vec<_> = sink.taken().into_iter().map(|mail| mail.to).collect();
        to.sort();
        assert_eq!(to, [AGENT, JO]);
        assert_eq!(sink.connections(), 1, "the connection is kept");
        assert!(sink.taken().iter().all(|mail| mail.from.starts_with("bounce+")));
        assert_eq!(of_customer(&app, "smtp_response").await, "250 2.0.0 taken");
        let stored = app.database.count("SELECT count(*) FROM outbox WHERE size = length(mime)").await;
        assert_eq!(stored, 2);
    }

    /// RFC 5321 §4.5.4.1.
    async fn a_greylisted_mail_comes_again_the_same(engine: Engine) {
        let greylisted = Plan::Rcpt("450 4.7.1 Greylisted, come again");
        let sink = Sink::start(&[greylisted, greylisted]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        write_in(&app).await;
        let _worker = send(&app);
        until(&app, ["deferred", "deferred"]).await;
        assert_eq!(of_customer(&app, "enhanced_code").await, "4.7.1");
        app.clock.advance_ms(50_000);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(sink.taken(), [], "not before its time");
        app.clock.advance_ms(20_000);
        until(&app, ["sent", "sent"]).await;
        assert_eq!(of_customer(&app, "attempts").await, "2");
        assert_eq!(app.database.count("SELECT count(*) FROM delivery_attempts").await, 4);
    }

    async fn a_mail_that_is_late_is_noted_once(engine: Engine) {
        let busy = Plan::Rcpt("450 4.2.1 busy");
        let sink = Sink::start(&[busy; 6]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        write_in(&app).await;
        let _worker = send(&app);
        for tries in [2, 4, 6] {
            until(&app, ["deferred", "deferred"]).await;
            let made = "SELECT count(*) FROM delivery_attempts";
            while app.database.count(made).await < tries {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            let late = "SELECT count(*) FROM ticket_events WHERE type = 'email_delayed'";
            assert_eq!(app.database.count(late).await, if tries > 2 { 2 } else { 0 }, "after {tries}");
            app.clock.advance_ms(5 * 3_600_000);
        }
        until(&app, ["sent", "sent"]).await;
    }

    /// RFC 5321 §4.2.1: 5yz is final.
    async fn a_refused_recipient_is_told_on_the_ticket_and_left_alone(engine: Engine) {
        let sink = Sink::start(&[Plan::Rcpt("550 5.1.1 nobody here"), Plan::Dot("554 5.7.1 no")]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        write_in(&app).await;
        let _worker = send(&app);
        until(&app, ["failed", "failed"]).await;
        let events = app.database.count("SELECT count(*) FROM ticket_events WHERE type = 'email_failed'").await;
        assert_eq!(events, 2);
        let suppressed = app.database.texts("SELECT address FROM suppressions").await;
        assert_eq!(suppressed.len(), 1, "only where there is nobody: {suppressed:?}");
    }

    /// RFC 1047, RFC 5322 §3.6.4.
    async fn a_mail_lost_after_its_last_dot_comes_again_under_its_id(engine: Engine) {
        let sink = Sink::start(&[Plan::HangUpAfterDot]).await;
        let app = App::start_with(engine, |config| {
            by_relay(sink.address)(config);
            config.agents.clear();
        }).await;
        write_in(&app).await;
        let _worker = send(&app);
        for _ in 0..400 {
            let deferred = statuses(&app).await.iter().any(|status| status == "deferred");
            if deferred && sink.taken().len() == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        app.clock.advance_ms(70_000);
        until(&app, ["sent", "sent"]).await;
        let taken = sink.taken();
        assert_eq!(taken.len(), 3);
        assert_eq!(taken[0], taken[2], "the same bytes to the same recipient");
        assert_ne!(taken[0].to, taken[1].to);
    }

    async fn a_stalling_server_holds_up_one_mail_only(engine: Engine) {
        let sink = Sink::start(&[Plan::Stall]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        write_in(&app).await;
        let _worker = send(&app);
        let deferred = "SELECT error FROM outbox WHERE status = 'deferred'";
        for _ in 0..400 {
            if sink.taken().len() == 1 && !app.database.texts(deferred).await.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        assert_eq!(app.database.texts(deferred).await, ["no answer to RCPT TO in time"]);
        assert_eq!(sink.taken().len(), 1);
    }

    async fn a_relay_that_is_down_costs_no_mail_an_attempt(engine: Engine) {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|held| held.local_addr()).expect("a free port");
        let app = App::start_with(engine, by_relay(address)).await;
        write_in(&app).await;
        let _worker = send(&app);
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(of_customer(&app, "attempts").await, "0");
        let sink = Sink::start_at(address, &[]).await;
        until(&app, ["sent", "sent"]).await;
        assert_eq!(of_customer(&app, "attempts").await, "1");
        assert_eq!(sink.taken().len(), 2);
    }

    async fn a_kept_connection_that_was_closed_costs_nothing(engine: Engine) {
        let sink = Sink::start(&[Plan::TakeAndClose]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        write_in(&app).await;
        let _worker = send(&app);
        until(&app, ["sent", "sent"]).await;
        assert_eq!(sink.connections(), 2);
        assert_eq!(app.database.count("SELECT max(attempts) FROM outbox").await, 1);
    }

    async fn captured_mail_has_bytes_and_an_attempt(engine: Engine) {
        let app = App::start(engine).await;
        write_in(&app).await;
        let _worker = send(&app);
        until(&app, ["captured", "captured"]).await;
        assert_eq!(app.database.texts("SELECT DISTINCT outcome FROM delivery_attempts").await, ["captured"]);
        assert_eq!(app.database.count("SELECT count(*) FROM outbox WHERE mime IS NOT NULL").await, 2);
    }

    async fn a_mail_that_nobody_can_take_fails_alone(engine: Engine) {
        let app = App::start(engine).await;
        write_in(&app).await;
        app.database.texts("UPDATE outbox SET to_address = 'nobody' WHERE audience = 'customer' RETURNING to_address").await;
        let _worker = send(&app);
        until(&app, ["failed", "captured"]).await;
        assert_eq!(of_customer(&app, "error").await, "\"nobody\" is not an address mail can be sent to");
    }

    async fn a_mail_the_store_refuses_holds_up_itself_alone(engine: Engine) {
        let app = App::start(engine).await;
        write_in(&app).await;
        refuse_bytes_to_customers(&app, engine).await;
        let _worker = send(&app);
        until(&app, ["sending", "captured"]).await;
    }

    async fn what_the_store_refuses_does_not_leave(engine: Engine) {
        let sink = Sink::start(&[]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        write_in(&app).await;
        refuse_bytes_to_customers(&app, engine).await;
        let _worker = send(&app);
        until(&app, ["sending", "sent"]).await;
        assert_eq!(sink.taken().into_iter().map(|mail| mail.to).collect::<Vec<_>>(), [AGENT]);
    }

    async fn a_flow_of_mail_holds_up_sending_for_a_moment_only(engine: Engine) {
        let app = App::start(engine).await;
        let _worker = send(&app);
        tokio::select! {
            () = flow(&app) => {}
            () = until_captured(&app, 20) => {}
        }
    }

    async fn a_lease_that_ran_out_is_taken_over(engine: Engine) {
        let app = App::start(engine).await;
        write_in(&app).await;
        let held = app.claim("a worker that dies", 10).await;
        assert_eq!(held.len(), 2);
        assert!(app.claim("another", 10).await.is_empty());
        app.clock.advance_ms(60_000);
        assert_eq!(app.claim("another", 1).await.len(), 1);
        app.desk.put_back(&held).await.expect("no error");
        let queued = app.database.count("SELECT count(*) FROM outbox WHERE status = 'queued'").await;
        assert_eq!(queued, 1, "only one's own lease can be given back");
    }

    /// RFC 3834 §2.
    async fn acknowledgements_are_capped(engine: Engine) {
        let app = App::start(engine).await;
        for n in 0..3 {
            let mut client = Client::connect(app.smtp).await.expect("greeted");
            let raw = format!("From: jo@shop.test\r\nSubject: no {n}\r\n\r\n{n}\r\n");
            client.send(JO, SUPPORT, raw.as_bytes()).await.expect("answered");
        }
        let acks = "SELECT count(*) FROM outbox WHERE audience = 'customer'";
        assert_eq!(app.database.count(acks).await, 1, "one an hour");
        app.clock.advance_ms(3_600_000);
        write_in(&app).await;
        assert_eq!(app.database.count(acks).await, 2);
    }
}

/// An agent's mailbox on our own door, which has a certificate nobody checks.
#[tokio::test]
async fn starttls_is_used_where_it_is_offered() {
    let made = rcgen::generate_simple_self_signed(["mx.desk.test".to_owned()]).expect("a certificate");
    let dir = tempfile::tempdir().expect("a directory");
    let files = Tls { certificate: dir.path().join("cert.pem"), key: dir.path().join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).expect("it writes");
    std::fs::write(&files.key, made.signing_key.serialize_pem()).expect("it writes");
    let other = App::start_with(Engine::Sqlite, |config| config.smtp.tls = Some(files)).await;
    let app = App::start_with(Engine::Sqlite, by_relay(other.smtp)).await;
    write_in(&app).await;
    let _worker = send(&app);
    until(&app, ["failed", "failed"]).await;
    assert_eq!(of_customer(&app, "tls").await, "TLSv1.3, certificate not verified: unknown issuer");
    assert_eq!(of_customer(&app, "enhanced_code").await, "5.7.1");
}

/// RFC 4954 §4, §6.
#[tokio::test]
async fn a_password_is_never_sent_in_the_clear() {
    let sink = Sink::start(&[]).await;
    let app = App::start_with(Engine::Sqlite, |config| {
        by_relay(sink.address)(config);
        let relay = config.outbox.relay.as_mut().expect("set above");
        (relay.username, relay.password) = (Some("desk".into()), Some("hush".into()));
    })
    .await;
    write_in(&app).await;
    let _worker = send(&app);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(sink.connections() > 0);
    assert_eq!(sink.commands().iter().find(|line| line.contains("AUTH")), None);
    assert_eq!(of_customer(&app, "attempts").await, "0");
}

/// Keeps what it takes.
#[derive(Clone, Default)]
struct Keeper(Arc<Mutex<Vec<u8>>>);

impl Handler for Keeper {
    fn helo(&mut self, _ip: IpAddr, _domain: &str) -> Response {
        OK
    }

    fn data(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.0.lock().expect("no panic while held").extend_from_slice(line);
        Ok(())
    }
}

/// A server that nobody here wrote.
#[tokio::test]
async fn mailin_embedded_takes_our_mail() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    let keeper = Keeper::default();
    let mut server = Server::new(keeper.clone());
    server.with_name("mx.shop.test").with_ssl(SslConfig::None).expect("no certificate");
    server.with_tcp_listener(listener).with_num_threads(1);
    std::thread::spawn(move || server.serve().expect("it serves"));
    let app = App::start_with(Engine::Sqlite, by_relay(address)).await;
    write_in(&app).await;
    let _worker = send(&app);
    until(&app, ["sent", "sent"]).await;
    let kept = String::from_utf8(keeper.0.lock().expect("no panic while held").clone()).expect("7-bit");
    assert!(kept.contains("Subject: Re: Lamp broken [TKT-"), "{kept}");
    assert!(kept.contains("Your reply to this mail is sent to Jo Doe <jo@shop.test>"));
}
