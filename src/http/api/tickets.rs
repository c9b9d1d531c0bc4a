//! Tickets.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::attachments::Form;
use super::intake;
use super::new_ticket::{self, Client, NewTicket, TicketForm};

use crate::desk::query::{Choice, Param, TextColumn, TicketFilter, TicketRef};
use crate::desk::{Body, Ending, Include, StatusRequest, TicketView, TicketWritten, search};
use crate::http::auth::Who;
use crate::http::extract::{self, Params, words};
use crate::http::list::{self, List, ListRequest, choice, choice_of};
use crate::http::problem::{BASE, Problem};
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::mail::reply_token::KeyRing;
use crate::model::{BodyFormat, Category, Channel, MessageId, Priority, Scope, Status};

/// Routes that answer JSON.
pub fn routes(api: &Api) -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(super::for_browsers(api, Method::POST, routes!(list, open)))
        .routes(super::for_browsers(api, Method::GET, routes!(intake::challenge)))
        .routes(routes!(get))
        .routes(routes!(set_status))
}

/// What a list of tickets is narrowed by. A comma is "or", a leading `!` is "not", `none` is "empty".
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read one by one")]
pub struct TicketFilters {
    /// `open in_progress waiting_customer waiting_third_party resolved closed`.
    #[param(example = "open,in_progress")]
    status: Option<String>,
    /// `low medium high urgent`.
    #[param(example = "high,urgent")]
    priority: Option<String>,
    /// What sort of question.
    #[param(example = "shipping")]
    category: Option<String>,
    /// `email web api portal phone import`.
    #[param(example = "email")]
    channel: Option<String>,
    /// `me`, `none`, an agent's id or address.
    #[param(example = "me")]
    assignee: Option<String>,
    /// A contact's id or address.
    #[param(example = "jo@example.org")]
    requester: Option<String>,
    /// A team's id.
    team: Option<String>,
    /// The shop's id of the user.
    #[param(example = "u_312")]
    user_id: Option<String>,
    /// The shop's id of the seller.
    seller_id: Option<String>,
    /// The shop's id of the store.
    #[param(example = "st_81")]
    store_id: Option<String>,
    /// The shop's id of the order.
    #[param(example = "1001")]
    order_id: Option<String>,
    /// The caller's own id of the ticket.
    external_id: Option<String>,
    /// A tag.
    #[param(example = "vip")]
    tag: Option<String>,
    /// Whose turn it is: `us customer third_party`.
    #[param(example = "us")]
    waiting: Option<String>,
    /// Unwanted mail in place of the rest.
    #[param(default = false)]
    is_spam: Option<bool>,
    /// Opened at or after.
    #[param(example = "2026-11-01")]
    created_from: Option<String>,
    /// Opened before.
    #[param(example = "2026-12-01")]
    created_to: Option<String>,
    /// Changed at or after.
    #[param(example = "2026-11-01")]
    updated_from: Option<String>,
    /// Changed before.
    #[param(example = "2026-12-01")]
    updated_to: Option<String>,
    /// Ids or numbers.
    #[param(example = "TKT-2026-K7Q4ZP")]
    ids: Option<String>,
    /// The ticket that holds this mail, in or out; brackets are optional.
    #[param(example = "<c1@example.org>")]
    message_id: Option<String>,
    /// Full text, with `is: priority: category: channel: assignee: team: tag: from: before: after: has:attachment number:
    /// user_id: seller_id: store_id: order_id: external_id:`. A word before any other colon is looked for as text.
    #[param(example = "parcel is:open")]
    q: Option<String>,
}

/// What a list of tickets takes besides.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read one by one")]
struct TicketListParams {
    /// `created_at updated_at waiting_since priority number last_customer_message_at`, `-` for descending.
    #[param(default = "-updated_at", example = "-updated_at,number")]
    sort: Option<String>,
    /// `responses`, `total`.
    #[param(example = "total")]
    include: Option<String>,
}

/// How much of a ticket is shown.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read one by one")]
struct TicketParams {
    /// `responses email_logs attachments events related`, separated by commas.
    #[param(example = "responses,events")]
    include: Option<String>,
    /// Members to show, separated by commas; all when absent.
    #[param(example = "id,number,status")]
    fields: Option<String>,
}

/// Where a ticket is to stand.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
struct StatusBody {
    /// Where it stands from now on, in any case; `solved`, `pending` and others are taken too.
    #[schema(example = "resolved")]
    status: Status,
    /// What was done, in one sentence.
    #[schema(max_length = 10_000, example = "Parcel found")]
    resolution: Option<String>,
    /// Becomes a public reply.
    #[schema(max_length = 100_000, example = "It is here.")]
    message: Option<String>,
    /// `true` mails also where the settings say not to, `false` mails nobody.
    notify: Option<bool>,
}

