//! What agents answer with.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};
use crate::model::{ReplyTemplate, Timestamp};

impl Tx {
    /// A template.
    pub async fn reply_template(&mut self, id: Uuid) -> Result<Option<ReplyTemplate>> {
        let sql = include_str!("sql/templates/get.sql");
        self.one(sql, args![id]).await
    }

    /// Counts a use of a template.
    pub async fn template_used(&mut self, id: Uuid, at: Timestamp) -> Result<()> {
        let sql = include_str!("sql/templates/used.sql");
        self.run(sql, args![id, at]).await?;
        Ok(())
    }
}
