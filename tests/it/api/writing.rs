//! Tickets opened, answered and moved.

use axum::body::Body;
use postdesk::model::Scope;
use serde_json::{Value, json};

use super::call::{Answer, Client};
use super::{PARCEL, mail_in};
use crate::support::App;

fn minimal() -> Value {
    json!({"subject": "Broken lid", "description": "It broke.\nTwice.", "customer_email": "Jo@Example.org"})
}

async fn opened(api: &Client) -> Value {
    let answer = api.json("POST", "/tickets", &minimal()).await;
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    answer.json()
}

/// As a client does that is told to wait for its first call (API.md §1.6).
async fn patiently<F: Future<Output = Answer>>(call: impl Fn() -> F) -> Answer {
    loop {
        let answer = call().await;
        if answer.json()["code"] != "idempotency_in_progress" {
            return answer;
        }
        assert_eq!((answer.status.as_u16(), answer.header("retry-after")), (409, "1"));
        tokio::task::yield_now().await;
    }
}

both_engines! {
    async fn a_ticket_is_opened_and_acknowledged(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let mut body = minimal();
        for (name, value) in [
            ("priority", json!("CRITICAL")), ("category", json!("Return-Refund")), ("customer_name", json!("Jo Doe")),
            ("order_id", json!("1001")), ("tags", json!(["vip", "vip"])), ("cc", json!(["sam@example.org"])),
            ("custom_fields", json!({"size": 42})), ("metadata", json!({"browser": "Firefox"})),
        ] {
            body[name] = value;
        }
        let answer = api.json("POST", "/tickets", &body).await;
        let ticket = answer.json();
        assert_eq!(answer.status.as_u16(), 201, "{ticket}");
        assert_eq!(answer.header("location"), ticket["links"]["self"].as_str().expect("a path"));
        for (field, want) in [
            ("status", json!("open")), ("priority", json!("urgent")), ("category", json!("return_refund")),
            ("channel", json!("api")), ("description", json!("It broke.\nTwice.")), ("tags", json!(["vip"])),
            ("order_id", json!("1001")), ("cc", json!(["sam@example.org"])), ("response_count", json!(1)),
            ("custom_fields", json!({"size": 42})), ("version", json!(1)), ("assignee", Value::Null),
        ] {
            assert_eq!(ticket[field], want, "{field}");
        }
        assert_eq!(ticket["requester"]["email"], "jo@example.org");
        assert_eq!(ticket["requester"]["verified"], true);
        let told: Vec<_> = ticket["emails"].as_array().expect("a list").iter()
            .map(|e| (e["template"].as_str().unwrap_or_default(), e["to"].as_str().unwrap_or_default())).collect();
        assert_eq!(told, [("ticket_received", "jo@example.org"), ("agent_new_ticket", "ada@desk.test")]);
        let logs = api.get(&format!("/tickets/{}/email-logs", ticket["number"].as_str().expect("a number"))).await.json();
        assert_eq!(logs["data"].as_array().map(Vec::len), Some(2), "{logs}");
        let log = logs["data"][0]["id"].as_str().expect("an id");
        assert_eq!(api.get(&format!("/email-logs/{log}")).await.json()["delivery_attempts"], json!([]));
        assert_eq!(api.get("/tickets?q=order%201001").await.status.as_u16(), 200);
        assert_eq!(api.get("/tickets?order_id=1001&tag=vip&requester=jo@example.org").await.json()["data"].as_array().map(Vec::len), Some(1));
    }

    async fn every_invalid_field_is_named(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let bad = json!({"subject": "", "description": 7, "priority": "asap", "customer_email": "nobody",
            "cc": ["a@b.example", "x"], "tags": "vip", "user_id": "u\n1", "custom_fields": []});
        let answer = api.json("POST", "/tickets", &bad).await;
        assert_eq!(answer.problem(), (422, "validation_failed".into()));
        let mut pointers: Vec<_> = answer.json()["errors"].as_array().expect("a list").iter()
            .map(|e| e["pointer"].as_str().unwrap_or_default().to_owned()).collect();
        pointers.sort();
        let want = ["/cc/1", "/custom_fields", "/customer_email", "/description", "/priority", "/subject", "/tags", "/user_id"];
        assert_eq!(pointers, want);
        let unknown = api.json("POST", "/tickets", &json!({"subject": "x", "colour": "red"})).await;
        assert_eq!(unknown.problem(), (400, "unknown_field".into()));
        for (kind, body, status, code) in [
            ("application/json", "{", 400, "malformed_json"),
            ("application/json", "[]", 400, "malformed_json"),
            ("text/plain", "{}", 415, "unsupported_media_type"),
            ("application/json", &"x".repeat(2 << 20), 413, "body_too_large"),
            ("application/json", &format!("{{\"a\":{}", "[".repeat(100_000)), 400, "malformed_json"),
        ] {
            let answer = api.raw("POST", "/tickets", kind, body.to_owned()).await;
            assert_eq!(answer.problem(), (status, code.into()), "{kind}");
        }
        let nobody = api.json("POST", "/tickets", &json!({"subject": "x", "description": "y"})).await;
        assert_eq!(nobody.json()["errors"][0]["pointer"], "/customer_email", "{nobody:?}");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 0);
    }

    async fn a_repeated_call_is_one_call(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let call = |body: Value| {
            let request = api.request("POST", "/tickets").header("content-type", "application/json");
            let request = request.header("idempotency-key", "k-1").body(Body::from(body.to_string()));
            api.send(request.expect("a request"))
        };
        let refused = call(json!({"subject": "x"})).await;
        assert_eq!(refused.status.as_u16(), 422, "an error is not kept");
        let (first, second) = tokio::join!(patiently(|| call(minimal())), patiently(|| call(minimal())));
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{first:?} {second:?}");
        assert_eq!(first.body, second.body);
        assert_eq!([&first, &second].iter().filter(|a| a.header("idempotency-replayed") == "true").count(), 1);
        assert_eq!(first.header("location"), second.header("location"));
        let other = call(json!({"subject": "Other", "description": "y", "customer_email": "a@b.example"})).await;
        assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 1);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM outbox").await, 2);
        app.clock.advance_ms(25 * 3_600_000);
        assert_eq!(call(minimal()).await.header("idempotency-replayed"), "", "a day later it is a new call");
    }

    async fn a_dry_run_leaves_nothing(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let answer = api.json("POST", "/tickets?dry_run=true", &minimal()).await;
        let body = answer.json();
        assert_eq!((answer.status.as_u16(), &body["dry_run"], &body["id"]), (200, &json!(true), &Value::Null));
        assert_eq!(body["emails"][0]["status"], Value::Null);
        for table in ["tickets", "responses", "contacts", "outbox", "ticket_events"] {
            assert_eq!(app.database.count(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
        }
    }

    async fn an_answer_goes_out_and_a_note_does_not(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ticket = opened(&api).await;
        let path = format!("/tickets/{}/responses", ticket["id"].as_str().expect("an id"));
        let answer = api.json("POST", &path, &json!({"body": "**Sorry**, a new one is on its way.", "body_format": "markdown"})).await;
        let reply = answer.json();
        assert_eq!(answer.status.as_u16(), 201, "{reply}");
        assert_eq!((&reply["visibility"], &reply["author"]["name"]), (&json!("public"), &json!("shop")));
        assert_eq!(reply["emails"][0]["template"], "ticket_reply");
        assert_eq!(reply["delivery"]["status"], "queued");
        assert_eq!(reply["ticket"]["status"], "in_progress");
        assert!(reply["body_html"].as_str().is_some_and(|html| html.contains("<strong>Sorry</strong>")), "{reply}");
        let note = json!({"body": "He called.", "visibility": "Internal", "status": "waiting_customer", "notify": false});
        let note = api.json("POST", &path, &note).await.json();
        assert_eq!((&note["emails"], &note["ticket"]["status"]), (&json!([]), &json!("waiting_customer")), "{note}");

        let reader = Client::new(&app.desk, &[Scope::TicketsRead]).await;
        let whole = reader.get(&format!("/tickets/{}?include=responses,events", ticket["number"].as_str().expect("a number"))).await;
        assert_eq!(whole.json()["responses"].as_array().map(Vec::len), Some(2), "notes are hidden");
        assert!(!String::from_utf8_lossy(&whole.body).contains("He called"));
        let hidden = reader.get(&format!("/responses/{}", note["id"].as_str().expect("an id"))).await;
        assert_eq!(hidden.problem(), (404, "response_not_found".into()));

        let held = json!({"body": "Wait for it", "undo_seconds": 30});
        let held = api.json("POST", &path, &held).await.json();
        assert_eq!(held["send_at"], "2026-03-02T09:00:30.000Z");
        let secret = json!({"body": "x", "author_type": "customer", "visibility": "internal"});
        assert_eq!(api.json("POST", &path, &secret).await.json()["errors"][0]["pointer"], "/visibility");
        let customer = json!({"body": "Still broken", "author_type": "customer"});
        let customer = api.json("POST", &path, &customer).await.json();
        assert_eq!((&customer["author"]["type"], &customer["ticket"]["status"]), (&json!("customer"), &json!("open")));
        let refused = Client::new(&app.desk, &[Scope::ResponsesWrite]).await;
        let refused = refused.json("POST", &path, &json!({"body": "x", "status": "open"})).await;
        assert_eq!(refused.json()["errors"][0]["pointer"], "/status");
    }

    async fn collisions_are_seen(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let ticket = opened(&api).await;
        let number = ticket["number"].as_str().expect("a number");
        let path = format!("/tickets/{number}/responses");
        let whole = api.get(&format!("/tickets/{number}?include=responses")).await;
        let seen = whole.json()["responses"][0]["id"].clone();
        app.clock.advance_ms(1_000);
        let first = json!({"body": "Mine", "last_seen_response_id": seen});
        assert_eq!(api.json("POST", &path, &first).await.status.as_u16(), 201);
        let second = json!({"body": "Mine too", "last_seen_response_id": seen});
        let collision = api.json("POST", &path, &second).await;
        assert_eq!(collision.problem(), (409, "collision".into()));
        assert_eq!(collision.json()["newer"][0]["preview"], "Mine");
        let forced = json!({"body": "Mine too", "last_seen_response_id": seen, "force": true});
        assert_eq!(api.json("POST", &path, &forced).await.status.as_u16(), 201);

        let stale = api.request("PATCH", &format!("/tickets/{number}/status")).header("content-type", "application/json")
            .header("if-match", "\"1\"").body(Body::from(r#"{"status":"resolved"}"#));
        let stale = api.send(stale.expect("a request")).await;
        assert_eq!(stale.problem(), (412, "version_mismatch".into()));
        assert_eq!(stale.json()["current_version"], 3);
    }

    async fn statuses_move_by_the_rules(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let agent = Client::new(&app.desk, &[Scope::TicketsWrite]).await;
        let ticket = opened(&api).await;
        let path = format!("/tickets/{}/status", ticket["number"].as_str().expect("a number"));
        let resolved = agent.json("PATCH", &path, &json!({"status": "Solved", "resolution": "Replaced"})).await;
        let resolved = resolved.json();
        assert_eq!((&resolved["status"], &resolved["resolution"]), (&json!("resolved"), &json!("Replaced")));
        assert_eq!(resolved["emails"][0]["template"], "ticket_resolved", "{resolved}");
        let same = agent.json("PATCH", &path, &json!({"status": "resolved"})).await.json();
        assert_eq!((&same["emails"], &same["version"]), (&json!([]), &resolved["version"]));
        let told = json!({"status": "waiting_customer", "message": "Which colour?"});
        let told = agent.json("PATCH", &path, &told).await.json();
        assert_eq!((&told["status"], &told["emails"][0]["template"]), (&json!("waiting_customer"), &json!("ticket_reply")));
        assert_eq!(agent.json("PATCH", &path, &json!({"status": "closed"})).await.json()["emails"], json!([]));
        let refused = agent.json("PATCH", &path, &json!({"status": "open"})).await;
        assert_eq!(refused.problem(), (409, "invalid_transition".into()));
        assert_eq!(refused.json()["allowed"], json!(["closed"]));
        assert_eq!(api.json("PATCH", &path, &json!({"status": "open"})).await.json()["status"], "open");
        assert_eq!(api.json("PATCH", &path, &json!({})).await.json()["errors"][0]["code"], "required");
    }

    async fn anybody_may_write_where_intake_is_public(engine: Engine) {
        let closed = App::start(engine).await;
        let answer = Client::anonymous(&closed.desk).json("POST", "/tickets", &minimal()).await;
        assert_eq!(answer.problem(), (403, "intake_closed".into()));
        let app = App::start_with(engine, |config| {
            config.intake.public = true;
            config.api.cors_origins = vec!["https://shop.example".into()];
        }).await;
        let anybody = Client::anonymous(&app.desk);
        let receipt = opened(&anybody).await;
        assert_eq!((&receipt["channel"], &receipt["requester"], &receipt["emails"]), (&json!("web"), &Value::Null, &Value::Null));
        let path = format!("/tickets/{}?include=email_logs", receipt["number"].as_str().expect("a number"));
        let ticket = Client::admin(&app.desk).await.get(&path).await.json();
        assert_eq!(ticket["requester"]["type"], "guest");
        assert_eq!(ticket["requester"]["verified"], false);
        let templates: Vec<_> = ticket["email_logs"].as_array().expect("a list").iter().map(|log| &log["template"]).collect();
        assert!(templates.contains(&&json!("ticket_received_neutral")), "{ticket}");
        let mut greedy = minimal();
        greedy["priority"] = json!("urgent");
        greedy["cc"] = json!(["victim@example.org"]);
        assert_eq!(anybody.json("POST", "/tickets", &greedy).await.problem(), (422, "validation_failed".into()));
        opened(&anybody).await;
        opened(&anybody).await;
        let more = anybody.json("POST", "/tickets", &minimal()).await;
        assert_eq!(more.problem(), (429, "recipient_limited".into()));
        let preflight = anybody.request("OPTIONS", "/tickets").header("origin", "https://shop.example")
            .header("access-control-request-method", "POST").body(Body::empty()).expect("a request");
        let preflight = anybody.send(preflight).await;
        assert_eq!(preflight.header("access-control-allow-origin"), "https://shop.example", "{preflight:?}");
    }

    async fn a_form_carries_files(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let form = format!("--x\r\nContent-Disposition: form-data; name=\"ticket\"\r\n\r\n{}\r\n--x\r\n\
            Content-Disposition: form-data; name=\"files[]\"; filename=\"../box.txt\"\r\nContent-Type: text/plain\r\n\r\n\
            of cardboard\r\n--x--\r\n", minimal());
        let answer = api.raw("POST", "/tickets", "multipart/form-data; boundary=x", form).await;
        assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        let number = answer.json()["number"].as_str().expect("a number").to_owned();
        let ticket = api.get(&format!("/tickets/{number}?include=attachments")).await.json();
        assert_eq!((&ticket["attachment_count"], &ticket["attachments"][0]["filename"]), (&json!(1), &json!("box.txt")));
        let url = ticket["attachments"][0]["url"].as_str().expect("a path");
        assert_eq!(api.get(&url["/api/support".len()..]).await.body, b"of cardboard");
    }

    async fn a_mail_may_be_handed_in(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let hand_in = |to: &'static str| {
            let request = api.request("POST", "/inbound").header("content-type", "message/rfc822")
                .header("x-envelope-from", "jo@example.org").header("x-envelope-to", to);
            api.send(request.body(Body::from(PARCEL.replace('\n', "\r\n"))).expect("a request"))
        };
        let row = hand_in("support@desk.test").await;
        assert_eq!((row.status.as_u16(), &row.json()["via"], &row.json()["action"]), (201, &json!("api"), &json!("created")));
        assert_eq!(hand_in("support@desk.test").await.json()["action"], "duplicate");
        assert_eq!(hand_in("nobody@elsewhere.test").await.problem(), (422, "unknown_recipient".into()));
        let again = mail_in(&app.desk, "jo@example.org", PARCEL).await;
        assert!(again.inbound().is_some());
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 1);
    }

    /// A mail without Message-ID, which nothing but its key tells from another just like it.
    async fn a_mail_handed_in_again_under_its_key_is_one_mail(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let hand_in = |path: &'static str, key: &'static str, to: &'static str, raw: &'static str| {
            let request = api.request("POST", path).header("content-type", "message/rfc822")
                .header("x-envelope-from", "jo@example.org").header("x-envelope-to", to);
            api.send(request.header("idempotency-key", key).body(Body::from(raw)).expect("a request"))
        };
        let (ours, mail) = ("support@desk.test", "From: jo@example.org\r\nSubject: Late\r\n\r\nWhere is it?\r\n");
        assert_eq!(hand_in("/inbound", "a b", ours, mail).await.problem(), (400, "bad_idempotency_key".into()));
        let refused = hand_in("/inbound", "k-1", "nobody@elsewhere.test", mail).await;
        assert_eq!(refused.problem(), (422, "unknown_recipient".into()), "an error is not kept");
        let tried = hand_in("/inbound?dry_run=true", "k-1", ours, mail).await;
        assert_eq!((tried.status.as_u16(), &tried.json()["action"], &tried.json()["id"]), (200, &json!("created"), &Value::Null));
        let again = || hand_in("/inbound", "k-1", ours, mail);
        let (first, second) = tokio::join!(patiently(again), patiently(again));
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{first:?} {second:?}");
        app.clock.advance_ms(60_000);
        let third = hand_in("/inbound", "k-1", ours, mail).await;
        assert_eq!((&first.body, &first.body), (&second.body, &third.body));
        assert_eq!(first.header("location"), third.header("location"));
        assert_eq!([&first, &second, &third].iter().filter(|a| a.header("idempotency-replayed") == "true").count(), 2);
        let stored = api.get(&first.header("location")["/api/support".len()..]).await;
        assert_eq!(stored.json(), first.json());
        let other = hand_in("/inbound", "k-1", ours, "From: jo@example.org\r\n\r\nAnother\r\n").await;
        assert_eq!(other.problem(), (422, "idempotency_key_reused".into()));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM inbound_mails").await, 1);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 1);
        assert_eq!(hand_in("/inbound", "k-2", ours, mail).await.json()["action"], "created", "another key, another mail");
    }
}
