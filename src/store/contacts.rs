//! People and their addresses.

use uuid::Uuid;

use super::value::{args, json};
use super::{Result, Tx};
use crate::model::{Contact, ContactEmail, EventType};

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

    /// Adds a contact.
    pub async fn insert_contact(&mut self, contact: &Contact) -> Result<()> {
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
        .await
    }

    /// Adds an address.
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
