//! Delivery reports: RFC 3464, its UTF-8 form (RFC 6533), feedback reports (RFC 5965), and the free-form bounces of
//! MTAs that write neither.

mod about;
mod arf;
mod fields;
mod freeform;
mod returned;
mod rfc3464;
mod sender;
mod sns;
mod status;

pub use about::About;

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
    /// The recipient's address, without type prefix or brackets; lower case. Empty where a complaint hides it.
    pub recipient: String,
    /// What became of it.
    pub action: Action,
    /// Enhanced status code `5.1.1` (RFC 3463), where known or inferred.
    pub status: Option<String>,
    /// The remote's words, as the report has them: often behind a type, `smtp; 550 …` (RFC 3464 §2.3.6).
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
    /// The return path of the returned mail, where it says so.
    pub original_return_path: Option<String>,
    /// Mail taken *out* of a spam folder (RFC 5965, `not-spam`); it names no recipients.
    pub is_not_spam: bool,
    /// The beginning of a text that could not be read, where it names no recipients.
    pub unread: Option<String>,
}

impl DeliveryReport {
    /// The gravest thing that it says of any recipient; `Failed` when it names none.
    pub fn action(&self) -> Action {
        if self.is_not_spam {
            return Action::Delivered;
        }
        let gravest = [Action::Complaint, Action::Failed, Action::Delayed];
        let said = |action: &Action| self.recipients.iter().any(|r| r.action == *action);
        let first = self.recipients.first().map_or(Action::Failed, |r| r.action);
        gravest.into_iter().find(said).unwrap_or(first)
    }
}

/// Reads a report of any form; `None` when the mail is none.
///
/// Delay and delivery notices and disposition notifications (RFC 8098) are reports too, as [`DeliveryReport::action`]
/// says; the judge decides which of them are bounces.
pub fn read(envelope: &Envelope, mail: &ParsedMail) -> Option<DeliveryReport> {
    let mut report = arf::read(mail)
        .or_else(|| rfc3464::read(envelope, mail))
        .or_else(|| sns::read(mail))
        .or_else(|| freeform::read(envelope, mail))?;
    if report.original_message_id.is_none() {
        report.original_message_id = returned::named_message_id(mail);
    }
    Some(report)
}

/// The enhanced status code of a failure: the one `stated`, else (or where it says no more than that it failed) the
/// one that the remote's words mean. `None` when neither means anything.
pub fn status_of(stated: Option<&str>, words: &str) -> Option<String> {
    let code = stated.map(str::to_owned).or_else(|| status::inferred(words, false))?;
    let refined = status::says_little(&code).then(|| status::refined(&code, words)).flatten();
    refined.or(Some(code).filter(|code| stated.is_some() || !code.ends_with(".0.0")))
}

#[cfg(test)]
mod tests;
