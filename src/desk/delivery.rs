//! Mail on its way out, as the outbox door asks for it: fix a mail's bytes, write down what became of each try.

use super::{Desk, Result};
use crate::model::delivery::after_attempt;
use crate::model::{
    AttemptReport, DeliveryAttempt, EmailStatus, OutboxEntry, Outcome, RetrySchedule, Timestamp,
};
use crate::store::Tx;

/// A mail that has not left after this long is worth a line in its ticket's history, milliseconds.
const LATE_MS: i64 = 4 * 3_600_000;

/// A leased mail with its bytes.
#[derive(Debug, Clone)]
pub struct ReadyMail {
    /// The mail, with the subject and the language its bytes carry.
    pub entry: OutboxEntry,
    /// The bytes; empty when there can't be any.
    pub mime: Vec<u8>,
    /// Whether the bytes are on disk: each later try sends these.
    pub fixed: bool,
}

/// A try that ended, to be written down.
#[derive(Debug, Clone)]
pub struct Try {
    /// What was tried.
    pub mail: ReadyMail,
    /// What it came to.
    pub report: AttemptReport,
}

impl Desk {
    /// The bytes of a mail, fixed at its first try; `None` before.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn mail_bytes(&self, entry: uuid::Uuid) -> Result<Option<Vec<u8>>> {
        Ok(self.store().read().await?.outbox_mime(entry).await?)
    }

    /// Fixes the bytes of new mails, with the subject and the language they carry: before the first octet of any of
    /// them leaves. Another worker's bytes take their place where it was faster.
    ///
    /// # Errors
    /// When the store does not answer, or can't take one of them: then none is fixed.
    pub async fn fix_bytes(&self, mails: &mut [ReadyMail]) -> Result<()> {
        if mails.iter().all(|mail| mail.fixed) {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        for mail in mails.iter_mut().filter(|mail| !mail.fixed) {
            fix(&mut tx, mail).await?;
        }
        tx.commit().await?;
        mails.iter_mut().for_each(|mail| mail.fixed = true);
        Ok(())
    }

    /// Writes down what tries came to, and when the next ones are; a final failure becomes an event of the ticket, and
    /// may suppress the address. Bytes that are not fixed yet (of a mail that went nowhere) are fixed along with it.
    ///
    /// # Errors
    /// When the store does not answer, or can't take one of them: then none is written down. The caller tries again, or
    /// a mail leaves twice under one Message-ID.
    pub async fn record_attempts(&self, tries: &mut [Try]) -> Result<()> {
        let mut tx = self.store().begin().await?;
        for one in tries.iter_mut() {
            if !one.mail.fixed {
                fix(&mut tx, &mut one.mail).await?;
            }
            self.record_attempt(&mut tx, &one.mail.entry, &one.report).await?;
        }
        tx.commit().await?;
        if tries.iter().any(|one| one.report.outcome == Outcome::Failed) {
            // Somebody may have to be told.
            self.ring_outbox();
        }
        Ok(())
    }

    async fn record_attempt(&self, tx: &mut Tx, entry: &OutboxEntry, report: &AttemptReport) -> Result<()> {
        let Some(current) = tx.lock_outbox_entry(entry.id).await? else {
            return Err(super::Error::NotFound("email_log"));
        };
        let is_late = is_late(entry, report.at);
        let was_late = is_late
            && tx.delivery_attempts(entry.id).await?.iter().any(|earlier| self::is_late(entry, earlier.at));
        tx.insert_delivery_attempt(&self.attempt(entry, report)).await?;
        // A lease that ran out may be another worker's by now: then only a success still counts.
        if current.lease != entry.lease && report.outcome != Outcome::Delivered {
            return Ok(());
        }
        let after = after_attempt(current, report, self.next_try(entry, report));
        tx.update_outbox(&after, self.inner.clock.now()).await?;
        match after.status {
            EmailStatus::Sent => self.mail_taken(tx, &after).await,
            EmailStatus::Failed => self.mail_failed(tx, &after).await,
            EmailStatus::Deferred if is_late && !was_late => self.mail_delayed(tx, &after).await,
            _ => Ok(()),
        }
    }

    fn attempt(&self, entry: &OutboxEntry, report: &AttemptReport) -> DeliveryAttempt {
        DeliveryAttempt {
            id: self.inner.ids.uuid(self.inner.clock.now()),
            outbox_id: entry.id,
            at: report.at,
            duration_ms: report.duration_ms,
            outcome: report.outcome.as_str().into(),
            remote: report.remote.clone(),
            tls: report.tls.clone(),
            smtp_code: report.smtp_code.map(i64::from),
            enhanced_code: report.enhanced_code.clone(),
            smtp_response: report.smtp_response.clone(),
            error: report.error.clone(),
        }
    }

    fn next_try(&self, entry: &OutboxEntry, report: &AttemptReport) -> Timestamp {
        let schedule = RetrySchedule::new(&self.inner.config.outbox.retry_minutes);
        let ended = report.at.plus_ms(report.duration_ms);
        schedule.next_try(entry.attempts + 1, ended, |bound| self.inner.ids.below(bound))
    }
}

/// Fixes a mail's bytes, or takes those that were fixed before.
async fn fix(tx: &mut Tx, mail: &mut ReadyMail) -> Result<()> {
    let ReadyMail { entry, mime, .. } = mail;
    if !tx.fix_outbox_mime(entry, mime).await? {
        *mime = tx.outbox_mime(entry.id).await?.ok_or(super::Error::NotFound("email_log"))?;
    }
    Ok(())
}

fn is_late(entry: &OutboxEntry, at: Timestamp) -> bool {
    at >= entry.queued_at.plus_ms(LATE_MS)
}
