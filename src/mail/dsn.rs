//! Delivery reports: RFC 3464, its UTF-8 form (RFC 6533), feedback reports (RFC 5965), and the free-form bounces of
//! MTAs that write neither.

use super::parse::ParsedMail;
use crate::model::{Envelope, MessageId, words};

words! {
    /// What became of the mail for one recipient (RFC 3464 §2.3.3, and `complaint` for RFC 5965).
    Action {
        Failed = "failed", Delayed = "delayed", Delivered = "delivered", Relayed = "relayed",
        Expanded = "expanded", Complaint = "complaint",
    }
}

/// What a report says of one recipient.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecipientReport {
    /// The recipient's address, without type prefix or brackets; lower case.
    pub recipient: String,
    /// What became of it.
    pub action: Action,
    /// Enhanced status code `5.1.1` (RFC 3463), where known or inferred.
    pub status: Option<String>,
    /// The remote's words.
    pub diagnostic: Option<String>,
}

/// A report on a mail of ours.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeliveryReport {
    /// One entry for each recipient the report names.
    pub recipients: Vec<RecipientReport>,
    /// Message-ID of the returned mail, where headers were returned.
    pub original_message_id: Option<MessageId>,
    /// The reporting MTA's name.
    pub reporting_mta: Option<String>,
}

/// Reads a report of any form; `None` when the mail is none.
pub fn read(envelope: &Envelope, mail: &ParsedMail) -> Option<DeliveryReport> {
    let _ = (envelope, mail);
    None
}
