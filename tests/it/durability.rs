//! Nothing lost, nothing doubled: the process killed under load, the database gone, the disk full.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use postdesk::clock::Ids;
use serde_json::json;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use tokio::sync::{Mutex, Semaphore};

use crate::api::call::Client as Api;
use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::postgres::{Cluster, Sync};
use crate::support::program::Program;
use crate::support::{App, Database, Engine, say};

const ROUNDS: usize = 10;
pub const SESSIONS: usize = 8;

/// A mail of its own, from a sender of its own, so that each opens a ticket and is acknowledged.
fn mail(name: &str) -> (String, Vec<u8>) {
    let from = format!("{name}@shop.test");
    let raw = format!(
        "From: {name} <{from}>\r\nTo: {SUPPORT}\r\nSubject: Order {name}\r\nMessage-ID: <{name}@shop.test>\r\n\
         Date: Mon, 2 Mar 2026 09:00:00 +0000\r\n\r\nWhere is the parcel {name}?\r\n"
    );
    (from, raw.into_bytes())
}

pub async fn send(client: &mut Client, name: &str) -> Result<String, crate::support::client::Gone> {
    let (from, raw) = mail(name);
    client.send(&from, SUPPORT, &raw).await
}

/// What one session got done until the other side was gone.
#[derive(Default)]
struct Sent {
    accepted: Vec<String>,
    /// Sent, but no answer came: like a mail server, we send it again later.
    unanswered: Option<String>,
}

/// Sends mail after mail, those left over from before first, until the other side is gone. Each one accepted is a
/// permit of `accepted`.
async fn session(to: SocketAddr, label: String, left_over: Option<String>, accepted: Arc<Semaphore>) -> Sent {
    let mut sent = Sent::default();
    let Ok(mut client) = Client::connect(to).await else {
        // It was killed before it greeted us.
        sent.unanswered = left_over;
        return sent;
    };
    let new = (0..).map(|count| format!("{label}-{count}"));
    for name in left_over.into_iter().chain(new) {
        match send(&mut client, &name).await {
            Ok(reply) if reply.starts_with("250 ") => sent.accepted.push(name),
            Ok(reply) => panic!("{name}: {reply}"),
            Err(_) => {
                sent.unanswered = Some(name);
                break;
            }
        }
        accepted.add_permits(1);
    }
    sent
}

/// Ten times: mail on several sessions, and SIGKILL in the middle of it. Gives what was answered 250.
async fn under_fire(program: &mut Program) -> Vec<String> {
    let mut accepted = Vec::new();
    let mut left_over: Vec<String> = Vec::new();
    for round in 0..ROUNDS {
        let count = Arc::new(Semaphore::new(0));
        let mut sessions = Vec::new();
        for number in 0..SESSIONS {
            let (label, again) = (format!("mail-{round}-{number}"), left_over.pop());
            sessions.push(tokio::spawn(session(program.smtp, label, again, count.clone())));
        }
        some_moment(&count).await;
        program.kill();
        for session in sessions {
            let sent = session.await.expect("no panic");
            accepted.extend(sent.accepted);
            left_over.extend(sent.unanswered);
        }
        program.restart().await;
    }
    let mut client = Client::connect(program.smtp).await.expect("greeted");
    for name in left_over {
        let reply = send(&mut client, &name).await.expect("answered");
        assert!(reply.starts_with("250 "), "{name}: {reply}");
        accepted.push(name);
    }
    accepted
}

/// When up to so many mails were accepted, and a little later. Counted in mails, so that a slow machine gets as far.
async fn some_moment(accepted: &Semaphore) {
    let mails = u32::try_from(Ids::Random.below(60)).expect("a small number");
    drop(accepted.acquire_many(mails).await.expect("nobody closes it"));
    tokio::time::sleep(Duration::from_micros(Ids::Random.below(10_000))).await;
}

/// A disk that is full of logs must not stop the desk: what can't be said is not said.
#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let database = Database::fresh(Engine::Sqlite).await;
    let mut program = Program::start(database.dir(), &database.url, "exec 2>/dev/full").await;
    let mut client = Client::connect(program.smtp).await.expect("greeted");
    for number in 0..3 {
        let reply = send(&mut client, &format!("unlogged-{number}")).await.expect("answered");
        assert!(reply.starts_with("250 "), "{reply}");
    }
    program.kill();
}

