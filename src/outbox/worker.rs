//! Takes what is due in batches and sends it, several mails at once: claim → render → fix → send → record, each step
//! one commit for many mails. A mail is leased, never locked, while it is on the wire: whoever is killed in between
//! leaves a lease that runs out.
//!
//! Mail that comes in goes first. A batch waits until it is quiet, but no longer than a second, and no longer than nine
//! times what the last batch took: in a flood sending takes a tenth of the time, in large batches. The longer mails have
//! waited, the shorter the patience: after ten seconds a fifth is ours, after forty half of the time, so that a flow
//! that never ends does not keep them for ever.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::judge::{Ending, Judgement};
use super::render;
use super::transport::{Letter, Sent, Transport};
use super::wire::Wire;
use crate::desk::{Desk, Error, ReadyMail, Round, Try, Wanted};
use crate::model::{AttemptReport, OutboxEntry, Outcome, Timestamp};
use crate::sender::Signers;
use crate::templates::Templates;

/// How often we look when nobody rings: retries fall due in silence, and other nodes ring elsewhere.
const POLL: Duration = Duration::from_secs(1);
/// Longest wait for a quiet moment.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time left to mail that comes in for each unit of our own, as long as nobody has waited for long.
const YIELD: u32 = 9;
/// So long a wait is worth as much again as no wait at all.
const LAG: Duration = Duration::from_secs(10);
/// Most mails of one batch.
const BATCH: usize = 64;
/// Octets of mails that are in memory at once, besides those on the wire; one mail may pass it.
const PAGE: usize = 4 << 20;
/// What a lease has left when the longest try ends, to write that down.
const MARGIN: Duration = Duration::from_secs(10);
/// A mail whose turn does not come within this part of its lease is put back: the rest is for the try.
const WAITING_PART: u32 = 4;
/// Tries to write down what became of mails.
const RECORD_TRIES: u32 = 8;

/// The outbox's worker.
pub struct Worker {
    desk: Desk,
    templates: Arc<Templates>,
    signers: Signers,
    transport: Arc<Transport>,
    /// Its name on leases; each claim adds its own number, so that a lease that ran out is nobody's.
    name: String,
    claims: AtomicU64,
    round: tokio::sync::Mutex<Round>,
    concurrency: usize,
    lease: Duration,
}

/// How the last batch went.
#[derive(Clone, Copy)]
struct Pace {
    /// It was full: there may be more.
    more: bool,
    /// How long the next one waits for a quiet moment.
    patience: Duration,
}

/// Leased mails that were not sent yet, the next one first.
struct Batch {
    entries: VecDeque<OutboxEntry>,
    claimed: Instant,
    /// How long the one that waited longest for its first try did.
    lag: Duration,
}

impl Worker {
    /// A worker by the desk's configuration.
    pub fn new(desk: Desk, templates: Arc<Templates>, transport: Transport) -> Self {
        let settings = &desk.config().outbox;
        let (concurrency, lease) = (settings.concurrency.max(1), settings.lease_seconds.max(20));
        let name = u64::from_le_bytes(desk.ids().bytes::<8>());
        Self {
            name: format!("{name:016x}"),
            claims: AtomicU64::new(0),
            round: Default::default(),
            concurrency,
            lease: Duration::from_secs(lease),
            desk,
            templates,
            signers: Signers::default(),
            transport: Arc::new(transport),
        }
    }

    /// The same, signing what leaves.
    pub fn signing_by(self, signers: Signers) -> Self {
        Self { signers, ..self }
    }

