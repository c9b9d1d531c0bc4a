//! What falls due by time: tickets close, wake and remind, and troubles of the queue are told. Each chore is a verb of
//! small transactions; any node may do it at any time, as what another one holds is skipped.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::filing::set_status;
use super::{Desk, Result};
use crate::config::Outbox;
use crate::model::{Actor, RetrySchedule, Status, Ticket, Timestamp, webhook};
use crate::store::Tx;

/// How often we look.
const EVERY: Duration = Duration::from_secs(30);
/// Most tickets of one transaction.
const BATCH: i64 = 50;
/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;
/// A mail that nobody tried for so long is a trouble, milliseconds.
const STUCK_MS: i64 = 3_600_000;
/// How long events are kept, milliseconds: for ten minutes, with room for clocks that differ.
const EVENTS_KEPT_MS: i64 = 12 * 60_000;

/// What a round of chores did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chores {
    /// Resolved tickets that were closed.
    pub closed: usize,
    /// Snoozed tickets that woke.
    pub woken: usize,
    /// Requesters who were reminded.
    pub reminded: usize,
    /// Uploads that nobody used in time, and are gone.
    pub swept: usize,
}

impl Desk {
    /// Does what is due, again and again until stopped.
    pub async fn run_chores(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            // Other nodes, and other programs, change mailboxes and agents too.
            if let Err(error) = self.read_directory().await {
                tracing::warn!(%error, "mailboxes and agents not read again");
            }
            match self.do_chores().await {
                Ok(done) if done != Chores::default() => tracing::info!(?done, "chores done"),
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "chores not done, tried again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(EVERY) => {}
            }
        }
    }

    /// Does everything that is due now.
    ///
    /// # Errors
    /// When the store does not answer; what was done before stays done.
    pub async fn do_chores(&self) -> Result<Chores> {
        let done = Chores {
            closed: self.close_resolved().await?,
            woken: self.wake_snoozed().await?,
            reminded: self.remind_waiting().await?,
            swept: self.sweep_uploads().await?,
        };
        self.write_received().await?;
        self.sweep_pending().await?;
        self.mend_waits().await?;
        self.look_at_queue().await?;
        self.forget_jobs().await?;
        self.forget_old_events().await?;
        self.forget_callers().await?;
        self.prune_greylist().await?;
        self.sweep_webhook_deliveries().await?;
        Ok(done)
    }

    /// Closes tickets that were resolved long ago (`tickets.auto_close_days`), silently.
    async fn close_resolved(&self) -> Result<usize> {
        let until = self.days_ago(self.config().tickets.auto_close_days);
        let mut closed = 0;
        loop {
            let mut tx = self.store().begin().await?;
            let tickets = tx.resolved_tickets(until, BATCH).await?;
            if tickets.is_empty() {
                return Ok(closed);
            }
            closed += tickets.len();
            for ticket in tickets {
                self.move_by_itself(&mut tx, ticket, Status::Closed, "status_changed").await?;
            }
            tx.commit().await?;
        }
    }

    /// Wakes snoozed tickets whose time has come: they are open again, and whose they are is told.
    async fn wake_snoozed(&self) -> Result<usize> {
        let mut woken = 0;
        loop {
            let mut tx = self.store().begin().await?;
            let tickets = tx.snoozed_tickets(self.clock().now(), BATCH).await?;
            if tickets.is_empty() {
                return Ok(woken);
            }
            woken += tickets.len();
            for ticket in tickets {
                self.wake(&mut tx, ticket).await?;
            }
            tx.commit().await?;
            self.ring_outbox();
        }
    }

    /// What was ended or thrown away meanwhile wakes nobody.
    async fn wake(&self, tx: &mut Tx, ticket: Ticket) -> Result<()> {
        let sleeps_on = ticket.status.is_ended() || ticket.deleted_at.is_some();
        let to = if sleeps_on { ticket.status } else { Status::Open };
        let ticket = self.move_by_itself(tx, ticket, to, "woken").await?;
        if !sleeps_on {
            self.notify_woken(tx, &ticket).await?;
        }
        Ok(())
    }

    /// Reminds requesters whose answer we have waited for (`notifications.waiting_reminder_days`), once while the
    /// status stays. Where no mail may go, nobody is reminded, and the ticket counts as done.
    async fn remind_waiting(&self) -> Result<usize> {
        let settings = &self.config().notifications;
        if !settings.ticket_waiting_reminder {
            return Ok(0);
        }
        let until = self.days_ago(settings.waiting_reminder_days);
        let mut reminded = 0;
        loop {
            let mut tx = self.store().begin().await?;
            let tickets = tx.waiting_tickets(until, BATCH).await?;
            if tickets.is_empty() {
                return Ok(reminded);
            }
            for mut ticket in tickets {
                reminded += usize::from(self.remind(&mut tx, &ticket).await?.is_some());
                ticket.reminded_at = Some(self.clock().now());
                tx.update_ticket(&ticket).await?;
            }
            tx.commit().await?;
            self.ring_outbox();
        }
    }

    /// Tells the admins when due mail is not tried, though nobody holds it.
    async fn look_at_queue(&self) -> Result<()> {
        if !self.config().notifications.admin_queue_stuck {
            return Ok(());
        }
        let now = self.clock().now();
        let mut read = self.store().read().await?;
        let (waiting, oldest) = read.overdue_mails(now.plus_ms(-STUCK_MS), now).await?;
        let held = read.queue_paused().await?.is_some();
        drop(read);
        let Some(oldest) = oldest.filter(|_| !held) else { return Ok(()) };
        let mut tx = self.store().begin().await?;
        let told =
            self.notify_queue_stuck(&mut tx, waiting, oldest, self.outbox_trouble().as_deref()).await?;
        tx.commit().await?;
        if !told.is_empty() {
            self.ring_outbox();
        }
        Ok(())
    }

    /// When the clock was ahead and was put right, mails and deliveries would wait for a time that is far away.
    async fn mend_waits(&self) -> Result<()> {
        let now = self.clock().now();
        let longest = RetrySchedule::new(&self.config().outbox.retry_minutes).longest_wait_ms();
        let mut tx = self.store().begin().await?;
        let mails = tx.bring_back_mails(now, now.plus_ms(longest)).await?;
        tx.cap_outbox_leases(now.plus_ms(Outbox::LONGEST_LEASE_SECONDS * 1_000)).await?;
        let latest = now.plus_ms(webhook::LATEST_TRY_MS);
        let deliveries = tx.bring_back_webhook_deliveries(now, latest).await?;
        tx.commit().await?;
        if mails + deliveries > 0 {
            tracing::warn!(
                mails,
                deliveries,
                "waited for a time far away, as if the clock had been ahead: due now"
            );
            self.ring_outbox();
        }
        Ok(())
    }

    /// Listeners who come back get what they missed of this time, and no more (API.md §6).
    async fn forget_old_events(&self) -> Result<()> {
        let mut tx = self.store().begin().await?;
        // Webhooks may want again what they missed.
        let kept = if tx.any_webhooks().await? { webhook::KEPT_MS } else { EVENTS_KEPT_MS };
        tx.prune_desk_events(self.clock().now().plus_ms(-kept)).await?;
        Ok(tx.commit().await?)
    }

    /// Gives a ticket a status, without anybody's doing; it no longer sleeps.
    async fn move_by_itself(
        &self,
        tx: &mut Tx,
        mut ticket: Ticket,
        to: Status,
        kind: &str,
    ) -> Result<Ticket> {
        let now = self.clock().now();
        let mut changes = Map::new();
        let resolution = ticket.resolution.clone();
        set_status(&mut ticket, to, now, &mut changes);
        ticket.resolution = resolution.filter(|_| to.is_ended());
        if let Some(until) = ticket.snoozed_until.take() {
            changes.insert("snoozed_until".into(), json!([until.rfc3339(), null]));
        }
        ticket.updated_at = now;
        ticket.version += 1;
        tx.update_ticket(&ticket).await?;
        let mut event = self.event(&ticket, kind, &Actor::system(), now);
        event.changes = Value::Object(changes);
        tx.insert_event(&event).await?;
        Ok(ticket)
    }

    fn days_ago(&self, days: u32) -> Timestamp {
        self.clock().now().plus_ms(-i64::from(days) * DAY_MS)
    }
}
