//! What a request says, read whole: every invalid field is named at once, names the contract does not know are refused.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::problem::{FieldError, Problem};

/// Largest JSON body.
pub const JSON_LIMIT: usize = 1 << 20;
/// Longest wait for a JSON body.
const JSON_TIMEOUT: Duration = Duration::from_secs(30);

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

/// Reads a JSON object.
///
/// # Errors
/// 415, 413, 400 `malformed_json`.
pub async fn json(headers: &HeaderMap, body: Body) -> Result<JsonBody, Problem> {
    if media_type(headers).as_deref() != Some("application/json") {
        return Err(Problem::new("unsupported_media_type", "send application/json")
            .header(header::ACCEPT, header::HeaderValue::from_static("application/json")));
    }
    let raw = bytes(body, JSON_LIMIT, JSON_TIMEOUT).await?;
    let fields = Fields::parse(&raw)?;
    Ok(JsonBody { raw, fields })
}

/// `Content-Type` without parameters, lower case.
pub fn media_type(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Members of a JSON object, taken out one by one; what is wrong with them is collected.
#[derive(Debug, Default)]
pub struct Fields {
    members: Map<String, Value>,
    known: BTreeSet<&'static str>,
    errors: Vec<FieldError>,
}

impl Fields {
    /// From bytes.
    ///
    /// # Errors
    /// 400 `malformed_json` for anything but an object.
    pub fn parse(raw: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(raw) {
            Ok(Value::Object(members)) => Ok(Self { members, ..Self::default() }),
            Ok(_) => Err(Problem::new("malformed_json", "the body is not an object")),
            Err(error) => Err(Problem::new("malformed_json", error.to_string())),
        }
    }

    /// Notes an error of a field.
    pub fn refuse(&mut self, name: &str, code: &'static str, detail: impl Into<String>) {
        self.errors.push(FieldError {
            pointer: Some(format!("/{}", name.replace('~', "~0").replace('/', "~1"))),
            parameter: None,
            code,
            detail: detail.into(),
            rejected_value: None,
            allowed: None,
        });
    }

    /// The member, `None` when absent or null.
    pub fn take(&mut self, name: &'static str) -> Option<Value> {
        self.known.insert(name);
        self.members.remove(name).filter(|value| !value.is_null())
    }

    /// Text of `min..=max` characters, without NUL.
    pub fn text(&mut self, name: &'static str, min: usize, max: usize) -> Option<String> {
        let Value::String(text) = self.typed(name, "a string", Value::is_string)? else { return None };
        let count = text.chars().count();
        if count < min || (min > 0 && text.trim().is_empty()) {
            self.refuse(name, "too_short", format!("at least {min} characters"));
        } else if count > max {
            self.refuse(name, "too_long", format!("at most {max} characters"));
        } else if text.contains('\0') {
            self.refuse(name, "bad_format", "NUL is not text");
        } else {
            return Some(text);
        }
        None
    }

    /// Text on one line: no control characters.
    pub fn line(&mut self, name: &'static str, min: usize, max: usize) -> Option<String> {
        let text = self.text(name, min, max)?;
        if text.chars().any(char::is_control) {
            self.refuse(name, "bad_format", "control characters are not allowed");
            return None;
        }
        Some(text.trim().to_owned())
    }

    /// A required field: what `read` gives, or an error that it is missing.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<T> {
        let before = self.errors.len();
        let value = read(self);
        if value.is_none() && self.errors.len() == before {
            self.refuse(name, "required", "is required");
        }
        value
    }

    /// A word of a closed set.
    pub fn word<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Option<T>,
        allowed: Vec<&'static str>,
    ) -> Option<T> {
        let Value::String(text) = self.typed(name, "a string", Value::is_string)? else { return None };
        let value = parse(&text);
        if value.is_none() {
            self.refuse(name, "not_in_enum", format!("unknown {name}"));
            let error = self.errors.last_mut().expect("one was just added");
            error.rejected_value = Some(Value::String(text.chars().take(100).collect()));
            error.allowed = Some(allowed);
        }
        value
    }

    /// `true` or `false`.
    pub fn flag(&mut self, name: &'static str) -> Option<bool> {
        self.typed(name, "true or false", Value::is_boolean)?.as_bool()
    }

    /// A whole number in a range.
    pub fn number(&mut self, name: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let number = self.typed(name, "a whole number", Value::is_i64)?.as_i64()?;
        if range.contains(&number) {
            return Some(number);
        }
        self.refuse(name, "out_of_range", format!("{} to {}", range.start(), range.end()));
        None
    }

    /// A UUID.
    pub fn uuid(&mut self, name: &'static str) -> Option<uuid::Uuid> {
        let Value::String(text) = self.typed(name, "a string", Value::is_string)? else { return None };
        let id = uuid::Uuid::parse_str(&text).ok();
        if id.is_none() {
            self.refuse(name, "bad_format", "is no UUID");
        }
        id
    }

    /// A UUID, or null to clear: `None` when the member is absent.
    pub fn clearable_uuid(&mut self, name: &'static str) -> Option<Option<uuid::Uuid>> {
        if self.members.get(name).is_some_and(Value::is_null) {
            self.take(name);
            return Some(None);
        }
        self.uuid(name).map(Some)
    }

    /// UUIDs, at most `max`.
    pub fn uuids(&mut self, name: &'static str, max: usize) -> Vec<uuid::Uuid> {
        let texts = self.texts(name, max, 64);
        let ids: Vec<_> = texts.iter().filter_map(|text| uuid::Uuid::parse_str(text).ok()).collect();
        if ids.len() != texts.len() {
            self.refuse(name, "bad_format", "not all are UUIDs");
        }
        ids
    }

    /// A point in time, RFC 3339.
    pub fn time(&mut self, name: &'static str) -> Option<crate::model::Timestamp> {
        let Value::String(text) = self.typed(name, "a string", Value::is_string)? else { return None };
        let at = timestamp(&text);
        if at.is_none() {
            self.refuse(name, "bad_format", "is no RFC 3339 time");
        }
        at
    }

    /// A mail address, lower case.
    pub fn address(&mut self, name: &'static str) -> Option<String> {
        let text = self.line(name, 1, 254)?;
        let address = address(&text);
        if address.is_none() {
            self.refuse(name, "bad_format", "is no mail address");
        }
        address
    }

    /// Mail addresses, lower case, each once; `None` when the member is absent.
    pub fn addresses(&mut self, name: &'static str, max: usize) -> Option<Vec<String>> {
        if !self.members.contains_key(name) {
            self.known.insert(name);
            return None;
        }
        let mut found = Vec::new();
        for (i, text) in self.texts(name, max, 254).iter().enumerate() {
            match address(text) {
                Some(address) if !found.contains(&address) => found.push(address),
                Some(_) => {}
                None => self.refuse_item(name, i, "bad_format", "is no mail address"),
            }
        }
        Some(found)
    }

    /// Strings, at most `max` of at most `length` characters.
    pub fn texts(&mut self, name: &'static str, max: usize, length: usize) -> Vec<String> {
        let Some(Value::Array(items)) = self.typed(name, "a list", Value::is_array) else {
            return Vec::new();
        };
        if items.len() > max {
            self.refuse(name, "too_many", format!("at most {max}"));
            return Vec::new();
        }
        let mut texts = Vec::new();
        for (i, item) in items.into_iter().enumerate() {
            match item {
                Value::String(text) if text.chars().any(char::is_control) => {
                    self.refuse_item(name, i, "bad_format", "control characters are not allowed");
                }
                Value::String(text) if text.chars().count() > length => {
                    self.refuse_item(name, i, "too_long", format!("at most {length} characters"));
                }
                Value::String(text) => texts.push(text.trim().to_owned()),
                _ => self.refuse_item(name, i, "bad_type", "must be a string"),
            }
        }
        texts
    }

    /// A JSON object of at most 8 KiB.
    pub fn object(&mut self, name: &'static str) -> Option<Value> {
        let value = self.typed(name, "an object", Value::is_object)?;
        if value.to_string().len() > 8 << 10 {
            self.refuse(name, "too_long", "at most 8 KiB");
            return None;
        }
        Some(value)
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 `unknown_field` for members never asked for, otherwise 422 with everything that is wrong.
    pub fn finish(self) -> Result<(), Problem> {
        let Self { members, known, errors } = self;
        let strangers: Vec<_> = members.keys().filter(|name| !known.contains(name.as_str())).collect();
        if let Some(first) = strangers.first() {
            let detail = format!("unknown member: {}", first.chars().take(100).collect::<String>());
            let errors = strangers.iter().take(20).map(|name| FieldError {
                pointer: Some(format!("/{}", name.replace('~', "~0").replace('/', "~1"))),
                parameter: None,
                code: "not_allowed",
                detail: "unknown member".into(),
                rejected_value: None,
                allowed: None,
            });
            return Err(Problem::new("unknown_field", detail).with_errors(errors.collect()));
        }
        if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
    }

    fn typed(&mut self, name: &'static str, wanted: &str, fits: fn(&Value) -> bool) -> Option<Value> {
        let value = self.take(name)?;
        if fits(&value) {
            return Some(value);
        }
        self.refuse(name, "bad_type", format!("must be {wanted}"));
        None
    }

    fn refuse_item(&mut self, name: &str, i: usize, code: &'static str, detail: impl Into<String>) {
        self.refuse(name, code, detail);
        if let Some(pointer) = self.errors.last_mut().and_then(|error| error.pointer.as_mut()) {
            pointer.push_str(&format!("/{i}"));
        }
    }
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

/// Parameters of the query, taken out one by one.
#[derive(Debug)]
pub struct Params {
    pairs: Vec<(String, String)>,
}

impl Params {
    /// From the query of a URI.
    ///
    /// # Errors
    /// 400 for a parameter given twice, or for text that is not UTF-8.
    pub fn parse(query: Option<&str>) -> Result<Self, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if pairs.iter().any(|(known, _)| *known == name) {
                return Err(Problem::parameter(
                    &name,
                    "not_allowed",
                    "given twice; separate values by a comma",
                ));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// The value, `None` when absent or empty.
    pub fn take(&mut self, name: &str) -> Option<String> {
        let i = self.pairs.iter().position(|(known, _)| known == name)?;
        Some(self.pairs.swap_remove(i).1).filter(|value| !value.is_empty())
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn flag(&mut self, name: &str) -> Result<Option<bool>, Problem> {
        match self.take(name).as_deref() {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(Problem::parameter(name, "bad_format", "must be true or false")),
        }
    }

    /// A point in time: RFC 3339, or a day (its beginning, UTC).
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn time(&mut self, name: &str) -> Result<Option<crate::model::Timestamp>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        // A literal plus sign of an offset reads as a space in a query.
        let at = timestamp(&text.replace(' ', "+")).or_else(|| timestamp(&format!("{text}T00:00:00Z")));
        at.map(Some).ok_or_else(|| Problem::parameter(name, "bad_format", "is no RFC 3339 time"))
    }

    /// Comma-separated words.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.take(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 `unknown_parameter` for parameters never asked for.
    pub fn finish(self) -> Result<(), Problem> {
        let Some((name, _)) = self.pairs.first() else { return Ok(()) };
        let name: String = name.chars().take(100).collect();
        let errors = vec![FieldError {
            pointer: None,
            parameter: Some(name.clone()),
            code: "not_allowed",
            detail: "unknown parameter".into(),
            rejected_value: None,
            allowed: None,
        }];
        Err(Problem::new("unknown_parameter", format!("unknown parameter: {name}")).with_errors(errors))
    }
}

fn decode(text: &str) -> Result<String, Problem> {
    let text = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&text)
        .decode_utf8()
        .map_err(|_| Problem::new("invalid_parameter", "the query is not UTF-8"))?;
    if decoded.contains('\0') {
        return Err(Problem::new("invalid_parameter", "NUL is not text"));
    }
    Ok(decoded.into_owned())
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
    fn all_errors_come_at_once() {
        let mut fields =
            Fields::parse(br#"{"subject":"","n":"x","cc":["a@b.c","nope"],"ok":true}"#).expect("an object");
        assert_eq!(fields.required("subject", |f| f.line("subject", 1, 9)), None);
        assert_eq!(fields.number("n", 0..=9), None);
        assert_eq!(fields.addresses("cc", 5), Some(vec!["a@b.c".to_owned()]));
        assert_eq!(fields.flag("ok"), Some(true));
        assert_eq!(fields.required("body", |f| f.text("body", 1, 9)), None);
        let codes: Vec<_> =
            fields.errors.iter().map(|e| (e.pointer.as_deref().unwrap_or(""), e.code)).collect();
        let want =
            [("/subject", "too_short"), ("/n", "bad_type"), ("/cc/1", "bad_format"), ("/body", "required")];
        assert_eq!(codes, want);
        assert!(fields.finish().is_err());
    }

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
