//! The parameters of the query.

use std::collections::BTreeSet;

use super::timestamp;
use crate::http::problem::{FieldError, Problem};

/// Parameters of the query, taken out one by one.
#[derive(Debug)]
pub struct Params {
    pairs: Vec<(String, String)>,
    known: BTreeSet<&'static str>,
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
        Ok(Self { pairs, known: BTreeSet::new() })
    }

    /// From an object of the body that asks as a query does: lists stand for words separated by a comma.
    pub fn of_object(members: serde_json::Map<String, serde_json::Value>) -> Self {
        use serde_json::Value;
        let word = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        let text = |value: Value| match value {
            Value::Array(items) => items.into_iter().map(word).collect::<Vec<_>>().join(","),
            other => word(other),
        };
        let given = members.into_iter().filter(|(_, value)| !value.is_null());
        Self { pairs: given.map(|(name, value)| (name, text(value))).collect(), known: BTreeSet::new() }
    }

    /// The value, `None` when absent or empty.
    pub fn take(&mut self, name: &'static str) -> Option<String> {
        self.known.insert(name);
        let i = self.pairs.iter().position(|(known, _)| known == name)?;
        Some(self.pairs.swap_remove(i).1).filter(|value| !value.is_empty())
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// 400 for anything else.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Problem> {
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
    pub fn time(&mut self, name: &'static str) -> Result<Option<crate::model::Timestamp>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        // A literal plus sign of an offset reads as a space in a query.
        let at = timestamp(&text.replace(' ', "+")).or_else(|| timestamp(&format!("{text}T00:00:00Z")));
        at.map(Some).ok_or_else(|| Problem::parameter(name, "bad_format", "is no RFC 3339 time"))
    }

    /// Comma-separated words.
    pub fn list(&mut self, name: &'static str) -> Vec<String> {
        let text = self.take(name).unwrap_or_default();
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// 400 `unknown_parameter` for parameters never asked for; it says which there are.
    pub fn finish(self) -> Result<(), Problem> {
        let Self { pairs, known } = self;
        let Some((name, _)) = pairs.first() else { return Ok(()) };
        let name: String = name.chars().take(100).collect();
        let errors = vec![FieldError {
            pointer: None,
            parameter: Some(name.clone()),
            code: "not_allowed",
            detail: "unknown parameter".into(),
            rejected_value: None,
            allowed: Some(known.into_iter().map(Into::into).collect()),
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
