//! Every error the API can answer (API.md §7, RFC 9457). The only place that knows their HTTP codes.

pub mod codes;

use std::borrow::Cow;

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use self::codes::Code;
use super::view;
use crate::desk;
use crate::model::{Scope, TemplateFault};

/// Base of every API path, without slash at the end.
pub const BASE: &str = "/api/support";

/// An error on its way to the client. As a response it carries no body yet: [`super::finish`] knows the
/// path and the request's id, and renders it.
#[derive(Debug, Clone)]
pub struct Problem {
    status: StatusCode,
    code: Cow<'static, str>,
    title: Cow<'static, str>,
    more: Box<More>,
}

/// Apart, so that a result that may be a problem stays small.
#[derive(Debug, Clone)]
struct More {
    detail: String,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    headers: HeaderMap,
}

/// One invalid field of the body (`pointer`, RFC 6901) or parameter of the query.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pointer: Option<String>,
    /// Name in the query.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub parameter: Option<String>,
    /// `required too_short …` (API.md §1.3).
    pub code: &'static str,
    /// For people.
    pub detail: String,
    /// What was sent, where showing it helps.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub rejected_value: Option<Value>,
    /// What could be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub allowed: Option<Vec<Cow<'static, str>>>,
}

impl FieldError {
    /// The same in an object that is this member of the body.
    pub fn under(self, member: &str) -> Self {
        Self { pointer: self.pointer.map(|pointer| format!("/{member}{pointer}")), ..self }
    }
}

/// An error, as it is shown (RFC 9457).
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "describes what `render` writes")]
pub struct ProblemBody {
    /// Where the error is explained.
    #[schema(example = "/api/support/problems/validation_failed")]
    r#type: String,
    /// What the code means.
    #[schema(example = "The request has invalid fields")]
    title: String,
    /// The answer's status.
    #[schema(example = 422)]
    status: u16,
    /// What is wrong with this request.
    #[schema(example = "1 field")]
    detail: String,
    /// The path.
    #[schema(example = "/api/support/tickets")]
    instance: String,
    /// For programs.
    #[schema(example = "validation_failed")]
    code: String,
    /// What the log knows the request by.
    #[schema(example = "r-7f3a")]
    request_id: String,
    /// Every invalid field.
    #[schema(nullable = false)]
    errors: Option<Vec<FieldError>>,
    /// The scope the token lacks (403).
    #[schema(nullable = false)]
    required_scope: Option<String>,
    /// The version that is (412).
    #[schema(nullable = false)]
    current_version: Option<i64>,
    /// What the caller has not seen (409 `collision`).
    #[schema(nullable = false)]
    newer: Option<Vec<view::Newer<'static>>>,
    /// What could be done (409 `invalid_transition`).
    #[schema(nullable = false)]
    allowed: Option<Vec<String>>,
    /// The field whose value is taken (409 `duplicate`).
    #[schema(nullable = false)]
    field: Option<String>,
    /// What has the value (409 `duplicate`).
    #[schema(nullable = false)]
    existing: Option<String>,
    /// Tickets the filter matches (409 `count_mismatch`).
    #[schema(nullable = false)]
    count: Option<i64>,
    /// Most octets (413).
    #[schema(nullable = false)]
    limit_bytes: Option<i64>,
    /// Of the first fault in a template.
    #[schema(nullable = false)]
    line: Option<i64>,
    /// Of the first fault in a template.
    #[schema(nullable = false)]
    column: Option<i64>,
}

