//! Templates: kept with every save, refused when they can't be used, shown before they are.

use axum::body::Body;
use postdesk::model::Scope;
use serde_json::{Value, json};

use super::call::{Answer, Client};
use super::{PARCEL, mail_in};
use crate::support::App;

const REFUND: &str =
    "Hi {{ requester.first_name | default('there') }},\n\nyour refund for {{ ticket.number }} has started.";

fn refund() -> Value {
    json!({"name": "Refund started", "category": "return_refund", "body": REFUND})
}

fn id(answer: &Value) -> &str {
    answer["id"].as_str().expect("an id")
}

/// Pointer, line, column and words of the first fault.
fn fault(answer: &Answer) -> (String, u64, u64, String) {
    assert_eq!(answer.problem(), (422, "template_error".into()), "{answer:?}");
    let body = answer.json();
    let first = &body["errors"][0];
    let place = (body["line"].as_u64().expect("a line"), body["column"].as_u64().expect("a column"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (text(&first["pointer"]), place.0, place.1, text(&first["detail"]))
}

async fn bare(api: &Client, method: &str, path: &str) -> Answer {
    api.send(api.request(method, path).body(Body::empty()).expect("a request")).await
}

/// What stands in a list, page by page.
async fn names(api: &Client, query: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut path = format!("/templates?{query}");
    loop {
        let page = api.get(&path).await.json();
        names.extend(
            page["data"].as_array().expect("a list").iter().map(|t| format!("{} {}", t["name"], t["locale"])),
        );
        let Some(next) = page["pagination"]["next_cursor"].as_str() else { return names };
        path = format!("/templates?{query}&cursor={next}");
    }
}

both_engines! {
    async fn reply_templates_come_change_and_go(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let answer = api.json("POST", "/templates", &refund()).await;
        let made = answer.json();
        assert_eq!((answer.status.as_u16(), &made["key"], &made["locale"]), (201, &json!("refund_started"), &json!("*")));
        assert_eq!(made["variables"], json!(["requester.first_name", "ticket.number"]));
        assert_eq!((&made["version"], &made["is_builtin"], &made["body_format"]), (&json!(1), &json!(false), &json!("markdown")));
        let path = format!("/templates/{}", id(&made));
        assert_eq!(answer.header("location"), format!("/api/support{path}"));
        assert_eq!(api.get(&path).await.json(), made);
        let again = api.json("POST", "/templates", &refund()).await;
        assert_eq!((again.problem(), &again.json()["existing"]), ((409, "duplicate".into()), &made["id"]));
        let german = json!({"name": "Refund started", "locale": "DE", "body": "Hallo"});
        assert_eq!(api.json("POST", "/templates", &german).await.json()["locale"], "de");

        app.clock.advance_ms(1_000);
        let changed = api.json("PATCH", &path, &json!({"body": "Hello", "category": null, "is_active": false})).await.json();
        assert_eq!((&changed["version"], &changed["body"], &changed["category"]), (&json!(2), &json!("Hello"), &Value::Null));
        let stale = api.request("PATCH", &path).header("content-type", "application/json").header("if-match", "\"1\"");
        let stale = api.send(stale.body(Body::from(r#"{"body":"x"}"#)).expect("a request")).await;
        assert_eq!((stale.problem(), &stale.json()["current_version"]), ((412, "version_mismatch".into()), &json!(2)));
        let tried = api.json("PATCH", &format!("{path}?dry_run=true"), &json!({"body": "x"})).await.json();
        assert_eq!((&tried["version"], &tried["dry_run"]), (&json!(3), &json!(true)));

        let versions = api.get(&format!("{path}/versions")).await.json();
        let numbers: Vec<_> = versions["data"].as_array().expect("a list").iter().map(|v| v["version"].clone()).collect();
        assert_eq!((numbers, &versions["data"][0]["author"]["name"]), (vec![json!(2), json!(1)], &json!("shop")));
        let restored = bare(&api, "POST", &format!("{path}/versions/1/restore")).await.json();
        assert_eq!((&restored["version"], &restored["body"], &restored["is_active"]), (&json!(3), &json!(REFUND), &json!(true)));
        assert_eq!(bare(&api, "POST", &format!("{path}/versions/9/restore")).await.problem().0, 404);

        assert_eq!(bare(&api, "DELETE", &path).await.status.as_u16(), 204);
        assert_eq!(api.get(&path).await.problem(), (404, "template_not_found".into()));
        assert_eq!(api.get(&format!("{path}/versions")).await.problem(), (404, "template_not_found".into()));
    }

    async fn what_cannot_be_used_is_not_kept(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let reply = |body: &str| json!({"name": "R", "body": body});
        let notice = |key: &str, body: &str, html: Option<&str>| {
            json!({"type": "notification", "key": key, "name": "N", "subject": "S", "body": body, "body_html": html})
        };
        for (template, pointer, place, words) in [
            (reply("Hi\n  {{ requester.frist_name }}"), "/body", (2, 6), "did you mean requester.first_name?"),
            (reply("Hi {{ message.text }}"), "/body", (1, 7), "unknown variable message.text"),
            (reply("{% if x"), "/body", (1, 7), "syntax error"),
            (reply("{% include '/etc/passwd' %}"), "/body", (1, 4), "never files"),
            (reply("{% for a in range(99999) %}{% for b in range(99999) %}x{% endfor %}{% endfor %}"), "/body", (1, 55), "too much"),
            (reply("{{ 'x' * 10000000 }}"), "/body", (1, 1), "100 000 characters"),
            (notice("ticket_received", "{{ ticket.numbr }}", None), "/body", (1, 4), "did you mean ticket.number?"),
            (notice("ticket_received", "ok", Some("<p>\n{{ nope }}")), "/body_html", (2, 4), "unknown variable nope"),
            (notice("ticket_received", "{% include '/etc/passwd' %}", None), "/body", (1, 4), "never files"),
            (notice("ticket_received", "{{ 'x' * 10000000 }}", None), "/body", (1, 1), "octets come of it"),
            (notice("ticket_received", "{% set n = namespace(x='ab') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}", None),
                "/body", (1, 69), "too much"),
            (notice("ticket_resolved", "About {{ ticket.subject }}", None), "/body", (1, 10), "nobody verified"),
            (notice("ticket_received_neutral", "{{ requester.email }}", None), "/body", (1, 4), "requester"),
            (notice("ticket_reply", "{{ quoted.text }}", None), "/body", (1, 4), "not there in every mail"),
            (notice("ticket_reply", " ", None), "", (0, 0), ""),
        ] {
            let answer = api.json("POST", "/templates", &template).await;
            if pointer.is_empty() {
                assert_eq!(answer.problem(), (422, "validation_failed".into()));
                continue;
            }
            let (at, line, column, detail) = fault(&answer);
            assert_eq!((at.as_str(), (line, column)), (pointer, place), "{template}: {detail}");
            assert!(detail.contains(words), "{template}: {detail}");
        }
        assert_eq!(app.database.count("SELECT COUNT(*) FROM templates").await, 0);
        assert_eq!(app.database.count("SELECT COUNT(*) FROM template_versions").await, 0);
        let bad = json!({"type": "notification", "key": "ticket_reply", "locale": "german", "visibility": "team", "body": 7});
        let bad = api.json("POST", "/templates", &bad).await;
        let mut pointers: Vec<_> = bad.json()["errors"].as_array().expect("a list").iter()
            .map(|e| e["pointer"].as_str().unwrap_or_default().to_owned()).collect();
        pointers.sort();
        assert_eq!(pointers, ["/body", "/locale", "/name", "/subject", "/visibility"]);
    }

    async fn lists_show_what_came_with_the_program_too(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        app.desk.load_seed().await.expect("it loads");
        assert_eq!(names(&api, "limit=4").await.len(), 6, "six reply templates");
        let built_in = names(&api, "type=notification&limit=5").await;
        assert_eq!(built_in.len(), postdesk::model::NotificationTemplate::ALL.len());
        let override_of = json!({"type": "notification", "key": "agent_note", "name": "agent_note", "subject": "S", "body": "B"});
        for locale in ["*", "de"] {
            let mut body = override_of.clone();
            body["locale"] = json!(locale);
            let answer = api.json("POST", "/templates", &body).await;
            assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        }
        let all = names(&api, "type=all&limit=3").await;
        assert_eq!(all.len(), 6 + built_in.len() + 1, "{all:?}");
        let mut sorted = all.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), all.len(), "none twice: {all:?}");
        let page = api.get("/templates?type=all&page=2&limit=10").await.json();
        assert_eq!(page["pagination"]["total"], json!(all.len()));
        assert_eq!(format!("{} {}", page["data"][0]["name"], page["data"][0]["locale"]), all[10]);
        for (query, want) in [
            ("category=return_refund", 1), ("q=REFUND", 1), ("q=100%25", 0), ("locale=en", 6), ("is_active=false", 0),
            ("type=notification&locale=de", 1), ("type=notification&q=agent_note", 2),
        ] {
            assert_eq!(names(&api, query).await.len(), want, "{query}");
        }
        assert_eq!(api.get("/templates?type=other").await.problem(), (400, "invalid_parameter".into()));
    }

    async fn an_override_comes_and_goes(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let list = api.get("/templates?type=notification&q=ticket_reply").await.json();
        let built_in = list["data"].as_array().expect("a list").iter().find(|t| t["key"] == "ticket_reply").expect("it");
        assert_eq!((&built_in["is_builtin"], &built_in["version"], &built_in["created_at"]), (&json!(true), &json!(0), &Value::Null));
        let path = format!("/templates/{}", id(built_in));
        assert_eq!(bare(&api, "DELETE", &path).await.problem(), (409, "invalid_state".into()));
        let mine = api.json("PATCH", &path, &json!({"body": "Mine: {{ message.text }}"})).await.json();
        assert_eq!((&mine["version"], &mine["is_builtin"], &mine["id"]), (&json!(1), &json!(false), &built_in["id"]));
        assert_eq!(mine["body_html"], Value::Null, "the old HTML does not stand beside new words");
        let both = json!({"body_html": "<p>{{ message.html }}</p>", "subject": "Hello"});
        assert_eq!(api.json("PATCH", &path, &both).await.json()["version"], 2);
        let taken = json!({"type": "notification", "key": "ticket_reply", "name": "x", "subject": "S", "body": "B"});
        assert_eq!(api.json("POST", "/templates", &taken).await.problem(), (409, "duplicate".into()));
        assert_eq!(api.json("PATCH", &path, &json!({"key": "ticket_resolved"})).await.problem(), (422, "validation_failed".into()));
        assert_eq!(bare(&api, "DELETE", &path).await.status.as_u16(), 204);
        assert_eq!(api.get(&path).await.json(), *built_in);
        let versions = api.get(&format!("{path}/versions")).await.json();
        assert_eq!(versions["data"].as_array().map(Vec::len), Some(2), "{versions}");
        let back = bare(&api, "POST", &format!("{path}/versions/1/restore")).await;
        assert_eq!((back.status.as_u16(), &back.json()["version"]), (200, &json!(3)), "{back:?}");
        assert_eq!(back.json()["body"], "Mine: {{ message.text }}");
    }

    async fn templates_are_seen_before_they_are_used(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let number = api.get("/tickets").await.json()["data"][0]["number"].as_str().expect("a number").to_owned();

        let plain = api.json("POST", "/templates/preview", &json!({"ticket": null, "locale": "de", "body": "Hi *{{ agent.first_name }}*"})).await.json();
        assert_eq!((&plain["text"], &plain["subject"]), (&json!("Hi *Ada*"), &Value::Null));
        assert!(plain["html"].as_str().expect("html").contains("<em>Ada</em>"), "{plain}");
        let notice = json!({"type": "notification", "key": "ticket_resolved", "locale": "ar", "body": "{{ t('hello_there') }} {{ brand.name }} & co\nhttps://a.example/"});
        let notice = api.json("POST", "/templates/preview", &notice).await.json();
        let html = notice["html"].as_str().expect("html");
        assert!(html.contains("dir=\"rtl\"") && html.contains("&amp; co<br>") && html.contains("<a href="), "{html}");
        assert_eq!((&notice["html_bytes"], &notice["warnings"]), (&json!(html.len()), &json!([])));
        let real = json!({"type": "notification", "key": "agent_customer_message", "ticket": number, "body": "{{ message.text }} for {{ ticket.number }}"});
        let real = api.json("POST", "/templates/preview", &real).await.json();
        assert_eq!(real["text"], format!("Hello, the blue parcel is late. for {number}\n"));
        let wrong = api.json("POST", "/templates/preview", &json!({"body": "{{ nope }}"})).await;
        assert_eq!(fault(&wrong).0, "/body");

        let made = api.json("POST", "/templates", &json!({"name": "Track", "body": "{{ requester.first_name }}: {{ variables.code }}"})).await.json();
        let path = format!("/templates/{}", id(&made));
        let rendered = api.json("POST", &format!("{path}/render"), &json!({"ticket": number, "variables": {"code": "{{ 7*7 }}"}})).await;
        assert_eq!(rendered.json()["body"], "Jo: {{ 7*7 }}", "{rendered:?}");
        let missing = api.json("POST", &format!("{path}/render"), &json!({"ticket": number})).await;
        assert!(fault(&missing).3.contains("variables.code"), "{missing:?}");
        let answer = json!({"template_id": made["id"], "variables": {"code": "X1"}});
        let answer = api.json("POST", &format!("/tickets/{number}/responses"), &answer).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["body_text"]), (201, &json!("Jo: X1")));
        let used = api.get(&path).await.json();
        assert_eq!((&used["usage_count"], &used["last_used_at"]), (&json!(1), &json!("2026-03-02T09:00:00.000Z")));

        let variables = api.get("/templates/variables").await.json();
        let known = variables["data"].as_array().expect("a list").iter().find(|v| v["name"] == "ticket.number").expect("it");
        assert_eq!((&known["type"], &known["sample"]), (&json!("string"), &json!("TKT-2026-K7Q4ZP")));
        assert!(known["templates"].as_array().expect("a list").contains(&json!("reply")), "{known}");
    }

    async fn scopes_are_kept(engine: Engine) {
        let app = App::start(engine).await;
        let admin = Client::admin(&app.desk).await;
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let number = admin.get("/tickets").await.json()["data"][0]["number"].clone();
        let made = admin.json("POST", "/templates", &refund()).await.json();
        let path = format!("/templates/{}", id(&made));
        let reader = Client::new(&app.desk, &[Scope::TemplatesRead]).await;
        let refused = (403, "insufficient_scope".to_owned());
        assert_eq!(reader.get(&path).await.status.as_u16(), 200);
        assert_eq!(reader.json("POST", "/templates/preview", &json!({"body": "x"})).await.status.as_u16(), 200);
        for (method, path, body) in [
            ("POST", "/templates".to_owned(), refund()), ("PATCH", path.clone(), json!({"body": "x"})),
            ("DELETE", path.clone(), json!({})), ("POST", format!("{path}/versions/1/restore"), json!({})),
            ("POST", format!("{path}/test"), json!({"to": "ada@desk.test"})),
            ("POST", "/templates/preview".to_owned(), json!({"body": "x", "ticket": number})),
            ("POST", format!("{path}/render"), json!({"ticket": number})),
        ] {
            assert_eq!(reader.json(method, &path, &body).await.problem(), refused, "{method} {path}");
        }
        assert_eq!(Client::anonymous(&app.desk).get(&path).await.problem(), (401, "missing_credentials".into()));
    }

    async fn a_test_goes_to_agents_alone(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        let made = api.json("POST", "/templates", &refund()).await.json();
        let path = format!("/templates/{}/test", id(&made));
        let stranger = api.json("POST", &path, &json!({"to": "jo@example.org"})).await;
        assert_eq!((stranger.problem(), &stranger.json()["errors"][0]["pointer"]), ((422, "validation_failed".into()), &json!("/to")));
        let log = api.json("POST", &path, &json!({"to": "Ada@desk.test"})).await;
        assert_eq!((log.status.as_u16(), &log.json()["to"], &log.json()["status"]), (202, &json!("ada@desk.test"), &json!("queued")));
        assert_eq!(app.database.count("SELECT COUNT(*) FROM outbox WHERE automatic").await, 0);
    }
}
