//! People and their addresses.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::select::Select;
use super::value::{args, json};
use super::{Result, Tx};
use crate::model::{Contact, ContactEmail, EventType, fold};

impl Tx {
    /// A contact.
    pub async fn contact(&mut self, id: Uuid) -> Result<Option<Contact>> {
        self.one(include_str!("sql/contacts/get.sql"), args![id]).await
    }

    /// The contact who owns an address (lower case).
    pub async fn contact_by_address(&mut self, address: &str) -> Result<Option<Contact>> {
        let sql = include_str!("sql/contacts/by_address.sql");
        self.one(sql, args![address]).await
    }

    /// The first contact with the shop's id of a user.
    pub async fn contact_by_user_id(&mut self, user_id: &str) -> Result<Option<Contact>> {
        let sql = include_str!("sql/contacts/by_user_id.sql");
        self.one(sql, args![user_id]).await
    }

    /// What is known of an address (lower case).
    pub async fn contact_email(&mut self, address: &str) -> Result<Option<ContactEmail>> {
        let sql = include_str!("sql/contacts/email.sql");
        self.one(sql, args![address]).await
    }

    /// A contact's addresses, the primary one first.
    pub async fn contact_emails(&mut self, contact: Uuid) -> Result<Vec<ContactEmail>> {
        let sql = include_str!("sql/contacts/emails.sql");
        self.all(sql, args![contact]).await
    }

    /// A contact, held until the transaction ends.
    pub async fn lock_contact(&mut self, id: Uuid) -> Result<Option<Contact>> {
        let sql = self.pick(
            include_str!("sql/contacts/lock.sqlite.sql"),
            include_str!("sql/contacts/lock.postgres.sql"),
        );
        self.one(sql, args![id]).await
    }

    /// Addresses of these contacts, each one's primary address first.
    pub async fn emails_of_contacts(
        &mut self,
        contacts: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<ContactEmail>> {
        let mut select = Select::new("SELECT * FROM contact_emails WHERE contact_id IN ");
        select.bind_all(contacts).sql(" ORDER BY contact_id, is_primary DESC, address");
        select.all(self).await
    }

    /// How many tickets these contacts have, those in the bin left out; none for those who have none.
    pub async fn count_tickets_of_contacts(
        &mut self,
        contacts: impl IntoIterator<Item = Uuid>,
    ) -> Result<Vec<(Uuid, i64)>> {
        let mut select = Select::new("SELECT requester_id, COUNT(*) FROM tickets WHERE requester_id IN ");
        select.bind_all(contacts).sql(" AND deleted_at IS NULL GROUP BY requester_id");
        select.all(self).await
    }

    /// Whether a contact ever had a ticket.
    pub async fn has_tickets(&mut self, contact: Uuid) -> Result<bool> {
        let ticket: Option<Uuid> =
            self.field(include_str!("sql/contacts/has_tickets.sql"), args![contact]).await?;
        Ok(ticket.is_some())
    }

    /// A contact's tickets that are answered to this address, and neither resolved nor closed.
    pub async fn tickets_answered_to(&mut self, contact: Uuid, address: &str) -> Result<Vec<Uuid>> {
        self.fields(include_str!("sql/contacts/tickets_answered_to.sql"), args![contact, address]).await
    }

    /// Writes everything of a contact but their addresses, and the words they are found by.
    pub async fn update_contact(&mut self, contact: &Contact) -> Result<()> {
        self.news(|news| news.add_contact(EventType::ContactUpdated, contact.id));
        self.run(
            include_str!("sql/contacts/update.sql"),
            args![
                contact.id,
                contact.r#type,
                &contact.name,
                &contact.phone,
                &contact.locale,
                &contact.timezone,
                &contact.user_id,
                &contact.seller_id,
                &contact.store_id,
                &contact.notes,
                json(&contact.custom_fields),
                contact.updated_at,
                contact.version
            ],
        )
        .await?;
        self.forget_words(contact.id).await?;
        let emails = self.contact_emails(contact.id).await?;
        self.note_words(contact, emails.iter().map(|email| &email.address)).await
    }

    /// They are not found by their words any more.
    pub(super) async fn forget_words(&mut self, contact: Uuid) -> Result<()> {
        self.run(include_str!("sql/contacts/delete_words.sql"), args![contact]).await.map(drop)
    }

    async fn note_words<'a>(
        &mut self,
        contact: &'a Contact,
        addresses: impl Iterator<Item = &'a String>,
    ) -> Result<()> {
        let texts = contact.name.iter().chain(&contact.phone).chain(addresses);
        let folded = fold(&texts.map(String::as_str).collect::<Vec<_>>().join(" "));
        for word in folded.split_whitespace().collect::<BTreeSet<_>>() {
            self.put(include_str!("sql/contacts/insert_word.sql"), args![contact.id, word]).await?;
        }
        Ok(())
    }

    /// Says whether an address is the one to write to.
    pub async fn set_primary(&mut self, address: &str, is_primary: bool) -> Result<()> {
        self.run(include_str!("sql/contacts/update_email.sql"), args![address, is_primary]).await.map(drop)
    }

    /// Takes an address away.
    pub async fn delete_contact_email(&mut self, address: &str) -> Result<()> {
        self.run(include_str!("sql/contacts/delete_email.sql"), args![address]).await.map(drop)
    }

    /// Takes a contact away who has no tickets, with their addresses.
    pub async fn delete_contact(&mut self, contact: Uuid) -> Result<()> {
        self.news(|news| news.add_contact(EventType::ContactErased, contact));
        self.forget_words(contact).await?;
        self.run(include_str!("sql/contacts/delete_emails.sql"), args![contact]).await?;
        self.run(include_str!("sql/contacts/delete.sql"), args![contact]).await.map(drop)
    }

    /// Adds a contact and their first address, if they have one.
    ///
    /// # Errors
    /// As [`Tx::insert_contact_email`].
    pub async fn insert_contact(&mut self, contact: &Contact, email: Option<&ContactEmail>) -> Result<()> {
        self.news(|news| news.add_contact(EventType::ContactCreated, contact.id));
        self.put(
            include_str!("sql/contacts/insert.sql"),
            args![
                contact.id,
                contact.r#type,
                &contact.name,
                &contact.phone,
                &contact.locale,
                &contact.timezone,
                &contact.user_id,
                &contact.seller_id,
                &contact.store_id,
                &contact.notes,
                json(&contact.custom_fields),
                contact.created_at,
                contact.updated_at,
                contact.version
            ],
        )
        .await?;
        if let Some(email) = email {
            self.insert_contact_email(email).await?;
        }
        self.note_words(contact, email.iter().map(|email| &email.address)).await
    }

    /// Adds an address; [`Tx::update_contact`] makes them found by it.
    ///
    /// # Errors
    /// [`super::Error::Conflict`] when somebody has it: another node met them at this moment; the verb is done again.
    pub async fn insert_contact_email(&mut self, email: &ContactEmail) -> Result<()> {
        self.put(
            include_str!("sql/contacts/insert_email.sql"),
            args![&email.address, email.contact_id, email.verified, email.is_primary],
        )
        .await
    }

    /// Marks an address (lower case) as verified.
    pub async fn verify_contact_email(&mut self, address: &str) -> Result<()> {
        let sql = include_str!("sql/contacts/verify_email.sql");
        self.run(sql, args![address]).await.map(drop)
    }
}
