//! What every write reads from its request, and how its answer is shown (API.md §1.6, §1.8).

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use data_encoding::HEXLOWER;
use serde::Serialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::answer;
use super::auth::{Who, client_ip};
use super::extract::Params;
use super::problem::Problem;
use crate::desk::{Answered, StoredAnswer, WriteKey};

/// What is told of a write before its body is read.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Validate and answer, keep nothing.
    pub dry_run: bool,
    key: Option<WriteKey>,
}

impl Terms {
    /// Takes `dry_run` from the query and the key from the headers.
    ///
    /// # Errors
    /// 400 for other parameters, or a key that is none.
    pub fn read(request: &Request, who: &Who) -> Result<Self, Problem> {
        Self::read_with(Params::parse(request.uri().query())?, request, who)
    }

    /// The same, of a query from which other parameters were taken.
    ///
    /// # Errors
    /// As [`Terms::read`].
    pub fn read_with(mut params: Params, request: &Request, who: &Who) -> Result<Self, Problem> {
        let dry_run = params.flag("dry_run")?.unwrap_or(false);
        params.finish()?;
        let key = idempotency_key(request.headers())?.map(|key| WriteKey {
            scope: match who {
                Who::Known(caller) => caller.token.id.to_string(),
                Who::Anonymous => {
                    client_ip(request.extensions()).map_or_else(String::new, |ip| ip.to_string())
                }
            },
            path: request.uri().path().to_owned(),
            key,
            body_hash: String::new(),
        });
        Ok(Self { dry_run, key })
    }

    /// The key for this body.
    pub fn key(&self, body: &[u8]) -> Option<WriteKey> {
        let body_hash = HEXLOWER.encode(&Sha256::digest(body));
        self.key.clone().map(|key| WriteKey { body_hash, ..key })
    }
}

/// `Idempotency-Key`: 1 to 255 visible ASCII characters.
fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Problem::new("bad_idempotency_key", "1 to 255 visible ASCII characters"));
    }
    Ok(Some(key.to_owned()))
}

/// The answer to be kept and sent. In a dry run it says so, and what would be new has no id.
pub fn shown(
    status: StatusCode,
    location: String,
    body: impl Serialize,
    dry_run: bool,
    new: &[&'static str],
) -> StoredAnswer {
    let mut body = json!(body);
    if dry_run {
        for pointer in new {
            if let Some(id) = body.pointer_mut(pointer) {
                *id = Value::Null;
            }
        }
        if let Some(members) = body.as_object_mut() {
            members.insert("dry_run".into(), Value::Bool(true));
        }
    }
    let status = if dry_run { StatusCode::OK } else { status };
    let is_named = matches!(status, StatusCode::CREATED | StatusCode::ACCEPTED) && !location.is_empty();
    let location = is_named.then_some(location);
    StoredAnswer { status: i64::from(status.as_u16()), location, body: body.to_string() }
}

/// What a write answers that leaves nothing to show: 204, or 200 when it was only tried.
pub fn gone(dry_run: bool) -> StoredAnswer {
    match dry_run {
        true => shown(StatusCode::OK, String::new(), json!({}), true, &[]),
        false => StoredAnswer {
            status: i64::from(StatusCode::NO_CONTENT.as_u16()),
            location: None,
            body: String::new(),
        },
    }
}

/// Sends one with a secret, which no cache keeps.
pub fn send_secret(answered: Answered) -> Response {
    let mut response = send(answered);
    response.headers_mut().insert(header::CACHE_CONTROL, answer::NO_STORE);
    response
}

/// Sends it.
pub fn send(answered: Answered) -> Response {
    let Answered { answer, replayed } = answered;
    let status = u16::try_from(answer.status).ok().and_then(|code| StatusCode::from_u16(code).ok());
    let mut response = match status.unwrap_or(StatusCode::OK) {
        StatusCode::NO_CONTENT => StatusCode::NO_CONTENT.into_response(),
        status => answer::with_status(status, answer.body),
    };
    let headers = response.headers_mut();
    if let Some(Ok(location)) = answer.location.as_deref().map(HeaderValue::from_str) {
        headers.insert(header::LOCATION, location);
    }
    if replayed {
        headers.insert(HeaderName::from_static("idempotency-replayed"), HeaderValue::from_static("true"));
    }
    response
}
