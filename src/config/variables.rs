//! The environment: which variable sets which key, and what its text means.

use std::collections::HashMap;

use toml::{Table, Value};

use super::load::join;

/// What every variable begins with.
pub(super) const PREFIX: &str = "POSTDESK_";

/// The variable of a key: `smtp.listen` is `POSTDESK_SMTP_LISTEN`.
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "_"))
}

/// Every key's variable, with the key and an example of its value.
pub(super) struct Variables(pub(super) HashMap<String, (String, Value)>);

impl Variables {
    pub(super) fn new(known: &Table) -> Self {
        let mut all = HashMap::new();
        collect("", known, &mut all);
        // The contract's short way to switch limits off.
        all.insert("POSTDESK_API_LIMITS".into(), ("api.limits.enabled".into(), Value::Boolean(true)));
        Self(all)
    }
}

pub(super) fn collect(at: &str, known: &Table, into: &mut HashMap<String, (String, Value)>) {
    for (name, value) in known {
        let key = join(at, name);
        match value {
            Value::Table(inner) => collect(&key, inner, into),
            value => {
                into.insert(variable(&key), (key, value.clone()));
            }
        }
    }
}

/// A variable's text as a value like the example; nothing (the default) when it is empty. Lists are separated by
/// commas. `Err` says what would be right.
pub(super) fn from_variable(example: &Value, text: &str) -> Result<Option<Value>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Ok(Some(match example {
        Value::Boolean(_) => match text.to_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Value::Boolean(true),
            "false" | "off" | "no" | "0" => Value::Boolean(false),
            _ => return Err("true or false"),
        },
        Value::Integer(_) => Value::Integer(text.parse().map_err(|_| "a whole number")?),
        Value::Array(examples) => match examples.first() {
            Some(Value::Table(fields)) if fields.contains_key("selector") => {
                Value::Array(items().map(signing_key).collect::<Result<_, _>>()?)
            }
            Some(Value::Table(fields)) => Value::Array(items().map(|item| entry(fields, item)).collect()),
            Some(Value::Integer(_)) => {
                let numbers = items().map(|item| item.parse().map(Value::Integer));
                Value::Array(
                    numbers.collect::<Result<_, _>>().map_err(|_| "whole numbers, separated by commas")?,
                )
            }
            _ => Value::Array(items().map(Value::from).collect()),
        },
        _ => Value::from(text),
    }))
}

/// `pd-rsa._domainkey.shop.example=/etc/postdesk/pd-rsa.pem`, as an entry of `dkim`.
fn signing_key(text: &str) -> Result<Value, &'static str> {
    let parts = text.split_once('=').and_then(|(name, key)| Some((name.split_once("._domainkey.")?, key)));
    let ((selector, domain), key) = parts.ok_or("a list of selector._domainkey.domain=file")?;
    let fields = [("domain", domain), ("selector", selector), ("key", key)];
    let fields = fields.map(|(field, value)| (field.to_owned(), Value::from(value.trim())));
    Ok(Value::Table(fields.into_iter().collect()))
}

/// An entry of a list of tables, as the list's fields ask for.
fn entry(fields: &Table, text: &str) -> Value {
    if fields.contains_key("host") { relay(text) } else { person(fields, text) }
}

/// `mx.shop.example:587` or the host alone, as an entry of `outbox.relays`.
fn relay(text: &str) -> Value {
    let port = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    let mut entry = Table::new();
    match port {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            entry.insert("host".into(), host.trim_matches(['[', ']']).into());
            entry.insert("port".into(), i64::from(port).into());
        }
        _ => drop(entry.insert("host".into(), text.trim_matches(['[', ']']).into())),
    }
    Value::Table(entry)
}

/// `Ada <ada@shop.example>` or the address alone, as an entry of `mailboxes` or `agents`.
fn person(fields: &Table, text: &str) -> Value {
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, address)) => (name.trim(), address.trim()),
        None => ("", text),
    };
    let mut entry = Table::new();
    if fields.contains_key("email") {
        let name = if name.is_empty() { address } else { name };
        entry.insert("name".into(), name.into());
        entry.insert("email".into(), address.into());
    } else {
        entry.insert("address".into(), address.into());
        if !name.is_empty() {
            entry.insert("from_name".into(), name.into());
        }
    }
    Value::Table(entry)
}

/// Sets `a.b.c`, making tables on the way; `None` takes it away.
pub(super) fn put(table: &mut Table, key: &str, value: Option<Value>) {
    match key.split_once('.') {
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
                if inner.is_empty() {
                    table.remove(first);
                }
            }
        }
        None => match value {
            Some(value) => drop(table.insert(key.to_owned(), value)),
            None => drop(table.remove(key)),
        },
    }
}
