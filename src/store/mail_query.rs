//! What the ledger and email logs may be asked.

use uuid::Uuid;

use super::query::{Choice, TicketRef, choose, containing};
use super::select::Select;
use crate::model::{EmailStatus, InboundAction, MailKind, NotificationTemplate, Timestamp};

/// One condition on the ledger.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §5.4 names the filters")]
pub enum InboundFilter {
    MessageId(String),
    From(String),
    Action(Choice<InboundAction>),
    /// Held back, and not let in or thrown away since.
    Held,
    Reason(String),
    Kind(Choice<MailKind>),
    Ticket(TicketRef),
    ReceivedFrom(Timestamp),
    ReceivedTo(Timestamp),
}

/// One condition on email logs.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §4 names the filters")]
pub enum EmailLogFilter {
    Ticket(TicketRef),
    Status(Choice<EmailStatus>),
    /// Lower case.
    Recipient(String),
    /// Lower case.
    From(String),
    Template(Choice<NotificationTemplate>),
    /// Without brackets, and the entry that the id names when it is ours.
    MessageId(String, Option<Uuid>),
    /// Inclusive.
    CreatedFrom(Timestamp),
    /// Exclusive.
    CreatedTo(Timestamp),
    /// Found in the subject, the recipient or the remote's answer, any case.
    Words(String),
}

impl InboundFilter {
    pub(super) fn add(&self, select: &mut Select) {
        match self {
            Self::MessageId(id) => drop(select.sql(" AND message_id = ").bind(id.as_str())),
            Self::From(address) => drop(select.sql(" AND LOWER(from_address) = ").bind(address.as_str())),
            Self::Action(choice) => choose(select, "action", choice, |v| v.as_str()),
            Self::Held => drop(select.sql(" AND action = 'quarantined'")),
            Self::Reason(reason) => drop(select.sql(" AND reason = ").bind(reason.as_str())),
            Self::Kind(choice) => {
                choose(select, "kind", choice, |v| v.as_str());
                let odd = [MailKind::AutoReply, MailKind::Bounce, MailKind::Loop];
                add_index(select, choice, &odd, " AND kind <> 'person'");
            }
            Self::Ticket(ticket) => of_ticket(select, ticket),
            Self::ReceivedFrom(at) => add_from(select.sql(" AND received_at >= "), *at),
            Self::ReceivedTo(at) => add_to(select.sql(" AND received_at < "), *at),
        }
    }
}

impl EmailLogFilter {
    pub(super) fn add(&self, select: &mut Select) {
        match self {
            Self::Ticket(ticket) => of_ticket(select, ticket),
            Self::Status(choice) => add_status(select, choice),
            Self::Recipient(address) => drop(select.sql(" AND to_address = ").bind(address.as_str())),
            Self::From(address) => drop(select.sql(" AND LOWER(from_address) = ").bind(address.as_str())),
            Self::Template(choice) => add_template(select, choice),
            Self::MessageId(id, entry) => {
                select.sql(" AND id = ").bind(entry.unwrap_or_default());
                select.sql(" AND message_id = ").bind(id.as_str());
            }
            Self::CreatedFrom(at) => add_from(select.sql(" AND created_at >= "), *at),
            Self::CreatedTo(at) => add_to(select.sql(" AND created_at < "), *at),
            Self::Words(text) => {
                let pattern = containing(text);
                select.sql(" AND (LOWER(subject) LIKE ").bind(pattern.as_str()).sql(" ESCAPE '!'");
                select.sql(" OR LOWER(to_address) LIKE ").bind(pattern.as_str()).sql(" ESCAPE '!'");
                select.sql(" OR LOWER(smtp_response) LIKE ").bind(pattern).sql(" ESCAPE '!')");
            }
        }
    }
}

/// The condition of a partial index, word for word, where only such values are asked for.
fn add_index<T: PartialEq>(select: &mut Select, choice: &Choice<T>, indexed: &[T], condition: &'static str) {
    if !choice.negated && !choice.none && choice.any.iter().all(|value| indexed.contains(value)) {
        select.sql(condition);
    }
}

fn add_status(select: &mut Select, choice: &Choice<EmailStatus>) {
    use EmailStatus::{Queued, Sending, Sent};
    choose(select, "status", choice, |v| v.as_str());
    let odd: Vec<_> =
        EmailStatus::ALL.iter().copied().filter(|v| ![Queued, Sending, Sent].contains(v)).collect();
    add_index(select, choice, &odd, " AND status NOT IN ('queued', 'sending', 'sent')");
    // What waits is found by the indexes of the queue.
    let waiting = " AND id IN (SELECT id FROM outbox WHERE ready UNION ALL \
        SELECT id FROM outbox WHERE NOT ready AND next_attempt_at IS NOT NULL)";
    add_index(select, choice, &[Queued, Sending], waiting);
}

fn add_template(select: &mut Select, choice: &Choice<NotificationTemplate>) {
    use NotificationTemplate::{MessageReceived, TicketReceived, TicketReply};
    choose(select, "template", choice, |v| v.as_str());
    let usual = [TicketReceived, TicketReply, MessageReceived];
    let odd: Vec<_> = NotificationTemplate::ALL.iter().copied().filter(|v| !usual.contains(v)).collect();
    add_index(
        select,
        choice,
        &odd,
        " AND template NOT IN ('ticket_received', 'ticket_reply', 'message_received')",
    );
}

/// A row's time and the time in its id differ by less than this, milliseconds.
const DRIFT_MS: i64 = 3_600_000;

/// Binds where a stretch of time begins, and begins the walk along the ids there.
fn add_from(select: &mut Select, at: Timestamp) {
    select.bind(at).sql(" AND id >= ").bind(at.plus_ms(-DRIFT_MS).first_uuid());
}

/// Binds where it ends, and ends the walk there.
fn add_to(select: &mut Select, at: Timestamp) {
    select.bind(at).sql(" AND id < ").bind(at.plus_ms(DRIFT_MS).first_uuid());
}

fn of_ticket(select: &mut Select, ticket: &TicketRef) {
    match ticket {
        TicketRef::Id(id) => drop(select.sql(" AND ticket_id = ").bind(*id)),
        TicketRef::Number(number) => {
            let by_number = " AND ticket_id = (SELECT id FROM tickets WHERE number = ";
            select.sql(by_number).bind(number.as_str()).sql(")");
        }
    }
}
