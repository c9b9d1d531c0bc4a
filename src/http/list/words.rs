//! What parameters of lists say: members to show, order, filters.

use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::Kind;
use crate::desk::query::{Choice, Order, TicketKey};
use crate::http::extract::{Params, words};
use crate::http::openapi;
use crate::http::problem::Problem;

/// Members that `fields=` names must be some of this kind of object.
///
/// # Errors
/// 400 `invalid_parameter`; it says which there are.
pub fn check_fields<V: ToSchema>(fields: &[String]) -> Result<(), Problem> {
    if fields.is_empty() {
        return Ok(());
    }
    let known = openapi::members::<V>();
    match fields.iter().find(|field| !known.contains(*field)) {
        None => Ok(()),
        Some(field) => Err(Problem::not_among("fields", field, known)),
    }
}

/// What is shown with these members alone (`fields=`), with all when none is named.
pub fn picked(shown: &impl Serialize, fields: &[String]) -> Value {
    let mut shown = json!(shown);
    if let (false, Some(members)) = (fields.is_empty(), shown.as_object_mut()) {
        members.retain(|name, _| fields.iter().any(|field| field == name));
    }
    shown
}

/// `include=`, of these words.
///
/// # Errors
/// 400 for another word.
pub fn include(params: &mut Params, known: &[&'static str]) -> Result<Vec<&'static str>, Problem> {
    let find = |word: &String| {
        let found = known.iter().find(|known| *known == word).copied();
        found.ok_or_else(|| Problem::not_among("include", word, known.iter().copied()))
    };
    params.list("include").iter().map(find).collect()
}

/// What tickets can be sorted by.
const SORT_KEYS: [(&str, TicketKey); 6] = [
    ("created_at", TicketKey::CreatedAt),
    ("updated_at", TicketKey::UpdatedAt),
    ("waiting_since", TicketKey::WaitingSince),
    ("priority", TicketKey::Priority),
    ("number", TicketKey::Number),
    ("last_customer_message_at", TicketKey::LastCustomerMessageAt),
];

/// `sort=-updated_at,number`.
///
/// # Errors
/// 400 for an unknown key, or one given twice.
pub fn ticket_order(params: &mut Params) -> Result<Vec<Order<TicketKey>>, Problem> {
    let mut order: Vec<Order<TicketKey>> = Vec::new();
    for word in params.list("sort") {
        let (descending, word) = match word.strip_prefix('-') {
            Some(word) => (true, word),
            None => (false, word.as_str()),
        };
        let known = SORT_KEYS.iter().find(|(name, _)| *name == word);
        let Some(&(_, key)) = known else {
            return Err(Problem::not_among("sort", word, SORT_KEYS.iter().map(|(name, _)| *name)));
        };
        if order.iter().any(|known| known.key == key) {
            return Err(Problem::parameter("sort", "not_allowed", format!("{word} is given twice")));
        }
        order.push(Order { key, descending });
    }
    if order.is_empty() {
        order.push(Order { key: TicketKey::UpdatedAt, descending: true });
    }
    Ok(order)
}

/// `sort` of a list that is sorted by one time alone; whether the newest come first.
///
/// # Errors
/// 400 for another key.
pub fn by_time(params: &mut Params, key: &'static str, usual: bool) -> Result<bool, Problem> {
    match params.take("sort") {
        None => Ok(usual),
        Some(word) if word == key => Ok(false),
        Some(word) if word.strip_prefix('-') == Some(key) => Ok(true),
        Some(word) => Err(Problem::not_among("sort", &word, [key.to_owned(), format!("-{key}")])),
    }
}

/// Kinds of the keys of an order.
pub fn kinds(order: &[Order<TicketKey>]) -> Vec<Kind> {
    order.iter().map(|o| if o.key == TicketKey::Number { Kind::Text } else { Kind::Int }).collect()
}

/// Values of a filter: comma is "or", a leading `!` turns it round, `none` is "empty".
///
/// # Errors
/// 400 for a value that `parse` does not know.
pub fn choice<T>(
    params: &mut Params,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<Choice<T>>, Problem> {
    read_choice(params, name, parse, |word| {
        let shown: String = word.chars().take(100).collect();
        Problem::parameter(name, "not_in_enum", format!("unknown value: {shown}"))
    })
}

/// The same of a closed set of words.
///
/// # Errors
/// The same; it says which there are.
pub fn choice_of<T: Copy + Into<&'static str>>(
    params: &mut Params,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    all: &[T],
) -> Result<Option<Choice<T>>, Problem> {
    read_choice(params, name, parse, |word| Problem::not_among(name, word, words(all)))
}

fn read_choice<T>(
    params: &mut Params,
    name: &'static str,
    parse: impl Fn(&str) -> Option<T>,
    refused: impl Fn(&str) -> Problem,
) -> Result<Option<Choice<T>>, Problem> {
    let Some(text) = params.take(name) else { return Ok(None) };
    let (negated, text) = match text.strip_prefix('!') {
        Some(text) => (true, text),
        None => (false, text.as_str()),
    };
    let mut choice = Choice { any: Vec::new(), none: false, negated };
    for word in text.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        let word = if negated { word.strip_prefix('!').unwrap_or(word) } else { word };
        match word {
            "none" => choice.none = true,
            _ => choice.any.push(parse(word).ok_or_else(|| refused(word))?),
        }
    }
    if choice.any.len() > 100 {
        return Err(Problem::parameter(name, "too_many", "at most 100 values"));
    }
    Ok(Some(choice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_read_in_every_form() {
        for (text, any, none, negated) in [
            ("a,b", vec!["a", "b"], false, false),
            ("!a,!b", vec!["a", "b"], false, true),
            ("none", vec![], true, false),
            ("!none", vec![], true, true),
        ] {
            let mut params = Params::parse(Some(&format!("x={text}"))).expect("a query");
            let got = choice(&mut params, "x", |w| Some(w.to_owned())).expect("known").expect("given");
            assert_eq!(
                (got.any.iter().map(String::as_str).collect::<Vec<_>>(), got.none, got.negated),
                (any, none, negated)
            );
        }
    }
}
