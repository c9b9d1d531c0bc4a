//! From a line of the audit trail to the events it is told by.

use serde_json::{Map, Value};

use super::EventType;
use crate::model::TicketEvent;

/// Fields of a ticket whose changes have no event of their own: `ticket.updated` tells them. Whatever else a line of
/// the trail holds, such as the text of a note, stays in the trail.
const TOLD_AS_UPDATED: [&str; 16] = [
    "subject",
    "category",
    "cc",
    "custom_fields",
    "requester_id",
    "requester_email",
    "user_id",
    "seller_id",
    "store_id",
    "order_id",
    "is_spam",
    "resolution",
    "snoozed_until",
    "deleted_at",
    "merged_into",
    "merged_from",
];
/// Most that the values of one event take, octets of JSON: longer ones are not told.
const MAX_VALUES: usize = 2_048;

/// What a line of the trail is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line {
    /// The ticket was opened.
    Created,
    /// It was put into the bin, or erased.
    Deleted,
    /// A response that was taken back or deleted.
    ResponseDeleted {
        /// It was a note.
        note: bool,
    },
    /// A note that became a public answer.
    NoteSent,
    /// Another thing that befell a mail or a response; it may have moved the ticket too.
    Else,
    /// The ticket itself was changed.
    Changed,
}

/// Reads the word of a line.
pub(super) fn line(event: &TicketEvent) -> Line {
    match event.r#type.as_str() {
        "created" => Line::Created,
        "deleted" | "erased" => Line::Deleted,
        "note_deleted" => Line::ResponseDeleted { note: true },
        "response_cancelled" | "response_deleted" => Line::ResponseDeleted { note: false },
        "note_sent" => Line::NoteSent,
        word if ["response_", "note_", "email_"].iter().any(|of| word.starts_with(of)) => Line::Else,
        _ => Line::Changed,
    }
}

/// The changes a line holds, shared out among the events that tell them, each once: those of a field with an event of
/// its own there, the rest in `ticket.updated`.
pub(super) fn changes(event: &TicketEvent) -> Vec<(EventType, Map<String, Value>)> {
    let mut told: Vec<(EventType, Map<String, Value>)> = Vec::new();
    let mut room = MAX_VALUES;
    for (field, change) in event.changes.as_object().into_iter().flatten() {
        let Some(kind) = event_of(field) else { continue };
        let change = match room.checked_sub(change.to_string().len()) {
            Some(left) => {
                room = left;
                change.clone()
            }
            None => Value::Null,
        };
        match told.iter_mut().find(|(of, _)| *of == kind) {
            Some((_, changes)) => drop(changes.insert(field.clone(), change)),
            None => told.push((kind, Map::from_iter([(field.clone(), change)]))),
        }
    }
    told
}

fn event_of(field: &str) -> Option<EventType> {
    Some(match field {
        "status" => EventType::TicketStatusChanged,
        "assignee_id" | "team_id" => EventType::TicketAssigned,
        "priority" => EventType::TicketPriorityChanged,
        "tags" => EventType::TicketTagsChanged,
        field if TOLD_AS_UPDATED.contains(&field) => EventType::TicketUpdated,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::news::tests::trail;
    use super::*;

    #[test]
    fn each_change_is_told_once_by_the_narrowest_event() {
        let told = |changes: Value| {
            let event = trail("changed", changes);
            let told = super::changes(&event).into_iter();
            told.map(|(kind, changes)| (kind.as_str(), Value::Object(changes))).collect::<Vec<_>>()
        };
        for (changes, want) in [
            (json!({}), vec![]),
            (
                json!({"status": ["open", "closed"]}),
                vec![("ticket.status_changed", json!({"status": ["open", "closed"]}))],
            ),
            (
                json!({"assignee_id": [null, "a"], "team_id": [null, "t"]}),
                vec![("ticket.assigned", json!({"assignee_id": [null, "a"], "team_id": [null, "t"]}))],
            ),
            (
                json!({"priority": ["low", "high"], "subject": ["a", "b"], "tags": [[], ["x"]]}),
                vec![
                    ("ticket.priority_changed", json!({"priority": ["low", "high"]})),
                    ("ticket.updated", json!({"subject": ["a", "b"]})),
                    ("ticket.tags_changed", json!({"tags": [[], ["x"]]})),
                ],
            ),
            (json!({"body_text": ["secret", "words"], "email": ["jo@example.org", null]}), vec![]),
            (
                json!({"custom_fields": [{}, {"a": "x".repeat(9_000)}]}),
                vec![("ticket.updated", json!({"custom_fields": null}))],
            ),
        ] {
            assert_eq!(told(changes.clone()), want, "{changes}");
        }
    }

    #[test]
    fn lines_are_told_apart_by_their_word() {
        for (word, want) in [
            ("created", Line::Created),
            ("deleted", Line::Deleted),
            ("restored", Line::Changed),
            ("status_changed", Line::Changed),
            ("response_added", Line::Else),
            ("email_failed", Line::Else),
            ("note_deleted", Line::ResponseDeleted { note: true }),
            ("response_cancelled", Line::ResponseDeleted { note: false }),
        ] {
            assert_eq!(line(&trail(word, json!({}))), want, "{word}");
        }
    }
}
