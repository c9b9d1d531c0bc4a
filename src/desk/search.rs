//! What people type into the search field, made conditions: operators such as `is:open tag:vip`, and words.

use uuid::Uuid;

use crate::model::{Category, Channel, Priority, Status, Timestamp};
use crate::store::query::{Choice, Order, Person, TextColumn, TicketFilter, TicketKey, TicketRef};

/// A search that can't be read; says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSearch(pub String);

/// Most words and operators of a search.
const MAX_TERMS: usize = 32;

/// Reads a search (API.md §1.4). `me` is the agent who asks.
///
/// # Errors
/// For an operator's unknown value, or too many terms. What is no operator is text.
pub fn parse(text: &str, me: Option<Uuid>) -> Result<Vec<TicketFilter>, BadSearch> {
    let terms = terms(text);
    if terms.len() > MAX_TERMS {
        return Err(BadSearch(format!("at most {MAX_TERMS} words")));
    }
    let mut filters = Vec::new();
    let mut words = Vec::new();
    let mut any_text = false;
    for term in terms {
        if let Some((operator, value)) = term.operator()
            && let Some(filter) = filter(operator, value, me)?
        {
            filters.push(filter);
            continue;
        }
        any_text = true;
        let folded = crate::model::fold(&term.text);
        if !folded.is_empty() {
            words.push(format!("\"{folded}\""));
        }
    }
    match (any_text, words.is_empty()) {
        // Nothing but signs: no text holds them.
        (true, true) => filters.push(TicketFilter::Refs(Vec::new())),
        (true, false) => filters.push(TicketFilter::Words(words.join(" "))),
        (false, _) => {}
    }
    Ok(filters)
}

/// What tickets are sorted by when nothing else is asked for: the last changed first.
pub fn usual_order() -> [Order<TicketKey>; 1] {
    [Order { key: TicketKey::UpdatedAt, descending: true }]
}

/// Somebody: `me`, an id, or an address.
pub fn person(word: &str, me: Option<Uuid>) -> Option<Person> {
    if word == "me" {
        // A service is nobody's assignee.
        return Some(Person::Id(me.unwrap_or(Uuid::nil())));
    }
    if let Ok(id) = Uuid::try_parse(word) {
        return Some(Person::Id(id));
    }
    word.contains('@').then(|| Person::Address(word.to_lowercase()))
}

/// A word, or a phrase in quotes.
#[derive(Debug, PartialEq, Eq)]
struct Term {
    text: String,
    /// Began with a quote: never an operator.
    quoted: bool,
}

impl Term {
    fn operator(&self) -> Option<(&str, &str)> {
        if self.quoted {
            return None;
        }
        self.text.split_once(':').filter(|(_, value)| !value.is_empty())
    }
}

/// Splits at white space outside double quotes.
fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut current = Term { text: String::new(), quoted: false };
    let mut inside = false;
    for c in text.chars() {
        match c {
            '"' => {
                current.quoted |= current.text.is_empty() && !inside;
                inside = !inside;
            }
            c if c.is_whitespace() && !inside => {
                terms.push(std::mem::replace(&mut current, Term { text: String::new(), quoted: false }));
            }
            c => current.text.push(c),
        }
    }
    terms.push(current);
    terms.retain(|term| !term.text.is_empty());
    terms
}

