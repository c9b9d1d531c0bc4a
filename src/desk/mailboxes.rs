//! Support addresses: made, changed, and closed. An address stays what it is for life, because it stands in mails that
//! people answer years later.

use std::collections::HashMap;
use std::sync::Mutex;

use uuid::Uuid;

use super::reading::{Page, PageOf, cut};
use super::recipients::Recipient;
use super::teams::check_team;
use super::writing::{Answered, Deed, Ending, check_version};
use super::{Caller, Desk, Error, Result};
use crate::model::{Category, Mailbox, Timestamp};
use crate::store::Tx;

/// What a mailbox shall be (API.md §3.6). `None` leaves a thing as it is; `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub struct MailboxRequest {
    /// Lower case; of a new mailbox alone.
    pub address: Option<String>,
    pub from_name: Option<Option<String>>,
    pub signature: Option<Option<String>>,
    pub receive: Option<String>,
    pub default_category: Option<Category>,
    pub team_id: Option<Option<Uuid>>,
    pub store_id: Option<Option<String>>,
    pub locale: Option<Option<String>>,
    pub is_active: Option<bool>,
}

/// When each mailbox got mail last, as far as this node knows and has not written down yet: a row that every mail writes
/// to would make all of them wait for each other.
#[derive(Debug, Default)]
pub(super) struct Received(Mutex<HashMap<Uuid, Timestamp>>);

impl Desk {
    /// A page of the mailboxes, oldest first, those that were closed too.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_mailboxes(&self, page: &PageOf) -> Result<Page<Mailbox>> {
        let mut tx = self.store().read().await?;
        let rows = tx.list_mailboxes(&page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_mailboxes().await?) } else { None };
        let mut page = cut(rows, page, total);
        page.rows.iter_mut().for_each(|mailbox| self.inner.received.show(mailbox));
        Ok(page)
    }

    /// A mailbox, closed or not.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn mailbox(&self, id: Uuid) -> Result<Mailbox> {
        self.store().read().await?.mailbox(id).await?.ok_or(Error::NotFound("mailbox"))
    }

    /// Opens a mailbox: mail to it is taken from now on, here at once, on other nodes when they read theirs again.
    ///
    /// # Errors
    /// [`Error::Duplicate`] for an address that is a mailbox's or an agent's; [`Error::Invalid`] for one that the desk
    /// keeps for itself, or a team that is not there; the store's.
    pub async fn create_mailbox(
        &self,
        request: MailboxRequest,
        caller: &Caller,
        ending: Ending<'_, Mailbox>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let at = self.clock().now();
        let address = request.address.clone().unwrap_or_default();
        self.check_free(&mut tx, &address).await?;
        let mailbox = request.over(unnamed(self.ids().uuid(at), address, at));
        check_team(&mut tx, mailbox.team_id).await?;
        if !tx.insert_mailbox(&mailbox).await? {
            return Err(Error::Duplicate { what: "address", existing: None });
        }
        let deed = Deed { by: Some(caller), what: "mailbox.created", id: mailbox.id };
        self.conclude_mailbox(tx, &ending, &mailbox, deed).await
    }

    /// Changes a mailbox, or closes it: mail to it is refused; its tickets stay, and are answered from the first mailbox
    /// that is open.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; [`Error::Invalid`] for a team that is not there;
    /// [`Error::InvalidState`] for the last open one; the store's.
    pub async fn change_mailbox(
        &self,
        id: Uuid,
        request: MailboxRequest,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, Mailbox>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let before = tx.lock_mailbox(id).await?.ok_or(Error::NotFound("mailbox"))?;
        check_version(before.version, version)?;
        if request.team_id.is_some() {
            check_team(&mut tx, request.team_id.flatten()).await?;
        }
        let version = before.version + 1;
        let mut mailbox = Mailbox { updated_at: self.clock().now(), version, ..request.over(before) };
        tx.update_mailbox(&mailbox).await?;
        if tx.active_mailboxes().await?.is_empty() {
            return Err(Error::InvalidState("it is the last open mailbox: mail would come from nowhere"));
        }
        self.inner.received.show(&mut mailbox);
        let what = if mailbox.is_active { "mailbox.changed" } else { "mailbox.deactivated" };
        self.conclude_mailbox(tx, &ending, &mailbox, Deed { by: Some(caller), what, id }).await
    }

    /// Notes what a check found wrong with a mailbox; nothing when all is well.
    ///
    /// # Errors
    /// The store's.
    pub async fn note_mailbox_check(&self, id: Uuid, error: Option<&str>) -> Result<()> {
        let mut tx = self.store().begin().await?;
        tx.mailbox_checked(id, error).await?;
        Ok(tx.commit().await?)
    }

    /// Writes down when mailboxes got mail last.
    ///
    /// # Errors
    /// The store's; what is not written yet is tried again.
    pub(super) async fn write_received(&self) -> Result<()> {
        let received = self.inner.received.all();
        if received.is_empty() {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        for (mailbox, at) in &received {
            tx.mailbox_received(*mailbox, *at).await?;
        }
        tx.commit().await?;
        self.inner.received.written(&received);
        Ok(())
    }

    /// Remembers that a mail was taken for these recipients.
    pub(super) fn note_received(&self, recipients: &[String], at: Timestamp) {
        let ours = self.recipients();
        for recipient in recipients {
            if let Recipient::Mailbox { id, .. } | Recipient::Role { id } = ours.look_up(recipient) {
                self.inner.received.note(id, at);
            }
        }
    }

    async fn check_free(&self, tx: &mut Tx, address: &str) -> Result<()> {
        tx.serialise_addresses().await?;
        if let Some(holder) = tx.holder_of_address(address).await? {
            return Err(Error::Duplicate { what: "address", existing: Some(holder.to_string()) });
        }
        let local = address.split('@').next().unwrap_or_default();
        let kept = local.contains(self.config().email.recipient_delimiter)
            || matches!(local, "bounce" | "postmaster" | "abuse");
        if kept {
            let detail = "the desk keeps such addresses for itself: bounces, roles, reply addresses".into();
            return Err(Error::Invalid { pointer: "/address", code: "not_allowed", detail });
        }
        Ok(())
    }

    async fn conclude_mailbox(
        &self,
        tx: Tx,
        ending: &Ending<'_, Mailbox>,
        mailbox: &Mailbox,
        deed: Deed<'_>,
    ) -> Result<Answered> {
        let answered = self.conclude_deed(tx, ending, mailbox, deed).await?;
        if !ending.dry_run {
            self.reload_directory().await?;
        }
        Ok(answered)
    }
}

