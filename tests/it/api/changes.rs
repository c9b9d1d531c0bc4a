//! Tickets changed, thrown away, called spam.

use axum::body::Body;
use postdesk::desk::NewToken;
use postdesk::model::Scope;
use serde_json::{Value, json};

use super::call::Client;
use super::{PARCEL, mail_in};
use crate::support::App;
use crate::support::app::AGENT;

async fn opened(api: &Client) -> String {
    let body = json!({"subject": "Broken lid", "description": "It broke.", "customer_email": "jo@example.org",
        "tags": ["old"], "custom_fields": {"size": 42, "colour": "red"}, "user_id": "u1"});
    let answer = api.json("POST", "/tickets", &body).await;
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    format!("/tickets/{}", answer.json()["number"].as_str().expect("a number"))
}

/// A client that acts as the desk's agent.
async fn as_ada(app: &App) -> Client {
    let agent_id = Some(app.desk.directory().agents[0].id);
    let new = NewToken { name: "ada".into(), agent_id, scopes: vec![Scope::TicketsWrite], expires_at: None };
    Client::with(&app.desk, new).await
}

/// What stands in its audit trail, sorted: the clock stands.
async fn events(api: &Client, ticket: &str) -> Vec<String> {
    let ticket = api.get(&format!("{ticket}?include=events")).await.json();
    let events = ticket["events"].as_array().expect("a list");
    let mut types: Vec<_> =
        events.iter().map(|e| e["type"].as_str().unwrap_or_default().to_owned()).collect();
    types.sort();
    types
}

/// A mail comes in, a second after the last one.
async fn receive(app: &App, raw: &str) {
    app.clock.advance_ms(1_000);
    mail_in(&app.desk, "jo@example.org", raw).await;
}

/// What became of the mails, the newest first.
async fn actions(api: &Client) -> Vec<(Value, Value)> {
    let rows = api.get("/inbound").await.json();
    let rows = rows["data"].as_array().expect("a list");
    rows.iter().map(|row| (row["action"].clone(), row["reason"].clone())).collect()
}

