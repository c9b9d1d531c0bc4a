//! Mails that left, or are to leave.

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

use super::id;
use crate::desk::query::{EmailLogFilter, Param, TicketRef};
use crate::http::auth::Who;
use crate::http::extract::Params;
use crate::http::list::{Listing, choice};
use crate::http::problem::Problem;
use crate::http::{Api, answer, view};
use crate::model::{EmailStatus, Scope};

/// `GET /tickets/{ticket}/email-logs`: newest first.
pub async fn of_ticket(
    State(api): State<Api>,
    who: Who,
    Path(ticket): Path<String>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsRead)?;
    let ticket = TicketRef::parse(&ticket).ok_or(Problem::not_found("ticket"))?;
    let mut params = Params::parse(query.as_deref())?;
    let count = super::tickets::include(&mut params, &["total"])?.contains(&"total");
    let listing = Listing::read(&mut params, &uri, &[], count)?;
    let mut filters = Vec::new();
    filters.extend(choice(&mut params, "status", EmailStatus::parse)?.map(EmailLogFilter::Status));
    filters.extend(params.take("recipient").map(|to| EmailLogFilter::Recipient(to.to_lowercase())));
    params.finish()?;
    let page = api.desk.ticket_email_logs(&ticket, filters, &listing.page).await?;
    let rows = page.rows.iter().map(view::email_log).collect();
    let (links, body) = listing.answer(&page, |log| vec![Param::Id(log.id)], rows);
    Ok(answer::list(&headers, links, &body))
}

/// `GET /email-logs/{id}`: with its tries.
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
    Ok(answer::list(&headers, HeaderMap::new(), &view::email_log_with(&entry, &attempts)))
}

/// `GET /email-logs/{id}/raw`: MIME as sent.
pub async fn raw(
    State(api): State<Api>,
    who: Who,
    Path(log): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    who.require(Scope::EmailLogsRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let mime = api.desk.email_log_raw(id(&log, "email_log")?).await?;
    let mime =
        mime.ok_or_else(|| Problem::new("invalid_state", "it is not rendered before its first try"))?;
    Ok(super::inbound::message(mime))
}
