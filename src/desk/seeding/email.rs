//! Email logs of the demo data: mails that look as if they had been sent, or had failed.

use serde_json::json;

use super::file::SeedEmail;
use super::{MINUTE_MS, People};
use crate::desk::notify::domain_of;
use crate::desk::{Desk, Result};
use crate::model::*;
use crate::store::Tx;

impl Desk {
    pub(super) async fn seed_email(
        &self,
        tx: &mut Tx,
        mut entry: OutboxEntry,
        from: &SeedEmail,
    ) -> Result<()> {
        tx.insert_outbox(&entry).await?;
        tx.fix_outbox_mime(&entry, &bytes(&entry, &from.text)).await?;
        let attempt = self.seed_attempt(&entry, from);
        entry.status = if from.failed { EmailStatus::Failed } else { EmailStatus::Sent };
        entry.attempts = 1;
        entry.next_attempt_at = None;
        entry.remote.clone_from(&attempt.remote);
        entry.smtp_code = attempt.smtp_code;
        entry.enhanced_code.clone_from(&attempt.enhanced_code);
        entry.smtp_response.clone_from(&attempt.smtp_response);
        entry.sent_at = (!from.failed).then_some(entry.queued_at);
        tx.update_outbox(&entry, self.inner.clock.now()).await?;
        tx.insert_delivery_attempt(&attempt).await?;
        Ok(())
    }

    pub(super) fn seed_entry(
        &self,
        mailbox: &Mailbox,
        people: &People,
        ticket: &Ticket,
        from: &SeedEmail,
        response_id: Option<uuid::Uuid>,
    ) -> OutboxEntry {
        let at = ticket.created_at.plus_ms(from.minutes_later * MINUTE_MS);
        let id = self.ids().uuid(at);
        let (recipient, to) = people.author(&from.to);
        let domain = domain_of(&mailbox.address);
        let re = if from.template == NotificationTemplate::TicketOpenedForYou { "" } else { "Re: " };
        OutboxEntry {
            id,
            ticket_id: Some(ticket.id),
            response_id,
            template: from.template.as_str().into(),
            template_version: None,
            locale: "en".into(),
            audience: from.template.audience(),
            automatic: !from.template.is_from_person(),
            verified: true,
            from_address: mailbox.address.clone(),
            message_id: self.keys().message_id(&ticket.number, &to, id, domain).as_str().into(),
            to_address: to,
            to_name: recipient.name,
            subject: format!("{re}{}", ticket.mail_subject),
            envelope_from: format!(
                "bounce{}{}@{domain}",
                self.config().email.recipient_delimiter,
                self.keys().bounce_token(id)
            ),
            context: json!({}),
            // Ended from the start: a worker never sees it.
            status: EmailStatus::Cancelled,
            priority: 1,
            attempts: 0,
            next_attempt_at: None,
            released: false,
            lease: None,
            give_up_at: at.plus_ms(i64::from(self.config().outbox.give_up_hours) * 60 * MINUTE_MS),
            remote: None,
            tls: None,
            smtp_code: None,
            enhanced_code: None,
            smtp_response: None,
            error: None,
            size: None,
            queued_at: at,
            sent_at: None,
            delivered_at: None,
            bounced_at: None,
            created_at: at,
        }
    }

    fn seed_attempt(&self, entry: &OutboxEntry, from: &SeedEmail) -> DeliveryAttempt {
        let mut words = from.reply.split(' ');
        let code = words.next().and_then(|code| code.parse().ok());
        DeliveryAttempt {
            id: self.ids().uuid(entry.queued_at),
            outbox_id: entry.id,
            at: entry.queued_at,
            duration_ms: 84,
            outcome: if from.failed { Outcome::Failed } else { Outcome::Delivered }.as_str().into(),
            remote: Some("mx.customer.example [192.0.2.25]".into()),
            tls: None,
            smtp_code: code,
            enhanced_code: words.next().map(Into::into),
            smtp_response: Some(from.reply.clone()),
            error: None,
        }
    }
}

/// The mail as it might have been sent.
fn bytes(entry: &OutboxEntry, text: &str) -> Vec<u8> {
    let OutboxEntry { from_address, to_address, subject, message_id, .. } = entry;
    let date = entry.queued_at.rfc5322();
    format!(
        "Date: {date}\r\nFrom: <{from_address}>\r\nTo: <{to_address}>\r\nSubject: {subject}\r\n\
         Message-ID: <{message_id}>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
         Content-Transfer-Encoding: 8bit\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}
