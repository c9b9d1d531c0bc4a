//! The members of a JSON object. What is wrong with them is collected, and told at once.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{address, timestamp};
use crate::http::problem::{FieldError, Problem};

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

    /// A member whose name the settings give, taken out before the others are read.
    pub fn pull(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    /// Text of `min..=max` characters, without NUL.
    pub fn text(&mut self, name: &'static str, min: usize, max: usize) -> Option<String> {
        let Value::String(text) = self.typed(name, "a string", Value::is_string)? else { return None };
        let count = text.chars().count();
        if count < min || (min > 0 && text.trim().is_empty()) {
            self.refuse(
                name,
                "too_short",
                if min > 1 { format!("at least {min} characters") } else { "must not be empty".into() },
            );
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
            error.allowed = Some(allowed.into_iter().map(Into::into).collect());
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

    /// What `read` gives, or null to clear: `None` when the member is absent.
    pub fn clearable<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.members.get(name).is_some_and(Value::is_null) {
            self.take(name);
            return Some(None);
        }
        read(self).map(Some)
    }

    /// Whether a member is there, be it null; it counts as known from now on.
    pub fn has(&mut self, name: &'static str) -> bool {
        self.known.insert(name);
        self.members.contains_key(name)
    }

    /// Refuses a member that is missing or null, before it is read.
    pub fn present(&mut self, name: &'static str) {
        if self.members.get(name).is_none_or(Value::is_null) {
            self.refuse(name, "required", "is required");
        }
    }

    /// Refuses members that have no place here; null is as good as absent.
    pub fn absent(&mut self, names: &[&'static str], why: &str) {
        for name in names {
            if self.take(name).is_some() {
                self.refuse(name, "not_allowed", why);
            }
        }
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

    /// UUIDs, each once, at most `max`; `None` when the member is absent.
    pub fn distinct_uuids(&mut self, name: &'static str, max: usize) -> Option<Vec<uuid::Uuid>> {
        if !self.members.contains_key(name) {
            self.known.insert(name);
            return None;
        }
        let mut ids = self.uuids(name, max);
        ids.sort_unstable();
        ids.dedup();
        Some(ids)
    }

    /// Refuses null for members that can't be cleared.
    pub fn not_null(&mut self, names: &[&'static str]) {
        for name in names {
            if self.members.get(*name).is_some_and(Value::is_null) {
                self.refuse(name, "bad_type", "must not be null");
            }
        }
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

    /// The same as [`Fields::texts`]; `None` when the member is absent.
    pub fn given_texts(&mut self, name: &'static str, max: usize, length: usize) -> Option<Vec<String>> {
        if !self.members.contains_key(name) {
            self.known.insert(name);
            return None;
        }
        Some(self.texts(name, max, length))
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

    /// Reads the members of an object inside; `None` when it is absent or null. What is wrong with them is named under
    /// its name.
    ///
    /// # Errors
    /// 400 `unknown_field` for members never asked for.
    pub fn inner<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Result<Option<T>, Problem> {
        let Some(Value::Object(members)) = self.typed(name, "an object", Value::is_object) else {
            return Ok(None);
        };
        let mut inner = Self { members, ..Self::default() };
        let value = read(&mut inner);
        let errors = std::mem::take(&mut inner.errors);
        inner.finish().map_err(|problem| problem.under(name))?;
        self.errors.extend(errors.into_iter().map(|error| error.under(name)));
        Ok(Some(value))
    }

    /// Objects, at most `max`, each to be read by itself and handed back to [`Fields::finish_item`].
    pub fn objects(&mut self, name: &'static str, max: usize) -> Option<Vec<Self>> {
        let Value::Array(items) = self.typed(name, "a list", Value::is_array)? else { return None };
        if items.len() > max {
            self.refuse(name, "too_many", format!("at most {max}"));
            return None;
        }
        let mut objects = Vec::new();
        for (i, item) in items.into_iter().enumerate() {
            match item {
                Value::Object(members) => objects.push(Self { members, ..Self::default() }),
                _ => self.refuse_item(name, i, "bad_type", "must be an object"),
            }
        }
        Some(objects)
    }

    /// Ends the reading of one of those objects: what is wrong with it is told along with the rest.
    pub fn finish_item(&mut self, name: &str, i: usize, item: Self) {
        let strangers: Vec<_> =
            item.members.keys().filter(|member| !item.known.contains(member.as_str())).cloned().collect();
        let mut item = item;
        for stranger in strangers {
            item.refuse(&stranger, "not_allowed", "unknown member");
        }
        for mut error in item.errors {
            error.pointer = error.pointer.map(|pointer| format!("/{name}/{i}{pointer}"));
            self.errors.push(error);
        }
    }

    /// Notes that an item of a list is no word of a set.
    pub fn refuse_word(&mut self, name: &str, i: usize, word: &str, allowed: Vec<&'static str>) {
        self.refuse_item(name, i, "not_in_enum", "unknown word");
        let error = self.errors.last_mut().expect("one was just added");
        error.rejected_value = Some(Value::String(word.chars().take(100).collect()));
        error.allowed = Some(allowed.into_iter().map(Into::into).collect());
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 `unknown_field` for members never asked for (it says which there are), otherwise 422 with everything that is wrong.
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
                allowed: Some(known.iter().copied().map(Into::into).collect()),
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

    /// Notes an error of a member of an object.
    pub fn refuse_member(&mut self, name: &str, member: &str, code: &'static str, detail: impl Into<String>) {
        self.refuse(name, code, detail);
        if let Some(pointer) = self.errors.last_mut().and_then(|error| error.pointer.as_mut()) {
            pointer.push('/');
            pointer.push_str(&member.replace('~', "~0").replace('/', "~1"));
        }
    }

    /// Notes an error of an item of a list.
    pub fn refuse_item(&mut self, name: &str, i: usize, code: &'static str, detail: impl Into<String>) {
        self.refuse(name, code, detail);
        if let Some(pointer) = self.errors.last_mut().and_then(|error| error.pointer.as_mut()) {
            pointer.push_str(&format!("/{i}"));
        }
    }
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
}
