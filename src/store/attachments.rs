//! Files: their rows, and the bytes of those that were uploaded.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};
use crate::model::{AttachmentRecord, Timestamp};

impl Tx {
    /// A file's row.
    pub async fn attachment(&mut self, id: Uuid) -> Result<Option<AttachmentRecord>> {
        self.one(include_str!("sql/attachments/get.sql"), args![id]).await
    }

    /// A response's files, in the order of the mail.
    pub async fn attachments_of_response(&mut self, response: Uuid) -> Result<Vec<AttachmentRecord>> {
        let sql = include_str!("sql/attachments/of_response.sql");
        self.all(sql, args![response]).await
    }

    /// A ticket's files, oldest response first.
    pub async fn attachments_of_ticket(&mut self, ticket: Uuid) -> Result<Vec<AttachmentRecord>> {
        let sql = include_str!("sql/attachments/of_ticket.sql");
        self.all(sql, args![ticket]).await
    }

    /// Adds a file's row.
    pub async fn insert_attachment(&mut self, a: &AttachmentRecord) -> Result<()> {
        self.run(
            include_str!("sql/attachments/insert.sql"),
            args![
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
            ],
        )
        .await
        .map(drop)
    }

    /// Uploaded bytes by their SHA-256 (hex).
    pub async fn blob(&mut self, sha256: &str) -> Result<Option<Vec<u8>>> {
        let sql = include_str!("sql/attachments/blob.sql");
        self.field(sql, args![sha256]).await
    }

    /// Keeps uploaded bytes once.
    pub async fn insert_blob(&mut self, sha256: &str, at: Timestamp, content: &[u8]) -> Result<()> {
        let sql = include_str!("sql/attachments/insert_blob.sql");
        self.run(sql, args![sha256, at, content]).await?;
        Ok(())
    }
}
