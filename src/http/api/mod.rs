//! One file per resource: read the request, call the desk, show the value.

mod agents;
mod attachments;
mod confirm;
mod email_logs;
mod inbound;
mod me;
mod new_ticket;
mod quarantine;
mod queue;
mod responses;
mod suppressions;
mod system;
mod templates;
mod tickets;

pub use system::Spoken;

use std::convert::Infallible;

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::routing::{MethodRouter, get, patch, post, put};
use axum::{Router, middleware};
use tower_http::cors::CorsLayer;
use uuid::Uuid;

use super::problem::{BASE, Problem};
use super::{Api, auth, json_only};

/// A form with files, and a little for what stands between them.
const FORM_LIMIT: usize = 26 << 20;

/// Every route: what `GET /` lists.
pub const ROUTES: &[(&str, &str, &str)] = &[
    ("GET", "/api/support/", "What this is, and its routes"),
    ("GET", "/api/support/health", "Whether the parts work"),
    ("POST", "/api/support/tickets", "Open a ticket"),
    ("GET", "/api/support/tickets", "List and search tickets"),
    ("GET", "/api/support/tickets/{ticket}", "A ticket"),
    ("POST", "/api/support/tickets/{ticket}/responses", "Answer, or leave a note"),
    ("PATCH", "/api/support/tickets/{ticket}/status", "Change the status"),
    ("GET", "/api/support/tickets/{ticket}/email-logs", "Mails of a ticket"),
    ("GET", "/api/support/responses/{id}", "A response"),
    ("POST", "/api/support/responses/{id}/cancel", "Take back a reply that did not leave yet"),
    ("GET", "/api/support/responses/{id}/raw", "The mail a response came by or went out as"),
    ("GET", "/api/support/attachments/{id}", "A file"),
    ("GET", "/api/support/email-logs", "List mails that left, or are to leave"),
    ("GET", "/api/support/email-logs/{id}", "A mail that left, and its tries"),
    ("GET", "/api/support/email-logs/{id}/raw", "A mail as sent"),
    ("POST", "/api/support/email-logs/{id}/retry", "Send a mail again"),
    ("POST", "/api/support/email-logs/{id}/cancel", "Take back a mail that did not leave yet"),
    ("GET", "/api/support/suppressions", "Addresses that get no mail"),
    ("PUT", "/api/support/suppressions/{address}", "No mail for an address"),
    ("DELETE", "/api/support/suppressions/{address}", "Mail for an address again"),
    ("GET", "/api/support/queue", "How much mail waits"),
    ("POST", "/api/support/queue/pause", "Send nothing for now"),
    ("POST", "/api/support/queue/resume", "Send again"),
    ("POST", "/api/support/queue/flush", "Try deferred mail now"),
    ("POST", "/api/support/inbound", "Hand in a mail"),
    ("GET", "/api/support/inbound", "List every mail ever accepted"),
    ("GET", "/api/support/inbound/{id}", "A mail that came in, and what became of it"),
    ("GET", "/api/support/inbound/{id}/raw", "A mail as received"),
    ("GET", "/api/support/templates", "List templates"),
    ("POST", "/api/support/templates", "Keep a template"),
    ("POST", "/api/support/templates/preview", "See what comes of a template"),
    ("GET", "/api/support/templates/variables", "What templates may say"),
    ("GET", "/api/support/templates/{id}", "A template"),
    ("PATCH", "/api/support/templates/{id}", "Change a template, or replace the desk's own words"),
    ("DELETE", "/api/support/templates/{id}", "Take a template away, or the desk's own words back"),
    ("GET", "/api/support/templates/{id}/versions", "Every save of a template"),
    ("POST", "/api/support/templates/{id}/versions/{n}/restore", "Make an old save the newest"),
    ("POST", "/api/support/templates/{id}/preview", "See what comes of a template that is kept"),
    ("POST", "/api/support/templates/{id}/test", "Mail a template to an agent"),
    ("POST", "/api/support/templates/{id}/render", "A reply template's text for a ticket"),
    ("GET", "/api/support/quarantine", "List mail that was held back"),
    ("GET", "/api/support/quarantine/{id}", "A mail that was held back"),
    ("POST", "/api/support/quarantine/{id}/release", "Let it in"),
    ("DELETE", "/api/support/quarantine/{id}", "Throw it away"),
    ("GET", "/api/support/confirm/{token}", "The page a link in a mail leads to"),
    ("POST", "/api/support/confirm/{token}", "Do what the page says"),
    ("GET", "/api/support/agents", "Those who answer"),
    ("GET", "/api/support/me", "Who you are, and what you may do"),
    ("PATCH", "/api/support/me", "What you wish to be told by mail"),
    ("GET", "/api/support/problems", "Every error this can answer"),
    ("GET", "/api/support/problems/{code}", "An error explained"),
    ("GET", "/livez", "Whether the process runs"),
    ("GET", "/readyz", "Whether it can take work"),
];

