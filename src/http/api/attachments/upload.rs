//! Files on their way in: of a form, or as the body. Never in memory whole, and no more of them than the limit.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use futures_util::StreamExt as _;
use utoipa::ToSchema;

use crate::desk::{Caller, Ending, Spool, Upload};
use crate::http::Api;
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JSON_LIMIT};
use crate::http::problem::{BASE, Problem};
use crate::http::view::{self, Octets};
use crate::http::writing::{self, Terms};
use crate::mail::parse;
use crate::model::{AttachmentRecord, Scope};

/// Most files of one call.
pub const MAX_FILES: usize = 20;
/// Longest wait for a file, or a form of them.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A file in a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read piece by piece")]
struct FileForm {
    /// With its name.
    #[schema(value_type = Octets)]
    file: Vec<u8>,
}

/// Upload a file.
///
/// To be named in `attachment_ids` of a ticket or response, by the token that uploaded it, within 24 hours. Sent as the
/// part `file` of a form, or as the body itself with its name in `Content-Disposition`. Its type is told by its content.
#[utoipa::path(
    post,
    path = "/api/support/attachments",
    operation_id = "upload_attachment",
    tag = "Attachments",
    security(("token" = ["tickets:create"]), ("token" = ["responses:write"])),
    params(("Content-Disposition" = Option<String>, Header, description = "The name of a file sent raw", example = "attachment; filename=\"box.txt\"")),
    request_body(content((Octets = "application/octet-stream"), (FileForm = "multipart/form-data"))),
    responses(
        (status = 201, description = "It lies ready until `expires_at`", body = view::Upload),
        (status = 413, description = "It is larger than `limits.max_attachment_mb`"),
    )
)]
pub async fn add(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = may_upload(&who)?;
    let terms = Terms::read(&request, &who)?;
    let read = async {
        match is_form(request.headers()) {
            true => single(Form::read(request, &api).await?),
            false => body(request, &api).await,
        }
    };
    let upload = in_time(read).await?;
    let dry_run = terms.dry_run;
    let show = |row: &AttachmentRecord| {
        let location = format!("{BASE}/attachments/{}", row.id);
        writing::shown(StatusCode::CREATED, location, view::Upload::of(row), dry_run, &["/id", "/url"])
    };
    let ending = Ending { key: terms.key(&digest(&upload)), dry_run, show: &show };
    Ok(writing::send(api.desk.upload(upload, caller, ending).await?))
}

/// Who may send files ahead: whoever may use them.
pub fn may_upload(who: &Who) -> Result<&Caller, Problem> {
    match who.require(Scope::TicketsCreate) {
        Err(refused) => who.require(Scope::ResponsesWrite).map_err(|_| refused),
        may => may,
    }
}

/// A ticket's body, read.
pub struct Form {
    /// The members of its JSON; `None`: the form has no such part.
    pub fields: Option<Fields>,
    /// Its files.
    pub uploads: Vec<Upload>,
    /// What a repeat must send again: the JSON, and the files.
    pub digested: Vec<u8>,
}

impl Form {
    /// JSON, or multipart with `ticket` and `files[]`.
    ///
    /// # Errors
    /// 415, 413, 400 `malformed_json`.
    pub async fn of_ticket(request: Request, api: &Api) -> Result<Self, Problem> {
        if is_form(request.headers()) {
            return in_time(Self::read(request, api)).await;
        }
        let (parts, body) = request.into_parts();
        let body = extract::json(&parts.headers, body, api.body_timeout()).await?;
        Ok(Self { fields: Some(body.fields), uploads: Vec::new(), digested: body.raw.to_vec() })
    }

    async fn read(mut request: Request, api: &Api) -> Result<Self, Problem> {
        // What stands between the parts, and the JSON, come on top of the files; those are counted one by one.
        let most = usize::try_from(limit(api)).unwrap_or(usize::MAX).saturating_add(2 * JSON_LIMIT);
        DefaultBodyLimit::max(most).apply(&mut request);
        let mut parts = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
        let mut form = Self { fields: None, uploads: Vec::new(), digested: Vec::new() };
        let mut left = limit(api);
        while let Some(part) = parts.next_field().await.map_err(|error| refused(api, &error))? {
            form.take(part, api, &mut left).await?;
        }
        Ok(form)
    }