/// An operator's condition; `None` when there is no such operator.
fn filter(operator: &str, value: &str, me: Option<Uuid>) -> Result<Option<TicketFilter>, BadSearch> {
    let unknown = || BadSearch(format!("unknown value: {operator}:{value}"));
    let (negated, bare) = value.strip_prefix('!').map_or((false, value), |bare| (true, bare));
    let filter = match operator.to_ascii_lowercase().as_str() {
        "is" if bare.eq_ignore_ascii_case("spam") => TicketFilter::Spam(!negated),
        "is" => TicketFilter::Status(choice(negated, bare, Status::from_input).ok_or_else(unknown)?),
        "priority" => {
            TicketFilter::Priority(choice(negated, bare, Priority::from_input).ok_or_else(unknown)?)
        }
        "category" => {
            TicketFilter::Category(choice(negated, bare, Category::from_input).ok_or_else(unknown)?)
        }
        "assignee" => TicketFilter::Assignee(choice(negated, bare, |w| person(w, me)).ok_or_else(unknown)?),
        "team" => TicketFilter::Team(choice(negated, bare, |w| Uuid::try_parse(w).ok()).ok_or_else(unknown)?),
        "tag" => TicketFilter::Tag(choice(negated, bare, |w| Some(w.to_owned())).ok_or_else(unknown)?),
        "from" => match choice(negated, bare, |w| person(w, None)) {
            Some(choice) => TicketFilter::Requester(choice),
            // A name, or part of an address: looked for as text.
            None => return Ok(None),
        },
        "before" => TicketFilter::CreatedTo(day(value).ok_or_else(unknown)?),
        "after" => TicketFilter::CreatedFrom(day(value).ok_or_else(unknown)?),
        "has" if bare.eq_ignore_ascii_case("attachment") => TicketFilter::HasAttachment(!negated),
        "has" => return Err(unknown()),
        "number" => TicketFilter::Refs(vec![TicketRef::parse(value).ok_or_else(unknown)?]),
        "channel" => TicketFilter::Channel(
            choice(negated, bare, |w| Channel::parse(&w.to_lowercase())).ok_or_else(unknown)?,
        ),
        name => match TextColumn::parse(name) {
            Some(column) => {
                TicketFilter::Text(column, choice(negated, bare, |w| Some(w.to_owned())).ok_or_else(unknown)?)
            }
            None => return Ok(None),
        },
    };
    Ok(Some(filter))
}

fn choice<T>(negated: bool, text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Choice<T>> {
    let mut choice = Choice { any: Vec::new(), none: false, negated };
    for word in text.split(',').filter(|word| !word.is_empty()) {
        if word == "none" {
            choice.none = true;
        } else {
            choice.any.push(parse(word)?);
        }
    }
    Some(choice)
}

/// A day (its beginning, UTC), or a point in time.
fn day(text: &str) -> Option<Timestamp> {
    let at = chrono::DateTime::parse_from_rfc3339(text)
        .or_else(|_| chrono::DateTime::parse_from_rfc3339(&format!("{text}T00:00:00Z")));
    at.ok().map(|at| Timestamp(at.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn searches_are_read() {
        let words = |text: &str| TicketFilter::Words(text.into());
        let nothing = TicketFilter::Refs(Vec::new());
        for (text, want) in [
            ("parcel lost", vec![words("\"parcel\" \"lost\"")]),
            (
                "\"lost box\" is:open",
                vec![TicketFilter::Status(Choice::only(Status::Open)), words("\"lost box\"")],
            ),
            ("\"is:open\"", vec![words("\"is open\"")]),
            ("http://x.example", vec![words("\"http x example\"")]),
            ("a\" OR 1=1 --", vec![words("\"a or 1 1\"")]),
            ("body:* NEAR(x)", vec![words("\"body\" \"near x\"")]),
            ("!!!", vec![nothing]),
            ("", vec![]),
            (
                "from:jo@example.org",
                vec![TicketFilter::Requester(Choice::only(Person::Address("jo@example.org".into())))],
            ),
            (
                "store_id:st_81,St_82",
                vec![TicketFilter::Text(
                    TextColumn::StoreId,
                    Choice { any: vec!["st_81".into(), "St_82".into()], none: false, negated: false },
                )],
            ),
            (
                "channel:!email",
                vec![TicketFilter::Channel(Choice { negated: true, ..Choice::only(Channel::Email) })],
            ),
            ("has:attachment", vec![TicketFilter::HasAttachment(true)]),
            ("after:2026-01-01", vec![TicketFilter::CreatedFrom(Timestamp(1_767_225_600_000))]),
        ] {
            assert_eq!(parse(text, None).as_ref(), Ok(&want), "{text}");
        }
        assert!(parse("is:asleep", None).is_err());
        assert!(parse(&"w ".repeat(50), None).is_err());
    }
}
