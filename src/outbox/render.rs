//! A row of the outbox made into bytes, and signed, once.

use crate::desk::{Desk, ReadyMail};
use crate::mail::compose::{Unsendable, Words, compose};
use crate::model::{OutboxEntry, OutgoingMail, TrialMail};
use crate::sender::Signers;
use crate::templates::{self, Rendered, Templates};

/// Why there are no bytes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The store does not answer: the lease runs out, and another try is made.
    #[error(transparent)]
    Desk(#[from] crate::desk::Error),
    /// No words for it, not even built-in ones.
    #[error(transparent)]
    Templates(#[from] templates::Error),
    /// It can't be sent to anybody.
    #[error(transparent)]
    Unsendable(#[from] Unsendable),
}

/// A mail with its bytes: those of its first try, or new ones that are yet to be fixed.
pub(super) async fn ready(
    desk: &Desk,
    templates: &Templates,
    signers: &Signers,
    entry: &OutboxEntry,
) -> Result<ReadyMail, Error> {
    if entry.size.is_some()
        && let Some(mime) = desk.mail_bytes(entry.id).await?
    {
        return Ok(ReadyMail { entry: entry.clone(), mime, fixed: true });
    }
    let (mut mail, rendered) = written(desk, templates, entry).await?;
    mail.entry.template_version = rendered.version;
    let words = Words {
        subject: &rendered.subject,
        text: &rendered.text,
        html: &rendered.html,
        locale: &rendered.locale,
    };
    let mime = signers.sign(compose(&mail, words)?, &mail.entry.from_address, mail.date);
    let entry = OutboxEntry { subject: rendered.subject, locale: rendered.locale, ..mail.entry };
    Ok(ReadyMail { entry, mime, fixed: false })
}

/// What a mail is about, and its words by the templates as they are now.
async fn written(
    desk: &Desk,
    templates: &Templates,
    entry: &OutboxEntry,
) -> Result<(OutgoingMail, Rendered), Error> {
    let mail = desk.outgoing(entry).await?;
    templates.use_overrides(&*desk.template_overrides().await?);
    let Some(trial) = TrialMail::of(entry) else {
        let rendered = templates.render(&mail)?;
        return Ok((mail, rendered));
    };
    let template = desk.template(trial.template_id, None).await?;
    Ok(templates.render_trial(&trial, template.as_ref(), mail)?)
}
