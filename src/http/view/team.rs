//! Teams (API.md §3.6).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::desk::TeamView;

/// Agents who share work.
#[derive(Debug, Serialize, ToSchema)]
pub struct Team {
    id: Uuid,
    /// Unique, in whatever case.
    name: String,
    /// Agents who are in it.
    member_ids: Vec<Uuid>,
    created_at: String,
    updated_at: String,
    version: i64,
}

impl From<&TeamView> for Team {
    fn from(TeamView { team, member_ids }: &TeamView) -> Self {
        Self {
            id: team.id,
            name: team.name.clone(),
            member_ids: member_ids.clone(),
            created_at: team.created_at.rfc3339(),
            updated_at: team.updated_at.rfc3339(),
            version: team.version,
        }
    }
}
