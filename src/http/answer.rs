//! What goes back: JSON with its validator, 304 where the client has it, 412 where it has an old one.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// 200 with JSON.
pub fn json(body: &impl Serialize) -> Response {
    with_status(StatusCode::OK, text(body))
}

/// JSON text with a status.
pub fn with_status(status: StatusCode, body: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, NO_CACHE)], body).into_response()
}

/// Kept by the client alone, and asked about before each use.
pub const NO_CACHE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// Kept by nobody: it holds a secret.
pub const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// A single object whose validator is its version; `more`: with parts that change without it.
pub fn object(request: &HeaderMap, version: i64, more: bool, body: &impl Serialize) -> Response {
    let body = text(body);
    let etag = if more { format!("\"{version}-{}\"", digest(&body)) } else { format!("\"{version}\"") };
    validated(request, &etag, body)
}

/// A list or an object without version: the validator is a hash of it.
pub fn list(request: &HeaderMap, headers: HeaderMap, body: &impl Serialize) -> Response {
    let body = text(body);
    let etag = format!("\"{}\"", digest(&body));
    let mut response = validated(request, &etag, body);
    response.headers_mut().extend(headers);
    response
}

/// What is shown has text keys alone, and no member that can fail to be written.
fn text(body: &impl Serialize) -> String {
    serde_json::to_string(body).expect("a view is JSON")
}

fn validated(request: &HeaderMap, etag: &str, body: String) -> Response {
    let mut response = if matches(request, etag) {
        (StatusCode::NOT_MODIFIED, [(header::CACHE_CONTROL, NO_CACHE)]).into_response()
    } else {
        with_status(StatusCode::OK, body)
    };
    if let Ok(value) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(header::ETAG, value);
    }
    response
}

/// `If-None-Match`, compared weakly (RFC 9110 §13.1.2).
pub fn matches(request: &HeaderMap, etag: &str) -> bool {
    tags(request, header::IF_NONE_MATCH).any(|tag| tag == "*" || tag.trim_start_matches("W/") == etag)
}

/// The version of `If-Match`; `None` when the client does not care.
///
/// # Errors
/// 428 when the settings want one; 412 for a validator that no version ever had.
pub fn wanted_version(request: &HeaderMap, required: bool) -> Result<Option<i64>, Problem> {
    let Some(tag) = tags(request, header::IF_MATCH).next() else {
        if required {
            return Err(Problem::new("precondition_required", "send If-Match with the ETag you read"));
        }
        return Ok(None);
    };
    if tag == "*" {
        return Ok(None);
    }
    let version = tag.trim_start_matches("W/").trim_matches('"').split('-').next().unwrap_or_default();
    let stale = || Problem::new("version_mismatch", "If-Match is no version of this");
    version.parse().map(Some).map_err(|_| stale())
}

fn tags(request: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let values = request.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim).filter(|tag| !tag.is_empty())
}

/// A hash of what is shown.
pub fn digest(body: &str) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(body.as_bytes())[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_if_match() {
        for (value, want) in
            [("\"7\"", Some(Some(7))), ("\"7-abc\"", Some(Some(7))), ("*", Some(None)), ("\"x\"", None)]
        {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, HeaderValue::from_static(value));
            assert_eq!(wanted_version(&headers, true).ok(), want, "{value}");
        }
        assert!(wanted_version(&HeaderMap::new(), true).is_err());
    }
}
