//! What this is, and whether it works.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk;
use crate::http::openapi::Route;
use crate::http::problem::{BASE, Problem};
use crate::http::{API_VERSION, Api, answer, page};

/// Longest wait for the database: who asks whether it works wants to hear that it does not.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// Routes that are open to everybody.
pub fn open_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(information))
        .routes(routes!(health))
        .routes(routes!(livez))
        .routes(routes!(readyz))
}

/// What this is.
#[derive(Debug, Serialize, ToSchema)]
struct Information<'a> {
    /// `Postdesk`.
    #[schema(example = "Postdesk")]
    name: &'static str,
    /// Of the program.
    #[schema(example = "1.0.0")]
    version: &'static str,
    /// Date of the contract.
    #[schema(example = "2026-12-01")]
    api_version: &'a str,
    /// The page that explains each route.
    #[schema(example = "/api/support/docs")]
    documentation: String,
    /// The same for programs.
    #[schema(example = "/api/support/openapi.json")]
    openapi: String,
    /// All of them.
    routes: &'a [Route],
}

/// How the desk fares.
#[derive(Debug, Serialize, ToSchema)]
struct Health {
    /// `ok`, or `degraded` when a check fails.
    #[schema(example = "ok")]
    status: &'static str,
    /// Of the program.
    #[schema(example = "1.0.0")]
    version: &'static str,
    /// Since it started.
    #[schema(example = 8_122)]
    uptime_seconds: i64,
    /// Part by part.
    checks: Checks,
}

/// How its parts fare: `ok`, `failed`, `off` or `paused`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HealthChecks)]
struct Checks {
    /// Whether it answers.
    #[schema(example = "ok")]
    database: &'static str,
    /// Whether mail leaves in time.
    #[schema(example = "ok")]
    queue: &'static str,
    /// Whether mail can come in.
    #[schema(example = "ok")]
    smtp_in: &'static str,
    /// Whether mail can leave.
    #[schema(example = "ok")]
    smtp_out: &'static str,
}

/// It works.
#[derive(Debug, Serialize, ToSchema)]
struct Alive {
    /// `ok`.
    #[schema(example = "ok")]
    status: &'static str,
}

/// What this is, and its routes.
///
/// The routes, for programs or for people.
#[utoipa::path(
    get,
    path = "/api/support/",
    operation_id = "get_information",
    tag = "System",
    responses((status = 200, description = "For programs, or (by `Accept`) for people", content(
        (Information = "application/json"), (String = "text/html"),
    )))
)]
pub async fn information(State(api): State<Api>, headers: HeaderMap) -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let routes = api.routes.get().map(Vec::as_slice).unwrap_or_default();
    if page::is_wanted(&headers) {
        let rows: String = routes
            .iter()
            .map(|r| format!("<tr><td>{}<td><code>{}</code><td>{}", r.method, r.path, r.summary))
            .collect();
        let docs = format!("<a href=\"{BASE}/docs\">How each is called</a>");
        return page::of("Postdesk API", &format!("<p>Version {version}. {docs}.</p><table>{rows}</table>"));
    }
    answer::json(&Information {
        name: "Postdesk",
        version,
        api_version: API_VERSION.to_str().unwrap_or_default(),
        documentation: format!("{BASE}/docs"),
        openapi: format!("{BASE}/openapi.json"),
        routes,
    })
}

/// Whether the parts work.
#[utoipa::path(
    get,
    path = "/api/support/health",
    operation_id = "get_health",
    tag = "System",
    responses(
        (status = 200, description = "All of them work", body = Health),
        (status = 503, description = "Some don't", body = Health),
    )
)]
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
    let smtp_in = door(config.smtp.enabled, !api.desk.recipients().is_empty());
    let checks = Checks { database: word(database), queue: out, smtp_in, smtp_out: out };
    let healthy = ![checks.database, out, smtp_in].contains(&"failed");
    let health = Health {
        status: if healthy { "ok" } else { "degraded" },
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: (api.desk.clock().now().0 - api.started.0).max(0) / 1_000,
        checks,
    };
    probe(if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &health)
}

/// Whether the process runs.
///
/// The process runs.
#[utoipa::path(
    get,
    path = "/livez",
    operation_id = "livez",
    tag = "System",
    responses((status = 200, description = "It runs", body = Alive))
)]
pub async fn livez() -> Response {
    probe(StatusCode::OK, &Alive { status: "ok" })
}

/// Whether it can take work.
///
/// The database answers.
#[utoipa::path(
    get,
    path = "/readyz",
    operation_id = "readyz",
    tag = "System",
    responses((status = 200, description = "The database answers", body = Alive))
)]
pub async fn readyz(State(api): State<Api>) -> Response {
    match in_time(api.desk.ping()).await {
        Some(()) => probe(StatusCode::OK, &Alive { status: "ok" }),
        None => Problem::new("unavailable", "the database does not answer").into_response(),
    }
}

/// What the database answered, if it did, and soon.
async fn in_time<T>(asked: impl Future<Output = desk::Result<T>>) -> Option<T> {
    tokio::time::timeout(PROBE_TIMEOUT, asked).await.ok()?.ok()
}

/// An answer for probes: never kept by anybody. A degraded desk still says what works.
fn probe(status: StatusCode, body: &impl Serialize) -> Response {
    let mut response = answer::json(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.extensions_mut().insert(Spoken);
    response
}

/// Marks an answer whose body stays as it is whatever its status.
#[derive(Debug, Clone, Copy)]
pub struct Spoken;
