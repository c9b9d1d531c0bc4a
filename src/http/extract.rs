//! What a request says, read whole: `fields` has the members of a JSON object, `params` those of the query. Every invalid field is named at once, names the contract does not know are refused.

mod fields;
mod params;

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};

pub use fields::Fields;
pub use params::Params;

use super::problem::Problem;

/// Largest JSON body.
pub const JSON_LIMIT: usize = 1 << 20;

/// Reads a body of at most `limit` octets within `timeout`.
///
/// # Errors
/// 413 `body_too_large`; 400 when the client stalls or goes away.
pub async fn bytes(body: Body, limit: usize, timeout: Duration) -> Result<Bytes, Problem> {
    let read = http_body_util::BodyExt::collect(http_body_util::Limited::new(body, limit));
    match tokio::time::timeout(timeout, read).await {
        Ok(Ok(all)) => Ok(all.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            Err(Problem::new("body_too_large", format!("at most {limit} octets"))
                .member("limit_bytes", limit))
        }
        Ok(Err(_)) => Err(Problem::new("malformed_json", "the body broke off")),
        Err(_) => Err(Problem::new("malformed_json", "the body did not arrive in time")),
    }
}

/// A JSON object, with the bytes it was read from.
pub struct JsonBody {
    /// As sent.
    pub raw: Bytes,
    /// As read.
    pub fields: Fields,
}

/// Reads a JSON object within `timeout`.
///
/// # Errors
/// 415, 413, 400 `malformed_json`.
pub async fn json(headers: &HeaderMap, body: Body, timeout: Duration) -> Result<JsonBody, Problem> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err(Problem::new("unsupported_media_type", "send application/json")
            .header(header::ACCEPT, header::HeaderValue::from_static("application/json")));
    }
    let raw = bytes(body, JSON_LIMIT, timeout).await?;
    let fields = Fields::parse(&raw)?;
    Ok(JsonBody { raw, fields })
}

/// Reads the body of a write that needs none: a JSON object, or nothing, which is an empty one.
///
/// # Errors
/// As [`json`].
pub async fn optional_json(headers: &HeaderMap, body: Body, timeout: Duration) -> Result<JsonBody, Problem> {
    if headers.contains_key(header::CONTENT_TYPE) {
        return json(headers, body, timeout).await;
    }
    let raw = bytes(body, JSON_LIMIT, timeout).await?;
    let fields = Fields::parse(if raw.trim_ascii().is_empty() { b"{}" } else { &raw })?;
    Ok(JsonBody { raw, fields })
}

/// Reads the body of a write that takes none: nothing, or an empty object.
///
/// # Errors
/// 400 for members, or what is no JSON; 413.
pub async fn nothing(body: Body, timeout: Duration) -> Result<Bytes, Problem> {
    let raw = bytes(body, JSON_LIMIT, timeout).await?;
    if !raw.trim_ascii().is_empty() {
        Fields::parse(&raw)?.finish()?;
    }
    Ok(raw)
}

/// `Content-Type` without parameters, lower case.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// The words of a set, for an error.
pub fn words<T: Copy + Into<&'static str>>(all: &[T]) -> Vec<&'static str> {
    all.iter().map(|word| (*word).into()).collect()
}

/// RFC 3339, any offset.
pub fn timestamp(text: &str) -> Option<crate::model::Timestamp> {
    let at = chrono::DateTime::parse_from_rfc3339(text).ok()?;
    Some(crate::model::Timestamp(at.timestamp_millis()))
}

/// `local@domain` in lower case, as lettre reads addresses (RFC 5321 §4.1.2 and RFC 6531).
pub fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let fits = text.len() <= 254 && !text.chars().any(|c| c.is_control() || c.is_whitespace());
    let address: lettre::Address = text.parse().ok().filter(|_| fits)?;
    Some(address.to_string().to_lowercase())
}

/// Whether the client takes this type (RFC 9110 §12.5.1). No `Accept` takes everything.
pub fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    let mut ranges = headers.get_all(header::ACCEPT).iter().filter_map(|v| v.to_str().ok()).peekable();
    if ranges.peek().is_none() {
        return true;
    }
    let family = wanted.split('/').next().unwrap_or_default();
    ranges.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let range = parts.next().unwrap_or_default();
        let refused = parts.any(|p| p.strip_prefix("q=").is_some_and(|q| q.parse::<f32>() == Ok(0.0)));
        !refused && (range == "*/*" || range == wanted || range.strip_suffix("/*") == Some(family))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_read_as_the_rfc_says() {
        for (accept, want) in [
            (None, true),
            (Some("*/*"), true),
            (Some("text/html, application/json;q=0.5"), true),
            (Some("application/*"), true),
            (Some("text/html"), false),
            (Some("application/json;q=0"), false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, accept.parse().expect("a header value"));
            }
            assert_eq!(accepts(&headers, "application/json"), want, "{accept:?}");
        }
    }

    #[test]
    fn addresses_are_one_word_with_an_at_sign() {
        for (text, want) in [
            ("Jo@Example.org", Some("jo@example.org")),
            ("jo", None),
            ("jo@example.org\r\nBcc: x@y.z", None),
            ("<jo@example.org>", None),
            ("jo@exa mple.org", None),
        ] {
            assert_eq!(address(text).as_deref(), want, "{text:?}");
        }
    }
}
