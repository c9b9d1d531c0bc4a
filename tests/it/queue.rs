//! The outbox as a queue: whose turn it is, however many wait.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use postdesk::config::{Config, Relay, ReleaseBy, TransportKind};
use postdesk::desk::{Round, Wanted};
use postdesk::model::{EmailStatus, OutboxEntry, Timestamp};
use postdesk::outbox::{Transport, Worker};
use postdesk::templates::Templates;

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::program::Program;
use crate::support::sink::{Act, Plan, Point, Sink};
use crate::support::{App, Database, Engine};

/// A mail that waits since then.
fn mail(app: &App, to: &str, priority: i64, due: Timestamp) -> OutboxEntry {
    let at = app.clock.now();
    OutboxEntry {
        id: app.desk.ids().uuid(at),
        to_address: to.into(),
        priority,
        status: EmailStatus::Queued,
        next_attempt_at: Some(due),
        give_up_at: at.plus_ms(3_600_000),
        queued_at: due,
        created_at: at,
        ..crate::support::app::mail()
    }
}

/// Puts mails into the outbox: so many to each of these, of one priority.
async fn post(app: &App, mails: &[(&str, usize)], priority: i64) {
    let mut tx = app.store.begin().await.expect("a turn");
    for (to, count) in mails {
        for _ in 0..*count {
            tx.insert_outbox(&mail(app, to, priority, app.clock.now())).await.expect("it writes");
        }
    }
    tx.commit().await.expect("on disk");
}

/// Takes so many; how many of them go to each address.
async fn take(app: &App, round: &mut Round, limit: usize, resting: &[&str]) -> BTreeMap<String, usize> {
    let resting: HashSet<String> = resting.iter().map(|domain| (*domain).to_owned()).collect();
    let wanted = Wanted { lease: "w", lease_ms: 60_000, limit, resting: &resting };
    let mut taken = BTreeMap::new();
    for mail in app.desk.claim_due(round, wanted).await.expect("it reads") {
        *taken.entry(mail.to_address).or_default() += 1;
    }
    taken
}

fn counts(counts: &[(&str, usize)]) -> BTreeMap<String, usize> {
    counts.iter().map(|(to, count)| ((*to).to_owned(), *count)).collect()
}

both_engines! {
    async fn ten_thousand_mails_to_one_domain_hold_up_none_to_another(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("a@bulk.test", 1_000)], 1).await;
        app.clock.advance_ms(60_000);
        post(&app, &[("jo@shop.test", 1), ("sam@other.test", 2)], 1).await;
        let taken = take(&app, &mut Round::default(), 30, &[]).await;
        assert_eq!(taken, counts(&[("a@bulk.test", 27), ("jo@shop.test", 1), ("sam@other.test", 2)]));
    }

    async fn domains_take_turns_where_there_are_more_than_room(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("x@a.test", 9), ("x@b.test", 9), ("x@c.test", 9), ("x@D.test", 9), ("x@e.test", 9)], 1).await;
        let mut round = Round::default();
        for want in [["x@a.test", "x@b.test"], ["x@D.test", "x@c.test"], ["x@a.test", "x@e.test"], ["x@b.test", "x@c.test"]] {
            let taken = take(&app, &mut round, 2, &[]).await;
            assert_eq!(taken.into_keys().collect::<Vec<_>>(), want);
        }
    }

    async fn replies_go_first_and_share_among_domains_too(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("x@bulk.test", 50)], 1).await;
        post(&app, &[("x@a.test", 3), ("x@bulk.test", 9)], 0).await;
        let mut round = Round::default();
        assert_eq!(take(&app, &mut round, 8, &[]).await, counts(&[("x@a.test", 3), ("x@bulk.test", 5)]));
        assert_eq!(take(&app, &mut round, 8, &[]).await, counts(&[("x@bulk.test", 8)]));
    }

    async fn a_domain_that_rests_gets_none(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("x@a.test", 5), ("x@b.test", 5)], 1).await;
        assert_eq!(take(&app, &mut Round::default(), 8, &["a.test"]).await, counts(&[("x@b.test", 5)]));
        assert_eq!(take(&app, &mut Round::default(), 8, &[]).await, counts(&[("x@a.test", 5)]));
    }

    async fn mail_waits_for_its_time(engine: Engine) {
        let app = App::start(engine).await;
        let mut tx = app.store.begin().await.expect("a turn");
        let later = app.clock.now().plus_ms(10_000);
        tx.insert_outbox(&mail(&app, "jo@shop.test", 0, later)).await.expect("it writes");
        tx.commit().await.expect("on disk");
        assert_eq!(take(&app, &mut Round::default(), 9, &[]).await, counts(&[]));
        app.clock.advance_ms(10_000);
        assert_eq!(take(&app, &mut Round::default(), 9, &[]).await, counts(&[("jo@shop.test", 1)]));
    }
}

