//! One change of many tickets.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::ticket_changes::{self, TicketPatch};
use crate::desk::query::TicketRef;
use crate::desk::{
    AT_ONCE, Answered, Bulk, BulkAction, BulkCall, BulkTickets, Caller, Ending, MOST, ResponseRequest,
    StoredAnswer, TicketUpdate,
};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, Params};
use crate::http::problem::{BASE, Problem, refusal};
use crate::http::view::bulk::BulkResults;
use crate::http::view::job::Job;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer};
use crate::model::ticket::input_word;
use crate::model::{self, Scope};

/// What can be done with many tickets.
const ACTIONS: [&str; 4] = ["update", "respond", "delete", "spam"];

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(bulk))
}

/// Which tickets, and what is done with each.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `read` reads")]
pub struct BulkBody {
    /// Ids or numbers, at most 10 000.
    #[schema(example = json!(["TKT-2026-K7Q4ZP"]))]
    ids: Option<Vec<String>>,
    /// Instead of `ids`: the parameters of the list of tickets.
    #[schema(value_type = Option<Object>, example = json!({"q": "is:open"}))]
    filter: Option<Value>,
    /// With `filter`: how many it matches. When that is no longer so, nothing is done.
    expected_count: Option<i64>,
    /// `update respond delete spam`.
    #[schema(example = "update")]
    action: String,
    /// With `update`: as PATCH of one ticket.
    update: Option<TicketPatch>,
    /// With `respond`: as a response to one ticket.
    #[schema(value_type = Option<Object>, example = json!({"body": "We are on strike until Monday."}))]
    response: Option<Value>,
    /// true: also what the settings switch off is mailed; false: nothing.
    notify: Option<bool>,
}

/// Do one thing with many tickets.
///
/// Each by itself: one that is refused does not hold up the others. Up to 100 are done at once, more by a job.
#[utoipa::path(
    post,
    path = "/api/support/tickets/bulk",
    operation_id = "change_tickets",
    tag = "Tickets",
    request_body(content = BulkBody, example = json!({
        "ids": ["TKT-2026-K7Q4ZP"], "action": "update", "update": {"add_tags": ["strike"]},
    })),
    responses(
        (status = 200, description = "What became of each ticket.", body = BulkResults),
        (status = 202, description = "The job that does it.", body = Job)
    )
)]
pub async fn bulk(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let caller = who.require(Scope::TicketsWrite)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let JsonBody { raw, mut fields } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let (tickets, action) = read(&mut fields, &api, &who, caller)?;
    fields.finish()?;
    if matches!(action, BulkAction::Respond { .. }) {
        who.require(Scope::ResponsesWrite)?;
    }
    let done = status_of(&action);
    let dry_run = terms.dry_run;
    let show = |job: &model::Job| shown(job, dry_run);
    let ending = Ending { key: terms.key(&raw), dry_run, show: &show };
    let call = BulkCall { tickets, action, caller, show: refusal };
    match api.desk.bulk(call, ending).await? {
        Bulk::Started(answered) => Ok(accepted(answered)),
        Bulk::Done(outcomes, replayed) => {
            let body = BulkResults::of(&outcomes, done.as_u16());
            let answer = writing::shown(StatusCode::OK, String::new(), body, dry_run, &[]);
            Ok(writing::send(Answered { answer, replayed }))
        }
    }
}

fn shown(job: &model::Job, dry_run: bool) -> StoredAnswer {
    let answer = writing::shown(StatusCode::ACCEPTED, String::new(), Job::from(job), dry_run, &["/id"]);
    let location = (!dry_run).then(|| format!("{BASE}/jobs/{}", job.id));
    StoredAnswer { location, ..answer }
}

/// 202 with the place of the job.
fn accepted(answered: Answered) -> Response {
    let location = answered.answer.location.clone();
    let mut response = writing::send(answered);
    if let Some(Ok(location)) = location.as_deref().map(HeaderValue::from_str) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, answer::NO_CACHE);
    response
}

