//! The body of `POST /tickets` (API.md §4.1): JSON, or a form with files.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{FromRequest as _, Multipart, Request};
use axum::http::header;
use serde_json::{Value, json};

use crate::desk::{Body, Caller, TicketRequest, Upload};
use crate::http::auth::client_ip;
use crate::http::extract::{self, Fields, JSON_LIMIT, words};
use crate::http::problem::Problem;
use crate::model::{BodyFormat, Category, Channel, ContactType, Priority, Scope, Status};

/// All files of one call together.
const FILES_LIMIT: usize = 25 << 20;
/// Most files of one call.
const MAX_FILES: usize = 20;
/// Longest wait for a form.
const FORM_TIMEOUT: Duration = Duration::from_secs(300);

/// What the connection tells of an anonymous caller.
pub struct Client {
    /// Address.
    pub ip: Option<IpAddr>,
    user_agent: Option<String>,
}

impl Client {
    /// From the request's head.
    pub fn of(request: &Request) -> Self {
        let user_agent = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        Self {
            ip: client_ip(request.extensions()),
            user_agent: user_agent.map(|text| text.chars().take(512).collect()),
        }
    }
}

/// A body, read.
pub struct Form {
    fields: Fields,
    uploads: Vec<Upload>,
    /// What a repeat must send again: the JSON, and the files.
    pub digested: Vec<u8>,
}

impl Form {
    /// JSON that arrives within `timeout`, or multipart `ticket` and `files[]`.
    ///
    /// # Errors
    /// 415, 413, 400 `malformed_json`, 422 for a form without `ticket`.
    pub async fn read(request: Request, timeout: Duration) -> Result<Self, Problem> {
        if extract::media_type(request.headers()).as_deref() != Some("multipart/form-data") {
            let (parts, body) = request.into_parts();
            let body = extract::json(&parts.headers, body, timeout).await?;
            return Ok(Self { fields: body.fields, uploads: Vec::new(), digested: body.raw.to_vec() });
        }
        let read = tokio::time::timeout(FORM_TIMEOUT, Self::read_form(request)).await;
        read.unwrap_or_else(|_| Err(Problem::new("malformed_json", "the body did not arrive in time")))
    }

    async fn read_form(request: Request) -> Result<Self, Problem> {
        let broken = || Problem::new("malformed_json", "the form can't be read");
        let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
        let (mut ticket, mut uploads, mut digested) = (None, Vec::new(), Vec::new());
        while let Some(field) = form.next_field().await.map_err(|_| broken())? {
            let name = field.name().unwrap_or_default().to_owned();
            let filename = field.file_name().and_then(base_name);
            let kind = field.content_type().unwrap_or("application/octet-stream").to_ascii_lowercase();
            let content = field.bytes().await.map_err(|error| match error.status().as_u16() {
                413 => too_large(),
                _ => broken(),
            })?;
            digested.extend_from_slice(&content);
            match name.as_str() {
                "ticket" if content.len() > JSON_LIMIT => return Err(too_large()),
                "ticket" => ticket = Some(Fields::parse(&content)?),
                "files[]" | "files" => {
                    uploads.push(Upload { filename, content_type: kind, content: content.to_vec() });
                }
                _ => return Err(Problem::new("unknown_field", "a form has ticket and files[]")),
            }
            if digested.len() > FILES_LIMIT || uploads.len() > MAX_FILES {
                return Err(too_large());
            }
        }
        let fields = ticket.ok_or_else(|| Problem::new("malformed_json", "the form has no ticket"))?;
        Ok(Self { fields, uploads, digested })
    }
}

fn too_large() -> Problem {
    Problem::new("attachment_too_large", "at most 25 MiB in 20 files").member("limit_bytes", FILES_LIMIT)
}

/// The last part of a path, without control characters, at most 255 octets.
fn base_name(name: &str) -> Option<String> {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut clean: String = base.chars().filter(|c| !c.is_control()).collect();
    while clean.len() > 255 {
        clean.pop();
    }
    Some(clean).filter(|name| !name.trim_matches(['.', ' ']).is_empty())
}

