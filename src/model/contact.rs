//! People and sellers who write to us.

use super::words;

words! {
    /// Who writes (API.md §2, `requester.type`).
    ContactType { Customer = "customer", Seller = "seller", StoreStaff = "store_staff", Guest = "guest" }
}

/// Placeholder.
pub struct Contact;
