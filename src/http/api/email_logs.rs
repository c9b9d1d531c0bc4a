//! Mails that left, or are to leave.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::desk::query::{EmailLogFilter, Param, TicketRef};
use crate::desk::{Ending, StoredAnswer};
use crate::http::auth::Who;
use crate::http::extract::{self, Params};
use crate::http::list::{self, List, ListRequest, choice_of};
use crate::http::problem::{Problem, ProblemBody};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::mail::reply_token::KeyRing;
use crate::model::{EmailStatus, MessageId, NotificationTemplate, OutboxEntry, Scope};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(of_ticket))
        .routes(routes!(list))
        .routes(routes!(get))
        .routes(routes!(retry))
        .routes(routes!(cancel))
}

/// Routes that answer other types.
pub fn raw_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(raw))
}

/// What the mails of a ticket are narrowed by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read one by one")]
struct TicketEmailFilters {
    /// `created_at`, oldest first; with `-` in front newest first.
    #[param(default = "-created_at", example = "-created_at")]
    sort: Option<String>,
    /// Several by commas, `!` for all others.
    #[param(example = "failed,bounced")]
    status: Option<String>,
    /// Address.
    #[param(example = "jo@example.org")]
    recipient: Option<String>,
}

/// What a list of mails is narrowed by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read one by one")]
struct EmailLogFilters {
    /// `created_at`, oldest first; with `-` in front newest first.
    #[param(default = "-created_at", example = "-created_at")]
    sort: Option<String>,
    /// Several by commas, `!` for all others.
    #[param(example = "failed,bounced")]
    status: Option<String>,
    /// Address.
    #[param(example = "jo@example.org")]
    recipient: Option<String>,
    /// Our address.
    #[param(example = "support@shop.example")]
    from: Option<String>,
    /// Keys of notification templates.
    #[param(example = "ticket_reply")]
    template: Option<String>,
    /// Brackets are optional.
    #[param(example = "<r7@shop.example>")]
    message_id: Option<String>,
    /// Id or number.
    #[param(example = "TKT-2026-K7Q4ZP")]
    ticket: Option<String>,
    /// Words of subject and recipient.
    #[param(example = "order")]
    q: Option<String>,
    /// Not before.
    #[param(example = "2026-11-01")]
    created_from: Option<String>,
    /// Before.
    #[param(example = "2026-12-01")]
    created_to: Option<String>,
}

/// Mails of a ticket.
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/support/tickets/{ticket}/email-logs",
    operation_id = "list_ticket_email_logs",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    params(TicketEmailFilters),
    responses((status = 200, description = "A page of mails", body = List<view::EmailLog>))
)]
pub async fn of_ticket(
    State(api): State<Api>,
    Path(ticket): Path<String>,
    mut ask: ListRequest,
) -> Result<Response, Problem> {
    ask.who.require(Scope::EmailLogsRead)?;
    let ticket = super::tickets::reference(&ticket)?;
    let params = &mut ask.params;
    let mut filters = Vec::new();
    filters.extend(
        choice_of(params, "status", EmailStatus::parse, EmailStatus::ALL)?.map(EmailLogFilter::Status),
    );
    filters.extend(params.take("recipient").map(|to| EmailLogFilter::Recipient(to.to_lowercase())));
    let descending = list::by_time(&mut ask.params, "created_at", true)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.ticket_email_logs(&ticket, filters, descending, &listing.page).await?;
    let rows = page.rows.iter().map(view::EmailLog::of);
    Ok(listing.answer(&page, |log| vec![Param::Id(log.id)], rows))
}

/// List mails that left, or are to leave.
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/support/email-logs",
    operation_id = "list_email_logs",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    params(EmailLogFilters),
    responses((status = 200, description = "A page of mails", body = List<view::EmailLog>))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::EmailLogsRead)?;
    let filters = filters(&mut ask.params, api.desk.keys())?;
    let descending = list::by_time(&mut ask.params, "created_at", true)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_email_logs(&filters, descending, &listing.page).await?;
    let rows = page.rows.iter().map(view::EmailLog::of);
    Ok(listing.answer(&page, |log| vec![Param::Id(log.id)], rows))
}

