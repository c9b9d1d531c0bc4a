//! What a mail says about the ticket it belongs to (MAIL.md §1.4). Whether that is believed is the desk's decision.

use super::parse::ParsedMail;
use crate::model::{MessageId, TicketNumber};

/// Ids the mail answers, best first: `In-Reply-To`, then `References` from the newest back; no doubles, at most 50.
pub fn answered_ids(mail: &ParsedMail) -> Vec<MessageId> {
    let _ = mail;
    Vec::new()
}

/// Ticket numbers in a decoded subject, in order: any case, o→0 and i,l→1, anywhere in the text.
pub fn subject_numbers(subject: &str) -> Vec<TicketNumber> {
    let _ = subject;
    Vec::new()
}

/// The subject without reply and forward prefixes (`Re:`, `AW:`, `Fwd:`, `WG:`, `SV[2]:`, … in the languages mail
/// programs use) and without our `[TKT-…]` tags; trimmed.
pub fn bare_subject(subject: &str) -> String {
    subject.to_owned()
}
