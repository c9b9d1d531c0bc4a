//! What the desk reaches, as ratios measured in one run on one machine: `cargo bench`.
//!
//! It installs nothing. `smtp-source` and `smtp-sink` (Postfix) and aiosmtpd are compared with where they are found; what
//! is missing is said, and not measured. `BENCH_ROUNDS`, `BENCH_SECONDS`, `BENCH_TICKETS` and `BENCH_MAILS` change how
//! much is done, `BENCH_ONLY=queue` does one part alone, `BENCH_STORE` names a database that `lists` shall use and keep.

mod cluster;
mod database;
mod driver;
mod lists;
mod load;
mod peers;
mod postfix;
mod queue;
mod server;

use std::fmt::Write as _;

use load::{Idle, Load};
use peers::{Aiosmtpd, Sink};
use postfix::Postfix;
use queue::Waiting;
use server::Server;

/// What `BENCH_*` say, or what is usual.
struct Plan {
    rounds: usize,
    seconds: f64,
    tickets: u64,
    mails: u64,
}

/// A part of what is measured.
type Part = fn(&Plan);

/// Sessions that are kept open.
const SESSIONS: usize = 20;

fn main() {
    let setting = |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let plan = Plan {
        rounds: setting("BENCH_ROUNDS", 5.0) as usize,
        seconds: setting("BENCH_SECONDS", 3.0),
        tickets: setting("BENCH_TICKETS", 1_000_000.0) as u64,
        mails: setting("BENCH_MAILS", 10_000.0) as u64,
    };
    server::raise_file_limit();
    println!("postdesk, SQLite, synchronous=FULL, mail captured; medians of {} rounds", plan.rounds);
    let parts: [(&str, Part); 9] = [
        ("flood", flood),
        ("alone", alone),
        ("idle", idle_connections),
        ("big", big_database),
        ("memory", memory),
        ("start", start_up),
        ("queue", queue),
        ("lists", lists),
        ("drivers", drivers),
    ];
    let only = std::env::var("BENCH_ONLY").ok();
    for (_, part) in parts.iter().filter(|(name, _)| only.as_deref().is_none_or(|only| only == *name)) {
        part(&plan);
    }
}

/// 20 kept-open sessions of 5 kB mails, against what receives and keeps nothing, and what inserts one row.
fn flood(plan: &Plan) {
    let mut server = Server::start();
    let (sink, python) = (Sink::start(), Aiosmtpd::start());
    let (mut ours, mut by_source, mut theirs, mut pythons) = (vec![], vec![], vec![], vec![]);
    for _ in 0..plan.rounds {
        ours.push(Load::customers(SESSIONS).run(server.smtp, plan.seconds));
        if sink.is_some() {
            by_source.push(peers::smtp_source(server.smtp, SESSIONS, plan.seconds));
        }
        // Receipts that still wait to be sent would slow down the others.
        server.stop();
        if let Some(sink) = &sink {
            theirs.push(peers::smtp_source(sink.smtp, SESSIONS, plan.seconds));
        }
        if let Some(python) = &python {
            pythons.push(Load::customers(SESSIONS).run(python.smtp, plan.seconds));
        }
        server.resume();
    }
    let ours = median(ours);
    say("20 sessions, 5 kB, each from another customer", &format!("{ours:.0} mails/s"));
    if sink.is_some() {
        let (by_source, theirs) = (median(by_source), median(theirs));
        say("  the same, sent by smtp-source", &format!("{by_source:.0} mails/s"));
        say("  smtp-source against smtp-sink", &format!("{theirs:.0} mails/s"));
        ratio("  ours / smtp-sink", ours / theirs, "≥ 0.25, aim 0.5");
        ratio("  ours by smtp-source / smtp-sink", by_source / theirs, "≥ 0.25, aim 0.5");
    }
    if python.is_some() {
        let pythons = median(pythons);
        say("  aiosmtpd inserting one row", &format!("{pythons:.0} mails/s"));
        ratio("  ours / aiosmtpd", ours / pythons, "≥ 10");
    }
}

/// One session waits for the disk after each mail; so does whoever only appends and syncs.
fn alone(plan: &Plan) {
    let server = Server::start();
    let (mut ours, mut disks) = (vec![], vec![]);
    for _ in 0..plan.rounds {
        disks.push(load::sync_rate(server.dir(), plan.seconds / 2.0));
        ours.push(Load::customers(1).run(server.smtp, plan.seconds));
    }
    let (ours, disk) = (median(ours), median(disks));
    say("1 session, 5 kB", &format!("{ours:.0} mails/s"));
    say("  fdatasync of 4 kB appended", &format!("{disk:.0} a second"));
    ratio("  ours / fdatasync", ours / disk, "≥ 0.5");
}

fn idle_connections(plan: &Plan) {
    let server = Server::start();
    let (mut without, mut with) = (vec![], vec![]);
    // Whoever comes second finds the first one's receipts waiting to be sent: each is second as often.
    for round in 0..2 * plan.rounds {
        let idle = (round % 4 == 1 || round % 4 == 2).then(|| Idle::connect(server.smtp, 1_000));
        let measured = if idle.is_some() { &mut with } else { &mut without };
        measured.push(Load::customers(SESSIONS).run(server.smtp, plan.seconds));
    }
    ratio("1,000 idle connections: with / without", median(with) / median(without), "> 0.9");
}

