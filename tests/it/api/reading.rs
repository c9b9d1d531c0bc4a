//! Lists and single things.

use axum::body::Body;
use postdesk::desk::Indexer;
use postdesk::model::Scope;

use super::call::Client;
use super::{PARCEL, mail_in};
use crate::support::App;

both_engines! {
    /// A mail is found again as ledger row, ticket, response and file, down to its bytes.
    async fn a_mail_is_shown_whole(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        assert!(mail_in(&app.desk, "jo@example.org", PARCEL).await.inbound().is_some());

        let row = api.get("/inbound").await.json()["data"][0].clone();
        assert_eq!((&row["action"], &row["from"]), (&"created".into(), &"jo@example.org".into()));
        let id = row["id"].as_str().expect("an id");
        assert_eq!(api.get(&format!("/inbound/{id}")).await.json(), row);
        let raw = api.get(&format!("/inbound/{id}/raw")).await;
        assert_eq!(raw.header("content-type"), "message/rfc822");
        assert_eq!(raw.header("content-disposition"), "attachment; filename=\"message.eml\"", "it is saved, not shown");
        assert_eq!(raw.header("content-security-policy"), "sandbox; default-src 'none'");
        assert_eq!(String::from_utf8_lossy(&raw.body), PARCEL.replace('\n', "\r\n"));

        let number = row["ticket_number"].as_str().expect("a number").to_lowercase();
        let path = format!("/tickets/{number}?include=responses,email_logs,attachments,events,related");
        let ticket = api.get(&path).await.json();
        assert_eq!(ticket["description"], "Hello, the blue parcel is late.");
        assert_eq!(ticket["requester"]["email"], "jo@example.org");
        assert_eq!(ticket["responses"][0]["body_text"], "Hello, the blue parcel is late.");
        assert_eq!(ticket["events"][0]["type"], "created");
        let response = ticket["responses"][0]["id"].as_str().expect("an id");
        assert_eq!(api.get(&format!("/responses/{response}")).await.json()["message_id"], "<c1@example.org>");

        let file = ticket["attachments"][0]["url"].as_str().expect("a path").to_owned();
        let whole = api.get(&file["/api/support".len()..]).await;
        assert_eq!(whole.header("content-disposition"), "attachment; filename=\"note.txt\"");
        assert_eq!(whole.header("x-content-type-options"), "nosniff");
        assert!(whole.body.starts_with(b"0123456789"), "{whole:?}");
        let part = api.request("GET", &file["/api/support".len()..]).header("range", "bytes=2-4");
        let part = api.send(part.body(Body::empty()).expect("a request")).await;
        assert_eq!((part.status.as_u16(), part.body.as_slice()), (206, b"234".as_slice()));
    }

    /// Walking a list forth and back by cursors shows each ticket once.
    async fn cursors_walk_the_list(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        for i in 0..7 {
            app.clock.advance_ms(if i % 2 == 0 { 1_000 } else { 0 });
            let mail = PARCEL.replace("c1@", &format!("m{i}@")).replace("jo@", &format!("jo{i}@"));
            mail_in(&app.desk, "jo@example.org", &mail).await;
        }
        for query in [
            "sort=-updated_at",
            "sort=created_at",
            "sort=-updated_at,number",
            "sort=waiting_since,-priority",
            "sort=-last_customer_message_at",
            "status=open,in_progress",
            "status=!closed&assignee=none",
        ] {
            let whole = numbers(&api.get(&format!("/tickets?{query}")).await.json());
            assert_eq!(whole.len(), 7, "{query}");
            let (mut forth, mut back, mut cursor) = (Vec::new(), Vec::new(), String::new());
            let mut last = serde_json::Value::Null;
            loop {
                let page = api.get(&format!("/tickets?limit=3&{query}{cursor}")).await;
                last = if page.json()["pagination"]["has_more"] == true { page.json() } else { last };
                forth.extend(numbers(&page.json()));
                let Some(next) = page.json()["pagination"]["next_cursor"].as_str().map(str::to_owned) else { break };
                cursor = format!("&cursor={next}");
            }
            assert_eq!(forth, whole, "{query}");
            let prev = last["pagination"]["prev_cursor"].as_str().expect("the second page has one before it");
            back.extend(numbers(&api.get(&format!("/tickets?limit=3&{query}&cursor={prev}")).await.json()));
            assert_eq!(back, whole[..3], "{query}");
        }
        let paged = api.get("/tickets?page=3&limit=3").await.json();
        assert_eq!((&paged["pagination"]["total"], &paged["pagination"]["total_pages"]), (&7.into(), &3.into()));
        assert_eq!(numbers(&paged).len(), 1);
    }

    /// Each filter finds what it should, and takes hostile values for what they are.
    async fn filters_choose(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        for (query, count) in [
            ("requester=jo@example.org", 1),
            ("requester=!jo@example.org", 0),
            ("message_id=c1@example.org", 1),
            ("message_id=%3Cc1@example.org%3E", 1),
            ("channel=email&priority=NORMAL&category=other", 1),
            ("tag=vip", 0),
            ("tag=none", 1),
            ("tag=%25", 0),
            ("store_id='%20OR%201=1--", 0),
            ("order_id=none", 1),
            ("waiting=us", 1),
            ("waiting=customer,third_party", 0),
            ("is_spam=true", 0),
            ("created_from=2026-03-02T09:00:00Z", 1),
            ("created_to=2026-03-02T09:00:00Z", 0),
            ("q=has:attachment", 1),
            ("q=is:closed", 0),
            ("q=from:jo@example.org%20is:open", 1),
            ("assignee=none&team=none", 1),
            ("assignee=ada@desk.test", 0),
        ] {
            let answer = api.get(&format!("/tickets?{query}")).await;
            assert_eq!(numbers(&answer.json()).len(), count, "{query}: {answer:?}");
        }
    }

    /// What the indexer has seen is found by words, whatever else is typed with them.
    async fn words_find_tickets(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let mut indexer = Indexer::default();
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        assert_eq!(app.desk.index_new(&mut indexer).await.expect("it indexes"), 1);
        assert_eq!(app.desk.index_new(&mut indexer).await.expect("it indexes"), 0);
        let other = PARCEL.replace("c1@", "c2@").replace("jo@", "zoë@").replace("blue", "Größe");
        mail_in(&app.desk, "zoe@example.org", &other).await;
        app.desk.index_new(&mut Indexer::default()).await.expect("a fresh indexer finds only what is new");
        assert_eq!(app.database.count("SELECT COUNT(*) FROM search").await, 2);
        for (query, count) in [
            ("BLUE", 1),
            ("parcel", 2),
            ("parcel%20blue", 1),
            ("%22blue%20parcel%22", 1),
            ("%22parcel%20blue%22", 0),
            ("gr%C3%B6%C3%9Fe", 1),
            ("jo@example.org", 1),
            ("blue%20is:open%20has:attachment", 1),
            ("blue%20is:closed", 0),
            ("%22blue%22%20OR%201=1", 0),
            ("subject:blue", 0),
            ("blue*", 1),
            ("NEAR(blue)", 0),
            ("%22", 2),
            ("!!!", 0),
            ("'%20OR%20''='", 0),
        ] {
            let answer = api.get(&format!("/tickets?q={query}")).await;
            assert_eq!(numbers(&answer.json()).len(), count, "{query}: {answer:?}");
        }
    }

    /// A client that has it is told so; one without the scope for notes and logs sees none.
    async fn validators_and_scopes_hold(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::new(&app.desk, &[Scope::TicketsRead]).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let list = api.get("/tickets").await;
        let number = numbers(&list.json()).remove(0);
        let one = api.get(&format!("/tickets/{number}")).await;
        assert_eq!(one.header("etag"), format!("\"{}\"", one.json()["version"]));
        for (path, etag) in [("/tickets".to_owned(), list.header("etag")), (format!("/tickets/{number}"), one.header("etag"))] {
            let again = api.request("GET", &path).header("if-none-match", etag).body(Body::empty());
            assert_eq!(api.send(again.expect("a request")).await.status.as_u16(), 304, "{path}");
        }
        for path in ["/inbound", &format!("/tickets/{number}/email-logs"), &format!("/tickets/{number}?include=email_logs")] {
            let refused = api.get(path).await;
            assert_eq!(refused.problem(), (403, "insufficient_scope".into()), "{path}");
            assert_eq!(refused.json()["required_scope"], "email_logs:read");
        }
        assert_eq!(api.get("/tickets?fields=id,number").await.json()["data"][0].as_object().map(|o| o.len()), Some(2));
        assert_eq!(api.get("/agents").await.json()["data"][0]["email"], "ada@desk.test");
    }
}

fn numbers(list: &serde_json::Value) -> Vec<String> {
    let rows = list["data"].as_array().unwrap_or_else(|| panic!("a list: {list}"));
    rows.iter().map(|row| row["number"].as_str().expect("a number").to_owned()).collect()
}
