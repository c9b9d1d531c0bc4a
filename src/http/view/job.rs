//! A job (API.md §3.6).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::model;

/// What takes longer than a request, and how far it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Job {
    /// UUIDv7.
    pub id: Uuid,
    /// `bulk`, `erase_contact`, `replay_webhook`; more may come.
    #[schema(value_type = String, examples("bulk"))]
    pub kind: model::JobKind,
    /// `queued running done failed cancelled`.
    #[schema(value_type = String, examples("running"))]
    pub state: model::JobState,
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
    pub created_at: String,
    /// When it last moved.
    pub updated_at: String,
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
            created_at: job.created_at.rfc3339(),
            updated_at: job.updated_at.rfc3339(),
            version: job.version,
        }
    }
}
