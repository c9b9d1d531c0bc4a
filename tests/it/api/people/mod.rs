//! Those who answer, those who write, and what lets them in.

mod agents;
mod contacts;
mod erasure;
mod mailboxes;
mod teams;
mod tokens;

use postdesk::model::Scope;
use serde_json::{Value, json};

use super::call::{Answer, Client};
use crate::support::App;

/// A ticket of Jo's, opened by a caller who may.
async fn ticket(api: &Client, more: Value) -> Value {
    let mut body =
        json!({"subject": "Broken lid", "description": "It broke.", "customer_email": "jo@example.org"});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    made(&api.json("POST", "/tickets", &body).await)
}

/// What was made, with 201.
fn made(answer: &Answer) -> Value {
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    answer.json()
}

/// What was answered, with 200.
fn done(answer: &Answer) -> Value {
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    answer.json()
}

/// Text of a member.
fn text<'a>(body: &'a Value, member: &str) -> &'a str {
    body[member].as_str().unwrap_or_else(|| panic!("no {member}: {body}"))
}

/// Pointers of the invalid fields, sorted.
fn pointers(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.problem(), (422, "validation_failed".into()), "{answer:?}");
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    let mut pointers: Vec<_> =
        errors.iter().map(|e| e["pointer"].as_str().unwrap_or_default().to_owned()).collect();
    pointers.sort();
    pointers
}

/// A request without a body.
async fn bare(api: &Client, method: &str, path: &str) -> Answer {
    api.send(api.request(method, path).body(axum::body::Body::empty()).expect("a request")).await
}

/// A JSON request with `If-Match`.
async fn matched(api: &Client, method: &str, path: &str, version: i64, body: &Value) -> Answer {
    let request = api.request(method, path).header("content-type", "application/json");
    let request = request.header("if-match", format!("\"{version}\"")).body(body.to_string().into());
    api.send(request.expect("a request")).await
}

/// The calls are refused to a token that may do everything else.
async fn needs(app: &App, scope: Scope, calls: &[(&str, String)]) {
    let others: Vec<_> = Scope::ALL.iter().copied().filter(|held| !held.includes(scope)).collect();
    let (weak, nobody) = (Client::new(&app.desk, &others).await, Client::anonymous(&app.desk));
    for (method, path) in calls {
        let refused = weak.json(method, path, &json!({})).await;
        assert_eq!(refused.problem(), (403, "insufficient_scope".into()), "{method} {path}");
        assert_eq!(refused.json()["required_scope"], scope.as_str(), "{method} {path}");
        assert_eq!(nobody.json(method, path, &json!({})).await.problem().0, 401, "{method} {path}");
    }
}