both_engines! {
    /// RFC 5321 §6.1, RFC 1047: what was answered 250 must not be lost, nor, here, be there twice.
    async fn killed_under_load_nothing_is_lost_or_doubled(engine: Engine) {
        let cluster = (engine == Engine::Postgres).then(|| Cluster::start(Sync::On).expect("asked before"));
        let database = match &cluster {
            Some(cluster) => Database::on(cluster).await,
            None => Database::fresh(engine).await,
        };
        let mut program = Program::start(database.dir(), &database.url, "").await;
        let accepted = under_fire(&mut program).await;
        program.kill();
        assert!(accepted.len() > ROUNDS, "only {} mails came through", accepted.len());
        let senders: Vec<String> = accepted.iter().map(|name| format!("{name}@shop.test")).collect();
        for (what, sql) in ONCE_EACH {
            let found = database.texts(sql).await;
            assert_eq!(odd_ones(&senders, &found), Vec::<String>::new(), "{what} (of {} mails)", senders.len());
        }
        assert_eq!(database.count(ASTRAY).await, 0, "mails neither in the outbox nor captured");
        assert_eq!(database.count(TWICE).await, 0, "mails captured twice");
    }
}

/// What each mail must have left behind exactly once, by its sender.
pub const ONCE_EACH: [(&str, &str); 5] = [
    ("in the ledger", "SELECT from_address FROM inbound_mails WHERE action = 'created'"),
    ("as a message", "SELECT author_email FROM responses"),
    ("as a ticket", "SELECT requester_email FROM tickets"),
    ("acknowledged", "SELECT to_address FROM outbox WHERE audience = 'customer'"),
    (
        "told to the agent",
        "SELECT t.requester_email FROM outbox o JOIN tickets t ON t.id = o.ticket_id WHERE o.audience = 'agent'",
    ),
];

const ASTRAY: &str =
    "SELECT count(*) FROM outbox WHERE status NOT IN ('queued', 'sending', 'deferred', 'captured')";
const TWICE: &str = "SELECT count(*) - count(DISTINCT outbox_id) FROM delivery_attempts";

/// Who is not there exactly once, with how often they are.
pub fn odd_ones(expected: &[String], found: &[String]) -> Vec<String> {
    let mut times: BTreeMap<&str, usize> = expected.iter().map(|name| (name.as_str(), 0)).collect();
    for name in found {
        *times.entry(name).or_default() += 1;
    }
    let odd = times.into_iter().filter(|(_, times)| *times != 1);
    odd.map(|(name, times)| format!("{name}: {times} times")).collect()
}

/// Mail that can't be kept now is told to come again, and comes in when it can be kept, without a restart.
pub async fn waits_out(
    smtp: SocketAddr,
    database: &Database,
    begin: impl AsyncFnOnce(),
    end: impl AsyncFnOnce(),
) {
    let mut client = Client::connect(smtp).await.expect("greeted");
    let reply = send(&mut client, "before").await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
    begin().await;
    for _ in 0..2 {
        let reply = send(&mut client, "during").await.expect("answered");
        assert!(reply.starts_with("451 4.3.0") || reply.starts_with("452 4.3.1"), "{reply}");
    }
    end().await;
    for name in ["during", "after", "before"] {
        let reply = send(&mut client, name).await.expect("answered");
        assert!(reply.starts_with("250 "), "{name}: {reply}");
    }
    let senders = ["before", "during", "after"].map(|name| format!("{name}@shop.test"));
    let found = database.texts(ONCE_EACH[0].1).await;
    assert_eq!(odd_ones(&senders, &found), Vec::<String>::new());
}

#[tokio::test]
async fn without_postgres_mail_waits_and_then_comes_in() {
    let Some(cluster) = Cluster::start(Sync::On) else { return };
    let app = App::start_on(Database::on(&cluster).await, |_| {}).await;
    waits_out(app.smtp, &app.database, async || cluster.stop(), async || cluster.resume()).await;
}

#[tokio::test]
async fn while_sqlite_is_locked_mail_waits_and_then_comes_in() {
    let app = App::start(Engine::Sqlite).await;
    let lock = Mutex::new(SqliteConnection::connect(&app.database.url).await.expect("it opens"));
    let begin = async || {
        lock.lock().await.execute("BEGIN EXCLUSIVE").await.expect("nobody else writes");
    };
    let end = async || {
        lock.lock().await.execute("COMMIT").await.expect("it is open");
    };
    waits_out(app.smtp, &app.database, begin, end).await;
}

