//! Notes, changed and taken away.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::desk::{Body, Ending, ResponseView};
use crate::http::auth::Who;
use crate::http::extract::{self, words};
use crate::http::problem::Problem;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{BodyFormat, Scope};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(edit, delete))
}

/// What a note shall say.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `edit` reads")]
pub struct NotePatch {
    /// 1 to 100 000 characters.
    body: String,
    /// How it is written; for agents markdown, for services text.
    body_format: Option<BodyFormat>,
}

/// Write a note anew.
///
/// Notes only: what customers got stays as it was sent. Nobody is told. Needs `notes:read` besides.
#[utoipa::path(
    patch,
    path = "/api/support/responses/{id}",
    operation_id = "edit_note",
    tag = "Responses",
    security(("token" = ["responses:write"])),
    params(("id" = String, Path, description = "The note's id.")),
    request_body = NotePatch,
    responses((status = 200, description = "The note.", body = view::Response))
)]
pub async fn edit(
    State(api): State<Api>,
    who: Who,
    Path(note): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::ResponsesWrite)?;
    let note = id(&note, "response")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let mut fields = extract::json(&parts.headers, body, api.body_timeout()).await?.fields;
    let text = fields.required("body", |f| f.text("body", 1, 100_000)).unwrap_or_default();
    let default = if caller.agent.is_some() { BodyFormat::Markdown } else { BodyFormat::Text };
    let format = fields.word("body_format", BodyFormat::parse, words(BodyFormat::ALL)).unwrap_or(default);
    fields.finish()?;
    let show = |written: &ResponseView| {
        writing::shown(StatusCode::OK, String::new(), view::Response::of(written), dry_run, &[])
    };
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.edit_note(note, Body { text, format }, version, caller, ending).await?))
}

/// Take a note away.
///
/// Notes only. Needs `notes:read` besides.
#[utoipa::path(
    delete,
    path = "/api/support/responses/{id}",
    operation_id = "delete_note",
    tag = "Responses",
    security(("token" = ["responses:write"])),
    params(("id" = String, Path, description = "The note's id.")),
    responses((status = 204, description = "It is gone."))
)]
pub async fn delete(
    State(api): State<Api>,
    who: Who,
    Path(note): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::ResponsesWrite)?;
    let note = id(&note, "response")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let show = |(): &()| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.delete_note(note, version, caller, ending).await?))
}