/// How the engine would run a statement, with these as its parameters.
async fn plan(app: &App, engine: Engine, sql: &str, parameters: &[&str]) -> String {
    match engine {
        Engine::Sqlite => {
            let mut connection = SqliteConnection::connect(&app.database.url).await.expect("it opens");
            let asked = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
            let rows = connection.fetch_all(asked).await.expect("a plan");
            rows.iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>().join("\n")
        }
        Engine::Postgres => {
            let mut connection = PgConnection::connect(&app.database.url).await.expect("it answers");
            let prepared = format!("SET plan_cache_mode = force_generic_plan; PREPARE asked AS {sql}");
            connection.execute(AssertSqlSafe(prepared)).await.expect("it prepares");
            let asked = AssertSqlSafe(format!("EXPLAIN EXECUTE asked ({})", parameters.join(", ")));
            let rows = connection.fetch_all(asked).await.expect("a plan");
            rows.iter().map(|row| row.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
        }
    }
}

both_engines! {
    /// However many wait, a claim looks at those it takes, and at one of each domain.
    async fn a_claim_walks_no_table(engine: Engine) {
        let app = App::start(engine).await;
        post(&app, &[("x@a.test", 500), ("x@b.test", 500), ("x@c.test", 500)], 1).await;
        let analyse = match engine {
            Engine::Sqlite => "SELECT 'nothing to do'",
            Engine::Postgres => "ANALYZE outbox",
        };
        app.database.texts(analyse).await;
        let (claim, promote) = match engine {
            Engine::Sqlite => (
                include_str!("../../src/store/sql/queue/claim.sqlite.sql"),
                include_str!("../../src/store/sql/queue/promote.sqlite.sql"),
            ),
            Engine::Postgres => (
                include_str!("../../src/store/sql/queue/claim.postgres.sql"),
                include_str!("../../src/store/sql/queue/promote.postgres.sql"),
            ),
        };
        for (sql, parameters, index) in [
            (include_str!("../../src/store/sql/queue/due.sql"), &["0", "'x'"][..], "outbox_later"),
            (promote, &["0", "9"], "outbox_later"),
            (include_str!("../../src/store/sql/queue/turns.sql"), &["1", "''", "9"], "outbox_turns"),
            (claim, &["'w'", "0", "1", "'a.test'", "9"], "outbox_turns"),
        ] {
            let plan = plan(&app, engine, sql, parameters).await;
            assert!(plan.contains(index), "{plan}");
            let walks = plan.lines().find(|line| {
                let line = line.trim_start_matches([' ', '-', '>']);
                line.starts_with("SCAN outbox") && !line.contains("INDEX") || line.starts_with("Seq Scan on outbox")
            });
            assert_eq!(walks, None, "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        }
    }
}

/// What stands in front of the program: its mail goes to this server, in the clear.
fn by(sink: &Sink) -> String {
    let port = sink.address.port().to_string();
    let all =
        [("TRANSPORT", "relay"), ("RELAY_HOST", "127.0.0.1"), ("RELAY_PORT", &port), ("RELAY_TLS", "none")];
    all.iter().map(|(name, value)| format!("export POSTDESK_OUTBOX_{name}='{value}'\n")).collect()
}

/// A customer's mail, which is acknowledged and told to the agent.
async fn write_in(program: &Program) {
    let mut client = Client::connect(program.smtp).await.expect("greeted");
    let raw =
        b"From: jo@shop.test\r\nSubject: Lamp broken\r\nMessage-ID: <c1@shop.test>\r\n\r\nIt broke.\r\n";
    let reply = client.send("jo@shop.test", SUPPORT, raw).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
}

/// From now on, or no longer, the database takes no attempts.
async fn refuse_attempts(database: &Database, engine: Engine, refuse: bool) {
    let trigger = "CREATE TRIGGER refuse BEFORE INSERT ON delivery_attempts FOR EACH ROW";
    let statements: Vec<String> = match (engine, refuse) {
        (Engine::Sqlite, true) => vec![format!("{trigger} BEGIN SELECT RAISE(ABORT, 'refused'); END")],
        (Engine::Postgres, true) => vec![
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$"
                .into(),
            format!("{trigger} EXECUTE FUNCTION refuse()"),
        ],
        (Engine::Sqlite, false) => vec!["DROP TRIGGER refuse".into()],
        (Engine::Postgres, false) => vec!["DROP TRIGGER refuse ON delivery_attempts".into()],
    };
    for statement in statements {
        database.texts(&statement).await;
    }
}

/// Waits until something holds.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..400 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not {what}");
}

both_engines! {
    /// RFC 1047: between the other side's 250 and our commit there is no way to know: it goes again, and the other side
    /// knows it by its Message-ID.
    async fn a_crash_before_a_mail_is_written_down_sends_the_same_once_more(engine: Engine) {
        let database = Database::fresh(engine).await;
        let sink = Sink::start(&[]).await;
        let mut program = Program::start(database.dir(), &database.url, &by(&sink)).await;
        refuse_attempts(&database, engine, true).await;
        write_in(&program).await;
        until("taken", async || sink.taken().len() == 2).await;
        program.kill();
        assert_eq!(database.count("SELECT count(*) FROM outbox WHERE status = 'sending'").await, 2);
        refuse_attempts(&database, engine, false).await;
        // Another node would wait for the lease to run out; alone on its file, the program need not.
        if engine == Engine::Postgres {
            database.texts("UPDATE outbox SET next_attempt_at = 0").await;
        }
        let _program = Program::start(database.dir(), &database.url, &by(&sink)).await;
        let sent = "SELECT count(*) FROM outbox WHERE status = 'sent' AND attempts = 1";
        until("sent", async || database.count(sent).await == 2).await;
        let taken = sink.taken();
        assert_eq!(taken.len(), 4);
        for mail in &taken {
            assert_eq!(taken.iter().filter(|other| *other == mail).count(), 2, "the same bytes, twice at most");
        }
    }
}

/// Puts mails with bytes into the outbox: so many to each of these.
async fn post_made(app: &App, mails: &[(&str, usize)]) {
    let mut tx = app.store.begin().await.expect("a turn");
    for (to, count) in mails {
        for _ in 0..*count {
            let mail = mail(app, to, 1, app.clock.now());
            tx.insert_outbox(&mail).await.expect("it writes");
            tx.fix_outbox_mime(&mail, b"Subject: x\r\n\r\nx\r\n").await.expect("it writes");
        }
    }
    tx.commit().await.expect("on disk");
}

/// Mail leaves for this server, at most four at once.
fn four_at_once(address: std::net::SocketAddr) -> impl FnOnce(&mut Config) {
    move |config| {
        config.outbox.transport = TransportKind::Relay;
        config.outbox.concurrency = 4;
        config.outbox.step_timeout_seconds = 5;
        config.outbox.relay = Some(Relay::at(address.ip().to_string(), address.port()));
    }
}

/// The worker, until it is told to stop.
fn work(app: &App) -> (CancellationToken, JoinHandle<()>) {
    let stop = CancellationToken::new();
    let transport = Transport::from_config(app.desk.config()).expect("it can work");
    let worker = Worker::new(app.desk.clone(), Arc::new(Templates::load(None)), transport);
    (stop.clone(), tokio::spawn(worker.run(stop)))
}

both_engines! {
    /// Two mails to one domain stall; more would take all places. What comes later for another domain leaves at once,
    /// and when we stop nothing is held any more.
    async fn a_domain_that_stalls_holds_up_no_other(engine: Engine) {
        let sink = Sink::start(&[Plan::Stall, Plan::Stall]).await;
        let app = App::start_with(engine, four_at_once(sink.address)).await;
        post_made(&app, &[("x@slow.test", 20)]).await;
        let (stop, worker) = work(&app);
        until("stalled", async || sink.commands().iter().filter(|line| line.starts_with("RCPT")).count() == 2).await;
        post_made(&app, &[("jo@shop.test", 1)]).await;
        until("taken", async || sink.taken().len() == 1).await;
        assert_eq!(sink.taken()[0].to, "jo@shop.test");
        assert_eq!(app.database.count("SELECT count(*) FROM outbox WHERE status = 'deferred'").await, 0);
        stop.cancel();
        worker.await.expect("no panic");
        let left = app.database.texts("SELECT DISTINCT status FROM outbox ORDER BY status").await;
        assert_eq!(left, ["deferred", "queued", "sent"]);
        assert_eq!(app.database.count("SELECT count(*) FROM outbox WHERE status = 'queued'").await, 18);
    }

    async fn a_flow_to_one_domain_drains_whole(engine: Engine) {
        let sink = Sink::start(&[]).await;
        let app = App::start_with(engine, four_at_once(sink.address)).await;
        post_made(&app, &[("x@shop.test", 300), ("x@other.test", 5)]).await;
        let (stop, worker) = work(&app);
        until("taken", async || sink.taken().len() == 305).await;
        until("written down", async || app.database.count("SELECT count(*) FROM outbox WHERE status = 'sent'").await == 305).await;
        stop.cancel();
        worker.await.expect("no panic");
        let first: Vec<_> = sink.taken().into_iter().take(70).map(|mail| mail.to).collect();
        assert_eq!(first.iter().filter(|to| *to == "x@other.test").count(), 5, "they don't wait for the others");
    }

    /// RFC 5321 §4.5.3.2.6: it may take ten minutes until a mail is taken. Longer than any other step, and longer than a
    /// lease: nobody else takes the mail meanwhile.
    async fn a_server_that_takes_its_time_gets_a_mail_once(engine: Engine) {
        let (lease, slow) = (Duration::from_secs(20), Duration::from_secs(10));
        let sink = Sink::start(&[Plan::Trick(Point::Dot, Act::Late(slow))]).await;
        let app = App::start_with(engine, |config| {
            four_at_once(sink.address)(config);
            config.outbox.step_timeout_seconds = 1;
            config.outbox.lease_seconds = lease.as_secs();
        })
        .await;
        post_made(&app, &[("sam@shop.test", 1)]).await;
        let (stop, worker) = work(&app);
        until("said", async || !sink.taken().is_empty()).await;
        // The clock stands still where tests run: what is left of the lease goes by now, and once more behind its renewal.
        let leased_until = async || app.database.count("SELECT min(next_attempt_at) FROM outbox").await;
        let first = leased_until().await;
        app.clock.advance_ms(15_000);
        until("leased anew", async || leased_until().await > first).await;
        app.clock.advance_ms(15_000);
        assert!(app.claim("somebody else", 1).await.is_empty(), "it is on the wire");
        let sent = "SELECT count(*) FROM outbox WHERE status = 'sent'";
        until("taken", async || app.database.count(sent).await == 1).await;
        assert_eq!(sink.taken().len(), 1);
        stop.cancel();
        worker.await.expect("it ends");
    }

    async fn a_released_mail_leaves_where_mail_is_kept(engine: Engine) {
        let sink = Sink::start(&[]).await;
        let app = App::start_with(engine, |config| {
            four_at_once(sink.address)(config);
            config.outbox.transport = TransportKind::Capture;
            config.outbox.release_by = Some(ReleaseBy::Relay);
        }).await;
        post_made(&app, &[("jo@shop.test", 1), ("sam@shop.test", 1)]).await;
        app.database.texts("UPDATE outbox SET released = TRUE WHERE to_address = 'sam@shop.test' RETURNING status").await;
        let (stop, worker) = work(&app);
        let ended = "SELECT status FROM outbox WHERE next_attempt_at IS NULL ORDER BY to_address";
        until("ended", async || app.database.texts(ended).await == ["captured", "sent"]).await;
        assert_eq!(sink.taken().into_iter().map(|mail| mail.to).collect::<Vec<_>>(), ["sam@shop.test"]);
        stop.cancel();
        worker.await.expect("no panic");
    }
}
