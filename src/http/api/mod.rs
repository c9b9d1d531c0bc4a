//! One file per resource: read the request, call the desk, show the value.

mod agents;
mod attachments;
mod bulk;
mod changes;
mod confirm;
mod contacts;
mod documents;
mod email_logs;
mod events;
mod inbound;
mod intake;
mod jobs;
mod mailboxes;
mod me;
mod meta;
mod metrics;
mod new_ticket;
mod notes;
mod personal;
mod problems;
mod quarantine;
mod queue;
mod reprocess;
mod responses;
mod search;
mod stats;
mod suppressions;
mod system;
mod teams;
mod templates;
mod thread;
mod ticket_changes;
mod tickets;
mod tokens;
mod webhooks;

pub use system::Spoken;

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::routing::{MethodRouter, get};
use axum::{Router, middleware};
use tower_http::cors::CorsLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};
use uuid::Uuid;

use super::problem::{BASE, Problem};
use super::{Api, auth, json_only, openapi};

/// All routes, without the layers around them, and the document that describes them.
pub fn routes(api: &Api) -> (Router<Api>, OpenApi) {
    let json = OpenApiRouter::with_openapi(openapi::head())
        .merge(tickets::routes(api))
        .merge(ticket_changes::routes())
        .merge(bulk::routes())
        .merge(changes::routes())
        .merge(search::routes())
        .merge(notes::routes())
        .merge(reprocess::routes())
        .merge(responses::routes())
        .merge(thread::routes())
        .merge(email_logs::routes())
        .merge(suppressions::routes())
        .merge(queue::routes())
        .merge(inbound::routes())
        .merge(quarantine::routes())
        .merge(templates::routes())
        .merge(agents::routes())
        .merge(me::routes())
        .merge(meta::routes())
        .merge(jobs::routes())
        .merge(teams::routes())
        .merge(attachments::routes())
        .merge(contacts::routes())
        .merge(tokens::routes())
        .merge(mailboxes::routes())
        .merge(webhooks::routes())
        .route_layer(middleware::from_fn(json_only));
    let raw = OpenApiRouter::new()
        .merge(responses::raw_routes())
        .merge(email_logs::raw_routes())
        .merge(inbound::raw_routes())
        .merge(attachments::raw_routes())
        .merge(metrics::raw_routes())
        .merge(stats::raw_routes())
        .merge(events::raw_routes());
    let known = json.merge(raw).route_layer(middleware::from_fn_with_state(api.clone(), auth::identify));
    let (open, described) = OpenApiRouter::new()
        .merge(system::open_routes())
        .merge(problems::open_routes())
        .merge(documents::open_routes())
        .merge(confirm::open_routes())
        .split_for_parts();
    let open = open.route(BASE, get(|| async { super::moved("/api/support/") }));
    let (known, mut document) = known.split_for_parts();
    document.merge(openapi::open(described));
    (known.merge(open), document)
}

/// Browsers may call intake from the origins in the settings (API.md §1.1), and nothing else.
fn for_browsers(
    api: &Api,
    method: Method,
    (schemas, paths, route): UtoipaMethodRouter<Api>,
) -> UtoipaMethodRouter<Api> {
    (schemas, paths, with_cors(api, method, route))
}

fn with_cors(api: &Api, method: Method, route: MethodRouter<Api>) -> MethodRouter<Api> {
    let origins = &api.desk.config().api.cors_origins;
    if origins.is_empty() {
        return route;
    }
    let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let cors = CorsLayer::new()
        .allow_origin(origins.collect::<Vec<_>>())
        .allow_methods([method])
        .allow_headers([
            header::CONTENT_TYPE,
            header::AUTHORIZATION,
            HeaderName::from_static("idempotency-key"),
        ])
        .expose_headers([header::LOCATION, header::RETRY_AFTER, super::X_REQUEST_ID]);
    // The layer answers preflights, where there is a route for it to sit on.
    let route = route.options(|| async { StatusCode::NO_CONTENT });
    route.layer(cors)
}

/// The id of a path; what is none names nothing.
fn id(text: &str, what: &'static str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| Problem::not_found(what))
}
