//! People who write to us.

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{id, personal};
use crate::desk::query::{ContactFilter, Param};
use crate::desk::{ContactRequest, ContactView, EmailRequest, Ending, StoredAnswer};
use crate::http::auth::Who;
use crate::http::extract::{self, Fields, JsonBody, Params, words};
use crate::http::list::{List, ListRequest, choice, choice_of};
use crate::http::problem::{BASE, Problem};
use crate::http::view::job::Job;
use crate::http::writing::{self, Terms};
use crate::http::{Api, answer, view};
use crate::model::{self, ContactType, Scope};

/// Most addresses of a contact.
const MOST_ADDRESSES: usize = 20;

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, change, delete))
}

/// What contacts can be found by.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query, which is read parameter by parameter")]
pub struct ContactParams {
    /// Words, each as some word of their name, phone number or addresses begins.
    q: Option<String>,
    /// An address, whole.
    email: Option<String>,
    /// The shop's id of the user.
    user_id: Option<String>,
    /// The shop's id of the seller.
    seller_id: Option<String>,
    /// The shop's id of the store.
    store_id: Option<String>,
    /// `customer seller store_staff guest`.
    r#type: Option<String>,
}

/// What a contact shall be; null clears.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct ContactBody {
    /// `customer seller store_staff guest`; not null.
    r#type: Option<String>,
    /// ≤ 255 characters.
    name: Option<String>,
    /// All addresses there shall be, 20 at most. One that is another contact's is 409 `duplicate`.
    emails: Option<Vec<ContactEmailBody>>,
    /// ≤ 64 characters.
    phone: Option<String>,
    /// A language, such as `de` or `pt-BR`.
    locale: Option<String>,
    /// By its IANA name.
    timezone: Option<String>,
    /// ≤ 128 characters.
    user_id: Option<String>,
    /// ≤ 128 characters.
    seller_id: Option<String>,
    /// ≤ 128 characters.
    store_id: Option<String>,
    /// For agents, ≤ 10 000 characters.
    notes: Option<String>,
    /// Merged into what is there, where null takes a member away; ≤ 8 KiB in all.
    #[schema(value_type = Option<Object>)]
    custom_fields: Option<Value>,
}

/// An address a contact shall have.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct ContactEmailBody {
    /// The address.
    address: String,
    /// The one to write to, one at most. Without any: the one that was, or the first.
    primary: Option<bool>,
    /// As it was read: a mail from the address or a link verifies it, nobody's word.
    verified: Option<bool>,
}

/// People who write to us.
///
/// The newest first.
#[utoipa::path(
    get,
    path = "/api/support/contacts",
    operation_id = "list_contacts",
    tag = "People",
    params(ContactParams),
    responses((status = 200, description = "A page of contacts.", body = List<view::Contact<'static>>))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::ContactsRead)?;
    let filters = filters(&mut ask.params)?;
    let listing = ask.listing(&[])?;
    let page = api.desk.list_contacts(&filters, &listing.page).await?;
    let keys = |row: &ContactView| vec![Param::Id(row.contact.id)];
    Ok(listing.answer(&page, keys, page.rows.iter().map(view::Contact::of)))
}

/// A contact.
#[utoipa::path(
    get,
    path = "/api/support/contacts/{id}",
    operation_id = "get_contact",
    tag = "People",
    params(("id" = Uuid, Path, description = "The contact's id.")),
    responses((status = 200, description = "The contact.", body = view::Contact<'static>))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    Path(contact): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.require(Scope::ContactsRead)?;
    Params::parse(query.as_deref())?.finish()?;
    let found = api.desk.contact(id(&contact, "contact")?).await?;
    // Tickets and bounces are counted without a new version.
    Ok(answer::object(&headers, found.contact.version, true, &view::Contact::of(&found)))
}

/// Change what is known of a contact.
#[utoipa::path(
    patch,
    path = "/api/support/contacts/{id}",
    operation_id = "change_contact",
    tag = "People",
    params(("id" = Uuid, Path, description = "The contact's id.")),
    request_body = ContactBody,
    responses((status = 200, description = "The contact.", body = view::Contact<'static>))
)]
pub async fn change(
    State(api): State<Api>,
    who: Who,
    Path(contact): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::ContactsWrite)?;
    let contact = id(&contact, "contact")?;
    let Terms { dry_run, .. } = Terms::read(&request, &who)?;
    let (parts, body) = request.into_parts();
    let version = answer::wanted_version(&parts.headers, api.desk.config().api.require_if_match)?;
    let JsonBody { mut fields, .. } = extract::json(&parts.headers, body, api.body_timeout()).await?;
    let wanted = read(&mut fields);
    fields.finish()?;
    let show = |view: &ContactView| {
        writing::shown(StatusCode::OK, String::new(), view::Contact::of(view), dry_run, &[])
    };
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.change_contact(contact, wanted, version, caller, ending).await?))
}

