//! The door of the API (API.md). A request is read whole, makes one desk call, and its value is shown: handlers hold no
//! rules. What goes wrong becomes a `Problem` (RFC 9457).

mod answer;
mod api;
mod auth;
mod captcha;
mod client_address;
mod extract;
mod limit;
mod list;
mod openapi;
mod page;
mod problem;
mod server;
mod view;
mod writing;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Router, body::Body};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, Predicate as _};

pub use openapi::Documents;
pub use problem::refusal;
use server::Connection;
pub use server::serve;

use self::auth::Who;
use self::problem::{BASE, Problem};
use crate::desk::Desk;
use crate::model::Timestamp;
use crate::telemetry::meters;
use crate::templates::Templates;

/// What every handler holds. Cheap to clone.
#[derive(Clone)]
struct Api {
    desk: Desk,
    templates: Arc<Templates>,
    limits: Arc<limit::Limits>,
    routes: Arc<OnceLock<Vec<openapi::Route>>>,
    started: Timestamp,
}

impl Api {
    /// Longest wait for a JSON body.
    fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.desk.config().http.body_timeout_seconds)
    }
}

/// Date of the contract that answers follow.
const API_VERSION: HeaderValue = HeaderValue::from_static("2026-12-01");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const API_VERSION_HEADER: HeaderName = HeaderName::from_static("api-version");

/// The id a request is known by, in answers and in the log.
#[derive(Debug, Clone)]
struct RequestId(Arc<str>);

impl Api {
    fn new(desk: Desk, templates: Arc<Templates>) -> Self {
        Self {
            templates,
            limits: Arc::new(limit::Limits::new(desk.clone())),
            routes: Arc::default(),
            started: desk.clock().now(),
            desk,
        }
    }
}

/// The documents of the API as the code has them; `docs/` keeps them, and they are served from there.
pub fn documents(desk: Desk, templates: Arc<Templates>) -> Documents {
    let (_, document) = api::routes(&Api::new(desk, templates));
    openapi::documents(&document)
}

/// The whole API, ready to be served or called. From now on the process measures itself.
pub fn router(desk: Desk, templates: Arc<Templates>) -> Router {
    meters::start();
    let api = Api::new(desk, templates);
    let (routes, document) = api::routes(&api);
    let _ = api.routes.set(openapi::routes(&document));
    routes
        .fallback(|| async { Problem::new("route_not_found", format!("see GET {BASE}/")) })
        .method_not_allowed_fallback(|| async { Problem::new("method_not_allowed", "see Allow") })
        .layer(CatchPanicLayer::custom(|_| Problem::internal(&"a handler panicked").into_response()))
        .layer(middleware::from_fn_with_state(api.clone(), finish))
        .layer(CompressionLayer::new().compress_when(DefaultPredicate::new().and(not_a_file)))
        .with_state(api)
}

/// Gives the request its id, and every answer its common headers; errors get their body here.
async fn finish(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = request_id(&api, request.headers());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.extensions_mut().insert(id.clone());
    if let Some(ConnectInfo(peer)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        let client = client_address::of(peer.ip(), request.headers(), &api.desk.config().http);
        request.extensions_mut().insert(client);
    }
    let response = next.run(request).await;
    audit(&response, &method, &path, &id);
    let mut response = named(response, &path, &id);
    let headers = response.headers_mut();
    headers.insert(API_VERSION_HEADER, API_VERSION);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&id.0) {
        headers.insert(X_REQUEST_ID, value);
    }
    let (status, took) = (response.status().as_u16(), began.elapsed());
    meters::request(route.as_ref().map_or("none", MatchedPath::as_str), method.as_str(), status, took);
    let ms = took.as_millis();
    tracing::debug!(%method, path = ?path, status, ms, request_id = %id.0, "http");
    response
}

/// Who wrote what: a line for each call that may have changed something. Nothing of its body is in it.
fn audit(response: &Response, method: &Method, path: &str, id: &RequestId) {
    let status = response.status();
    if method.is_safe() || status.is_client_error() || status.is_server_error() {
        return;
    }
    let (mut token, mut agent) = (None, None);
    if let Some(Who::Known(caller)) = response.extensions().get::<Who>() {
        token = Some(tracing::field::display(caller.token.id));
        agent = caller.agent.as_ref().map(|agent| tracing::field::display(agent.id));
    }
    let status = status.as_u16();
    tracing::info!(token, agent, %method, path = ?path, status, request_id = %id.0, "written");
}

/// Errors of any layer, made problems.
fn named(response: Response, path: &str, id: &RequestId) -> Response {
    let status = response.status();
    let spoken = response.extensions().get::<api::Spoken>().is_some();
    if spoken || !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let (mut parts, _) = response.into_parts();
    let problem = parts.extensions.remove::<Problem>().unwrap_or_else(|| Problem::from_status(status));
    let mut rendered = problem.render(path, &id.0);
    for (name, value) in &parts.headers {
        // A page of another origin must be able to read what is wrong.
        let is_kept = [header::ALLOW, header::CONTENT_RANGE, header::VARY].contains(name);
        if is_kept || name.as_str().starts_with("access-control-") {
            rendered.headers_mut().insert(name, value.clone());
        }
    }
    rendered
}

/// A file has its length and its ranges, which it would not have compressed.
fn not_a_file(_: StatusCode, _: Version, headers: &HeaderMap, _: &Extensions) -> bool {
    !headers.contains_key(header::ACCEPT_RANGES)
}

/// The caller's, where it is one, else ours.
fn request_id(api: &Api, headers: &HeaderMap) -> RequestId {
    let theirs = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    let fits = |id: &&str| {
        (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
    };
    match theirs.filter(fits) {
        Some(id) => RequestId(id.into()),
        None => RequestId(format!("r-{:016x}", u64::from_be_bytes(api.desk.ids().bytes::<8>())).into()),
    }
}

/// Refuses callers who don't take JSON.
async fn json_only(headers: HeaderMap, request: Request<Body>, next: Next) -> Response {
    if extract::accepts(&headers, "application/json") {
        return next.run(request).await;
    }
    Problem::new("not_acceptable", "this makes application/json").into_response()
}

/// 308 to another path.
fn moved(to: &'static str) -> Response {
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, HeaderValue::from_static(to))]).into_response()
}
