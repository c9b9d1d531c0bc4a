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
    let (_app, api, contract, known) = furnished().await;
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
    let (app, _, contract, known) = furnished().await;
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

/// A desk with one of everything, and the ids of it, by the path they go into.
async fn furnished() -> (App, Client, &'static Contract, BTreeMap<&'static str, String>) {
    let app = App::start_with(Engine::Sqlite, |config| config.api.limits.enabled = false).await;
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
fn filled(path: &str, known: &BTreeMap<&'static str, String>) -> String {
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
async fn asked(api: &Client, method: &str, path: &str, operation: &Value) -> Answer {
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
fn parameters(contract: &Contract, operation: &Value, place: &str) -> BTreeSet<String> {
    let all = operation["parameters"].as_array().into_iter().flatten().map(|one| contract.resolve(one));
    let here = all.filter(|one| one["in"] == place);
    here.map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

fn members(contract: &Contract, schema: &Value) -> BTreeSet<String> {
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

fn shown(answer: &Answer) -> String {
    format!("{} {}", answer.status, answer.body.escape_ascii())
}
