//! Mail that was held back.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::desk::query::{InboundFilter, Param, TicketRef};
use crate::desk::{Ending, Release, ReleaseTo};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, Params};
use crate::http::list::{self, List, ListRequest};
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{InboundRecord, Scope};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, discard)).routes(routes!(release))
}

/// What a list of held mails is narrowed by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read one by one")]
struct QuarantineFilters {
    /// `received_at`, oldest first; with `-` in front newest first.
    #[param(default = "-received_at", example = "-received_at")]
    sort: Option<String>,
    /// Why it was held back.
    #[param(example = "unverified_agent")]
    reason: Option<String>,
}

/// Where a held mail goes.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
struct ReleaseBody {
    /// `auto` (by the rules), `new` (a new ticket), or a ticket's id or number.
    #[schema(default = "auto", example = "auto")]
    to: Option<String>,
    /// Takes the sender's address for an agent's from now on.
    #[schema(default = false)]
    trust_sender: Option<bool>,
    /// Whether those are told who would have been.
    #[schema(default = true)]
    notify: Option<bool>,
}

/// List mail that was held back.
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/support/quarantine",
    operation_id = "list_quarantine",
    tag = "Mail",
    security(("token" = ["email_logs:read"])),
    params(QuarantineFilters),
    responses((status = 200, description = "A page of mails", body = List<view::InboundMail>))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::EmailLogsRead)?;
    let mut filters = vec![InboundFilter::Held];
    filters.extend(ask.params.take("reason").map(InboundFilter::Reason));
    let descending = list::by_time(&mut ask.params, "received_at", true)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_inbound(&filters, descending, &listing.page).await?;
    let rows = page.rows.iter().map(view::InboundMail::of);
    Ok(listing.answer(&page, |mail| vec![Param::Id(mail.id)], rows))
}

/// A mail that was held back.
#[utoipa::path(
    get,
    path = "/api/support/quarantine/{id}",
    operation_id = "get_quarantined",
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
    let mail = api.desk.held_mail(id(&mail, "inbound_mail")?).await?;
    Ok(answer::list(&headers, HeaderMap::new(), &view::InboundMail::of(&mail)))
}

/// Let it in.
#[utoipa::path(
    post,
    path = "/api/support/quarantine/{id}/release",
    operation_id = "release_quarantined",
    tag = "Mail",
    security(("token" = ["email_logs:write"])),
    request_body = ReleaseBody,
    responses((status = 200, description = "The mail, let in", body = view::InboundMail))
)]
pub async fn release(
    State(api): State<Api>,
    who: Who,
    Path(mail): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::EmailLogsWrite)?;
    let mail = id(&mail, "inbound_mail")?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let wanted = read(&mut fields);
    fields.finish()?;
    let dry_run = terms.dry_run;
    let show = |row: &InboundRecord| {
        let location = format!("{BASE}/inbound/{}", row.id);
        writing::shown(StatusCode::OK, location, view::InboundMail::of(row), dry_run, &["/response_id"])
    };
    let ending = Ending { key: terms.key(&raw), dry_run, show: &show };
    Ok(writing::send(api.desk.release_mail(mail, wanted, &caller.actor(), ending).await?))
}

fn read(f: &mut Fields) -> Release {
    let to = f.text("to", 1, 100).unwrap_or_else(|| "auto".into());
    let to = match to.as_str() {
        "auto" => ReleaseTo::Auto,
        "new" => ReleaseTo::New,
        other => match TicketRef::parse(other) {
            Some(ticket) => ReleaseTo::Ticket(ticket),
            None => {
                f.refuse("to", "bad_format", "auto, new, or a ticket's id or number");
                ReleaseTo::Auto
            }
        },
    };
    let trust_sender = f.flag("trust_sender").unwrap_or(false);
    Release { to, trust_sender, notify: f.flag("notify").unwrap_or(true) }
}

/// Throw it away.
#[utoipa::path(
    delete,
    path = "/api/support/quarantine/{id}",
    operation_id = "discard_quarantined",
    tag = "Mail",
    security(("token" = ["email_logs:write"])),
    responses((status = 204, description = "It is thrown away; row and bytes stay"))
)]
pub async fn discard(
    State(api): State<Api>,
    who: Who,
    Path(mail): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsWrite)?;
    let mail = id(&mail, "inbound_mail")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let show = |(): &()| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.discard_mail(mail, ending).await?))
}