/// The ticket that was asked for.
///
/// # Errors
/// 400 `unknown_field`, 422 with every invalid field.
pub fn read(form: Form, caller: Option<&Caller>, client: &Client) -> Result<TicketRequest, Problem> {
    let Form { fields: mut f, uploads, .. } = form;
    let admin = caller.is_some_and(|caller| caller.allows(Scope::Admin));
    let created_at = f.time("created_at");
    if created_at.is_some() && !admin {
        f.refuse("created_at", "not_allowed", "needs admin");
    }
    let subject = f.required("subject", |f| f.line("subject", 1, 255));
    let description = f.required("description", |f| f.text("description", 1, 100_000));
    let format = f.word("body_format", BodyFormat::parse, words(BodyFormat::ALL)).unwrap_or(BodyFormat::Text);
    let custom_fields = f.object("custom_fields").unwrap_or_else(|| json!({}));
    let request = TicketRequest {
        subject: subject.unwrap_or_default(),
        description: Body { text: description.unwrap_or_default(), format },
        category: f.word("category", Category::from_input, words(Category::ALL)).unwrap_or(Category::General),
        priority: f.word("priority", Priority::from_input, words(Priority::ALL)).unwrap_or(Priority::Medium),
        channel: channel(&mut f, caller),
        customer_email: f.address("customer_email"),
        customer_name: f.line("customer_name", 0, 255).filter(|name| !name.is_empty()),
        customer_phone: f.line("customer_phone", 0, 64).filter(|phone| !phone.is_empty()),
        locale: f.line("locale", 0, 35).filter(|locale| !locale.is_empty()),
        requester_type: requester_type(&mut f, caller),
        user_id: f.line("user_id", 1, 128),
        seller_id: f.line("seller_id", 1, 128),
        store_id: f.line("store_id", 1, 128),
        order_id: f.line("order_id", 1, 128),
        external_id: f.line("external_id", 1, 128),
        cc: f.addresses("cc", 20).unwrap_or_default(),
        uploads,
        tags: f.texts("tags", 50, 64),
        custom_fields,
        metadata: metadata(&mut f, caller, client),
        assignee_id: f.uuid("assignee_id"),
        team_id: f.uuid("team_id"),
        status: f.word("status", Status::from_input, words(Status::ALL)).unwrap_or(Status::Open),
        created_at,
        notify: f.flag("notify").or(created_at.map(|_| false)),
    };
    refuse_uploads(&mut f);
    restrict(&mut f, &request, caller);
    f.finish()?;
    Ok(TicketRequest { tags: distinct(request.tags), ..request })
}

/// Files are sent along in a form; none lies ready under an id.
pub fn refuse_uploads(fields: &mut Fields) {
    if !fields.uuids("attachment_ids", 20).is_empty() {
        fields.refuse("attachment_ids", "not_found", "no unused file has this id; send files in a form");
    }
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

/// An anonymous caller's address and program are what the server saw.
fn metadata(fields: &mut Fields, caller: Option<&Caller>, client: &Client) -> Value {
    let mut metadata = fields.object("metadata").unwrap_or_else(|| json!({}));
    if caller.is_none() {
        metadata["ip_address"] = json!(client.ip.map(|ip| ip.to_string()));
        metadata["user_agent"] = json!(client.user_agent);
    }
    metadata
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
    if request.channel != Channel::Web {
        fields.refuse("channel", "not_allowed", "is web without a token");
    }
    if request.customer_email.is_none() {
        fields.refuse("customer_email", "required", "is required");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_lose_their_paths() {
        for (name, want) in [
            ("../../etc/passwd", Some("passwd")),
            ("C:\\x\\y.txt", Some("y.txt")),
            ("..", None),
            ("a\u{0}b", Some("ab")),
            ("", None),
        ] {
            assert_eq!(base_name(name).as_deref(), want, "{name:?}");
        }
    }
}
