//! Templates tried: shown with made-up or real values, mailed to an agent, filled for an answer.

use std::collections::BTreeMap;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::fields::{TemplateFields, locale, new};
use super::{check, found};
use crate::desk::query::TicketRef;
use crate::desk::{Body, Caller, Ending, TemplateTest};
use crate::http::api::id;
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, Params};
use crate::http::list::All;
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::template::{ALL_LOCALES, Variable, fill_sample, reply_vocabulary};
use crate::model::{
    Audience, BodyFormat, Category, NotificationTemplate, OutboxEntry, Scope, TemplateRecord, TemplateType,
    TemplateVisibility,
};

/// HTML above this is cut by mail programs, octets.
const CLIPPED: usize = 90_000;

/// What a template is tried on, and its fields.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
#[schema(example = json!({"body": "Hi {{ requester.first_name | default('there') }}", "locale": "de"}))]
struct PreviewBody {
    /// Id or number; made-up values when absent.
    ticket: Option<String>,
    /// The reader's language.
    locale: Option<String>,
    /// `reply` when absent.
    r#type: Option<TemplateType>,
    /// Of a notification: what it replaces.
    key: Option<String>,
    /// The text, with variables in braces.
    body: String,
    /// For people.
    name: Option<String>,
    /// The tickets it is for.
    category: Option<Category>,
    /// Of a notification.
    subject: Option<String>,
    /// Of a reply.
    body_format: Option<BodyFormat>,
    /// Of a notification.
    body_html: Option<String>,
    /// Whether it is used.
    is_active: Option<bool>,
    /// Of a reply: the agents it is there for.
    visibility: Option<TemplateVisibility>,
    /// Of a reply: whose it is.
    team_id: Option<Uuid>,
}

/// What a template is tried on, and fields in place of its own.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
#[schema(example = json!({"locale": "de"}))]
struct KeptPreviewBody {
    /// Id or number; made-up values when absent.
    ticket: Option<String>,
    /// The reader's language.
    locale: Option<String>,
    /// For people.
    name: Option<String>,
    /// What agents name it by in mails.
    key: Option<String>,
    /// The tickets it is for.
    category: Option<Category>,
    /// Of a notification.
    subject: Option<String>,
    /// The text, with variables in braces.
    body: Option<String>,
    /// Of a reply.
    body_format: Option<BodyFormat>,
    /// Of a notification.
    body_html: Option<String>,
    /// Whether it is used.
    is_active: Option<bool>,
    /// Of a reply: the agents it is there for.
    visibility: Option<TemplateVisibility>,
    /// Of a reply: whose it is.
    team_id: Option<Uuid>,
}

/// Who gets the mail.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
struct TestBody {
    /// An agent's address.
    #[schema(example = "ada@shop.example")]
    to: String,
    /// The reader's language.
    locale: Option<String>,
}

/// What a reply template is filled with.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
struct RenderBody {
    /// Id or number.
    #[schema(example = "TKT-2026-K7Q4ZP")]
    ticket: String,
    /// Over the ticket's own.
    #[schema(value_type = Option<Object>)]
    variables: Option<Value>,
}

/// What a template is tried on.
struct Trial {
    template: TemplateRecord,
    ticket: Option<TicketRef>,
    /// The reader's language.
    locale: Option<String>,
}

/// See what comes of a template.
///
/// Of a template that is not kept.
#[utoipa::path(
    post,
    path = "/api/support/templates/preview",
    operation_id = "preview_template",
    tag = "Templates",
    security(("token" = ["templates:read"])),
    request_body = PreviewBody,
    responses((status = 200, description = "Subject, text and HTML", body = view::Preview))
)]
pub async fn preview(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesRead)?;
    let mut fields = body(&api, request).await?;
    let reader = locale(&mut fields);
    let ticket = ticket(&mut fields);
    let template = new(&mut fields, api.desk.ids().uuid(api.desk.clock().now()), true);
    fields.finish()?;
    let trial = Trial { template, ticket: checked(&who, ticket)?, locale: reader };
    Ok(answer::json(&shown(&api, caller, trial).await?))
}

