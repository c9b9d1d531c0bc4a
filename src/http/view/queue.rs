//! How the outbox stands (API.md §3.6).

use serde::Serialize;
use utoipa::ToSchema;

use super::{Time, time};
use crate::desk::QueueState;

/// How the outbox stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct Queue {
    /// Whether nothing is sent for now.
    pub paused: bool,
    /// Mails that wait for their first try.
    #[schema(example = 3)]
    pub queued: i64,
    /// Mails on the wire.
    pub sending: i64,
    /// Mails that wait for another try.
    #[schema(example = 1)]
    pub deferred: i64,
    /// Since when the oldest waits.
    pub oldest_queued_at: Option<Time>,
    /// When the next try is due.
    pub next_attempt_at: Option<Time>,
}

impl Queue {
    /// API.md §3.6.
    pub fn of(state: &QueueState) -> Self {
        Self {
            paused: state.paused.is_some(),
            queued: state.queued,
            sending: state.sending,
            deferred: state.deferred,
            oldest_queued_at: time(state.oldest_queued_at),
            next_attempt_at: time(state.next_attempt_at),
        }
    }
}