impl Problem {
    /// By its code in [`codes`].
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(codes::by_name(code).is_some(), "{code}");
        let known = codes::by_name(code).or_else(|| codes::by_status(500));
        Self::of(known.expect("500 is listed"), detail)
    }

    fn of(code: Code, detail: impl Into<String>) -> Self {
        let Code { code, status, title, .. } = code;
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code,
            title,
            more: Box::new(More {
                detail: detail.into(),
                errors: Vec::new(),
                members: Map::new(),
                headers: if status == 503 { again_soon() } else { HeaderMap::new() },
            }),
        }
    }

    /// Whether it is a 401.
    pub fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    /// 403 for a token without a scope.
    pub fn lacks(scope: Scope) -> Self {
        let detail = format!("the token lacks {scope}");
        Self::new("insufficient_scope", detail).member("required_scope", scope.as_str())
    }

    /// 404 `{what}_not_found`.
    pub fn not_found(what: &'static str) -> Self {
        Self::of(Code::not_found(what), format!("no such {}", what.replace('_', " ")))
    }

    /// 401, with the challenge of RFC 6750 §3.
    pub fn unauthorized(code: &'static str, detail: &str) -> Self {
        let challenge = match code {
            "missing_credentials" => r#"Bearer realm="postdesk""#,
            _ => r#"Bearer realm="postdesk", error="invalid_token""#,
        };
        Self::new(code, detail).header(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 400 for one query parameter.
    pub fn parameter(name: &str, code: &'static str, detail: impl Into<String>) -> Self {
        let error = FieldError {
            pointer: None,
            parameter: Some(name.to_owned()),
            code,
            detail: detail.into(),
            rejected_value: None,
            allowed: None,
        };
        Self::of_parameter(error)
    }

    /// 400 for a word of a query parameter that is none of these.
    pub fn not_among<W: Into<Cow<'static, str>>>(
        name: &str,
        word: &str,
        allowed: impl IntoIterator<Item = W>,
    ) -> Self {
        let word: String = word.chars().take(100).collect();
        let allowed: Vec<_> = allowed.into_iter().map(Into::into).collect();
        Self::of_parameter(FieldError {
            pointer: None,
            parameter: Some(name.to_owned()),
            code: "not_in_enum",
            detail: format!("unknown: {word}; there are {}", allowed.join(", ")),
            rejected_value: Some(word.into()),
            allowed: Some(allowed),
        })
    }

    fn of_parameter(error: FieldError) -> Self {
        let name = error.parameter.as_deref().unwrap_or_default();
        Self::new("invalid_parameter", format!("{name}: {}", error.detail)).with_errors(vec![error])
    }

    /// 422 with all invalid fields.
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let count = errors.len();
        let detail = if count == 1 { "1 field".to_owned() } else { format!("{count} fields") };
        Self::new("validation_failed", detail).with_errors(errors)
    }

    /// 422 with everything that is wrong with a template; `line` and `column` are the first one's.
    pub fn template(faults: &[TemplateFault]) -> Self {
        let errors = faults.iter().map(|fault| FieldError {
            pointer: Some(format!("/{}", fault.part)),
            parameter: None,
            code: "bad_format",
            detail: format!("line {}, column {}: {}", fault.line, fault.column, fault.detail),
            rejected_value: None,
            allowed: None,
        });
        let problem = match faults.first() {
            None => Self::new("template_error", "the template can't be used"),
            Some(first) => Self::new("template_error", first.to_string())
                .member("line", first.line)
                .member("column", first.column),
        };
        problem.with_errors(errors.collect())
    }

    /// The same with these fields named.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.more.errors = errors;
        self
    }

    /// A further member of the problem.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.members.insert(name.to_owned(), value.into());
        self
    }

    /// The same of an object that is this member of the body.
    pub fn under(mut self, member: &str) -> Self {
        self.more.errors = self.more.errors.into_iter().map(|error| error.under(member)).collect();
        self
    }

    /// What is wrong with a part of the body that was read as a query is.
    pub fn of_member(self, member: &str) -> Self {
        let in_body = |error: FieldError| FieldError {
            pointer: Some(format!("/{member}/{}", error.parameter.unwrap_or_default())),
            parameter: None,
            ..error
        };
        let code = if self.code == "unknown_parameter" { "unknown_field" } else { "validation_failed" };
        let More { detail, errors, .. } = *self.more;
        Self::new(code, detail).with_errors(errors.into_iter().map(in_body).collect())
    }

    /// A header to go with it.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.more.headers.insert(name, value);
        self
    }

    /// For an answer some layer made without a problem: by its status. A path that can't be decoded names nothing.
    pub fn from_status(status: StatusCode) -> Self {
        let detail = status.canonical_reason().unwrap_or_default();
        match codes::by_status(status.as_u16()) {
            Some(code) => Self::of(code, detail),
            None => Self::new("route_not_found", detail),
        }
    }

    /// What it says, without the request it answers.
    fn value(self) -> Value {
        let mut body = json!({
            "type": format!("{BASE}/problems/{}", self.code),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.more.detail,
            "code": self.code,
        });
        let members = body.as_object_mut().expect("an object was just made");
        if !self.more.errors.is_empty() {
            members.insert("errors".into(), json!(self.more.errors));
        }
        members.extend(self.more.members);
        body
    }

    /// The whole answer.
    pub fn render(self, instance: &str, request_id: &str) -> Response {
        let (status, headers) = (self.status, self.more.headers.clone());
        let mut body = self.value();
        body["instance"] = json!(instance);
        body["request_id"] = json!(request_id);
        let mut response = (status, headers, body.to_string()).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// A verb's refusal as a problem inside another answer: of one ticket among many, or of a job.
pub fn refusal(error: desk::Error) -> Value {
    Problem::from(error).value()
}

/// `Retry-After`: trouble that passes, as a rule within seconds.
fn again_soon() -> HeaderMap {
    HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static("5"))])
}

