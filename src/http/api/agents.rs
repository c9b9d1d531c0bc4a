//! Those who answer.

use axum::extract::State;
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::Page;
use crate::http::list::ListRequest;
use crate::http::problem::Problem;
use crate::http::{Api, view};
use crate::model::Scope;

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Those who answer.
///
/// All of them, by name.
#[utoipa::path(get, path = "/api/support/agents", operation_id = "list_agents", tag = "People")]
pub async fn list(State(api): State<Api>, ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::TicketsRead)?;
    let listing = ask.listing(&[])?;
    let rows = api.desk.agents().await?;
    let total = i64::try_from(rows.len()).ok();
    let page = Page { rows, has_next: false, has_previous: false, total };
    let rows = page.rows.iter().map(|(agent, further)| view::Agent::of(agent, further));
    Ok(listing.answer(&page, |_| Vec::new(), rows))
}
