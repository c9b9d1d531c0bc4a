//! People who write to us (API.md §3.6).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;
use crate::desk::ContactView;
use crate::model::{ContactType, Reach};

/// Somebody who writes to us.
#[derive(Debug, Serialize, ToSchema)]
pub struct Contact<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// Who they are to the shop.
    pub r#type: ContactType,
    /// As they last wrote it.
    #[schema(example = "Jo Doe")]
    pub name: Option<&'a str>,
    /// Their addresses, the primary one first.
    pub emails: Vec<ContactEmail<'a>>,
    /// Free text.
    pub phone: Option<&'a str>,
    /// Their language, BCP 47.
    #[schema(example = "en")]
    pub locale: Option<&'a str>,
    /// IANA name.
    pub timezone: Option<&'a str>,
    /// The shop's id of the user.
    #[schema(example = "u_312")]
    pub user_id: Option<&'a str>,
    /// The shop's id of the seller.
    pub seller_id: Option<&'a str>,
    /// The shop's id of the store.
    pub store_id: Option<&'a str>,
    /// For agents.
    pub notes: Option<&'a str>,
    /// What the shop keeps with them.
    #[schema(value_type = Object)]
    pub custom_fields: &'a Value,
    /// Whether mail to the primary address reaches them.
    pub delivery: Reach,
    /// Their tickets, those in the bin left out.
    pub ticket_count: i64,
    /// When made.
    pub created_at: Time,
    /// When last changed.
    pub updated_at: Time,
    /// Counts changes, from 1.
    pub version: i64,
}

/// An address of theirs.
#[derive(Debug, Serialize, ToSchema)]
pub struct ContactEmail<'a> {
    /// Lower case.
    #[schema(example = "jo@example.org")]
    pub address: &'a str,
    /// Whether a mail or a link proved it theirs. Others never get text that somebody wrote.
    pub verified: bool,
    /// The one to write to.
    pub primary: bool,
}

impl<'a> Contact<'a> {
    /// API.md §3.6.
    pub fn of(view: &'a ContactView) -> Self {
        let ContactView { contact, emails, delivery, ticket_count } = view;
        let emails = emails.iter().map(|email| ContactEmail {
            address: &email.address,
            verified: email.verified,
            primary: email.is_primary,
        });
        Self {
            id: contact.id,
            r#type: contact.r#type,
            name: contact.name.as_deref(),
            emails: emails.collect(),
            phone: contact.phone.as_deref(),
            locale: contact.locale.as_deref(),
            timezone: contact.timezone.as_deref(),
            user_id: contact.user_id.as_deref(),
            seller_id: contact.seller_id.as_deref(),
            store_id: contact.store_id.as_deref(),
            notes: contact.notes.as_deref(),
            custom_fields: &contact.custom_fields,
            delivery: *delivery,
            ticket_count: *ticket_count,
            created_at: Time(contact.created_at),
            updated_at: Time(contact.updated_at),
            version: contact.version,
        }
    }
}
