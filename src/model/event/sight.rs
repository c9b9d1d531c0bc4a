//! What a live listener gets to see.

use super::{DeskEvent, Topic};
use crate::model::Scope;

/// Scopes that some event needs.
const ASKED_FOR: [Scope; 5] =
    [Scope::TicketsRead, Scope::NotesRead, Scope::EmailLogsRead, Scope::ContactsRead, Scope::Admin];

/// The topics a listener chose, within what they may see. Those with the same sight get the same bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sight {
    /// A bit for each of [`Topic::ALL`].
    topics: u8,
    /// A bit for each of [`ASKED_FOR`].
    scopes: u8,
}

impl Sight {
    /// Of a listener who chose these topics (none: all of them) and may do what `allows` says.
    pub fn new(topics: &[Topic], allows: impl Fn(Scope) -> bool) -> Self {
        Self {
            topics: bits(Topic::ALL, |topic| topics.is_empty() || topics.contains(&topic)),
            scopes: bits(&ASKED_FOR, allows),
        }
    }

    /// Whether the listener gets it.
    pub fn sees(self, event: &DeskEvent) -> bool {
        let Some(topic) = event.r#type.topic() else { return false };
        let needs = event.needs();
        self.topics & bits(Topic::ALL, |of| of == topic) != 0
            && self.scopes & bits(&ASKED_FOR, |scope| scope == needs) != 0
    }
}

fn bits<T: Copy>(all: &[T], is_in: impl Fn(T) -> bool) -> u8 {
    all.iter().enumerate().fold(0, |bits, (place, one)| bits | u8::from(is_in(*one)) << place)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::{EventType, Timestamp};

    fn event(kind: EventType, body: &str) -> DeskEvent {
        let (id, at) = (Uuid::nil(), Timestamp(0));
        DeskEvent { seq: 1, id, at, r#type: kind, ticket_id: None, body: body.into() }
    }

    #[test]
    fn listeners_see_what_they_chose_and_may() {
        use EventType::*;
        let note = r#"{"data":{"response":{"visibility":"internal"}}}"#;
        for (topics, scopes, kind, body, want) in [
            (&[][..], &[Scope::TicketsRead][..], TicketCreated, "", true),
            (&[], &[Scope::TicketsRead], NoteCreated, "", false),
            (&[], &[Scope::TicketsRead, Scope::NotesRead], NoteCreated, "", true),
            (&[], &[Scope::TicketsRead], ResponseDeleted, "", true),
            (&[], &[Scope::TicketsRead], ResponseDeleted, note, false),
            (&[], &[Scope::TicketsRead], EmailReceived, "", false),
            (&[], &[Scope::TicketsRead], ContactCreated, "", false),
            (&[], &[Scope::TicketsRead], QueuePaused, "", false),
            (&[], &[Scope::Admin], QueuePaused, "", true),
            (&[], &[Scope::Admin], EmailSent, "", true),
            (&[], &[Scope::Admin], WebhookTest, "", false),
            (&[Topic::Emails], &[Scope::Admin], TicketCreated, "", false),
            (&[Topic::Emails, Topic::Tickets], &[Scope::Admin], ContactErased, "", true),
            (&[Topic::Inbound], &[Scope::Admin], EmailQuarantined, "", true),
        ] {
            let sight = Sight::new(topics, |wanted| scopes.iter().any(|held| held.includes(wanted)));
            assert_eq!(sight.sees(&event(kind, body)), want, "{topics:?} {scopes:?} {kind} {body}");
        }
    }
}
