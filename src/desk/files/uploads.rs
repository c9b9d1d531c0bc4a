//! Files sent ahead of the ticket or response they belong to (API.md §5.2), or along with it.

use uuid::Uuid;

use super::{GONE, Upload, may_use, no_room, visible};
use crate::desk::writing::{Answered, Ending};
use crate::desk::{Caller, Desk, Error, Result};
use crate::model::{AttachmentRecord, Scope, Timestamp};
use crate::store::{PIECE, Tx};

/// An upload is gone after a day.
const LIFE_MS: i64 = 24 * 3_600_000;
/// That it was there is remembered for so long.
const REMEMBERED_MS: i64 = 30 * LIFE_MS;
/// Most uploads that one transaction takes away.
const BATCH: i64 = 20;

impl Desk {
    /// Keeps a file until a ticket or response names it.
    ///
    /// # Errors
    /// [`Error::UploadsFull`] when too many of the caller's wait to be used; the store's.
    pub async fn upload(
        &self,
        upload: Upload,
        caller: &Caller,
        ending: Ending<'_, AttachmentRecord>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let now = self.clock().now();
        self.check_quota(&mut tx, caller, upload.octets.size(), now).await?;
        let mut rows = self.keep_uploads(&mut tx, vec![upload], now).await?;
        let row = rows.pop().expect("one row for one file");
        let row = AttachmentRecord {
            owner_id: Some(caller.token.id),
            position: None,
            expires_at: Some(now.plus_ms(LIFE_MS)),
            ..row
        };
        tx.put_attachment(&row).await?;
        self.conclude(tx, &ending, &row).await
    }

    /// Deletes an upload before it is used.
    ///
    /// # Errors
    /// [`Error::NotFound`], also of somebody else's; [`Error::UploadExpired`]; [`Error::InvalidState`] when it is used;
    /// the store's.
    pub async fn delete_upload(&self, id: Uuid, caller: &Caller, ending: Ending<'_, ()>) -> Result<Answered> {
        const USED: Error = Error::InvalidState("it is part of a ticket; delete its response");
        let mut tx = self.store().begin().await?;
        let row = tx.attachment(id).await?.ok_or(GONE)?;
        if let Some(response) = row.response_id {
            visible(tx.response(response).await?, caller.allows(Scope::NotesRead)).map_err(|_| GONE)?;
            return Err(USED);
        }
        if !may_use(&row, caller) {
            return Err(GONE);
        }
        self.check_expiry(&row)?;
        if !tx.delete_upload(&row).await? {
            return Err(USED);
        }
        self.conclude(tx, &ending, &()).await
    }

    /// The uploads that a ticket or response names, to be filed with it: each its caller's own, and used once.
    ///
    /// # Errors
    /// [`Error::Invalid`] for one that is not there to be used.
    pub(in crate::desk) async fn claim_uploads(
        &self,
        tx: &mut Tx,
        ids: &[Uuid],
        caller: Option<&Caller>,
    ) -> Result<Vec<AttachmentRecord>> {
        let mut rows = Vec::with_capacity(ids.len());
        for (position, id) in (0_i64..).zip(ids) {
            let row = tx.attachment(*id).await?;
            let free = row.filter(|row| {
                let in_time = row.expires_at.is_some_and(|at| at > self.clock().now());
                in_time && caller.is_some_and(|caller| may_use(row, caller))
            });
            let row = free.ok_or_else(|| unusable(*id))?;
            rows.push(AttachmentRecord { position: Some(position), expires_at: None, ..row });
        }
        Ok(rows)
    }

    /// The same files once more under rows of their own, for a response that goes to many tickets: the uploads stay,
    /// until they expire.
    pub(in crate::desk) async fn copy_uploads(
        &self,
        tx: &mut Tx,
        ids: &[Uuid],
        caller: &Caller,
    ) -> Result<Vec<AttachmentRecord>> {
        let now = self.clock().now();
        let mut rows = self.claim_uploads(tx, ids, Some(caller)).await?;
        for row in &mut rows {
            (row.id, row.created_at) = (self.ids().uuid(now), now);
        }
        Ok(rows)
    }

    /// Keeps files that came along; their rows are filed with the response. Blobs are taken in one order by all, so
    /// that nobody waits for each other.
    pub(in crate::desk) async fn keep_uploads(
        &self,
        tx: &mut Tx,
        uploads: Vec<Upload>,
        at: Timestamp,
    ) -> Result<Vec<AttachmentRecord>> {
        let mut in_order: Vec<_> = uploads.iter().collect();
        in_order.sort_by_key(|upload| &upload.sha256);
        for upload in in_order {
            keep_octets(tx, upload, at).await?;
        }
        let rows = (0_i64..).zip(uploads).map(|(position, upload)| AttachmentRecord {
            id: self.ids().uuid(at),
            ticket_id: None,
            response_id: None,
            inbound_mail_id: None,
            position: Some(position),
            blob_sha256: Some(upload.sha256.clone()),
            filename: upload.filename,
            content_type: upload.content_type.into(),
            size: i64::try_from(upload.octets.size()).unwrap_or(i64::MAX),
            sha256: upload.sha256,
            is_inline: false,
            content_id: None,
            scan: "skipped".into(),
            owner_id: None,
            created_at: at,
            expires_at: None,
        });
        Ok(rows.collect())
    }

    /// Takes uploads away that nobody used in time; how many.
    pub(in crate::desk) async fn sweep_uploads(&self) -> Result<usize> {
        let now = self.clock().now();
        let mut swept = 0;
        loop {
            let mut tx = self.store().begin().await?;
            let files = tx.expired_uploads(now, BATCH).await?;
            if files.is_empty() {
                tx.forget_uploads(now.plus_ms(-REMEMBERED_MS)).await?;
                tx.commit().await?;
                return Ok(swept);
            }
            swept += files.len();
            for file in &files {
                tx.let_upload_go(file).await?;
            }
            tx.commit().await?;
        }
    }

    async fn check_quota(&self, tx: &mut Tx, caller: &Caller, size: u64, now: Timestamp) -> Result<()> {
        let limits = &self.config().limits;
        let pending = tx.pending_uploads(caller.token.id, now).await?;
        let octets = u64::try_from(pending.octets).unwrap_or(0).saturating_add(size);
        let most = u64::from(limits.max_pending_uploads);
        if u64::try_from(pending.count).unwrap_or(0) < most && octets <= limits.max_pending_mb << 20 {
            return Ok(());
        }
        let first = pending.first_expires_at.unwrap_or(now);
        Err(Error::UploadsFull { retry_after_ms: (first.0 - now.0).max(0) })
    }
}

async fn keep_octets(tx: &mut Tx, upload: &Upload, at: Timestamp) -> Result<()> {
    let octets = &upload.octets;
    let size = i64::try_from(octets.size()).unwrap_or(i64::MAX);
    if !tx.open_blob(&upload.sha256, size, at).await? {
        return Ok(());
    }
    let mut read = 0;
    for seq in 0_i64.. {
        let piece = octets.read_at(read, PIECE).map_err(no_room)?;
        if piece.is_empty() {
            break;
        }
        read += piece.len() as u64;
        tx.insert_blob_piece(&upload.sha256, seq, &piece).await?;
    }
    Ok(())
}

/// A file that can't be used.
pub(in crate::desk) fn unusable(id: Uuid) -> Error {
    Error::Invalid {
        pointer: "/attachment_ids",
        code: "not_found",
        detail: format!("{id} is no unused file of yours; upload it again"),
    }
}
