//! Files (API.md §5.2): sent ahead of what they belong to, and read again. What comes down is always a download, never
//! run in our origin.

mod answering;
mod range;
mod upload;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::desk::Ending;
use crate::http::auth::Who;
use crate::http::extract::Params;
use crate::http::problem::Problem;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{AttachmentRecord, Scope, Timestamp};

pub use upload::{Form, MAX_FILES};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(upload::add)).routes(routes!(delete))
}

/// Routes that answer other types.
pub fn raw_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(thumbnail))
}

/// A file.
///
/// Read with a token, or by a signed link of one of our mails (`exp` and `sig`). A single range may be asked for. It is
/// sent as a download; `inline=true` shows PNG, JPEG, GIF, WebP and PDF, going by their content.
#[utoipa::path(
    get,
    path = "/api/support/attachments/{id}",
    operation_id = "get_attachment",
    tag = "Attachments",
    params(
        ("id" = String, Path, description = "Id of the file"),
        ("inline" = Option<bool>, Query, description = "Show it rather than download it, if it is of a type that is safe"),
        ("exp" = Option<i64>, Query, description = "End of a signed link, Unix seconds"),
        ("sig" = Option<String>, Query, description = "Signature of a signed link"),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-Range" = Option<String>, Header, description = "The range counts only for this ETag"),
        ("If-None-Match" = Option<String>, Header, description = "ETag that the client has"),
    ),
    responses(
        (status = 200, description = "The file", content_type = "*/*", body = view::Octets),
        (status = 206, description = "The range", content_type = "*/*", body = view::Octets),
        (status = 304, description = "The client has it"),
        (status = 404, description = "There is no such file"),
        (status = 410, description = "The upload, or the link, has expired"),
        (status = 416, description = "The range lies outside the file"),
    )
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut params = Params::parse(query.as_deref())?;
    let inline = params.flag("inline")?.unwrap_or(false);
    let row = found(&api, &who, &file, &mut params).await?;
    params.finish()?;
    answering::file(&api, &headers, &row, inline).await
}

/// A picture of a picture.
///
/// At most 320 pixels a side, upright: JPEG, or PNG where the picture is transparent. Only of PNG, JPEG, GIF and WebP
/// files, and of reasonable size; all others have none (404).
#[utoipa::path(
    get,
    path = "/api/support/attachments/{id}/thumbnail",
    operation_id = "get_attachment_thumbnail",
    tag = "Attachments",
    params(
        ("id" = String, Path, description = "Id of the file"),
        ("exp" = Option<i64>, Query, description = "End of a signed link, Unix seconds"),
        ("sig" = Option<String>, Query, description = "Signature of a signed link"),
        ("If-None-Match" = Option<String>, Header, description = "ETag that the client has"),
    ),
    responses(
        (status = 200, description = "The small picture", content((view::Octets = "image/jpeg"), (view::Octets = "image/png"))),
        (status = 304, description = "The client has it"),
        (status = 404, description = "There is no such file, or it is no picture"),
        (status = 410, description = "The upload, or the link, has expired"),
    )
)]
pub async fn thumbnail(
    State(api): State<Api>,
    who: Who,
    Path(file): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let mut params = Params::parse(query.as_deref())?;
    let row = found(&api, &who, &file, &mut params).await?;
    params.finish()?;
    let etag = format!("\"{}-320\"", row.sha256);
    if answer::matches(&headers, &etag) {
        return Ok((StatusCode::NOT_MODIFIED, answering::picture_headers(&etag, None)).into_response());
    }
    let small = api.desk.thumbnail(&row).await?;
    Ok((answering::picture_headers(&etag, Some(small.content_type)), small.content).into_response())
}

/// Delete an upload.
///
/// One that no ticket or response uses yet.
#[utoipa::path(
    delete,
    path = "/api/support/attachments/{id}",
    operation_id = "delete_attachment",
    tag = "Attachments",
    security(("token" = ["tickets:create"]), ("token" = ["responses:write"])),
    params(("id" = String, Path, description = "Id of the file")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such file"),
        (status = 409, description = "It is part of a ticket"),
        (status = 410, description = "It has expired"),
    )
)]
pub async fn delete(
    State(api): State<Api>,
    who: Who,
    Path(file): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = upload::may_upload(&who)?;
    let file = id(&file, "attachment")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let show = |(): &()| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.delete_upload(file, caller, ending).await?))
}

/// The row, for a caller with a token, or anybody with a link we signed.
async fn found(api: &Api, who: &Who, file: &str, params: &mut Params) -> Result<AttachmentRecord, Problem> {
    let file = id(file, "attachment");
    let (end, signature) = (params.take("exp"), params.take("sig"));
    let (Some(end), Some(signature)) = (end, signature) else {
        let caller = who.require(Scope::TicketsRead)?;
        return Ok(api.desk.attachment(file?, caller).await?);
    };
    let (file, end) = (file?, seconds(&end).ok_or_else(|| Problem::not_found("attachment"))?);
    if !api.desk.keys().signed_file(file, end, &signature) {
        return Err(Problem::not_found("attachment"));
    }
    if end <= api.desk.clock().now() {
        return Err(Problem::new("link_expired", "ask for the file again by answering the mail"));
    }
    Ok(api.desk.linked_attachment(file).await?)
}

/// Unix seconds.
fn seconds(text: &str) -> Option<Timestamp> {
    text.parse::<i64>().ok()?.checked_mul(1_000).map(Timestamp)
}

/// A value of digits and ASCII.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Sets what every file says of itself.
fn common(headers: &mut HeaderMap, etag: &str) {
    headers.insert(header::ETAG, value(etag));
    headers.insert(header::CACHE_CONTROL, answer::NO_CACHE);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
}
