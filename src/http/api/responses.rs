//! What was said on a ticket.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::id;
use crate::desk::{Body, Caller, Ending, ResponseRequest, ResponseWritten};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, Params, words};
use crate::http::problem::{BASE, Problem, ProblemBody};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::ticket::input_word;
use crate::model::{ActorType, BodyFormat, Scope, Status, Timestamp, Visibility};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get)).routes(routes!(add)).routes(routes!(cancel))
}

/// Routes that answer other types.
pub fn raw_routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(raw))
}

/// What is said on a ticket.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
#[schema(example = json!({"body": "It is on its way.", "status": "waiting_customer"}))]
struct ResponseBody {
    /// 1–100 000 characters; required unless `template_id` is sent.
    #[schema(max_length = 100_000, example = "It is on its way.")]
    body: Option<String>,
    /// `markdown` for agents when absent, else `text`.
    body_format: Option<BodyFormat>,
    /// `public` when absent. `internal` ones are notes, which customers never get.
    visibility: Option<Visibility>,
    /// `agent` when absent; `customer` needs `tickets:write`.
    author_type: Option<ActorType>,
    /// With `customer`: who wrote; the requester when absent.
    customer_email: Option<String>,
    /// Recipients, at most 20; the requester when absent.
    to: Option<Vec<String>>,
    /// Further recipients, at most 20; the ticket's when absent.
    cc: Option<Vec<String>>,
    /// Recipients nobody else sees, at most 20.
    bcc: Option<Vec<String>>,
    /// Files uploaded before, at most 20.
    attachment_ids: Option<Vec<Uuid>>,
    /// A reply template that fills an empty `body`.
    template_id: Option<Uuid>,
    /// For the template.
    #[schema(value_type = Option<Object>)]
    variables: Option<Value>,
    /// The ticket's from now on; needs `tickets:write`.
    status: Option<Status>,
    /// Who answers from now on; needs `tickets:write`.
    assignee_id: Option<Uuid>,
    /// Holds the mail until then.
    #[schema(format = DateTime)]
    send_at: Option<String>,
    /// Holds the mail so long.
    #[schema(minimum = 0, maximum = 60, default = 0)]
    undo_seconds: Option<i64>,
    /// The newest response the caller has seen: 409 `collision` if there is a newer one.
    last_seen_response_id: Option<Uuid>,
    /// Says it whatever is newer.
    #[schema(default = false)]
    force: Option<bool>,
    /// `true` mails also where the settings say not to, `false` mails nobody.
    notify: Option<bool>,
}

/// A response.
#[utoipa::path(
    get,
    path = "/api/support/responses/{id}",
    operation_id = "get_response",
    tag = "Responses",
    security(("token" = ["tickets:read"])),
    responses((status = 200, description = "The response", body = view::Response))
)]
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
    Ok(answer::object(&headers, view.response.version, more, &view::Response::of(&view)))
}

/// The mail a response came by or went out as.
///
/// The mail as received or sent.
#[utoipa::path(
    get,
    path = "/api/support/responses/{id}/raw",
    operation_id = "get_response_raw",
    tag = "Responses",
    security(("token" = ["notes:read"])),
    responses(
        (status = 200, description = "The bytes", body = view::Octets, content_type = "message/rfc822"),
        (status = 409, description = "It was no mail, or is not rendered yet", body = ProblemBody, content_type = "application/problem+json"),
    )
)]
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

/// Answer, or leave a note.
#[utoipa::path(
    post,
    path = "/api/support/tickets/{ticket}/responses",
    operation_id = "add_response",
    tag = "Responses",
    security(("token" = ["responses:write"])),
    request_body = ResponseBody,
    responses((status = 201, description = "The response, what was mailed, and its ticket", body = view::ResponseWritten))
)]
pub async fn add(
    State(api): State<Api>,
    who: Who,
    Path(ticket): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::ResponsesWrite)?;
    let ticket = super::tickets::reference(&ticket)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let (mut wanted, variables) = read(&mut fields, caller, api.desk.clock().now());
    fields.finish()?;
    wanted.version = version;
    if let (true, Some(template)) = (wanted.body.text.is_empty(), wanted.template_id) {
        let template = api.desk.answer_template(template, caller).await?;
        wanted.body = api.desk.fill_reply(&ticket, &template, variables, caller).await?;
    }
    let dry_run = terms.dry_run;
    let show = |written: &ResponseWritten| {
        let location = format!("{BASE}/responses/{}", written.view.response.id);
        let body = view::ResponseWritten::of(written, dry_run);
        writing::shown(StatusCode::CREATED, location, body, dry_run, &["/id", "/delivery/email_log_ids"])
    };
    let ending = Ending { key: terms.key(&raw), dry_run, show: &show };
    Ok(writing::send(api.desk.add_response(&ticket, wanted, caller, ending).await?))
}