/// RFC 5321 §4.2.5: a limit on file sizes (RLIMIT_FSIZE) makes every write fail, as trouble with the disk does.
#[tokio::test]
async fn while_the_disk_takes_nothing_mail_waits_and_then_comes_in() {
    let database = Database::fresh(Engine::Sqlite).await;
    let program = Program::start(database.dir(), &database.url, "trap '' XFSZ").await;
    let pid = program.id().to_string();
    let limit = |octets: &str| run("prlimit", &["--pid", &pid, &format!("--fsize={octets}:")]);
    waits_out(program.smtp, &database, async || limit("1"), async || limit("unlimited")).await;
}

/// RFC 5321 §4.2.5, §4.2.3 (452): a file system of a few megabytes, filled to the last octet. Only root may mount one.
/// Callers of the API are told, too (API.md §7).
#[tokio::test]
async fn while_the_disk_is_full_mail_waits_and_then_comes_in() {
    let database = Database::fresh(Engine::Sqlite).await;
    let Some(_disk) = SmallDisk::mount(database.dir()) else { return };
    let app = App::start_on(database, |_| {}).await;
    let api = Api::admin(&app.desk).await;
    let filler = app.database.dir().join("filler");
    let fill = async || {
        let mut file = fs::File::create(&filler).expect("it is ours");
        while file.write_all(&[0; 512]).is_ok() {}
        let body = json!({"subject": "x", "description": "y".repeat(10_000), "customer_email": "jo@shop.test", "notify": false});
        let mut refused = api.json("POST", "/tickets", &body).await;
        // What was written before left some room in its files.
        while refused.status.as_u16() == 201 {
            refused = api.json("POST", "/tickets", &body).await;
        }
        assert_eq!(refused.problem(), (503, "read_only".into()));
        assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    };
    waits_out(app.smtp, &app.database, fill, async || fs::remove_file(&filler).expect("it is ours")).await;
}

/// RFC 5321 §6.1: power loss takes what was not synced: by the order of system calls, each 250 comes after a sync of
/// its own mail.
#[tokio::test]
async fn the_disk_has_it_before_the_client_is_told() {
    let database = Database::fresh(Engine::Sqlite).await;
    let trace = database.dir().join("trace");
    let calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg";
    let tracer = format!("set -- strace -D -f -qq -s 24 -e {calls} -o '{}' \"$@\"", trace.display());
    if !traces() {
        return say("not tested: the order of system calls (no strace that works)");
    }
    let mut program = Program::start(database.dir(), &database.url, &tracer).await;
    let mut client = Client::connect(program.smtp).await.expect("greeted");
    for name in ["one", "two", "three"] {
        let reply = send(&mut client, name).await.expect("answered");
        assert!(reply.starts_with("250 "), "{reply}");
    }
    program.kill();
    let trace = whole_trace(&trace).await;
    let mut synced = None;
    let mut answers = 0;
    for line in trace.lines() {
        if line.contains("\"354 ") {
            synced = Some(false);
        } else if line.contains("fdatasync") || line.contains("fsync") {
            synced = synced.map(|before| before || line.trim_end().ends_with("= 0"));
        } else if line.contains("\"250 2.0.0 accepted") {
            assert_eq!(synced.take(), Some(true), "250 without a sync before it:\n{trace}");
            answers += 1;
        }
    }
    assert_eq!(answers, 3, "{trace}");
}

/// Whether strace is there and may trace.
pub fn traces() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-o", "/dev/null", "true"]).stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}

/// The trace, once the tracer has seen the end of the process.
async fn whole_trace(path: &Path) -> String {
    loop {
        let trace = fs::read_to_string(path).expect("strace made it");
        if trace.contains("+++ killed by SIGKILL +++") {
            return trace;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A mounted file system; unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(at).stderr(Stdio::null());
        let mounted = mount.status().is_ok_and(|status| status.success());
        if !mounted {
            say("not tested: a full file system (it takes root to mount one)");
        }
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn run(program: &str, args: &[&str]) {
    let status = Command::new(program).args(args).status().expect("Debian has it");
    assert!(status.success(), "{program}: {status}");
}
