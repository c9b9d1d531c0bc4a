//! An address that gets no mail (API.md §3.6).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Time, time};
use crate::model;

/// An address that gets no mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct Suppression<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// Lower case.
    #[schema(example = "jo@example.org")]
    pub address: &'a str,
    /// `hard_bounce complaint manual`.
    #[schema(example = "hard_bounce")]
    pub reason: &'a str,
    /// The mail that came back.
    pub email_log_id: Option<Uuid>,
    /// For people.
    pub note: Option<&'a str>,
    /// From when mail flows again; null: never.
    pub expires_at: Option<Time>,
    /// When made.
    pub created_at: Time,
    /// When last changed.
    pub updated_at: Time,
    /// Counts changes, from 1.
    pub version: i64,
}

impl<'a> Suppression<'a> {
    /// API.md §3.6.
    pub fn of(s: &'a model::Suppression) -> Self {
        Self {
            id: s.id,
            address: &s.address,
            reason: &s.reason,
            email_log_id: s.outbox_id,
            note: s.note.as_deref(),
            expires_at: time(s.expires_at),
            created_at: Time(s.created_at),
            updated_at: Time(s.updated_at),
            version: s.version,
        }
    }
}