fn big_database(plan: &Plan) {
    let (small, mut big) = (Server::start(), Server::start());
    Load::customers(1).run(big.smtp, 0.2);
    big.stop();
    let took = database::multiply(big.dir(), plan.tickets);
    big.resume();
    say("a database of so many tickets", &format!("{} (made in {took:.0} s)", plan.tickets));
    let (mut without, mut with) = (vec![], vec![]);
    for _ in 0..plan.rounds {
        without.push(Load::customers(SESSIONS).run(small.smtp, plan.seconds));
        with.push(Load::customers(SESSIONS).run(big.smtp, plan.seconds));
    }
    ratio("  with / without", median(with) / median(without), "> 0.8");
}

fn memory(_: &Plan) {
    let server = Server::start();
    say("idle memory", &format!("{:.1} MB (goal < 20)", server.resident_mb()));
    let done = Load::big(10).count(server.smtp, 20);
    say("  with 25 MB mails on ten sessions", &format!("{:.1} MB (goal < 100)", server.peak_mb()));
    say(
        "  of those mails taken",
        &format!("{} of {} at once, the others told to come again", done.accepted, done.tried),
    );
}

fn start_up(plan: &Plan) {
    let mut server = Server::start();
    let mut times = vec![];
    for _ in 0..plan.rounds {
        server.stop();
        times.push(server.resume());
    }
    say("start to greeting", &format!("{:.0} ms (goal < 100)", median(times) * 1_000.0));
}

/// Many mails that wait for a server, drained to one that keeps nothing; and what a claim costs when many wait.
fn queue(plan: &Plan) {
    drain(plan);
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let (few, many) = (queue::claim(dir.path(), 100, 50), queue::claim(dir.path(), 100_000, 50));
    say("a claim of 64 mails while 100 wait", &format!("{:.2} ms", few * 1_000.0));
    say("  while 100,000 wait", &format!("{:.2} ms", many * 1_000.0));
    ratio("  many / few", many / few, "< 2");
}

fn drain(plan: &Plan) {
    let Some(sink) = Sink::start() else { return };
    let (mut first, mut again, mut theirs) = (vec![], vec![], vec![]);
    for _ in 0..plan.rounds.min(3) {
        let mut waiting = Waiting::fill(plan.mails);
        let mails = waiting.mails() as f64;
        first.push(mails / waiting.drain(&sink));
        waiting.again();
        again.push(mails / waiting.drain(&sink));
        if let Some(postfix) = Postfix::start(sink.smtp) {
            postfix.fill(waiting.mails(), waiting.octets());
            theirs.push(mails / postfix.drain());
        }
    }
    let (first, again) = (median(first), median(again));
    say("a queue of so many mails", &plan.mails.to_string());
    say("  drains, each made at its first try", &format!("{first:.0} mails/s"));
    say("  drains, made before", &format!("{again:.0} mails/s"));
    if !theirs.is_empty() {
        let theirs = median(theirs);
        say("  Postfix drains as many of that size", &format!("{theirs:.0} mails/s"));
        ratio("  ours, made at the first try / Postfix", first / theirs, "≥ 1");
        ratio("  ours, made before / Postfix", again / theirs, "≥ 1");
    }
}

/// Every list and search of a large desk, on SQLite and, where its server is found, on PostgreSQL.
fn lists(plan: &Plan) {
    if let Ok(url) = std::env::var("BENCH_STORE") {
        return lists::measure(&url, plan.tickets);
    }
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    say("lists on SQLite", "");
    lists::measure(&lists::sqlite_in(dir.path()), plan.tickets);
    drop(dir);
    let Some(cluster) = cluster::postgres::Cluster::start(cluster::postgres::Sync::On) else { return };
    say("lists on PostgreSQL", "");
    lists::measure(&cluster.url("postgres"), plan.tickets);
}

/// A small statement, by a driver with a thread for each connection and by one that runs it in place.
fn drivers(plan: &Plan) {
    let (mut over, mut here) = (vec![], vec![]);
    for _ in 0..plan.rounds {
        over.push(driver::on_its_own_thread(plan.seconds / 4.0));
        here.push(driver::in_place(plan.seconds / 4.0));
    }
    let (over, here) = (median(over), median(here));
    say("a statement by sqlx, on its own thread", &format!("{over:.0} a second"));
    say("a statement by rusqlite, in place", &format!("{here:.0} a second"));
    ratio("  in place / on its own thread", here / over, "> 5, or see decision 6 again");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn ratio(what: &str, ratio: f64, goal: &str) {
    say(what, &format!("{ratio:.2} (goal {goal})"));
}

fn say(what: &str, result: &str) {
    let mut line = String::new();
    write!(line, "{what:<50} {result}").expect("a string takes it");
    println!("{line}");
}