both_engines! {
    async fn any_field_is_changed_in_one_call(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let path = opened(&api).await;
        let patch = json!({"subject": "Lid", "priority": "HIGH", "category": "product", "assignee_id": AGENT,
            "add_tags": ["new"], "remove_tags": ["old"], "cc": ["sam@example.org"], "order_id": "1001",
            "user_id": null, "custom_fields": {"size": 43, "colour": null}, "status": "waiting_customer"});
        let answer = api.json("PATCH", &path, &patch).await;
        let ticket = answer.json();
        assert_eq!(answer.status.as_u16(), 200, "{ticket}");
        for (field, want) in [
            ("subject", json!("Lid")), ("priority", json!("high")), ("category", json!("product")),
            ("tags", json!(["new"])), ("cc", json!(["sam@example.org"])), ("order_id", json!("1001")),
            ("user_id", Value::Null), ("custom_fields", json!({"size": 43})),
            ("status", json!("waiting_customer")), ("version", json!(2)),
        ] {
            assert_eq!(ticket[field], want, "{field}");
        }
        assert_eq!(ticket["assignee"]["name"], "Ada Agent");
        assert!(ticket["mail_subject"].as_str().expect("a subject").starts_with("Broken lid"));
        let told: Vec<_> = ticket["emails"].as_array().expect("a list").iter().map(|e| e["template"].clone()).collect();
        assert_eq!(told, ["agent_assigned", "ticket_status_changed"]);
        let want = ["assigned", "category_changed", "cc_changed", "created", "custom_fields_changed", "details_changed",
            "details_changed", "priority_changed", "status_changed", "subject_changed", "tags_changed"];
        assert_eq!(events(&api, &path).await, want);
        let same = api.json("PATCH", &path, &json!({"priority": "high", "assignee_id": AGENT})).await.json();
        assert_eq!((&same["version"], &same["emails"]), (&json!(2), &json!([])), "nothing changed, nothing is told");
        let quiet = api.json("PATCH", &path, &json!({"status": "open", "notify": false})).await.json();
        assert_eq!(quiet["emails"], json!([]));
        app.desk.index_new(&mut Default::default()).await.expect("it indexes");
        assert_eq!(api.get("/tickets?q=sam@example.org").await.json()["data"].as_array().map(Vec::len), Some(1));
    }

    async fn what_can_not_be_is_named_field_by_field(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let path = opened(&api).await;
        let bad = json!({"subject": null, "priority": "asap", "assignee_id": "nobody@desk.test", "team_id": "x",
            "tags": [7], "status": null, "user_id": ""});
        let answer = api.json("PATCH", &path, &bad).await;
        assert_eq!(answer.problem(), (422, "validation_failed".into()));
        let mut pointers: Vec<_> = answer.json()["errors"].as_array().expect("a list").iter()
            .map(|e| e["pointer"].as_str().unwrap_or_default().to_owned()).collect();
        pointers.sort();
        assert_eq!(pointers, ["/assignee_id", "/priority", "/status", "/subject", "/tags/0", "/team_id", "/user_id"]);
        let nobody = "01890000-0000-7000-8000-000000000000";
        for (patch, pointer, code) in [
            (json!({"requester_id": nobody}), "/requester_id", "not_found"),
            (json!({"team_id": nobody}), "/team_id", "not_found"),
            (json!({"assignee_id": nobody}), "/assignee_id", "not_found"),
            (json!({"assignee_id": "me"}), "/assignee_id", "not_allowed"),
            (json!({"cc": ["support@desk.test"]}), "/cc", "not_allowed"),
            (json!({"custom_fields": {"a": "x".repeat(8_180), "size": 1}}), "/custom_fields", "too_long"),
        ] {
            let error = api.json("PATCH", &path, &patch).await.json()["errors"][0].clone();
            assert_eq!((&error["pointer"], &error["code"]), (&json!(pointer), &json!(code)), "{patch}");
        }
        assert_eq!(api.json("PATCH", &path, &json!({"number": "x"})).await.problem(), (400, "unknown_field".into()));
        assert_eq!(api.get(&path).await.json()["version"], 1, "nothing of it was done");
        let reader = Client::new(&app.desk, &[Scope::TicketsRead]).await;
        assert_eq!(reader.json("PATCH", &path, &json!({})).await.problem(), (403, "insufficient_scope".into()));
    }

    async fn a_ticket_gets_another_requester(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let path = opened(&api).await;
        let other = json!({"subject": "x", "description": "y", "customer_email": "kim@example.org"});
        let kim = api.json("POST", "/tickets", &other).await.json()["requester"]["id"].clone();
        let ticket = api.json("PATCH", &path, &json!({"requester_id": kim})).await.json();
        assert_eq!((&ticket["requester"]["id"], &ticket["requester"]["email"]), (&kim, &json!("kim@example.org")));
        assert_eq!(events(&api, &path).await, ["created", "requester_changed"]);
    }

    async fn work_is_given_taken_and_left(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let path = format!("{}/assignee", opened(&api).await);
        let given = api.json("PUT", &path, &json!({"assignee_id": AGENT})).await.json();
        assert_eq!((&given["assignee"]["name"], &given["emails"][0]["to"]), (&json!("Ada Agent"), &json!(AGENT)));
        let left = api.json("PUT", &path, &json!({"assignee_id": null})).await.json();
        assert_eq!(left["assignee"], Value::Null);
        let me = as_ada(&app).await;
        let taken = me.json("PUT", &path, &json!({"assignee_id": "me", "team_id": null})).await.json();
        assert_eq!((&taken["assignee"]["name"], &taken["emails"]), (&json!("Ada Agent"), &json!([])), "no mail to oneself");
        assert_eq!(me.json("PUT", &path, &json!({})).await.json()["errors"][0]["code"], "required");
    }

    async fn a_ticket_in_the_bin_is_gone_until_it_is_restored(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let id = api.get("/tickets").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
        let path = format!("/tickets/{id}");
        let tried = api.json("DELETE", &format!("{path}?dry_run=true"), &json!({})).await;
        assert_eq!((tried.status.as_u16(), tried.json()), (200, json!({"dry_run": true})));
        let deleted = api.json("DELETE", &path, &json!({})).await;
        assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
        for (method, at) in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PATCH", "/status"), ("POST", "/responses"),
            ("PUT", "/assignee"), ("POST", "/spam")] {
            let body = match at {
                "/status" => json!({"status": "open"}),
                "/responses" => json!({"body": "x"}),
                "/assignee" => json!({"assignee_id": null}),
                _ => json!({}),
            };
            let answer = api.json(method, &format!("{path}{at}"), &body).await;
            assert_eq!(answer.problem(), (410, "ticket_deleted".into()), "{method} {at}");
        }
        assert_eq!(api.get("/tickets").await.json()["data"], json!([]));
        let reply = "From: jo@example.org\nTo: support@desk.test\nSubject: Re: parcel\nMessage-ID: <c2@example.org>\n\
            In-Reply-To: <c1@example.org>\n\nStill late.\n";
        receive(&app, reply).await;
        assert_eq!(actions(&api).await[0], (json!("created"), json!("new_ticket")), "mail opens a ticket of its own");
        let back = api.json("POST", &format!("{path}/restore"), &json!({})).await;
        assert_eq!((back.status.as_u16(), &back.json()["deleted_at"]), (200, &Value::Null), "{back:?}");
        assert_eq!(events(&api, &path).await, ["created", "deleted", "restored"]);
        let again = api.json("POST", &format!("{path}/restore"), &json!({})).await;
        assert_eq!(again.problem(), (409, "invalid_state".into()));
    }

    async fn what_is_erased_is_gone_and_still_counts(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let ticket = api.get("/tickets").await.json()["data"][0].clone();
        let path = format!("/tickets/{}", ticket["id"].as_str().expect("an id"));
        let form = "--x\r\nContent-Disposition: form-data; name=\"ticket\"\r\n\r\n{\"subject\":\"s\",\"description\":\"d\",\
            \"customer_email\":\"jo@example.org\"}\r\n--x\r\nContent-Disposition: form-data; name=\"files[]\"; \
            filename=\"a.txt\"\r\n\r\nsecret file\r\n--x--\r\n";
        let second = api.raw("POST", "/tickets", "multipart/form-data; boundary=x", form).await.json();
        app.desk.index_new(&mut Default::default()).await.expect("it indexes");
        assert_eq!(api.json("POST", &format!("{path}/responses"), &json!({"body": "blue answer"})).await.status.as_u16(), 201);
        let agent = Client::new(&app.desk, &[Scope::TicketsWrite]).await;
        let refused = agent.json("DELETE", &format!("{path}?permanent=true"), &json!({})).await;
        assert_eq!(refused.problem(), (403, "insufficient_scope".into()));
        for path in [path.clone(), format!("/tickets/{}", second["id"].as_str().expect("an id"))] {
            let erased = api.json("DELETE", &format!("{path}?permanent=true"), &json!({})).await;
            assert_eq!(erased.status.as_u16(), 204, "{erased:?}");
        }
        for sql in [
            "SELECT COUNT(*) FROM tickets WHERE subject LIKE '%parcel%' OR preview <> ''",
            "SELECT COUNT(*) FROM responses WHERE body_text <> ''",
            "SELECT COUNT(*) FROM inbound_mails WHERE LENGTH(raw) > 0 OR subject <> ''",
            "SELECT COUNT(*) FROM attachments", "SELECT COUNT(*) FROM blobs",
            "SELECT COUNT(*) FROM outbox WHERE subject <> '' OR mime IS NOT NULL OR status = 'queued'",
            "SELECT COUNT(*) FROM search",
        ] {
            assert_eq!(app.database.count(sql).await, 0, "{sql}");
        }
        for (table, want) in [("tickets", 2), ("responses", 3), ("inbound_mails", 1)] {
            assert_eq!(app.database.count(&format!("SELECT COUNT(*) FROM {table}")).await, want, "{table}");
        }
        let row = api.get("/inbound").await.json()["data"][0].clone();
        assert_eq!((&row["ticket_id"], &row["action"]), (&ticket["id"], &json!("created")), "the ledger keeps its row");
        let raw = api.get(&format!("/inbound/{}/raw", row["id"].as_str().expect("an id"))).await;
        assert_eq!(raw.problem(), (404, "inbound_mail_not_found".into()));
        let restored = api.json("POST", &format!("{path}/restore"), &json!({})).await;
        assert_eq!(restored.problem(), (409, "invalid_state".into()));
        receive(&app, PARCEL).await;
        assert_eq!(actions(&api).await[0].0, "duplicate", "it is still known by what it was");
    }

    async fn spam_is_hidden_and_its_sender_held_back(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let id = api.get("/tickets").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
        let path = format!("/tickets/{id}");
        let spam = api.send(api.request("POST", &format!("{path}/spam")).body(Body::empty()).expect("a request")).await;
        assert_eq!((spam.status.as_u16(), &spam.json()["is_spam"]), (200, &json!(true)), "no body is needed");
        assert_eq!(api.get("/tickets").await.json()["data"], json!([]));
        let write = |n: u8| format!("From: jo@example.org\nTo: support@desk.test\nSubject: Buy\nMessage-ID: <s{n}@example.org>\n\nBuy now {n}.\n");
        receive(&app, &write(1)).await;
        assert_eq!(actions(&api).await[0], (json!("created"), json!("new_ticket")), "not blocked yet");
        let blocked = api.json("POST", &format!("{path}/spam"), &json!({"block_sender": true})).await;
        assert_eq!(blocked.status.as_u16(), 200);
        receive(&app, &write(2)).await;
        assert_eq!(actions(&api).await[0], (json!("quarantined"), json!("blocked_sender")));
        let held = api.get("/quarantine?reason=blocked_sender").await.json()["data"][0]["id"].as_str().expect("one").to_owned();
        let released = api.json("POST", &format!("/quarantine/{held}/release"), &json!({"trust_sender": true})).await;
        assert_eq!((released.status.as_u16(), &released.json()["action"]), (200, &json!("created")), "{released:?}");
        receive(&app, &write(3)).await;
        assert_eq!(actions(&api).await[0].0, "created", "who is trusted is blocked no longer");
        api.json("POST", &format!("{path}/spam"), &json!({"block_sender": true})).await;
        let cleared = api.json("PATCH", &path, &json!({"is_spam": false})).await.json();
        assert_eq!(cleared["is_spam"], false);
        receive(&app, &write(4)).await;
        assert_eq!(actions(&api).await[0].0, "created", "who is no spammer is blocked no longer");
        let own = json!({"subject": "x", "description": "y", "customer_email": AGENT});
        let own = api.json("POST", "/tickets", &own).await.json()["id"].as_str().expect("an id").to_owned();
        let refused = api.json("POST", &format!("/tickets/{own}/spam"), &json!({"block_sender": true})).await;
        assert_eq!(refused.json()["errors"][0]["pointer"], "/block_sender", "nobody blocks an agent");
    }
}
