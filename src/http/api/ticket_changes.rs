//! Tickets changed: their fields, whose they are, and what is spam.

use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::new_ticket::distinct;
use super::tickets::reference;
use crate::desk::query::{Person, TicketRef};
use crate::desk::{
    Caller, Directory, Ending, SpamRequest, StoredAnswer, TicketUpdate, TicketWritten, search,
};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, Params, words};
use crate::http::problem::Problem;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{Category, Priority, Scope, Status};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(patch, delete))
        .routes(routes!(assign))
        .routes(routes!(spam))
        .routes(routes!(restore))
}

/// What a ticket shall be; null clears what may be empty.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `update` reads")]
pub struct TicketPatch {
    /// 1 to 255 characters. Mails keep the subject the ticket began with.
    subject: Option<String>,
    /// `low medium high urgent`.
    priority: Option<Priority>,
    /// What it is about.
    category: Option<Category>,
    /// An agent: id, address, or `me`.
    assignee_id: Option<String>,
    /// A team.
    team_id: Option<Uuid>,
    /// The contact who asks from now on.
    requester_id: Option<Uuid>,
    /// All tags, at most 50 of at most 64 characters.
    tags: Option<Vec<String>>,
    /// Tags to be added.
    add_tags: Option<Vec<String>>,
    /// Tags to be taken away.
    remove_tags: Option<Vec<String>>,
    /// All addresses that read along, at most 20.
    cc: Option<Vec<String>>,
    /// A merge patch of the ticket's own fields, together at most 8 KiB.
    custom_fields: Option<Value>,
    /// The shop's id of the user.
    user_id: Option<String>,
    /// The shop's id of the seller.
    seller_id: Option<String>,
    /// The shop's id of the store.
    store_id: Option<String>,
    /// The shop's id of the order.
    order_id: Option<String>,
    /// Spam is hidden from lists, and the machine mails nobody about it.
    is_spam: Option<bool>,
    /// Where it stands. Closed tickets only open again, by an admin.
    status: Option<Status>,
    /// true: also what the settings switch off is mailed; false: nothing.
    notify: Option<bool>,
}

/// Change a ticket.
///
/// All of the fields or none; each change has its line in the audit trail.
#[utoipa::path(
    patch,
    path = "/api/support/tickets/{ticket}",
    operation_id = "change_ticket",
    tag = "Tickets",
    params(("ticket" = String, Path, description = "Id or number.")),
    request_body = TicketPatch,
    responses((status = 200, description = "The ticket, and what was mailed.", body = view::TicketWritten))
)]
pub async fn patch(
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
    let wanted = TicketUpdate { version, ..update(&mut fields, caller, &api.desk.directory()) };
    fields.finish()?;
    change(&api, &ticket, &wanted, caller, dry_run).await
}

/// Whose work a ticket is.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `assign` reads")]
pub struct Assignment {
    /// An agent: id, address, or `me`; null: nobody.
    #[schema(example = "ada@shop.example")]
    assignee_id: Option<String>,
    /// A team; null: none; absent: as before.
    team_id: Option<Uuid>,
    /// `true` mails also where the settings say not to, `false` mails nobody.
    notify: Option<bool>,
}

/// Say whose work it is.
#[utoipa::path(
    put,
    path = "/api/support/tickets/{ticket}/assignee",
    operation_id = "assign_ticket",
    tag = "Tickets",
    params(("ticket" = String, Path, description = "Id or number.")),
    request_body = Assignment,
    responses((status = 200, description = "The ticket, and what was mailed.", body = view::TicketWritten))
)]
pub async fn assign(
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
    if !fields.has("assignee_id") && !fields.has("team_id") {
        fields.refuse("assignee_id", "required", "an agent, or null for nobody");
    }
    let assignee_id = assignee(&mut fields, caller, &api.desk.directory());
    let team_id = fields.clearable_uuid("team_id");
    let notify = fields.flag("notify");
    fields.finish()?;
    let wanted = TicketUpdate { assignee_id, team_id, notify, version, ..TicketUpdate::default() };
    change(&api, &ticket, &wanted, caller, dry_run).await
}

/// What to do about the sender of spam.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `spam` reads")]
pub struct SpamBody {
    /// From now on their mail is held back.
    #[schema(default = false)]
    block_sender: Option<bool>,
}

/// Call it spam.
///
/// Lists hide it, and the machine mails nobody about it. With `block_sender`, further mail from its address goes into
/// quarantine (`blocked_sender`), until `is_spam` is set to false here or a mail of theirs is released with
/// `trust_sender`.
#[utoipa::path(
    post,
    path = "/api/support/tickets/{ticket}/spam",
    operation_id = "mark_ticket_as_spam",
    tag = "Tickets",
    params(("ticket" = String, Path, description = "Id or number.")),
    request_body = SpamBody,
    responses((status = 200, description = "The ticket.", body = view::TicketWritten))
)]
pub async fn spam(
    State(api): State<Api>,
    who: Who,
    Path(ticket): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TicketsWrite)?;
    let ticket = reference(&ticket)?;
    let terms = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { raw, mut fields } =
        extract::optional_json(&parts.headers, body, api.body_timeout()).await?;
    let block_sender = fields.flag("block_sender").unwrap_or(false);
    fields.finish()?;
    let show = shown(terms.dry_run);
    let ending = Ending { key: terms.key(&raw), dry_run: terms.dry_run, show: &show };
    let wanted = SpamRequest { block_sender, version };
    Ok(writing::send(api.desk.mark_as_spam(&ticket, wanted, caller, ending).await?))
}

