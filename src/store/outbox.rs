//! Mail on its way out: the queue, its attempts, and the addresses that get none.

use uuid::Uuid;

use super::row::json;
use super::{Conn, Result, Tx, on};
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
        on!(self, c => sqlx::query(include_str!("sql/outbox/insert.sql"))
            .bind(e.id).bind(e.ticket_id).bind(e.response_id).bind(&e.template).bind(e.template_version)
            .bind(&e.locale).bind(e.audience).bind(e.automatic).bind(e.verified).bind(&e.from_address)
            .bind(&e.to_address).bind(&e.to_name).bind(&e.subject).bind(&e.message_id).bind(&e.envelope_from)
            .bind(json(&e.context)).bind(e.status).bind(e.priority).bind(e.attempts).bind(e.next_attempt_at)
            .bind(e.give_up_at).bind(e.queued_at).bind(e.created_at)
            .execute(c).await.map(drop))?;
        Ok(())
    }

    /// One mail.
    pub async fn outbox_entry(&mut self, id: Uuid) -> Result<Option<OutboxEntry>> {
        Ok(
            on!(self, c => sqlx::query_as(include_str!("sql/outbox/get.sql")).bind(id).fetch_optional(c).await)?,
        )
    }

    /// One mail, held until the transaction ends.
    pub async fn lock_outbox_entry(&mut self, id: Uuid) -> Result<Option<OutboxEntry>> {
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
        on!(self, c => sqlx::query(include_str!("sql/outbox/update.sql"))
            .bind(e.id).bind(e.status).bind(e.attempts).bind(e.next_attempt_at).bind(&e.lease).bind(&e.remote)
            .bind(&e.tls).bind(e.smtp_code).bind(&e.enhanced_code).bind(&e.smtp_response).bind(&e.error)
            .bind(e.sent_at).bind(e.delivered_at).bind(e.bounced_at)
            .execute(c).await.map(drop))?;
        Ok(())
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
        on!(self, c => sqlx::query(include_str!("sql/outbox/insert_attempt.sql"))
            .bind(a.id).bind(a.outbox_id).bind(a.at).bind(a.duration_ms).bind(&a.outcome).bind(&a.remote)
            .bind(&a.tls).bind(a.smtp_code).bind(&a.enhanced_code).bind(&a.smtp_response).bind(&a.error)
            .execute(c).await.map(drop))?;
        Ok(())
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
        on!(self, c => sqlx::query(include_str!("sql/suppressions/put.sql"))
            .bind(&s.address).bind(&s.reason).bind(s.outbox_id).bind(&s.note).bind(s.expires_at).bind(s.created_at)
            .execute(c).await.map(drop))?;
        Ok(())
    }
}
