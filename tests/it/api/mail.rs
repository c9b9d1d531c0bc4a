//! Mails that leave, seen and steered by the API: logs, retry, cancel, suppressions, the queue.

use axum::body::Body;
use postdesk::config::ReleaseBy;
use postdesk::desk::Desk;
use postdesk::model::Scope;
use serde_json::{Value, json};

use super::call::{Answer, Client};
use super::{PARCEL, mail_in};
use crate::support::App;

/// A POST without body.
async fn post(api: &Client, path: &str) -> Answer {
    api.send(api.request("POST", path).body(Body::empty()).expect("a request")).await
}

/// A customer's first mail: acknowledged to them, told to the agent.
async fn write_in(desk: &Desk) {
    assert!(mail_in(desk, "jo@example.org", PARCEL).await.inbound().is_some());
}

/// Makes all mails stand so.
async fn all_are(app: &App, status: &str) {
    let sql = format!(
        "UPDATE outbox SET status = '{status}', attempts = 1, ready = FALSE, next_attempt_at = NULL RETURNING status"
    );
    assert_eq!(app.database.texts(&sql).await.len(), 2);
}

/// The log of the customer's mail.
async fn customers(api: &Client) -> Value {
    let list = api.get("/email-logs?recipient=jo@example.org").await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "{list}");
    list["data"][0].clone()
}

