//! What changed on tickets, for those who keep a copy.

use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::desk::{self, ChangesFrom, TicketView};
use crate::http::list::{ListRequest, check_fields, picked};
use crate::http::problem::Problem;
use crate::http::view::{Ticket, Time};
use crate::http::{Api, answer};
use crate::model::{Scope, Timestamp};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `list` reads")]
struct ChangesParams {
    /// `next_cursor` of the last answer, however long ago.
    cursor: Option<String>,
    /// In place of `cursor`: begin with all tickets that changed at this time or later; without both, with all there
    /// are.
    since: Option<String>,
    /// Most tickets of an answer.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// Members to show of tickets that are there, separated by commas; all when absent.
    #[param(example = "id,status,updated_at")]
    fields: Option<String>,
}

/// Tickets that changed.
#[derive(Serialize, ToSchema)]
pub struct Changes<'a> {
    /// Each as it stands now; a ticket may come again.
    pub data: Vec<Change<'a>>,
    /// Where to go on; always there.
    pub next_cursor: String,
    /// There is no more for now: ask again later.
    pub end_of_stream: bool,
}

/// A ticket that changed.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Change<'a> {
    /// It is there.
    Ticket(Box<Ticket<'a>>),
    /// It is there, and only some members were asked for.
    #[schema(value_type = Object)]
    Part(Value),
    /// It is in the bin.
    Deleted(DeletedTicket<'a>),
}

/// A ticket in the bin.
#[derive(Serialize, ToSchema)]
pub struct DeletedTicket<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// As it was.
    #[schema(example = "TKT-2026-K7Q4ZP")]
    pub number: &'a str,
    /// Since when.
    pub deleted_at: Time,
}

/// Tickets that changed since you asked last.
///
/// Go on with `next_cursor` until `end_of_stream`, and from there whenever you like: no change is missed, whichever node
/// made it, and one may be told twice.
#[utoipa::path(
    get,
    path = "/api/support/tickets/changes",
    operation_id = "list_ticket_changes",
    tag = "Tickets",
    params(ChangesParams),
    responses((status = 200, description = "The next changes", body = Changes))
)]
pub async fn list(State(api): State<Api>, mut ask: ListRequest) -> Result<Response, Problem> {
    ask.who.require(Scope::TicketsRead)?;
    let from = match (ask.params.take("cursor"), ask.params.time("since")?) {
        (Some(_), Some(_)) => {
            let detail = "cursor and since exclude each other";
            return Err(Problem::parameter("since", "not_allowed", detail));
        }
        (Some(cursor), None) => read(&cursor)?,
        (None, since) => since_time(since.unwrap_or(Timestamp(0))),
    };
    let (limit, fields) = ask.unpaged()?;
    check_fields::<Ticket>(&fields)?;
    let found = api.desk.ticket_changes(&from, limit).await;
    let found = found.map_err(|error| match error {
        desk::Error::InvalidState(_) => bad_cursor(),
        error => error.into(),
    })?;
    let shown = Changes {
        data: found.tickets.iter().map(|ticket| change(ticket, &fields)).collect(),
        next_cursor: written(&found.next),
        end_of_stream: found.end,
    };
    Ok(answer::json(&shown))
}

fn change<'a>(view: &'a TicketView, fields: &[String]) -> Change<'a> {
    let ticket = &view.ticket;
    match ticket.deleted_at {
        Some(at) => Change::Deleted(DeletedTicket {
            id: ticket.id,
            number: ticket.number.as_str(),
            deleted_at: Time(at),
        }),
        None if fields.is_empty() => Change::Ticket(Box::new(Ticket::of(view))),
        None => Change::Part(picked(&Ticket::of(view), fields)),
    }
}

/// All that changed at this time or later: behind the last one that could have changed before it.
fn since_time(at: Timestamp) -> ChangesFrom {
    ChangesFrom::Time { at: at.plus_ms(-1), id: Uuid::max(), mark: None, epoch: String::new() }
}

fn bad_cursor() -> Problem {
    Problem::new("bad_cursor", "not made by this list, or by another database; start again with since")
}

/// `(time, id, mark, epoch)`, or `(mark, id, epoch)`.
fn written(from: &ChangesFrom) -> String {
    URL_SAFE_NO_PAD.encode(match from {
        ChangesFrom::Time { at, id, mark, epoch } => serde_json::json!([at.0, id, mark, epoch]).to_string(),
        ChangesFrom::Mark { mark, id, epoch } => serde_json::json!([mark, id, epoch]).to_string(),
    })
}

fn read(cursor: &str) -> Result<ChangesFrom, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad_cursor())?;
    if let Ok((mark, id, epoch)) = serde_json::from_slice(&bytes) {
        return Ok(ChangesFrom::Mark { mark, id, epoch });
    }
    let (at, id, mark, epoch) = serde_json::from_slice(&bytes).map_err(|_| bad_cursor())?;
    // Only the answer to the first page knows the mark.
    let mark: i64 = mark;
    Ok(ChangesFrom::Time { at: Timestamp(at), id, mark: Some(mark), epoch })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_come_back() {
        let (id, epoch) = (Uuid::from_u128(7), "e".to_owned());
        for from in [
            ChangesFrom::Time { at: Timestamp(9), id, mark: Some(3), epoch: epoch.clone() },
            ChangesFrom::Mark { mark: 3, id, epoch },
        ] {
            assert_eq!(read(&written(&from)).ok(), Some(from));
        }
        for cursor in ["", "x", "W10", "WzFd"] {
            assert!(read(cursor).is_err(), "{cursor}");
        }
    }
}