/// A ticket that was opened.
#[derive(ToSchema)]
#[schema(as = TicketOpened)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes both answers, which are made where they are known")]
enum TicketOpened<'a> {
    /// With a token.
    Ticket(Box<view::TicketWritten<'a>>),
    /// Without one.
    Receipt(view::TicketReceipt<'a>),
}

/// List and search tickets.
#[utoipa::path(
    get,
    path = "/api/support/tickets",
    operation_id = "list_tickets",
    tag = "Tickets",
    security(("token" = ["tickets:read"])),
    params(TicketFilters, TicketListParams),
    responses((status = 200, description = "A page of tickets", body = List<view::TicketWith>))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::TicketsRead)?;
    let notes = ask.who.allows(Scope::NotesRead);
    let include = list::include(&mut ask.params, &["responses", "total"])?;
    let order = list::ticket_order(&mut ask.params)?;
    let filters = filters(&mut ask.params, &ask.who, api.desk.keys())?;
    let listing = ask.counted(&list::kinds(&order), include.contains(&"total"))?;
    let page = api.desk.list_tickets(&filters, &order, &listing.page).await?;
    let ids: Vec<_> = page.rows.iter().map(|row| row.ticket.id).collect();
    let responses = match include.contains(&"responses") {
        true => api.desk.responses_of_tickets(&ids, notes).await?,
        false => Vec::new(),
    };
    let rows = page.rows.iter().enumerate();
    let rows = rows.map(|(i, row)| view::TicketWith::listed(row, responses.get(i).map(Vec::as_slice)));
    let keys = |row: &TicketView| {
        let keys = order.iter().map(|o| o.key.of(&row.ticket, o.descending));
        keys.chain([Param::Id(row.ticket.id)]).collect()
    };
    Ok(listing.answer(&page, keys, rows))
}

/// A ticket.
#[utoipa::path(
    get,
    path = "/api/support/tickets/{ticket}",
    operation_id = "get_ticket",
    tag = "Tickets",
    security(("token" = ["tickets:read"])),
    params(TicketParams),
    responses((status = 200, description = "The ticket", body = view::TicketWith))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(ticket): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::TicketsRead)?;
    let ticket = reference(&ticket)?;
    let mut params = Params::parse(query.as_deref())?;
    let include =
        list::include(&mut params, &["responses", "email_logs", "attachments", "events", "related"])?;
    let fields = params.list("fields");
    params.finish()?;
    list::check_fields::<view::TicketWith>(&fields)?;
    if include.contains(&"email_logs") {
        who.require(Scope::EmailLogsRead)?;
    }
    let has = |word| include.contains(&word);
    let wanted = Include {
        responses: has("responses"),
        notes: who.allows(Scope::NotesRead),
        email_logs: has("email_logs"),
        attachments: has("attachments"),
        events: has("events"),
        related: has("related"),
    };
    let found = api.desk.ticket(&ticket, wanted).await?;
    let body = list::picked(&view::TicketWith::of(&found), &fields);
    let more = !include.is_empty() || !fields.is_empty();
    Ok(answer::object(&headers, found.view.ticket.version, more, &body))
}

/// Open a ticket.
#[utoipa::path(
    post,
    path = "/api/support/tickets",
    operation_id = "open_ticket",
    tag = "Tickets",
    security(("token" = ["tickets:create"]), ()),
    request_body(content((NewTicket = "application/json"), (TicketForm = "multipart/form-data"))),
    responses(
        (status = 201, description = "The ticket, and what was mailed; a receipt without a token", body = TicketOpened),
        (status = 202, description = "Without a token, where addresses are confirmed first: a link was mailed", body = view::VerificationSent)
    )
)]
pub async fn open(State(api): State<Api>, who: Who, request: Request) -> Result<Response, Problem> {
    let terms = Terms::read(&request, &who)?;
    if matches!(who, Who::Anonymous) {
        return intake::open(&api, terms, request).await;
    }
    let caller = who.require(Scope::TicketsCreate)?;
    let client = Client::of(&request);
    let form = Form::of_ticket(request, &api).await?;
    let key = terms.key(&form.digested);
    let wanted = new_ticket::read(form, Some(caller), &client)?;
    let dry_run = terms.dry_run;
    let show = |written: &TicketWritten| {
        let location = format!("{BASE}/tickets/{}", written.view.ticket.id);
        let new = ["/id", "/number", "/mail_subject", "/links/self"];
        writing::shown(
            StatusCode::CREATED,
            location,
            view::TicketWritten::of(written, dry_run),
            dry_run,
            &new,
        )
    };
    Ok(writing::send(
        api.desk.create_ticket(wanted, Some(caller), Ending { key, dry_run, show: &show }).await?,
    ))
}

