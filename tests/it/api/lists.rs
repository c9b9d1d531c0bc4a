//! Lists as a client walks them: every order and filter, forth and back, against what plain SQL says.

use postdesk::desk::{Generate, Indexer};
use postdesk::model::Scope;
use serde_json::Value;

use super::call::Client;
use super::{PARCEL, mail_in};
use crate::support::App;

/// A desk with some hundred tickets of all sorts, many of them changed at the same millisecond.
async fn full_desk(engine: crate::support::Engine) -> App {
    let app = App::start(engine).await;
    let wanted = Generate { tickets: 150, responses_per_ticket: 3, seed: 5 };
    app.desk.generate_seed(wanted, &|_| ()).await.expect("it writes");
    for i in 0..6 {
        let mail = PARCEL.replace("c1@", &format!("m{i}@")).replace("jo@", &format!("jo{i}@"));
        mail_in(&app.desk, "jo@example.org", &mail).await;
    }
    app
}

fn column(list: &Value, member: &str) -> Vec<String> {
    let rows = list["data"].as_array().unwrap_or_else(|| panic!("a list: {list}"));
    rows.iter()
        .map(|row| row[member].as_str().unwrap_or_else(|| panic!("{member}: {row}")).to_owned())
        .collect()
}

/// All of a list by its cursors, and its pages' cursors to the page before.
async fn walk(api: &Client, path: &str, member: &str) -> (Vec<String>, Vec<Option<String>>) {
    let (mut all, mut back, mut cursor) = (Vec::new(), Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}{cursor}")).await.json();
        all.extend(column(&page, member));
        back.push(page["pagination"]["prev_cursor"].as_str().map(str::to_owned));
        let Some(next) = page["pagination"]["next_cursor"].as_str() else { return (all, back) };
        cursor = format!("&cursor={next}");
    }
}

/// Back to the beginning from the last page's `prev_cursor`.
async fn walk_back(api: &Client, path: &str, member: &str, last: Option<String>) -> Vec<String> {
    let (mut all, mut cursor) = (Vec::new(), last);
    while let Some(prev) = cursor {
        let page = api.get(&format!("{path}&cursor={prev}")).await.json();
        all.splice(0..0, column(&page, member));
        cursor = page["pagination"]["prev_cursor"].as_str().map(str::to_owned);
    }
    all
}

const RANK: &str = "CASE priority WHEN 'low' THEN 0 WHEN 'medium' THEN 1 WHEN 'high' THEN 2 ELSE 3 END";

/// Between two looks at what other transactions hold back.
const TURN: std::time::Duration = std::time::Duration::from_millis(20);