/// Throw a ticket away.
///
/// Into the bin: nobody finds it, reads and writes answer 410, and mail that would have gone there opens a ticket of its
/// own. With `permanent=true` (admins) its texts, files and raw mail are erased; rows and counts stay.
#[utoipa::path(
    delete,
    path = "/api/support/tickets/{ticket}",
    operation_id = "delete_ticket",
    tag = "Tickets",
    params(
        ("ticket" = String, Path, description = "Id or number."),
        ("permanent" = Option<bool>, Query, description = "Erase it; needs admin.")
    ),
    responses((status = 204, description = "It is gone."))
)]
pub async fn delete(
    State(api): State<Api>,
    who: Who,
    Path(ticket): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TicketsWrite)?;
    let ticket = reference(&ticket)?;
    let mut params = Params::parse(request.uri().query())?;
    let permanent = params.flag("permanent")?.unwrap_or(false);
    let Terms { dry_run, .. } = Terms::read_with(params, &request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let show = |(): &()| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    if permanent {
        who.require(Scope::Admin)?;
        return Ok(writing::send(api.desk.erase_ticket(&ticket, version, caller, ending).await?));
    }
    Ok(writing::send(api.desk.delete_ticket(&ticket, version, caller, ending).await?))
}

/// Take a ticket out of the bin.
#[utoipa::path(
    post,
    path = "/api/support/tickets/{ticket}/restore",
    operation_id = "restore_ticket",
    tag = "Tickets",
    params(("ticket" = String, Path, description = "Id or number.")),
    responses((status = 200, description = "The ticket.", body = view::TicketWritten))
)]
pub async fn restore(
    State(api): State<Api>,
    who: Who,
    Path(ticket): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::TicketsWrite)?;
    let ticket = reference(&ticket)?;
    let terms = Terms::read(&request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    let body = extract::nothing(request.into_body(), api.body_timeout()).await?;
    let show = shown(terms.dry_run);
    let ending = Ending { key: terms.key(&body), dry_run: terms.dry_run, show: &show };
    Ok(writing::send(api.desk.restore_ticket(&ticket, version, caller, ending).await?))
}

async fn change(
    api: &Api,
    ticket: &TicketRef,
    wanted: &TicketUpdate,
    caller: &Caller,
    dry_run: bool,
) -> Result<Response, Problem> {
    let show = shown(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.update_ticket(ticket, wanted, caller, ending).await?))
}

/// A ticket after a write, and what was mailed.
pub fn shown(dry_run: bool) -> impl Fn(&TicketWritten) -> StoredAnswer + Sync {
    move |written| {
        writing::shown(StatusCode::OK, String::new(), view::TicketWritten::of(written, dry_run), dry_run, &[])
    }
}

/// The fields of API.md §5.1.
pub fn update(f: &mut Fields, caller: &Caller, directory: &Directory) -> TicketUpdate {
    f.not_null(&["subject", "priority", "category", "requester_id", "is_spam", "status"]);
    TicketUpdate {
        subject: f.line("subject", 1, 255),
        priority: f.word("priority", Priority::from_input, words(Priority::ALL)),
        category: f.word("category", Category::from_input, words(Category::ALL)),
        assignee_id: assignee(f, caller, directory),
        team_id: f.clearable_uuid("team_id"),
        requester_id: f.uuid("requester_id"),
        tags: f.clearable("tags", |f| tags(f, "tags")).map(Option::unwrap_or_default),
        add_tags: tags(f, "add_tags").unwrap_or_default(),
        remove_tags: tags(f, "remove_tags").unwrap_or_default(),
        cc: f.clearable("cc", |f| f.addresses("cc", 20)).map(Option::unwrap_or_default),
        custom_fields: f
            .clearable("custom_fields", |f| f.object("custom_fields"))
            .map(Option::unwrap_or_default),
        user_id: f.clearable("user_id", |f| f.line("user_id", 1, 128)),
        seller_id: f.clearable("seller_id", |f| f.line("seller_id", 1, 128)),
        store_id: f.clearable("store_id", |f| f.line("store_id", 1, 128)),
        order_id: f.clearable("order_id", |f| f.line("order_id", 1, 128)),
        is_spam: f.flag("is_spam"),
        status: f.word("status", Status::from_input, words(Status::ALL)),
        notify: f.flag("notify"),
        version: None,
    }
}

fn tags(f: &mut Fields, name: &'static str) -> Option<Vec<String>> {
    f.has(name).then(|| distinct(f.texts(name, 50, 64)))
}

/// An agent by id or address, or the caller.
fn assignee(f: &mut Fields, caller: &Caller, directory: &Directory) -> Option<Option<Uuid>> {
    f.clearable("assignee_id", |f| {
        let word = f.line("assignee_id", 1, 254)?;
        let me = caller.agent.as_ref().map(|agent| agent.id);
        if word.eq_ignore_ascii_case("me") {
            if me.is_none() {
                f.refuse("assignee_id", "not_allowed", "the token is a service's, which is no agent");
            }
            return me;
        }
        let found = match search::person(&word, me) {
            Some(Person::Id(id)) => Some(id),
            Some(Person::Address(address)) => directory.agent_by_address(&address).map(|agent| agent.id),
            None => None,
        };
        if found.is_none() {
            f.refuse("assignee_id", "not_found", "an agent's id or address, or me");
        }
        found
    })
}
