//! Templates: what agents answer with, and what replaces the desk's own words.

mod fields;
mod preview;

use std::time::Duration;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::id;
use crate::desk::query::{Param, TemplateFilter};
use crate::desk::{self, Answered, Caller, Ending, WriteKey, builtin_of};
use crate::http::auth::Who;
use crate::http::extract::{self, JsonBody, Params};
use crate::http::list::{Kind, List, ListRequest};
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::template::{check_reply, locale_of};
use crate::model::{Category, Scope, TemplateRecord, TemplateType, TemplateVersion};
use fields::{NewTemplate, TemplateFields, TemplatePatch};

/// How often a change is made anew when others change the same template at that moment.
const TRIES: usize = 3;
/// Longest check of a template: its loops are bounded, a busy machine is not.
const PATIENCE: Duration = Duration::from_secs(20);

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(versions))
        .routes(routes!(restore))
        .routes(routes!(preview::preview))
        .routes(routes!(preview::preview_of))
        .routes(routes!(preview::test))
        .routes(routes!(preview::render))
        .routes(routes!(preview::variables))
}

/// What a list of templates is narrowed by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read one by one")]
struct TemplateFilters {
    /// `reply`, `notification` or `all`.
    #[param(default = "reply", example = "all")]
    r#type: Option<String>,
    /// Several by commas.
    #[param(example = "shipping")]
    category: Option<String>,
    /// Several by commas.
    #[param(example = "de,en")]
    locale: Option<String>,
    /// Words of name and text.
    #[param(example = "refund")]
    q: Option<String>,
    /// Whether it is used.
    is_active: Option<bool>,
}

/// List templates.
#[utoipa::path(
    get,
    path = "/api/support/templates",
    operation_id = "list_templates",
    tag = "Templates",
    security(("token" = ["templates:read"])),
    params(TemplateFilters),
    responses((status = 200, description = "A page of templates", body = List<view::Template>))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    let caller = ask.who.require(Scope::TemplatesRead)?.clone();
    let filters = filters(&mut ask.params)?;
    let listing = ask.listing(&[Kind::Text])?;
    let page = api.desk.list_templates(filters, &listing.page, &caller, api.templates.built_in()).await?;
    let keys = |row: &TemplateRecord| vec![Param::Text(row.name.clone()), Param::Id(row.id)];
    Ok(listing.answer(&page, keys, page.rows.iter().map(view::Template::of)))
}

/// A template.
#[utoipa::path(
    get,
    path = "/api/support/templates/{id}",
    operation_id = "get_template",
    tag = "Templates",
    security(("token" = ["templates:read"])),
    responses((status = 200, description = "The template", body = view::Template))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(template): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let template = found(&api, caller, id(&template, "template")?).await?;
    // Its uses are counted without a new version.
    Ok(answer::object(&headers, template.version, template.usage_count > 0, &view::Template::of(&template)))
}

/// Keep a template.
#[utoipa::path(
    post,
    path = "/api/support/templates",
    operation_id = "create_template",
    tag = "Templates",
    security(("token" = ["templates:write"])),
    request_body = NewTemplate,
    responses((status = 201, description = "The template", body = view::Template))
)]
pub async fn create(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesWrite)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let template = fields::new(&mut fields, api.desk.ids().uuid(api.desk.clock().now()), false);
    fields.finish()?;
    check(&api, &template).await?;
    let show = shown(terms.dry_run, StatusCode::CREATED);
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.create_template(template, caller, ending).await?))
}

/// Change a template, or replace the desk's own words.
///
/// ; of what came with the program: makes an override.
#[utoipa::path(
    patch,
    path = "/api/support/templates/{id}",
    operation_id = "change_template",
    tag = "Templates",
    security(("token" = ["templates:write"])),
    request_body = TemplatePatch,
    responses((status = 200, description = "The template", body = view::Template))
)]
pub async fn change(
    State(api): State<Api>,
    who: Who,
    Path(template): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesWrite)?;
    let template = id(&template, "template")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let mut fields = extract::json(&parts.headers, body, api.body_timeout()).await?.fields;
    let base = found(&api, caller, template).await?;
    let wanted = TemplateFields::read(&mut fields, base.r#type);
    fields.finish()?;
    let change = |base: TemplateRecord| wanted.clone().over(base);
    Ok(writing::send(saved(&api, caller, base, version, (None, dry_run), change).await?))
}

/// Take a template away, or the desk's own words back.
#[utoipa::path(
    delete,
    path = "/api/support/templates/{id}",
    operation_id = "delete_template",
    tag = "Templates",
    security(("token" = ["templates:write"])),
    responses((status = 204, description = "It is gone; of an override: the desk's own words are back"))
)]
pub async fn delete(
    State(api): State<Api>,
    who: Who,
    Path(template): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesWrite)?;
    let template = id(&template, "template")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let show = |(): &()| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.delete_template(template, version, caller, ending).await?))
}

/// Every save of a template.
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/support/templates/{id}/versions",
    operation_id = "list_template_versions",
    tag = "Templates",
    security(("token" = ["templates:read"])),
    responses((status = 200, description = "A page of saves", body = List<view::TemplateVersion>))
)]
pub async fn versions(
    State(api): State<Api>,
    Path(template): Path<String>,
    ask: ListRequest,
) -> Result<Response, Problem> {
    let caller = ask.who.require(Scope::TemplatesRead)?.clone();
    let listing = ask.listing(&[Kind::Int])?;
    let page = api.desk.template_versions(id(&template, "template")?, &listing.page, &caller).await?;
    let keys = |row: &TemplateVersion| vec![Param::Int(row.version), Param::Id(row.template_id)];
    Ok(listing.answer(&page, keys, page.rows.iter().map(view::TemplateVersion::of)))
}