/// What the call for one ticket answers.
fn status_of(action: &BulkAction) -> StatusCode {
    match action {
        BulkAction::Update(_) | BulkAction::Spam => StatusCode::OK,
        BulkAction::Respond { .. } => StatusCode::CREATED,
        BulkAction::Delete => StatusCode::NO_CONTENT,
    }
}

fn read(f: &mut Fields, api: &Api, who: &Who, caller: &Caller) -> Result<(BulkTickets, BulkAction), Problem> {
    let notify = f.flag("notify");
    let directory = api.desk.directory();
    let update = f.inner("update", |f| ticket_changes::update(f, caller, &directory))?;
    let now = api.desk.clock().now();
    let response = f.inner("response", |f| super::responses::read(f, caller, now))?;
    let tickets = tickets(f, api, who)?;
    let known = |word: &str| ACTIONS.into_iter().find(|known| *known == input_word(word));
    let action = f.required("action", |f| f.word("action", known, ACTIONS.to_vec())).unwrap_or_default();
    goes_with(f, action, ("update", "update"), update.is_some());
    goes_with(f, action, ("respond", "response"), response.is_some());
    let action = match (action, update, response) {
        ("update", Some(update), _) => {
            BulkAction::Update(TicketUpdate { notify: update.notify.or(notify), ..update })
        }
        ("respond", _, Some((response, variables))) => {
            let notify = response.notify.or(notify);
            let response = ResponseRequest { notify, copy_attachments: true, ..response };
            BulkAction::Respond { response, variables }
        }
        ("spam", ..) => BulkAction::Spam,
        _ => BulkAction::Delete,
    };
    Ok((tickets, action))
}

/// A member that one action needs, and no other takes.
fn goes_with(f: &mut Fields, action: &str, (of, member): (&str, &str), given: bool) {
    let words = || format!("goes with the action {of}");
    match (action == of, given) {
        (true, false) => f.refuse(member, "required", words()),
        (false, true) if !action.is_empty() => f.refuse(member, "not_allowed", words()),
        _ => {}
    }
}

/// Named one by one, or by a filter and how many it is said to match.
fn tickets(f: &mut Fields, api: &Api, who: &Who) -> Result<BulkTickets, Problem> {
    let expected = f.number("expected_count", 0..=i64::MAX);
    let filter = f.take("filter");
    if !f.has("ids") {
        return found(f, filter, expected, api, who);
    }
    if filter.is_some() {
        f.refuse("filter", "not_allowed", "ids or a filter, not both");
    }
    let mut named = Vec::new();
    let texts = f.texts("ids", MOST, 64);
    if texts.is_empty() {
        f.refuse("ids", "required", "at least one id or number");
    }
    for text in texts {
        match TicketRef::parse(&text) {
            Some(ticket) => named.push((text, ticket)),
            None => f.refuse("ids", "bad_format", format!("{text} is neither id nor number")),
        }
    }
    Ok(BulkTickets::Named(named))
}

fn found(
    f: &mut Fields,
    filter: Option<Value>,
    expected: Option<i64>,
    api: &Api,
    who: &Who,
) -> Result<BulkTickets, Problem> {
    let mut members = Map::new();
    match filter {
        Some(Value::Object(given)) if !given.is_empty() => members = given,
        Some(_) => f.refuse("filter", "bad_type", "an object with at least one condition"),
        None => f.refuse("ids", "required", format!("ids, or a filter; up to {AT_ONCE} are done at once")),
    }
    if !members.is_empty() && expected.is_none() {
        f.refuse("expected_count", "required", "says how many tickets the filter matches");
    }
    let mut params = Params::of_object(members);
    let filters = super::tickets::filters(&mut params, who, api.desk.keys());
    let filters = filters.and_then(|filters| params.finish().map(|()| filters));
    let filters = filters.map_err(|problem| problem.of_member("filter"))?;
    Ok(BulkTickets::Found { filters, expected: expected.unwrap_or(0) })
}
