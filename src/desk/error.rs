//! Why a verb refused. The doors turn it into their codes; each variant says which.

use crate::store;

/// Result of a verb.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A refused verb. Its transaction left no trace.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the caller may not know of it: `ticket`, `response`, … (404 `{what}_not_found`).
    #[error("{0} not found")]
    NotFound(&'static str),
    /// A unique value is taken (409 `duplicate`).
    #[error("{what} exists already")]
    Duplicate {
        /// What is taken: `external_id`.
        what: &'static str,
        /// Who has it, for the caller to use.
        existing: Option<String>,
    },
    /// Newer responses than the caller has seen (409 `collision`).
    #[error("newer responses exist")]
    Collision {
        /// Responses after the one last seen, oldest first.
        newer: Vec<crate::model::Response>,
    },
    /// The status can't be changed so (409 `invalid_transition`).
    #[error("{from} can't become {to}")]
    InvalidTransition {
        /// Where it stands.
        from: crate::model::Status,
        /// What was asked for.
        to: crate::model::Status,
        /// What could be asked for.
        allowed: Vec<crate::model::Status>,
    },
    /// Stale `If-Match` (412 `version_mismatch`).
    #[error("version is {current}")]
    VersionMismatch {
        /// The version there is.
        current: i64,
    },
    /// The state does not allow it (409 `invalid_state`); says why.
    #[error("{0}")]
    InvalidState(&'static str),
    /// An idempotency key came with another body (422 `idempotency_key_reused`).
    #[error("the key was used with another body")]
    KeyReused,
    /// The first call with this idempotency key still runs (409 `idempotency_in_progress`).
    #[error("the first call with this key still runs")]
    KeyInProgress,
    /// A filter matches another number of tickets than the caller saw (409 `count_mismatch`).
    #[error("{count} tickets match")]
    CountMismatch {
        /// How many it matches.
        count: i64,
    },
    /// The ticket lies in the bin (410 `ticket_deleted`).
    #[error("the ticket is deleted")]
    Deleted,
    /// The upload was not used in time (410 `attachment_expired`).
    #[error("the upload has expired")]
    UploadExpired,
    /// Too many of the caller's uploads wait to be used (429 `rate_limited`).
    #[error("too many uploads wait to be used")]
    UploadsFull {
        /// Until the first of them expires.
        retry_after_ms: i64,
    },
    /// The link in a mail is too old (410 `link_expired`).
    #[error("the link has expired")]
    LinkExpired,
    /// Field → what is wrong with it (422 `validation_failed`), found by the verb itself: `pointer`, `code`, `detail`.
    #[error("{pointer}: {detail}")]
    Invalid {
        /// JSON pointer: `/assignee_id`.
        pointer: &'static str,
        /// `not_found`, `not_allowed`, …
        code: &'static str,
        /// For people.
        detail: String,
    },
    /// It is being prepared, and takes longer than a caller waits (503 `unavailable`); says what.
    #[error("{0}")]
    Busy(&'static str),
    /// A template can't be filled (422 `template_error`).
    #[error(transparent)]
    Template(#[from] crate::model::TemplateFault),
    /// `keys.reply` is empty: found at start.
    #[error(transparent)]
    Keys(#[from] crate::mail::reply_token::NoSecret),
    /// The store.
    #[error(transparent)]
    Store(#[from] store::Error),
}
