//! Tries again, and their end: over clocks that jump, by two nodes, and until it is given up.

use std::sync::Arc;
use std::time::Duration;

use postdesk::clock::Ids;
use postdesk::desk::{Desk, NewToken};
use postdesk::model::Scope;
use postdesk::outbox::{Transport, Worker};
use postdesk::store::Store;
use postdesk::templates::Templates;
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::call::Client as Caller;
use crate::outbox::by_relay;
use crate::support::app::{AGENT, agent};
use crate::support::outgoing::{until, write_in};
use crate::support::sink::{Plan, Sink};
use crate::support::{App, Engine, postgres};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
const BUSY: Plan = Plan::Rcpt("450 4.2.1 busy");

/// The worker of a node, until the guard is dropped.
fn work(desk: &Desk) -> DropGuard {
    let stop = CancellationToken::new();
    let transport = Transport::from_config(desk.config()).expect("it can work");
    tokio::spawn(Worker::new(desk.clone(), Arc::new(Templates::load(None)), transport).run(stop.clone()));
    stop.drop_guard()
}

/// Waits until so many mails stand so.
async fn until_many(app: &App, count: i64, status: &str) {
    let sql = format!("SELECT count(*) FROM outbox WHERE status = '{status}'");
    until(&format!("{count} mails {status}"), async || app.database.count(&sql).await == count).await;
}

both_engines! {
    /// CHECKLIST §3, clock jumps: between intake and try, and between try and try, forward and back.
    async fn mail_goes_on_when_the_clock_jumps(engine: Engine) {
        for jump in [30 * DAY_MS, -400 * DAY_MS] {
            let sink = Sink::start(&[BUSY, BUSY]).await;
            let app = App::start_with(engine, by_relay(sink.address)).await;
            write_in(&app, 1).await;
            {
                let _worker = work(&app.desk);
                until_many(&app, 2, "deferred").await;
            }
            write_in(&app, 2).await;
            app.clock.advance_ms(jump);
            app.desk.do_chores().await.expect("no error");
            let _worker = work(&app.desk);
            write_in(&app, 3).await;
            until_many(&app, 6, "sent").await;
            assert_eq!(sink.taken().len(), 6, "each once");
            assert_eq!(app.database.count("SELECT max(attempts) FROM outbox").await, 2);
        }
    }

    /// A node that is killed just before the clock is put back leaves leases that seem to last for ever: they end within
    /// the longest that can be configured, by which a node that lives has renewed its own.
    async fn leases_of_a_clock_that_was_ahead_end(engine: Engine) {
        let app = App::start(engine).await;
        write_in(&app, 1).await;
        assert_eq!(app.claim("a worker that dies", 10).await.len(), 2);
        app.clock.advance_ms(-400 * DAY_MS);
        app.desk.do_chores().await.expect("no error");
        assert!(app.claim("another", 10).await.is_empty(), "it may still be on the wire");
        app.clock.advance_ms(HOUR_MS);
        assert_eq!(app.claim("another", 10).await.len(), 2);
    }

    /// A mail that somebody wants to leave later keeps its time, whatever is brought back.
    async fn what_is_to_leave_later_is_not_brought_back(engine: Engine) {
        let app = App::start(engine).await;
        let ada = Caller::admin(&app.desk).await;
        let ticket = ticket(&ada).await;
        let later = json!({"body": "Merry Christmas!", "send_at": "2026-12-24T09:00:00Z"});
        let answer = ada.json("POST", &format!("/tickets/{ticket}/responses"), &later).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        app.desk.do_chores().await.expect("no error");
        let waits = "SELECT count(*) FROM outbox WHERE NOT ready AND next_attempt_at = 1798102800000";
        assert_eq!(app.database.count(waits).await, 1);
    }

    /// RFC 5321 §4.5.4.1, §6.1: after five days it is given up, the agent is told once, and nothing more is tried.
    async fn after_five_days_it_is_given_up(engine: Engine) {
        let sink = Sink::start(&[BUSY; 3]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        assert_eq!(app.desk.config().outbox.give_up_hours, 5 * 24);
        let own = Some(agent("Ada Agent", AGENT).id);
        let new = NewToken { name: "own".into(), agent_id: own, scopes: vec![Scope::Admin], expires_at: None };
        let ada = Caller::with(&app.desk, new).await;
        let ticket = ticket(&ada).await;
        ada.json("POST", &format!("/tickets/{ticket}/responses"), &json!({"body": "It is on its way."})).await;
        let _worker = work(&app.desk);
        for tries in 1..=2 {
            let made = "SELECT count(*) FROM outbox WHERE status = 'deferred' AND attempts =";
            until("tried", async || app.database.count(&format!("{made} {tries}")).await == 1).await;
            app.clock.advance_ms(60 * HOUR_MS);
        }
        until_many(&app, 1, "failed").await;
        until_many(&app, 1, "sent").await;
        app.clock.advance_ms(30 * DAY_MS);
        app.desk.do_chores().await.expect("no error");
        tokio::time::sleep(Duration::from_millis(200)).await;
        let rows = "SELECT template || ' ' || status || ' ' || attempts FROM outbox ORDER BY id";
        assert_eq!(app.database.texts(rows).await, ["ticket_reply failed 3", "agent_delivery_failed sent 1"]);
        assert_eq!(sink.taken().into_iter().map(|mail| mail.to).collect::<Vec<_>>(), [AGENT]);
        let events = "SELECT count(*) FROM ticket_events WHERE type = 'email_failed'";
        assert_eq!(app.database.count(events).await, 1);
    }
}

/// A ticket of Jo's that nobody is told of.
async fn ticket(caller: &Caller) -> String {
    let new = json!({"subject": "Lamp", "description": "It broke.", "customer_email": "jo@shop.test", "notify": false});
    let opened = caller.json("POST", "/tickets", &new).await;
    assert_eq!(opened.status, 201, "{opened:?}");
    opened.json()["id"].as_str().expect("an id").to_owned()
}

/// CHECKLIST §3, two nodes, one outbox: each mail leaves once, by either.
#[tokio::test]
async fn two_nodes_send_each_mail_once() {
    if !postgres::available() {
        return;
    }
    let sink = Sink::start(&[]).await;
    let app = App::start_with(Engine::Postgres, |config| {
        by_relay(sink.address)(config);
        config.outbox.concurrency = 4;
    })
    .await;
    let store = Store::open(&app.database.url, 4).await.expect("it opens");
    let other = Desk::open(store, app.desk.config().clone(), app.clock.clone(), Ids::seeded(2)).await;
    let other = other.expect("it opens");
    for number in 0..15 {
        write_in(&app, number).await;
    }
    let _workers = (work(&app.desk), work(&other));
    for number in 15..25 {
        write_in(&app, number).await;
    }
    until_many(&app, 50, "sent").await;
    let mut ids: Vec<_> = sink.taken().into_iter().map(|mail| (mail.to, mail.data)).collect();
    ids.sort();
    ids.dedup();
    assert_eq!((ids.len(), sink.taken().len()), (50, 50));
    assert_eq!(app.database.count("SELECT count(*) FROM delivery_attempts").await, 50);
}
