//! Demo data: loaded once, taken away again, and nothing else with it.

use postdesk::desk::{Generate, Progress};
use serde_json::json;

use crate::api::call::Client;
use crate::api::{PARCEL, mail_in};
use crate::support::App;

const COUNTS: &[(&str, i64)] = &[
    ("SELECT count(*) FROM templates", 6),
    ("SELECT count(*) FROM contacts", 2),
    ("SELECT count(*) FROM agents", 2), // the seed's, and the one every desk of these tests has
    ("SELECT count(*) FROM tickets", 5),
    ("SELECT count(DISTINCT status) FROM tickets", 5),
    ("SELECT count(DISTINCT store_id) FROM tickets", 1),
    ("SELECT count(*) FROM responses", 7),
    ("SELECT count(*) FROM responses WHERE author_type = 'customer'", 4),
    ("SELECT count(*) FROM responses WHERE author_type = 'agent' AND visibility = 'public'", 2),
    ("SELECT count(*) FROM responses WHERE visibility = 'internal'", 1),
    ("SELECT count(*) FROM outbox", 6),
    ("SELECT count(*) FROM outbox WHERE status = 'sent'", 4),
    ("SELECT count(*) FROM outbox WHERE status = 'failed'", 2),
    ("SELECT count(*) FROM delivery_attempts", 6),
    ("SELECT count(*) FROM outbox WHERE next_attempt_at IS NOT NULL", 0),
    (
        "SELECT count(*) FROM outbox o JOIN responses r ON r.id = o.response_id WHERE o.ticket_id = r.ticket_id",
        2,
    ),
    ("SELECT count(*) FROM desk_events", 0), // nobody is told what is made up
];

async fn assert_seeded(app: &App) {
    for (sql, want) in COUNTS {
        assert_eq!(app.database.count(sql).await, *want, "{sql}");
    }
}

both_engines! {
    async fn a_second_load_adds_nothing_and_clean_takes_seeded_rows_only(engine: Engine) {
        let app = App::start(engine).await;
        let seeded = app.desk.load_seed().await.expect("it writes").expect("an empty desk");
        assert_eq!((seeded.templates, seeded.customers, seeded.agents), (6, 2, 1));
        assert_eq!((seeded.tickets, seeded.responses, seeded.email_logs), (5, 7, 6));
        assert_seeded(&app).await;
        assert_eq!(app.desk.load_seed().await.expect("it writes"), None);
        assert_seeded(&app).await;

        let mail = b"From: Nora <nora@customer.example>\r\nSubject: Another thing\r\n\r\nHello\r\n";
        let mut client = crate::support::client::Client::connect(app.smtp).await.expect("it greets");
        let reply = client.send("nora@customer.example", crate::support::app::SUPPORT, mail).await.expect("an answer");
        assert!(reply.starts_with("250"), "{reply}");

        app.desk.clean_seed().await.expect("it writes");
        for (sql, want) in [
            ("SELECT count(*) FROM tickets", 1),
            ("SELECT count(*) FROM responses", 1),
            ("SELECT count(*) FROM contacts", 1), // Nora wrote by herself
            ("SELECT count(*) FROM agents", 1),
            ("SELECT count(*) FROM templates", 0),
            ("SELECT count(*) FROM outbox WHERE status IN ('sent', 'failed')", 0),
        ] {
            assert_eq!(app.database.count(sql).await, want, "{sql}");
        }
        assert!(app.desk.load_seed().await.expect("it writes").is_some(), "it can be loaded again");
        assert_eq!(app.database.count("SELECT count(*) FROM tickets").await, 6);
        assert_eq!(app.database.count("SELECT count(*) FROM contacts").await, 2);
    }
}

