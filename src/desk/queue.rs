//! The outbox as a queue: workers take turns at it, admins hold it, let it go, and send single mails again.

use std::collections::HashSet;

use serde_json::json;
use uuid::Uuid;

use super::reading::present;
use super::writing::{Answered, Ending};
use super::{Caller, Desk, Error, Result};
use crate::config::TransportKind;
use crate::model::queue::{cancelled, sent_again};
use crate::model::{Actor, EmailStatus, OutboxEntry};
use crate::store::{Claim, QueueState, Tx};

/// Priorities, the most urgent first.
const PRIORITIES: [i64; 2] = [0, 1];
/// Most mails whose time has come that one claim lets into the queue: a whole backlog would hold up the others.
const PROMOTED: i64 = 1_000;

/// Where a worker is in its round over the destination domains; kept from claim to claim.
#[derive(Debug, Clone, Default)]
pub struct Round {
    /// The domain served last, for each priority.
    last: [String; PRIORITIES.len()],
}

/// What a worker asks for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Who asks: the lease's name, never used twice.
    pub lease: &'a str,
    /// How long the mails are the worker's, milliseconds.
    pub lease_ms: i64,
    /// Most mails.
    pub limit: usize,
    /// Domains that get none now: as much as may be is on its way to them.
    pub resting: &'a HashSet<String>,
}

/// Whether mail leaves in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueHealth {
    /// Somebody holds the queue.
    pub paused: bool,
    /// How long the most overdue mail has waited over its time, milliseconds; negative when none is due.
    pub late_ms: i64,
}

impl Desk {
    /// Leases due mails to a worker: replies first, then the others; of each, the domains they go to take turns, so that
    /// ten thousand mails to one don't hold up a single one to another. None while the queue is paused.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn claim_due(&self, round: &mut Round, wanted: Wanted<'_>) -> Result<Vec<OutboxEntry>> {
        let now = self.inner.clock.now();
        if wanted.limit == 0 || !self.store().read().await?.queue_has_work(now).await? {
            return Ok(Vec::new());
        }
        let mut tx = self.store().begin().await?;
        tx.promote_due(now, PROMOTED).await?;
        let mut entries = Vec::new();
        for (priority, last) in PRIORITIES.into_iter().zip(&mut round.last) {
            let until = now.plus_ms(wanted.lease_ms);
            let claim = Claim { lease: wanted.lease, until, priority };
            let room = wanted.limit - entries.len();
            entries.extend(take_turns(&mut tx, claim, last, wanted.resting, room).await?);
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
            tx.update_outbox(&current, self.inner.clock.now()).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Leases a mail anew that is still on the wire.
    ///
    /// # Errors
    /// When the store does not answer; then the lease may run out, and somebody else send the mail, too.
    pub async fn renew_lease(&self, entry: &OutboxEntry, lease_ms: i64) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let until = self.inner.clock.now().plus_ms(lease_ms);
        if tx.renew_claim(entry.id, entry.lease.as_deref(), until).await? == 0 {
            tracing::warn!(id = %entry.id, "a mail's lease ran out while it was on the wire");
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

    /// Whether mail leaves in time.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn queue_health(&self) -> Result<QueueHealth> {
        let mut tx = self.store().read().await?;
        let since = tx.outbox_due_since().await?;
        let late_ms = since.map_or(-1, |due| self.inner.clock.now().0 - due.0);
        Ok(QueueHealth { paused: tx.queue_paused().await?.is_some(), late_ms })
    }

    /// What is wrong, as the outbox's door says, while no mail of this node can leave.
    pub fn set_outbox_trouble(&self, words: Option<String>) {
        *self.inner.outbox_trouble.write().expect("no panic while held") = words;
    }

    /// What was said last by [`Desk::set_outbox_trouble`].
    pub fn outbox_trouble(&self) -> Option<String> {
        self.inner.outbox_trouble.read().expect("no panic while held").clone()
    }

    /// How the queue stands.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn queue_state(&self) -> Result<QueueState> {
        Ok(self.store().read().await?.queue_state().await?)
    }

