//! Pages of what hangs on one ticket: responses and the audit trail.

use uuid::Uuid;

use super::query::{Choice, Start};
use super::reading::{add_by_id, add_limit, count};
use super::select::Select;
use super::{Result, Tx};
use crate::model::{ActorType, AttachmentRecord, Response, TicketEvent, Visibility};

/// One condition on the responses of a ticket; a list of them must all hold.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §5.1 names the filters")]
pub enum ResponseFilter {
    Visibility(Choice<Visibility>),
    Author(Choice<ActorType>),
}

/// Leaves out what only happens to notes.
const NO_NOTES: &str = " AND type NOT IN ('note_added', 'note_edited', 'note_deleted')";

impl Tx {
    /// A page of a ticket's responses by time; in reverse when it ends before a row.
    pub async fn list_responses(
        &mut self,
        ticket: Uuid,
        filters: &[ResponseFilter],
        descending: bool,
        start: &Start,
        limit: i64,
    ) -> Result<Vec<Response>> {
        let mut select = Select::new("SELECT * FROM responses");
        of_ticket(&mut select, ticket, filters);
        let (keys, before) = match start {
            Start::After(keys) => (Some(keys), false),
            Start::Before(keys) => (Some(keys), true),
            Start::Top | Start::Offset(_) => (None, false),
        };
        let down = descending != before;
        if let Some(keys) = keys {
            select.sql(" AND (created_at, id) ").sql(if down { "< " } else { "> " });
            select.bind_all(keys.iter().cloned());
        }
        select.sql(if down {
            " ORDER BY ticket_id DESC, created_at DESC, id DESC"
        } else {
            " ORDER BY ticket_id, created_at, id"
        });
        add_limit(&mut select, start, limit);
        select.all(self).await
    }

    /// How many responses of a ticket there are.
    pub async fn count_responses(&mut self, ticket: Uuid, filters: &[ResponseFilter]) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM responses");
        of_ticket(&mut select, ticket, filters);
        count(select, self).await
    }

    /// A page of a ticket's audit trail by time; in reverse when it ends before a row. That there are notes is itself a
    /// note.
    pub async fn list_events(
        &mut self,
        ticket: Uuid,
        notes: bool,
        descending: bool,
        start: &Start,
        limit: i64,
    ) -> Result<Vec<TicketEvent>> {
        let mut select = Select::new("SELECT * FROM ticket_events WHERE ticket_id = ");
        select.bind(ticket).sql(if notes { "" } else { NO_NOTES });
        add_by_id(&mut select, descending, start, limit);
        select.all(self).await
    }

    /// How long a ticket's audit trail is.
    pub async fn count_events(&mut self, ticket: Uuid, notes: bool) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM ticket_events WHERE ticket_id = ");
        select.bind(ticket).sql(if notes { "" } else { NO_NOTES });
        count(select, self).await
    }

    /// Responses at these places, in the order they were stored.
    pub async fn responses_at(&mut self, places: impl IntoIterator<Item = i64>) -> Result<Vec<Response>> {
        let mut select = Select::new("SELECT * FROM responses WHERE seq IN ");
        select.bind_all(places).sql(" ORDER BY seq");
        select.all(self).await
    }

    /// Files of these responses, in the order of their mails.
    pub async fn attachments_of_responses(
        &mut self,
        responses: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<AttachmentRecord>> {
        let mut select = Select::new("SELECT * FROM attachments WHERE response_id IN ");
        select.bind_all(responses).sql(" ORDER BY response_id, position, id");
        select.all(self).await
    }
}

fn of_ticket(select: &mut Select, ticket: Uuid, filters: &[ResponseFilter]) {
    select.sql(" WHERE ticket_id = ").bind(ticket).sql(" AND deleted_at IS NULL");
    for filter in filters {
        match filter {
            ResponseFilter::Visibility(choice) => {
                super::query::choose(select, "visibility", choice, |v| v.as_str());
            }
            ResponseFilter::Author(choice) => {
                super::query::choose(select, "author_type", choice, |v| v.as_str());
            }
        }
    }
}
