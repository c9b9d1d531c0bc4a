//! What a webhook missed, sent again.

use postdesk::desk::Desk;
use serde_json::{Value, json};

use super::{hear_all, start, until_got, write_in};
use crate::support::outgoing::until;
use crate::support::receiver::Receiver;

async fn do_jobs(desk: &Desk) {
    desk.do_jobs(|error| json!(error.to_string())).await.expect("it writes");
}

both_engines! {
    async fn what_was_missed_comes_under_its_id(engine: Engine) {
        let (app, api, _worker) = start(engine).await;
        let receiver = Receiver::start().await;
        let (id, _) = hear_all(&api, &receiver).await;
        let path = format!("/webhooks/{id}");
        write_in(&app).await;
        let count = app.database.texts("SELECT type FROM desk_events").await.len();
        until_got(&receiver, count).await;
        let from = app.clock.now().rfc3339();
        // Switched off, it misses something.
        api.json("PATCH", &path, &json!({"is_active": false})).await;
        app.clock.advance_ms(3_600_000);
        let ticket = json!({"subject": "Lamp", "description": "It broke.", "customer_email": "sam@example.org"});
        assert_eq!(api.json("POST", "/tickets", &ticket).await.status, 201);
        app.clock.advance_ms(3_600_000);
        let off = api.json("POST", &format!("{path}/replay"), &json!({"from": from})).await;
        assert_eq!(off.problem(), (409, "invalid_state".into()));
        api.json("PATCH", &path, &json!({"is_active": true})).await;
        app.desk.do_chores().await.expect("what may be wanted again is kept");

        let job = api.json("POST", &format!("{path}/replay"), &json!({"from": from})).await;
        assert_eq!((job.status.as_u16(), &job.json()["kind"]), (202, &json!("replay_webhook")));
        let location = job.header("location").trim_start_matches("/api/support").to_owned();
        do_jobs(&app.desk).await;
        let done = api.get(&location).await.json();
        let events = app.database.texts("SELECT type FROM desk_events").await.len();
        assert_eq!((&done["state"], &done["result"]), (&json!("done"), &json!({"deliveries": events})));
        until_got(&receiver, count + events).await;
        until("all delivered", async || {
            app.database.texts("SELECT state FROM webhook_deliveries WHERE state <> 'delivered'").await.is_empty()
        }).await;
        let ids: std::collections::BTreeSet<_> = receiver.got().iter().map(|got| got.header("webhook-id").to_owned()).collect();
        assert_eq!((ids.len(), receiver.got().len()), (events, count + events), "the first ones came twice, under one id");
    }
}

#[tokio::test]
async fn a_time_must_be_one() {
    let (_app, api, _worker) = start(crate::support::Engine::Sqlite).await;
    let receiver = Receiver::start().await;
    let (id, _) = hear_all(&api, &receiver).await;
    let path = format!("/webhooks/{id}/replay");
    for (body, pointer) in [
        (json!({}), "/from"),
        (json!({"from": "yesterday"}), "/from"),
        (json!({"from": "2026-03-01T00:00:00Z", "to": "2026-02-01T00:00:00Z"}), "/to"),
    ] {
        assert_eq!(api.json("POST", &path, &body).await.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    let tried =
        api.json("POST", &format!("{path}?dry_run=true"), &json!({"from": "2026-03-01T00:00:00Z"})).await;
    assert_eq!((tried.status.as_u16(), &tried.json()["id"]), (200, &Value::Null));
}