/// See what comes of a template that is kept.
///
/// Of one that is kept, with other fields where some are sent.
#[utoipa::path(
    post,
    path = "/api/support/templates/{id}/preview",
    operation_id = "preview_kept_template",
    tag = "Templates",
    security(("token" = ["templates:read"])),
    request_body = KeptPreviewBody,
    responses((status = 200, description = "Subject, text and HTML", body = view::Preview))
)]
pub async fn preview_of(
    State(api): State<Api>,
    who: Who,
    Path(template): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesRead)?;
    let mut fields = body(&api, request).await?;
    let base = found(&api, caller, id(&template, "template")?).await?;
    let reader = locale(&mut fields);
    let ticket = ticket(&mut fields);
    let template = TemplateFields::read(&mut fields, base.r#type).over(base);
    fields.finish()?;
    let trial = Trial { template, ticket: checked(&who, ticket)?, locale: reader };
    Ok(answer::json(&shown(&api, caller, trial).await?))
}

/// Mail a template to an agent.
///
/// Mailed to an agent, made-up values in it.
#[utoipa::path(
    post,
    path = "/api/support/templates/{id}/test",
    operation_id = "test_template",
    tag = "Templates",
    security(("token" = ["templates:write"])),
    request_body = TestBody,
    responses((status = 202, description = "The mail", body = view::EmailLog))
)]
pub async fn test(
    State(api): State<Api>,
    who: Who,
    Path(template): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesWrite)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let extract::JsonBody { raw, mut fields } =
        extract::json(&parts.headers, body, api.body_timeout()).await?;
    let to = fields.required("to", |f| f.address("to"));
    let reader = locale(&mut fields);
    fields.finish()?;
    let template = found(&api, caller, id(&template, "template")?).await?;
    let locale = reader_of(&template, reader);
    let reply = match template.r#type {
        TemplateType::Reply => {
            check(&api, &template).await?;
            let text = fill_sample(&template).map_err(|fault| Problem::template(&[fault]))?;
            Some(Body { text, format: template.body_format }.rendered())
        }
        TemplateType::Notification => None,
    };
    let test = TemplateTest { template, to: to.unwrap_or_default(), locale, reply };
    let dry_run = terms.dry_run;
    let show = |entry: &OutboxEntry| {
        let location = format!("{BASE}/email-logs/{}", entry.id);
        writing::shown(StatusCode::ACCEPTED, location, view::EmailLog::of(entry), dry_run, &["/id"])
    };
    let ending = Ending { key: terms.key(&raw), dry_run, show: &show };
    Ok(writing::send(api.desk.test_template(test, ending).await?))
}

/// A reply template's text for a ticket.
///
/// A reply template's text for a ticket.
#[utoipa::path(
    post,
    path = "/api/support/templates/{id}/render",
    operation_id = "render_template",
    tag = "Templates",
    security(("token" = ["templates:read", "tickets:read"])),
    request_body = RenderBody,
    responses((status = 200, description = "Text and HTML", body = view::Rendered))
)]
pub async fn render(
    State(api): State<Api>,
    who: Who,
    Path(template): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TemplatesRead)?;
    who.require(Scope::TicketsRead)?;
    let mut fields = body(&api, request).await?;
    let ticket = fields.required("ticket", ticket);
    let variables = fields.object("variables");
    fields.finish()?;
    let template = found(&api, caller, id(&template, "template")?).await?;
    if template.r#type == TemplateType::Notification {
        return Err(Problem::new("invalid_state", "agents answer with reply templates; see preview"));
    }
    let ticket = ticket.ok_or(Problem::not_found("ticket"))?;
    let body = api.desk.fill_reply(&ticket, &template, variables, caller).await?;
    let (text, html) = body.rendered();
    Ok(answer::json(&view::Rendered { body: text, body_html: html }))
}

/// What templates may say.
#[utoipa::path(
    get,
    path = "/api/support/templates/variables",
    operation_id = "list_template_variables",
    tag = "Templates",
    security(("token" = ["templates:read"])),
    responses((status = 200, description = "All of them", body = All<view::TemplateVariable>))
)]
pub async fn variables(
    State(api): State<Api>,
    who: Who,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::TemplatesRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let mut all: BTreeMap<String, (Variable, Vec<&str>)> = BTreeMap::new();
    let replies = reply_vocabulary().variables().cloned().collect();
    let notifications =
        NotificationTemplate::ALL.iter().map(|key| (key.as_str(), api.templates.variables(*key)));
    for (known_to, variables) in std::iter::once(("reply", replies)).chain(notifications) {
        for variable in variables {
            let (known, keys) = all.entry(variable.name.clone()).or_insert((variable.clone(), Vec::new()));
            if known.r#type == "null" {
                *known = variable;
            }
            keys.push(known_to);
        }
    }
    let data = all.values().map(|(variable, keys)| view::TemplateVariable::of(variable, keys)).collect();
    Ok(answer::list(&headers, HeaderMap::new(), &All { data }))
}

