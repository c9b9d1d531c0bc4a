//! Webhooks: made, changed, tried, and their deliveries looked into.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::id;
use crate::desk::query::{Param, WebhookDeliveryFilter};
use crate::desk::{Ending, NewWebhook, StoredAnswer, WebhookChange, WithSecret, webhook_filter};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, Params};
use crate::http::list::{CountParams, List, ListParams, ListRequest, choice, choice_of};
use crate::http::problem::{BASE, Problem};
use crate::http::view::Time;
use crate::http::view::job::Job;
use crate::http::view::webhook::{DeliveryDetails, Webhook, WebhookDelivery, WebhookWithSecret};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer};
use crate::model::target::webhook_url;
use crate::model::webhook::is_known_pattern;
use crate::model::{self, DeliveryState, Scope, Timestamp};

/// Most patterns of a webhook.
const MOST_EVENTS: usize = 50;

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, change, delete))
        .routes(routes!(test))
        .routes(routes!(rotate_secret))
        .routes(routes!(list_deliveries))
        .routes(routes!(get_delivery))
        .routes(routes!(redeliver))
        .routes(routes!(replay))
}

/// A webhook to be made or changed.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct WebhookBody {
    /// `https://` or `http://`; no private address, unless the settings allow it. Required for a new one.
    #[schema(example = "https://shop.example/hook")]
    url: Option<String>,
    /// Types of events, `*`, or globs such as `ticket.*`; at least one. Required for a new one.
    #[schema(example = json!(["ticket.*"]))]
    events: Option<Vec<String>>,
    /// For people.
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Only events of tickets that this search finds when they are handed on: operators, no words.
    #[schema(example = "store_id:st_81", max_length = 500)]
    filter: Option<String>,
    /// Whether it is told of events; `true` for a new one.
    is_active: Option<bool>,
}

/// A time whose events are to be sent again.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct ReplayBody {
    /// From then on.
    from: Time,
    /// Until then; now when absent.
    to: Option<Time>,
}

/// Filters of deliveries.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what is read by name")]
pub struct DeliveryParams {
    /// `pending retrying delivered failed`.
    #[param(example = "failed")]
    state: Option<String>,
    /// Types of events.
    #[param(example = "ticket.created")]
    r#type: Option<String>,
}

/// Who is told of events.
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/support/webhooks",
    operation_id = "list_webhooks",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    params(ListParams, CountParams),
    responses((status = 200, description = "A page of webhooks", body = List<Webhook>))
)]
pub async fn list(State(api): State<Api>, ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::WebhooksWrite)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_webhooks(&listing.page).await?;
    Ok(listing.answer(&page, |row| vec![Param::Id(row.id)], page.rows.iter().map(Webhook::of)))
}

/// Have events told to a URL.
///
/// Each delivery is a signed POST (Standard Webhooks 1.0.0), tried for three days. The secret is shown by this answer
/// alone: a repeat under the same `Idempotency-Key` shows null.
#[utoipa::path(
    post,
    path = "/api/support/webhooks",
    operation_id = "create_webhook",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    request_body = WebhookBody,
    responses((status = 201, description = "The webhook, with its secret", body = WebhookWithSecret))
)]
pub async fn create(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.require(Scope::WebhooksWrite)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let new = NewWebhook {
        url: fields.required("url", |f| url(f, &api)).unwrap_or_default(),
        events: fields.required("events", events).unwrap_or_default(),
        description: fields.line("description", 1, 500),
        filter: filter(&mut fields),
        is_active: fields.flag("is_active").unwrap_or(true),
    };
    fields.finish()?;
    let show = with_secret(terms.dry_run, StatusCode::CREATED);
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    Ok(writing::send_secret(api.desk.create_webhook(new, caller, ending).await?))
}

/// A webhook.
#[utoipa::path(
    get,
    path = "/api/support/webhooks/{id}",
    operation_id = "get_webhook",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    responses((status = 200, description = "The webhook", body = Webhook))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(webhook): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::WebhooksWrite)?;
    Params::parse(query.as_deref())?.finish()?;
    let webhook = api.desk.webhook(id(&webhook, "webhook")?).await?;
    // Since when it fails changes without a version.
    Ok(answer::object(&headers, webhook.version, true, &Webhook::of(&webhook)))
}

