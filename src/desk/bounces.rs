//! Mail that failed, came back, or is late: what the desk learns of its address, and whom it tells.

use serde_json::json;

use super::note_words::NoteWords;
use super::responses::Body;
use super::{Desk, Result};
use crate::config::TransportKind;
use crate::mail::dsn::{self, About, Action, DeliveryReport};
use crate::model::bounce::{Cause, DAY_MS, Reported, TiedBy, Weight, after_report, is_first_delay, outlasts};
use crate::model::{
    Actor, Audience, BodyFormat, Channel, EmailStatus, NotificationTemplate, OutboxEntry, Suppression,
    Ticket, Timestamp, Visibility,
};
use crate::store::Tx;

/// Most of a remote's words that a note or a mail repeats, characters.
const MAX_WORDS: usize = 500;

/// A mail of ours that a report is about, and how it was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tied {
    /// The outbox entry.
    pub entry: uuid::Uuid,
    /// What the two have in common.
    pub by: TiedBy,
}

/// A mail that will not arrive.
struct Failure<'a> {
    entry: &'a OutboxEntry,
    /// What the ticket's history calls it.
    event: &'static str,
    /// Enhanced status code, where known.
    code: Option<String>,
    /// The remote's words; without them, the entry's error has ours.
    words: Option<&'a str>,
    weight: Weight,
    /// How far to believe it; what we were told ourselves, we believe.
    by: TiedBy,
}

/// What became of the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It gets mail as before.
    Kept,
    /// It gets none for some days.
    Rests,
    /// It gets none until somebody releases it.
    Suppressed,
}

