//! Reports on mail of ours: tied to the very mail that they are about. [`TiedBy`] has what follows from what.

use uuid::Uuid;

use super::reading::Reading;
use super::{Decision, Desk, Result};
use crate::desk::Recipient;
use crate::desk::bounces::Tied;
use crate::mail::dsn::{Action, DeliveryReport, RecipientReport};
use crate::model::bounce::{REPORT_WITHIN_MS, TiedBy};
use crate::model::{InboundAction, MailKind};
use crate::store::Tx;

/// Most recipients of a report that are looked for among our mail.
const MAX_LOOKUPS: usize = 5;
/// Most of an unreadable bounce's text that the log keeps, characters.
const MAX_EXCERPT: usize = 300;

impl Desk {
    /// A bounce or a complaint: the mail of ours that it is about has it written down.
    pub(super) async fn file_bounce(&self, tx: &mut Tx, mail: &Reading) -> Result<Decision> {
        let decision = Decision::new(InboundAction::Bounce, mail.judgement.reason, &mail.judgement.detail);
        self.tie_report(tx, mail, decision).await
    }

    /// Ties a report to the mail of ours that it is about, and writes it down there.
    pub(super) async fn tie_report(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        mut decision: Decision,
    ) -> Result<Decision> {
        let Some(report) = mail.judgement.report.clone().or_else(|| unreadable(mail)) else {
            return Ok(decision);
        };
        let Some(tied) = self.reported_mail(tx, mail, &report).await? else { return Ok(decision) };
        if report.is_not_spam {
            self.withdraw_complaint(tx, tied).await?;
        }
        let Some(entry) = self.record_report(tx, tied, &report).await? else { return Ok(decision) };
        decision.reported = Some(entry.id);
        decision.detail = format!("{}; it was our mail to {}", decision.detail, entry.to_address);
        if let Some(id) = entry.ticket_id {
            decision.ticket = tx.ticket(id).await?.map(|ticket| (ticket.id, ticket.number));
        }
        Ok(decision)
    }

    /// The mail a report is about: by the token in its return path, else by its signed Message-ID, else the newest that
    /// left for an address which the report says failed.
    async fn reported_mail(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        report: &DeliveryReport,
    ) -> Result<Option<Tied>> {
        let returned_to = || self.entry_of_return_path(report.original_return_path.as_deref()?);
        if let Some(entry) = mail.bounced_entry.or_else(returned_to) {
            return Ok(Some(Tied { entry, by: TiedBy::ReturnPath }));
        }
        if let Some(entry) = self.entry_of_message_id(tx, report).await? {
            return Ok(Some(Tied { entry, by: TiedBy::MessageId }));
        }
        self.entry_by_recipient(tx, mail, report).await
    }

    fn entry_of_return_path(&self, address: &str) -> Option<Uuid> {
        match self.recipients().look_up(address) {
            Recipient::Bounce { token } => self.keys().read_bounce(&token),
            _ => None,
        }
    }

    /// The entry that a Message-ID of ours names; its token must be of the entry's ticket.
    async fn entry_of_message_id(&self, tx: &mut Tx, report: &DeliveryReport) -> Result<Option<Uuid>> {
        let ours = report.original_message_id.as_ref().and_then(|id| self.keys().read_message_id(id));
        let Some((Some(id), token)) = ours.map(|ours| (ours.entry, ours.token)) else { return Ok(None) };
        let Some(ticket) = tx.outbox_entry(id).await?.and_then(|entry| entry.ticket_id) else {
            return Ok(None);
        };
        let same = tx.ticket(ticket).await?.is_some_and(|ticket| ticket.number == token.ticket);
        Ok(same.then_some(id))
    }

    /// For servers that keep neither: a bounce, from a null reverse-path, on an address that we wrote to of late.
    async fn entry_by_recipient(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        report: &DeliveryReport,
    ) -> Result<Option<Tied>> {
        if !mail.mail.envelope.reverse_path.is_null() {
            return Ok(None);
        }
        let until = mail.mail.received_at;
        let since = until.plus_ms(-REPORT_WITHIN_MS);
        let failed = report.recipients.iter().filter(|line| line.action == Action::Failed);
        for RecipientReport { recipient, .. } in failed.take(MAX_LOOKUPS) {
            if let Some(entry) = tx.newest_sent_to(recipient, since, until).await? {
                return Ok(Some(Tied { entry, by: TiedBy::Recipient }));
            }
        }
        Ok(None)
    }
}

/// What came to our return path and can't be read as a report, but is no answer either: a failure, in its own words.
fn unreadable(mail: &Reading) -> Option<DeliveryReport> {
    if mail.judgement.kind != MailKind::Bounce || mail.bounced_entry.is_none() {
        return None;
    }
    let words: String = mail.full_text.chars().take(MAX_EXCERPT).collect();
    Some(DeliveryReport { unread: Some(words), ..DeliveryReport::default() })
}
