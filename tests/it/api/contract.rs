//! The document and the code say the same: names, scopes, answers, and what is kept in `docs/`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use postdesk::desk::NewToken;
use postdesk::model::Scope;
use postdesk::templates::Templates;
use serde_json::{Value, json};

use super::call::{Answer, Client};
use super::{PARCEL, mail_in};
use crate::support::contract::Contract;
use crate::support::{App, Engine};

/// Nothing has this id.
const NOBODY: &str = "0198c1d2-0000-7000-8000-000000000000";

/// `POSTDESK_WRITE_DOCS=1 cargo test --test it the_documents` writes them anew.
#[tokio::test]
async fn the_documents_are_what_the_code_says() {
    let app = App::start(Engine::Sqlite).await;
    let made = postdesk::http::documents(app.desk.clone(), Arc::new(Templates::load(None)));
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (name, document) in
        [("openapi.json", made.openapi), ("openapi-3.0.json", made.older), ("postman.json", made.postman)]
    {
        let text = format!("{document:#}\n");
        if std::env::var_os("POSTDESK_WRITE_DOCS").is_some() {
            fs::write(docs.join(name), &text).expect("docs/ can be written");
        }
        let kept = fs::read_to_string(docs.join(name)).expect("docs/ has it");
        assert!(kept == text, "docs/{name} is old: POSTDESK_WRITE_DOCS=1 cargo test --test it the_documents");
    }
}

#[tokio::test]
async fn every_operation_is_told_of_whole() {
    let app = App::start(Engine::Sqlite).await;
    let contract = Contract::of(&app.desk);
    let mut ids = BTreeSet::new();
    for (method, path, operation) in contract.operations() {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(ids.insert(id.to_owned()), "{id} twice");
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{id} has no summary");
        assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{id} has no tag");
        let responses = operation["responses"].as_object().expect("responses");
        let good: Vec<_> = responses.iter().filter(|(status, _)| status.starts_with('2')).collect();
        assert!(!good.is_empty(), "{id}: nothing is said of success");
        for (status, response) in good.iter().filter(|(status, _)| *status != "204") {
            assert!(response["content"].is_object(), "{id}: {status} has no body");
        }
        let named = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        let wanted: BTreeSet<_> = named.map(str::to_owned).collect();
        assert_eq!(parameters(contract, operation, "path"), wanted, "{method} {path}");
    }
}

