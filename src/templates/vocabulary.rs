//! The variables of notifications, learnt from the made-up mails.

use super::check;
use super::pen::Pen;
use crate::model::NotificationTemplate;
use crate::model::template::Vocabulary;

/// Every variable of a notification, in whatever mail of it.
pub(super) fn of(pen: &Pen, key: NotificationTemplate) -> Vocabulary {
    let mails = check::mails(pen, key, "en");
    // The fullest last: its samples say most.
    Vocabulary::of(mails.iter().map(|mail| pen.context(mail, "en", &mail.entry.subject)))
}

/// No variable.
pub(super) fn none() -> Vocabulary {
    Vocabulary::default()
}