/// Take a contact away.
///
/// Only who never had a ticket can be taken away so: 409 otherwise. With `erase=true` they are forgotten, by a job: name,
/// addresses, texts, raw mail and files go; ticket numbers and counts stay.
#[utoipa::path(
    delete,
    path = "/api/support/contacts/{id}",
    operation_id = "delete_contact",
    tag = "People",
    security(("token" = ["admin"])),
    params(
        ("id" = Uuid, Path, description = "The contact's id."),
        ("erase" = Option<bool>, Query, description = "Forget them, with their tickets.")
    ),
    responses(
        (status = 202, description = "They are being forgotten.", body = Job),
        (status = 204, description = "They are gone.")
    )
)]
pub async fn delete(
    State(api): State<Api>,
    who: Who,
    Path(contact): Path<String>,
    request: Request,
) -> Result<Response, Problem> {
    let caller = who.require(Scope::Admin)?;
    let contact = id(&contact, "contact")?;
    let mut params = Params::parse(request.uri().query())?;
    let erase = params.flag("erase")?.unwrap_or(false);
    let Terms { dry_run, .. } = Terms::read_with(params, &request, &who)?;
    let version = answer::wanted_version(request.headers(), api.desk.config().api.require_if_match)?;
    if erase {
        let show = |job: &model::Job| started(job, dry_run);
        let ending = Ending { key: None, dry_run, show: &show };
        return Ok(writing::send(api.desk.erase_contact(contact, version, caller, ending).await?));
    }
    let show = |(): &()| writing::gone(dry_run);
    let ending = Ending { key: None, dry_run, show: &show };
    Ok(writing::send(api.desk.delete_contact(contact, version, caller, ending).await?))
}

fn started(job: &model::Job, dry_run: bool) -> StoredAnswer {
    let answer = writing::shown(StatusCode::ACCEPTED, String::new(), Job::from(job), dry_run, &["/id"]);
    let location = (!dry_run).then(|| format!("{BASE}/jobs/{}", job.id));
    StoredAnswer { location, ..answer }
}

fn filters(params: &mut Params) -> Result<Vec<ContactFilter>, Problem> {
    let mut filters = Vec::new();
    let text = |word: &str| Some(word.to_owned());
    filters.extend(choice(params, "email", extract::address)?.map(ContactFilter::Email));
    filters.extend(choice(params, "user_id", text)?.map(ContactFilter::UserId));
    filters.extend(choice(params, "seller_id", text)?.map(ContactFilter::SellerId));
    filters.extend(choice(params, "store_id", text)?.map(ContactFilter::StoreId));
    filters.extend(choice_of(params, "type", contact_type, ContactType::ALL)?.map(ContactFilter::Type));
    filters.extend(params.take("q").map(ContactFilter::Words));
    Ok(filters)
}

fn read(f: &mut Fields) -> ContactRequest {
    f.not_null(&["type"]);
    ContactRequest {
        r#type: f.word("type", contact_type, words(ContactType::ALL)),
        name: personal::line(f, "name", 255),
        phone: personal::line(f, "phone", 64),
        locale: personal::locale(f),
        timezone: personal::timezone(f),
        user_id: personal::line(f, "user_id", 128),
        seller_id: personal::line(f, "seller_id", 128),
        store_id: personal::line(f, "store_id", 128),
        notes: personal::text(f, "notes"),
        custom_fields: f.clearable("custom_fields", |f| f.object("custom_fields")),
        emails: emails(f),
    }
}

/// All addresses; null: none.
fn emails(f: &mut Fields) -> Option<Vec<EmailRequest>> {
    let items = f.clearable("emails", |f| f.objects("emails", MOST_ADDRESSES))?.unwrap_or_default();
    let mut wanted: Vec<EmailRequest> = Vec::new();
    for (i, mut item) in items.into_iter().enumerate() {
        let address = item.required("address", |f| f.address("address")).unwrap_or_default();
        let primary = item.flag("primary").unwrap_or(false);
        let verified = item.flag("verified");
        if primary && wanted.iter().any(|email| email.primary) {
            item.refuse("primary", "not_allowed", "another one is primary already");
        }
        if !address.is_empty() && wanted.iter().any(|email| email.address == address) {
            item.refuse("address", "not_allowed", "is there twice");
        }
        f.finish_item("emails", i, item);
        wanted.push(EmailRequest { address, primary, verified });
    }
    Some(wanted)
}

fn contact_type(word: &str) -> Option<ContactType> {
    ContactType::parse(&crate::model::ticket::input_word(word))
}
