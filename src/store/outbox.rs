//! Mail on its way out: the queue, its attempts, and the addresses that get none.

use uuid::Uuid;

use super::row::json;
use super::{Conn, Result, Tx, later, on};
use crate::model::{DeliveryAttempt, OutboxEntry, RecentMail, Suppression, Timestamp};

/// A worker's claim on due mails.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Who claims.
    pub lease: &'a str,
    /// Due means: not later than this.
    pub now: Timestamp,
    /// When the claim ends by itself.
    pub until: Timestamp,
}

impl Tx {
    /// Puts a mail into the outbox.
    pub async fn insert_outbox(&mut self, e: &OutboxEntry) -> Result<()> {
        self.post(include_str!("sql/outbox/insert.sql"), e).await
    }

    /// Puts an acknowledgement into the outbox, unless its recipient got one within the hour: the cap holds for mails
    /// that come at the same moment too. (On PostgreSQL, [`Self::recent_mail`] has seen to that.)
    pub async fn insert_acknowledgement(&mut self, e: &OutboxEntry) -> Result<()> {
        if let Self::Postgres(_) = self {
            return self.insert_outbox(e).await;
        }
        self.post(include_str!("sql/outbox/insert_ack.sqlite.sql"), e).await
    }

    async fn post(&mut self, sql: &'static str, e: &OutboxEntry) -> Result<()> {
        later!(
            self,
            sql,
            e.id,
            e.ticket_id,
            e.response_id,
            &e.template,
            e.template_version,
            &e.locale,
            e.audience,
            e.automatic,
            e.verified,
            &e.from_address,
            &e.to_address,
            &e.to_name,
            &e.subject,
            &e.message_id,
            &e.envelope_from,
            json(&e.context),
            e.status,
            e.priority,
            e.attempts,
            e.next_attempt_at,
            e.give_up_at,
            e.queued_at,
            e.created_at
        )
    }

    /// One mail.
    pub async fn outbox_entry(&mut self, id: Uuid) -> Result<Option<OutboxEntry>> {
        Ok(
            on!(self, c => sqlx::query_as(include_str!("sql/outbox/get.sql")).bind(id).fetch_optional(c).await)?,
        )
    }

    /// One mail, held until the transaction ends.
    pub async fn lock_outbox_entry(&mut self, id: Uuid) -> Result<Option<OutboxEntry>> {
        self.locks()?;
        let sql = self
            .pick(include_str!("sql/outbox/lock.sqlite.sql"), include_str!("sql/outbox/lock.postgres.sql"));
        Ok(on!(self, c => sqlx::query_as(sql).bind(id).fetch_optional(c).await)?)
    }

    /// Whether any mail is due.
    pub async fn outbox_is_due(&mut self, now: Timestamp) -> Result<bool> {
        Ok(
            on!(self, c => sqlx::query_scalar(include_str!("sql/outbox/due.sql")).bind(now).fetch_one(c).await)?,
        )
    }

    /// Takes up to `limit` due mails of one priority, the longest due first; a claim that ran out counts as due.
    pub async fn claim_outbox(
        &mut self,
        claim: Claim<'_>,
        priority: i64,
        limit: i64,
    ) -> Result<Vec<OutboxEntry>> {
        let sql = self
            .pick(include_str!("sql/outbox/claim.sqlite.sql"), include_str!("sql/outbox/claim.postgres.sql"));
        Ok(on!(self, c => sqlx::query_as(sql)
            .bind(claim.lease).bind(claim.until).bind(priority).bind(claim.now).bind(limit)
            .fetch_all(c).await)?)
    }

    /// Makes every claim run out now: for the start of a desk that has no other node.
    pub async fn free_outbox_leases(&mut self, now: Timestamp) -> Result<u64> {
        Ok(on!(self, c => sqlx::query(include_str!("sql/outbox/free_leases.sql")).bind(now)
            .execute(c).await.map(|done| done.rows_affected()))?)
    }

    /// Writes where a mail stands: everything that changes after its bytes are fixed.
    pub async fn update_outbox(&mut self, e: &OutboxEntry) -> Result<()> {
        later!(
            self,
            include_str!("sql/outbox/update.sql"),
            e.id,
            e.status,
            e.attempts,
            e.next_attempt_at,
            &e.lease,
            &e.remote,
            &e.tls,
            e.smtp_code,
            &e.enhanced_code,
            &e.smtp_response,
            &e.error,
            e.sent_at,
            e.delivered_at,
            e.bounced_at
        )
    }