    async fn take(&mut self, mut part: Field<'_>, api: &Api, left: &mut u64) -> Result<(), Problem> {
        match part.name().unwrap_or_default() {
            "ticket" => {
                let json = text(&mut part, api).await?;
                self.fields = Some(Fields::parse(&json)?);
                self.digested.extend_from_slice(&json);
            }
            "file" | "files" | "files[]" => {
                let name = part.file_name().and_then(parse::file_name);
                let mut spool = api.desk.spool();
                while let Some(piece) = part.chunk().await.map_err(|error| refused(api, &error))? {
                    push(&mut spool, &piece, *left, api)?;
                }
                *left -= spool.size();
                let upload = spool.finish(name).map_err(no_room)?;
                self.digested.extend(digest(&upload));
                self.uploads.push(upload);
            }
            _ => return Err(Problem::new("unknown_field", "a form has ticket and files[], or file alone")),
        }
        if self.uploads.len() > MAX_FILES { Err(too_large(api)) } else { Ok(()) }
    }
}

/// The one file of a form.
fn single(form: Form) -> Result<Upload, Problem> {
    let wrong = || Problem::new("unknown_field", "the form has one part, file");
    let mut uploads = form.uploads;
    match (uploads.pop(), uploads.is_empty(), form.fields) {
        (Some(upload), true, None) => Ok(upload),
        _ => Err(wrong()),
    }
}

/// The body as the file.
async fn body(request: Request, api: &Api) -> Result<Upload, Problem> {
    let (head, body) = request.into_parts();
    let Some(named) = head.headers.get(header::CONTENT_DISPOSITION) else {
        let how = "send multipart/form-data with a part file, or the bytes with Content-Disposition";
        return Err(Problem::new("unsupported_media_type", how));
    };
    let name = parse::file_name_of(named.as_bytes());
    if declared(&head.headers).is_some_and(|size| size > limit(api)) {
        return Err(too_large(api));
    }
    let spool = spooled(body, api).await?;
    spool.finish(name).map_err(no_room)
}

async fn spooled(body: Body, api: &Api) -> Result<Spool, Problem> {
    let mut spool = api.desk.spool();
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece: Bytes = piece.map_err(|_| Problem::new("malformed_json", "the body broke off"))?;
        push(&mut spool, &piece, limit(api), api)?;
    }
    Ok(spool)
}

fn push(spool: &mut Spool, piece: &[u8], limit: u64, api: &Api) -> Result<(), Problem> {
    if spool.size() + piece.len() as u64 > limit {
        return Err(too_large(api));
    }
    spool.push(piece).map_err(no_room)
}

/// A part of text, of bounded size.
async fn text(part: &mut Field<'_>, api: &Api) -> Result<Vec<u8>, Problem> {
    let mut all = Vec::new();
    while let Some(piece) = part.chunk().await.map_err(|error| refused(api, &error))? {
        if all.len() + piece.len() > JSON_LIMIT {
            let detail = format!("ticket has at most {JSON_LIMIT} octets");
            return Err(Problem::new("body_too_large", detail).member("limit_bytes", JSON_LIMIT));
        }
        all.extend_from_slice(&piece);
    }
    Ok(all)
}

async fn in_time<T>(read: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    let late = |_| Err(Problem::new("malformed_json", "the body did not arrive in time"));
    tokio::time::timeout(TIMEOUT, read).await.unwrap_or_else(late)
}

/// What tells a file from another, for idempotency keys.
fn digest(upload: &Upload) -> Vec<u8> {
    format!("\0{}\0{}", upload.filename.as_deref().unwrap_or_default(), upload.sha256).into_bytes()
}

fn is_form(headers: &HeaderMap) -> bool {
    extract::media_type(headers).as_deref() == Some("multipart/form-data")
}

fn declared(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Octets of all files of a call.
fn limit(api: &Api) -> u64 {
    api.desk.config().limits.max_attachment_mb << 20
}

fn too_large(api: &Api) -> Problem {
    let detail = format!("at most {} MiB in {MAX_FILES} files", limit(api) >> 20);
    Problem::new("attachment_too_large", detail).member("limit_bytes", limit(api))
}

fn refused(api: &Api, error: &MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { too_large(api) } else { broken() }
}

fn broken() -> Problem {
    Problem::new("malformed_json", "the form can't be read")
}

fn no_room(error: std::io::Error) -> Problem {
    tracing::error!(%error, "a file that comes in can't be put aside");
    Problem::new("unavailable", "there is no room for the file now")
}
