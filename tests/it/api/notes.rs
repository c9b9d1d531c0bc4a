//! Notes changed, and mails read again.

use axum::body::Body;
use postdesk::model::{Scope, TicketNumber};
use serde_json::{Value, json};

use super::call::Client;
use super::{PARCEL, mail_in, mail_to};
use crate::support::App;
use crate::support::app::AGENT;

both_engines! {
    async fn a_note_is_written_anew_and_taken_away(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let ticket = api.get("/tickets").await.json()["data"][0].clone();
        let path = format!("/tickets/{}", ticket["id"].as_str().expect("an id"));
        let responses = format!("{path}/responses");
        let note = api.json("POST", &responses, &json!({"body": "Chek", "visibility": "internal"})).await.json();
        let note = format!("/responses/{}", note["id"].as_str().expect("an id"));
        let answer = api.json("POST", &responses, &json!({"body": "On its way"})).await.json();
        let answer = format!("/responses/{}", answer["id"].as_str().expect("an id"));
        let edited = api.json("PATCH", &note, &json!({"body": "*Check*", "body_format": "markdown"})).await.json();
        assert_eq!((&edited["body_text"], &edited["version"]), (&json!("*Check*"), &json!(2)));
        assert!(edited["body_html"].as_str().is_some_and(|html| html.contains("<em>Check</em>")), "{edited}");
        assert!(edited["edited_at"].is_string(), "{edited}");
        for method in ["PATCH", "DELETE"] {
            let refused = api.json(method, &answer, &json!({"body": "x"})).await;
            assert_eq!(refused.problem(), (409, "invalid_state".into()), "{method}: what was sent stays");
        }
        let blind = Client::new(&app.desk, &[Scope::ResponsesWrite]).await;
        assert_eq!(blind.json("PATCH", &note, &json!({"body": "x"})).await.problem(), (404, "response_not_found".into()));
        assert_eq!(api.json("DELETE", &note, &json!({})).await.status.as_u16(), 204);
        assert_eq!(api.get(&note).await.problem(), (404, "response_not_found".into()));
        let shown = api.get(&format!("{path}?include=events,responses")).await.json();
        assert_eq!((&shown["response_count"], shown["responses"].as_array().map(Vec::len)), (&json!(2), Some(2)));
        let events = shown["events"].to_string();
        assert!(events.contains("note_edited") && events.contains("note_deleted"), "{events}");
    }

    /// Notes are for those who may read them, whatever way they are asked for.
    async fn notes_leak_nowhere(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let ticket = api.get("/tickets").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
        let responses = format!("/tickets/{ticket}/responses");
        let seen = api.json("POST", &responses, &json!({"body": "On its way"})).await.json()["id"].clone();
        app.clock.advance_ms(1_000);
        let note = json!({"body": "SECRET", "visibility": "internal"});
        let note = api.json("POST", &responses, &note).await.json()["id"].as_str().expect("an id").to_owned();
        api.json("PATCH", &format!("/responses/{note}"), &json!({"body": "SECRET too"})).await;
        let scopes = [Scope::TicketsWrite, Scope::ResponsesWrite, Scope::TemplatesRead, Scope::EmailLogsRead];
        let blind = Client::new(&app.desk, &scopes).await;
        let answer = json!({"body": "x", "last_seen_response_id": seen});
        let answered = blind.json("POST", &format!("{responses}?dry_run=true"), &answer).await;
        assert_eq!(answered.status.as_u16(), 200, "a note collides with nobody who can't see it");
        assert_eq!(api.json("POST", &responses, &answer).await.problem(), (409, "collision".into()));
        for key in ["agent_note", "agent_mentioned", "agent_customer_message"] {
            let preview = json!({"type": "notification", "key": key, "ticket": ticket, "subject": "S",
                "body": "{% for m in messages %}{{ m.text }}{% endfor %}"});
            let shown = blind.json("POST", "/templates/preview", &preview).await;
            assert_eq!(shown.problem(), (403, "insufficient_scope".into()), "{key}");
        }
        let all = [
            "/tickets?include=responses".to_owned(),
            format!("/tickets/{ticket}/events"),
            format!("/tickets/{ticket}?include=events,responses"),
        ];
        for path in all {
            let shown = blind.get(&path).await.json().to_string();
            assert!(shown.contains("created_at"), "{path}: {shown}");
            assert!(!shown.contains(&note) && !shown.contains("SECRET"), "{path}: {shown}");
        }
        let note = format!("/responses/{note}");
        assert_eq!(blind.get(&note).await.problem(), (404, "response_not_found".into()));
        assert_eq!(blind.get(&format!("{note}/raw")).await.problem(), (403, "insufficient_scope".into()));
    }

    /// Who is told of a note reads it, and not whoever reads what was mailed.
    async fn the_mail_that_tells_of_a_note_is_a_note(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let ticket = api.get("/tickets").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
        let note = json!({"body": "@ada SECRET", "visibility": "internal"});
        api.json("POST", &format!("/tickets/{ticket}/responses"), &note).await;
        let blind = Client::new(&app.desk, &[Scope::TicketsWrite, Scope::EmailLogsRead]).await;
        let logs = blind.get("/email-logs?template=agent_mentioned").await.json();
        assert_eq!(logs["data"].as_array().map(Vec::len), Some(1), "{logs}");
        assert!(!logs.to_string().contains("SECRET"), "{logs}");
        let log = format!("/email-logs/{}", logs["data"][0]["id"].as_str().expect("an id"));
        assert!(!blind.get(&log).await.json().to_string().contains("SECRET"));
        let raw = format!("{log}/raw");
        assert_eq!(blind.get(&raw).await.problem(), (403, "insufficient_scope".into()));
        assert_eq!(api.get(&raw).await.problem(), (409, "invalid_state".into()), "it has not been written yet");
    }

    /// A note that came by mail, and its file, also once it is taken away.
    async fn the_mail_of_a_note_is_a_note(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let ticket = api.get("/tickets").await.json()["data"][0].clone();
        let number = ticket["number"].as_str().and_then(TicketNumber::parse).expect("a number");
        let to = format!("support+{}@desk.test", app.desk.keys().note_token(&number, AGENT));
        let raw = PARCEL.replace("jo@example.org", AGENT).replace("support@desk.test", &to).replace("c1@", "n1@").replace("blue", "SECRET");
        let note = mail_to(&app.desk, AGENT, &to, &raw).await.inbound().expect("it was kept");
        let row = api.get(&format!("/inbound/{note}")).await.json();
        let note = format!("/responses/{}", row["response_id"].as_str().expect("a response"));
        let shown = api.get(&note).await.json();
        assert_eq!(shown["visibility"], "internal", "{shown}");
        let file = format!("/attachments/{}", shown["attachments"][0]["id"].as_str().expect("a file"));
        let raw = format!("/inbound/{}/raw", row["id"].as_str().expect("an id"));
        let scopes = [Scope::TicketsWrite, Scope::ResponsesWrite, Scope::EmailLogsRead, Scope::ContactsRead];
        let blind = Client::new(&app.desk, &scopes).await;
        let hidden = async || {
            assert_eq!(blind.get(&raw).await.problem(), (403, "insufficient_scope".into()));
            let delete = blind.request("DELETE", &file).body(Body::empty()).expect("a request");
            for answer in [blind.get(&file).await, blind.get(&format!("{file}/thumbnail")).await, blind.send(delete).await] {
                assert_eq!(answer.problem(), (404, "attachment_not_found".into()));
            }
        };
        hidden().await;
        assert!(api.get(&raw).await.body.windows(6).any(|words| words == b"SECRET"));
        assert_eq!(api.get(&file).await.body, b"0123456789");
        assert_eq!(api.json("DELETE", &note, &json!({})).await.status.as_u16(), 204);
        hidden().await;
        assert_eq!(api.get(&file).await.problem(), (404, "attachment_not_found".into()), "it went with its note");
    }

    async fn a_placed_mail_gets_its_texts_anew_and_nothing_else(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let row = api.get("/inbound").await.json()["data"][0].clone();
        let ticket = api.get("/tickets").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
        let mut tx = app.store.begin().await.expect("a turn");
        let mut response = tx.responses_of(ticket.parse().expect("an id")).await.expect("it reads").remove(0);
        response.body_text = "read wrongly".into();
        tx.rewrite_response(&response).await.expect("it writes");
        tx.commit().await.expect("on disk");
        let mails = app.database.count("SELECT COUNT(*) FROM outbox").await;
        let again = api.json("POST", &format!("/inbound/{}/reprocess", row["id"].as_str().expect("an id")), &json!({})).await;
        assert_eq!((again.status.as_u16(), again.json()), (200, row));
        let shown = api.get(&format!("/tickets/{ticket}?include=responses")).await.json();
        assert_eq!(shown["responses"][0]["body_text"], "Hello, the blue parcel is late.", "{shown}");
        assert_eq!(shown["responses"].as_array().map(Vec::len), Some(1));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM outbox").await, mails);
    }

    async fn a_held_mail_goes_by_todays_rules(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let open = json!({"subject": "s", "description": "d", "customer_email": "jo@example.org", "notify": false});
        let ticket = api.json("POST", "/tickets", &open).await.json()["id"].as_str().expect("an id").to_owned();
        api.json("POST", &format!("/tickets/{ticket}/spam"), &json!({"block_sender": true})).await;
        let held = mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let place = format!("/inbound/{}/reprocess", held.inbound().expect("it was kept"));
        assert_eq!(api.json("POST", &place, &json!({})).await.json()["reason"], "blocked_sender", "nothing changed");
        api.json("PATCH", &format!("/tickets/{ticket}"), &json!({"is_spam": false})).await;
        let row = api.json("POST", &place, &json!({})).await.json();
        assert_eq!((&row["action"], &row["reason"], &row["duplicate_of"]), (&json!("created"), &json!("new_ticket"), &Value::Null));
        assert!(row["response_id"].is_string(), "{row}");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 2);
        assert_eq!(api.json("POST", &place, &json!({})).await.json(), row, "now it is placed");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM tickets").await, 2);
    }
}
