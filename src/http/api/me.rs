//! The caller.

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::agents::read_own;
use crate::desk::{AgentView, Ending};
use crate::http::auth::Who;
use crate::http::extract::{self, JsonBody, Params};
use crate::http::problem::Problem;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get, patch))
}

/// What agents may change of themselves; null clears what may be null.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct MeBody {
    /// 1–120 characters, shown to customers.
    name: Option<String>,
    /// Put under public replies.
    signature: Option<String>,
    /// Their language, such as `de` or `pt-BR`.
    locale: Option<String>,
    /// By its IANA name.
    #[schema(example = "Europe/Berlin")]
    timezone: Option<String>,
    /// Kinds of mail switched on or off, and `bundle_minutes`; null: as the settings say. A merge patch.
    #[schema(value_type = Option<Object>)]
    notifications: Option<Value>,
}

/// Who you are, and what you may do.
///
/// The agent behind the token, and what the token may do. A service's token has no agent: `id` is null.
#[utoipa::path(
    get,
    path = "/api/support/me",
    operation_id = "get_me",
    tag = "People",
    responses((status = 200, description = "The caller.", body = view::Caller<'static>))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = who.known()?;
    Params::parse(query.as_deref())?.finish()?;
    let scopes = &caller.token.scopes;
    let Some(agent) = &caller.agent else {
        let service = view::Service { id: None, name: &caller.token.name, role: "service", scopes };
        return Ok(answer::list(&headers, HeaderMap::new(), &view::Caller::Service(service)));
    };
    let found = api.desk.agent(agent.id).await?;
    let me = view::Me { agent: view::Agent::of(&found), scopes };
    Ok(answer::object(&headers, found.agent.version, true, &view::Caller::Agent(me)))
}

/// Change what is known of you.
///
/// Address, role and teams are an admin's to change. A service's token has nothing to change: 409.
#[utoipa::path(
    patch,
    path = "/api/support/me",
    operation_id = "change_me",
    tag = "People",
    request_body = MeBody,
    responses((status = 200, description = "The caller.", body = view::Me<'static>))
)]
pub async fn patch(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.known()?;
    let Some(agent) = &caller.agent else {
        return Err(Problem::new("invalid_state", "the token is a service's, which has no settings"));
    };
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { mut fields, .. } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    fields.not_null(&["name", "notifications"]);
    let wanted = read_own(&mut fields);
    fields.finish()?;
    let show = |found: &AgentView| {
        let me = view::Me { agent: view::Agent::of(found), scopes: &caller.token.scopes };
        writing::shown(StatusCode::OK, String::new(), me, dry_run, &[])
    };
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.change_agent(agent.id, wanted, version, caller, ending).await?))
}
