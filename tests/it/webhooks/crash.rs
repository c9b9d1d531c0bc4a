//! Many nodes, and nodes that are killed: every event is handed on, and none twice.

use std::collections::BTreeMap;

use postdesk::clock::Ids;
use postdesk::desk::Desk;
use postdesk::model::{Timestamp, Webhook, WebhookSecret};
use postdesk::store::Store;
use postdesk::webhooks::{Names, Worker};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{hear_all, start, until_got, work};
use crate::api::mail_in;
use crate::support::client::Client;
use crate::support::outgoing::until;
use crate::support::program::Program;
use crate::support::receiver::{Act, Receiver};
use crate::support::{Database, app::SUPPORT};

fn mail(number: usize) -> String {
    format!(
        "From: jo{number}@shop.test\r\nSubject: Lamp {number}\r\nMessage-ID: <{number}@shop.test>\r\n\r\nIt broke.\r\n"
    )
}

both_engines! {
    async fn two_nodes_hand_each_event_on_once(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let receiver = Receiver::start().await;
        hear_all(&api, &receiver).await;
        let other = Desk::open(app.store.clone(), app.desk.config().clone(), app.clock.clone(), Ids::seeded(2)).await.expect("it opens");
        let stop = CancellationToken::new();
        tokio::spawn(Worker::new(other.clone(), Names::system()).run(stop.clone()));
        let _also = stop.drop_guard();
        let _third = work(&app, Names::system());
        for number in 0..20 {
            let desk = if number % 2 == 0 { &app.desk } else { &other };
            assert!(mail_in(desk, &format!("jo{number}@shop.test"), &mail(number)).await.inbound().is_some());
        }
        let count = app.database.texts("SELECT type FROM desk_events").await.len();
        assert!(count >= 40, "{count}");
        until_got(&receiver, count).await;
        until("all delivered", async || {
            app.database.texts("SELECT state FROM webhook_deliveries WHERE state = 'delivered'").await.len() == count
        }).await;
        let mut got = BTreeMap::new();
        receiver.got().iter().for_each(|one| *got.entry(one.header("webhook-id").to_owned()).or_insert(0) += 1);
        assert_eq!(got.len(), count, "none lost");
        assert!(got.values().all(|times| *times == 1), "none twice: {got:?}");
    }

    async fn whoever_is_killed_loses_no_event_and_makes_none_twice(engine: Engine) {
        let database = Database::fresh(engine).await;
        let receiver = Receiver::start_with(Act::status(200), None).await;
        let store = Store::open(&database.url, 2).await.expect("it opens");
        store.migrate().await.expect("the migrations run");
        let mut tx = store.begin().await.expect("a turn");
        tx.insert_webhook(&webhook(receiver.url())).await.expect("it writes");
        tx.commit().await.expect("on disk");
        store.close().await;
        let dir = tempfile::tempdir().expect("a directory");
        let mut program = Program::start(dir.path(), &database.url, "").await;
        let mut sent = 0;
        for round in 0..4 {
            // The first try of each round stalls: its lease is left behind.
            receiver.plan([Act::Stall]);
            let mut client = Client::connect(program.smtp).await.expect("greeted");
            for _ in 0..5 {
                let from = format!("jo{sent}@shop.test");
                let reply = client.send(&from, SUPPORT, mail(sent).as_bytes()).await.expect("answered");
                assert!(reply.starts_with("250 "), "{reply}");
                sent += 1;
            }
            tokio::time::sleep(std::time::Duration::from_millis(40 * round)).await;
            program.kill();
            program.restart().await;
        }
        let ids = "SELECT CAST(seq AS TEXT) FROM desk_events";
        until("every event is handed on", async || {
            database.texts("SELECT type FROM desk_events WHERE waits").await.is_empty()
        }).await;
        let (events, deliveries) = (database.texts(ids).await.len(), "SELECT type FROM webhook_deliveries");
        assert!(events >= 2 * sent, "{events} events of {sent} mails");
        assert_eq!(database.texts(deliveries).await.len(), events, "each once");
        // Leases that were left behind run out; nobody waits for that here.
        let free = "UPDATE webhook_deliveries SET next_attempt_at = 0 WHERE next_attempt_at IS NOT NULL RETURNING state";
        database.texts(free).await;
        until("every event arrives", async || {
            let got: std::collections::BTreeSet<_> = receiver.got().iter().map(|one| one.header("webhook-id").to_owned()).collect();
            got.len() == events
        }).await;
    }
}

fn webhook(url: String) -> Webhook {
    Webhook {
        id: Uuid::from_u128(7),
        url,
        events: vec!["*".into()],
        description: None,
        filter: None,
        is_active: true,
        failing_since: None,
        secret: WebhookSecret::new("YSBrZXkgb2YgdHdlbnR5LWZvdXIgYnl0ZXM="),
        old_secret: None,
        old_secret_until: None,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        version: 1,
    }
}