/// Take back a reply that did not leave yet.
///
/// While its mails are held.
#[utoipa::path(
    post,
    path = "/api/support/responses/{id}/cancel",
    operation_id = "cancel_response",
    tag = "Responses",
    security(("token" = ["responses:write"])),
    responses((status = 200, description = "The response as it stands then", body = view::ResponseWritten))
)]
pub async fn cancel(
    State(api): State<Api>,
    who: Who,
    Path(response): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::ResponsesWrite)?;
    let response = id(&response, "response")?;
    let terms = Terms::read(&request, &who)?;
    let body = extract::nothing(request.into_body(), api.body_timeout()).await?;
    let show = |written: &ResponseWritten| {
        writing::shown(
            StatusCode::OK,
            String::new(),
            view::ResponseWritten::of(written, false),
            terms.dry_run,
            &[],
        )
    };
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.cancel_response(response, caller, ending).await?))
}

/// The fields of API.md §4.4, and the variables for a template.
pub fn read(f: &mut Fields, caller: &Caller, now: Timestamp) -> (ResponseRequest, Option<Value>) {
    let template_id = f.uuid("template_id");
    let text = match template_id {
        Some(_) => f.text("body", 0, 100_000),
        None => f.required("body", |f| f.text("body", 1, 100_000)),
    };
    let default = if caller.agent.is_some() { BodyFormat::Markdown } else { BodyFormat::Text };
    let format = f.word("body_format", BodyFormat::parse, words(BodyFormat::ALL)).unwrap_or(default);
    let visibility = f.word("visibility", |w| Visibility::parse(&input_word(w)), words(Visibility::ALL));
    let undo = f.number("undo_seconds", 0..=60).filter(|seconds| *seconds > 0);
    let send_at = f.time("send_at").or(undo.map(|seconds| now.plus_ms(seconds * 1_000)));
    let request = ResponseRequest {
        visibility: visibility.unwrap_or(Visibility::Public),
        as_customer: author(f, caller),
        to: f.addresses("to", 20),
        cc: f.addresses("cc", 20),
        bcc: f.addresses("bcc", 20).unwrap_or_default(),
        template_id,
        status: f.word("status", Status::from_input, words(Status::ALL)),
        assignee_id: f.clearable_uuid("assignee_id"),
        send_at,
        last_seen_response_id: f.uuid("last_seen_response_id"),
        attachment_ids: f.uuids("attachment_ids", super::attachments::MAX_FILES),
        force: f.flag("force").unwrap_or(false),
        notify: f.flag("notify"),
        ..ResponseRequest::reply(Body { text: text.unwrap_or_default(), format })
    };
    let variables = f.object("variables");
    if request.as_customer.is_some() && request.visibility == Visibility::Internal {
        f.refuse("visibility", "not_allowed", "what a customer says is public");
    }
    for (name, set) in [("status", request.status.is_some()), ("assignee_id", request.assignee_id.is_some())]
    {
        if set && !caller.allows(Scope::TicketsWrite) {
            f.refuse(name, "not_allowed", "needs tickets:write");
        }
    }
    (request, variables)
}

/// The caller speaks, or (with `tickets:write`) a customer does, by their address or as the requester.
fn author(f: &mut Fields, caller: &Caller) -> Option<Option<String>> {
    let author = f.word("author_type", ActorType::parse, vec!["agent", "customer"]);
    let address = f.address("customer_email");
    match author {
        Some(ActorType::Customer) if caller.allows(Scope::TicketsWrite) => Some(address),
        Some(ActorType::Customer) => {
            f.refuse("author_type", "not_allowed", "needs tickets:write");
            None
        }
        Some(ActorType::Seller | ActorType::System) => {
            f.refuse("author_type", "not_allowed", "agent or customer");
            None
        }
        Some(ActorType::Agent) | None => {
            if address.is_some() {
                f.refuse("customer_email", "not_allowed", "goes with author_type customer");
            }
            None
        }
    }
}
