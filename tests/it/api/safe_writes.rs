//! Every write of the API keeps the promises of API.md §1.5, §1.6 and §1.8. The routes come from the API itself, so that
//! a new one without a line here fails.

use axum::body::Body;
use postdesk::desk::NewToken;
use postdesk::model::Scope;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};

use super::call::{Answer, Client};
use super::{PARCEL, mail_in};
use crate::support::app::AGENT;
use crate::support::{App, Engine};

/// A write: method, path, and a body that it takes; `None`: it takes none. `*` behind the method: what it changes has a
/// version.
type Write = (&'static str, &'static str, Option<&'static str>);

const WRITES: &[Write] = &[
    ("POST", "/tickets", Some(r#"{"subject":"s","description":"d","customer_email":"kim@example.org"}"#)),
    ("PATCH*", "/tickets/{ticket}", Some(r#"{"priority":"high"}"#)),
    ("DELETE*", "/tickets/{ticket}", None),
    ("PATCH*", "/tickets/{ticket}/status", Some(r#"{"status":"resolved"}"#)),
    ("PUT*", "/tickets/{ticket}/assignee", Some(r#"{"assignee_id":"ada@desk.test"}"#)),
    ("POST*", "/tickets/{ticket}/spam", Some("{}")),
    ("POST*", "/tickets/{ticket}/restore", Some("{}")),
    ("POST*", "/tickets/{ticket}/responses", Some(r#"{"body":"Hello"}"#)),
    (
        "POST",
        "/tickets/bulk",
        Some(
            r#"{"filter":{"tag":"strike"},"expected_count":1,"action":"update","update":{"priority":"low"}}"#,
        ),
    ),
    ("PATCH*", "/responses/{id}", Some(r#"{"body":"Better"}"#)),
    ("DELETE*", "/responses/{id}", None),
    ("POST", "/responses/{id}/cancel", Some("{}")),
    ("POST", "/attachments", None),
    ("DELETE", "/attachments/{id}", None),
    ("POST", "/templates", Some(r#"{"name":"new","body":"Hi"}"#)),
    ("PATCH*", "/templates/{id}", Some(r#"{"body":"Ho"}"#)),
    ("DELETE*", "/templates/{id}", None),
    ("POST*", "/templates/{id}/versions/{n}/restore", Some("{}")),
    ("POST", "/templates/{id}/test", Some(r#"{"to":"ada@desk.test"}"#)),
    ("POST", "/inbound", None),
    ("POST", "/inbound/{id}/reprocess", Some("{}")),
    ("POST", "/quarantine/{id}/release", Some("{}")),
    ("DELETE", "/quarantine/{id}", None),
    ("POST", "/email-logs/{id}/retry", Some("{}")),
    ("POST", "/email-logs/{id}/cancel", Some("{}")),
    ("PUT", "/suppressions/{address}", Some(r#"{"note":"gone"}"#)),
    ("DELETE*", "/suppressions/{address}", None),
    ("POST", "/queue/pause", Some("{}")),
    ("POST", "/queue/resume", Some("{}")),
    ("POST", "/queue/flush", Some("{}")),
    ("PATCH*", "/me", Some(r#"{"notifications":{"agent_note":false}}"#)),
    ("POST", "/teams", Some(r#"{"name":"Returns"}"#)),
    ("PATCH*", "/teams/{id}", Some(r#"{"name":"Repairs"}"#)),
    ("DELETE*", "/teams/{id}", None),
    ("DELETE", "/jobs/{id}", None),
];

/// Calls that are no writes of this kind: method, path, why.
const OTHERS: &[(&str, &str, &str)] = &[
    ("POST", "/templates/preview", "reads"),
    ("POST", "/templates/{id}/preview", "reads"),
    ("POST", "/templates/{id}/render", "reads"),
    ("POST", "/mailboxes/{id}/check", "reads"),
    ("POST", "/confirm/{token}", "a page's button; once more changes nothing"),
];

/// Rooms whose own tests prove it, where their objects are made.
const PROVED_THERE: &[&str] = &["/agents", "/contacts", "/mailboxes", "/tokens", "/webhooks"];

/// What a dry run must leave as it was.
const UNTOUCHED: &[&str] = &[
    "tickets",
    "responses",
    "contacts",
    "outbox",
    "ticket_events",
    "suppressions",
    "templates",
    "template_versions",
    "jobs",
    "teams",
    "attachments",
    "inbound_mails",
    "idempotency_keys",
    "desk_facts",
    "blocked_senders",
    "desk_events",
];

async fn snapshot(app: &App) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in UNTOUCHED {
        counts.push(app.database.count(&format!("SELECT COUNT(*) FROM {table}")).await);
    }
    for table in ["tickets", "responses", "templates", "suppressions", "teams", "agents", "jobs"] {
        counts.push(
            app.database
                .count(&format!("SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) FROM {table}"))
                .await,
        );
    }
    counts
}

/// A desk and a caller who is its agent and may do everything.
async fn started(engine: Engine, require_if_match: bool) -> (App, Client) {
    let app = App::start_with(engine, |config| {
        config.api.limits.enabled = false;
        config.api.require_if_match = require_if_match;
    })
    .await;
    let agent_id = Some(app.desk.directory().agents[0].id);
    let new = NewToken { name: "ada".into(), agent_id, scopes: vec![Scope::Admin], expires_at: None };
    let api = Client::with(&app.desk, new).await;
    (app, api)
}

fn text(answer: &Answer, member: &str) -> String {
    let body = answer.json();
    body[member].as_str().unwrap_or_else(|| panic!("no {member}: {} {body}", answer.status)).to_owned()
}

/// With `If-Match: *`, which any version fits.
async fn made(api: &Client, method: &str, path: &str, body: &Value) -> Answer {
    let request =
        api.request(method, path).header("content-type", "application/json").header("if-match", "*");
    api.send(request.body(Body::from(body.to_string())).expect("a request")).await
}

async fn ticket(api: &Client) -> String {
    let new =
        json!({"subject": "s", "description": "d", "customer_email": "jo@example.org", "notify": false});
    text(&made(api, "POST", "/tickets", &new).await, "id")
}

async fn response(api: &Client, more: Value) -> Answer {
    let path = format!("/tickets/{}/responses", ticket(api).await);
    made(api, "POST", &path, &more).await
}

/// A mail that is held back.
async fn held(app: &App, api: &Client) -> String {
    let raw = "From: mallory@example.org\nTo: support@desk.test\nSubject: Buy\n\nBuy now.\n";
    let spam =
        json!({"subject": "s", "description": "d", "customer_email": "mallory@example.org", "notify": false});
    let id = text(&made(api, "POST", "/tickets", &spam).await, "id");
    made(api, "POST", &format!("/tickets/{id}/spam"), &json!({"block_sender": true})).await;
    let verdict = mail_in(&app.desk, "mallory@example.org", raw).await;
    verdict.inbound().expect("it was kept").to_string()
}

/// The path of a write, with what it needs in place.
async fn place(app: &App, api: &Client, (method, path, _): Write) -> String {
    let id = match (method.trim_end_matches('*'), path) {
        ("POST", "/tickets/{ticket}/restore") => {
            let id = ticket(api).await;
            made(api, "DELETE", &format!("/tickets/{id}"), &json!({})).await;
            id
        }
        (_, path) if path.contains("{ticket}") => ticket(api).await,
        ("POST", "/tickets/bulk") => {
            let id = ticket(api).await;
            made(api, "PATCH", &format!("/tickets/{id}"), &json!({"tags": ["strike"]})).await;
            String::new()
        }
        ("POST", "/responses/{id}/cancel") => {
            text(&response(api, json!({"body": "x", "undo_seconds": 60})).await, "id")
        }
        (_, "/responses/{id}") => {
            text(&response(api, json!({"body": "x", "visibility": "internal"})).await, "id")
        }
        (_, "/attachments/{id}") => {
            text(&send(api, ("POST", "/attachments", None), "/attachments", &[]).await, "id")
        }
        (_, path) if path.starts_with("/templates/{id}") => {
            let name = format!("t{}", app.database.count("SELECT COUNT(*) FROM template_versions").await);
            text(&made(api, "POST", "/templates", &json!({"name": name, "body": "Hi"})).await, "id")
        }
        (_, "/inbound/{id}/reprocess") => {
            app.clock.advance_ms(1_000);
            let verdict = mail_in(&app.desk, "jo@example.org", PARCEL).await;
            verdict.inbound().expect("it was kept").to_string()
        }
        (_, path) if path.starts_with("/quarantine/{id}") => held(app, api).await,
        ("POST", "/email-logs/{id}/retry") => {
            made(api, "PUT", "/suppressions/jo@example.org", &json!({})).await;
            let answer = response(api, json!({"body": "x"})).await.json();
            answer["emails"][0]["id"].as_str().expect("a log").to_owned()
        }
        ("POST", "/email-logs/{id}/cancel") => {
            made(api, "DELETE", "/suppressions/jo@example.org", &json!({})).await;
            let answer = response(api, json!({"body": "x", "undo_seconds": 60})).await.json();
            answer["emails"][0]["id"].as_str().expect("a log").to_owned()
        }
        ("DELETE", "/suppressions/{address}") => {
            made(api, "PUT", "/suppressions/sam@example.org", &json!({})).await;
            "sam@example.org".into()
        }
        (_, "/suppressions/{address}") => "sam@example.org".into(),
        (_, "/teams/{id}") => {
            let name = format!("team {}", app.database.count("SELECT COUNT(*) FROM teams").await);
            text(&made(api, "POST", "/teams", &json!({"name": name})).await, "id")
        }
        (_, "/jobs/{id}") => {
            let ids: Vec<_> = (0..101).map(|n| format!("01890000-0000-7000-8000-{n:012}")).collect();
            text(&made(api, "POST", "/tickets/bulk", &json!({"ids": ids, "action": "delete"})).await, "id")
        }
        _ => String::new(),
    };
    let path = path.replace("{n}", "1");
    ["{ticket}", "{id}", "{address}"].iter().fold(path, |path, name| path.replace(name, &id))
}

/// Makes the call, with what its kind of body needs.
async fn send(api: &Client, (method, path, body): Write, place: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = api.request(method.trim_end_matches('*'), place);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (kind, body) = match (path, body) {
        ("/attachments", _) => ("text/plain", "a file".to_owned()),
        ("/inbound", _) => ("message/rfc822", "From: jo@example.org\r\nSubject: x\r\n\r\nx\r\n".to_owned()),
        (_, Some(body)) => ("application/json", body.to_owned()),
        (_, None) => ("application/json", String::new()),
    };
    if path == "/attachments" {
        request = request.header("content-disposition", "attachment; filename=a.txt");
    }
    if path == "/inbound" {
        request = request.header("x-envelope-to", "support@desk.test");
    }
    api.send(request.header("content-type", kind).body(Body::from(body)).expect("a request")).await
}

/// Holds a key as another node's first call does that still runs.
async fn held_key(app: &App, path: &str, key: &str) -> PgConnection {
    let token = app.desk.tokens().await.expect("it reads").first().expect("a token").id;
    let mut connection = PgConnection::connect(&app.database.url).await.expect("it answers");
    let whole = format!("{token} /api/support{path} {key}");
    let hold = sqlx::query("SELECT pg_advisory_lock(hashtextextended($1, 0))").bind(whole);
    hold.execute(&mut connection).await.expect("nobody holds it");
    connection
}

/// The first call ended, and left nothing.
async fn let_go(mut connection: PgConnection) {
    sqlx::query("SELECT pg_advisory_unlock_all()").execute(&mut connection).await.expect("it answers");
    connection.close().await.expect("it closes");
}

async fn is_once(app: &App, api: &Client, write: Write, place: &str) {
    let key: &[_] = &[("idempotency-key", "k 1")];
    assert_eq!(
        send(api, write, place, key).await.problem(),
        (400, "bad_idempotency_key".into()),
        "{write:?}"
    );
    let key: &[_] = &[("idempotency-key", "k-1")];
    if app.database.url.starts_with("postgres") {
        let first = held_key(app, place, "k-1").await;
        let waiting = send(api, write, place, key).await;
        assert_eq!(waiting.problem(), (409, "idempotency_in_progress".into()), "{write:?}");
        assert_eq!(waiting.header("retry-after"), "1", "{write:?}");
        let_go(first).await;
    }
    let first = send(api, write, place, key).await;
    assert!(first.status.is_success(), "{write:?}: {} {}", first.status, first.json());
    let before = snapshot(app).await;
    let second = send(api, write, place, key).await;
    assert_eq!((second.status, &second.body), (first.status, &first.body), "{write:?}");
    assert_eq!(
        (first.header("idempotency-replayed"), second.header("idempotency-replayed")),
        ("", "true"),
        "{write:?}"
    );
    assert_eq!(first.header("location"), second.header("location"), "{write:?}");
    assert_eq!(snapshot(app).await, before, "{write:?} did it twice");
    if let (method, path, Some(body)) = write {
        let other = format!("{body} ");
        let request =
            api.request(method.trim_end_matches('*'), place).header("content-type", "application/json");
        let other = request.header("idempotency-key", "k-1").body(Body::from(other)).expect("a request");
        assert_eq!(api.send(other).await.problem(), (422, "idempotency_key_reused".into()), "{path}");
    }
}

async fn is_safe(app: &App, api: &Client, write: Write) {
    let (method, path, body) = write;
    let place = place(app, api, write).await;
    let unknown = send(api, write, &format!("{place}?no_such=1"), &[]).await;
    assert_eq!(unknown.problem(), (400, "unknown_parameter".into()), "{write:?}");
    if body.is_some() {
        let member = (method, path, Some(r#"{"no_such_member":1}"#));
        assert_eq!(
            send(api, member, &place, &[]).await.problem(),
            (400, "unknown_field".into()),
            "{write:?}"
        );
    }
    let before = snapshot(app).await;
    if method.ends_with('*') {
        let stale = send(api, write, &place, &[("if-match", "\"99\"")]).await;
        assert_eq!(stale.problem(), (412, "version_mismatch".into()), "{write:?}");
        assert!(stale.json()["current_version"].is_i64(), "{write:?}: {}", stale.json());
    }
    let tried = send(api, write, &format!("{place}?dry_run=true"), &[("idempotency-key", "k-0")]).await;
    assert_eq!(
        (tried.status.as_u16(), &tried.json()["dry_run"]),
        (200, &json!(true)),
        "{write:?}: {}",
        tried.json()
    );
    assert_eq!(snapshot(app).await, before, "{write:?} left something behind: {UNTOUCHED:?}");
    if method.starts_with("POST") {
        return is_once(app, api, write, &place).await;
    }
    let done = send(api, write, &place, &[("if-match", "*")]).await;
    assert!(done.status.is_success(), "{write:?}: {} {}", done.status, done.json());
}

both_engines! {
    async fn every_write_keeps_its_promises(engine: Engine) {
        let (app, api) = started(engine, false).await;
        let routes = api.get("/").await.json()["routes"].as_array().cloned().expect("a list");
        let mut missing = Vec::new();
        for route in &routes {
            let method = route["method"].as_str().unwrap_or_default();
            let path = route["path"].as_str().unwrap_or_default().trim_start_matches("/api/support");
            let known = WRITES.iter().any(|(m, p, _)| m.trim_end_matches('*') == method && *p == path)
                || OTHERS.iter().any(|(m, p, _)| *m == method && *p == path)
                || PROVED_THERE.iter().any(|room| path.starts_with(room));
            if method != "GET" && !known {
                missing.push(format!("{method} {path}"));
            }
        }
        assert!(missing.is_empty(), "say in WRITES how to call {missing:?}");
        for write in WRITES {
            is_safe(&app, &api, *write).await;
        }
    }

    /// A key is its caller's own (API.md §1.6): nobody reads what another was answered.
    async fn callers_may_have_the_same_key(engine: Engine) {
        let (app, api) = started(engine, false).await;
        let other = Client::new(&app.desk, &[Scope::ResponsesWrite]).await;
        let write = ("POST*", "/tickets/{ticket}/responses", Some(r#"{"body":"Hello"}"#));
        let place = place(&app, &api, write).await;
        let key: &[_] = &[("idempotency-key", "k-1")];
        let (first, second) = (send(&api, write, &place, key).await, send(&other, write, &place, key).await);
        assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201), "{}", second.json());
        assert_eq!(second.header("idempotency-replayed"), "");
        assert_ne!(first.json()["id"], second.json()["id"]);
    }

    async fn where_versions_are_wanted_none_is_a_refusal(engine: Engine) {
        let (app, api) = started(engine, true).await;
        for write in WRITES.iter().filter(|(method, ..)| method.ends_with('*')) {
            let place = place(&app, &api, *write).await;
            let refused = send(&api, *write, &place, &[]).await;
            assert_eq!(refused.problem(), (428, "precondition_required".into()), "{write:?}");
            let done = send(&api, *write, &place, &[("if-match", "*")]).await;
            assert!(done.status.is_success(), "{write:?}: {} {}", done.status, done.json());
        }
        assert_eq!(app.desk.directory().agents[0].email, AGENT);
    }

    async fn a_newer_response_is_shown_before_one_is_sent(engine: Engine) {
        let (app, api) = started(engine, false).await;
        let path = format!("/tickets/{}/responses", ticket(&api).await);
        app.clock.advance_ms(1_000);
        let seen = text(&made(&api, "POST", &path, &json!({"body": "one"})).await, "id");
        app.clock.advance_ms(1_000);
        made(&api, "POST", &path, &json!({"body": "two", "visibility": "internal"})).await;
        let call = |force: bool| json!({"body": "three", "last_seen_response_id": seen, "force": force});
        let refused = made(&api, "POST", &path, &call(false)).await;
        assert_eq!(refused.problem(), (409, "collision".into()));
        assert_eq!(refused.json()["newer"][0]["preview"], "two");
        assert_eq!(made(&api, "POST", &path, &call(true)).await.status.as_u16(), 201);
    }
}