both_engines! {
    async fn every_order_is_walked_forth_and_back(engine: Engine) {
        let app = full_desk(engine).await;
        let api = Client::admin(&app.desk).await;
        let nulls = |column: &str| format!("CASE WHEN {column} IS NULL THEN 1 ELSE 0 END");
        let (no_wait, no_ask) = (nulls("waiting_since"), nulls("last_customer_message_at"));
        let octets = if engine == crate::support::Engine::Postgres { " COLLATE \"C\"" } else { "" };
        for (sort, order) in [
            ("", "updated_at DESC, id DESC".to_owned()),
            ("updated_at", "updated_at, id".into()),
            ("created_at", "created_at, id".into()),
            ("-created_at", "created_at DESC, id DESC".into()),
            ("number", format!("number{octets}")),
            ("-number", format!("number{octets} DESC")),
            ("priority", format!("{RANK}, id")),
            ("-priority", format!("{RANK} DESC, id DESC")),
            ("-priority,created_at", format!("{RANK} DESC, created_at, id DESC")),
            ("priority,-waiting_since", format!("{RANK}, {no_wait}, waiting_since DESC, id")),
            ("waiting_since", format!("{no_wait}, waiting_since, id")),
            ("-waiting_since", format!("{no_wait}, waiting_since DESC, id DESC")),
            ("last_customer_message_at", format!("{no_ask}, last_customer_message_at, id")),
            ("-last_customer_message_at,priority", format!("{no_ask}, last_customer_message_at DESC, {RANK}, id DESC")),
            ("-updated_at,number", "updated_at DESC, number".into()),
            ("waiting_since,-priority", format!("{no_wait}, waiting_since, {RANK} DESC, id")),
        ] {
            let sql = format!("SELECT number FROM tickets WHERE deleted_at IS NULL AND NOT is_spam ORDER BY {order}");
            let want = app.database.texts(&sql).await;
            let path = format!("/tickets?limit=16&fields=number&sort={sort}");
            let (forth, back) = walk(&api, &path, "number").await;
            assert_eq!(forth, want, "{sort}");
            let last = back.last().cloned().flatten();
            let before = want.len() - (want.len() - 1) % 16 - 1;
            assert_eq!(walk_back(&api, &path, "number", last).await, want[..before], "{sort}, back");
            let page = api.get(&format!("/tickets?limit=10&page=3&fields=number&sort={sort}")).await.json();
            assert_eq!(column(&page, "number"), want[20..30], "{sort}, page 3");
            assert_eq!(page["pagination"]["total"], want.len());
        }
    }

    async fn every_filter_means_what_it_says(engine: Engine) {
        let app = full_desk(engine).await;
        let api = Client::admin(&app.desk).await;
        let agent = app.database.texts("SELECT email FROM agents WHERE email LIKE 'agent-%' ORDER BY email LIMIT 1").await.remove(0);
        let assigned = format!("assignee_id IN (SELECT id FROM agents WHERE email = '{agent}')");
        for (filter, condition) in [
            ("status=closed".to_owned(), "status = 'closed'".to_owned()),
            ("status=open,resolved".into(), "status IN ('open', 'resolved')".into()),
            ("status=!closed".into(), "status <> 'closed'".into()),
            ("priority=high,urgent&category=shipping".into(), "priority IN ('high', 'urgent') AND category = 'shipping'".into()),
            ("category=!general,!order".into(), "category NOT IN ('general', 'order')".into()),
            ("channel=web,phone".into(), "channel IN ('web', 'phone')".into()),
            ("channel=email".into(), "channel = 'email'".into()),
            ("store_id=st_1,st_2,none".into(), "(store_id IN ('st_1', 'st_2') OR store_id IS NULL)".into()),
            ("store_id=!none".into(), "store_id IS NOT NULL".into()),
            ("store_id=!st_1".into(), "COALESCE(store_id, '') <> 'st_1'".into()),
            ("seller_id=!none&status=closed".into(), "seller_id IS NOT NULL AND status = 'closed'".into()),
            ("tag=vip".into(), "tags LIKE '%\"vip\"%'".into()),
            ("tag=vip,refund&status=closed".into(), "(tags LIKE '%\"vip\"%' OR tags LIKE '%\"refund\"%') AND status = 'closed'".into()),
            ("tag=none".into(), "tags = '[]'".into()),
            ("tag=!vip".into(), "tags NOT LIKE '%\"vip\"%'".into()),
            ("waiting=us".into(), "status IN ('open', 'in_progress')".into()),
            (format!("assignee={agent}"), assigned.clone()),
            (format!("assignee=!{agent}"), format!("NOT COALESCE(({assigned}), FALSE)")),
            ("assignee=none".into(), "assignee_id IS NULL".into()),
            ("q=has:attachment".into(), "attachment_count > 0".into()),
            ("q=is:closed%20priority:medium%20category:payment,order".into(), "status = 'closed' AND priority = 'medium' AND category IN ('payment', 'order')".into()),
            ("created_from=2025-01-01&created_to=2025-06-01".into(), "created_at >= 1735689600000 AND created_at < 1748736000000".into()),
            ("updated_from=2025-06-01T00:00:00Z".into(), "updated_at >= 1748736000000".into()),
            ("q=after:2025-01-01%20before:2025-06-01".into(), "created_at >= 1735689600000 AND created_at < 1748736000000".into()),
        ] {
            for (sort, order) in [("-updated_at", "updated_at DESC, id DESC"), ("created_at", "created_at, id")] {
                let sql = format!("SELECT number FROM tickets WHERE deleted_at IS NULL AND NOT is_spam AND {condition} ORDER BY {order}");
                let want = app.database.texts(&sql).await;
                let path = format!("/tickets?limit=40&fields=number&include=total&sort={sort}&{filter}");
                assert_eq!(walk(&api, &path, "number").await.0, want, "{filter}, {sort}");
                assert_eq!(api.get(&path).await.json()["pagination"]["total"], want.len(), "{filter}");
            }
        }
        let spam = app.database.count("SELECT count(*) FROM tickets WHERE is_spam").await;
        assert_eq!(api.get("/tickets?is_spam=true&include=total").await.json()["pagination"]["total"], spam);
    }

    async fn rows_that_come_in_between_move_nothing(engine: Engine) {
        let app = full_desk(engine).await;
        let api = Client::admin(&app.desk).await;
        for path in ["/tickets?limit=10&sort=created_at", "/tickets?limit=10&sort=-created_at"] {
            let first = api.get(path).await.json();
            let next = first["pagination"]["next_cursor"].as_str().expect("there is more").to_owned();
            let second = column(&api.get(&format!("{path}&cursor={next}")).await.json(), "id");
            app.clock.advance_ms(1_000);
            let mail = PARCEL.replace("c1@", &format!("late{}@", path.len()));
            mail_in(&app.desk, "jo@example.org", &mail).await;
            let again = api.get(&format!("{path}&cursor={next}")).await.json();
            assert_eq!(column(&again, "id"), second, "{path}");
            let prev = again["pagination"]["prev_cursor"].as_str().expect("there is a page before");
            assert_eq!(column(&api.get(&format!("{path}&cursor={prev}")).await.json(), "id"), column(&first, "id"));
        }
    }

    async fn wrong_values_are_named(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        for (path, parameter) in [
            ("/tickets?status=asleep", "status"),
            ("/tickets?priority=asap", "priority"),
            ("/tickets?sort=colour", "sort"),
            ("/tickets?sort=number,-number", "sort"),
            ("/tickets?limit=101", "limit"),
            ("/tickets?limit=x", "limit"),
            ("/tickets?page=101&limit=100", "page"),
            ("/tickets?page=1&cursor=x", "page"),
            ("/tickets?created_from=yesterday", "created_from"),
            ("/tickets?include=everything", "include"),
            ("/tickets?is_spam=maybe", "is_spam"),
            ("/tickets?team=reds", "team"),
            ("/tickets?q=is:asleep", "q"),
            ("/tickets/changes?since=now", "since"),
            ("/tickets/changes?limit=0", "limit"),
            ("/search?type=tickets", "q"),
            ("/search?q=x&type=mails", "type"),
            ("/email-logs?sort=status", "sort"),
            ("/email-logs?status=lost", "status"),
            ("/inbound?action=eaten", "action"),
            ("/tickets?fields=nope", "fields"),
            ("/tickets/changes?fields=id,nope", "fields"),
            ("/email-logs?fields=nope", "fields"),
            ("/contacts?fields=nope", "fields"),
            ("/search?q=x&fields=nope", "fields"),
        ] {
            let answer = api.get(path).await;
            assert_eq!(answer.problem(), (400, "invalid_parameter".into()), "{path}");
            assert_eq!(answer.json()["errors"][0]["parameter"], parameter, "{path}");
        }
        for path in ["/tickets?colour=red", "/search?q=x&cursor2=1", "/tickets/changes?status=open", "/suppressions?q=x"] {
            assert_eq!(api.get(path).await.problem(), (400, "unknown_parameter".into()), "{path}");
        }
        let fields = "/tickets?include=responses&fields=number,requester,responses,metadata";
        assert_eq!(api.get(fields).await.status.as_u16(), 200, "of the list and of what it includes");
        for path in ["/tickets?cursor=x", "/tickets/changes?cursor=x"] {
            assert_eq!(api.get(path).await.problem(), (400, "bad_cursor".into()), "{path}");
        }
    }

    async fn a_tickets_thread_comes_in_pages(engine: Engine) {
        let app = full_desk(engine).await;
        let api = Client::admin(&app.desk).await;
        let sql = "SELECT number FROM tickets t WHERE EXISTS (SELECT 1 FROM responses r WHERE r.ticket_id = t.id \
            AND r.visibility = 'internal') ORDER BY response_count DESC LIMIT 1";
        let number = app.database.texts(sql).await.remove(0);
        for (list, rows, hidden) in [
            ("responses", "responses", "visibility = 'internal'"),
            ("events", "ticket_events", "type = 'note_added'"),
        ] {
            let of = format!("FROM {rows} WHERE ticket_id = (SELECT id FROM tickets WHERE number = '{number}')");
            let all = app.database.count(&format!("SELECT count(*) {of}")).await;
            let notes = app.database.count(&format!("SELECT count(*) {of} AND {hidden}")).await;
            assert!(notes > 0 && all > 3, "{list}: {all}, {notes}");
            let path = format!("/tickets/{}/{list}?limit=2&include=total", number.to_lowercase());
            assert_eq!(api.get(&path).await.json()["pagination"]["total"], all);
            let (oldest, back) = walk(&api, &path, "created_at").await;
            assert!(oldest.is_sorted() && oldest.len() == usize::try_from(all).expect("few"), "{oldest:?}");
            let last = back.last().cloned().flatten();
            let before = oldest.len() - (oldest.len() - 1) % 2 - 1;
            assert_eq!(walk_back(&api, &path, "created_at", last).await, oldest[..before]);
            let (mut newest, _) = walk(&api, &format!("{path}&sort=-created_at"), "created_at").await;
            newest.reverse();
            assert_eq!(newest, oldest);
            let outsider = Client::new(&app.desk, &[Scope::TicketsRead]).await;
            assert_eq!(outsider.get(&path).await.json()["pagination"]["total"], all - notes, "{list}");
        }
        let path = format!("/tickets/{number}/responses");
        let customers = api.get(&format!("{path}?author_type=customer&visibility=public")).await.json();
        assert!(column(&customers, "visibility").iter().all(|visibility| visibility == "public"), "{customers}");
        assert!(customers["data"].as_array().is_some_and(|rows| rows.iter().all(|r| r["author"]["type"] == "customer")));
        assert_eq!(api.get("/tickets/TKT-2026-ZZZZZZ/responses").await.problem().1, "ticket_not_found");
        assert_eq!(api.get(&format!("{path}?visibility=secret")).await.problem().0, 400);
    }

    async fn changes_are_told_until_there_are_no_more(engine: Engine) {
        let app = full_desk(engine).await;
        let api = Client::admin(&app.desk).await;
        let total = app.database.count("SELECT count(*) FROM tickets").await;
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        let patience = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        let end = loop {
            let page = api.get(&format!("/tickets/changes?limit=50{cursor}")).await.json();
            seen.extend(column(&page, "id"));
            let next = page["next_cursor"].as_str().expect("always").to_owned();
            cursor = format!("&cursor={next}");
            seen.sort();
            seen.dedup();
            if page["end_of_stream"] == true && i64::try_from(seen.len()) == Ok(total) {
                break next;
            }
            // Other tests' transactions on this server hold changes back (PostgreSQL's oldest one bounds them all).
            tokio::time::timeout_at(patience, tokio::time::sleep(TURN)).await.expect("every ticket, the spam too");
        };
        let quiet = api.get(&format!("/tickets/changes?cursor={end}")).await.json();
        assert_eq!((column(&quiet, "id").len(), &quiet["end_of_stream"]), (0, &true.into()));

        app.clock.advance_ms(5_000);
        mail_in(&app.desk, "jo@example.org", &PARCEL.replace("c1@", "new@")).await;
        let changed = loop {
            let changed = api.get(&format!("/tickets/changes?cursor={end}&fields=number,status")).await.json();
            if column(&changed, "status") == ["open"] {
                break changed;
            }
            tokio::time::timeout_at(patience, tokio::time::sleep(TURN)).await.expect("the change");
        };
        assert_eq!(changed["data"][0].as_object().map(|o| o.len()), Some(2));
        let since = api.get("/tickets/changes?since=2026-03-02T09:00:05Z").await.json();
        assert_eq!((column(&since, "number"), &since["end_of_stream"]), (column(&changed, "number"), &true.into()));
    }

    async fn totals_are_the_same_from_rows_and_from_figures(engine: Engine) {
        let app = full_desk(engine).await;
        let api = Client::admin(&app.desk).await;
        let totals = async || {
            let mut totals = Vec::new();
            for list in [
                "/tickets?", "/tickets?status=!closed", "/tickets?priority=!high&channel=email", "/tickets?tag=none",
                "/tickets?assignee=none", "/tickets?is_spam=true", "/tickets?created_from=2026-03-02", "/tickets?q=is:open",
                "/email-logs?", "/email-logs?status=!sent", "/email-logs?status=sent,queued&created_to=2027-01-01",
                "/email-logs?created_from=2027-01-01", "/inbound?", "/inbound?received_from=2026-01-01", "/inbound?kind=person",
            ] {
                let page = api.get(&format!("{list}&include=total&limit=1")).await.json();
                totals.push((list, page["pagination"]["total"].as_i64().expect(list)));
            }
            totals
        };
        let of_rows = totals().await;
        assert!(of_rows[0].1 > 2 && of_rows.iter().any(|(_, total)| *total == 0), "{of_rows:?}");
        assert_eq!(api.get("/stats").await.status.as_u16(), 200, "the figures are at hand from now on");
        assert_eq!(totals().await, of_rows);
        mail_in(&app.desk, "jo@example.org", &PARCEL.replace("c1@", "new@")).await;
        let after = totals().await;
        assert_eq!((after[0].1, after[12].1), (of_rows[0].1 + 1, of_rows[12].1 + 1), "what is new counts at once");
    }

    async fn words_and_operators_find_things(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let other = PARCEL.replace("c1@", "c2@").replace("Jo Doe <jo@", "Zoë Größe <zoe@").replace("blue", "green");
        mail_in(&app.desk, "zoe@example.org", &other).await;
        let number = column(&api.get("/tickets?requester=zoe@example.org").await.json(), "number").remove(0);
        let note = serde_json::json!({"body": "Secretly gigantic", "visibility": "internal"});
        assert_eq!(api.json("POST", &format!("/tickets/{number}/responses"), &note).await.status.as_u16(), 201);
        app.desk.index_new(&mut Indexer::default()).await.expect("it indexes");
        let kinds = |found: &Value| {
            let mut kinds = column(found, "type");
            kinds.sort();
            kinds.join(" ")
        };
        for (query, want) in [
            ("parcel", "response response response ticket ticket"),
            ("blue", "response ticket"),
            ("blue&type=responses", "response"),
            ("grosse&type=contacts", ""),
            ("gr%C3%B6%C3%9Fe", "contact response response ticket"),
            ("jo@example.org&type=contacts,tickets", "contact ticket"),
            ("gigantic", "response ticket"),
            ("parcel%20is:closed", ""),
            ("is:open", "ticket ticket"),
            ("%22late%20is%22", ""),
            ("!!!", ""),
        ] {
            let found = api.get(&format!("/search?q={query}")).await.json();
            assert_eq!(kinds(&found), want, "{query}: {found}");
        }
        let found = api.get("/search?q=green&type=responses").await.json();
        assert_eq!(found["data"][0]["snippet"], "Hello, the green parcel is late.");
        assert_eq!(found["data"][0]["ticket_number"], number);
        assert!(found["data"][0]["score"].as_f64().is_some_and(|score| score > 0.0));
        let outsider = Client::new(&app.desk, &[Scope::TicketsRead]).await;
        assert_eq!(kinds(&outsider.get("/search?q=gigantic").await.json()), "", "words of notes are notes");
        assert_eq!(column(&outsider.get("/tickets?q=gigantic").await.json(), "id").len(), 0);
        assert_eq!(column(&api.get("/tickets?q=gigantic").await.json(), "id").len(), 1);
        assert_eq!(outsider.get("/search?q=x&type=contacts").await.problem(), (403, "insufficient_scope".into()));
    }
}

