//! Files of tickets: uploaded ones, and those that are parts of mails. They go in and out in pieces: however large they
//! are, and however many at once, memory holds a piece of each.

mod mailed;
mod spool;
mod thumbnail;
mod uploads;

use tokio::sync::Semaphore;
use uuid::Uuid;

pub use spool::{Octets, Spool, Upload};
pub use thumbnail::Thumbnail;
pub(super) use uploads::unusable;

use super::reading::visible;
use super::{Caller, Desk, Error, Result};
use crate::mail::parse;
use crate::model::file_type::{self, TOLD_BY};
use crate::model::{AttachmentRecord, Scope};
use crate::store::{self, PIECE, Tx};

const GONE: Error = Error::NotFound("attachment");
/// In front of a picture's id.
pub(super) const PICTURES: &str = "/api/support/attachments/";
/// Mails that are in memory at once to take a file out of them.
const OPENED_AT_ONCE: usize = 2;
/// Pictures that are drawn small at once: each takes much memory for a moment.
const DRAWN_AT_ONCE: usize = 1;

/// What all readers of files share.
pub(super) struct Turns {
    opening: Semaphore,
    drawing: Semaphore,
}

impl Default for Turns {
    fn default() -> Self {
        Self { opening: Semaphore::new(OPENED_AT_ONCE), drawing: Semaphore::new(DRAWN_AT_ONCE) }
    }
}

/// A file's octets, to be read piece by piece.
pub struct FileBytes {
    desk: Desk,
    place: Place,
    size: u64,
}

enum Place {
    Blob(String),
    Spooled(Octets),
}

impl Desk {
    /// A file's row, for a caller who may see its response. An upload that nobody used is seen by who uploaded it.
    ///
    /// # Errors
    /// [`Error::NotFound`], also for what the caller may not see; [`Error::UploadExpired`]; the store's.
    pub async fn attachment(&self, id: Uuid, caller: &Caller) -> Result<AttachmentRecord> {
        let mut tx = self.store().read().await?;
        let row = tx.attachment(id).await?.ok_or(GONE)?;
        if let Some(response) = row.response_id {
            visible(tx.response(response).await?, caller.allows(Scope::NotesRead)).map_err(|_| GONE)?;
        } else if !may_use(&row, caller) {
            return Err(GONE);
        }
        self.check_expiry(&row)?;
        Ok(row)
    }

    /// A file's row for whoever has a signed link to it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or its response was deleted; the store's.
    pub async fn linked_attachment(&self, id: Uuid) -> Result<AttachmentRecord> {
        let mut tx = self.store().read().await?;
        let row = tx.attachment(id).await?.ok_or(GONE)?;
        let response = row.response_id.ok_or(GONE)?;
        visible(tx.response(response).await?, true).map_err(|_| GONE)?;
        Ok(row)
    }

    /// A file's octets.
    ///
    /// # Errors
    /// [`Error::NotFound`] when they are no longer there; the store's.
    pub async fn open_file(&self, row: &AttachmentRecord) -> Result<FileBytes> {
        let size = u64::try_from(row.size).unwrap_or(0);
        let place = match &row.blob_sha256 {
            Some(sha256) => Place::Blob(sha256.clone()),
            None => {
                let _turn = self.inner.files.opening.acquire().await.expect("the semaphore is never closed");
                let mut tx = self.store().read().await?;
                Place::Spooled(self.part_of_mail(&mut tx, row).await?)
            }
        };
        Ok(FileBytes { desk: self.clone(), place, size })
    }

    /// Takes a file out of its mail, which is in memory meanwhile. The file is put aside, so that it does not stay there
    /// while somebody reads it slowly.
    async fn part_of_mail(&self, tx: &mut Tx, row: &AttachmentRecord) -> Result<Octets> {
        let mail = row.inbound_mail_id.ok_or(GONE)?;
        let place = row.position.and_then(|place| usize::try_from(place).ok()).ok_or(GONE)?;
        let raw = tx.inbound_raw(mail).await?.ok_or(GONE)?;
        let mut spool = self.spool();
        let part = tokio::task::spawn_blocking(move || {
            let part = parse::attachment(&raw, place)?;
            drop(raw);
            Some(spool.push(&part.content).and_then(|()| spool.finish(None)))
        });
        let upload = part.await.ok().flatten().ok_or(GONE)?.map_err(no_room)?;
        Ok(upload.octets)
    }

    /// Where a file that comes in is put.
    pub fn spool(&self) -> Spool {
        Spool::new(self.config().smtp.spool_dir.clone())
    }

    fn check_expiry(&self, row: &AttachmentRecord) -> Result<()> {
        match row.expires_at {
            Some(at) if at <= self.clock().now() => Err(Error::UploadExpired),
            _ => Ok(()),
        }
    }
}

impl FileBytes {
    /// How many there are.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Some of them from there on; none at the end.
    ///
    /// # Errors
    /// [`Error::NotFound`] when they went meanwhile; the store's.
    pub async fn piece(&self, at: u64) -> Result<Vec<u8>> {
        if at >= self.size {
            return Ok(Vec::new());
        }
        let sha256 = match &self.place {
            Place::Blob(sha256) => sha256,
            Place::Spooled(octets) => return octets.read_at(at, PIECE).map_err(no_room),
        };
        let seq = i64::try_from(at / PIECE as u64).unwrap_or(i64::MAX);
        let mut piece = self.desk.store().read().await?.blob_piece(sha256, seq).await?.ok_or(GONE)?;
        let skipped = usize::try_from(at % PIECE as u64).unwrap_or(0).min(piece.len());
        piece.drain(..skipped);
        Ok(piece)
    }

    /// `type/subtype` by the content.
    ///
    /// # Errors
    /// As [`FileBytes::piece`].
    pub async fn content_type(&self) -> Result<&'static str> {
        let piece = self.piece(0).await?;
        Ok(file_type::detect(&piece[..piece.len().min(TOLD_BY)]))
    }

    /// All of them.
    ///
    /// # Errors
    /// As [`FileBytes::piece`].
    pub async fn whole(&self) -> Result<Vec<u8>> {
        let mut all = Vec::with_capacity(usize::try_from(self.size).unwrap_or(0));
        loop {
            let piece = self.piece(all.len() as u64).await?;
            if piece.is_empty() {
                return Ok(all);
            }
            all.extend_from_slice(&piece);
        }
    }
}

/// Where our pages show a picture from; what stands as `cid:` in the HTML of mails and bodies.
pub(super) fn picture_path(file: &AttachmentRecord) -> String {
    format!("{PICTURES}{}?inline=1", file.id)
}

/// Whether an unused upload is the caller's.
fn may_use(row: &AttachmentRecord, caller: &Caller) -> bool {
    caller.allows(Scope::Admin) || row.owner_id == Some(caller.token.id)
}

/// A spool that can't be written or read: the same call may succeed later.
pub(super) fn no_room(error: std::io::Error) -> Error {
    Error::Store(store::Error::Unavailable(format!("spool: {error}")))
}
