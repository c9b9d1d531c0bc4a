//! Mail on its way out, as the outbox door asks for it: claim what is due, load what it says, fix its bytes, write
//! down what became of each try.

use serde_json::{Value, json};

use super::notify::domain_of;
use super::{Desk, Result};
use crate::mail::dsn::{Action, DeliveryReport};
use crate::mail::reply_token::TokenReading;
use crate::mail::{html, parse};
use crate::model::delivery::{after_attempt, after_report, is_no_such_user, retry_delay_ms};
use crate::model::{
    Actor, ActorType, AttachmentRecord, AttemptReport, Channel, DeliveryAttempt, EmailStatus, MessageId,
    OutboxEntry, Outcome, OutgoingFile, OutgoingMail, Response, Suppression, Ticket, Timestamp, Visibility,
};
use crate::store::{Claim, Tx};

/// Newest Message-IDs that ride in `References` (MAIL.md §2.2).
const MAX_REFERENCES: usize = 20;
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

    /// Gives a leased mail back as if it had never been taken: the relay is down, which is not the mail's fault.
    ///
    /// # Errors
    /// When the store does not answer; then the lease runs out by itself.
    pub async fn put_back(&self, entry: &OutboxEntry) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let Some(mut current) = tx.lock_outbox_entry(entry.id).await? else { return Ok(()) };
        if current.lease != entry.lease || current.status != EmailStatus::Sending {
            return Ok(());
        }
        current.status = if current.attempts == 0 { EmailStatus::Queued } else { EmailStatus::Deferred };
        current.next_attempt_at = Some(self.inner.clock.now());
        current.lease = None;
        tx.update_outbox(&current).await?;
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

    /// Fixes the bytes of a mail, with the subject and the language they carry. Returns the bytes that hold: another
    /// worker's, when it was faster.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn fix_bytes(&self, entry: &OutboxEntry, mime: Vec<u8>) -> Result<Vec<u8>> {
        let mut tx = self.store().begin().await?;
        let fixed = tx.fix_outbox_mime(entry.id, &mime, &entry.subject, &entry.locale).await?;
        let held = if fixed { Some(mime) } else { tx.outbox_mime(entry.id).await? };
        tx.commit().await?;
        Ok(held.unwrap_or_default())
    }

    /// Writes down what a try came to, and when the next one is; a final failure becomes an event of the ticket, and
    /// may suppress the address. Returns the mail as it stands now.
    ///
    /// # Errors
    /// When the store does not answer: the caller tries again, or the mail leaves twice under one Message-ID.
    pub async fn record_attempt(&self, entry: &OutboxEntry, report: &AttemptReport) -> Result<OutboxEntry> {
        let mut tx = self.store().begin().await?;
        let Some(current) = tx.lock_outbox_entry(entry.id).await? else {
            return Err(super::Error::NotFound("email_log"));
        };
        let was_late = tx.delivery_attempts(entry.id).await?.iter().any(|earlier| is_late(entry, earlier.at));
        tx.insert_delivery_attempt(&self.attempt(entry, report)).await?;
        // A lease that ran out may be another worker's by now: then only a success still counts.
        let after = if current.lease == entry.lease || report.outcome == Outcome::Delivered {
            let after = after_attempt(current, report, self.next_try(entry, report));
            tx.update_outbox(&after).await?;
            match after.status {
                EmailStatus::Failed => self.note_failure(&mut tx, &after).await?,
                EmailStatus::Deferred if is_late(entry, report.at) && !was_late => {
                    self.note(&mut tx, &after, "email_delayed").await?;
                }
                _ => {}
            }
            after
        } else {
            current
        };
        tx.commit().await?;
        Ok(after)
    }

    /// Ties a report to the mail it is about: bounced, or delivered. An address where there is nobody gets no more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn record_bounce(
        &self,
        tx: &mut Tx,
        entry: uuid::Uuid,
        report: &DeliveryReport,
    ) -> Result<Option<OutboxEntry>> {
        let Some(mut entry) = tx.lock_outbox_entry(entry).await? else { return Ok(None) };
        let now = self.inner.clock.now();
        for recipient in &report.recipients {
            let arrived = match recipient.action {
                Action::Failed => false,
                Action::Delivered => true,
                Action::Delayed | Action::Relayed | Action::Expanded | Action::Complaint => continue,
            };
            entry = after_report(entry, arrived, now);
            if let (false, Some(status)) = (arrived, &recipient.status) {
                entry.enhanced_code = Some(status.clone());
                self.suppress_if_gone(tx, &entry, "bounce").await?;
            }
        }
        tx.update_outbox(&entry).await?;
        Ok(Some(entry))
    }

    /// How the outbox stands.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn outbox_backlog(&self) -> Result<Backlog> {
        let (waiting, oldest) = self.store().read().await?.outbox_backlog().await?;
        Ok(Backlog { waiting, oldest })
    }

    /// Loads what a mail is rendered and composed from.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn outgoing(&self, entry: &OutboxEntry) -> Result<OutgoingMail> {
        let mut tx = self.store().read().await?;
        let ticket = match entry.ticket_id {
            Some(id) => tx.ticket(id).await?,
            None => None,
        };
        let responses = match &ticket {
            Some(ticket) => tx.responses_of(ticket.id).await?,
            None => Vec::new(),
        };
        let response = responses.iter().find(|response| Some(response.id) == entry.response_id).cloned();
        let quoted = response.as_ref().and_then(|response| answered(&responses, response)).cloned();
        let mut mail = self.bare_outgoing(entry, ticket, response);
        if let Some(ticket) = &mail.ticket {
            mail.requester_name = tx.contact(ticket.requester_id).await?.and_then(|contact| contact.name);
            let sent = tx.sent_message_ids(ticket.id, &entry.to_address, limit_of(MAX_REFERENCES)).await?;
            (mail.in_reply_to, mail.references) = self.thread(entry, ticket, &responses, sent);
        }
        if mail.author_may_show(entry) {
            mail.author = self.author(&mut tx, entry).await?;
        }
        if let Some(response) = &mail.response {
            let records = tx.attachments_of_response(response.id).await?;
            mail.file_names = records.iter().filter_map(|record| record.filename.clone()).collect();
            if !entry.automatic {
                mail.files = files(&mut tx, &records).await?;
            }
        }
        mail.quoted = quoted;
        Ok(mail)
    }

    fn bare_outgoing(
        &self,
        entry: &OutboxEntry,
        ticket: Option<Ticket>,
        response: Option<Response>,
    ) -> OutgoingMail {
        let mailbox = ticket.as_ref().and_then(|ticket| self.mailbox_of(ticket));
        let reply_to = ticket.as_ref().map(|ticket| self.reply_address(entry, ticket));
        OutgoingMail {
            entry: entry.clone(),
            date: self.inner.clock.now(),
            mailbox,
            brand: self.inner.config.email.brand.clone(),
            public_url: self.inner.config.http.public_url.clone(),
            ticket,
            requester_name: None,
            response_html: response.as_ref().map(safe_html),
            response,
            quoted: None,
            author: None,
            files: Vec::new(),
            file_names: Vec::new(),
            reply_to,
            in_reply_to: None,
            references: Vec::new(),
        }
    }

    /// The mailbox, with the token of (ticket, recipient).
    fn reply_address(&self, entry: &OutboxEntry, ticket: &Ticket) -> String {
        let token = self.inner.keys.reply_token(&ticket.number, &entry.to_address);
        let (local, domain) =
            entry.from_address.rsplit_once('@').unwrap_or((&entry.from_address, "localhost"));
        format!("{local}{}{token}@{domain}", self.inner.config.email.recipient_delimiter)
    }

    /// The agent who wrote the response, where the row names one.
    async fn author(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<Option<crate::model::Agent>> {
        let Some(id) = entry.context.get("author_id").and_then(Value::as_str) else { return Ok(None) };
        let agents = tx.active_agents().await?;
        Ok(agents.into_iter().find(|agent| agent.id.to_string() == id))
    }

    /// `In-Reply-To` and `References`: the ticket's root, the newest ids this recipient may know, our token last.
    /// An unverified recipient gets the token alone: a Message-ID is its sender's own words.
    fn thread(
        &self,
        entry: &OutboxEntry,
        ticket: &Ticket,
        responses: &[Response],
        sent: Vec<String>,
    ) -> (Option<MessageId>, Vec<MessageId>) {
        let token =
            self.inner.keys.thread_id(&ticket.number, &entry.to_address, domain_of(&entry.from_address));
        if !entry.verified {
            return (Some(token.clone()), vec![token]);
        }
        let before = responses.iter().take_while(|response| Some(response.id) != entry.response_id);
        let own =
            responses.iter().filter(|response| entry.automatic && Some(response.id) == entry.response_id);
        let mut known: Vec<MessageId> = before
            .chain(own)
            .filter(|response| response.visibility == Visibility::Public)
            .filter_map(|response| MessageId::new(response.message_id.as_deref()?))
            .filter(|id| self.may_know(id, &entry.to_address))
            .collect();
        let answered = known.last().cloned();
        known.extend(sent.iter().rev().filter_map(|id| MessageId::new(id)));
        let root = known.first().cloned();
        let newest = known.iter().skip(1).rev().take(MAX_REFERENCES).rev().cloned();
        let references: Vec<MessageId> = root.into_iter().chain(newest).chain([token.clone()]).collect();
        (Some(answered.unwrap_or(token)), references)
    }

    /// A Message-ID of ours carries its recipient's reply token: nobody else may see it.
    fn may_know(&self, id: &MessageId, recipient: &str) -> bool {
        let (local, _) = id.as_str().rsplit_once('@').unwrap_or((id.as_str(), ""));
        let token = local.split_once('.').map_or(local, |(token, _)| token);
        match self.inner.keys.read_reply(token) {
            TokenReading::Valid(token) => token.was_sent_to(&self.inner.keys, recipient),
            TokenReading::Forged | TokenReading::NotAToken => true,
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

    /// The schedule's next step, up to a tenth later: mails deferred together don't come back together.
    fn next_try(&self, entry: &OutboxEntry, report: &AttemptReport) -> Timestamp {
        let delay = retry_delay_ms(entry.attempts + 1);
        let jitter = self.inner.ids.below(u64::try_from(delay / 10).unwrap_or(1));
        report.at.plus_ms(report.duration_ms + delay + i64::try_from(jitter).unwrap_or(0))
    }

    async fn note_failure(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<()> {
        self.suppress_if_gone(tx, entry, "failed").await?;
        self.note(tx, entry, "email_failed").await
    }

    /// A mail that will not arrive, or not soon, is written into its ticket's history.
    async fn note(&self, tx: &mut Tx, entry: &OutboxEntry, kind: &str) -> Result<()> {
        let Some(ticket) = entry.ticket_id else { return Ok(()) };
        let Some(ticket) = tx.ticket(ticket).await? else { return Ok(()) };
        let mut event = self.event(&ticket, kind, &Actor::system(), self.inner.clock.now());
        event.channel = Channel::Email;
        event.response_id = entry.response_id;
        let why = entry.smtp_response.as_ref().or(entry.error.as_ref());
        event.changes = json!({ "email": [entry.to_address, why] });
        Ok(tx.insert_event(&event).await?)
    }

    async fn suppress_if_gone(&self, tx: &mut Tx, entry: &OutboxEntry, reason: &str) -> Result<()> {
        if !entry.enhanced_code.as_deref().is_some_and(is_no_such_user) {
            return Ok(());
        }
        let suppression = Suppression {
            address: entry.to_address.to_lowercase(),
            reason: reason.into(),
            outbox_id: Some(entry.id),
            note: entry.smtp_response.clone(),
            expires_at: None,
            created_at: self.inner.clock.now(),
        };
        Ok(tx.put_suppression(&suppression).await?)
    }
}

impl OutgoingMail {
    /// Only what an agent wrote carries the agent's name and signature.
    fn author_may_show(&self, entry: &OutboxEntry) -> bool {
        !entry.automatic && self.response.is_some()
    }
}

fn is_late(entry: &OutboxEntry, at: Timestamp) -> bool {
    at >= entry.queued_at.plus_ms(LATE_MS)
}

/// The customer's newest public message before a response.
fn answered<'a>(responses: &'a [Response], response: &Response) -> Option<&'a Response> {
    responses
        .iter()
        .take_while(|earlier| earlier.id != response.id)
        .filter(|earlier| earlier.visibility == Visibility::Public && earlier.deleted_at.is_none())
        .filter(|earlier| matches!(earlier.author_type, ActorType::Customer | ActorType::Seller))
        .last()
}

/// What was sanitised when it came in; text made into HTML.
fn safe_html(response: &Response) -> String {
    response.body_html.clone().unwrap_or_else(|| html::from_text(&response.body_text))
}

/// The bytes of files: parts of the mail they came in, or uploaded ones.
async fn files(tx: &mut Tx, records: &[AttachmentRecord]) -> Result<Vec<OutgoingFile>> {
    let mut files = Vec::new();
    for record in records {
        let Some(content) = content_of(tx, record).await? else { continue };
        files.push(OutgoingFile {
            filename: record.filename.clone().unwrap_or_else(|| "attachment".into()),
            content_type: record.content_type.clone(),
            content,
        });
    }
    Ok(files)
}

async fn content_of(tx: &mut Tx, record: &AttachmentRecord) -> Result<Option<Vec<u8>>> {
    if let Some(sha256) = &record.blob_sha256 {
        return Ok(tx.blob(sha256).await?);
    }
    let (Some(mail), Some(position)) = (record.inbound_mail_id, record.position) else { return Ok(None) };
    let Some(raw) = tx.inbound_raw(mail).await? else { return Ok(None) };
    let position = usize::try_from(position).unwrap_or(usize::MAX);
    Ok(parse::parse(&raw).attachments.into_iter().nth(position).map(|attachment| attachment.content))
}

fn limit_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