/// Change a webhook, or switch it on or off.
///
/// Switched on, it begins without a past. Switched off, what waits for it ends; replay what it missed.
#[utoipa::path(
    patch,
    path = "/api/support/webhooks/{id}",
    operation_id = "change_webhook",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    request_body = WebhookBody,
    responses((status = 200, description = "The webhook", body = Webhook))
)]
pub async fn change(
    State(api): State<Api>,
    who: Who,
    Path(webhook): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    who.require(Scope::WebhooksWrite)?;
    let webhook = id(&webhook, "webhook")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { mut fields, .. } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    fields.not_null(&["url", "events", "is_active"]);
    let change = WebhookChange {
        url: url(&mut fields, &api),
        events: events(&mut fields),
        description: fields.clearable("description", |f| f.line("description", 1, 500)),
        filter: fields.clearable("filter", filter),
        is_active: fields.flag("is_active"),
        version,
    };
    fields.finish()?;
    let show = |webhook: &model::Webhook| {
        writing::shown(StatusCode::OK, String::new(), Webhook::of(webhook), dry_run, &[])
    };
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.change_webhook(webhook, change, ending).await?))
}

/// Take a webhook away.
///
/// With all its deliveries.
#[utoipa::path(
    delete,
    path = "/api/support/webhooks/{id}",
    operation_id = "delete_webhook",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    responses((status = 204, description = "It is gone"))
)]
pub async fn delete(
    State(api): State<Api>,
    who: Who,
    Path(webhook): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    who.require(Scope::WebhooksWrite)?;
    let webhook = id(&webhook, "webhook")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let show = |_: &model::Webhook| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.delete_webhook(webhook, version, ending).await?))
}

/// Try a webhook.
///
/// It gets a `webhook.test`, whatever it subscribed to, and though it is switched off.
#[utoipa::path(
    post,
    path = "/api/support/webhooks/{id}/test",
    operation_id = "test_webhook",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    responses((status = 202, description = "The delivery, about to be sent", body = WebhookDelivery))
)]
pub async fn test(
    State(api): State<Api>,
    who: Who,
    Path(webhook): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let webhook = id(&webhook, "webhook")?;
    let (terms, body) = nothing(&api, &who, request).await?;
    let show = accepted(terms.dry_run, &["/id", "/event_id"]);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.test_webhook(webhook, ending).await?))
}

/// Give a webhook a new secret.
///
/// It is shown by this answer alone, as when the webhook was made. For 24 hours the old one signs too.
#[utoipa::path(
    post,
    path = "/api/support/webhooks/{id}/rotate-secret",
    operation_id = "rotate_webhook_secret",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    responses((status = 200, description = "The webhook, with its new secret", body = WebhookWithSecret))
)]
pub async fn rotate_secret(
    State(api): State<Api>,
    who: Who,
    Path(webhook): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let webhook = id(&webhook, "webhook")?;
    let caller = who.require(Scope::WebhooksWrite)?;
    let (terms, body) = nothing(&api, &who, request).await?;
    let show = with_secret(terms.dry_run, StatusCode::OK);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send_secret(api.desk.rotate_webhook_secret(webhook, caller, ending).await?))
}

/// What was sent to a webhook.
///
/// Newest first, kept for 30 days.
#[utoipa::path(
    get,
    path = "/api/support/webhooks/{id}/deliveries",
    operation_id = "list_webhook_deliveries",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    params(ListParams, CountParams, DeliveryParams),
    responses((status = 200, description = "A page of deliveries", body = List<WebhookDelivery>))
)]
pub async fn list_deliveries(
    State(api): State<Api>,
    Path(webhook): Path<String>,
    mut ask: ListRequest,
) -> Result<Response, Problem> {
    ask.who.require(Scope::WebhooksWrite)?;
    let webhook = id(&webhook, "webhook")?;
    let states = choice_of(&mut ask.params, "state", DeliveryState::parse, DeliveryState::ALL)?;
    let types = choice(&mut ask.params, "type", |word| Some(word.to_owned()))?;
    let listing = ask.listing(&[])?;
    let states = states.map(WebhookDeliveryFilter::State);
    let filters: Vec<_> = states.into_iter().chain(types.map(WebhookDeliveryFilter::Type)).collect();
    let page = api.desk.list_webhook_deliveries(webhook, &filters, &listing.page).await?;
    Ok(listing.answer(&page, |row| vec![Param::Id(row.id)], page.rows.iter().map(WebhookDelivery::of)))
}

/// One delivery.
///
/// With what was sent and what was answered at the last try.
#[utoipa::path(
    get,
    path = "/api/support/webhooks/{id}/deliveries/{delivery}",
    operation_id = "get_webhook_delivery",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    responses((status = 200, description = "The delivery", body = DeliveryDetails))
)]
pub async fn get_delivery(
    State(api): State<Api>,
    who: Who,
    Path((webhook, delivery)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::WebhooksWrite)?;
    Params::parse(query.as_deref())?.finish()?;
    let (webhook, delivery) = (id(&webhook, "webhook")?, id(&delivery, "delivery")?);
    let found = api.desk.webhook_delivery(webhook, delivery).await?;
    Ok(answer::list(&headers, HeaderMap::new(), &DeliveryDetails::of(&found)))
}

