//! Mail on its way out, as the outbox door asks for it: claim what is due, fix its bytes, write down what became of each
//! try.

use super::{Desk, Result};
use crate::model::delivery::{after_attempt, retry_delay_ms};
use crate::model::{AttemptReport, DeliveryAttempt, EmailStatus, OutboxEntry, Outcome, Timestamp};
use crate::store::{Claim, Tx};

/// Priorities, the most urgent first.
const PRIORITIES: [i64; 2] = [0, 1];

/// A mail that has not left after this long is worth a line in its ticket's history, milliseconds.
const LATE_MS: i64 = 4 * 3_600_000;

/// How the outbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backlog {
    /// Mails that wait for a try, or are on the wire.
    pub waiting: i64,
    /// When the oldest of them became due.
    pub oldest: Option<Timestamp>,
}

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
    /// Leases up to `limit` due mails to a worker for `lease_ms`: replies first, then the longest due.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn claim_due(&self, worker: &str, limit: usize, lease_ms: i64) -> Result<Vec<OutboxEntry>> {
        let now = self.inner.clock.now();
        if limit == 0 || !self.store().read().await?.outbox_is_due(now).await? {
            return Ok(Vec::new());
        }
        let claim = Claim { lease: worker, now, until: now.plus_ms(lease_ms) };
        let mut tx = self.store().begin().await?;
        let mut entries = Vec::new();
        for priority in PRIORITIES {
            let room = i64::try_from(limit - entries.len()).unwrap_or(i64::MAX);
            if room > 0 {
                entries.extend(tx.claim_outbox(claim, priority, room).await?);
            }
        }
        tx.commit().await?;
        Ok(entries)
    }

    /// Gives leased mails back as if they had never been taken: the relay is down, which is not their fault.
    ///
    /// # Errors
    /// When the store does not answer; then the leases run out by themselves.
    pub async fn put_back(&self, entries: &[OutboxEntry]) -> Result<()> {
        let mut tx = self.store().begin().await?;
        for entry in entries {
            let Some(mut current) = tx.lock_outbox_entry(entry.id).await? else { continue };
            if current.lease != entry.lease || current.status != EmailStatus::Sending {
                continue;
            }
            current.status = if current.attempts == 0 { EmailStatus::Queued } else { EmailStatus::Deferred };
            current.next_attempt_at = Some(self.inner.clock.now());
            current.lease = None;
            tx.update_outbox(&current).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Makes leases of an earlier run end now. Only where no other node shares the desk (SQLite): a process that was
    /// killed left them behind.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn free_stale_leases(&self) -> Result<u64> {
        if self.store().engine() != "sqlite" {
            return Ok(0);
        }
        let mut tx = self.store().begin().await?;
        let freed = tx.free_outbox_leases(self.inner.clock.now()).await?;
        tx.commit().await?;
        Ok(freed)
    }

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
        Ok(tx.commit().await?)
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
        tx.update_outbox(&after).await?;
        match after.status {
            EmailStatus::Failed => self.mail_failed(tx, &after).await,
            EmailStatus::Deferred if is_late && !was_late => self.mail_delayed(tx, &after).await,
            _ => Ok(()),
        }
    }

    /// How the outbox stands.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn outbox_backlog(&self) -> Result<Backlog> {
        let (waiting, oldest) = self.store().read().await?.outbox_backlog().await?;
        Ok(Backlog { waiting, oldest })
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

    /// The schedule's next step, up to a tenth later: mails deferred together don't come back together.
    fn next_try(&self, entry: &OutboxEntry, report: &AttemptReport) -> Timestamp {
        let delay = retry_delay_ms(entry.attempts + 1);
        let jitter = self.inner.ids.below(u64::try_from(delay / 10).unwrap_or(1));
        report.at.plus_ms(report.duration_ms + delay + i64::try_from(jitter).unwrap_or(0))
    }
}

/// Fixes a mail's bytes, or takes those that were fixed before.
async fn fix(tx: &mut Tx, mail: &mut ReadyMail) -> Result<()> {
    let ReadyMail { entry, mime, .. } = mail;
    if !tx.fix_outbox_mime(entry.id, mime, &entry.subject, &entry.locale).await? {
        *mime = tx.outbox_mime(entry.id).await?.ok_or(super::Error::NotFound("email_log"))?;
    }
    Ok(())
}

fn is_late(entry: &OutboxEntry, at: Timestamp) -> bool {
    at >= entry.queued_at.plus_ms(LATE_MS)
}
