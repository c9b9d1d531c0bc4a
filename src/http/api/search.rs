//! Search across tickets, messages and people.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::desk::query::TicketFilter;
use crate::desk::{Find, Found, Search, search};
use crate::http::list::{All, ListRequest, check_fields, picked};
use crate::http::problem::Problem;
use crate::http::{Api, answer};
use crate::model::{Scope, TicketNumber};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(find))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `find` reads")]
struct SearchParams {
    /// Words, phrases in double quotes, and operators: `is: priority: category: channel: assignee: team: tag: from:
    /// before: after: has:attachment number: user_id: seller_id: store_id: order_id: external_id:`. A word before any
    /// other colon is looked for as text.
    #[param(example = "\"blue parcel\" is:open")]
    q: String,
    /// `tickets responses contacts`, separated by commas; what you may see of them when absent.
    #[param(example = "tickets,contacts")]
    r#type: Option<String>,
    /// Most things.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// Members to show, separated by commas; all when absent.
    #[param(example = "type,id,snippet")]
    fields: Option<String>,
}

/// Something found.
#[derive(Serialize, ToSchema)]
pub struct SearchResult<'a> {
    /// `ticket response contact`.
    #[schema(example = "response")]
    pub r#type: &'static str,
    /// Its id.
    pub id: Uuid,
    /// The ticket; null for people.
    #[schema(value_type = Option<String>, example = "TKT-2026-K7Q4ZP")]
    pub ticket_number: Option<&'a TicketNumber>,
    /// The words in their surroundings: plain text.
    #[schema(example = "…hello, the blue parcel is late.")]
    pub snippet: &'a str,
    /// Above 0; larger is better.
    pub score: f64,
}

/// Tickets, messages and people by words, the best first.
///
/// Looked at are the newest 5 000 messages that hold all the words.
#[utoipa::path(
    get,
    path = "/api/support/search",
    operation_id = "search",
    tag = "Tickets",
    params(SearchParams),
    responses((status = 200, description = "What was found", body = All<SearchResult>))
)]
pub async fn find(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    let caller = ask.who.require(Scope::TicketsRead)?;
    let me = caller.agent.as_ref().map(|agent| agent.id);
    let text = ask.params.take("q").ok_or_else(|| Problem::parameter("q", "required", "what to look for"))?;
    let mut filters =
        search::parse(&text, me).map_err(|error| Problem::parameter("q", "bad_format", error.0))?;
    if !filters.iter().any(|filter| matches!(filter, TicketFilter::Spam(_))) {
        filters.push(TicketFilter::Spam(false));
    }
    let kinds = kinds(&mut ask)?;
    let notes = ask.who.allows(Scope::NotesRead);
    let (limit, fields) = ask.unpaged()?;
    check_fields::<SearchResult>(&fields)?;
    let limit = usize::try_from(limit).unwrap_or(0);
    let found = api.desk.search(&Search { filters, kinds, notes, limit }).await?;
    let shown = All { data: found.iter().map(|found| picked(&shown(found), &fields)).collect() };
    Ok(answer::list(&HeaderMap::new(), HeaderMap::new(), &shown))
}

/// Kinds asked for, or all that the caller may see.
fn kinds(ask: &mut ListRequest) -> Result<Vec<Find>, Problem> {
    let contacts = ask.who.allows(Scope::ContactsRead);
    let mut kinds = Vec::new();
    for word in ask.params.list("type") {
        kinds.push(match word.as_str() {
            "tickets" => Find::Ticket,
            "responses" => Find::Response,
            "contacts" => Find::Contact,
            _ => {
                return Err(Problem::not_among("type", &word, ["tickets", "responses", "contacts"]));
            }
        });
    }
    if kinds.contains(&Find::Contact) {
        ask.who.require(Scope::ContactsRead)?;
    }
    if kinds.is_empty() {
        kinds.extend([Find::Ticket, Find::Response]);
        kinds.extend(contacts.then_some(Find::Contact));
    }
    Ok(kinds)
}

fn shown(found: &Found) -> SearchResult<'_> {
    SearchResult {
        r#type: found.kind.as_str(),
        id: found.id,
        ticket_number: found.ticket_number.as_ref(),
        snippet: &found.snippet,
        score: found.score,
    }
}
