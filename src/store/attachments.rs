//! Rows of files. The octets of those that were uploaded are blobs (`blobs.rs`); the others lie in their mails.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};
use crate::model::{AttachmentRecord, Timestamp};

/// What somebody uploaded and did not use yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PendingUploads {
    /// How many files.
    pub count: i64,
    /// Their octets together.
    pub octets: i64,
    /// When the first of them goes.
    pub first_expires_at: Option<Timestamp>,
}

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

    /// Adds a file's row, or files an upload under the response it is used in. `false`: somebody used it before, or it
    /// expired.
    pub async fn put_attachment(&mut self, a: &AttachmentRecord) -> Result<bool> {
        let sql = include_str!("sql/attachments/put.sql");
        let rows = self
            .run(
                sql,
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
                    a.owner_id,
                    a.created_at,
                    a.expires_at
                ],
            )
            .await?;
        Ok(rows == 1)
    }

    /// What its owner uploaded and did not use, in the order it came.
    pub async fn uploads_of(&mut self, owner: Uuid) -> Result<Vec<AttachmentRecord>> {
        self.all(include_str!("sql/attachments/of_owner.sql"), args![owner]).await
    }

    /// How much of an owner's quota is taken.
    pub async fn pending_uploads(&mut self, owner: Uuid, now: Timestamp) -> Result<PendingUploads> {
        let sql = include_str!("sql/attachments/pending.sql");
        let (count, octets, first_expires_at) = self.only(sql, args![owner, now]).await?;
        Ok(PendingUploads { count, octets, first_expires_at })
    }

    /// Uploads that nobody used in time, and whose octets are still here.
    pub async fn expired_uploads(&mut self, now: Timestamp, limit: i64) -> Result<Vec<AttachmentRecord>> {
        self.all(include_str!("sql/attachments/expired.sql"), args![now, limit]).await
    }

    /// Takes an unused upload's octets; the row stays, to say what became of it.
    pub async fn let_upload_go(&mut self, file: &AttachmentRecord) -> Result<()> {
        let rows = self.run(include_str!("sql/attachments/let_go.sql"), args![file.id]).await?;
        match &file.blob_sha256 {
            Some(sha256) if rows == 1 => self.release_blob(sha256).await,
            _ => Ok(()),
        }
    }

    /// Forgets uploads that expired before then.
    pub async fn forget_uploads(&mut self, before: Timestamp) -> Result<()> {
        self.run(include_str!("sql/attachments/forget.sql"), args![before]).await.map(drop)
    }

    /// Deletes an upload; `false` when it is used, or was never one.
    pub async fn delete_upload(&mut self, file: &AttachmentRecord) -> Result<bool> {
        let deleted = self.run(include_str!("sql/attachments/delete_unused.sql"), args![file.id]).await? == 1;
        if let (true, Some(sha256)) = (deleted, &file.blob_sha256) {
            self.release_blob(sha256).await?;
        }
        Ok(deleted)
    }

    /// Deletes a ticket's files for good, with the octets that nothing else uses. What came by mail stays in the mail.
    pub async fn drop_files_of_ticket(&mut self, ticket: Uuid) -> Result<()> {
        let sql = include_str!("sql/attachments/blobs_of_ticket.sql");
        let blobs: Vec<String> = self.fields(sql, args![ticket]).await?;
        self.run(include_str!("sql/attachments/delete_of_ticket.sql"), args![ticket]).await?;
        for sha256 in blobs {
            self.release_blob(&sha256).await?;
        }
        Ok(())
    }
}
