//! What was said on a ticket.

use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;

use super::id;
use crate::http::auth::Who;
use crate::http::extract::Params;
use crate::http::problem::Problem;
use crate::http::{Api, answer, view};
use crate::model::Scope;

/// `GET /responses/{id}`.
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(response): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::TicketsRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let view = api.desk.response(id(&response, "response")?, who.allows(Scope::NotesRead)).await?;
    // How its mails fare changes without the version.
    let more = !view.logs.is_empty();
    Ok(answer::object(&headers, view.response.version, more, &view::response(&view)))
}

/// `GET /responses/{id}/raw`: the mail as received or sent.
pub async fn raw(
    State(api): State<Api>,
    who: Who,
    Path(response): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    who.require(Scope::NotesRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let mime = api.desk.response_raw(id(&response, "response")?).await?;
    let mime = mime.ok_or_else(|| Problem::new("invalid_state", "it was no mail, or is not rendered yet"))?;
    Ok(super::inbound::message(mime))
}
