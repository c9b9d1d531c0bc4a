//! People who write to us: shown, changed, taken away. How they are forgotten for good is in `erasure.rs`.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::changes::Act;
use super::query::ContactFilter;
use super::reading::{Page, PageOf, cut};
use super::writing::{Answered, Deed, Ending, check_version};
use super::{Caller, Desk, Error, Result};
use crate::model::bounce::DAY_MS;
use crate::model::merge_patch::merge_patch;
use crate::model::{Contact, ContactEmail, ContactType, Reach};
use crate::store::Tx;

/// Largest `custom_fields`, octets.
const MOST_FIELDS: usize = 8 << 10;

/// A contact, with what hangs on them.
#[derive(Debug, Clone)]
pub struct ContactView {
    /// The contact.
    pub contact: Contact,
    /// Their addresses, the primary one first.
    pub emails: Vec<ContactEmail>,
    /// Whether mail to the primary one reaches them.
    pub delivery: Reach,
    /// Their tickets, those in the bin left out.
    pub ticket_count: i64,
}

/// What a contact shall be (API.md §3.6). `None` leaves a thing as it is; `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub struct ContactRequest {
    pub r#type: Option<ContactType>,
    pub name: Option<Option<String>>,
    pub phone: Option<Option<String>>,
    pub locale: Option<Option<String>>,
    pub timezone: Option<Option<String>>,
    pub user_id: Option<Option<String>>,
    pub seller_id: Option<Option<String>>,
    pub store_id: Option<Option<String>>,
    pub notes: Option<Option<String>>,
    /// A merge patch; `Some(None)` takes all of them away.
    pub custom_fields: Option<Option<Value>>,
    /// All addresses there shall be.
    pub emails: Option<Vec<EmailRequest>>,
}

/// An address a contact shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailRequest {
    /// Lower case.
    pub address: String,
    /// The one to write to. One at most; without any, the one that was so far, or the first.
    pub primary: bool,
    /// As it was read, when the caller says: nobody makes an address verified by saying so.
    pub verified: Option<bool>,
}

