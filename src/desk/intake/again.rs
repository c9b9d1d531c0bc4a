//! A mail of the ledger read once more, by the rules of today (API.md §5.4).

use uuid::Uuid;

use super::reading::Reading;
use super::{Desk, Error, Result, forward};
use crate::desk::{Answered, Ending};
use crate::mail::command;
use crate::model::*;
use crate::store::Tx;

impl Desk {
    /// Reads a mail again. One that was placed only gets its texts anew: no second response, and nobody is mailed. One
    /// that was held back or ignored is filed as if it came in now.
    ///
    /// # Errors
    /// [`Error::NotFound`], also when its bytes are erased; [`Error::InvalidState`] when none of its recipients is ours
    /// any more, or somebody files it at this moment; the store's.
    pub async fn reprocess(&self, id: Uuid, ending: Ending<'_, InboundRecord>) -> Result<Answered> {
        let (_, reading) = self.read_again(id).await?;
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let record = tx.inbound(id).await?.ok_or(Error::NotFound("inbound_mail"))?;
        let row = match record.action {
            InboundAction::Created | InboundAction::Appended => {
                self.renew_texts(&mut tx, &record, &reading).await?;
                record
            }
            InboundAction::Quarantined | InboundAction::Ignored => {
                self.file_again(&mut tx, record, &reading).await?
            }
            InboundAction::Bounce | InboundAction::Duplicate => record,
        };
        self.conclude(tx, &ending, &row).await
    }

    async fn file_again(&self, tx: &mut Tx, record: InboundRecord, mail: &Reading) -> Result<InboundRecord> {
        let was = record.action;
        let now = mail.record(&self.decide(tx, mail).await?);
        let row = InboundRecord {
            id: record.id,
            received_at: record.received_at,
            dedupe_key: record.dedupe_key,
            released_at: record.released_at,
            released_by: record.released_by,
            ..now
        };
        if tx.settle_inbound(&row, was).await? {
            return Ok(row);
        }
        Err(Error::InvalidState("somebody files it at this moment"))
    }

    /// The response's texts, as they are read today. What a template wrote along with them can't be told apart from the
    /// agent's own, so such a response stays as it is.
    async fn renew_texts(&self, tx: &mut Tx, record: &InboundRecord, mail: &Reading) -> Result<()> {
        let response = match record.response_id {
            Some(id) => tx.response(id).await?,
            None => None,
        };
        let Some(mut response) = response.filter(|r| r.template_id.is_none() && r.deleted_at.is_none())
        else {
            return Ok(());
        };
        let files = tx.attachments_of_response(response.id).await?;
        put_texts(&mut response, mail, &files);
        response.version += 1;
        tx.rewrite_response(&response).await?;
        self.index_moved(tx, response.ticket_id).await
    }
}

/// The texts of a mail, each as its kind of response has them.
fn put_texts(response: &mut Response, mail: &Reading, files: &[AttachmentRecord]) {
    response.quoted_text.clone_from(&mail.quoted_text);
    response.full_text = (!mail.quoted_text.is_empty()).then(|| mail.full_text.clone());
    let forwarded = response.author_type != ActorType::Agent && response.body_format == BodyFormat::Text;
    let forwarded = forwarded.then(|| forward::read(&mail.mail.raw, &mail.body_text)).flatten();
    let is_theirs =
        |from: &Address| response.author_email.as_deref() == Some(from.email.to_lowercase().as_str());
    if let Some(forwarded) = forwarded.filter(|forwarded| is_theirs(&forwarded.from)) {
        response.body_text = forwarded.text;
        (response.quoted_text, response.full_text) = (String::new(), Some(mail.full_text.clone()));
        return;
    }
    let html = mail.body_html.as_deref().map(|html| with_kept_files(html, mail, files));
    if response.author_type != ActorType::Agent {
        (response.body_text, response.body_html) = (mail.body_text.clone(), html);
        return;
    }
    let commanded = command::read(&mail.body_text);
    response.body_html = html.and_then(|html| commanded.html(&html)).filter(|html| !html.trim().is_empty());
    response.body_text = commanded.text;
}

/// Pictures in the text are those that were kept when the mail came in.
fn with_kept_files(html: &str, mail: &Reading, files: &[AttachmentRecord]) -> String {
    mail.attachments.iter().fold(html.to_owned(), |html, read| {
        let kept = files.iter().find(|file| file.inbound_mail_id.is_some() && file.position == read.position);
        kept.map_or(html.clone(), |kept| html.replace(&read.id.to_string(), &kept.id.to_string()))
    })
}
