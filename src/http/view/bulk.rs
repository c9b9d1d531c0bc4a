//! What became of many tickets (API.md §5.1).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::desk::BulkOutcome;

/// Every ticket that was named, in that order.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkResults<'a> {
    /// One for each.
    pub results: Vec<BulkResult<'a>>,
}

/// What became of a ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkResult<'a> {
    /// The ticket; as it was written, when there is no such one.
    pub id: &'a str,
    /// What the call for this ticket alone would have answered.
    #[schema(example = 200)]
    pub status: u16,
    /// Why it was not done; null when it was.
    #[schema(value_type = Option<Object>)]
    pub problem: Option<&'a Value>,
}

impl<'a> BulkResults<'a> {
    /// `done`: the status of those that were done.
    pub fn of(outcomes: &'a [BulkOutcome], done: u16) -> Self {
        let shown = |outcome: &'a BulkOutcome| {
            let problem = outcome.refused.as_ref();
            let refused = problem.map(|problem| problem["status"].as_u64());
            let status = refused.map_or(done, |status| status.and_then(|s| s.try_into().ok()).unwrap_or(500));
            BulkResult { id: &outcome.id, status, problem }
        };
        Self { results: outcomes.iter().map(shown).collect() }
    }
}