/// Every reader says which names it knows: they are those of the document.
#[tokio::test]
async fn the_document_has_the_names_that_are_read() {
    let (_app, api, contract, known) = furnished(Engine::Sqlite).await;
    let mut wrong = Vec::new();
    for (method, path, operation) in contract.operations().filter(|(.., operation)| is_secured(operation)) {
        let path = filled(path, &known);
        let needed = needed(contract, operation);
        let answer = asked(&api, method, &format!("{path}?{needed}zzz=1"), operation).await;
        let told = parameters(contract, operation, "query");
        match allowed(&answer, "unknown_parameter") {
            Some(read) if read == told => {}
            other => {
                wrong.push(format!("{method} {path}: query {other:?}, told {told:?}, {}", shown(&answer)))
            }
        }
        let Some(schema) = operation["requestBody"]["content"].get("application/json") else { continue };
        let answer = api.send(json_request(&api, method, &path, &json!({"zzz": 1}))).await;
        let told = members(contract, &schema["schema"]);
        match allowed(&answer, "unknown_field") {
            Some(read) if read == told => {}
            other => {
                wrong.push(format!("{method} {path}: body {other:?}, told {told:?}, {}", shown(&answer)))
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The scopes a token needs are the ones the document names.
#[tokio::test]
async fn the_document_has_the_scopes_that_are_asked_for() {
    let (app, _, contract, known) = furnished(Engine::Sqlite).await;
    let api = Client::new(&app.desk, &[Scope::ExportsRead]).await;
    let mut wrong = Vec::new();
    for (method, path, operation) in contract.operations().filter(|(.., operation)| is_secured(operation)) {
        let answer = asked(&api, method, &filled(path, &known), operation).await;
        let told = operation["security"][0]["token"][0].as_str();
        let json = answer.json();
        if json["required_scope"].as_str() != told {
            wrong.push(format!("{method} {path}: told {told:?}, {}", shown(&answer)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every route refuses whoever may not: nobody, somebody unknown, a token that ended, and each scope that does not suffice.
#[tokio::test]
async fn every_route_refuses_those_who_may_not() {
    let (app, admin, contract, known) = furnished(Engine::Sqlite).await;
    let token = |name: &str, expires_at| NewToken {
        name: name.into(),
        agent_id: None,
        scopes: vec![Scope::Admin],
        expires_at,
    };
    let soon = app.clock.now().plus_ms(1_000);
    let expired = Client::with(&app.desk, token("expired", Some(soon))).await;
    app.clock.advance_ms(2_000);
    let revoked = Client::with(&app.desk, token("revoked", None)).await;
    let all = admin.get("/tokens").await.json();
    let mut all = all["data"].as_array().expect("a list").iter();
    let its_id = all
        .find(|token| token["name"] == "revoked")
        .and_then(|token| token["id"].as_str())
        .expect("it is there");
    let gone = admin.request("DELETE", &format!("/tokens/{its_id}")).body(Body::empty()).expect("a request");
    assert_eq!(admin.send(gone).await.status.as_u16(), 204);
    let unknown = Client::of(&app.desk, "pdk_nobodyhasthis");
    let strangers = [
        (Client::anonymous(&app.desk), "missing_credentials"),
        (unknown, "invalid_token"),
        (expired, "token_expired"),
        (revoked, "invalid_token"),
    ];
    let mut holders = Vec::new();
    for scope in Scope::ALL {
        holders.push((*scope, Client::new(&app.desk, &[*scope]).await));
    }
    let mut wrong = Vec::new();
    for (method, path, operation) in contract.operations().filter(|(.., operation)| is_secured(operation)) {
        let path = filled(path, &known);
        for (stranger, code) in &strangers {
            let answer = asked(stranger, method, &path, operation).await;
            let told = answer.json()["code"].clone();
            // What takes forms of anybody, where it is switched on.
            let is_closed = told == "intake_closed" && answer.status.as_u16() == 403;
            if (answer.status.as_u16(), &told) != (401, &json!(code)) && !is_closed {
                wrong.push(format!("{method} {path}: {code}, {}", shown(&answer)));
            }
        }
        let ways = operation["security"].as_array().expect("ways");
        let needed: Vec<_> = ways.iter().filter_map(|way| Scope::parse(way["token"][0].as_str()?)).collect();
        let suffices =
            |scope: Scope| needed.is_empty() || needed.iter().any(|needed| scope.includes(*needed));
        for (scope, holder) in holders.iter().filter(|(scope, _)| !suffices(*scope)) {
            let answer = asked(holder, method, &path, operation).await;
            if (answer.status.as_u16(), answer.json()["code"].as_str()) != (403, Some("insufficient_scope")) {
                wrong.push(format!("{method} {path}: {scope}, {}", shown(&answer)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A desk with one of everything, and the ids of it, by the path they go into.
pub(super) async fn furnished(
    engine: Engine,
) -> (App, Client, &'static Contract, BTreeMap<&'static str, String>) {
    let app = App::start_with(engine, |config| config.api.limits.enabled = false).await;
    let agent_id = Client::admin(&app.desk).await.get("/agents").await.json()["data"][0]["id"]
        .as_str()
        .map(|id| id.parse().expect("an id"));
    let token = NewToken { name: "ada".into(), agent_id, scopes: vec![Scope::Admin], expires_at: None };
    let api = Client::with(&app.desk, token).await;
    mail_in(&app.desk, "jo@example.org", PARCEL).await;
    let first = |list: Value| list["data"][0]["id"].as_str().unwrap_or(NOBODY).to_owned();
    let mut known = BTreeMap::new();
    for (path, list) in [
        ("/api/support/tickets/", "/tickets"),
        ("/api/support/email-logs/", "/email-logs"),
        ("/api/support/inbound/", "/inbound"),
        ("/api/support/agents/", "/agents"),
        ("/api/support/contacts/", "/contacts"),
        ("/api/support/mailboxes/", "/mailboxes"),
        ("/api/support/tokens/", "/tokens"),
    ] {
        known.insert(path, first(api.get(list).await.json()));
    }
    let ticket =
        api.get(&format!("/tickets/{}?include=responses,attachments", known["/api/support/tickets/"])).await;
    for (path, pointer) in
        [("/api/support/responses/", "/responses/0/id"), ("/api/support/attachments/", "/attachments/0/id")]
    {
        let id = ticket.json().pointer(pointer).and_then(Value::as_str).unwrap_or(NOBODY).to_owned();
        known.insert(path, id);
    }
    for (path, create, body) in [
        ("/api/support/templates/", "/templates", json!({"name": "Thanks", "body": "Thank you"})),
        ("/api/support/teams/", "/teams", json!({"name": "Returns"})),
        (
            "/api/support/webhooks/",
            "/webhooks",
            json!({"url": "https://shop.example/hook", "events": ["ticket.*"]}),
        ),
    ] {
        let made = api.json("POST", create, &body).await.json();
        known.insert(path, made["id"].as_str().unwrap_or(NOBODY).to_owned());
    }
    let contract = Contract::of(&app.desk);
    (app, api, contract, known)
}

/// A path with ids of what is there.
pub(super) fn filled(path: &str, known: &BTreeMap<&'static str, String>) -> String {
    let id = known.iter().find(|(prefix, _)| path.starts_with(*prefix)).map_or(NOBODY, |(_, id)| id);
    let parts = path.split('/').map(|part| match part {
        "{n}" => "1",
        "{address}" => "jo@example.org",
        part if part.starts_with('{') => id,
        part => part,
    });
    let path = parts.collect::<Vec<_>>().join("/");
    path.strip_prefix("/api/support").map_or_else(|| format!("/{path}"), str::to_owned)
}

/// Calls an operation with the least that is asked for.
pub(super) async fn asked(api: &Client, method: &str, path: &str, operation: &Value) -> Answer {
    let content = operation["requestBody"]["content"].as_object();
    let request = match content.and_then(|content| content.keys().next()).map(String::as_str) {
        Some("application/json") => json_request(api, method, path, &json!({})),
        Some(kind) => {
            let request = api.request(&method.to_uppercase(), path).header("content-type", kind);
            request.header("x-envelope-to", "support@desk.test").body(Body::from("x")).expect("a request")
        }
        None => api.request(&method.to_uppercase(), path).body(Body::empty()).expect("a request"),
    };
    api.send(request).await
}

fn json_request(api: &Client, method: &str, path: &str, body: &Value) -> axum::http::Request<Body> {
    let request = api.request(&method.to_uppercase(), path).header("content-type", "application/json");
    request.body(Body::from(body.to_string())).expect("a request")
}

fn is_secured(operation: &Value) -> bool {
    operation["security"].as_array().is_some_and(|ways| ways.iter().any(|way| way.get("token").is_some()))
}

/// Parameters without which nothing else is looked at.
fn needed(contract: &Contract, operation: &Value) -> String {
    let all = operation["parameters"].as_array().into_iter().flatten().map(|one| contract.resolve(one));
    let needed = all.filter(|one| one["in"] == "query" && one["required"] == true);
    needed.map(|one| format!("{}=x&", one["name"].as_str().expect("a name"))).collect()
}

/// Names of the parameters of one place.
pub(super) fn parameters(contract: &Contract, operation: &Value, place: &str) -> BTreeSet<String> {
    let all = operation["parameters"].as_array().into_iter().flatten().map(|one| contract.resolve(one));
    let here = all.filter(|one| one["in"] == place);
    here.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

pub(super) fn members(contract: &Contract, schema: &Value) -> BTreeSet<String> {
    contract.resolve(schema)["properties"]
        .as_object()
        .into_iter()
        .flat_map(|all| all.keys().cloned())
        .collect()
}

/// The names an error says there are.
fn allowed(answer: &Answer, code: &str) -> Option<BTreeSet<String>> {
    let body = answer.json();
    let names = body["errors"][0]["allowed"].as_array().filter(|_| body["code"] == code)?;
    Some(names.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

pub(super) fn shown(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.body.escape_ascii())
}
