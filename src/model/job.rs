//! What takes longer than a request: done piece by piece behind it (API.md §3.6).

use serde_json::Value;
use uuid::Uuid;

use super::{Timestamp, words};

words! {
    /// What a job does.
    JobKind {
        /// One change of many tickets.
        Bulk = "bulk",
        /// A person is forgotten.
        EraseContact = "erase_contact",
        /// A webhook gets again what it missed.
        ReplayWebhook = "replay_webhook",
    }
}

words! {
    /// How far a job is.
    JobState { Queued = "queued", Running = "running", Done = "done", Failed = "failed", Cancelled = "cancelled" }
}

impl JobState {
    /// Whether nothing more will be done.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// UUIDv7.
    pub id: Uuid,
    /// What it does.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// Pieces that are behind it, refused ones too.
    pub done: i64,
    /// All its pieces; `None` while not known.
    pub total: Option<i64>,
    /// What was refused, as a problem each; the first thousand.
    pub errors: Vec<Value>,
    /// What came of it, an object; `None` until it is done.
    pub result: Option<Value>,
    /// What was asked for, an object.
    pub request: Value,
    /// Where it goes on, as its kind has it; null at first.
    pub position: Value,
    /// The token that started it, and as which it acts.
    pub owner_id: Uuid,
    /// When it may go on; while worked on: when the lease ends. `None`: ended.
    pub next_at: Option<Timestamp>,
    /// Which worker has it.
    pub lease: Option<String>,
    /// When started.
    pub created_at: Timestamp,
    /// When it last moved.
    pub updated_at: Timestamp,
    /// Counts its moves, from 1.
    pub version: i64,
}

impl Job {
    /// Most refusals that are kept.
    const MAX_ERRORS: usize = 1_000;

    /// Nothing more will be done.
    pub fn end(&mut self, state: JobState) {
        self.state = state;
        self.next_at = None;
        self.lease = None;
    }

    /// Keeps a refusal, while there is room.
    pub fn note_error(&mut self, error: Value) {
        if self.errors.len() < Self::MAX_ERRORS {
            self.errors.push(error);
        }
    }
}
