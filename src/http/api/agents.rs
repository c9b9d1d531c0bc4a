//! Those who answer.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::Page;
use crate::http::auth::Who;
use crate::http::extract::Params;
use crate::http::list::Listing;
use crate::http::problem::Problem;
use crate::http::{Api, answer, view};
use crate::model::Scope;

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Those who answer.
///
/// All of them, by name.
#[utoipa::path(get, path = "/api/support/agents", operation_id = "list_agents", tag = "People")]
pub async fn list(
    State(api): State<Api>,
    who: Who,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::TicketsRead)?;
    let mut params = Params::parse(query.as_deref())?;
    let listing = Listing::read(&mut params, &uri, &[], false)?;
    params.finish()?;
    let agents = api.desk.agents().await?;
    let rows = agents.iter().map(|(agent, further)| view::agent(agent, further)).collect();
    let total = i64::try_from(agents.len()).ok();
    let page = Page { rows: agents, has_next: false, has_previous: false, total };
    let (links, body) = listing.answer(&page, |_| Vec::new(), rows);
    Ok(answer::list(&headers, links, &body))
}
