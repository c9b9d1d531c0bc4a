//! The ledger: every mail ever accepted.

use std::time::Duration;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::desk::query::{InboundFilter, Param, TicketRef};
use crate::desk::{self, Ending};
use crate::http::auth::{Who, client_ip};
use crate::http::extract::{self, Params};
use crate::http::list::{self, List, ListRequest, choice_of};
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{
    Authentication, Envelope, InboundAction, InboundMail, InboundRecord, MailKind, MessageId, ReversePath,
    Scope, Via,
};

/// What a dry run leaves empty; the last two when the ticket would be new too.
const NEW: [&str; 4] = ["/id", "/response_id", "/ticket_id", "/ticket_number"];
/// Longest wait for a mail handed in.
const MAIL_TIMEOUT: Duration = Duration::from_secs(300);

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, receive)).routes(routes!(get))
}

/// Routes that answer other types.
pub fn raw_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(raw))
}

/// What a list of mails is narrowed by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read one by one")]
struct InboundFilters {
    /// `received_at`, oldest first; with `-` in front newest first.
    #[param(default = "-received_at", example = "-received_at")]
    sort: Option<String>,
    /// Brackets are optional.
    #[param(example = "<c1@example.org>")]
    message_id: Option<String>,
    /// The author's address.
    #[param(example = "jo@example.org")]
    from: Option<String>,
    /// `created appended quarantined duplicate bounce ignored`; several by commas, `!` for all others.
    #[param(example = "created,appended")]
    action: Option<String>,
    /// `person auto_reply bounce loop`.
    #[param(example = "person")]
    kind: Option<String>,
    /// Id or number.
    #[param(example = "TKT-2026-K7Q4ZP")]
    ticket: Option<String>,
    /// Not before.
    #[param(example = "2026-11-01")]
    received_from: Option<String>,
    /// Before.
    #[param(example = "2026-12-01")]
    received_to: Option<String>,
}

/// List every mail ever accepted.
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/support/inbound",
    operation_id = "list_inbound",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    params(InboundFilters),
    responses((status = 200, description = "A page of mails", body = List<view::InboundMail>))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::EmailLogsRead)?;
    let filters = filters(&mut ask.params)?;
    let descending = list::by_time(&mut ask.params, "received_at", true)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_inbound(&filters, descending, &listing.page).await?;
    let rows = page.rows.iter().map(view::InboundMail::of);
    Ok(listing.answer(&page, |mail| vec![Param::Id(mail.id)], rows))
}

fn filters(params: &mut Params) -> Result<Vec<InboundFilter>, Problem> {
    let mut filters = Vec::new();
    if let Some(text) = params.take("message_id") {
        let id = MessageId::new(&text).ok_or(Problem::parameter(
            "message_id",
            "bad_format",
            "is no Message-ID",
        ))?;
        filters.push(InboundFilter::MessageId(id.as_str().to_owned()));
    }
    filters.extend(params.take("from").map(|from| InboundFilter::From(from.to_lowercase())));
    filters.extend(
        choice_of(params, "action", InboundAction::parse, InboundAction::ALL)?.map(InboundFilter::Action),
    );
    filters.extend(choice_of(params, "kind", MailKind::parse, MailKind::ALL)?.map(InboundFilter::Kind));
    if let Some(text) = params.take("ticket") {
        let ticket = TicketRef::parse(&text).ok_or(Problem::parameter(
            "ticket",
            "bad_format",
            "is neither id nor number",
        ))?;
        filters.push(InboundFilter::Ticket(ticket));
    }
    filters.extend(params.time("received_from")?.map(InboundFilter::ReceivedFrom));
    filters.extend(params.time("received_to")?.map(InboundFilter::ReceivedTo));
    Ok(filters)
}

/// A mail that came in, and what became of it.
#[utoipa::path(
    get,
    path = "/api/support/inbound/{id}",
    operation_id = "get_inbound",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    responses((status = 200, description = "The mail", body = view::InboundMail))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(mail): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let mail = api.desk.inbound_mail(id(&mail, "inbound_mail")?).await?;
    Ok(answer::list(&headers, HeaderMap::new(), &view::InboundMail::of(&mail)))
}

