//! A relay that speaks TLS from the first byte and wants to know who we are, from the program as it is installed: which
//! certificates it trusts is the system's business, here said by `SSL_CERT_FILE`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::support::Database;
use crate::support::app::SUPPORT;
use crate::support::certificate::certificate;
use crate::support::client::Client;
use crate::support::program::Program;
use crate::support::sink::{Auth, Guard, PASSWORD, Sink, USER};

/// A relay with a fresh certificate, and the file to trust it by.
async fn relay(dir: &Path, auth: Option<Auth>) -> (Sink, PathBuf) {
    let (tls, file) = certificate(dir, &["localhost"]);
    (Sink::guarded(Guard { tls: Some(tls), auth, ..Guard::default() }).await, file)
}

/// What stands in front of the program: where its mail goes, and further settings.
fn by(sink: &Sink, more: &[(&str, &str)]) -> String {
    let port = sink.address.port().to_string();
    let all = [
        ("POSTDESK_OUTBOX_TRANSPORT", "relay"),
        ("POSTDESK_OUTBOX_RELAY_HOST", "localhost"),
        ("POSTDESK_OUTBOX_RELAY_PORT", port.as_str()),
        ("POSTDESK_OUTBOX_RELAY_TLS", "tls"),
    ];
    all.iter().chain(more).map(|(name, value)| format!("export {name}='{value}'\n")).collect()
}

/// A customer's mail, which is acknowledged and told to the agent.
async fn write_in(program: &Program) {
    let mut client = Client::connect(program.smtp).await.expect("greeted");
    let raw =
        b"From: jo@shop.test\r\nSubject: Lamp broken\r\nMessage-ID: <c1@shop.test>\r\n\r\nIt broke.\r\n";
    let reply = client.send("jo@shop.test", SUPPORT, raw).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..2_400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not {what}");
}

async fn until_sent(database: &Database) {
    let sent = "SELECT count(*) FROM outbox WHERE status = 'sent' AND tls = 'TLSv1.3'";
    until("sent", async || database.count(sent).await == 2).await;
}

/// Nothing was tried, nothing failed, nobody was told: the mail is where it was.
async fn assert_waiting(database: &Database) {
    let held = "SELECT count(*) FROM outbox WHERE status IN ('queued', 'sending')";
    assert_eq!(database.count(held).await, 2);
    assert_eq!(database.count("SELECT max(attempts) FROM outbox").await, 0);
    for none in ["delivery_attempts", "suppressions", "ticket_events WHERE type = 'email_failed'"] {
        assert_eq!(database.count(&format!("SELECT count(*) FROM {none}")).await, 0, "{none}");
    }
}

both_engines! {
    /// RFC 8314 §3.3, RFC 4954.
    async fn mail_goes_out_over_tls_to_a_relay_that_knows_us(engine: Engine) {
        for auth in [Auth::Plain, Auth::Login] {
            let database = Database::fresh(engine).await;
            let (sink, trusted) = relay(database.dir(), Some(auth)).await;
            let trusted = trusted.to_str().expect("UTF-8");
            let we_are = [
                ("SSL_CERT_FILE", trusted),
                ("POSTDESK_OUTBOX_RELAY_USERNAME", USER),
                ("POSTDESK_OUTBOX_RELAY_PASSWORD", PASSWORD),
            ];
            let program = Program::start(database.dir(), &database.url, &by(&sink, &we_are)).await;
            write_in(&program).await;
            until_sent(&database).await;
            assert_eq!(sink.taken().len(), 2, "{auth:?}");
        }
    }

    /// RFC 4954 §6: that the relay does not know us says nothing about any mail.
    async fn a_wrong_password_holds_mail_up_and_loses_none(engine: Engine) {
        let database = Database::fresh(engine).await;
        let (sink, trusted) = relay(database.dir(), Some(Auth::Plain)).await;
        let trusted = ("SSL_CERT_FILE", trusted.to_str().expect("UTF-8"));
        let user = ("POSTDESK_OUTBOX_RELAY_USERNAME", USER);
        let wrong = [trusted, user, ("POSTDESK_OUTBOX_RELAY_PASSWORD", "guessed")];
        let program = Program::start(database.dir(), &database.url, &by(&sink, &wrong)).await;
        write_in(&program).await;
        let tries = || sink.commands().iter().filter(|line| line.starts_with("AUTH ")).count();
        until("tried again", async || tries() >= 2).await;
        assert_waiting(&database).await;
        program.stop();
        let right = [trusted, user, ("POSTDESK_OUTBOX_RELAY_PASSWORD", PASSWORD)];
        let _program = Program::start(database.dir(), &database.url, &by(&sink, &right)).await;
        until_sent(&database).await;
        assert_eq!(database.count("SELECT max(attempts) FROM outbox").await, 1);
    }

    async fn a_certificate_nobody_trusts_is_refused(engine: Engine) {
        let database = Database::fresh(engine).await;
        let (sink, trusted) = relay(database.dir(), None).await;
        let program = Program::start(database.dir(), &database.url, &by(&sink, &[])).await;
        write_in(&program).await;
        until("tried again", async || sink.connections() >= 2).await;
        assert_waiting(&database).await;
        assert_eq!(sink.commands(), Vec::<String>::new(), "not a word to a stranger");
        program.stop();
        let trusted = ("SSL_CERT_FILE", trusted.to_str().expect("UTF-8"));
        let _program = Program::start(database.dir(), &database.url, &by(&sink, &[trusted])).await;
        until_sent(&database).await;
    }
}
