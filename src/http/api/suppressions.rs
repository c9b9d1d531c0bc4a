//! Addresses that get no mail.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::query::Param;
use crate::desk::{Ending, SuppressionRequest};
use crate::http::auth::Who;
use crate::http::extract::{self, JsonBody};
use crate::http::list::{self, List, ListRequest};
use crate::http::problem::Problem;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{Scope, Suppression};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put, delete))
}

/// Why, and how long.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
struct SuppressionBody {
    /// For people.
    #[schema(max_length = 1_000, example = "asked us not to write")]
    note: Option<String>,
    /// From when mail flows again; never when absent.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// Addresses that get no mail.
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/support/suppressions",
    operation_id = "list_suppressions",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    params(list::TimeParams),
    responses((status = 200, description = "A page of addresses", body = List<view::Suppression>))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::EmailLogsRead)?;
    let descending = list::by_time(&mut ask.params, "created_at", true)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_suppressions(descending, &listing.page).await?;
    let rows = page.rows.iter().map(view::Suppression::of);
    Ok(listing.answer(&page, |row| vec![Param::Id(row.id)], rows))
}

/// No mail for an address.
///
/// No mail for this address.
#[utoipa::path(
    put,
    path = "/api/support/suppressions/{address}",
    operation_id = "suppress",
    tag = "Mail",
    security(("token" = ["email_logs:write"])),
    request_body = SuppressionBody,
    responses((status = 200, description = "The address, which gets no mail", body = view::Suppression))
)]
pub async fn put(
    State(api): State<Api>,
    who: Who,
    Path(address): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsWrite)?;
    let wrong = || Problem::parameter("address", "bad_format", "is no mail address");
    let address = extract::address(&address).ok_or_else(wrong)?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, false)?;
    let JsonBody { mut fields, .. } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let (note, expires_at) = (fields.line("note", 1, 1_000), fields.time("expires_at"));
    fields.finish()?;
    let show = |row: &Suppression| {
        let new = if row.version == 1 { &["/id"][..] } else { &[] };
        writing::shown(StatusCode::OK, String::new(), view::Suppression::of(row), dry_run, new)
    };
    let request = SuppressionRequest { address, note, expires_at, version };
    Ok(writing::send(api.desk.suppress(request, Ending { key: None, dry_run, show: &show }).await?))
}

/// Mail for an address again.
///
/// Mail flows again.
#[utoipa::path(
    delete,
    path = "/api/support/suppressions/{address}",
    operation_id = "unsuppress",
    tag = "Mail",
    security(("token" = ["email_logs:write"])),
    responses((status = 204, description = "Mail flows again"))
)]
pub async fn delete(
    State(api): State<Api>,
    who: Who,
    Path(address): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsWrite)?;
    let address = extract::address(&address).ok_or(Problem::not_found("suppression"))?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let show = |_: &Suppression| writing::shown(StatusCode::OK, String::new(), json!({}), dry_run, &[]);
    let ending = Ending { key: None, dry_run, show: &show };
    let answered = api.desk.release_suppression(&address, version, ending).await?;
    Ok(if dry_run { writing::send(answered) } else { StatusCode::NO_CONTENT.into_response() })
}