/// Who began first commits last: a reader in between misses nothing.
#[tokio::test]
async fn changes_that_are_committed_out_of_order_are_told() {
    if !crate::support::postgres::available() {
        return;
    }
    let app = full_desk(crate::support::Engine::Postgres).await;
    let api = Client::admin(&app.desk).await;
    let end = api.get("/tickets/changes?since=2030-01-01").await.json();
    let ids = app.database.texts("SELECT id::text FROM tickets ORDER BY id LIMIT 2").await;
    let id = |place: usize| ids[place].parse().expect("an id");
    let (mut early, mut late) =
        (app.store.begin().await.expect("a turn"), app.store.begin().await.expect("a turn"));
    let mut first = early.lock_ticket(id(0)).await.expect("it reads").expect("it is there");
    first.version += 1;
    early.update_ticket(&first).await.expect("it writes");
    let mut second = late.lock_ticket(id(1)).await.expect("it reads").expect("it is there");
    second.version += 1;
    late.update_ticket(&second).await.expect("it writes");
    late.commit().await.expect("on disk");
    let cursor = end["next_cursor"].as_str().expect("always");
    let between = api.get(&format!("/tickets/changes?cursor={cursor}")).await.json();
    early.commit().await.expect("on disk");
    let (mut told, mut page) = (column(&between, "id"), between);
    // The cluster is shared: what other tests have under way holds the horizon back for a moment.
    for _ in 0..500 {
        let cursor = page["next_cursor"].as_str().expect("always").to_owned();
        page = api.get(&format!("/tickets/changes?cursor={cursor}")).await.json();
        told.extend(column(&page, "id"));
        if told.len() >= 2 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    told.sort();
    assert_eq!(told, ids);
}