impl Desk {
    /// A page of contacts, the newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_contacts(&self, filters: &[ContactFilter], page: &PageOf) -> Result<Page<ContactView>> {
        let mut tx = self.store().read().await?;
        let rows = tx.list_contacts(filters, &page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_contacts(filters).await?) } else { None };
        let Page { rows, has_next, has_previous, total } = cut(rows, page, total);
        Ok(Page { rows: self.view_contacts(&mut tx, rows).await?, has_next, has_previous, total })
    }

    /// A contact.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn contact(&self, id: Uuid) -> Result<ContactView> {
        let mut tx = self.store().read().await?;
        let contact = tx.contact(id).await?.ok_or(Error::NotFound("contact"))?;
        self.view_contact(&mut tx, contact).await
    }

    /// Changes what is known of a contact. An address that is taken away is let go by their tickets too: those still to
    /// be answered are answered to the primary one from now on.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; [`Error::Duplicate`] for an address that is another contact's;
    /// [`Error::Invalid`] for one of ours, or one said to be verified; [`Error::InvalidState`] when open tickets would be
    /// answered to nobody; the store's.
    pub async fn change_contact(
        &self,
        id: Uuid,
        request: ContactRequest,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, ContactView>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let before = tx.lock_contact(id).await?.ok_or(Error::NotFound("contact"))?;
        check_version(before.version, version)?;
        if let Some(emails) = &request.emails {
            self.set_emails(&mut tx, id, emails, caller).await?;
        }
        let mut contact = request.over(before)?;
        (contact.updated_at, contact.version) = (self.clock().now(), contact.version + 1);
        tx.update_contact(&contact).await?;
        let view = self.view_contact(&mut tx, contact).await?;
        let deed = Deed { by: Some(caller), what: "contact.changed", id };
        self.conclude_deed(tx, &ending, &view, deed).await
    }

    /// Takes a contact away who never had a ticket.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; [`Error::InvalidState`] when they had one; the store's.
    pub async fn delete_contact(
        &self,
        id: Uuid,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, ()>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let contact = tx.lock_contact(id).await?.ok_or(Error::NotFound("contact"))?;
        check_version(contact.version, version)?;
        if tx.has_tickets(id).await? {
            return Err(Error::InvalidState("the contact has tickets; erase them with ?erase=true"));
        }
        tx.delete_contact(id).await?;
        let deed = Deed { by: Some(caller), what: "contact.deleted", id };
        self.conclude_deed(tx, &ending, &(), deed).await
    }

    /// Gives a contact exactly these addresses.
    async fn set_emails(
        &self,
        tx: &mut Tx,
        id: Uuid,
        wanted: &[EmailRequest],
        caller: &Caller,
    ) -> Result<()> {
        let there = tx.contact_emails(id).await?;
        let primary = primary_of(wanted, &there);
        for email in wanted {
            self.check_email(tx, email, &there).await?;
        }
        for gone in there.iter().filter(|e| wanted.iter().all(|w| w.address != e.address)) {
            self.let_go(tx, id, &gone.address, primary.as_deref(), caller).await?;
            tx.delete_contact_email(&gone.address).await?;
        }
        for EmailRequest { address, .. } in wanted {
            let is_primary = primary.as_ref() == Some(address);
            if there.iter().any(|email| email.address == *address) {
                tx.set_primary(address, is_primary).await?;
                continue;
            }
            let address = address.clone();
            let new = ContactEmail { address, contact_id: id, verified: false, is_primary };
            tx.insert_contact_email(&new).await?;
        }
        Ok(())
    }

    async fn check_email(&self, tx: &mut Tx, wanted: &EmailRequest, there: &[ContactEmail]) -> Result<()> {
        let EmailRequest { address, verified, .. } = wanted;
        let refused = |detail: String| Error::Invalid { pointer: "/emails", code: "not_allowed", detail };
        let known = there.iter().find(|email| email.address == *address);
        if verified.is_some_and(|said| said != known.is_some_and(|email| email.verified)) {
            let detail = format!("{address}: a mail from it or a link verifies an address, nobody's word");
            return Err(refused(detail));
        }
        if known.is_some() {
            return Ok(());
        }
        if let Some(other) = tx.contact_email(address).await? {
            return Err(Error::Duplicate { what: "emails", existing: Some(other.contact_id.to_string()) });
        }
        if self.recipients().is_ours(address) {
            return Err(refused(format!("{address} is an address of the desk itself")));
        }
        Ok(())
    }

    /// Tickets that would be answered to an address that is taken away are answered to the primary one.
    async fn let_go(
        &self,
        tx: &mut Tx,
        contact: Uuid,
        gone: &str,
        primary: Option<&str>,
        caller: &Caller,
    ) -> Result<()> {
        let act = Act::by_api(caller.actor(), self.clock().now());
        for ticket in tx.tickets_answered_to(contact, gone).await? {
            let Some(mut ticket) = tx.lock_ticket(ticket).await? else { continue };
            let nobody = "open tickets are answered to an address that would be gone; name another";
            ticket.requester_email = primary.ok_or(Error::InvalidState(nobody))?.to_owned();
            let change = ("requester_email", json!(gone), json!(primary));
            self.note_change(tx, &ticket, &act, "requester_changed", change).await?;
            self.write_down(tx, &mut ticket, &act).await?;
        }
        Ok(())
    }

    async fn view_contact(&self, tx: &mut Tx, contact: Contact) -> Result<ContactView> {
        let mut views = self.view_contacts(tx, vec![contact]).await?;
        views.pop().ok_or(Error::NotFound("contact"))
    }

    /// What hangs on a page of contacts, in four statements.
    async fn view_contacts(&self, tx: &mut Tx, contacts: Vec<Contact>) -> Result<Vec<ContactView>> {
        if contacts.is_empty() {
            return Ok(Vec::new());
        }
        let now = self.clock().now();
        let mut emails: HashMap<Uuid, Vec<ContactEmail>> = HashMap::new();
        for email in tx.emails_of_contacts(contacts.iter().map(|contact| contact.id)).await? {
            emails.entry(email.contact_id).or_default().push(email);
        }
        let counts = tx.count_tickets_of_contacts(contacts.iter().map(|contact| contact.id)).await?;
        let counts: HashMap<_, _> = counts.into_iter().collect();
        let primary: Vec<_> = emails.values().filter_map(|all| Some(all.first()?.address.clone())).collect();
        let days = i64::from(self.config().bounces.soft_window_days);
        let suppressed: HashSet<_> = tx.suppressed_of(&primary, now).await?.into_iter().collect();
        let since = now.plus_ms(-days * DAY_MS);
        let bouncing: HashSet<_> = tx.bouncing_of(&primary, since).await?.into_iter().collect();
        let view = |contact: Contact| {
            let emails = emails.remove(&contact.id).unwrap_or_default();
            let is_in = |set: &HashSet<String>| emails.first().is_some_and(|e| set.contains(&e.address));
            let delivery = match (is_in(&suppressed), is_in(&bouncing)) {
                (true, _) => Reach::Suppressed,
                (false, true) => Reach::Bouncing,
                (false, false) => Reach::Ok,
            };
            let ticket_count = counts.get(&contact.id).copied().unwrap_or(0);
            ContactView { contact, emails, delivery, ticket_count }
        };
        Ok(contacts.into_iter().map(view).collect())
    }
}