    /// Sends until stopped; then what is on the wire ends, and nothing new begins.
    pub async fn run(self, stop: CancellationToken) {
        match self.desk.free_stale_leases().await {
            Ok(0) => {}
            Ok(freed) => tracing::info!(freed, "mails taken back from an earlier run"),
            Err(error) => tracing::warn!(%error, "leases of an earlier run stay until they run out"),
        }
        let worker = Arc::new(self);
        let mut wire = Wire::new(worker.concurrency, worker.transport.clone());
        let mut pace = Pace { more: true, patience: PATIENCE };
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => break,
                () = worker.wait_for_turn(&mut wire, pace) => {}
            }
            pace = worker.send_batch(&mut wire, &stop).await;
        }
        wire.end().await;
        worker.transport.close().await;
    }

    /// Something may be due, the relay may be asked, there is room, and no mail comes in.
    async fn wait_for_turn(&self, wire: &mut Wire, pace: Pace) {
        if !pace.more {
            let _ = timeout(POLL, self.desk.outbox_rung()).await;
        }
        wire.room().await;
        wire.open().await;
        let _ = timeout(pace.patience, self.desk.quiet()).await;
    }

    /// Brings a batch on its way.
    async fn send_batch(self: &Arc<Self>, wire: &mut Wire, stop: &CancellationToken) -> Pace {
        let limit = if wire.is_probing() { 1 } else { BATCH };
        let mut batch = self.claim(limit).await;
        let more = batch.entries.len() == limit;
        while !batch.entries.is_empty() && !stop.is_cancelled() && self.may_send(&batch, wire) {
            let page = self.render(&mut batch).await;
            if self.transport.keeps(false) {
                self.capture(page, batch.claimed).await;
            } else {
                for mail in self.fix(page).await {
                    self.send_or_return(mail, &mut batch, wire, stop).await;
                }
            }
        }
        self.put_back(batch.entries.make_contiguous()).await;
        Pace { more, patience: patience(batch.claimed.elapsed(), batch.lag) }
    }

    async fn claim(&self, limit: usize) -> Batch {
        let claimed = Instant::now();
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        let lease = format!("{}/{}", self.name, self.claims.fetch_add(1, Ordering::Relaxed));
        let wanted = Wanted { lease: &lease, lease_ms, limit, resting: &HashSet::new() };
        let mut round = self.round.lock().await;
        let entries = self.desk.claim_due(&mut round, wanted).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox can't be read");
            Vec::new()
        });
        let first_tries = entries.iter().filter(|entry| entry.attempts == 0);
        let since = first_tries.map(|entry| entry.queued_at).min();
        let lag_ms = since.map_or(0, |since| self.desk.clock().now().0 - since.0);
        let lag = Duration::from_millis(u64::try_from(lag_ms).unwrap_or(0));
        Batch { entries: entries.into(), claimed, lag }
    }

    fn may_send(&self, batch: &Batch, wire: &Wire) -> bool {
        !wire.is_closed() && batch.claimed.elapsed() < self.lease / WAITING_PART
    }

    /// Takes a page off the batch and makes it ready. What can't be rendered at all is written down at once.
    async fn render(&self, batch: &mut Batch) -> Vec<ReadyMail> {
        let (mut page, mut impossible, mut size) = (Vec::new(), Vec::new(), 0);
        while size < PAGE
            && let Some(entry) = batch.entries.pop_front()
        {
            let begun = (self.desk.clock().now(), Instant::now());
            match render::ready(&self.desk, &self.templates, &self.signers, &entry).await {
                Ok(mail) => {
                    size += mail.mime.len();
                    page.push(mail);
                }
                Err(render::Error::Desk(error)) => {
                    tracing::warn!(id = %entry.id, %error, "mail can't be loaded, its lease runs out");
                    break;
                }
                Err(error) => {
                    let sent = Sent::nowhere(Ending::Impossible(error.to_string()));
                    let mail = ReadyMail { entry, mime: Vec::new(), fixed: true };
                    impossible.push(Try { mail, report: report(begun, Outcome::Failed, sent) });
                }
            }
        }
        self.record(impossible).await;
        page
    }

    /// Keeps a page: nothing leaves, so one commit fixes the bytes and says that they were kept.
    async fn capture(&self, page: Vec<ReadyMail>, claimed: Instant) {
        let mut tries = Vec::with_capacity(page.len());
        for mail in page {
            if let Some(report) = self.attempt(&mail, claimed).await {
                tries.push(Try { mail, report });
            }
        }
        self.record(tries).await;
    }

    /// Fixes the bytes of a page. One that can't be fixed holds up itself alone.
    async fn fix(&self, mut page: Vec<ReadyMail>) -> Vec<ReadyMail> {
        match self.desk.fix_bytes(&mut page).await {
            Ok(()) => page,
            Err(error) if page.len() == 1 || passes(&error) => {
                tracing::warn!(mails = page.len(), %error, "bytes can't be fixed, their leases run out");
                Vec::new()
            }
            Err(_) => {
                let mut fixed = Vec::new();
                for mail in page {
                    fixed.extend(Box::pin(self.fix(vec![mail])).await);
                }
                fixed
            }
        }
    }

    /// Sends a mail as soon as there is room; when it may not go after all, it returns to its batch.
    async fn send_or_return(
        self: &Arc<Self>,
        mail: ReadyMail,
        batch: &mut Batch,
        wire: &mut Wire,
        stop: &CancellationToken,
    ) {
        let stopped = tokio::select! {
            () = stop.cancelled() => true,
            () = wire.room() => false,
        };
        if stopped || !self.may_send(batch, wire) {
            batch.entries.push_back(mail.entry);
        } else {
            wire.send(self.clone().send(mail, batch.claimed));
        }
    }

    /// Sends a mail whose bytes are fixed, and sees to what follows.
    async fn send(self: Arc<Self>, mail: ReadyMail, claimed: Instant) {
        match self.attempt(&mail, claimed).await {
            Some(report) => self.record(vec![Try { mail, report }]).await,
            None => self.put_back(&[mail.entry]).await,
        }
    }

    /// One try of one mail, in what its lease leaves of time; `None` when every relay is in trouble, whatever the mail.
    async fn attempt(&self, mail: &ReadyMail, claimed: Instant) -> Option<AttemptReport> {
        let begun = (self.desk.clock().now(), Instant::now());
        let letter = Letter {
            from: &mail.entry.envelope_from,
            to: &mail.entry.to_address,
            mime: &mail.mime,
            release: false,
        };
        let sent = self.transport.send(letter, self.lease.saturating_sub(MARGIN + claimed.elapsed())).await;
        match sent.judgement() {
            Judgement::Mail(outcome) => Some(report(begun, outcome, sent)),
            Judgement::Relay => None,
        }
    }

    async fn put_back(&self, entries: &[OutboxEntry]) {
        if let (false, Err(error)) = (entries.is_empty(), self.desk.put_back(entries).await) {
            tracing::warn!(mails = entries.len(), %error, "mails can't be put back, their leases run out");
        }
    }

    /// Writes tries down, again and again while the store is in trouble: a mail that left must not leave twice.
    async fn record(&self, mut tries: Vec<Try>) {
        tries.iter().for_each(log);
        let mut wait = Duration::from_millis(100);
        for _ in 0..RECORD_TRIES {
            tries = self.try_to_record(tries).await;
            if tries.is_empty() {
                return;
            }
            sleep(wait).await;
            wait *= 2;
        }
        for Try { mail, report } in tries {
            tracing::error!(id = %mail.entry.id, outcome = report.outcome.as_str(), "attempt lost: the mail will be tried again");
        }
    }

    /// Returns those that can't be written down yet. One that can't be holds up itself alone.
    async fn try_to_record(&self, mut tries: Vec<Try>) -> Vec<Try> {
        if tries.is_empty() {
            return tries;
        }
        match self.desk.record_attempts(&mut tries).await {
            Ok(()) => Vec::new(),
            Err(error) if tries.len() == 1 || passes(&error) => {
                tracing::warn!(tries = tries.len(), %error, "attempts can't be written down yet");
                tries
            }
            Err(_) => {
                let mut left = Vec::new();
                for one in tries {
                    left.extend(Box::pin(self.try_to_record(vec![one])).await);
                }
                left
            }
        }
    }
}

