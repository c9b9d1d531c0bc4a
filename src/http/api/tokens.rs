//! What lets programs and people in.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::id;
use crate::desk::query::Param;
use crate::desk::{Answered, Ending, NewToken, StoredAnswer, WithSecret};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody};
use crate::http::list::{List, ListRequest};
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{ApiToken, Scope};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(revoke)).routes(routes!(rotate))
}

/// A token to be made.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct TokenBody {
    /// What it is for, 1–120 characters; the author's name where no agent stands behind it.
    #[schema(example = "shop")]
    name: String,
    /// What it may do, one at least.
    #[schema(example = json!(["tickets:create"]))]
    scopes: Vec<String>,
    /// The agent it acts as; a service without.
    agent_id: Option<Uuid>,
    /// From when it is refused; never without.
    expires_at: Option<view::Time>,
}

/// Tokens.
///
/// Newest first, without their secrets, and without those that were taken back.
#[utoipa::path(
    get,
    path = "/api/support/tokens",
    operation_id = "list_tokens",
    tag = "People",
    responses((status = 200, description = "A page of tokens.", body = List<view::Token<'static>>))
)]
pub async fn list(State(api): State<Api>, ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::Admin)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_tokens(&listing.page).await?;
    let keys = |row: &ApiToken| vec![Param::Id(row.id)];
    Ok(listing.answer(&page, keys, page.rows.iter().map(view::Token::of)))
}

/// Make a token.
///
/// Its secret stands in `token`, this once: a repeat under the same `Idempotency-Key` shows null.
#[utoipa::path(
    post,
    path = "/api/support/tokens",
    operation_id = "create_token",
    tag = "People",
    request_body = TokenBody,
    responses((status = 201, description = "The token and its secret.", body = view::NewToken<'static>))
)]
pub async fn create(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let name = fields.required("name", |f| f.line("name", 1, 120));
    let new = NewToken {
        name: name.unwrap_or_default(),
        scopes: scopes(&mut fields),
        agent_id: fields.uuid("agent_id"),
        expires_at: fields.time("expires_at"),
    };
    fields.finish()?;
    let show = shown(terms.dry_run, StatusCode::CREATED);
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    Ok(writing::send_secret(api.desk.create_token_for(new, caller, ending).await?))
}

/// Give a token a new secret.
///
/// The secret it had works for 24 hours more, unless it is rotated again.
#[utoipa::path(
    post,
    path = "/api/support/tokens/{id}/rotate",
    operation_id = "rotate_token",
    tag = "People",
    params(("id" = Uuid, Path, description = "The token's id.")),
    responses((status = 200, description = "The token and its new secret.", body = view::NewToken<'static>))
)]
pub async fn rotate(
    State(api): State<Api>,
    who: Who,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let token = id(&token, "token")?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let raw = extract::nothing(body, api.body_timeout()).await?;
    let show = shown(terms.dry_run, StatusCode::OK);
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    Ok(writing::send_secret(api.desk.rotate_token(token, version, caller, ending).await?))
}

/// Take a token back.
///
/// It works no longer: here at once, on other nodes within seconds.
#[utoipa::path(
    delete,
    path = "/api/support/tokens/{id}",
    operation_id = "revoke_token",
    tag = "People",
    params(("id" = Uuid, Path, description = "The token's id.")),
    responses((status = 204, description = "It works no longer."))
)]
pub async fn revoke(
    State(api): State<Api>,
    who: Who,
    Path(token): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let token = id(&token, "token")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    api.desk.revoke_token_for(token, version, caller, dry_run).await?;
    Ok(writing::send(Answered { answer: writing::gone(dry_run), replayed: false }))
}

/// Only an admin makes tokens, who holds every scope: none can be given that its maker lacks.
fn scopes(f: &mut Fields) -> Vec<Scope> {
    f.present("scopes");
    let mut scopes: Vec<Scope> = Vec::new();
    for (i, word) in f.texts("scopes", Scope::ALL.len(), 64).iter().enumerate() {
        match Scope::parse(&word.to_lowercase()) {
            Some(scope) if !scopes.contains(&scope) => scopes.push(scope),
            Some(_) => {}
            None => f.refuse_word("scopes", i, word, extract::words(Scope::ALL)),
        }
    }
    scopes
}

fn shown(dry_run: bool, status: StatusCode) -> impl Fn(&WithSecret<ApiToken>) -> StoredAnswer + Sync {
    move |made: &WithSecret<ApiToken>| {
        let location = format!("{BASE}/tokens/{}", made.made.id);
        let new: &[_] = if status == StatusCode::CREATED { &["/id", "/prefix"] } else { &["/prefix"] };
        writing::shown(status, location, view::NewToken::of(made), dry_run, new)
    }
}
