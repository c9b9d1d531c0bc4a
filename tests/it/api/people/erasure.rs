//! A person forgotten.

use axum::http::StatusCode;
use postdesk::desk::{Error, Indexer};
use serde_json::{Value, json};

use super::{bare, done, text, ticket};
use crate::api::call::Client;
use crate::api::{PARCEL, mail_in};
use crate::support::App;

/// What the doors show of a refusal; nothing is refused here.
fn refused(error: Error) -> Value {
    panic!("refused: {error}");
}

/// Everything of these tables that is text, in one string.
async fn everything(app: &App) -> String {
    let mut all = String::new();
    for (table, columns) in [
        ("contacts", &["name", "phone", "notes"][..]),
        ("contact_emails", &["address"]),
        (
            "tickets",
            &["subject", "mail_subject", "preview", "requester_email", "cc", "custom_fields", "metadata"],
        ),
        (
            "responses",
            &[
                "body_text",
                "body_html",
                "quoted_text",
                "full_text",
                "author_name",
                "author_email",
                "to_addresses",
                "cc",
                "message_id",
            ],
        ),
        (
            "inbound_mails",
            &[
                "from_address",
                "from_name",
                "subject",
                "reverse_path",
                "recipients",
                "detail",
                "received_header",
                "message_id",
            ],
        ),
        ("outbox", &["to_address", "to_name", "subject", "context"]),
        ("ticket_events", &["actor_name", "changes"]),
        ("attachments", &["filename"]),
        ("suppressions", &["address"]),
        ("jobs", &["request", "position", "result"]),
        ("idempotency_keys", &["body"]),
        ("desk_events", &["body"]),
        ("webhook_deliveries", &["body"]),
        ("pending_tickets", &["address", "request"]),
    ] {
        for column in columns {
            let texts = app.database.texts(&format!("SELECT COALESCE({column}, '') FROM {table}")).await;
            all.push_str(&texts.join("\n"));
            all.push('\n');
        }
    }
    all
}

both_engines! {
    async fn a_person_is_forgotten_and_counts_stay(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        app.clock.advance_ms(1);
        let jos = done(&api.get("/tickets").await)["data"][0].clone();
        let reply = api.json("POST", &format!("/tickets/{}/responses", text(&jos, "id")), &json!({"body": "Dear Jo Doe, sorry."})).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
        app.clock.advance_ms(1);
        let sams = ticket(&api, json!({"subject": "Broken lid", "customer_email": "sam@example.org", "customer_name": "Sam", "cc": ["jo@example.org"]})).await;
        done(&api.json("PUT", "/suppressions/jo@example.org", &json!({})).await);
        app.desk.index_new(&mut Indexer::default()).await.expect("it indexes");
        assert_eq!(done(&api.get("/tickets?q=parcel").await)["data"].as_array().map(Vec::len), Some(1));
        let contact = done(&api.get("/contacts?email=jo@example.org").await)["data"][0].clone();
        let path = format!("/contacts/{}", text(&contact, "id"));
        assert_eq!(bare(&api, "DELETE", &path).await.problem(), (409, "invalid_state".into()));
        let tried = done(&bare(&api, "DELETE", &format!("{path}?erase=true&dry_run=true")).await);
        assert_eq!((&tried["id"], &tried["dry_run"]), (&Value::Null, &json!(true)));
        let started = bare(&api, "DELETE", &format!("{path}?erase=true")).await;
        assert_eq!(started.status, StatusCode::ACCEPTED, "{started:?}");
        assert_eq!((&started.json()["kind"], &started.json()["total"]), (&json!("erase_contact"), &json!(1)));
        app.desk.do_jobs(refused).await.expect("it works");
        let job = done(&api.get(&started.header("location")["/api/support".len()..]).await);
        assert_eq!((&job["state"], &job["done"], &job["result"]), (&json!("done"), &json!(1), &json!({"tickets": 1})), "{job}");

        let all = everything(&app).await.to_lowercase();
        for left in ["jo doe", "jo@example.org", "blue parcel", "c1@example.org", "note.txt", "dear"] {
            assert!(!all.contains(left), "{left} is left in {all}");
        }
        assert_eq!(app.database.count("SELECT COUNT(*) FROM contact_words WHERE word IN ('jo', 'doe')").await, 0);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM inbound_mails WHERE LENGTH(raw) > 0").await, 0);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM outbox WHERE mime IS NOT NULL AND to_address = ''").await, 0);
        assert_eq!(done(&api.get("/tickets?q=parcel").await)["data"], json!([]));
        let after = done(&api.get(&format!("/tickets/{}?include=responses,events", text(&jos, "number"))).await);
        assert_eq!((&after["status"], &after["response_count"], &after["attachment_count"]), (&json!("in_progress"), &json!(2), &json!(1)));
        assert_eq!((&after["requester"]["email"], &after["requester"]["name"]), (&Value::Null, &Value::Null));
        let gone = done(&api.get(&path).await);
        assert_eq!((&gone["name"], &gone["emails"], &gone["ticket_count"]), (&Value::Null, &json!([]), &json!(1)));
        let sams = done(&api.get(&format!("/tickets/{}", text(&sams, "id"))).await);
        assert_eq!((&sams["subject"], &sams["cc"], &sams["requester"]["name"]), (&json!("Broken lid"), &json!([]), &json!("Sam")));
        assert_eq!(sams["description"], "It broke.", "what others wrote stays");
    }

    async fn forgetting_twice_finds_nothing_left(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let jos = ticket(&api, json!({})).await;
        let path = format!("/contacts/{}?erase=true", text(&jos["requester"], "id"));
        for _ in 0..2 {
            let started = bare(&api, "DELETE", &path).await;
            app.desk.do_jobs(refused).await.expect("it works");
            let job = done(&api.get(&started.header("location")["/api/support".len()..]).await);
            assert_eq!(job["state"], "done", "{job}");
        }
        let again = ticket(&api, json!({})).await;
        assert_ne!(again["requester"]["id"], jos["requester"]["id"], "who writes again is somebody new");
    }
}
