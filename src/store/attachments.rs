//! Files: their rows, and the bytes of those that were uploaded.

use uuid::Uuid;

use super::{Result, Tx, later, on};
use crate::model::{AttachmentRecord, Timestamp};

impl Tx {
    /// A file's row.
    pub async fn attachment(&mut self, id: Uuid) -> Result<Option<AttachmentRecord>> {
        Ok(
            on!(self, c => sqlx::query_as(include_str!("sql/attachments/get.sql")).bind(id).fetch_optional(c).await)?,
        )
    }

    /// A response's files, in the order of the mail.
    pub async fn attachments_of_response(&mut self, response: Uuid) -> Result<Vec<AttachmentRecord>> {
        let sql = include_str!("sql/attachments/of_response.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(response).fetch_all(c).await)?)
    }

    /// A ticket's files, oldest response first.
    pub async fn attachments_of_ticket(&mut self, ticket: Uuid) -> Result<Vec<AttachmentRecord>> {
        let sql = include_str!("sql/attachments/of_ticket.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(ticket).fetch_all(c).await)?)
    }

    /// Adds a file's row.
    pub async fn insert_attachment(&mut self, a: &AttachmentRecord) -> Result<()> {
        later!(
            self,
            include_str!("sql/attachments/insert.sql"),
            a.id,
            a.ticket_id,
            a.response_id,
            a.inbound_mail_id,
            a.position,
            &a.blob_sha256,
            &a.filename,
            &a.content_type,
            a.size,
            &a.sha256,
            a.is_inline,
            &a.content_id,
            &a.scan,
            a.created_at,
            a.expires_at
        )
    }

    /// Uploaded bytes by their SHA-256 (hex).
    pub async fn blob(&mut self, sha256: &str) -> Result<Option<Vec<u8>>> {
        let sql = include_str!("sql/attachments/blob.sql");
        Ok(on!(self, c => sqlx::query_scalar(sql).bind(sha256).fetch_optional(c).await)?)
    }

    /// Keeps uploaded bytes once.
    pub async fn insert_blob(&mut self, sha256: &str, at: Timestamp, content: &[u8]) -> Result<()> {
        let sql = include_str!("sql/attachments/insert_blob.sql");
        on!(self, c => sqlx::query(sql).bind(sha256).bind(at).bind(content).execute(c).await.map(drop))?;
        Ok(())
    }
}
