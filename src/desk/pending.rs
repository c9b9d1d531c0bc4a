//! Forms of strangers that wait until their sender has confirmed the address they gave: nothing is done with what they
//! say before, and nobody learns who is known here.

use serde_json::json;
use uuid::Uuid;

use super::tickets::Opening;
use super::writing::{Answered, Ending};
use super::{Desk, Error, LinkPage, Result, TicketRequest};
use crate::model::AttachmentRecord;
use crate::store::{self, PendingTicket, Tx};

/// Where an outbox row names the form.
pub(super) const PENDING: &str = "pending_id";
/// How long a form waits.
const LIFE_MS: i64 = 48 * 3_600_000;

impl Desk {
    /// Keeps a form, and mails its address a link that makes it a ticket. Not a word of it is in that mail.
    ///
    /// # Errors
    /// [`Error::Invalid`] without an address; the store's.
    pub async fn ask_to_confirm(
        &self,
        mut request: TicketRequest,
        ending: Ending<'_, ()>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        self.spend(&mut tx, request.puzzle.as_ref()).await?;
        let now = self.clock().now();
        let (id, expires_at) = (self.ids().uuid(now), now.plus_ms(LIFE_MS));
        let uploads = std::mem::take(&mut request.uploads);
        for file in self.keep_uploads(&mut tx, uploads, now).await? {
            let file = AttachmentRecord { owner_id: Some(id), expires_at: Some(expires_at), ..file };
            tx.put_attachment(&file).await?;
        }
        let address = request.customer_email.clone().unwrap_or_default();
        let request_json = serde_json::to_string(&request).expect("a request is JSON");
        let pending = PendingTicket { address, request: Some(request_json), created_at: now, expires_at };
        tx.insert_pending(id, &pending).await?;
        let context = json!({ PENDING: id });
        self.notify_pending(&mut tx, &pending.address, request.locale.as_deref(), context).await?;
        self.conclude(tx, &ending, &()).await
    }

    /// What the link's page asks.
    pub(super) async fn pending_page(&self, id: Uuid) -> Result<LinkPage> {
        let found = self.store().read().await?.pending(id).await?;
        // Its link was signed by us: it was there.
        let found = found.filter(|form| form.expires_at > self.clock().now()).ok_or(Error::LinkExpired)?;
        let PendingTicket { address, request, created_at, .. } = found;
        Ok(LinkPage::Pending { address, sent_at: created_at, done: request.is_none() })
    }

    /// Makes a form a ticket: its sender's address is verified now.
    pub(super) async fn open_pending(&self, id: Uuid) -> Result<()> {
        match self.open_pending_once(id).await {
            // Its number was taken, or another call met the same customer at this moment.
            Err(Error::Store(store::Error::Conflict(_))) => self.open_pending_once(id).await,
            done => done,
        }
    }

    async fn open_pending_once(&self, id: Uuid) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let Some(request) = tx.pending(id).await?.and_then(|form| form.request) else { return Ok(()) };
        if !tx.settle_pending(id).await? {
            return Ok(());
        }
        let request = serde_json::from_str(&request)
            .map_err(|error| store::Error::Broken(format!("form {id}: {error}")))?;
        let opening = Opening { caller: None, vouched: true, files: files_of(&mut tx, id).await? };
        self.open_asked(&mut tx, request, opening).await?;
        tx.commit().await?;
        self.ring_outbox();
        Ok(())
    }

    /// Forgets forms that nobody confirmed, and puzzles of another day.
    pub(super) async fn sweep_pending(&self) -> Result<()> {
        let mut tx = self.store().begin().await?;
        tx.expire_pending(self.clock().now()).await?;
        Ok(tx.commit().await?)
    }
}

async fn files_of(tx: &mut Tx, form: Uuid) -> Result<Vec<AttachmentRecord>> {
    let files = tx.uploads_of(form).await?.into_iter();
    Ok(files.map(|file| AttachmentRecord { expires_at: None, ..file }).collect())
}