/// Send an event again.
///
/// Under the same `webhook-id`, whatever became of it.
#[utoipa::path(
    post,
    path = "/api/support/webhooks/{id}/deliveries/{delivery}/redeliver",
    operation_id = "redeliver_webhook",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    responses((status = 202, description = "The delivery, about to be sent", body = WebhookDelivery))
)]
pub async fn redeliver(
    State(api): State<Api>,
    who: Who,
    Path((webhook, delivery)): Path<(String, String)>,
    request: Request,
) -> Result<Response, Problem> {
    let (webhook, delivery) = (id(&webhook, "webhook")?, id(&delivery, "delivery")?);
    let (terms, body) = nothing(&api, &who, request).await?;
    let show = accepted(terms.dry_run, &[]);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.redeliver(webhook, delivery, ending).await?))
}

/// Send again what happened in a time.
///
/// Every event that is kept (30 days) and that the webhook wants, each under its `webhook-id`, whether it had arrived or
/// not.
#[utoipa::path(
    post,
    path = "/api/support/webhooks/{id}/replay",
    operation_id = "replay_webhook",
    tag = "Webhooks",
    security(("token" = ["webhooks:write"])),
    request_body = ReplayBody,
    responses((status = 202, description = "The job that does it", body = Job))
)]
pub async fn replay(
    State(api): State<Api>,
    who: Who,
    Path(webhook): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::WebhooksWrite)?;
    let webhook = id(&webhook, "webhook")?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let from = fields.required("from", |f| f.time("from")).unwrap_or(Timestamp(0));
    let to = fields.time("to").unwrap_or(api.desk.clock().now());
    if to <= from {
        fields.refuse("to", "out_of_range", "must be later than from");
    }
    fields.finish()?;
    let show = |job: &model::Job| {
        let location = format!("{BASE}/jobs/{}", job.id);
        writing::shown(StatusCode::ACCEPTED, location, Job::from(job), terms.dry_run, &["/id"])
    };
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.replay_webhook(webhook, from, to, caller, ending).await?))
}

async fn nothing(api: &Api, who: &Who, request: Request) -> Result<(Terms, Bytes), Problem> {
    who.require(Scope::WebhooksWrite)?;
    let terms = Terms::read(&request, who)?;
    Ok((terms, extract::nothing(request.into_body(), api.body_timeout()).await?))
}

fn url(fields: &mut Fields, api: &Api) -> Option<String> {
    let text = fields.line("url", 1, 2_000)?;
    let url = webhook_url(&text, api.desk.config().webhooks.allow_private_targets);
    url.map(String::from).map_err(|error| fields.refuse("url", "bad_format", error)).ok()
}

fn events(fields: &mut Fields) -> Option<Vec<String>> {
    let mut events = fields.given_texts("events", MOST_EVENTS, 64)?;
    if events.is_empty() {
        fields.refuse("events", "too_short", "at least one type, or *");
    }
    for (place, pattern) in events.iter().enumerate().filter(|(_, pattern)| !is_known_pattern(pattern)) {
        let detail = "no such event; there are types such as ticket.created, and globs such as ticket.*";
        fields.refuse_item("events", place, "not_in_enum", format!("{pattern}: {detail}"));
    }
    let mut seen = std::collections::HashSet::new();
    events.retain(|pattern| seen.insert(pattern.clone()));
    Some(events)
}

fn filter(fields: &mut Fields) -> Option<String> {
    let text = fields.line("filter", 1, 500)?;
    match webhook_filter(&text) {
        Ok(_) => Some(text),
        Err(error) => {
            fields.refuse("filter", "bad_format", error.0);
            None
        }
    }
}

fn with_secret(
    dry_run: bool,
    status: StatusCode,
) -> impl Fn(&WithSecret<model::Webhook>) -> StoredAnswer + Sync {
    move |webhook: &WithSecret<model::Webhook>| {
        let location = format!("{BASE}/webhooks/{}", webhook.made.id);
        let new: &[_] = if status == StatusCode::CREATED { &["/id"] } else { &[] };
        writing::shown(status, location, WebhookWithSecret::of(webhook), dry_run, new)
    }
}

fn accepted(
    dry_run: bool,
    new: &'static [&'static str],
) -> impl Fn(&model::WebhookDelivery) -> StoredAnswer + Sync {
    move |delivery: &model::WebhookDelivery| {
        let shown = WebhookDelivery::of(delivery);
        let location = format!("{BASE}/webhooks/{}/deliveries/{}", delivery.webhook_id, delivery.id);
        writing::shown(StatusCode::ACCEPTED, location, shown, dry_run, new)
    }
}
