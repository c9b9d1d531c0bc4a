//! People and sellers who write to us.

use serde_json::Value;
use uuid::Uuid;

use super::{Timestamp, words};

words! {
    /// Who writes (API.md §2, `requester.type`).
    ContactType { Customer = "customer", Seller = "seller", StoreStaff = "store_staff", Guest = "guest" }
}

/// Somebody who writes to us.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// UUIDv7.
    pub id: Uuid,
    /// Who they are to the shop.
    pub r#type: ContactType,
    /// As they last wrote it.
    pub name: Option<String>,
    /// Free text.
    pub phone: Option<String>,
    /// BCP 47.
    pub locale: Option<String>,
    /// IANA name.
    pub timezone: Option<String>,
    /// The shop's own id of the user.
    pub user_id: Option<String>,
    /// The shop's own id of the seller.
    pub seller_id: Option<String>,
    /// The shop's own id of the store.
    pub store_id: Option<String>,
    /// For agents.
    pub notes: Option<String>,
    /// Anything else, a JSON object.
    pub custom_fields: Value,
    /// When made.
    pub created_at: Timestamp,
    /// When last changed.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}

words! {
    /// Whether mail reaches a contact (API.md §3.6, `contact.delivery`): at the address they are written to first.
    Reach {
        Ok = "ok",
        /// Mail came back of late, though the address may be good.
        Bouncing = "bouncing",
        /// It gets none.
        Suppressed = "suppressed",
    }
}

/// An address of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactEmail {
    /// Lower case.
    pub address: String,
    /// Whose.
    pub contact_id: Uuid,
    /// Whether a mail or a link proved it (API.md §1.9).
    pub verified: bool,
    /// The one to write to.
    pub is_primary: bool,
}