fn filters(params: &mut Params, keys: &KeyRing) -> Result<Vec<EmailLogFilter>, Problem> {
    let mut filters = Vec::new();
    filters.extend(
        choice_of(params, "status", EmailStatus::parse, EmailStatus::ALL)?.map(EmailLogFilter::Status),
    );
    filters.extend(params.take("recipient").map(|to| EmailLogFilter::Recipient(to.to_lowercase())));
    filters.extend(params.take("from").map(|from| EmailLogFilter::From(from.to_lowercase())));
    filters.extend(
        choice_of(params, "template", NotificationTemplate::parse, NotificationTemplate::ALL)?
            .map(EmailLogFilter::Template),
    );
    if let Some(text) = params.take("message_id") {
        let bad = || Problem::parameter("message_id", "bad_format", "is no Message-ID");
        let id = MessageId::new(&text).ok_or_else(bad)?;
        let entry = keys.read_message_id(&id).and_then(|ours| ours.entry);
        filters.push(EmailLogFilter::MessageId(id.as_str().to_owned(), entry));
    }
    if let Some(text) = params.take("ticket") {
        let bad = || Problem::parameter("ticket", "bad_format", "is neither id nor number");
        filters.push(EmailLogFilter::Ticket(TicketRef::parse(&text).ok_or_else(bad)?));
    }
    filters.extend(params.take("q").map(EmailLogFilter::Words));
    filters.extend(params.time("created_from")?.map(EmailLogFilter::CreatedFrom));
    filters.extend(params.time("created_to")?.map(EmailLogFilter::CreatedTo));
    Ok(filters)
}

/// Send a mail again.
///
/// Due now, whatever became of it.
#[utoipa::path(
    post,
    path = "/api/support/email-logs/{id}/retry",
    operation_id = "retry_email",
    tag = "Mail",
    security(("token" = ["email_logs:write"])),
    responses((status = 200, description = "The mail as it stands then", body = view::EmailLog))
)]
pub async fn retry(
    State(api): State<Api>,
    who: Who,
    Path(log): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::EmailLogsWrite)?;
    let log = id(&log, "email_log")?;
    let terms = Terms::read(&request, &who)?;
    let body = extract::nothing(request.into_body(), api.body_timeout()).await?;
    let show = |entry: &OutboxEntry| shown(entry, terms.dry_run);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.retry_mail(log, caller, ending).await?))
}

/// Take back a mail that did not leave yet.
///
/// It will not leave.
#[utoipa::path(
    post,
    path = "/api/support/email-logs/{id}/cancel",
    operation_id = "cancel_email",
    tag = "Mail",
    security(("token" = ["email_logs:write"])),
    responses((status = 200, description = "The mail as it stands then", body = view::EmailLog))
)]
pub async fn cancel(
    State(api): State<Api>,
    who: Who,
    Path(log): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::EmailLogsWrite)?;
    let log = id(&log, "email_log")?;
    let terms = Terms::read(&request, &who)?;
    let body = extract::nothing(request.into_body(), api.body_timeout()).await?;
    let show = |entry: &OutboxEntry| shown(entry, terms.dry_run);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.cancel_mail(log, caller, ending).await?))
}

fn shown(entry: &OutboxEntry, dry_run: bool) -> StoredAnswer {
    writing::shown(StatusCode::OK, String::new(), view::EmailLog::of(entry), dry_run, &[])
}

/// A mail that left, and its tries.
///
/// With its tries.
#[utoipa::path(
    get,
    path = "/api/support/email-logs/{id}",
    operation_id = "get_email_log",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    responses((status = 200, description = "The mail and its tries", body = view::EmailLogWithAttempts))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(log): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let (entry, attempts) = api.desk.email_log(id(&log, "email_log")?).await?;
    Ok(answer::list(&headers, HeaderMap::new(), &view::EmailLogWithAttempts::of(&entry, &attempts)))
}

/// A mail as sent.
///
/// MIME as sent.
#[utoipa::path(
    get,
    path = "/api/support/email-logs/{id}/raw",
    operation_id = "get_email_raw",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    responses(
        (status = 200, description = "The bytes", body = view::Octets, content_type = "message/rfc822"),
        (status = 409, description = "It is not rendered before its first try", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn raw(
    State(api): State<Api>,
    who: Who,
    Path(log): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let log = id(&log, "email_log")?;
    let (entry, _) = api.desk.email_log(log).await?;
    if NotificationTemplate::parse(&entry.template).is_some_and(NotificationTemplate::is_about_a_note) {
        who.require(Scope::NotesRead)?;
    }
    let mime = api.desk.email_log_raw(log).await?;
    let mime =
        mime.ok_or_else(|| Problem::new("invalid_state", "it is not rendered before its first try"))?;
    Ok(super::inbound::message(mime))
}
