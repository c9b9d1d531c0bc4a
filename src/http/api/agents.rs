//! Those who answer.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::{id, personal};
use crate::desk::query::Param;
use crate::desk::{AgentRequest, AgentView, Ending, StoredAnswer};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, Params};
use crate::http::list::{Kind, List, ListRequest};
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{Scope, Wishes};

/// What an agent may be.
const ROLES: &[&str] = &["agent", "admin"];
/// Most further addresses of an agent.
const MOST_ADDRESSES: usize = 20;
/// Most teams of an agent.
const MOST_TEAMS: usize = 100;

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, change, deactivate))
}

/// An agent to be made or changed; null clears what may be null.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct AgentBody {
    /// 1–120 characters, shown to customers. Required for a new agent.
    #[schema(example = "Ada")]
    name: Option<String>,
    /// Where they are written to, and what they are recognised by; no other agent's and no mailbox's. Required for a new
    /// agent.
    #[schema(example = "ada@shop.example")]
    email: Option<String>,
    /// Further addresses they write from, all of them.
    alternate_emails: Option<Vec<String>>,
    /// `agent` (the default) or `admin`.
    role: Option<String>,
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
    /// The teams they are in, all of them.
    team_ids: Option<Vec<Uuid>>,
    /// False sends them home, as DELETE does; true lets one who left in again.
    is_active: Option<bool>,
}

/// Those who answer.
///
/// By name, those who left too.
#[utoipa::path(
    get,
    path = "/api/support/agents",
    operation_id = "list_agents",
    tag = "People",
    params(("is_active" = Option<bool>, Query, description = "Only those who work here, or only those who left.")),
    responses((status = 200, description = "A page of agents.", body = List<view::Agent<'static>>))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::TicketsRead)?;
    let active = ask.params.flag("is_active")?;
    let listing = ask.listing(&[Kind::Text])?;
    let page = api.desk.list_agents(active, &listing.page).await?;
    let keys = |row: &AgentView| vec![Param::Text(row.agent.name.clone()), Param::Id(row.agent.id)];
    Ok(listing.answer(&page, keys, page.rows.iter().map(view::Agent::of)))
}

/// An agent.
#[utoipa::path(
    get,
    path = "/api/support/agents/{id}",
    operation_id = "get_agent",
    tag = "People",
    params(("id" = Uuid, Path, description = "The agent's id.")),
    responses((status = 200, description = "The agent.", body = view::Agent<'static>))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(agent): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::TicketsRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let found = api.desk.agent(id(&agent, "agent")?).await?;
    // Teams take them in without a new version of theirs.
    Ok(answer::object(&headers, found.agent.version, true, &view::Agent::of(&found)))
}

/// Take somebody on.
#[utoipa::path(
    post,
    path = "/api/support/agents",
    operation_id = "create_agent",
    tag = "People",
    request_body = AgentBody,
    responses((status = 201, description = "The agent.", body = view::Agent<'static>))
)]
pub async fn create(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    fields.present("name");
    fields.present("email");
    let wanted = read(&mut fields);
    fields.finish()?;
    let show = shown(terms.dry_run, StatusCode::CREATED);
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.create_agent(wanted, caller, ending).await?))
}

/// Change an agent.
#[utoipa::path(
    patch,
    path = "/api/support/agents/{id}",
    operation_id = "change_agent",
    tag = "People",
    params(("id" = Uuid, Path, description = "The agent's id.")),
    request_body = AgentBody,
    responses((status = 200, description = "The agent.", body = view::Agent<'static>))
)]
pub async fn change(
    State(api): State<Api>,
    who: Who,
    Path(agent): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let agent = id(&agent, "agent")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { mut fields, .. } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    fields.not_null(&["name", "email", "alternate_emails", "role", "notifications", "team_ids", "is_active"]);
    let wanted = read(&mut fields);
    fields.finish()?;
    let show = shown(dry_run, StatusCode::OK);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.change_agent(agent, wanted, version, caller, ending).await?))
}

/// Send an agent home.
///
/// Their tokens stop working for good, and tickets of theirs that are neither resolved nor closed are nobody's. What
/// they wrote and ended keeps their name; `PATCH` with `is_active: true` lets them in again.
#[utoipa::path(
    delete,
    path = "/api/support/agents/{id}",
    operation_id = "deactivate_agent",
    tag = "People",
    params(("id" = Uuid, Path, description = "The agent's id.")),
    responses((status = 204, description = "They work here no longer."))
)]
pub async fn deactivate(
    State(api): State<Api>,
    who: Who,
    Path(agent): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let agent = id(&agent, "agent")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let show = |_: &AgentView| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    let wanted = AgentRequest { is_active: Some(false), ..AgentRequest::default() };
    Ok(writing::send(api.desk.change_agent(agent, wanted, version, caller, ending).await?))
}

fn read(f: &mut Fields) -> AgentRequest {
    AgentRequest {
        email: f.address("email"),
        alternate_emails: f.addresses("alternate_emails", MOST_ADDRESSES),
        role: role(f),
        team_ids: f.distinct_uuids("team_ids", MOST_TEAMS),
        is_active: f.flag("is_active"),
        ..read_own(f)
    }
}

/// What agents may say of themselves.
pub fn read_own(f: &mut Fields) -> AgentRequest {
    AgentRequest {
        name: f.line("name", 1, 120),
        signature: personal::text(f, "signature"),
        locale: personal::locale(f),
        timezone: personal::timezone(f),
        notifications: wishes(f),
        ..AgentRequest::default()
    }
}

fn role(f: &mut Fields) -> Option<String> {
    let known = |word: &str| ROLES.iter().find(|role| role.eq_ignore_ascii_case(word));
    f.word("role", known, ROLES.to_vec()).map(|role| (*role).to_owned())
}

/// The patch; each wish that can't be had is named.
fn wishes(f: &mut Fields) -> Map<String, Value> {
    let Some(Value::Object(patch)) = f.object("notifications") else { return Map::new() };
    for wrong in Wishes::default().patched(&patch).err().into_iter().flatten() {
        f.refuse_member("notifications", &wrong.key, wrong.code, wrong.detail);
    }
    patch
}

fn shown(dry_run: bool, status: StatusCode) -> impl Fn(&AgentView) -> StoredAnswer + Sync {
    move |view: &AgentView| {
        let location = format!("{BASE}/agents/{}", view.agent.id);
        let new: &[_] = if status == StatusCode::CREATED { &["/id"] } else { &[] };
        writing::shown(status, location, view::Agent::of(view), dry_run, new)
    }
}
