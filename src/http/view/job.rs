//! A job (API.md §3.6).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;
use crate::model::{self, JobKind, JobState};

/// What takes longer than a request, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    /// UUIDv7.
    pub id: Uuid,
    /// What it does.
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// Pieces that are behind it, refused ones too.
    pub done: i64,
    /// All its pieces; null while not known.
    pub total: Option<i64>,
    /// What was refused, the first thousand. Of tickets: `id status problem` each.
    #[schema(value_type = Vec<Object>)]
    pub errors: Vec<Value>,
    /// What came of it; null until it is done.
    #[schema(value_type = Option<Object>)]
    pub result: Option<Value>,
    /// When started.
    pub created_at: Time,
    /// When it last moved.
    pub updated_at: Time,
    /// Counts its moves.
    pub version: i64,
}

impl From<&model::Job> for Job {
    fn from(job: &model::Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            state: job.state,
            done: job.done,
            total: job.total,
            errors: job.errors.clone(),
            result: job.result.clone(),
            created_at: Time(job.created_at),
            updated_at: Time(job.updated_at),
            version: job.version,
        }
    }
}