impl MailboxRequest {
    /// A mailbox with these in the place of its own.
    fn over(self, base: Mailbox) -> Mailbox {
        Mailbox {
            from_name: self.from_name.unwrap_or(base.from_name),
            signature: self.signature.unwrap_or(base.signature),
            receive: self.receive.unwrap_or(base.receive),
            default_category: self.default_category.unwrap_or(base.default_category),
            team_id: self.team_id.unwrap_or(base.team_id),
            store_id: self.store_id.unwrap_or(base.store_id),
            locale: self.locale.unwrap_or(base.locale),
            is_active: self.is_active.unwrap_or(base.is_active),
            ..base
        }
    }
}

impl Received {
    fn note(&self, mailbox: Uuid, at: Timestamp) {
        let mut all = self.0.lock().expect("no panic while held");
        let last = all.entry(mailbox).or_insert(at);
        *last = at.max(*last);
    }

    fn all(&self) -> Vec<(Uuid, Timestamp)> {
        let all = self.0.lock().expect("no panic while held");
        all.iter().map(|(mailbox, at)| (*mailbox, *at)).collect()
    }

    /// Forgets what is on disk; what came since stays.
    fn written(&self, written: &[(Uuid, Timestamp)]) {
        let mut all = self.0.lock().expect("no panic while held");
        all.retain(|mailbox, at| !written.contains(&(*mailbox, *at)));
    }

    fn show(&self, mailbox: &mut Mailbox) {
        let known = self.0.lock().expect("no panic while held").get(&mailbox.id).copied();
        mailbox.last_received_at = mailbox.last_received_at.max(known);
    }
}

/// A mailbox of which nothing is known but its address.
pub(super) fn unnamed(id: Uuid, address: String, at: Timestamp) -> Mailbox {
    Mailbox {
        id,
        address,
        from_name: None,
        signature: None,
        receive: "smtp".into(),
        default_category: Category::General,
        team_id: None,
        store_id: None,
        locale: None,
        is_active: true,
        last_received_at: None,
        last_error: None,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}