/// Subject, text and HTML, and what its writer should know.
async fn shown(api: &Api, caller: &Caller, trial: Trial) -> Result<view::Preview, Problem> {
    match trial.template.r#type {
        TemplateType::Reply => reply_shown(api, caller, trial).await,
        TemplateType::Notification => notification_shown(api, caller, trial).await,
    }
}

async fn reply_shown(api: &Api, caller: &Caller, trial: Trial) -> Result<view::Preview, Problem> {
    check(api, &trial.template).await?;
    let body = match &trial.ticket {
        Some(ticket) => api.desk.fill_reply(ticket, &trial.template, None, caller).await?,
        None => {
            let text = fill_sample(&trial.template).map_err(|fault| Problem::template(&[fault]))?;
            Body { text, format: trial.template.body_format }
        }
    };
    let (text, html) = body.rendered();
    let html_bytes = html.as_ref().map_or(0, String::len);
    Ok(view::Preview { subject: None, text, html, html_bytes, warnings: Vec::new() })
}

async fn notification_shown(api: &Api, caller: &Caller, trial: Trial) -> Result<view::Preview, Problem> {
    let Trial { template, ticket, locale } = trial;
    let key = NotificationTemplate::parse(&template.key).ok_or(Problem::not_found("template"))?;
    // What agents and admins are told of a ticket may be a note.
    let tells_notes = ticket.is_some() && key.audience() != Audience::Customer;
    if tells_notes && !caller.allows(Scope::NotesRead) {
        return Err(Problem::lacks(Scope::NotesRead));
    }
    let wanted = reader_of(&template, locale);
    let sample = api.templates.sample(key, &wanted);
    let mail = match &ticket {
        Some(ticket) => api.desk.mail_about(sample, ticket).await?,
        None => sample,
    };
    let (templates, for_thread) = (api.templates.clone(), template.clone());
    let rendering = tokio::task::spawn_blocking(move || {
        let rendered = templates.render_with(&for_thread, &mail);
        rendered.map(|rendered| (rendered, templates.faults(&for_thread)))
    });
    let rendered = rendering.await.map_err(|error| Problem::internal(&error))?;
    let (rendered, faults) = rendered.map_err(|fault| Problem::template(&[fault]))?;
    let mut warnings: Vec<_> = faults.iter().map(ToString::to_string).collect();
    if rendered.html.len() > CLIPPED {
        warnings.push(format!("mail programs cut HTML of more than {CLIPPED} octets"));
    }
    Ok(view::Preview {
        subject: Some(rendered.subject),
        text: rendered.text,
        html_bytes: rendered.html.len(),
        html: Some(rendered.html),
        warnings,
    })
}

/// The wished language; the template's own, or else English.
fn reader_of(template: &TemplateRecord, wished: Option<String>) -> String {
    let own = Some(template.locale.clone());
    wished.or(own).filter(|locale| locale != ALL_LOCALES).unwrap_or_else(|| "en".into())
}

async fn body(api: &Api, request: Request) -> Result<Fields, Problem> {
    Params::parse(request.uri().query())?.finish()?;
    let (parts, body) = request.into_parts();
    Ok(extract::json(&parts.headers, body, api.body_timeout()).await?.fields)
}

fn ticket(f: &mut Fields) -> Option<TicketRef> {
    let text = f.line("ticket", 1, 64)?;
    let ticket = TicketRef::parse(&text);
    if ticket.is_none() {
        f.refuse("ticket", "bad_format", "is neither id nor number of a ticket");
    }
    ticket
}

/// A template must not show what its caller may not read.
fn checked(who: &Who, ticket: Option<TicketRef>) -> Result<Option<TicketRef>, Problem> {
    if ticket.is_some() {
        who.require(Scope::TicketsRead)?;
    }
    Ok(ticket)
}
