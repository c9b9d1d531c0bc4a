//! The body of `POST /tickets` (API.md §4.1): JSON, or a form with files.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::attachments::{Form, MAX_FILES};
use crate::desk::{Body, Caller, TicketRequest};
use crate::http::auth::client_ip;
use crate::http::extract::{Fields, words};
use crate::http::problem::Problem;
use crate::http::view::Octets;
use crate::model::{BodyFormat, Category, Channel, ContactType, Priority, Scope, Status, browser};

/// A ticket to be opened. Without a token: no `cc`, `assignee_id`, `team_id`, `status`; never `urgent`. Then it may also
/// have `altcha` (the solution of a puzzle from `GET /tickets/challenge`), the captcha's field and the one that only robots
/// fill in, as the desk's settings name them.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
#[schema(example = json!({
    "subject": "Where is my order?", "description": "Hello, my parcel is late.", "customer_email": "jo@example.org",
    "customer_name": "Jo Doe", "category": "shipping", "order_id": "1001", "tags": ["vip"],
}))]
pub struct NewTicket {
    /// What it is about, on one line.
    #[schema(min_length = 1, max_length = 255)]
    subject: String,
    /// The first message.
    #[schema(min_length = 1, max_length = 100_000)]
    description: String,
    /// How it is written; `text` when absent.
    body_format: Option<BodyFormat>,
    /// `general` when absent.
    category: Option<Category>,
    /// `medium` when absent.
    priority: Option<Priority>,
    /// `api` when absent, `web` without a token.
    channel: Option<Channel>,
    /// Who asks; required unless `user_id` names somebody known.
    #[schema(example = "jo@example.org")]
    customer_email: Option<String>,
    /// Their name.
    #[schema(max_length = 255)]
    customer_name: Option<String>,
    /// Free text.
    #[schema(max_length = 64)]
    customer_phone: Option<String>,
    /// The language they are written to in, BCP 47.
    #[schema(max_length = 35, example = "en")]
    locale: Option<String>,
    /// `customer` when absent, `guest` without a token.
    requester_type: Option<ContactType>,
    /// The shop's id of the user.
    #[schema(max_length = 128)]
    user_id: Option<String>,
    /// The shop's id of the seller.
    #[schema(max_length = 128)]
    seller_id: Option<String>,
    /// The shop's id of the store.
    #[schema(max_length = 128)]
    store_id: Option<String>,
    /// The shop's id of the order.
    #[schema(max_length = 128)]
    order_id: Option<String>,
    /// The caller's own id of the ticket: 409 `duplicate` when it was used before.
    #[schema(max_length = 128)]
    external_id: Option<String>,
    /// Who gets copies of answers, at most 20.
    cc: Option<Vec<String>>,
    /// Files uploaded before, at most 20.
    attachment_ids: Option<Vec<Uuid>>,
    /// At most 50 of at most 64 characters.
    tags: Option<Vec<String>>,
    /// What the caller keeps with it, at most 8 KiB.
    #[schema(value_type = Option<Object>)]
    custom_fields: Option<Value>,
    /// What is known of the program it was written with, at most 8 KiB.
    #[schema(value_type = Option<Object>, example = json!({"browser": "Firefox 141"}))]
    metadata: Option<Value>,
    /// Who answers; needs `tickets:write`.
    assignee_id: Option<Uuid>,
    /// Whose it is; needs `tickets:write`.
    team_id: Option<Uuid>,
    /// Where it stands; needs `tickets:write`. `open` when absent.
    status: Option<Status>,
    /// When it was opened elsewhere; needs `admin`, and mails nobody unless `notify` says so.
    #[schema(format = DateTime)]
    created_at: Option<String>,
    /// `true` mails also where the settings say not to, `false` mails nobody.
    notify: Option<bool>,
}

/// A ticket and files.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the body, which is read field by field")]
pub struct TicketForm {
    /// The ticket, as JSON.
    ticket: NewTicket,
    /// At most 20, 25 MiB together.
    #[schema(rename = "files[]", value_type = Option<Vec<Octets>>)]
    files: Option<Vec<u8>>,
}

/// What the connection tells of an anonymous caller.
pub struct Client {
    /// Address.
    pub ip: Option<IpAddr>,
    user_agent: Option<String>,
    /// The page the form stands on, as the browser says.
    page: Option<String>,
}

impl Client {
    /// From the request's head.
    pub fn of(request: &Request) -> Self {
        let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let (user_agent, page) = (text(header::USER_AGENT), text(header::REFERER));
        Self {
            ip: client_ip(request.extensions()),
            user_agent: user_agent.map(|text| text.chars().take(512).collect()),
            page: page.filter(|page| is_page(page)).map(str::to_owned),
        }
    }
}

