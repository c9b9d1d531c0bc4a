//! Mail on its way out: the queue and its attempts.

use serde_json::Value;
use uuid::Uuid;

use super::value::{args, json};
use super::{Result, Tx};
use crate::model::told::LastTold;
use crate::model::{DeliveryAttempt, NotificationTemplate, OutboxEntry, RecentMail, Timestamp};

impl Tx {
    /// Puts a mail into the outbox.
    pub async fn insert_outbox(&mut self, e: &OutboxEntry) -> Result<()> {
        self.run(
            include_str!("sql/outbox/insert.sql"),
            args![
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
                e.domain(),
                &e.to_name,
                &e.subject,
                &e.message_id,
                &e.envelope_from,
                json(&e.context),
                e.status,
                e.priority,
                e.attempts,
                e.next_attempt_at,
                e.next_attempt_at.is_some_and(|due| due <= e.created_at),
                e.released,
                e.give_up_at,
                e.queued_at,
                e.created_at
            ],
        )
        .await
        .map(drop)
    }

    /// Puts a mail into the log whose tries are over.
    pub async fn insert_ended_mail(&mut self, e: &OutboxEntry) -> Result<()> {
        self.put(
            include_str!("sql/outbox/insert_ended.sql"),
            args![
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
                e.domain(),
                &e.to_name,
                &e.subject,
                &e.message_id,
                &e.envelope_from,
                json(&e.context),
                e.status,
                e.priority,
                e.attempts,
                false,
                e.released,
                e.give_up_at,
                &e.remote,
                &e.tls,
                e.smtp_code,
                &e.enhanced_code,
                &e.smtp_response,
                &e.error,
                e.size,
                e.queued_at,
                e.sent_at,
                e.delivered_at,
                e.bounced_at,
                e.created_at
            ],
        )
        .await
    }

    /// One mail.
    pub async fn outbox_entry(&mut self, id: Uuid) -> Result<Option<OutboxEntry>> {
        self.one(include_str!("sql/outbox/get.sql"), args![id]).await
    }

    /// One mail, held until the transaction ends.
    pub async fn lock_outbox_entry(&mut self, id: Uuid) -> Result<Option<OutboxEntry>> {
        let sql = self
            .pick(include_str!("sql/outbox/lock.sqlite.sql"), include_str!("sql/outbox/lock.postgres.sql"));
        let entry = self.one(sql, args![id]).await?;
        self.news(|news| entry.iter().for_each(|entry| news.saw_mail(entry)));
        Ok(entry)
    }

    /// Writes where a mail stands: everything that changes after its bytes are fixed. When it is due again, the queue
    /// finds that out by itself.
    pub async fn update_outbox(&mut self, e: &OutboxEntry, now: Timestamp) -> Result<()> {
        self.news(|news| news.add_mail(e));
        self.run(
            include_str!("sql/outbox/update.sql"),
            args![
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
                e.bounced_at,
                e.give_up_at,
                e.released,
                now
            ],
        )
        .await
        .map(drop)
    }

    /// Whether somebody who has seen a mail said that it came back.
    pub async fn is_bounce_proved(&mut self, id: Uuid) -> Result<bool> {
        Ok(self.field(include_str!("sql/outbox/bounce_proved.sql"), args![id]).await?.unwrap_or(false))
    }

    /// What [`Tx::is_bounce_proved`] says from now on.
    pub async fn set_bounce_proved(&mut self, id: Uuid, proved: bool) -> Result<()> {
        self.run(include_str!("sql/outbox/set_bounce_proved.sql"), args![id, proved]).await.map(drop)
    }

    /// The bytes of a mail; `None` before its first try.
    pub async fn outbox_mime(&mut self, id: Uuid) -> Result<Option<Vec<u8>>> {
        self.field(include_str!("sql/outbox/mime.sql"), args![id]).await
    }

    /// Fixes the bytes of a mail, with the subject, language and template that made them; nothing happens when they are
    /// fixed.
    pub async fn fix_outbox_mime(&mut self, e: &OutboxEntry, mime: &[u8]) -> Result<bool> {
        let size = i64::try_from(mime.len()).unwrap_or(i64::MAX);
        let sql = include_str!("sql/outbox/fix.sql");
        let done = self.run(sql, args![e.id, mime, size, &e.subject, &e.locale, e.template_version]).await?;
        Ok(done == 1)
    }

