//! The caller.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::{Caller, Ending};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, Params};
use crate::http::problem::Problem;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::Agent;

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get, patch))
}

/// Who you are, and what you may do.
///
/// The agent behind the token, and what the token may do.
#[utoipa::path(get, path = "/api/support/me", operation_id = "get_me", tag = "People")]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = who.known()?;
    Params::parse(query.as_deref())?.finish()?;
    let Some(agent) = &caller.agent else {
        let token = &caller.token;
        let service = view::Service { id: None, name: &token.name, role: "service", scopes: &token.scopes };
        return Ok(answer::list(&headers, HeaderMap::new(), &service));
    };
    let (agent, further) = api.desk.agent(agent.id).await?;
    Ok(answer::object(&headers, agent.version, true, &shown(&agent, &further, caller)))
}

/// What you wish to be told by mail.
///
/// What the agent wishes to be told.
#[utoipa::path(patch, path = "/api/support/me", operation_id = "change_me", tag = "People")]
pub async fn patch(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.known()?;
    let Some(agent) = &caller.agent else {
        return Err(Problem::new("invalid_state", "the token is a service's, which has no settings"));
    };
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { mut fields, .. } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let wishes = wishes(&mut fields, agent);
    fields.finish()?;
    let (_, further) = api.desk.agent(agent.id).await?;
    let show = |agent: &Agent| {
        writing::shown(StatusCode::OK, String::new(), shown(agent, &further, caller), dry_run, &[])
    };
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.set_notifications(agent.id, &wishes, version, ending).await?))
}

/// The patch; each wish that can't be had is named.
fn wishes(fields: &mut Fields, agent: &Agent) -> Map<String, Value> {
    let Some(Value::Object(patch)) = fields.object("notifications") else { return Map::new() };
    for wrong in agent.notifications.patched(&patch).err().into_iter().flatten() {
        fields.refuse_member("notifications", &wrong.key, wrong.code, wrong.detail);
    }
    patch
}

fn shown<'a>(agent: &'a Agent, further: &'a [String], caller: &'a Caller) -> view::Me<'a> {
    view::Me { agent: view::Agent::of(agent, further), scopes: &caller.token.scopes }
}
