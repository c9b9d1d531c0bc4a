//! What kind of mail it is, and whether it may be answered automatically: two questions (MAIL.md §1.3).

use super::dsn::DeliveryReport;
use super::parse::ParsedMail;
use crate::model::{Envelope, MailKind};

/// The judgement, with its reason.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// What it is.
    pub kind: MailKind,
    /// Machine word of API.md's open enum `inbound reason` where kind is not a person: `auto_reply`, `loop`,
    /// `delivery_report`, `delay_notice`, `complaint`; `new_ticket` is never said here.
    pub reason: &'static str,
    /// A sentence for people: `Auto-Submitted: auto-replied`.
    pub detail: String,
    /// What a bounce, delay notice or complaint reports.
    pub report: Option<DeliveryReport>,
    /// Why it must not be answered automatically; `None` when it may be.
    pub no_answer: Option<String>,
}

/// What the judge must know of ourselves.
pub struct Ourselves<'a> {
    /// Whether an address is one of our mailboxes (any case, `+token` ignored).
    pub is_our_address: &'a dyn Fn(&str) -> bool,
    /// Whether a Message-ID is one that we made (its signature holds).
    pub is_our_message_id: &'a dyn Fn(&str) -> bool,
    /// Whether the mail came to `bounce+token@`.
    pub to_bounce_address: bool,
}

/// Judges a mail by headers and structure, in the order of MAIL.md §1.3.
pub fn judge(envelope: &Envelope, mail: &ParsedMail, us: &Ourselves<'_>) -> Judgement {
    let _ = (envelope, mail, us);
    Judgement { kind: MailKind::Person, reason: "", detail: String::new(), report: None, no_answer: None }
}