    /// Nothing is sent any more, by any node, until [`Desk::resume_queue`]; what is on the wire ends. Mails go on to be
    /// queued.
    ///
    /// # Errors
    /// The store's.
    pub async fn pause_queue(&self, ending: Ending<'_, QueueState>) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        tx.pause_queue(self.inner.clock.now()).await?;
        self.conclude_queue(tx, ending).await
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// The store's.
    pub async fn resume_queue(&self, ending: Ending<'_, QueueState>) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        tx.resume_queue().await?;
        self.conclude_queue(tx, ending).await
    }

    /// Makes deferred mails due now. Queued ones keep their time: an undo window, or a `send_at`, is somebody's wish.
    ///
    /// # Errors
    /// The store's.
    pub async fn flush_queue(&self, ending: Ending<'_, QueueState>) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        tx.flush_deferred(self.inner.clock.now()).await?;
        self.conclude_queue(tx, ending).await
    }

    /// Sends a mail again, the same bytes under the same Message-ID, for as long as a new one would be tried.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InvalidState`]; the store's.
    pub async fn retry_mail(
        &self,
        id: Uuid,
        caller: &Caller,
        ending: Ending<'_, OutboxEntry>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        let entry = self.retry_entry(&mut tx, id, &caller.actor()).await?;
        self.conclude(tx, &ending, &entry).await
    }

    /// Takes a mail back that did not leave yet.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::InvalidState`]; the store's.
    pub async fn cancel_mail(
        &self,
        id: Uuid,
        caller: &Caller,
        ending: Ending<'_, OutboxEntry>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        let entry = self.cancel_entry(&mut tx, id, &caller.actor()).await?;
        self.conclude(tx, &ending, &entry).await
    }

    async fn retry_entry(&self, tx: &mut Tx, id: Uuid, actor: &Actor) -> Result<OutboxEntry> {
        let entry = tx.lock_outbox_entry(id).await?.ok_or(Error::NotFound("email_log"))?;
        if let Some(ticket) = entry.ticket_id {
            present(tx.ticket(ticket).await?)?;
        }
        let outbox = &self.inner.config.outbox;
        let captured = entry.status == EmailStatus::Captured;
        if captured && outbox.transport == TransportKind::Capture && outbox.release_by.is_none() {
            return Err(Error::InvalidState(
                "mail is kept here, and outbox.release_by names no way to send it",
            ));
        }
        let now = self.inner.clock.now();
        let entry = sent_again(entry, now, self.give_up_at(now))
            .ok_or(Error::InvalidState("it waits to be sent, was sent, or was cancelled"))?;
        tx.update_outbox(&entry, self.inner.clock.now()).await?;
        self.note_by_hand(tx, &entry, "email_retried", actor).await?;
        Ok(entry)
    }

    /// Takes a mail back inside another verb.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`] when it left, is leaving, or ended; the store's.
    pub(super) async fn cancel_entry(&self, tx: &mut Tx, id: Uuid, actor: &Actor) -> Result<OutboxEntry> {
        let entry = tx.lock_outbox_entry(id).await?.ok_or(Error::NotFound("email_log"))?;
        let entry = cancelled(entry).ok_or(Error::InvalidState("it is being sent, or has ended"))?;
        tx.update_outbox(&entry, self.inner.clock.now()).await?;
        self.note_by_hand(tx, &entry, "email_cancelled", actor).await?;
        Ok(entry)
    }

    async fn conclude_queue(&self, mut tx: Tx, ending: Ending<'_, QueueState>) -> Result<Answered> {
        let state = tx.queue_state().await?;
        self.conclude(tx, &ending, &state).await
    }

    /// Who did it stands in the ticket's history.
    async fn note_by_hand(&self, tx: &mut Tx, entry: &OutboxEntry, kind: &str, actor: &Actor) -> Result<()> {
        let Some(ticket) = entry.ticket_id else { return Ok(()) };
        let Some(ticket) = tx.ticket(ticket).await? else { return Ok(()) };
        let mut event = self.event(&ticket, kind, actor, self.inner.clock.now());
        event.response_id = entry.response_id;
        event.changes = json!({ "email": [entry.to_address, entry.id] });
        Ok(tx.insert_event(&event).await?)
    }
}

/// Shares `room` among the domains that mails wait for, beginning behind the one served last: each gets an equal part,
/// and what some leave over goes to those that still have mails.
async fn take_turns(
    tx: &mut Tx,
    claim: Claim<'_>,
    last: &mut String,
    resting: &HashSet<String>,
    mut room: usize,
) -> Result<Vec<OutboxEntry>> {
    let mut turns = domains_in_turn(tx, claim.priority, last, resting, room).await?;
    if let Some(domain) = turns.last() {
        last.clone_from(domain);
    }
    let mut entries = Vec::new();
    while room > 0 && !turns.is_empty() {
        let share = (room / turns.len()).max(1);
        let mut left = Vec::new();
        for domain in turns {
            let share = share.min(room);
            let taken = tx.claim_mails(claim, &domain, whole(share)).await?;
            room -= taken.len();
            if taken.len() == share {
                left.push(domain);
            }
            entries.extend(taken);
        }
        turns = left;
    }
    Ok(entries)
}

/// Up to `room` domains that mails wait for, the one behind `last` first, round the whole circle.
async fn domains_in_turn(
    tx: &mut Tx,
    priority: i64,
    last: &str,
    resting: &HashSet<String>,
    room: usize,
) -> Result<Vec<String>> {
    if room == 0 {
        return Ok(Vec::new());
    }
    let hops = whole(room + resting.len());
    let mut domains = tx.waiting_domains(priority, last, hops).await?;
    if !last.is_empty() && whole(domains.len()) < hops {
        let before = tx.waiting_domains(priority, "", hops).await?;
        domains.extend(before.into_iter().take_while(|domain| domain.as_str() <= last));
    }
    domains.retain(|domain| !resting.contains(domain));
    domains.truncate(room);
    Ok(domains)
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
