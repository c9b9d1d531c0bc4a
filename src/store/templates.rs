//! What agents answer with.

use uuid::Uuid;

use super::{Result, Tx, on};
use crate::model::{ReplyTemplate, Timestamp};

impl Tx {
    /// A template.
    pub async fn reply_template(&mut self, id: Uuid) -> Result<Option<ReplyTemplate>> {
        let sql = include_str!("sql/templates/get.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(id).fetch_optional(c).await)?)
    }

    /// Counts a use of a template.
    pub async fn template_used(&mut self, id: Uuid, at: Timestamp) -> Result<()> {
        let sql = include_str!("sql/templates/used.sql");
        on!(self, c => sqlx::query(sql).bind(id).bind(at).execute(c).await.map(drop))?;
        Ok(())
    }
}