impl From<desk::Error> for Problem {
    fn from(error: desk::Error) -> Self {
        use desk::Error;
        match error {
            Error::NotFound(what) => Self::not_found(what),
            Error::Duplicate { what, existing } => {
                let problem = Self::new("duplicate", format!("{what} is taken")).member("field", what);
                match existing {
                    Some(existing) => problem.member("existing", existing),
                    None => problem,
                }
            }
            Error::Collision { newer } => {
                let seen: Vec<_> = newer.iter().map(view::Newer::of).collect();
                Self::new("collision", format!("{} newer", newer.len())).member("newer", json!(seen))
            }
            Error::InvalidTransition { from, to, allowed } => {
                let allowed: Vec<_> = allowed.iter().map(|status| status.as_str()).collect();
                Self::new("invalid_transition", format!("{from} can't become {to}"))
                    .member("allowed", allowed)
            }
            Error::VersionMismatch { current } => {
                Self::new("version_mismatch", format!("the version is {current}"))
                    .member("current_version", current)
            }
            Error::InvalidState(why) => Self::new("invalid_state", why),
            Error::KeyReused => Self::new("idempotency_key_reused", "take a new key for another request"),
            Error::UploadExpired => {
                Self::new("attachment_expired", "it was not used within 24 hours; upload it again")
            }
            Error::UploadsFull { retry_after_ms } => {
                let seconds = u64::try_from(retry_after_ms / 1_000 + 1).unwrap_or(1);
                Self::new("rate_limited", "too many uploads wait to be used: use some, or delete them")
                    .header(header::RETRY_AFTER, HeaderValue::from(seconds))
            }
            Error::KeyInProgress => Self::new("idempotency_in_progress", "repeat it in a moment")
                .header(header::RETRY_AFTER, HeaderValue::from_static("1")),
            Error::CountMismatch { count } => {
                Self::new("count_mismatch", format!("{count} tickets match")).member("count", count)
            }
            Error::LinkExpired => Self::new("link_expired", "links in mails work for thirty days"),
            Error::Deleted => Self::new("ticket_deleted", "it can be restored, unless it was erased"),
            Error::Invalid { pointer, code, detail } => Self::invalid(vec![FieldError {
                pointer: Some(pointer.to_owned()),
                parameter: None,
                code,
                detail,
                rejected_value: None,
                allowed: None,
            }]),
            Error::Busy(what) => Self::new("unavailable", format!("{what}; ask again")),
            Error::Template(fault) => Self::template(&[fault]),
            Error::Keys(_) => Self::internal(&error),
            Error::Store(ref store) if store.is_full() => {
                tracing::warn!(%error, "no room to write");
                Self::new("read_only", "there is no room to write; the same call may succeed later")
            }
            Error::Store(ref store) if store.is_transient() => {
                tracing::warn!(%error, "store not available");
                Self::new("unavailable", "the database does not answer; the same call may succeed later")
            }
            Error::Store(ref store) if store.is_conflict() => {
                Self::new("duplicate", "another call took the same value at this moment")
            }
            Error::Store(_) => Self::internal(&error),
        }
    }
}

impl Problem {
    /// 500; the cause goes to the log alone.
    pub fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "internal error");
        Self::new("internal_error", "it was logged under the request's id")
    }
}
