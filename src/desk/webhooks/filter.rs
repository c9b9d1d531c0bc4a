//! Which tickets a webhook hears of: a search, judged when the event is handed on.

use std::collections::HashSet;

use uuid::Uuid;

use super::super::Result;
use super::super::search::{self, BadSearch};
use crate::model::{DeskEvent, Webhook};
use crate::store::Tx;
use crate::store::query::{Choice, Person, TicketFilter};

/// Reads a webhook's filter: the operators of a search of tickets, and no words, as those are found by an index that
/// lags behind.
///
/// # Errors
/// Says what is wrong, and what would be right.
pub fn webhook_filter(text: &str) -> Result<Vec<TicketFilter>, BadSearch> {
    let filters = search::parse(text, None)?;
    if filters.is_empty() {
        return Err(BadSearch("must hold an operator, such as store_id:st_81".into()));
    }
    for filter in &filters {
        match filter {
            TicketFilter::Words(_) => return Err(only_operators()),
            TicketFilter::Refs(refs) if refs.is_empty() => return Err(only_operators()),
            TicketFilter::Assignee(choice) if names_me(choice) => {
                return Err(BadSearch("assignee:me: a webhook is nobody's; name an agent's address".into()));
            }
            _ => {}
        }
    }
    Ok(filters)
}

fn only_operators() -> BadSearch {
    BadSearch(
        "only operators, such as is:open store_id:st_81 tag:vip, and no words or unknown operators".into(),
    )
}

/// `me` is read as nobody's id where nobody asks.
fn names_me(choice: &Choice<Person>) -> bool {
    choice.any.contains(&Person::Id(Uuid::nil()))
}

/// Those of these events that a webhook is to be told: of its types, about tickets that its filter finds as they are now.
pub(super) async fn wanted<'e>(
    tx: &mut Tx,
    webhook: &Webhook,
    mut events: Vec<&'e DeskEvent>,
) -> Result<Vec<&'e DeskEvent>> {
    events.retain(|event| webhook.wants(event.r#type));
    let Some(filter) = webhook.filter.as_deref().filter(|_| !events.is_empty()) else { return Ok(events) };
    let Ok(filters) = webhook_filter(filter) else {
        // It was checked when it was saved: by another version of us.
        tracing::error!(webhook = %webhook.id, "its filter can't be read any more: it is told nothing");
        return Ok(Vec::new());
    };
    let tickets: HashSet<_> = events.iter().filter_map(|event| event.ticket_id).collect();
    let tickets: Vec<_> = tickets.into_iter().collect();
    let found: HashSet<_> = tx.tickets_matching(&filters, &tickets).await?.into_iter().collect();
    events.retain(|event| event.ticket_id.is_some_and(|id| found.contains(&id)));
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_operators() {
        for (text, fits) in [
            ("store_id:st_81", true),
            ("is:open tag:vip,!wait priority:urgent", true),
            ("from:jo@example.org has:attachment", true),
            ("", false),
            ("parcel", false),
            ("store_id:st_81 parcel", false),
            ("shop:st_81", false),
            ("!!!", false),
            ("is:asleep", false),
            ("assignee:me", false),
        ] {
            assert_eq!(webhook_filter(text).is_ok(), fits, "{text:?}");
        }
    }
}