/// Change the status.
#[utoipa::path(
    patch,
    path = "/api/support/tickets/{ticket}/status",
    operation_id = "set_ticket_status",
    tag = "Tickets",
    security(("token" = ["tickets:write"])),
    request_body = StatusBody,
    responses((status = 200, description = "The ticket, and what was mailed", body = view::TicketWritten))
)]
pub async fn set_status(
    State(api): State<Api>,
    who: Who,
    Path(ticket): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TicketsWrite)?;
    let ticket = reference(&ticket)?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let mut fields = extract::json(&parts.headers, body, api.body_timeout()).await?.fields;
    let status = fields.required("status", |f| f.word("status", Status::from_input, words(Status::ALL)));
    let format = if caller.agent.is_some() { BodyFormat::Markdown } else { BodyFormat::Text };
    let wanted = StatusRequest {
        status: status.unwrap_or(Status::Open),
        resolution: fields.text("resolution", 1, 10_000),
        message: fields.text("message", 1, 100_000).map(|text| Body { text, format }),
        notify: fields.flag("notify"),
        version,
    };
    fields.finish()?;
    let show = |written: &TicketWritten| {
        writing::shown(StatusCode::OK, String::new(), view::TicketWritten::of(written, dry_run), dry_run, &[])
    };
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.change_status(&ticket, wanted, caller, ending).await?))
}

/// `{ticket}`: id or number.
pub fn reference(text: &str) -> Result<TicketRef, Problem> {
    TicketRef::parse(text).ok_or(Problem::not_found("ticket"))
}

/// The filters of API.md §4.2.
pub fn filters(params: &mut Params, who: &Who, keys: &KeyRing) -> Result<Vec<TicketFilter>, Problem> {
    let me = match who {
        Who::Known(caller) => caller.agent.as_ref().map(|agent| agent.id),
        Who::Anonymous => None,
    };
    let mut filters = Vec::new();
    filters.extend(choice_of(params, "status", Status::from_input, Status::ALL)?.map(TicketFilter::Status));
    filters.extend(
        choice_of(params, "priority", Priority::from_input, Priority::ALL)?.map(TicketFilter::Priority),
    );
    filters.extend(
        choice_of(params, "category", Category::from_input, Category::ALL)?.map(TicketFilter::Category),
    );
    filters.extend(choice_of(params, "channel", Channel::parse, Channel::ALL)?.map(TicketFilter::Channel));
    filters.extend(choice(params, "assignee", |w| search::person(w, me))?.map(TicketFilter::Assignee));
    filters.extend(choice(params, "requester", |w| search::person(w, None))?.map(TicketFilter::Requester));
    filters.extend(choice(params, "team", |w| Uuid::try_parse(w).ok())?.map(TicketFilter::Team));
    for (name, column) in [
        ("user_id", TextColumn::UserId),
        ("seller_id", TextColumn::SellerId),
        ("store_id", TextColumn::StoreId),
        ("order_id", TextColumn::OrderId),
        ("external_id", TextColumn::ExternalId),
    ] {
        let values = choice(params, name, |w| Some(w.to_owned()))?;
        filters.extend(values.map(|values| TicketFilter::Text(column, values)));
    }
    filters.extend(choice(params, "tag", |w| Some(w.to_owned()))?.map(TicketFilter::Tag));
    if let Some(turns) = choice(params, "waiting", turn)? {
        let any = turns.any.into_iter().flatten().copied().collect();
        filters.push(TicketFilter::Status(Choice { any, none: false, negated: turns.negated }));
    }
    more_filters(params, keys, &mut filters)?;
    if let Some(text) = params.take("q") {
        filters.extend(search::parse(&text, me).map_err(|e| Problem::parameter("q", "bad_format", e.0))?);
    }
    let is_words = |filter: &TicketFilter| matches!(filter, TicketFilter::Words(_));
    if filters.iter().any(is_words) && !who.allows(Scope::NotesRead) {
        filters.push(TicketFilter::PublicWords);
    }
    if !filters.iter().any(|filter| matches!(filter, TicketFilter::Spam(_))) {
        filters.push(TicketFilter::Spam(false));
    }
    Ok(filters)
}

fn more_filters(params: &mut Params, keys: &KeyRing, filters: &mut Vec<TicketFilter>) -> Result<(), Problem> {
    filters.extend(params.flag("is_spam")?.map(TicketFilter::Spam));
    filters.extend(params.time("created_from")?.map(TicketFilter::CreatedFrom));
    filters.extend(params.time("created_to")?.map(TicketFilter::CreatedTo));
    filters.extend(params.time("updated_from")?.map(TicketFilter::UpdatedFrom));
    filters.extend(params.time("updated_to")?.map(TicketFilter::UpdatedTo));
    if let Some(ids) = choice(params, "ids", TicketRef::parse)? {
        if ids.negated || ids.none {
            return Err(Problem::parameter("ids", "not_allowed", "ids are only listed"));
        }
        filters.push(TicketFilter::Refs(ids.any));
    }
    if let Some(text) = params.take("message_id") {
        let bad = || Problem::parameter("message_id", "bad_format", "is no Message-ID");
        let id = MessageId::new(&text).ok_or_else(bad)?;
        let entry = keys.read_message_id(&id).and_then(|ours| ours.entry);
        filters.push(TicketFilter::Mail(id.as_str().to_owned(), entry));
    }
    Ok(())
}

/// Whose turn it is, as statuses (API.md §2).
fn turn(word: &str) -> Option<&'static [Status]> {
    match word {
        "us" => Some(&[Status::Open, Status::InProgress]),
        "customer" => Some(&[Status::WaitingCustomer]),
        "third_party" => Some(&[Status::WaitingThirdParty]),
        _ => None,
    }
}