    /// Writes an attempt into the log.
    pub async fn insert_delivery_attempt(&mut self, a: &DeliveryAttempt) -> Result<()> {
        self.put(
            include_str!("sql/outbox/insert_attempt.sql"),
            args![
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
            ],
        )
        .await
    }

    /// A mail's attempts, oldest first.
    pub async fn delivery_attempts(&mut self, outbox_id: Uuid) -> Result<Vec<DeliveryAttempt>> {
        self.all(include_str!("sql/outbox/attempts.sql"), args![outbox_id]).await
    }

    /// Message-IDs of the newest mails that left for one recipient of a ticket, newest first.
    pub async fn sent_message_ids(&mut self, ticket: Uuid, to: &str, limit: i64) -> Result<Vec<String>> {
        self.fields(include_str!("sql/outbox/sent_ids.sql"), args![ticket, to, limit]).await
    }

    /// The newest mail that left for an address since then, and is not known to have arrived or failed.
    pub async fn newest_sent_to(
        &mut self,
        to: &str,
        since: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Uuid>> {
        self.field(include_str!("sql/outbox/sent_to.sql"), args![to, since, until]).await
    }

    /// The newest mail that an agent got about a ticket.
    pub async fn newest_sent(&mut self, ticket: Uuid, to: &str) -> Result<Option<OutboxEntry>> {
        self.one(include_str!("sql/outbox/newest_sent.sql"), args![ticket, to]).await
    }

    /// How many mails of a kind an address got since then, or will get.
    pub async fn sent_of_late(
        &mut self,
        to: &str,
        template: NotificationTemplate,
        since: Timestamp,
    ) -> Result<i64> {
        let sql = include_str!("sql/outbox/sent_of_late.sql");
        Ok(self.field(sql, args![to, template.as_str(), since]).await?.unwrap_or(0))
    }

    /// What an address got of late. On PostgreSQL, others who ask for the same address wait until this transaction
    /// ends, so that together they don't pass a cap; on SQLite there is one writer.
    pub async fn recent_mail(&mut self, address: &str, now: Timestamp) -> Result<RecentMail> {
        if self.is_postgres() {
            self.run(include_str!("sql/outbox/serialise.postgres.sql"), args![address]).await?;
        }
        let (hour, day) = (now.plus_ms(-RecentMail::HOUR_MS), now.plus_ms(-RecentMail::DAY_MS));
        let sql = include_str!("sql/outbox/recent.sql");
        self.only(sql, args![address, now.plus_ms(-RecentMail::LOOKED_BACK_MS), day, hour, now]).await
    }

    /// When two mails to an address became due, by their places among its newest: the last that a cap of so many allows,
    /// and the one before. Fewer where there are no so many.
    pub async fn mails_around_cap(&mut self, address: &str, most: i64) -> Result<Vec<Timestamp>> {
        let sql = include_str!("sql/outbox/around_cap.sql");
        self.fields(sql, args![address, (most - 2).max(0)]).await
    }

    /// The last mail of a kind that somebody got on a ticket, or will get; `None` when there was none since then.
    pub async fn last_told(
        &mut self,
        ticket: Uuid,
        to: &str,
        template: NotificationTemplate,
        since: Timestamp,
    ) -> Result<Option<LastTold>> {
        let sql = include_str!("sql/outbox/last_told.sql");
        let (at, last_hour): (Option<Timestamp>, i64) =
            self.only(sql, args![ticket, to, template.as_str(), since]).await?;
        Ok(at.map(|at| LastTold { at, last_hour }))
    }

    /// A mail of a kind to somebody on a ticket that no worker has taken yet, held until the transaction ends.
    pub async fn lock_waiting_mail(
        &mut self,
        ticket: Uuid,
        to: &str,
        template: NotificationTemplate,
    ) -> Result<Option<OutboxEntry>> {
        let sql = self.pick(
            include_str!("sql/outbox/lock_waiting.sqlite.sql"),
            include_str!("sql/outbox/lock_waiting.postgres.sql"),
        );
        match self.field::<Uuid>(sql, args![ticket, to, template.as_str()]).await? {
            Some(id) => self.outbox_entry(id).await,
            None => Ok(None),
        }
    }

    /// Gives a mail that has no bytes yet another context.
    pub async fn set_outbox_context(&mut self, id: Uuid, context: &Value) -> Result<()> {
        self.run(include_str!("sql/outbox/set_context.sql"), args![id, json(context)]).await.map(drop)
    }
}
