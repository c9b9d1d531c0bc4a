//! What one verb will tell: gathered while it writes, told when it commits.

use std::collections::HashMap;

use serde_json::Map;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::trail::{self, Line};
use super::{
    DeskEvent, EventBody, EventContact, EventData, EventEmail, EventInbound, EventQueue, EventResponse,
    EventTicket, EventType,
};
use crate::model::*;

/// What a verb has written so far, as far as others are told.
#[derive(Debug, Default)]
pub struct News {
    /// Tickets as they stood last.
    tickets: HashMap<Uuid, EventTicket>,
    responses: HashMap<Uuid, EventResponse>,
    /// Mails as they stood before the verb changed them.
    mails: HashMap<Uuid, EmailStatus>,
    drafts: Vec<Draft>,
}

/// An event to be.
#[derive(Debug)]
struct Draft {
    r#type: EventType,
    /// The row it is told because of.
    cause: Uuid,
    ticket_id: Option<Uuid>,
    data: EventData,
}

impl News {
    /// Nothing happened that anybody is told.
    pub fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }

    /// A ticket, read or written.
    pub fn saw_ticket(&mut self, ticket: &Ticket) {
        self.tickets.insert(ticket.id, EventTicket::of(ticket));
    }

    /// A mail before a change.
    pub fn saw_mail(&mut self, entry: &OutboxEntry) {
        self.mails.entry(entry.id).or_insert(entry.status);
    }

    /// A line of the audit trail.
    pub fn add_trail(&mut self, event: &TicketEvent) {
        match trail::line(event) {
            Line::Created => return self.add_opened(event),
            Line::Deleted => return self.tell_of_line(EventType::TicketDeleted, event, EventData::default()),
            Line::ResponseDeleted { note } => self.add_response_line(EventType::ResponseDeleted, event, note),
            Line::NoteSent => self.add_response_line(EventType::ResponseCreated, event, false),
            Line::Else | Line::Changed => {}
        }
        let changes = trail::changes(event);
        if changes.is_empty() && trail::line(event) == Line::Changed {
            let nothing = EventData { changes: Some(Map::new()), ..EventData::default() };
            return self.tell_of_line(EventType::TicketUpdated, event, nothing);
        }
        for (kind, changes) in changes {
            self.tell_of_line(kind, event, EventData { changes: Some(changes), ..EventData::default() });
        }
    }

    /// A new response. The first of a ticket is told with the ticket.
    pub fn add_response(&mut self, response: &Response) {
        let told = EventResponse::of(response);
        self.responses.insert(response.id, told.clone());
        let kind = match response.visibility {
            Visibility::Public => EventType::ResponseCreated,
            Visibility::Internal => EventType::NoteCreated,
        };
        let actor = Some(told.author.clone());
        let data = EventData { actor, response: Some(told), ..EventData::default() };
        self.tell(kind, response.id, Some(response.ticket_id), data);
    }

    /// A response as it stands after a change, which is told by its line in the trail.
    pub fn saw_response(&mut self, response: &Response) {
        self.responses.insert(response.id, EventResponse::of(response));
    }

    /// A mail after a change.
    pub fn add_mail(&mut self, entry: &OutboxEntry) {
        let before = self.mails.insert(entry.id, entry.status);
        let kind = match entry.status {
            _ if before == Some(entry.status) => return,
            EmailStatus::Sent => EventType::EmailSent,
            EmailStatus::Delivered => EventType::EmailDelivered,
            EmailStatus::Bounced => EventType::EmailBounced,
            EmailStatus::Failed => EventType::EmailFailed,
            _ => return,
        };
        let email = EventEmail {
            id: entry.id,
            response_id: entry.response_id,
            template: entry.template.clone(),
            status: entry.status,
            attempts: entry.attempts,
            smtp_code: entry.smtp_code,
            enhanced_code: entry.enhanced_code.clone(),
        };
        let data = EventData { actor: Some(Actor::system()), email: Some(email), ..EventData::default() };
        self.tell(kind, entry.id, entry.ticket_id, data);
    }

    /// A mail that came in, or what became of one that was held.
    pub fn add_inbound(&mut self, mail: &InboundRecord) {
        let kind = match mail.action {
            InboundAction::Quarantined => EventType::EmailQuarantined,
            _ => EventType::EmailReceived,
        };
        let inbound = EventInbound {
            id: mail.id,
            via: mail.via,
            kind: mail.kind,
            action: mail.action,
            reason: mail.reason.clone(),
            response_id: mail.response_id,
        };
        let data = EventData { inbound_mail: Some(inbound), ..EventData::default() };
        self.tell(kind, mail.id, mail.ticket_id, data);
    }

    /// Something that befell a contact: told once for each verb.
    pub fn add_contact(&mut self, kind: EventType, id: Uuid) {
        if self.drafts.iter().any(|draft| draft.cause == id && draft.r#type == kind) {
            return;
        }
        let data = EventData { contact: Some(EventContact { id }), ..EventData::default() };
        self.tell(kind, id, None, data);
    }

    /// The queue was paused, or let go.
    pub fn add_queue(&mut self, paused: bool) {
        let kind = if paused { EventType::QueuePaused } else { EventType::QueueResumed };
        let data = EventData { queue: Some(EventQueue { paused }), ..EventData::default() };
        self.tell(kind, Uuid::nil(), None, data);
    }

    /// Tickets that events are about and that nobody has read yet.
    pub fn tickets_to_read(&self) -> Vec<Uuid> {
        let about = self.drafts.iter().filter_map(|draft| draft.ticket_id);
        let mut unknown: Vec<Uuid> = about.filter(|id| !self.tickets.contains_key(id)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        unknown
    }

    /// A ticket that was read for it.
    pub fn read_ticket(&mut self, ticket: EventTicket) {
        self.tickets.insert(ticket.id, ticket);
    }

    /// The events, in the order things happened. Whoever did a thing did what followed from it.
    pub fn told(self, at: Timestamp) -> Vec<DeskEvent> {
        let Self { tickets, drafts, .. } = self;
        let doer = drafts.iter().find_map(|draft| draft.data.actor.clone().filter(|actor| !is_desk(actor)));
        let events = drafts.into_iter().enumerate().map(|(place, mut draft)| {
            draft.data.ticket = draft.ticket_id.and_then(|id| tickets.get(&id).cloned());
            draft.data.actor = draft.data.actor.or_else(|| doer.clone());
            DeskEvent {
                seq: 0,
                id: event_id(at, &draft, place),
                at,
                r#type: draft.r#type,
                ticket_id: draft.ticket_id,
                body: body(draft.r#type, at, draft.data),
            }
        });
        events.collect()
    }

    /// The first message is told with the ticket.
    fn add_opened(&mut self, event: &TicketEvent) {
        let is_first = |draft: &Draft| Some(draft.cause) == event.response_id;
        let first = self.drafts.iter().position(is_first).map(|place| self.drafts.remove(place));
        let response = first.and_then(|draft| draft.data.response);
        self.tell_of_line(EventType::TicketCreated, event, EventData { response, ..EventData::default() });
    }

    fn add_response_line(&mut self, kind: EventType, event: &TicketEvent, note: bool) {
        let Some(id) = event.response_id else { return };
        let visibility = if note { Visibility::Internal } else { Visibility::Public };
        let known = self.responses.get(&id).cloned();
        let response = known.unwrap_or_else(|| EventResponse::unknown(id, visibility, event.channel));
        self.tell_of_line(kind, event, EventData { response: Some(response), ..EventData::default() });
    }

    fn tell_of_line(&mut self, kind: EventType, event: &TicketEvent, data: EventData) {
        let (r#type, name) = (event.actor_type, event.actor_name.clone());
        let actor = Some(Actor { r#type, id: event.actor_id, name });
        self.tell(kind, event.id, Some(event.ticket_id), EventData { actor, ..data });
    }

    fn tell(&mut self, r#type: EventType, cause: Uuid, ticket_id: Option<Uuid>, data: EventData) {
        self.drafts.push(Draft { r#type, cause, ticket_id, data });
    }
}

fn is_desk(actor: &Actor) -> bool {
    actor.r#type == ActorType::System
}

fn body(r#type: EventType, at: Timestamp, data: EventData) -> String {
    let body = EventBody { r#type, timestamp: at.rfc3339(), data };
    serde_json::to_string(&body).expect("model values are JSON")
}

/// A UUIDv7 that follows from what is told: it needs no randomness of its own.
fn event_id(at: Timestamp, draft: &Draft, place: usize) -> Uuid {
    let hash = Sha256::new()
        .chain_update(draft.cause)
        .chain_update(at.0.to_be_bytes())
        .chain_update(place.to_be_bytes())
        .chain_update(draft.r#type.as_str())
        .finalize();
    let random = std::array::from_fn::<u8, 10, _>(|at| hash[at]);
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(at.0).unwrap_or(0), &random).into_uuid()
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::delivery::tests::entry;

    const AT: Timestamp = Timestamp(1_772_442_000_000);

    pub(in crate::model::event) fn trail(word: &str, changes: Value) -> TicketEvent {
        TicketEvent {
            id: Uuid::from_u128(7),
            ticket_id: Uuid::from_u128(1),
            at: AT,
            r#type: word.into(),
            actor_type: ActorType::Agent,
            actor_id: Some(Uuid::from_u128(2)),
            actor_name: Some("Ada".into()),
            channel: Channel::Api,
            changes,
            response_id: None,
            inbound_mail_id: None,
        }
    }

    fn told(news: News) -> Vec<Value> {
        news.told(AT).iter().map(|event| serde_json::from_str(&event.body).expect("JSON")).collect()
    }

    #[test]
    fn a_change_says_who_changed_what() {
        let mut news = News::default();
        news.add_trail(&trail("status_changed", json!({"status": ["open", "resolved"]})));
        assert_eq!(news.tickets_to_read(), [Uuid::from_u128(1)]);
        let told = told(news);
        assert_eq!(
            told,
            [json!({
                "type": "ticket.status_changed", "timestamp": "2026-03-02T09:00:00.000Z",
                "data": {
                    "actor": {"type": "agent", "id": Uuid::from_u128(2), "name": "Ada"},
                    "changes": {"status": ["open", "resolved"]},
                },
            })]
        );
    }

    #[test]
    fn a_line_without_changes_tells_that_the_ticket_changed() {
        for (word, want) in [
            ("restored", vec!["ticket.updated"]),
            ("email_failed", vec![]),
            ("deleted", vec!["ticket.deleted"]),
        ] {
            let mut news = News::default();
            news.add_trail(&trail(word, json!({})));
            let types: Vec<_> = told(news).iter().map(|body| body["type"].clone()).collect();
            assert_eq!(types, want, "{word}");
        }
    }

    #[test]
    fn a_mail_is_told_when_its_status_moves() {
        for (before, after, want) in [
            (EmailStatus::Sending, EmailStatus::Sent, Some("email.sent")),
            (EmailStatus::Sent, EmailStatus::Sent, None),
            (EmailStatus::Sent, EmailStatus::Delivered, Some("email.delivered")),
            (EmailStatus::Sent, EmailStatus::Bounced, Some("email.bounced")),
            (EmailStatus::Sending, EmailStatus::Failed, Some("email.failed")),
            (EmailStatus::Sending, EmailStatus::Deferred, None),
        ] {
            let mut news = News::default();
            news.saw_mail(&OutboxEntry { status: before, ..entry() });
            news.add_mail(&OutboxEntry { status: after, ..entry() });
            let told = told(news);
            let kind = told.first().map(|body| body["type"].as_str().unwrap_or_default());
            assert_eq!(kind, want, "{before} → {after}");
            let actor = told.first().map(|body| &body["data"]["actor"]["type"]);
            assert!(actor.is_none_or(|actor| actor == "system"), "{actor:?}");
        }
    }

    #[test]
    fn what_follows_is_told_as_done_by_the_same() {
        let mut news = News::default();
        news.add_contact(EventType::ContactCreated, Uuid::from_u128(9));
        news.add_contact(EventType::ContactCreated, Uuid::from_u128(9));
        news.add_trail(&trail("created", json!({})));
        let told = told(news);
        assert_eq!(told.len(), 2, "each thing once: {told:?}");
        assert_eq!(told[0]["data"]["actor"]["name"], "Ada");
        assert_eq!(told[0]["data"]["contact"]["id"], json!(Uuid::from_u128(9)));
    }

    #[test]
    fn ids_differ_and_follow_from_what_is_told() {
        let ids = || {
            let mut news = News::default();
            news.add_trail(&trail(
                "changed",
                json!({"status": ["open", "closed"], "priority": ["low", "high"]}),
            ));
            news.add_queue(true);
            news.told(AT).iter().map(|event| event.id).collect::<Vec<_>>()
        };
        assert_eq!(ids(), ids());
        assert!(ids()[0] != ids()[1] && ids()[1] != ids()[2] && ids()[0].get_version_num() == 7);
    }

    #[test]
    fn the_longest_body_stays_short() {
        let long = |n: usize| json!(["x".repeat(900), "y".repeat(n)]);
        let changes: Map<String, Value> =
            ["subject", "category", "cc", "custom_fields", "user_id", "resolution"]
                .iter()
                .map(|field| ((*field).to_owned(), long(1_000)))
                .collect();
        let mut news = News::default();
        news.add_trail(&trail("updated", Value::Object(changes)));
        assert!(news.told(AT)[0].body.len() < 20_000);
    }
}