impl ContactRequest {
    /// A contact with these in the place of their own.
    fn over(self, base: Contact) -> Result<Contact> {
        let mut custom_fields = base.custom_fields;
        match self.custom_fields {
            Some(Some(patch)) => merge_patch(&mut custom_fields, &patch),
            Some(None) => custom_fields = json!({}),
            None => {}
        }
        if custom_fields.to_string().len() > MOST_FIELDS {
            let detail = "at most 8 KiB, with what is there".into();
            return Err(Error::Invalid { pointer: "/custom_fields", code: "too_long", detail });
        }
        Ok(Contact {
            r#type: self.r#type.unwrap_or(base.r#type),
            name: self.name.unwrap_or(base.name),
            phone: self.phone.unwrap_or(base.phone),
            locale: self.locale.unwrap_or(base.locale),
            timezone: self.timezone.unwrap_or(base.timezone),
            user_id: self.user_id.unwrap_or(base.user_id),
            seller_id: self.seller_id.unwrap_or(base.seller_id),
            store_id: self.store_id.unwrap_or(base.store_id),
            notes: self.notes.unwrap_or(base.notes),
            custom_fields,
            ..base
        })
    }
}

/// The address to write to: the one that is named, the one that was, or the first.
fn primary_of(wanted: &[EmailRequest], there: &[ContactEmail]) -> Option<String> {
    let named = wanted.iter().find(|email| email.primary);
    let was = there.iter().find(|email| email.is_primary);
    let stays = was.and_then(|was| wanted.iter().find(|email| email.address == was.address));
    named.or(stays).or(wanted.first()).map(|email| email.address.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn somebody_with_addresses_has_one_to_write_to() {
        let wanted = |address: &str| EmailRequest {
            address: address.trim_end_matches('!').into(),
            primary: address.ends_with('!'),
            verified: None,
        };
        let email = |address: &str| ContactEmail {
            address: address.trim_end_matches('!').into(),
            contact_id: Uuid::nil(),
            verified: true,
            is_primary: address.ends_with('!'),
        };
        for (asked, there, want) in [
            (&["a", "b!"][..], &["a!"][..], Some("b")),
            (&["a", "b"], &["b!"], Some("b")),
            (&["a", "c"], &["b!", "c"], Some("a")),
            (&["a"], &[], Some("a")),
            (&[], &["b!"], None),
        ] {
            let asked: Vec<_> = asked.iter().copied().map(wanted).collect();
            let there: Vec<_> = there.iter().copied().map(email).collect();
            assert_eq!(primary_of(&asked, &there).as_deref(), want, "{asked:?}");
        }
    }
}
