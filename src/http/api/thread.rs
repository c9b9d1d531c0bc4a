//! What hangs on one ticket, page by page.

use axum::extract::{Path, State};
use axum::response::Response;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::tickets::reference;
use crate::desk::ResponseView;
use crate::desk::query::{Param, ResponseFilter};
use crate::http::list::{self, CountParams, Kind, List, ListParams, ListRequest, TimeParams, choice_of};
use crate::http::problem::Problem;
use crate::http::{Api, view};
use crate::model::{ActorType, Scope, TicketEvent, Visibility};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(responses)).routes(routes!(events))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `responses` reads")]
struct ResponseParams {
    /// `public internal`: any of these, `!` in front for none of them.
    #[param(example = "public")]
    visibility: Option<String>,
    /// `customer agent seller system`: any of these, `!` in front for none of them.
    #[param(example = "customer,seller")]
    author_type: Option<String>,
}

/// What was said on a ticket.
///
/// Oldest first; notes only with `notes:read`.
#[utoipa::path(
    get,
    path = "/api/support/tickets/{ticket}/responses",
    operation_id = "list_responses",
    tag = "Responses",
    params(("ticket" = String, Path, description = "Id or number"), ListParams, CountParams, TimeParams, ResponseParams),
    responses((status = 200, description = "A page of responses", body = List<view::Response>))
)]
pub async fn responses(
    State(api): State<Api>,
    Path(ticket): Path<String>,
    mut ask: ListRequest,
) -> Result<Response, Problem> {
    ask.who.require(Scope::TicketsRead)?;
    let ticket = reference(&ticket)?;
    let notes = ask.who.allows(Scope::NotesRead);
    let params = &mut ask.params;
    let mut filters = Vec::new();
    filters.extend(
        choice_of(params, "visibility", Visibility::parse, Visibility::ALL)?.map(ResponseFilter::Visibility),
    );
    filters.extend(
        choice_of(params, "author_type", ActorType::parse, ActorType::ALL)?.map(ResponseFilter::Author),
    );
    let descending = list::by_time(params, "created_at", false)?;
    let listing = ask.listing(&[Kind::Int])?;
    let page = api.desk.list_responses(&ticket, filters, notes, descending, &listing.page).await?;
    let rows = page.rows.iter().map(view::Response::of);
    let keys = |row: &ResponseView| vec![row.response.created_at.into(), Param::Id(row.response.id)];
    Ok(listing.answer(&page, keys, rows))
}

/// What happened to a ticket.
///
/// The audit trail, oldest first; what is about notes only with `notes:read`.
#[utoipa::path(
    get,
    path = "/api/support/tickets/{ticket}/events",
    operation_id = "list_ticket_events",
    tag = "Tickets",
    params(("ticket" = String, Path, description = "Id or number"), ListParams, CountParams, TimeParams),
    responses((status = 200, description = "A page of events", body = List<view::Event>))
)]
pub async fn events(
    State(api): State<Api>,
    Path(ticket): Path<String>,
    mut ask: ListRequest,
) -> Result<Response, Problem> {
    ask.who.require(Scope::TicketsRead)?;
    let ticket = reference(&ticket)?;
    let notes = ask.who.allows(Scope::NotesRead);
    let descending = list::by_time(&mut ask.params, "created_at", false)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_events(&ticket, notes, descending, &listing.page).await?;
    let rows = page.rows.iter().map(view::Event::of);
    Ok(listing.answer(&page, |event: &TicketEvent| vec![Param::Id(event.id)], rows))
}
