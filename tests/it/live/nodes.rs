//! Two nodes of one desk hear of each other at once.

use std::time::Duration;

use postdesk::clock::Ids;
use postdesk::desk::Desk;
use postdesk::model::Scope;
use postdesk::store::Store;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::ear::{Ear, serve, token};
use crate::api::{PARCEL, mail_in};
use crate::support::app::mailbox;
use crate::support::{App, Engine, postgres};

/// A second node on the same database; both say and hear until the guard is dropped.
async fn second_node(app: &App) -> (Desk, DropGuard) {
    let store = Store::open(&app.database.url, 4).await.expect("it opens");
    let desk = Desk::open(store, app.desk.config().clone(), app.clock.clone(), Ids::seeded(2)).await;
    let desk = desk.expect("it opens");
    let stop = CancellationToken::new();
    for node in [app.desk.clone(), desk.clone()] {
        let until = stop.clone();
        tokio::spawn(async move { node.run_signals(until).await });
    }
    // Both hear from when they listen.
    tokio::time::sleep(Duration::from_millis(300)).await;
    (desk, stop.drop_guard())
}

#[tokio::test]
async fn an_event_of_one_node_is_heard_at_another() {
    if !postgres::available() {
        return;
    }
    let app = App::start(Engine::Postgres).await;
    let (other, _signals) = second_node(&app).await;
    let (address, _stop) = serve(&other).await;
    let token = token(&app.desk, &[Scope::Admin]).await;
    let (mut ear, _) = Ear::open(address, &token, "", None).await;
    let began = tokio::time::Instant::now();
    mail_in(&app.desk, "jo@example.org", PARCEL).await;
    assert_eq!(ear.types(3).await, ["contact.created", "ticket.created", "email.received"]);
    assert!(began.elapsed() < Duration::from_secs(2), "it was told, not found: {:?}", began.elapsed());
}

#[tokio::test]
async fn who_changes_nodes_misses_nothing_and_hears_nothing_twice() {
    if !postgres::available() {
        return;
    }
    let app = App::start(Engine::Postgres).await;
    let (other, _signals) = second_node(&app).await;
    let doors = [serve(&app.desk).await, serve(&other).await];
    let token = token(&app.desk, &[Scope::Admin]).await;
    let writing = tokio::spawn({
        let desks = [app.desk.clone(), other.clone()];
        async move {
            for n in 0..40 {
                let mail = PARCEL.replace("jo@", &format!("c{n}@")).replace("c1@", &format!("m{n}@"));
                mail_in(&desks[n % 2], "x@example.org", &mail).await;
            }
        }
    });
    let (mut heard, mut last) = (Vec::new(), 0);
    for turn in 0.. {
        if heard.len() >= 120 {
            break;
        }
        let (mut ear, greeting) = Ear::open(doors[turn % 2].0, &token, "", Some(last)).await;
        assert_eq!(greeting.event, "", "nothing is forgotten");
        for _ in 0..(120 - heard.len()).min(7) {
            let event = ear.next().await.expect("the stream goes on");
            last = event.id;
            heard.push(event.id);
        }
    }
    writing.await.expect("they are taken");
    assert_eq!(heard, (1..=120).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_event_whose_commit_is_late_is_not_passed_over() {
    if !postgres::available() {
        return;
    }
    let app = App::start(Engine::Postgres).await;
    let (address, _stop) = serve(&app.desk).await;
    let token = token(&app.desk, &[Scope::Admin]).await;
    let (mut ear, _) = Ear::open(address, &token, "", None).await;
    let mut late = PgConnection::connect(&app.database.url).await.expect("it answers");
    // As a verb does, that is about to commit.
    late.execute(
        "BEGIN; INSERT INTO desk_facts (name, value) VALUES ('late', ''); INSERT INTO desk_events (id, at, type, body, waits) \
         VALUES (gen_random_uuid(), 1772442000000, 'ticket.updated', '{}', FALSE)",
    )
    .await
    .expect("it writes");
    mail_in(&app.desk, "jo@example.org", PARCEL).await;
    tokio::time::sleep(Duration::from_millis(400)).await;
    late.execute("COMMIT").await.expect("on disk");
    let want = ["ticket.updated", "contact.created", "ticket.created", "email.received"];
    assert_eq!(ear.types(4).await, want, "in their order");
    // One that is taken back leaves a number nobody has.
    late.execute(
        "BEGIN; INSERT INTO desk_facts (name, value) VALUES ('gone', ''); INSERT INTO desk_events (id, at, type, body, waits) \
         VALUES (gen_random_uuid(), 1772442000000, 'ticket.updated', '{}', FALSE)",
    )
    .await
    .expect("it writes");
    mail_in(&app.desk, "sam@example.org", &PARCEL.replace("jo@", "sam@").replace("c1@", "c2@")).await;
    late.execute("ROLLBACK").await.expect("taken back");
    assert_eq!(ear.types(3).await, want[1..]);
}

#[tokio::test]
async fn a_mailbox_that_one_node_adds_is_known_to_the_other_at_once() {
    if !postgres::available() {
        return;
    }
    let app = App::start(Engine::Postgres).await;
    let (other, _signals) = second_node(&app).await;
    let mut tx = app.store.begin().await.expect("a turn");
    tx.insert_mailbox(&mailbox("returns@desk.test")).await.expect("it writes");
    tx.commit().await.expect("on disk");
    app.desk.reload_directory().await.expect("it reads");
    let woken = tokio::spawn({
        let other = other.clone();
        async move { other.outbox_rung().await }
    });
    for _ in 0..100 {
        if other.directory().mailboxes.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(other.directory().mailboxes.len(), 2);
    mail_in(&app.desk, "jo@example.org", PARCEL).await;
    tokio::time::timeout(Duration::from_secs(5), woken).await.expect("its outbox wakes").expect("no panic");
}