impl Desk {
    /// A mail will not arrive: the remote refused it, or we gave up. Whoever would miss it is told, and its address may
    /// get no more.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn mail_failed(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<()> {
        let code = code_of(entry.enhanced_code.as_deref(), entry.smtp_response.as_deref());
        // Nobody ever answered. Behind a relay that says nothing of the recipient; on our own way it does.
        let given_up = code.is_none() && entry.smtp_response.is_none() && entry.attempts > 1;
        let is_own_way = self.inner.config.outbox.transport == TransportKind::Direct;
        let weight = match &code {
            Some(code) => Weight::of(code),
            None if given_up && is_own_way => Weight::Soft,
            None => Weight::Light,
        };
        let failure = Failure {
            entry,
            event: "email_failed",
            code: code.or_else(|| given_up.then(|| "4.4.7".to_owned())),
            words: entry.smtp_response.as_deref(),
            weight,
            by: TiedBy::ReturnPath,
        };
        self.settle_failure(tx, failure).await
    }

    /// The next server took a mail. Where that is the recipient's own, the address is good.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn mail_taken(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<()> {
        if self.inner.config.outbox.transport == TransportKind::Direct {
            tx.forget_soft_bounces(&entry.to_address.to_lowercase()).await?;
        }
        Ok(())
    }

    /// A mail has not arrived for hours. Called once per mail.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn mail_delayed(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<()> {
        let Some(ticket) = self.mailed_ticket(tx, entry).await? else { return Ok(()) };
        self.note_event(tx, &ticket, entry, "email_delayed").await?;
        if !is_missed(entry) {
            return Ok(());
        }
        let words = self.note_words(&ticket);
        let heading = words.text("delivery_note", "delayed", &[("address", &entry.to_address)]);
        let why = why(words, entry.smtp_response.as_deref(), entry);
        let text = [heading, words.text("delivery_note", "delayed_body", &[]), why].join("\n");
        self.write_note(tx, ticket, &text).await.map(drop)
    }

    /// Writes a report down on the mail that it is about, with all that follows from it ([`TiedBy`] says how much).
    /// `None` when the mail is gone.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn record_report(
        &self,
        tx: &mut Tx,
        tied: Tied,
        report: &DeliveryReport,
    ) -> Result<Option<OutboxEntry>> {
        let Some(mut before) = tx.lock_outbox_entry(tied.entry).await? else { return Ok(None) };
        if report.action() == Action::Complaint {
            self.record_complaint(tx, &before, tied.by).await?;
            return Ok(Some(before));
        }
        let about = report.about(&before.to_address);
        let Some(about) = about.filter(|about| tied.by.is_proof() || about.reported == Reported::Failed)
        else {
            return Ok(Some(before));
        };
        let now = self.inner.clock.now();
        let is_proof = tied.by.is_proof();
        if is_proof && before.status == EmailStatus::Bounced && !tx.is_bounce_proved(before.id).await? {
            // Who has seen the mail is believed over who may have guessed.
            (before.status, before.bounced_at) = (EmailStatus::Sent, None);
        }
        let first_delay = is_first_delay(&before);
        let was = before.status;
        let after =
            after_report(before, about.reported, about.status.as_deref(), about.words.as_deref(), now);
        tx.update_outbox(&after, self.inner.clock.now()).await?;
        match about.reported {
            Reported::Failed if was != EmailStatus::Bounced => {
                tx.set_bounce_proved(after.id, is_proof).await?;
                self.settle_failure(tx, failure_of(&after, &about, tied.by)).await?;
            }
            Reported::Delayed if first_delay => self.mail_delayed(tx, &after).await?,
            Reported::Delivered => tx.forget_soft_bounces(&after.to_address.to_lowercase()).await?,
            Reported::Failed | Reported::Delayed => {}
        }
        Ok(Some(after))
    }

    /// Somebody took our mail out of their spam folder (RFC 5965, `not-spam`): a complaint of theirs is withdrawn.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn withdraw_complaint(&self, tx: &mut Tx, tied: Tied) -> Result<()> {
        let Some(entry) = tx.outbox_entry(tied.entry).await? else { return Ok(()) };
        let address = entry.to_address.to_lowercase();
        let current = tx.suppression(&address, self.inner.clock.now()).await?;
        if tied.by.is_proof() && current.is_some_and(|current| current.reason == "complaint") {
            tx.delete_suppression(&address).await?;
        }
        Ok(())
    }

    /// Somebody proved to write from an address that mail had come back from: there is somebody after all.
    ///
    /// # Errors
    /// When the store does not answer.
    pub(super) async fn lift_hard_bounce(&self, tx: &mut Tx, address: &str) -> Result<()> {
        let current = tx.suppression(address, self.inner.clock.now()).await?;
        if current.is_some_and(|current| current.reason == "hard_bounce") {
            tx.delete_suppression(address).await?;
            tx.forget_soft_bounces(address).await?;
        }
        Ok(())
    }

    /// Their provider tells us that they called it spam: they get no more, whoever wrote it.
    async fn record_complaint(&self, tx: &mut Tx, entry: &OutboxEntry, by: TiedBy) -> Result<()> {
        if !by.is_proof() {
            return Ok(());
        }
        self.suppress_recipient(tx, entry, "complaint", None, None).await?;
        let Some(ticket) = self.mailed_ticket(tx, entry).await? else { return Ok(()) };
        self.note_event(tx, &ticket, entry, "email_complaint").await?;
        if entry.audience != Audience::Customer {
            return Ok(());
        }
        let words = self.note_words(&ticket);
        let heading = words.text("delivery_note", "complaint", &[("address", &entry.to_address)]);
        let text = [heading, words.text("delivery_note", "complaint_body", &[])].join("\n");
        self.write_note(tx, ticket, &text).await.map(drop)
    }

    async fn settle_failure(&self, tx: &mut Tx, failure: Failure<'_>) -> Result<()> {
        let fate = self.fate_of(tx, &failure).await?;
        let Some(ticket) = self.mailed_ticket(tx, failure.entry).await? else { return Ok(()) };
        self.note_event(tx, &ticket, failure.entry, failure.event).await?;
        if !is_missed(failure.entry) {
            return Ok(());
        }
        let text = self.failure_note(&ticket, &failure, fate);
        let ticket = self.write_note(tx, ticket, &text).await?;
        let from_person = NotificationTemplate::parse(&failure.entry.template)
            .is_some_and(NotificationTemplate::is_from_person);
        if !from_person || !failure.by.is_proof() {
            return Ok(());
        }
        let context = json!({
            "address": failure.entry.to_address,
            "cause": failure.cause(fate),
            "words": failure.words.map(shortened),
            "template": failure.entry.template,
        });
        self.notify_delivery_failed(tx, &ticket, failure.entry, context).await.map(drop)
    }

    /// Whether the address gets any more mail.
    async fn fate_of(&self, tx: &mut Tx, failure: &Failure<'_>) -> Result<Fate> {
        let Failure { entry, words, .. } = failure;
        let words = words.or(entry.error.as_deref());
        match failure.weight {
            _ if !failure.by.is_proof() => Ok(Fate::Kept),
            Weight::Light => Ok(Fate::Kept),
            Weight::Hard => {
                self.suppress_recipient(tx, entry, "hard_bounce", words, None).await?;
                Ok(Fate::Suppressed)
            }
            Weight::Soft => self.count_soft_bounce(tx, entry, words).await,
        }
    }

    async fn count_soft_bounce(&self, tx: &mut Tx, entry: &OutboxEntry, words: Option<&str>) -> Result<Fate> {
        let rule = &self.inner.config.bounces;
        let now = self.inner.clock.now();
        let since = now.plus_ms(-i64::from(rule.soft_window_days) * DAY_MS);
        let address = entry.to_address.to_lowercase();
        tx.insert_soft_bounce(&address, entry.id, now, since).await?;
        if tx.soft_bounces(&address, since).await? < i64::from(rule.soft_limit) {
            return Ok(Fate::Kept);
        }
        let until = now.plus_ms(i64::from(rule.soft_suppress_days) * DAY_MS);
        self.suppress_recipient(tx, entry, "hard_bounce", words, Some(until)).await?;
        tx.forget_soft_bounces(&address).await?;
        Ok(Fate::Rests)
    }

    async fn suppress_recipient(
        &self,
        tx: &mut Tx,
        entry: &OutboxEntry,
        reason: &str,
        words: Option<&str>,
        expires_at: Option<Timestamp>,
    ) -> Result<()> {
        let now = self.inner.clock.now();
        let new = Suppression {
            id: self.inner.ids.uuid(now),
            address: entry.to_address.to_lowercase(),
            reason: reason.into(),
            outbox_id: Some(entry.id),
            note: words.map(shortened),
            expires_at,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let current = tx.suppression(&new.address, now).await?;
        if current.is_some_and(|current| outlasts(&current, &new)) {
            return Ok(());
        }
        Ok(tx.put_suppression(&new).await?)
    }

    /// The ticket that a mail is about, or the one it was merged into; locked.
    async fn mailed_ticket(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<Option<Ticket>> {
        match entry.ticket_id {
            Some(ticket) => self.lock_target(tx, ticket).await,
            None => Ok(None),
        }
    }

    async fn note_event(&self, tx: &mut Tx, ticket: &Ticket, entry: &OutboxEntry, kind: &str) -> Result<()> {
        let mut event = self.event(ticket, kind, &Actor::system(), self.inner.clock.now());
        event.channel = Channel::Email;
        event.response_id = entry.response_id;
        let why = entry.smtp_response.as_ref().or(entry.error.as_ref());
        event.changes = json!({ "email": [entry.to_address, why] });
        Ok(tx.insert_event(&event).await?)
    }

    /// The desk's own note on a locked ticket: tells nobody, and changes neither status nor clocks.
    async fn write_note(&self, tx: &mut Tx, ticket: Ticket, text: &str) -> Result<Ticket> {
        let body = Body { text: text.trim_end().to_owned(), format: BodyFormat::Text };
        let mut note = self.message(body, Actor::system(), Visibility::Internal, self.inner.clock.now());
        note.channel = Channel::Email;
        note.placement.reason = "it is about a mail of this ticket".into();
        let status = ticket.status;
        Ok(self.append_response(tx, ticket, note, status, &Actor::system()).await?.ticket)
    }

    fn failure_note(&self, ticket: &Ticket, failure: &Failure<'_>, fate: Fate) -> String {
        let words = self.note_words(ticket);
        let cause = failure.cause(fate).as_str();
        let address = [("address", failure.entry.to_address.as_str())];
        let days = self.inner.config.bounces.soft_suppress_days.to_string();
        let advice = match fate {
            _ if !failure.by.is_proof() => words.text("delivery_note", "unproven", &[]),
            Fate::Rests => words.text("delivery_note", "resting", &[("days", &days)]),
            Fate::Kept | Fate::Suppressed => words.text("delivery_advice", cause, &[]),
        };
        let heading = words.text("agent_delivery_failed", "heading", &address);
        let why = why(words, failure.words, failure.entry);
        [heading, words.text("delivery_cause", cause, &[]), advice, why].join("\n")
    }

    fn note_words(&self, ticket: &Ticket) -> NoteWords {
        NoteWords::of(self.mailbox_of(Some(ticket)).and_then(|mailbox| mailbox.locale).as_deref())
    }
}

impl Failure<'_> {
    /// What people are told. "There is nobody" promises that no more is sent: only where that is so.
    fn cause(&self, fate: Fate) -> Cause {
        let cause = self.code.as_deref().map_or(Cause::Other, Cause::of);
        if cause == Cause::NoSuchUser && fate != Fate::Suppressed { Cause::Other } else { cause }
    }
}

