//! What takes longer than a request.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::http::auth::Who;
use crate::http::extract::Params;
use crate::http::problem::Problem;
use crate::http::view::job::Job;
use crate::http::writing::Terms;
use crate::http::{Api, answer};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get, cancel))
}

/// How far a job is.
///
/// For the token that started it, and for admins.
#[utoipa::path(
    get,
    path = "/api/support/jobs/{id}",
    operation_id = "get_job",
    tag = "System",
    params(("id" = String, Path, description = "The job's id.")),
    responses((status = 200, description = "The job.", body = Job))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(job): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = who.known()?;
    Params::parse(query.as_deref())?.finish()?;
    let job = api.desk.job(id(&job, "job")?, caller).await?;
    Ok(answer::object(&headers, job.version, false, &json!(Job::from(&job))))
}

/// Stop a job.
///
/// What it did stays done; the piece under way is ended first.
#[utoipa::path(
    delete,
    path = "/api/support/jobs/{id}",
    operation_id = "cancel_job",
    tag = "System",
    params(("id" = String, Path, description = "The job's id.")),
    responses((status = 204, description = "It does nothing more."))
)]
pub async fn cancel(
    State(api): State<Api>,
    who: Who,
    Path(job): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.known()?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let job = api.desk.cancel_job(id(&job, "job")?, caller, dry_run).await?;
    if !dry_run {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let mut body = json!(Job::from(&job));
    body["dry_run"] = json!(true);
    Ok(answer::json(&body))
}
