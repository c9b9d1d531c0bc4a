//! Each verb leaves its events in its own transaction, whatever it was.

use std::time::Duration;

use postdesk::desk::{ReadyMail, Try};
use postdesk::model::{AttemptReport, DeskEvent, Outcome, Scope};
use serde_json::{Value, json};

use crate::api::call::Client;
use crate::api::{PARCEL, mail_in};
use crate::support::App;

/// All events so far.
async fn events(app: &App) -> Vec<DeskEvent> {
    let mut tx = app.store.read().await.expect("it reads");
    tx.events_after(0, 1_000).await.expect("it reads")
}

/// Their bodies.
async fn bodies(app: &App) -> Vec<Value> {
    let body = |event: &DeskEvent| serde_json::from_str(&event.body).expect("JSON");
    events(app).await.iter().map(body).collect()
}

/// What they are called, in their order.
async fn types(app: &App) -> Vec<String> {
    events(app).await.iter().map(|event| event.r#type.to_string()).collect()
}

both_engines! {
    async fn a_mail_tells_of_its_sender_its_ticket_and_itself(engine: Engine) {
        let app = App::start(engine).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        assert_eq!(types(&app).await, ["contact.created", "ticket.created", "email.received"]);
        let bodies = bodies(&app).await;
        let ticket = &bodies[1]["data"];
        assert_eq!(ticket["ticket"]["status"], "open");
        assert!(ticket["ticket"]["number"].as_str().is_some_and(|number| number.starts_with("TKT-2026-")));
        assert_eq!(ticket["actor"]["name"], "Jo Doe");
        assert_eq!(ticket["response"]["visibility"], "public");
        assert_eq!(bodies[0]["data"]["contact"]["id"], ticket["actor"]["id"]);
        assert_eq!(bodies[2]["data"]["inbound_mail"]["action"], "created");
        assert_eq!(bodies[2]["data"]["ticket"], ticket["ticket"]);
        assert_eq!(bodies[2]["timestamp"], "2026-03-02T09:00:00.000Z");
        let all = Value::Array(bodies).to_string();
        for written in ["parcel", "jo@example.org", "note.txt"] {
            assert!(!all.contains(written), "{written} is told: {all}");
        }
    }

    async fn an_answer_tells_of_itself_and_of_what_it_moved(engine: Engine) {
        let app = App::start(engine).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let client = Client::admin(&app.desk).await;
        let number = bodies(&app).await[1]["data"]["ticket"]["number"].as_str().expect("a number").to_owned();
        let path = format!("/tickets/{number}/responses");
        let answer = client.json("POST", &path, &json!({"body": "Soon.", "status": "resolved"})).await;
        assert_eq!(answer.status, 201);
        let note = client.json("POST", &path, &json!({"body": "He is right.", "visibility": "internal"})).await;
        assert_eq!(note.status, 201);
        let types = types(&app).await;
        assert_eq!(types[3..], ["response.created", "ticket.status_changed", "note.created"]);
        let bodies = bodies(&app).await;
        assert_eq!(bodies[4]["data"]["changes"], json!({"status": ["open", "resolved"]}));
        assert_eq!(bodies[4]["data"]["ticket"]["status"], "resolved");
        assert_eq!(bodies[3]["data"]["response"]["id"], answer.json()["id"]);
        assert_eq!(bodies[5]["data"]["response"]["visibility"], "internal");
    }

    async fn what_was_only_tried_is_not_told(engine: Engine) {
        let app = App::start(engine).await;
        let client = Client::admin(&app.desk).await;
        let new = json!({"subject": "Lamp", "description": "Broken", "customer_email": "jo@example.org"});
        let tried = client.json("POST", "/tickets?dry_run=true", &new).await;
        assert_eq!(tried.status, 200);
        assert_eq!(types(&app).await, [""; 0]);
        client.json("POST", "/tickets", &new).await;
        assert_eq!(types(&app).await, ["contact.created", "ticket.created"]);
    }

    async fn the_queue_tells_when_it_is_paused_and_when_not(engine: Engine) {
        let app = App::start(engine).await;
        let client = Client::new(&app.desk, &[Scope::Admin]).await;
        for verb in ["pause", "pause", "resume", "resume"] {
            assert_eq!(client.json("POST", &format!("/queue/{verb}"), &json!({})).await.status, 200);
        }
        assert_eq!(types(&app).await, ["queue.paused", "queue.resumed"]);
    }

    async fn a_mail_that_left_is_told_with_its_ticket(engine: Engine) {
        let app = App::start(engine).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let entry = app.claim("w1", 1).await.pop().expect("a mail is due");
        let report = AttemptReport {
            outcome: Outcome::Delivered,
            at: app.clock.now(),
            duration_ms: 5,
            remote: None,
            tls: None,
            smtp_code: Some(250),
            enhanced_code: None,
            smtp_response: None,
            error: None,
        };
        let mail = ReadyMail { entry, mime: b"Subject: x\r\n\r\n".to_vec(), fixed: false };
        app.desk.record_attempts(&mut [Try { mail, report }]).await.expect("it writes");
        let told = bodies(&app).await;
        let told = told.last().expect("one");
        assert_eq!((&told["type"], &told["data"]["email"]["status"]), (&json!("email.sent"), &json!("sent")));
        assert_eq!(told["data"]["ticket"]["status"], "open");
    }

    async fn old_events_are_forgotten_but_for_the_newest(engine: Engine) {
        let app = App::start(engine).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        app.clock.advance_ms(Duration::from_secs(9 * 60).as_millis() as i64);
        mail_in(&app.desk, "sam@example.org", &PARCEL.replace("jo@", "sam@").replace("c1@", "c2@")).await;
        app.desk.do_chores().await.expect("they are done");
        assert_eq!(types(&app).await.len(), 6, "ten minutes' worth is kept");
        app.clock.advance_ms(Duration::from_secs(5 * 60).as_millis() as i64);
        app.desk.do_chores().await.expect("they are done");
        assert_eq!(types(&app).await.len(), 3, "what is older goes");
        app.clock.advance_ms(Duration::from_secs(60 * 60).as_millis() as i64);
        app.desk.do_chores().await.expect("they are done");
        let left = events(&app).await;
        assert_eq!(left.iter().map(|event| event.seq).collect::<Vec<_>>(), [6], "but for the newest");
    }
}
