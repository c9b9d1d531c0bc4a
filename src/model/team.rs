//! Agents who share work.

use uuid::Uuid;

use super::Timestamp;

/// A team (API.md §3.6). Tickets, mailboxes and templates may be one's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// UUIDv7.
    pub id: Uuid,
    /// Unique, in whatever case.
    pub name: String,
    /// When made.
    pub created_at: Timestamp,
    /// When last changed.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}
