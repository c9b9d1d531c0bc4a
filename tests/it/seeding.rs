//! Demo data: loaded once, taken away again, and nothing else with it.

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
