//! People and their addresses.

use uuid::Uuid;

use super::row::json;
use super::{Result, Tx, on};
use crate::model::{Contact, ContactEmail};

impl Tx {
    /// A contact.
    pub async fn contact(&mut self, id: Uuid) -> Result<Option<Contact>> {
        Ok(
            on!(self, c => sqlx::query_as(include_str!("sql/contacts/get.sql")).bind(id).fetch_optional(c).await)?,
        )
    }

    /// The contact who owns an address (lower case).
    pub async fn contact_by_address(&mut self, address: &str) -> Result<Option<Contact>> {
        let sql = include_str!("sql/contacts/by_address.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(address).fetch_optional(c).await)?)
    }

    /// The first contact with the shop's id of a user.
    pub async fn contact_by_user_id(&mut self, user_id: &str) -> Result<Option<Contact>> {
        let sql = include_str!("sql/contacts/by_user_id.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(user_id).fetch_optional(c).await)?)
    }

    /// What is known of an address (lower case).
    pub async fn contact_email(&mut self, address: &str) -> Result<Option<ContactEmail>> {
        let sql = include_str!("sql/contacts/email.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(address).fetch_optional(c).await)?)
    }

    /// A contact's addresses, the primary one first.
    pub async fn contact_emails(&mut self, contact: Uuid) -> Result<Vec<ContactEmail>> {
        let sql = include_str!("sql/contacts/emails.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(contact).fetch_all(c).await)?)
    }

    /// Adds a contact.
    pub async fn insert_contact(&mut self, contact: &Contact) -> Result<()> {
        on!(self, c => sqlx::query(include_str!("sql/contacts/insert.sql"))
            .bind(contact.id).bind(contact.r#type).bind(&contact.name).bind(&contact.phone).bind(&contact.locale)
            .bind(&contact.timezone).bind(&contact.user_id).bind(&contact.seller_id).bind(&contact.store_id)
            .bind(&contact.notes).bind(json(&contact.custom_fields)).bind(contact.created_at)
            .bind(contact.updated_at).bind(contact.version)
            .execute(c).await.map(drop))?;
        Ok(())
    }

    /// Adds an address; `false` when somebody has it.
    pub async fn insert_contact_email(&mut self, email: &ContactEmail) -> Result<bool> {
        let rows = on!(self, c => sqlx::query(include_str!("sql/contacts/insert_email.sql"))
            .bind(&email.address).bind(email.contact_id).bind(email.verified).bind(email.is_primary)
            .execute(c).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// Marks an address (lower case) as verified.
    pub async fn verify_contact_email(&mut self, address: &str) -> Result<()> {
        let sql = include_str!("sql/contacts/verify_email.sql");
        on!(self, c => sqlx::query(sql).bind(address).execute(c).await.map(drop))?;
        Ok(())
    }
}