    /// The bytes of a mail; `None` before its first try.
    pub async fn outbox_mime(&mut self, id: Uuid) -> Result<Option<Vec<u8>>> {
        Ok(on!(self, c => sqlx::query_scalar(include_str!("sql/outbox/mime.sql")).bind(id)
            .fetch_optional(c).await)?)
    }

    /// Fixes the bytes of a mail, with the subject and language they carry; nothing happens when they are fixed.
    pub async fn fix_outbox_mime(
        &mut self,
        id: Uuid,
        mime: &[u8],
        subject: &str,
        locale: &str,
    ) -> Result<bool> {
        let size = i64::try_from(mime.len()).unwrap_or(i64::MAX);
        let done = on!(self, c => sqlx::query(include_str!("sql/outbox/fix.sql"))
            .bind(id).bind(mime).bind(size).bind(subject).bind(locale)
            .execute(c).await.map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }

    /// Writes an attempt into the log.
    pub async fn insert_delivery_attempt(&mut self, a: &DeliveryAttempt) -> Result<()> {
        later!(
            self,
            include_str!("sql/outbox/insert_attempt.sql"),
            a.id,
            a.outbox_id,
            a.at,
            a.duration_ms,
            &a.outcome,
            &a.remote,
            &a.tls,
            a.smtp_code,
            &a.enhanced_code,
            &a.smtp_response,
            &a.error
        )
    }

    /// A mail's attempts, oldest first.
    pub async fn delivery_attempts(&mut self, outbox_id: Uuid) -> Result<Vec<DeliveryAttempt>> {
        Ok(on!(self, c => sqlx::query_as(include_str!("sql/outbox/attempts.sql")).bind(outbox_id)
            .fetch_all(c).await)?)
    }

    /// How many mails wait, and since when the oldest does.
    pub async fn outbox_backlog(&mut self) -> Result<(i64, Option<Timestamp>)> {
        Ok(on!(self, c => sqlx::query_as(include_str!("sql/outbox/backlog.sql")).fetch_one(c).await)?)
    }

    /// Message-IDs of the newest mails that left for one recipient of a ticket, newest first.
    pub async fn sent_message_ids(&mut self, ticket: Uuid, to: &str, limit: i64) -> Result<Vec<String>> {
        Ok(on!(self, c => sqlx::query_scalar(include_str!("sql/outbox/sent_ids.sql"))
            .bind(ticket).bind(to).bind(limit).fetch_all(c).await)?)
    }

    /// What an address got of late. On PostgreSQL, others who ask for the same address wait until this transaction
    /// ends, so that together they don't pass a cap; on SQLite there is one writer.
    pub async fn recent_mail(&mut self, address: &str, now: Timestamp) -> Result<RecentMail> {
        if let Conn::Postgres(c) = self.conn() {
            sqlx::query(include_str!("sql/outbox/serialise.postgres.sql")).bind(address).execute(c).await?;
        }
        let (acks_hour, acks_day, automatic_day, suppressed) = on!(self, c => {
            sqlx::query_as(include_str!("sql/outbox/recent.sql"))
                .bind(address).bind(now.plus_ms(-RecentMail::DAY_MS)).bind(now.plus_ms(-RecentMail::HOUR_MS)).bind(now)
                .fetch_one(c).await
        })?;
        Ok(RecentMail { acks_hour, acks_day, automatic_day, suppressed })
    }

    /// Why an address gets no mail; `None` when it does.
    pub async fn suppression(&mut self, address: &str, now: Timestamp) -> Result<Option<Suppression>> {
        Ok(on!(self, c => sqlx::query_as(include_str!("sql/suppressions/get.sql")).bind(address).bind(now)
            .fetch_optional(c).await)?)
    }

    /// From now on an address gets no mail; replaces what was known of it.
    pub async fn put_suppression(&mut self, s: &Suppression) -> Result<()> {
        later!(
            self,
            include_str!("sql/suppressions/put.sql"),
            &s.address,
            &s.reason,
            s.outbox_id,
            &s.note,
            s.expires_at,
            s.created_at
        )
    }
}
