//! Many tickets changed by one call, and jobs.

use axum::body::Body;
use postdesk::model::Scope;
use serde_json::{Value, json};

use super::call::{Answer, Client};
use crate::support::App;

/// Opens tickets; their ids.
async fn opened(api: &Client, count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        let body = json!({"subject": format!("Lid {n}"), "description": "It broke.", "notify": false,
            "customer_email": "jo@example.org"});
        let answer = api.json("POST", "/tickets", &body).await;
        ids.push(answer.json()["id"].as_str().expect("an id").to_owned());
    }
    ids
}

async fn keyed(api: &Client, path: &str, key: &str, body: &Value) -> Answer {
    let request = api.request("POST", path).header("content-type", "application/json");
    api.send(request.header("idempotency-key", key).body(Body::from(body.to_string())).expect("a request"))
        .await
}

async fn tagged(app: &App) -> i64 {
    app.database.count("SELECT COUNT(*) FROM tickets WHERE tags = '[\"strike\"]' AND version = 2").await
}

both_engines! {
    async fn each_ticket_has_an_outcome_of_its_own(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ids = opened(&api, 4).await;
        let number = api.get(&format!("/tickets/{}", ids[1])).await.json()["number"].clone();
        api.json("DELETE", &format!("/tickets/{}", ids[2]), &json!({})).await;
        api.json("PATCH", &format!("/tickets/{}", ids[3]), &json!({"status": "closed"})).await;
        let call = json!({"ids": [ids[0], number, ids[1], ids[2], ids[3], "TKT-2026-ZZZZZZ"], "action": "update",
            "update": {"add_tags": ["strike"], "status": "resolved"}, "notify": false});
        let answer = api.json("POST", "/tickets/bulk", &call).await;
        let results = answer.json()["results"].as_array().cloned().expect("a list");
        let found: Vec<_> = results.iter().map(|r| (r["id"].clone(), r["status"].clone(), r["problem"]["code"].clone())).collect();
        assert_eq!(answer.status.as_u16(), 200);
        let want = [
            (json!(ids[0]), json!(200), Value::Null), (json!(ids[1]), json!(200), Value::Null),
            (json!(ids[2]), json!(410), json!("ticket_deleted")), (json!(ids[3]), json!(409), json!("invalid_transition")),
            (json!("TKT-2026-ZZZZZZ"), json!(404), json!("ticket_not_found")),
        ];
        assert_eq!(found, want, "the same ticket twice is one");
        assert_eq!(tagged(&app).await, 2);
        for (action, status, sql) in [
            ("respond", 201, "SELECT COUNT(*) FROM responses WHERE body_text = 'On strike.'"),
            ("spam", 200, "SELECT COUNT(*) FROM tickets WHERE is_spam"),
            ("delete", 204, "SELECT COUNT(*) FROM tickets WHERE is_spam AND deleted_at IS NOT NULL"),
        ] {
            let mut call = json!({"ids": [ids[0], ids[1]], "action": action});
            if action == "respond" {
                call["response"] = json!({"body": "On strike.", "body_format": "text"});
            }
            let results = api.json("POST", "/tickets/bulk", &call).await.json();
            assert!(results["results"].as_array().expect("a list").iter().all(|r| r["status"] == status), "{results}");
            assert_eq!(app.database.count(sql).await, 2, "{action}");
        }
    }

    async fn what_is_wrong_with_a_bulk_call_is_named(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ids = opened(&api, 2).await;
        for (call, code, pointer) in [
            (json!({"action": "update", "update": {"priority": "asap"}, "ids": [ids[0]]}), "validation_failed", "/update/priority"),
            (json!({"action": "update", "update": {"number": "x"}, "ids": [ids[0]]}), "unknown_field", "/update/number"),
            (json!({"action": "update", "ids": [ids[0]]}), "validation_failed", "/update"),
            (json!({"action": "respond", "response": {}, "ids": [ids[0]]}), "validation_failed", "/response/body"),
            (json!({"action": "delete", "update": {}, "ids": [ids[0]]}), "validation_failed", "/update"),
            (json!({"action": "burn", "ids": [ids[0]]}), "validation_failed", "/action"),
            (json!({"action": "delete", "ids": ["x"]}), "validation_failed", "/ids"),
            (json!({"action": "delete", "ids": []}), "validation_failed", "/ids"),
            (json!({"action": "delete"}), "validation_failed", "/ids"),
            (json!({"action": "delete", "filter": {}, "expected_count": 2}), "validation_failed", "/filter"),
            (json!({"action": "delete", "filter": {"status": "open"}}), "validation_failed", "/expected_count"),
            (json!({"action": "delete", "filter": {"colour": "red"}, "expected_count": 2}), "unknown_field", "/filter/colour"),
            (json!({"action": "delete", "filter": {"status": "lost"}, "expected_count": 2}), "validation_failed", "/filter/status"),
        ] {
            let answer = api.json("POST", "/tickets/bulk", &call).await;
            assert_eq!((&answer.problem().1, &answer.json()["errors"][0]["pointer"]), (&code.to_owned(), &json!(pointer)), "{call}");
        }
        let writer = Client::new(&app.desk, &[Scope::TicketsWrite]).await;
        let respond = json!({"action": "respond", "response": {"body": "x"}, "ids": [ids[0]]});
        assert_eq!(writer.json("POST", "/tickets/bulk", &respond).await.problem(), (403, "insufficient_scope".into()));
        let call = json!({"action": "delete", "filter": {"q": "is:open", "priority": ["medium", "high"]}, "expected_count": 3});
        let wrong = api.json("POST", "/tickets/bulk", &call).await;
        assert_eq!((wrong.problem(), &wrong.json()["count"]), ((409, "count_mismatch".into()), &json!(2)));
        let tried = json!({"action": "delete", "filter": {"q": "is:open"}, "expected_count": 2});
        let tried = api.json("POST", "/tickets/bulk?dry_run=true", &tried).await.json();
        assert_eq!((&tried["dry_run"], tried["results"].as_array().map(Vec::len)), (&json!(true), Some(2)));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets WHERE deleted_at IS NOT NULL").await, 0);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM jobs").await, 0, "nothing of all this was begun");
    }

    async fn a_bulk_call_under_a_key_is_one_call(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ids = opened(&api, 2).await;
        let call = json!({"ids": ids, "action": "respond", "response": {"body": "On strike."}});
        let first = keyed(&api, "/tickets/bulk", "k", &call).await;
        let second = keyed(&api, "/tickets/bulk", "k", &call).await;
        assert_eq!((first.status.as_u16(), &first.body), (200, &second.body));
        assert_eq!((first.header("idempotency-replayed"), second.header("idempotency-replayed")), ("", "true"));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM responses WHERE body_text = 'On strike.'").await, 2);
        let other = keyed(&api, "/tickets/bulk", "k", &json!({"ids": ids, "action": "delete"})).await;
        assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
    }

    async fn many_tickets_are_a_job(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ids = opened(&api, 101).await;
        api.json("DELETE", &format!("/tickets/{}", ids[7]), &json!({})).await;
        let call = json!({"ids": ids, "action": "update", "update": {"tags": ["strike"]}});
        let tried = api.json("POST", "/tickets/bulk?dry_run=true", &call).await;
        assert_eq!((tried.status.as_u16(), &tried.json()["total"], &tried.json()["id"]), (200, &json!(101), &Value::Null));
        let started = keyed(&api, "/tickets/bulk", "k", &call).await;
        let place = started.header("location")["/api/support".len()..].to_owned();
        assert_eq!((started.status.as_u16(), &started.json()["state"]), (202, &json!("queued")), "{started:?}");
        let again = keyed(&api, "/tickets/bulk", "k", &call).await;
        assert_eq!((again.status.as_u16(), &again.body, again.header("location")), (202, &started.body, started.header("location")));
        app.desk.do_jobs(postdesk::http::refusal).await.expect("it works");
        let job = api.get(&place).await.json();
        for (member, want) in [("state", json!("done")), ("done", json!(101)), ("total", json!(101)),
            ("result", json!({"succeeded": 100, "failed": 1})), ("kind", json!("bulk"))] {
            assert_eq!(job[member], want, "{member}");
        }
        assert_eq!((&job["errors"][0]["id"], &job["errors"][0]["status"]), (&json!(ids[7]), &json!(410)));
        assert_eq!(tagged(&app).await, 100, "each once");
        let stranger = Client::new(&app.desk, &[Scope::TicketsWrite]).await;
        assert_eq!(stranger.get(&place).await.problem(), (404, "job_not_found".into()));
        let ended = api.json("DELETE", &place, &json!({})).await;
        assert_eq!(ended.problem(), (409, "invalid_state".into()));
        app.clock.advance_ms(8 * 24 * 3_600_000);
        app.desk.do_chores().await.expect("it does them");
        assert_eq!(api.get(&place).await.problem(), (404, "job_not_found".into()), "a week is enough");
    }

    async fn a_cancelled_job_stops(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::new(&app.desk, &[Scope::TicketsWrite]).await;
        let ids = opened(&api, 101).await;
        let started = api.json("POST", "/tickets/bulk", &json!({"ids": ids, "action": "delete"})).await;
        let place = started.header("location")["/api/support".len()..].to_owned();
        let bare = |method: &'static str, path: String| api.send(api.request(method, &path).body(Body::empty()).expect("a request"));
        let tried = bare("DELETE", format!("{place}?dry_run=true")).await;
        assert_eq!((tried.status.as_u16(), &tried.json()["state"]), (200, &json!("cancelled")));
        assert_eq!(bare("DELETE", place.clone()).await.status.as_u16(), 204);
        app.desk.do_jobs(postdesk::http::refusal).await.expect("it works");
        assert_eq!(api.get(&place).await.json()["state"], "cancelled");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets WHERE deleted_at IS NOT NULL").await, 0);
    }

    /// A worker that was killed leaves its lease behind; two that come at the same moment share the work.
    async fn a_job_goes_on_where_it_was(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ids = opened(&api, 120).await;
        let call = json!({"ids": ids, "action": "update", "update": {"tags": ["strike"]}});
        let started = api.json("POST", "/tickets/bulk", &call).await;
        let place = started.header("location")["/api/support".len()..].to_owned();
        // Killed in the middle of its work: what it had committed stays, its lease too.
        let desk = app.desk.clone();
        let worker = tokio::spawn(async move { desk.do_jobs(postdesk::http::refusal).await });
        while app.database.count("SELECT COUNT(*) FROM jobs WHERE done >= 20").await == 0 {
            tokio::task::yield_now().await;
        }
        worker.abort();
        let _ = worker.await;
        app.clock.advance_ms(61_000);
        let (one, two) = tokio::join!(app.desk.do_jobs(postdesk::http::refusal), app.desk.do_jobs(postdesk::http::refusal));
        one.and(two).expect("they work");
        while app.database.count("SELECT COUNT(*) FROM jobs WHERE state = 'done'").await == 0 {
            app.desk.do_jobs(postdesk::http::refusal).await.expect("it works");
        }
        let job = api.get(&place).await.json();
        assert_eq!((&job["done"], &job["errors"]), (&json!(120), &json!([])), "{job}");
        assert_eq!(tagged(&app).await, 120, "each once");
    }
}