both_engines! {
    async fn clean_takes_what_was_said_on_seeded_tickets_and_keeps_what_others_were_merged_into(engine: Engine) {
        let app = App::start(engine).await;
        app.desk.load_seed().await.expect("it writes");
        let client = Client::admin(&app.desk).await;
        let seeded = client.get("/tickets?sort=created_at").await.json()["data"].clone();
        let id = |place: usize| seeded[place]["id"].as_str().expect("an id").to_owned();
        let answered = client.json("POST", &format!("/tickets/{}/responses", id(4)), &json!({"body": "Soon."})).await;
        assert_eq!(answered.status, 201);
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let mut tx = app.store.begin().await.expect("a turn");
        let target = id(3).parse().expect("an id");
        let own = client.get("/tickets?requester=jo@example.org").await.json()["data"][0]["id"].clone();
        let own = own.as_str().and_then(|id| id.parse().ok()).expect("an id");
        let mut own = tx.lock_ticket(own).await.expect("it reads").expect("it is there");
        own.merged_into_id = Some(target);
        tx.update_ticket(&own).await.expect("it writes");
        tx.commit().await.expect("on disk");

        app.desk.clean_seed().await.expect("it writes");
        for (sql, want) in [
            ("SELECT count(*) FROM tickets", 2), // Jo's, and the one it was merged into
            ("SELECT count(*) FROM inbound_mails", 1),
            ("SELECT count(*) FROM responses WHERE body_text = 'Soon.'", 0),
            ("SELECT count(*) FROM seed_rows WHERE kind = 'ticket'", 0),
        ] {
            assert_eq!(app.database.count(sql).await, want, "{sql}");
        }
    }
}

both_engines! {
    async fn generated_tickets_look_real_and_go_again(engine: Engine) {
        let app = App::start(engine).await;
        let mail = b"From: Nora <nora@customer.example>\r\nSubject: Another thing\r\n\r\nHello\r\n";
        let mut client = crate::support::client::Client::connect(app.smtp).await.expect("it greets");
        client.send("nora@customer.example", crate::support::app::SUPPORT, mail).await.expect("an answer");
        app.desk.load_seed().await.expect("it writes");

        let wanted = Generate { tickets: 400, responses_per_ticket: 5, seed: 1 };
        let last = std::sync::Mutex::new(None);
        let made = app.desk.generate_seed(wanted, &|progress| *last.lock().expect("one at a time") = Some(progress)).await;
        let made = made.expect("it writes");
        assert_eq!(made.tickets, 400);
        assert!((4 * 400..=6 * 400).contains(&made.responses), "{made:?}");
        assert!(matches!(*last.lock().expect("one at a time"), Some(Progress::Indexed(found)) if found >= made.responses));
        for (sql, least) in [
            ("SELECT count(*) FROM tickets WHERE status = 'closed'", 300),
            ("SELECT count(DISTINCT status) FROM tickets", 5),
            ("SELECT count(DISTINCT category) FROM tickets", 10),
            ("SELECT count(*) FROM tickets WHERE first_response_at > created_at AND resolved_at > first_response_at", 200),
            ("SELECT count(*) FROM responses WHERE visibility = 'internal'", 50),
            ("SELECT count(DISTINCT locale) FROM tickets", 5),
            ("SELECT count(*) FROM outbox WHERE status = 'failed'", 5),
            ("SELECT count(*) FROM delivery_attempts", 400),
            ("SELECT count(*) FROM inbound_mails", 200),
            ("SELECT count(*) FROM ticket_tags", 50),
        ] {
            let found = app.database.count(sql).await;
            assert!(found >= least, "{sql}: {found}");
        }
        for (sql, want) in [
            ("SELECT count(*) FROM tickets t WHERE response_count <> (SELECT count(*) FROM responses r WHERE r.ticket_id = t.id)", 0),
            ("SELECT count(*) FROM outbox WHERE ticket_id IS NOT NULL AND next_attempt_at IS NOT NULL AND status IN ('sent', 'failed')", 0),
            ("SELECT count(*) FROM responses r WHERE NOT EXISTS (SELECT 1 FROM search)", 0),
        ] {
            assert_eq!(app.database.count(sql).await, want, "{sql}");
        }
        assert_eq!(app.database.count("SELECT count(*) FROM search").await, app.database.count("SELECT count(*) FROM responses").await);

        app.desk.clean_seed().await.expect("it writes");
        for (sql, want) in [
            ("SELECT count(*) FROM tickets", 1),
            ("SELECT count(*) FROM ticket_tags", 0),
            ("SELECT count(*) FROM responses", 1),
            ("SELECT count(*) FROM search", 1),
            ("SELECT count(*) FROM inbound_mails", 1),
            ("SELECT count(*) FROM contacts", 1),
            ("SELECT count(*) FROM agents", 1),
            ("SELECT count(*) FROM seed_rows", 0),
        ] {
            assert_eq!(app.database.count(sql).await, want, "{sql}");
        }
    }
}