/// An address further on says little of the one we know: it may be one of many that stand behind it.
fn failure_of<'a>(entry: &'a OutboxEntry, about: &'a About, by: TiedBy) -> Failure<'a> {
    let code = code_of(about.status.as_deref(), about.words.as_deref());
    let weight = match code.as_deref().map_or(Weight::Light, Weight::of) {
        Weight::Hard if about.is_forwarded => Weight::Soft,
        weight => weight,
    };
    Failure { entry, event: "email_bounced", code, words: about.words.as_deref(), weight, by }
}

/// The code stated, or the one that the words mean where it says nothing.
fn code_of(stated: Option<&str>, words: Option<&str>) -> Option<String> {
    dsn::status_of(stated, words.unwrap_or_default())
}

/// Whether a person misses it: a customer's mail that was more than a receipt.
fn is_missed(entry: &OutboxEntry) -> bool {
    entry.audience == Audience::Customer
        && NotificationTemplate::parse(&entry.template).is_some_and(NotificationTemplate::is_missed)
}

/// The remote's words under a line that says so, else ours; nothing where there are none.
fn why(words: NoteWords, said: Option<&str>, entry: &OutboxEntry) -> String {
    let said = said.filter(|said| !said.trim().is_empty());
    match (said, &entry.error) {
        (Some(said), _) => {
            format!("\n{}\n> {}", words.lead("agent_delivery_failed", "words"), shortened(said))
        }
        (None, Some(error)) => format!("\n> {}", shortened(error)),
        (None, None) => String::new(),
    }
}

fn shortened(words: &str) -> String {
    super::filing::one_line(words, MAX_WORDS)
}