/// A mail as received.
///
/// Exactly the bytes received. Those of a note need `notes:read` as well.
#[utoipa::path(
    get,
    path = "/api/support/inbound/{id}/raw",
    operation_id = "get_inbound_raw",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    responses((status = 200, description = "The bytes", body = view::Octets, content_type = "message/rfc822"))
)]
pub async fn raw(
    State(api): State<Api>,
    who: Who,
    Path(mail): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let (raw, is_note) = api.desk.inbound_mail_raw(id(&mail, "inbound_mail")?).await?;
    if is_note {
        who.require(Scope::NotesRead)?;
    }
    Ok(message(raw))
}

/// Hand in a mail.
///
/// A mail handed in by an authorised call.
#[utoipa::path(
    post,
    path = "/api/support/inbound",
    operation_id = "receive_mail",
    tag = "Mail",
    security(("token" = ["inbound:write"])),
    params(
        ("X-Envelope-From" = Option<String>, Header, description = "Reverse path; empty or absent: `<>`.", example = "jo@example.org"),
        ("X-Envelope-To" = String, Header, description = "One or more recipients, separated by commas.", example = "support@shop.example"),
    ),
    request_body(content = view::Octets, content_type = "message/rfc822", description = "The mail. Any bytes are taken."),
    responses((status = 201, description = "What became of it", body = view::InboundMail))
)]
pub async fn receive(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    who.require(Scope::InboundWrite)?;
    let terms = Terms::read(&request, &who)?;
    let (Parts { headers, extensions, .. }, body) = request.into_parts();
    if extract::media_type(&headers).as_deref() != Some("message/rfc822") {
        return Err(Problem::new("unsupported_media_type", "send message/rfc822"));
    }
    let envelope = envelope(&headers)?;
    let limit = usize::try_from(api.desk.config().smtp.max_message_mb << 20).unwrap_or(usize::MAX);
    let raw = extract::bytes(body, limit, MAIL_TIMEOUT).await?.to_vec();
    let dry_run = terms.dry_run;
    let show = |row: &InboundRecord| {
        let location = format!("{BASE}/inbound/{}", row.id);
        let new = if row.action == InboundAction::Created { &NEW[..] } else { &NEW[..2] };
        writing::shown(StatusCode::CREATED, location, view::InboundMail::of(row), dry_run, new)
    };
    let ending = Ending { key: terms.key(&raw), dry_run, show: &show };
    let received_at = api.desk.clock().now();
    let mail = InboundMail {
        via: Via::Api,
        remote_ip: client_ip(&extensions),
        envelope,
        received_header: format!("Received: by postdesk with HTTP; {}\r\n", received_at.rfc5322()),
        raw,
        received_at,
        authentication: Authentication::TRUSTED,
    };
    match api.desk.hand_in(mail, ending).await {
        Ok(answered) => Ok(writing::send(answered)),
        Err(desk::Error::NotFound(_)) => {
            Err(Problem::new("unknown_recipient", "no mailbox here in X-Envelope-To"))
        }
        Err(error) => Err(error.into()),
    }
}

/// `X-Envelope-From` (empty or absent: `<>`) and `X-Envelope-To` (one or more, separated by commas).
fn envelope(headers: &HeaderMap) -> Result<Envelope, Problem> {
    let path = |text: &str| text.trim().trim_start_matches('<').trim_end_matches('>').trim().to_owned();
    let from = headers.get("x-envelope-from").and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
    let to = headers.get_all("x-envelope-to").iter().filter_map(|v| std::str::from_utf8(v.as_bytes()).ok());
    let recipients: Vec<_> =
        to.flat_map(|value| value.split(',')).map(path).filter(|address| !address.is_empty()).collect();
    if recipients.is_empty() {
        return Err(Problem::new("unknown_recipient", "X-Envelope-To is missing"));
    }
    Ok(Envelope { reverse_path: ReversePath::from_text(&path(from.unwrap_or_default())), recipients })
}

/// A whole mail, to be saved rather than shown.
pub fn message(raw: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("message/rfc822")),
        (header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment; filename=\"message.eml\"")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'")),
        (header::CACHE_CONTROL, answer::NO_CACHE),
    ];
    (headers, raw).into_response()
}