/// The ticket that was asked for.
///
/// # Errors
/// 400 `unknown_field`, 422 with every invalid field.
pub fn read(form: Form, caller: Option<&Caller>, client: &Client) -> Result<TicketRequest, Problem> {
    let Form { fields, uploads, .. } = form;
    let mut f = fields.ok_or_else(|| Problem::new("malformed_json", "the form has no ticket"))?;
    let admin = caller.is_some_and(|caller| caller.allows(Scope::Admin));
    let created_at = f.time("created_at");
    if created_at.is_some() && !admin {
        f.refuse("created_at", "not_allowed", "needs admin");
    }
    let subject = f.required("subject", |f| f.line("subject", 1, 255));
    let description = f.required("description", |f| f.text("description", 1, 100_000));
    let format = f.word("body_format", BodyFormat::parse, words(BodyFormat::ALL)).unwrap_or(BodyFormat::Text);
    let user_id = f.line("user_id", 1, 128);
    let customer_email = match (caller, &user_id) {
        (Some(_), Some(_)) => f.address("customer_email"),
        _ => f.required("customer_email", |f| f.address("customer_email")),
    };
    let custom_fields = f.object("custom_fields").unwrap_or_else(|| json!({}));
    let request = TicketRequest {
        subject: subject.unwrap_or_default(),
        description: Body { text: description.unwrap_or_default(), format },
        category: f.word("category", Category::from_input, words(Category::ALL)).unwrap_or(Category::General),
        priority: f.word("priority", Priority::from_input, words(Priority::ALL)).unwrap_or(Priority::Medium),
        channel: channel(&mut f, caller),
        customer_email,
        customer_name: f.line("customer_name", 0, 255).filter(|name| !name.is_empty()),
        customer_phone: f.line("customer_phone", 0, 64).filter(|phone| !phone.is_empty()),
        locale: f.line("locale", 0, 35).filter(|locale| !locale.is_empty()),
        requester_type: requester_type(&mut f, caller),
        user_id,
        seller_id: f.line("seller_id", 1, 128),
        store_id: f.line("store_id", 1, 128),
        order_id: f.line("order_id", 1, 128),
        external_id: f.line("external_id", 1, 128),
        cc: f.addresses("cc", 20).unwrap_or_default(),
        attachment_ids: f.uuids("attachment_ids", MAX_FILES.saturating_sub(uploads.len())),
        uploads,
        tags: f.texts("tags", 50, 64),
        custom_fields,
        metadata: metadata(&mut f, caller, client),
        assignee_id: f.uuid("assignee_id"),
        team_id: f.uuid("team_id"),
        status: f.word("status", Status::from_input, words(Status::ALL)).unwrap_or(Status::Open),
        created_at,
        notify: f.flag("notify").or(created_at.map(|_| false)),
        puzzle: None,
    };
    restrict(&mut f, &request, caller);
    f.finish()?;
    Ok(TicketRequest { tags: distinct(request.tags), ..request })
}

fn channel(fields: &mut Fields, caller: Option<&Caller>) -> Channel {
    let default = if caller.is_some() { Channel::Api } else { Channel::Web };
    fields.word("channel", Channel::parse, words(Channel::ALL)).unwrap_or(default)
}

fn requester_type(fields: &mut Fields, caller: Option<&Caller>) -> ContactType {
    let default = if caller.is_some() { ContactType::Customer } else { ContactType::Guest };
    let parse = |word: &str| ContactType::parse(&crate::model::ticket::input_word(word));
    fields.word("requester_type", parse, words(ContactType::ALL)).unwrap_or(default)
}

/// An anonymous caller's address and program are what the server saw; their page is what the form says, or else the
/// browser.
fn metadata(fields: &mut Fields, caller: Option<&Caller>, client: &Client) -> Value {
    let mut metadata = fields.object("metadata").unwrap_or_else(|| json!({}));
    if caller.is_none() {
        metadata["ip_address"] = json!(client.ip.map(|ip| ip.to_string()));
        metadata["user_agent"] = json!(client.user_agent);
        metadata["browser"] = json!(client.user_agent.as_deref().and_then(browser));
        let said = metadata["page_url"].as_str().filter(|page| is_page(page)).map(str::to_owned);
        metadata["page_url"] = json!(said.or_else(|| client.page.clone()));
    }
    metadata
}

/// A web address of reasonable length.
fn is_page(text: &str) -> bool {
    let web = text.starts_with("https://") || text.starts_with("http://");
    web && text.len() <= 2_048 && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// What only some may set.
fn restrict(fields: &mut Fields, request: &TicketRequest, caller: Option<&Caller>) {
    let may_write = caller.is_some_and(|caller| caller.allows(Scope::TicketsWrite));
    if !may_write && request.assignee_id.is_some() {
        fields.refuse("assignee_id", "not_allowed", "needs tickets:write");
    }
    if !may_write && request.team_id.is_some() {
        fields.refuse("team_id", "not_allowed", "needs tickets:write");
    }
    if !may_write && request.status != Status::Open {
        fields.refuse("status", "not_allowed", "needs tickets:write");
    }
    if caller.is_some() {
        return;
    }
    if request.priority == Priority::Urgent {
        fields.refuse("priority", "not_allowed", "urgent needs a token");
    }
    if !request.cc.is_empty() {
        fields.refuse("cc", "not_allowed", "needs a token");
    }
    if request.external_id.is_some() {
        fields.refuse("external_id", "not_allowed", "needs a token");
    }
    if !request.attachment_ids.is_empty() {
        fields.refuse("attachment_ids", "not_allowed", "needs a token; send files in a form");
    }
    if request.channel != Channel::Web {
        fields.refuse("channel", "not_allowed", "is web without a token");
    }
}

/// Tags, each once, none empty.
pub fn distinct(tags: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(tags.len());
    for tag in tags {
        if !tag.is_empty() && !kept.contains(&tag) {
            kept.push(tag);
        }
    }
    kept
}
