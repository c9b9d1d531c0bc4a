//! Values that no field and no parameter expects: each call is answered in words, none by a fault of ours.

use axum::body::Body;
use serde_json::{Value, json};

use super::call::{Answer, Client};
use super::contract::{filled, furnished, members, parameters, shown};
use crate::support::Engine;
use crate::support::contract::Contract;

/// JSON as callers should not write it.
fn values() -> Vec<String> {
    let deep = |open: &str, close: &str| open.repeat(2_000) + &close.repeat(2_000);
    let mut values: Vec<String> = [
        "null",
        "true",
        "-1",
        "0.5",
        "1e400",
        "-9223372036854775809",
        "\"\"",
        "\"a\\u0000b\"",
        "\"\\ud800\"",
        "\"\u{202E}\u{FFFF}\"",
        "[]",
        "[null,[{}],1]",
        "{}",
        "{\"$ne\":null,\"__proto__\":{}}",
        "\"'; DROP TABLE tickets; --\"",
        "\"2026-02-30T25:61:61Z\"",
    ]
    .map(str::to_owned)
    .into();
    values.extend([deep("[", "]"), deep("{\"a\":", "}"), format!("\"{}\"", "\u{e4}".repeat(200_000))]);
    values
}

/// What the fields that an operation cannot do without may say.
fn sound() -> Value {
    json!({"name": "x", "email": "bo@desk.test", "address": "help@desk.test", "scopes": ["stats:read"], "url": "https://shop.example/x",
        "events": ["ticket.*"], "body": "x", "subject": "x", "description": "x", "customer_email": "jo@example.org",
        "action": "update", "update": {"tags": ["a"]}, "ids": ["TKT-2026-000000"], "status": "open", "from": "2026-03-01T00:00:00Z"})
}

/// In a path or a query.
const SPELLINGS: [&str; 14] = [
    "%00",
    "a%00b",
    "%ff",
    "%ED%A0%80",
    "-1",
    "1e400",
    "9223372036854775808",
    "%5B%5D",
    "%7B%7D",
    "..",
    "%27%20OR%201=1--",
    "%25",
    "a%0d%0ab",
    "%E2%80%AE",
];

async fn send(api: &Client, method: &str, path: &str, body: String) -> Answer {
    let request = api.request(&method.to_uppercase(), path).header("content-type", "application/json");
    api.send(request.body(Body::from(body)).expect("a request")).await
}

/// An object of these members, as text: no value of ours could hold some of them.
fn object<'a>(members: impl Iterator<Item = (&'a str, String)>) -> String {
    let members: Vec<_> = members.map(|(name, value)| format!("\"{name}\":{value}")).collect();
    format!("{{{}}}", members.join(","))
}

fn schema(operation: &Value) -> Option<&Value> {
    Some(&operation["requestBody"]["content"].get("application/json")?["schema"])
}

both_engines! {
    /// "CHECKLIST §3, type confusion, deep/huge JSON" (CWE-20, CWE-674): every field of every operation with every value,
    /// all at once and one among sound ones. The client judges each answer by the document.
    async fn no_value_of_a_field_is_a_fault_of_ours(engine: Engine) {
        try_fields(engine).await;
    }

    /// The same for ids in paths, and for parameters.
    async fn no_parameter_is_a_fault_of_ours(engine: Engine) {
        try_parameters(engine).await;
    }
}

async fn try_fields(engine: Engine) {
    let (_app, api, contract, known) = furnished(engine).await;
    let (values, sound) = (values(), sound());
    let mut wrong = Vec::new();
    for (method, path, operation) in contract.operations() {
        let Some(schema) = schema(operation) else { continue };
        let path = filled(path, &known);
        let names: Vec<_> = members(contract, schema).into_iter().collect();
        let rotated = |by: usize| {
            object(
                names
                    .iter()
                    .enumerate()
                    .map(|(n, name)| (name.as_str(), values[(n + by) % values.len()].clone())),
            )
        };
        let mut bodies: Vec<_> = (0..values.len()).map(rotated).collect();
        for (n, odd) in names.iter().enumerate() {
            let others = names.iter().filter(|name| *name != odd && sound.get(name).is_some());
            let others = others.map(|name| (name.as_str(), sound[name].to_string()));
            bodies.push(object(others.chain([(odd.as_str(), values[n % values.len()].clone())])));
        }
        bodies.extend(values.iter().skip(10).cloned());
        for body in bodies {
            let answer = send(&api, method, &path, body.clone()).await;
            if answer.status.is_server_error() {
                wrong.push(format!("{method} {path} {:.200}: {}", body, shown(&answer)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(api.get("/tickets").await.status.as_u16(), 200, "it goes on");
}

/// Whether an operation answers for as long as somebody listens.
fn never_ends(operation: &Value) -> bool {
    operation["responses"]["200"]["content"].get("text/event-stream").is_some()
}

/// Each parameter with NUL in it, which PostgreSQL takes in no text, and with a few others by turns.
fn queries(contract: &Contract, operation: &Value) -> Vec<String> {
    let names = parameters(contract, operation, "query");
    let spellings = |n: usize| (0..4).map(move |by| SPELLINGS[(n + by * 4) % SPELLINGS.len()]);
    let named = |(n, name): (usize, &String)| {
        ["a%00b"].into_iter().chain(spellings(n)).map(|value| format!("{name}={value}")).collect::<Vec<_>>()
    };
    names.iter().enumerate().flat_map(named).collect()
}

async fn try_parameters(engine: Engine) {
    let (_app, api, contract, known) = furnished(engine).await;
    let (mut wrong, sound) = (Vec::new(), sound());
    for (method, path, operation) in contract.operations().filter(|(_, _, what)| !never_ends(what)) {
        let body = schema(operation).map(|schema| {
            let names = members(contract, schema);
            let known = names.iter().filter(|name| sound.get(name).is_some());
            object(known.map(|name| (name.as_str(), sound[name].to_string())))
        });
        let mut paths: Vec<_> = queries(contract, operation)
            .iter()
            .map(|query| format!("{}?{query}", filled(path, &known)))
            .collect();
        if path.contains('{') {
            let (before, after) = path.split_once('{').expect("a parameter");
            let after = after.split_once('}').expect("its end").1;
            paths.extend(SPELLINGS.map(|value| filled(&format!("{before}{value}{after}"), &known)));
        }
        for path in paths {
            let answer = send(&api, method, &path, body.clone().unwrap_or_default()).await;
            if answer.status.is_server_error() {
                wrong.push(format!("{method} {path}: {}", shown(&answer)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
