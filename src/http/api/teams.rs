//! Agents who share work.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::id;
use crate::desk::query::Param;
use crate::desk::{Ending, StoredAnswer, TeamRequest, TeamView};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody};
use crate::http::list::{Kind, List, ListRequest};
use crate::http::problem::{BASE, Problem};
use crate::http::view::team::Team;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer};
use crate::model::Scope;

/// Most agents of a team.
const MOST_MEMBERS: usize = 1_000;

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(change, delete))
}

/// A team to be made or changed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct TeamBody {
    /// 1–120 characters, unique in whatever case; required for a new team.
    #[schema(example = "Returns")]
    name: Option<String>,
    /// Agents who are in it, all of them.
    member_ids: Option<Vec<Uuid>>,
}

/// Teams, by name.
#[utoipa::path(
    get,
    path = "/api/support/teams",
    operation_id = "list_teams",
    tag = "People",
    security(("token" = ["tickets:read"])),
    responses((status = 200, description = "A page of teams", body = List<Team>))
)]
pub async fn list(State(api): State<Api>, ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::TicketsRead)?;
    let listing = ask.listing(&[Kind::Text])?;
    let page = api.desk.list_teams(&listing.page).await?;
    let keys = |row: &TeamView| vec![Param::Text(row.team.name.clone()), Param::Id(row.team.id)];
    Ok(listing.answer(&page, keys, page.rows.iter().map(Team::from)))
}

/// Make a team.
#[utoipa::path(
    post,
    path = "/api/support/teams",
    operation_id = "create_team",
    tag = "People",
    security(("token" = ["admin"])),
    request_body = TeamBody,
    responses((status = 201, description = "The team", body = Team))
)]
pub async fn create(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    fields.present("name");
    let wanted = read(&mut fields);
    fields.finish()?;
    let show = shown(terms.dry_run, StatusCode::CREATED);
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.create_team(wanted, caller, ending).await?))
}

/// Name a team anew, or say who is in it.
#[utoipa::path(
    patch,
    path = "/api/support/teams/{id}",
    operation_id = "change_team",
    tag = "People",
    security(("token" = ["admin"])),
    request_body = TeamBody,
    responses((status = 200, description = "The team", body = Team))
)]
pub async fn change(
    State(api): State<Api>,
    who: Who,
    Path(team): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let team = id(&team, "team")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { mut fields, .. } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    fields.not_null(&["name", "member_ids"]);
    let wanted = read(&mut fields);
    fields.finish()?;
    let show = shown(dry_run, StatusCode::OK);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.change_team(team, wanted, version, caller, ending).await?))
}

/// Take a team away.
///
/// Its tickets and mailboxes lose it. 409 while it has more than 1000 tickets, or templates of its own.
#[utoipa::path(
    delete,
    path = "/api/support/teams/{id}",
    operation_id = "delete_team",
    tag = "People",
    security(("token" = ["admin"])),
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete(
    State(api): State<Api>,
    who: Who,
    Path(team): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let team = id(&team, "team")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let show = |(): &()| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.delete_team(team, version, caller, ending).await?))
}

fn read(fields: &mut Fields) -> TeamRequest {
    TeamRequest {
        name: fields.line("name", 1, 120),
        member_ids: fields.distinct_uuids("member_ids", MOST_MEMBERS),
    }
}

fn shown(dry_run: bool, status: StatusCode) -> impl Fn(&TeamView) -> StoredAnswer + Sync {
    move |view: &TeamView| {
        let location = format!("{BASE}/teams/{}", view.team.id);
        let new: &[_] = if status == StatusCode::CREATED { &["/id"] } else { &[] };
        writing::shown(status, location, Team::from(view), dry_run, new)
    }
}