/// How long a batch waits for a quiet moment when the last one took so long, and its mails had waited so long.
fn patience(took: Duration, lag: Duration) -> Duration {
    let lags = u32::try_from(lag.as_secs() / LAG.as_secs()).unwrap_or(u32::MAX);
    (took * (YIELD / lags.saturating_add(1)).max(1)).min(PATIENCE)
}

/// Whether the store alone is in trouble, whatever it was asked to take.
fn passes(error: &Error) -> bool {
    matches!(error, Error::Store(error) if error.is_transient())
}

fn report((at, begun): (Timestamp, Instant), outcome: Outcome, sent: Sent) -> AttemptReport {
    let own_code = sent.ending.own_code();
    let (reply, error) = match sent.ending {
        Ending::Taken(reply) | Ending::Refused(_, reply) => (Some(reply), None),
        Ending::Broken(_, error) | Ending::Impossible(error) | Ending::Nowhere(_, error) => {
            (None, Some(error))
        }
        Ending::Captured => (None, None),
    };
    AttemptReport {
        outcome,
        at,
        duration_ms: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
        remote: sent.remote,
        tls: sent.tls,
        smtp_code: reply.as_ref().map(|reply| reply.code),
        enhanced_code: reply.as_ref().and_then(|reply| reply.enhanced_code()).or(own_code).map(str::to_owned),
        smtp_response: reply.map(|reply| format!("{} {}", reply.code, reply.text).trim_end().to_owned()),
        error,
    }
}

/// One line for each try.
fn log(Try { mail, report }: &Try) {
    tracing::info!(
        id = %mail.entry.id,
        ticket = ticket_of(&mail.mime).unwrap_or_default(),
        template = mail.entry.template,
        outcome = report.outcome.as_str(),
        code = report.smtp_code,
        ms = report.duration_ms,
        "mail out",
    );
}

/// The ticket's number, from the header we wrote ourselves.
fn ticket_of(mime: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"X-Postdesk-Ticket: ";
    let start = memchr::memmem::find(mime, NAME)? + NAME.len();
    let length = memchr::memchr(b'\r', &mime[start..])?;
    std::str::from_utf8(&mime[start..start + length]).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_has_its_ends() {
        for (took_ms, lag_s, want_ms) in [
            (0, 0, 0),
            (10, 0, 90),
            (10, 9, 90),
            (10, 10, 40),
            (10, 30, 20),
            (10, 60, 10),
            (10, 1_000_000_000_000, 10),
            (500, 0, 1_000),
        ] {
            let (took, lag) = (Duration::from_millis(took_ms), Duration::from_secs(lag_s));
            assert_eq!(patience(took, lag), Duration::from_millis(want_ms), "{took_ms} ms, {lag_s} s");
        }
    }
}
