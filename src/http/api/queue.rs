//! The outbox as a queue: how it stands, and what admins do with it.

use axum::body::Bytes;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::{Ending, QueueState, StoredAnswer};
use crate::http::auth::Who;
use crate::http::extract::{self, Params};
use crate::http::problem::Problem;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::Scope;

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(get))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(flush))
}

/// How much mail waits.
#[utoipa::path(
    get,
    path = "/api/support/queue",
    operation_id = "get_queue",
    tag = "Mail",
    security(("token" = ["admin"])),
    responses((status = 200, description = "How the outbox stands", body = view::Queue))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::Admin)?;
    Params::parse(query.as_deref())?.finish()?;
    let state = api.desk.queue_state().await?;
    Ok(answer::list(&headers, HeaderMap::new(), &view::Queue::of(&state)))
}

/// Send nothing for now.
///
/// Nothing is sent any more, by any node.
#[utoipa::path(
    post,
    path = "/api/support/queue/pause",
    operation_id = "pause_queue",
    tag = "Mail",
    security(("token" = ["admin"])),
    responses((status = 200, description = "How the outbox stands then", body = view::Queue))
)]
pub async fn pause(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let (terms, body) = read(&api, &who, request).await?;
    let show = |state: &QueueState| shown(state, terms.dry_run);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.pause_queue(ending).await?))
}

/// Send again.
#[utoipa::path(
    post,
    path = "/api/support/queue/resume",
    operation_id = "resume_queue",
    tag = "Mail",
    security(("token" = ["admin"])),
    responses((status = 200, description = "How the outbox stands then", body = view::Queue))
)]
pub async fn resume(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let (terms, body) = read(&api, &who, request).await?;
    let show = |state: &QueueState| shown(state, terms.dry_run);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.resume_queue(ending).await?))
}

/// Try deferred mail now.
///
/// Deferred mail is due now.
#[utoipa::path(
    post,
    path = "/api/support/queue/flush",
    operation_id = "flush_queue",
    tag = "Mail",
    security(("token" = ["admin"])),
    responses((status = 200, description = "How the outbox stands then", body = view::Queue))
)]
pub async fn flush(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let (terms, body) = read(&api, &who, request).await?;
    let show = |state: &QueueState| shown(state, terms.dry_run);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.flush_queue(ending).await?))
}

async fn read(api: &Api, who: &Who, request: Request) -> Result<(Terms, Bytes), Problem> {
    who.require(Scope::Admin)?;
    let terms = Terms::read(&request, who)?;
    Ok((terms, extract::nothing(request.into_body(), api.body_timeout()).await?))
}

fn shown(state: &QueueState, dry_run: bool) -> StoredAnswer {
    writing::shown(StatusCode::OK, String::new(), view::Queue::of(state), dry_run, &[])
}