/// All routes, without the layers around them.
pub fn routes(api: &Api) -> Router<Api> {
    let at = |path: &str| format!("{BASE}{path}");
    let shown = Router::new()
        .route(&at("/tickets"), intake(api, post(tickets::open)).get(tickets::list))
        .route(&at("/tickets/{ticket}"), get(tickets::get))
        .route(&at("/tickets/{ticket}/responses"), post(responses::add))
        .route(&at("/tickets/{ticket}/status"), patch(tickets::set_status))
        .route(&at("/tickets/{ticket}/email-logs"), get(email_logs::of_ticket))
        .route(&at("/responses/{id}"), get(responses::get))
        .route(&at("/responses/{id}/cancel"), post(responses::cancel))
        .route(&at("/email-logs"), get(email_logs::list))
        .route(&at("/email-logs/{id}"), get(email_logs::get))
        .route(&at("/email-logs/{id}/retry"), post(email_logs::retry))
        .route(&at("/email-logs/{id}/cancel"), post(email_logs::cancel))
        .route(&at("/suppressions"), get(suppressions::list))
        .route(&at("/suppressions/{address}"), put(suppressions::put).delete(suppressions::delete))
        .route(&at("/queue"), get(queue::get))
        .route(&at("/queue/pause"), post(queue::pause))
        .route(&at("/queue/resume"), post(queue::resume))
        .route(&at("/queue/flush"), post(queue::flush))
        .route(&at("/inbound"), get(inbound::list).post(inbound::receive))
        .route(&at("/inbound/{id}"), get(inbound::get))
        .route(&at("/templates"), get(templates::list).post(templates::create))
        .route(&at("/templates/preview"), post(templates::preview))
        .route(&at("/templates/variables"), get(templates::variables))
        .route(&at("/templates/{id}"), get(templates::get).patch(templates::change).delete(templates::delete))
        .route(&at("/templates/{id}/versions"), get(templates::versions))
        .route(&at("/templates/{id}/versions/{n}/restore"), post(templates::restore))
        .route(&at("/templates/{id}/preview"), post(templates::preview_of))
        .route(&at("/templates/{id}/test"), post(templates::test))
        .route(&at("/templates/{id}/render"), post(templates::render))
        .route(&at("/quarantine"), get(quarantine::list))
        .route(&at("/quarantine/{id}"), get(quarantine::get).delete(quarantine::discard))
        .route(&at("/quarantine/{id}/release"), post(quarantine::release))
        .route(&at("/agents"), get(agents::list))
        .route(&at("/me"), get(me::get).patch(me::patch))
        .route_layer(middleware::from_fn(json_only));
    let raw = Router::new()
        .route(&at("/responses/{id}/raw"), get(responses::raw))
        .route(&at("/email-logs/{id}/raw"), get(email_logs::raw))
        .route(&at("/inbound/{id}/raw"), get(inbound::raw))
        .route(&at("/attachments/{id}"), get(attachments::get));
    let open = Router::new()
        .route(BASE, get(|| async { super::moved("/api/support/") }))
        .route(&at("/"), get(system::information))
        .route(&at("/health"), get(system::health))
        .route(&at("/confirm/{token}"), get(confirm::show).post(confirm::act))
        .route(&at("/problems"), get(system::problems))
        .route(&at("/problems/{code}"), get(system::problem))
        .route("/livez", get(system::livez))
        .route("/readyz", get(system::readyz));
    shown.merge(raw).route_layer(middleware::from_fn_with_state(api.clone(), auth::identify)).merge(open)
}

/// Browsers may call intake from the origins in the settings (API.md §1.1), and nothing else.
fn intake(api: &Api, route: MethodRouter<Api>) -> MethodRouter<Api> {
    let origins = &api.desk.config().api.cors_origins;
    if origins.is_empty() {
        return route.layer(DefaultBodyLimit::max(FORM_LIMIT));
    }
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let cors = CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([Method::POST])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([header::LOCATION, super::X_REQUEST_ID]);
    // The layer answers preflights, where there is a route for it to sit on.
    let route = route.options(|| async { StatusCode::NO_CONTENT });
    route.layer::<_, Infallible>(DefaultBodyLimit::max(FORM_LIMIT)).layer(cors)
}

/// The id of a path; what is none names nothing.
fn id(text: &str, what: &'static str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::not_found(what))
}
