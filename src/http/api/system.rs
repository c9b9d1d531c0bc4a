//! What this is, and whether it works.

use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk;
use crate::http::extract::accepts;
use crate::http::problem::{BASE, CODES, Problem, THINGS};
use crate::http::{API_VERSION, Api, answer};

/// Longest wait for the database: who asks whether it works wants to hear that it does not.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Routes that are open to everybody.
pub fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(information))
        .routes(routes!(health))
        .routes(routes!(problems))
        .routes(routes!(problem))
        .routes(routes!(livez))
        .routes(routes!(readyz))
}

/// What this is, and its routes.
///
/// The routes, for programs or for people.
#[utoipa::path(get, path = "/api/support/", operation_id = "get_information", tag = "System")]
pub async fn information(State(api): State<Api>, headers: HeaderMap) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let routes = api.routes.get().map(Vec::as_slice).unwrap_or_default();
    if wants_html(&headers) {
        let rows: String = routes
            .iter()
            .map(|r| format!("<tr><td>{}<td><code>{}</code><td>{}", r.method, r.path, r.summary))
            .collect();
        return page("Postdesk API", &format!("<p>Version {version}</p><table>{rows}</table>"));
    }
    answer::json(&json!({
        "name": "Postdesk", "version": version, "api_version": API_VERSION.to_str().unwrap_or_default(),
        "documentation": format!("{BASE}/problems"), "openapi": null, "routes": routes,
    }))
}

/// Whether the parts work.
#[utoipa::path(get, path = "/api/support/health", operation_id = "get_health", tag = "System")]
pub async fn health(State(api): State<Api>) -> Response {
    let config = api.desk.config();
    let word = |works: bool| if works { "ok" } else { "failed" };
    let door = |enabled: bool, works: bool| if enabled { word(works) } else { "off" };
    let found = in_time(api.desk.queue_health()).await;
    let database = found.is_some();
    let paused = found.is_some_and(|queue| queue.paused);
    // A mail that waits a quarter of an hour over its time: nobody takes mail out of the queue.
    let queue = found.is_some_and(|queue| queue.paused || queue.late_ms < 15 * 60_000);
    let out = if paused { "paused" } else { door(config.outbox.enabled, queue) };
    let checks = json!({
        "database": word(database), "queue": out,
        "smtp_in": door(config.smtp.enabled, !api.desk.recipients().is_empty()),
        "smtp_out": out,
    });
    let healthy = checks.as_object().is_some_and(|all| all.values().all(|check| check != "failed"));
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let uptime = (api.desk.clock().now().0 - api.started.0).max(0) / 1_000;
    let body = json!({
        "status": if healthy { "ok" } else { "degraded" }, "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": uptime, "checks": checks,
    });
    probe(status, &body)
}

/// Whether the process runs.
///
/// The process runs.
#[utoipa::path(get, path = "/livez", operation_id = "livez", tag = "System")]
pub async fn livez() -> Response {
    probe(StatusCode::OK, &json!({"status": "ok"}))
}

/// Whether it can take work.
///
/// The database answers.
#[utoipa::path(get, path = "/readyz", operation_id = "readyz", tag = "System")]
pub async fn readyz(State(api): State<Api>) -> Response {
    match in_time(api.desk.ping()).await {
        Some(()) => probe(StatusCode::OK, &json!({"status": "ok"})),
        None => Problem::new("unavailable", "the database does not answer").into_response(),
    }
}

/// What the database answered, if it did, and soon.
async fn in_time<T>(asked: impl Future<Output = desk::Result<T>>) -> Option<T> {
    tokio::time::timeout(PROBE_TIMEOUT, asked).await.ok()?.ok()
}

/// Every error this can answer.
///
/// Every error code.
#[utoipa::path(get, path = "/api/support/problems", operation_id = "list_problems", tag = "System")]
pub async fn problems(headers: HeaderMap) -> Response {
    if wants_html(&headers) {
        let rows: String = CODES
            .iter()
            .map(|(code, status, title)| {
                format!("<tr><td>{status}<td><a href=\"{BASE}/problems/{code}\">{code}</a><td>{title}")
            })
            .collect();
        return page("Errors", &format!("<table>{rows}</table>"));
    }
    let all: Value = CODES.iter().map(|(code, status, title)| explained(code, *status, title)).collect();
    answer::json(&json!({"data": all}))
}

/// An error explained.
#[utoipa::path(get, path = "/api/support/problems/{code}", operation_id = "get_problem", tag = "System")]
pub async fn problem(Path(code): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let missing = THINGS.iter().find(|thing| code.strip_suffix("_not_found") == Some(thing));
    let known = CODES.iter().find(|(known, ..)| *known == code);
    let (status, title) = match (known, missing) {
        (Some((_, status, title)), _) => (*status, (*title).to_owned()),
        (None, Some(thing)) => (404, format!("There is no such {}", thing.replace('_', " "))),
        (None, None) => return Err(Problem::new("route_not_found", "no error has this code")),
    };
    if wants_html(&headers) {
        return Ok(page(&title, &format!("<p><code>{status} {code}</code></p>")));
    }
    Ok(answer::json(&explained(&code, status, &title)))
}

fn explained(code: &str, status: u16, title: &str) -> Value {
    json!({"type": format!("{BASE}/problems/{code}"), "code": code, "status": status, "title": title})
}

/// An answer for probes: never kept by anybody. A degraded desk still says what works.
fn probe(status: StatusCode, body: &Value) -> Response {
    let mut response = answer::with_status(status, body.to_string());
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(Spoken);
    response
}

/// Marks an answer whose body stays as it is whatever its status.
#[derive(Debug, Clone, Copy)]
pub struct Spoken;

/// A browser names HTML; programs take anything, or JSON.
fn wants_html(headers: &HeaderMap) -> bool {
    let named = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    named.is_some_and(|accept| accept.contains("text/html")) && accepts(headers, "text/html")
}

/// A page of our own literals.
fn page(title: &str, body: &str) -> Response {
    let csp = HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'");
    let style = "body{font:16px/1.5 system-ui;margin:2rem auto;max-width:60rem;padding:0 1rem}td{padding:.2rem 1rem .2rem 0}";
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><style>{style}</style><h1>{title}</h1>{body}</html>"
    );
    ([(header::CONTENT_SECURITY_POLICY, csp)], Html(html)).into_response()
}
