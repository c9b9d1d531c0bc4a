//! Trouble of the store under load: connections cut, syncs that fail, and a copy that is made meanwhile.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::durability::{ONCE_EACH, SESSIONS, odd_ones, send, traces, waits_out};
use crate::support::client::Client;
use crate::support::postgres;
use crate::support::program::Program;
use crate::support::{App, Database, Engine, say};

/// Clients that send until they are told to stop. What is refused for now they send again, as mail servers do.
struct Load {
    accepted: Arc<Mutex<BTreeSet<String>>>,
    stop: Arc<AtomicBool>,
    sessions: JoinSet<()>,
}

impl Load {
    fn start(app: &App) -> Self {
        let (accepted, stop) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let mut sessions = JoinSet::new();
        for label in 0..SESSIONS {
            sessions.spawn(session(app.smtp, label, Arc::clone(&accepted), stop.clone()));
        }
        Self { accepted, stop, sessions }
    }

    /// Senders whose mail was answered 250.
    fn accepted(&self) -> BTreeSet<String> {
        self.accepted.lock().expect("no panic while held").clone()
    }

    /// Waits until so many more were.
    async fn go_on(&self, mails: usize) {
        let (wanted, begun) = (self.accepted().len() + mails, Instant::now());
        while self.accepted().len() < wanted {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not come back");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets each session end its mail.
    async fn end(mut self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.sessions.join_next().await {
            ended.expect("no panic");
        }
        self.accepted()
    }
}

async fn session(
    to: std::net::SocketAddr,
    label: usize,
    accepted: Arc<Mutex<BTreeSet<String>>>,
    stop: Arc<AtomicBool>,
) {
    let mut client = Client::connect(to).await.expect("greeted");
    for count in 0.. {
        let name = format!("load-{label}-{count}");
        loop {
            let reply = send(&mut client, &name).await.expect("a refusal ends no session");
            if reply.starts_with("250 ") {
                break;
            }
            assert!(reply.starts_with('4'), "{reply}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        accepted.lock().expect("no panic while held").insert(format!("{name}@shop.test"));
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// CHECKLIST §3, database down: every connection is cut, again and again, and each mail is there once.
#[tokio::test]
async fn connections_to_postgres_that_are_cut_cost_no_mail() {
    if !postgres::available() {
        return;
    }
    let app = App::start(Engine::Postgres).await;
    let load = Load::start(&app);
    let mut cut = 0;
    for _ in 0..5 {
        load.go_on(SESSIONS).await;
        let all = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()";
        cut += app.database.count(all).await;
    }
    load.go_on(SESSIONS).await;
    let accepted: Vec<String> = load.end().await.into_iter().collect();
    assert!(cut >= 5, "{cut} connections were cut");
    for (what, sql) in ONCE_EACH {
        assert_eq!(odd_ones(&accepted, &app.database.texts(sql).await), Vec::<String>::new(), "{what}");
    }
}

both_engines! {
    /// CHECKLIST §3, backup under load (docs/guide.md, Backup): what was acknowledged before is in the copy, once, and the
    /// copy is a desk.
    async fn a_copy_made_under_load_has_all_that_was_acknowledged(engine: Engine) {
        let app = App::start(engine).await;
        let load = Load::start(&app);
        load.go_on(3 * SESSIONS).await;
        let before = load.accepted();
        let Some(copy) = app.database.copy().await else {
            load.end().await;
            return say("not tested: a copy of PostgreSQL's database (no pg_dump)");
        };
        load.go_on(SESSIONS).await;
        load.end().await;
        let restored = App::start_on(copy, |_| {}).await;
        for (what, sql) in ONCE_EACH {
            let found = restored.database.texts(sql).await;
            let known: BTreeSet<&String> = found.iter().collect();
            assert_eq!(found.len(), known.len(), "{what}, twice");
            let lost: Vec<_> = before.iter().filter(|sender| !known.contains(sender)).collect();
            assert_eq!(lost, Vec::<&String>::new(), "{what}, of {}", before.len());
        }
        let mut client = Client::connect(restored.smtp).await.expect("greeted");
        let again = before.first().and_then(|sender| sender.strip_suffix("@shop.test")).expect("one at least");
        for name in [again, "afterwards"] {
            let reply = send(&mut client, name).await.expect("answered");
            assert!(reply.starts_with("250 "), "{reply}");
        }
        let twice = "SELECT count(*) - count(DISTINCT requester_email) FROM tickets";
        assert_eq!(restored.database.count(twice).await, 0);
    }
}

/// strace at a running process: every sync of it fails.
struct NoSync(Child);

impl NoSync {
    fn of(pid: u32) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO"]);
        strace.args(["-p", &pid.to_string()]).stderr(Stdio::piped());
        let mut strace = strace.spawn().expect("it worked before");
        let mut said = BufReader::new(strace.stderr.take().expect("piped")).lines();
        said.next().expect("it says that it has begun").expect("text");
        // Whatever it says more must have somewhere to go.
        std::thread::spawn(move || said.for_each(drop));
        Self(strace)
    }

    fn end(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        assert!(told.expect("kill").success());
        self.0.wait().expect("it is ours");
    }
}

/// CHECKLIST §3, fsync errors: what is not on the disk is not acknowledged, and when the disk is well again mail comes in.
#[tokio::test]
async fn while_nothing_can_be_synced_mail_waits_and_then_comes_in() {
    if !traces() {
        return say("not tested: syncs that fail (no strace that works)");
    }
    let database = Database::fresh(Engine::Sqlite).await;
    let program = Program::start(database.dir(), &database.url, "").await;
    let faults = Mutex::new(None);
    let begin = async || *faults.lock().expect("no panic while held") = Some(NoSync::of(program.id()));
    let end = async || faults.lock().expect("no panic while held").take().expect("it began").end();
    waits_out(program.smtp, &database, begin, end).await;
}

/// RFC 5321 §6.1: PostgreSQL may be told to lose what was committed. Our own sessions are not; the rest is complained of.
#[tokio::test]
async fn a_postgres_that_may_lose_mail_is_overruled_or_complained_of() {
    if !postgres::available() {
        return;
    }
    let database = Database::fresh(Engine::Postgres).await;
    let name = database.texts("SELECT current_database()::text").await.remove(0);
    for statement in [
        &format!("ALTER ROLE current_user IN DATABASE {name} SET synchronous_commit = off"),
        "CREATE TABLE seen (setting text)",
    ] {
        database.texts(statement).await;
    }
    let log = database.dir().join("log");
    let program = Program::start(database.dir(), &database.url, &format!("exec 2>'{}'", log.display())).await;
    for statement in [
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$",
        "CREATE TRIGGER see BEFORE INSERT ON inbound_mails FOR EACH ROW EXECUTE FUNCTION see()",
    ] {
        database.texts(statement).await;
    }
    let mut client = Client::connect(program.smtp).await.expect("greeted");
    let reply = send(&mut client, "synced").await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
    assert_eq!(
        database.texts("SELECT current_setting('synchronous_commit')").await,
        ["off"],
        "as for anybody else"
    );
    assert_eq!(database.texts("SELECT setting FROM seen").await, ["on"]);
    let log = std::fs::read_to_string(log).expect("it was written");
    for complaint in ["synchronous_commit = off", "fsync = off"] {
        assert!(log.contains(complaint), "{log}");
    }
}