/// Make an old save the newest.
///
/// An old save becomes the newest.
#[utoipa::path(
    post,
    path = "/api/support/templates/{id}/versions/{n}/restore",
    operation_id = "restore_template_version",
    tag = "Templates",
    security(("token" = ["templates:write"])),
    responses((status = 200, description = "The template", body = view::Template))
)]
pub async fn restore(
    State(api): State<Api>,
    who: Who,
    Path((template, version)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesWrite)?;
    let template = id(&template, "template")?;
    let number = version.parse().map_err(|_| Problem::not_found("template"))?;
    let terms = Terms::read(&request, &who)?;
    let wanted = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let body = extract::nothing(request.into_body(), api.body_timeout()).await?;
    let terms = (terms.key(&body), terms.dry_run);
    let old = api.desk.template_version(template, number).await?;
    let base = found(&api, caller, template).await?;
    let change = |base: TemplateRecord| fields::restored(base, old.clone());
    Ok(writing::send(saved(&api, caller, base, wanted, terms, change).await?))
}

/// A template that is kept, or that came with the program.
async fn found(api: &Api, caller: &Caller, id: Uuid) -> Result<TemplateRecord, Problem> {
    if let Some(template) = api.desk.template(id, Some(caller)).await? {
        return Ok(template);
    }
    let built_in = builtin_of(id).map(|key| api.templates.built_in_of(key));
    built_in.ok_or(Problem::not_found("template"))
}

/// Refuses a template that can't be used; tried where it may take its time.
async fn check(api: &Api, template: &TemplateRecord) -> Result<(), Problem> {
    let (templates, template) = (api.templates.clone(), template.clone());
    let checking = tokio::task::spawn_blocking(move || match template.r#type {
        TemplateType::Reply => check_reply(&template),
        TemplateType::Notification => templates.faults(&template),
    });
    let faults = match tokio::time::timeout(PATIENCE, checking).await {
        Ok(Ok(faults)) => faults,
        Ok(Err(error)) => return Err(Problem::internal(&error)),
        Err(_) => return Err(Problem::new("template_error", "it takes too long to fill")),
    };
    if faults.is_empty() { Ok(()) } else { Err(Problem::template(&faults)) }
}

/// Checks and keeps what `change` makes of a template; made anew of what is there when somebody else was faster, unless
/// the caller named a version.
async fn saved(
    api: &Api,
    caller: &Caller,
    mut base: TemplateRecord,
    version: Option<i64>,
    (key, dry_run): (Option<WriteKey>, bool),
    change: impl Fn(TemplateRecord) -> TemplateRecord,
) -> Result<Answered, Problem> {
    let show = shown(dry_run, StatusCode::OK);
    for left in (0..TRIES).rev() {
        if let Some(wanted) = version.filter(|wanted| *wanted != base.version) {
            tracing::debug!(wanted, current = base.version, "stale template version");
            return Err(desk::Error::VersionMismatch { current: base.version }.into());
        }
        let (id, is_new) = (base.id, base.is_builtin());
        let template = change(base);
        check(api, &template).await?;
        let ending = Ending { key: key.clone(), dry_run, show: &show };
        let saved = match is_new {
            true => api.desk.create_template(template, caller, ending).await,
            false => api.desk.save_template(template, caller, ending).await,
        };
        match saved {
            Err(desk::Error::VersionMismatch { .. } | desk::Error::NotFound(_)) if left > 0 => {}
            Err(desk::Error::Duplicate { .. }) if left > 0 && is_new => {}
            other => return Ok(other?),
        }
        base = found(api, caller, id).await?;
    }
    Err(Problem::new("invalid_state", "others change it all the time"))
}

fn shown(dry_run: bool, status: StatusCode) -> impl Fn(&TemplateRecord) -> desk::StoredAnswer + Sync {
    move |template: &TemplateRecord| {
        let location = format!("{BASE}/templates/{}", template.id);
        let new: &[_] = if status == StatusCode::CREATED { &["/id"] } else { &[] };
        writing::shown(status, location, view::Template::of(template), dry_run, new)
    }
}

/// The filters of API.md §4.7.
fn filters(params: &mut Params) -> Result<Vec<TemplateFilter>, Problem> {
    let mut filters = Vec::new();
    match params.take("type").as_deref() {
        None | Some("reply") => filters.push(TemplateFilter::Type(TemplateType::Reply)),
        Some("notification") => filters.push(TemplateFilter::Type(TemplateType::Notification)),
        Some("all") => {}
        Some(word) => return Err(Problem::not_among("type", word, ["reply", "notification", "all"])),
    }
    if let Some(any) =
        words(params, "category", |word| Category::from_input(word).map(|c| c.as_str().to_owned()))?
    {
        filters.push(TemplateFilter::Category(any));
    }
    if let Some(any) = words(params, "locale", locale_of)? {
        filters.push(TemplateFilter::Locale(any));
    }
    filters.extend(params.flag("is_active")?.map(TemplateFilter::Active));
    filters.extend(params.take("q").map(TemplateFilter::Words));
    Ok(filters)
}

fn words(
    params: &mut Params,
    name: &'static str,
    read: impl Fn(&str) -> Option<String>,
) -> Result<Option<Vec<String>>, Problem> {
    let words = params.list(name);
    if words.len() > 100 {
        return Err(Problem::parameter(name, "too_many", "at most 100 values"));
    }
    let known: Vec<_> = words.iter().filter_map(|word| read(word)).collect();
    match words.len() {
        0 => Ok(None),
        all if all == known.len() => Ok(Some(known)),
        _ => Err(Problem::parameter(name, "not_in_enum", "has an unknown value")),
    }
}