both_engines! {
    async fn logs_are_listed_by_what_they_are(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        write_in(&app.desk).await;
        let log = customers(&api).await;
        let (id, number) = (log["message_id"].as_str().expect("an id"), api.get("/tickets").await.json()["data"][0]["number"].clone());
        let id = id.trim_matches(['<', '>']).replace('+', "%2B");
        let number = number.as_str().expect("a number");
        for (query, count) in [
            (String::new(), 2),
            ("status=queued".into(), 2),
            ("status=queued,failed".into(), 2),
            ("status=!queued".into(), 0),
            ("recipient=JO@example.org".into(), 1),
            ("from=Support@desk.test".into(), 2),
            ("from=jo@example.org".into(), 0),
            ("template=ticket_received".into(), 1),
            ("template=!ticket_received".into(), 1),
            (format!("message_id={id}"), 1),
            ("message_id=c1@example.org".into(), 0),
            (format!("ticket={number}"), 2),
            ("ticket=TKT-2026-000000".into(), 0),
            ("q=PARCEL".into(), 2),
            ("q=example.org".into(), 1),
            ("q=%25".into(), 0),
            ("q=_".into(), 0),
            ("created_from=2026-03-02".into(), 2),
            ("created_to=2026-03-02T09:00:00Z".into(), 0),
            ("limit=1".into(), 1),
        ] {
            let answer = api.get(&format!("/email-logs?{query}")).await;
            assert_eq!(answer.json()["data"].as_array().map(Vec::len), Some(count), "{query}: {answer:?}");
        }
        for (query, code) in [
            ("status=lost", "invalid_parameter"),
            ("template=spam", "invalid_parameter"),
            ("ticket=7", "invalid_parameter"),
            ("created_from=yesterday", "invalid_parameter"),
            ("sender=x", "unknown_parameter"),
        ] {
            assert_eq!(api.get(&format!("/email-logs?{query}")).await.problem(), (400, code.into()), "{query}");
        }
        let next = api.get("/email-logs?limit=1").await.json()["pagination"]["next_cursor"].clone();
        let next = format!("/email-logs?limit=1&cursor={}", next.as_str().expect("a second page"));
        assert_eq!(api.get(&next).await.json()["data"].as_array().map(Vec::len), Some(1));
    }

    async fn a_mail_is_sent_again_only_where_that_makes_sense(engine: Engine) {
        let app = App::start_with(engine, |config| config.outbox.release_by = Some(ReleaseBy::Relay)).await;
        let api = Client::admin(&app.desk).await;
        write_in(&app.desk).await;
        let log = customers(&api).await;
        let path = format!("/email-logs/{}", log["id"].as_str().expect("an id"));
        for (status, code) in [
            ("queued", 409),
            ("sending", 409),
            ("sent", 409),
            ("delivered", 409),
            ("cancelled", 409),
            ("failed", 200),
            ("bounced", 200),
            ("deferred", 200),
            ("suppressed", 200),
            ("captured", 200),
        ] {
            all_are(&app, status).await;
            app.clock.advance_ms(1_000);
            let tried = post(&api, &format!("{path}/retry?dry_run=true")).await;
            assert_eq!(tried.status.as_u16(), code, "{status}: {tried:?}");
            assert_eq!(api.get(&path).await.json()["status"], status, "a dry run changes nothing");
            let answer = post(&api, &format!("{path}/retry")).await;
            assert_eq!(answer.status.as_u16(), code, "{status}: {answer:?}");
            if code == 409 {
                assert_eq!(answer.problem().1, "invalid_state");
                continue;
            }
            assert_eq!(answer.json()["status"], "queued", "{status}");
            assert_eq!(answer.json()["message_id"], log["message_id"]);
            assert_ne!(answer.json()["give_up_at"], log["give_up_at"]);
            let released = app.database.count("SELECT count(*) FROM outbox WHERE released").await;
            assert_eq!(released, i64::from(status == "captured"), "{status}");
        }
        let events = "SELECT count(*) FROM ticket_events WHERE type = 'email_retried'";
        assert_eq!(app.database.count(events).await, 5);
        assert_eq!(post(&api, "/email-logs/0198c0de-0000-7000-8000-000000000000/retry").await.problem().1, "email_log_not_found");
    }

    async fn kept_mail_stays_where_there_is_nothing_to_send_it_by(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        write_in(&app.desk).await;
        all_are(&app, "captured").await;
        let path = format!("/email-logs/{}/retry", customers(&api).await["id"].as_str().expect("an id"));
        assert_eq!(post(&api, &path).await.problem(), (409, "invalid_state".into()));
    }

    async fn a_mail_is_cancelled_before_it_leaves(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        write_in(&app.desk).await;
        let path = format!("/email-logs/{}", customers(&api).await["id"].as_str().expect("an id"));
        for (status, code) in [("sending", 409), ("sent", 409), ("failed", 409), ("suppressed", 409), ("queued", 200), ("deferred", 200)] {
            all_are(&app, status).await;
            let answer = post(&api, &format!("{path}/cancel")).await;
            assert_eq!(answer.status.as_u16(), code, "{status}: {answer:?}");
            let left = api.get(&path).await.json()["status"].clone();
            assert_eq!(left, if code == 200 { "cancelled" } else { status });
        }
        let reader = Client::new(&app.desk, &[Scope::EmailLogsRead]).await;
        assert_eq!(post(&reader, &format!("{path}/cancel")).await.problem(), (403, "insufficient_scope".into()));
        let extra = api.json("POST", &format!("{path}/cancel"), &json!({"why": "x"})).await;
        assert_eq!(extra.problem(), (400, "unknown_field".into()));
    }

    async fn a_repeated_retry_is_one(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        write_in(&app.desk).await;
        all_are(&app, "failed").await;
        let path = format!("/email-logs/{}/retry", customers(&api).await["id"].as_str().expect("an id"));
        let request = || api.request("POST", &path).header("idempotency-key", "k1").body(Body::empty()).expect("a request");
        let (first, second) = (api.send(request()).await, api.send(request()).await);
        assert_eq!((first.status.as_u16(), first.body.clone()), (200, second.body.clone()), "{second:?}");
        assert_eq!(second.header("idempotency-replayed"), "true");
    }

    async fn a_suppressed_address_gets_no_mail_until_it_is_released(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let path = "/suppressions/Jo@Example.org";
        let tried = api.json("PUT", &format!("{path}?dry_run=true"), &json!({"note": "asked us to"})).await;
        assert_eq!((tried.status.as_u16(), &tried.json()["dry_run"], &tried.json()["id"]), (200, &true.into(), &Value::Null));
        assert_eq!(api.get("/suppressions").await.json()["data"], json!([]));
        let made = api.json("PUT", path, &json!({"note": "asked us to", "expires_at": null})).await.json();
        assert_eq!((&made["address"], &made["reason"], &made["note"]), (&"jo@example.org".into(), &"manual".into(), &"asked us to".into()));
        assert_eq!(api.get("/suppressions?include=total").await.json()["pagination"]["total"], 1);
        write_in(&app.desk).await;
        assert_eq!(customers(&api).await["status"], "suppressed");

        let later = json!({"expires_at": "2026-03-03T00:00:00Z"});
        let changed = api.json("PUT", path, &later).await.json();
        assert_eq!((&changed["id"], &changed["version"], &changed["note"]), (&made["id"], &2.into(), &Value::Null));
        let stale = api.request("DELETE", path).header("if-match", "\"1\"").body(Body::empty()).expect("a request");
        assert_eq!(api.send(stale).await.problem(), (412, "version_mismatch".into()));
        let delete = || api.request("DELETE", path).body(Body::empty()).expect("a request");
        assert_eq!(api.send(delete()).await.status.as_u16(), 204);
        assert_eq!(api.send(delete()).await.problem(), (404, "suppression_not_found".into()));
        app.clock.advance_ms(3_600_000);
        mail_in(&app.desk, "jo@example.org", &PARCEL.replace("c1@", "c2@")).await;
        assert_eq!(api.get("/email-logs?recipient=jo@example.org&status=queued").await.json()["data"].as_array().map(Vec::len), Some(1));
    }

    async fn suppressions_refuse_what_is_wrong(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        for (path, body, problem) in [
            ("/suppressions/nobody", json!({}), (400, "invalid_parameter")),
            ("/suppressions/jo@example.org", json!({"expires_at": "2020-01-01T00:00:00Z"}), (422, "validation_failed")),
            ("/suppressions/jo@example.org", json!({"expires_at": "soon"}), (422, "validation_failed")),
            ("/suppressions/jo@example.org", json!({"reason": "manual"}), (400, "unknown_field")),
        ] {
            let answer = api.json("PUT", path, &body).await;
            assert_eq!(answer.problem(), (problem.0, problem.1.into()), "{path} {body}");
        }
    }

    async fn the_queue_is_held_and_let_go(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        write_in(&app.desk).await;
        let paused = post(&api, "/queue/pause").await.json();
        let due = "2026-03-02T09:00:00.000Z";
        assert_eq!(paused, json!({"paused": true, "queued": 2, "sending": 0, "deferred": 0, "oldest_queued_at": due, "next_attempt_at": due}));
        assert_eq!(post(&api, "/queue/pause").await.json()["paused"], true, "twice is once");
        assert!(app.claim("w", 9).await.is_empty());
        app.clock.advance_ms(3_600_000);
        let health = api.get("/health").await;
        assert_eq!((health.status.as_u16(), &health.json()["checks"]["queue"]), (200, &"paused".into()));
        assert_eq!(post(&api, "/queue/resume?dry_run=true").await.json()["paused"], false);
        assert_eq!(api.get("/queue").await.json()["paused"], true);
        assert_eq!(post(&api, "/queue/resume").await.json()["paused"], false);
        assert_eq!(app.claim("w", 9).await.len(), 2);
        let other = Client::new(&app.desk, &[Scope::EmailLogsWrite]).await;
        for path in ["/queue/pause", "/queue/resume", "/queue/flush"] {
            assert_eq!(post(&other, path).await.problem(), (403, "insufficient_scope".into()), "{path}");
        }
    }

    async fn a_flush_makes_deferred_mail_due_and_nothing_else(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        write_in(&app.desk).await;
        let later = app.clock.now().plus_ms(600_000).0;
        for (audience, status) in [("customer", "deferred"), ("agent", "queued")] {
            let sql = format!("UPDATE outbox SET status = '{status}', ready = FALSE, next_attempt_at = {later} WHERE audience = '{audience}' RETURNING status");
            assert_eq!(app.database.texts(&sql).await, [status]);
        }
        let flushed = post(&api, "/queue/flush").await.json();
        assert_eq!(flushed["next_attempt_at"], "2026-03-02T09:00:00.000Z", "{flushed}");
        let taken = app.claim("w", 9).await;
        assert_eq!(taken.iter().map(|mail| mail.to_address.as_str()).collect::<Vec<_>>(), ["jo@example.org"]);
    }
}
