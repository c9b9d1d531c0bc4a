//! Takes what is due and sends it, several mails at once. A mail is leased, never locked, while it is on the wire:
//! whoever is killed in between leaves a lease that runs out.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::judge::{Ending, Judgement, judge};
use super::render;
use super::transport::{Letter, Sent, Transport};
use crate::desk::Desk;
use crate::model::{AttemptReport, OutboxEntry, Outcome, Timestamp};
use crate::templates::Templates;

/// How often we look when nobody rings: retries fall due in silence, and other nodes ring elsewhere.
const POLL: Duration = Duration::from_secs(1);
/// Waits while the relay is in trouble: doubled each time, up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// What a lease has left when the longest try ends, to write that down.
const MARGIN: Duration = Duration::from_secs(10);
/// Tries to write down what became of a mail.
const RECORD_TRIES: u32 = 8;

/// The outbox's worker.
pub struct Worker {
    desk: Desk,
    templates: Arc<Templates>,
    transport: Transport,
    /// Its name on leases; each claim adds its own number, so that a lease that ran out is nobody's.
    name: String,
    claims: AtomicU64,
    concurrency: usize,
    lease: Duration,
}

/// Trouble with the relay itself: while it lasts the queue waits, and one mail at a time finds out.
#[derive(Default)]
struct Trouble {
    wait: Option<Duration>,
    until: Option<Instant>,
}

/// What a try says of the relay.
enum Finding {
    Relay(String),
    Works,
    Unknown,
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
            concurrency,
            lease: Duration::from_secs(lease),
            desk,
            templates,
            transport,
        }
    }

    /// Sends until stopped; then what is on the wire ends, and nothing new begins.
    pub async fn run(self, stop: CancellationToken) {
        match self.desk.free_stale_leases().await {
            Ok(0) => {}
            Ok(freed) => tracing::info!(freed, "mails taken back from an earlier run"),
            Err(error) => tracing::warn!(%error, "leases of an earlier run stay until they run out"),
        }
        let worker = Arc::new(self);
        let mut on_wire = JoinSet::new();
        let mut trouble = Trouble::default();
        while !stop.is_cancelled() {
            let wait = worker.top_up(&mut on_wire, &trouble).await;
            let room = on_wire.len() < worker.concurrency && trouble.until.is_none();
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = on_wire.join_next(), if !on_wire.is_empty() => trouble.learn(done.unwrap_or(Finding::Unknown)),
                () = worker.desk.outbox_rung(), if room => {}
                () = sleep(wait) => {}
            }
        }
        while on_wire.join_next().await.is_some() {}
        worker.transport.close().await;
    }

    /// Takes as many due mails as there is room for. Returns how long to wait for something to happen.
    async fn top_up(self: &Arc<Self>, on_wire: &mut JoinSet<Finding>, trouble: &Trouble) -> Duration {
        let room = match trouble.until {
            Some(until) if until > Instant::now() => return until - Instant::now(),
            Some(_) => usize::from(on_wire.is_empty()),
            // Whoever sends to us waits for the same disk: one mail at a time is enough then.
            None if self.desk.is_flooded() => usize::from(on_wire.is_empty()),
            None => self.concurrency.saturating_sub(on_wire.len()),
        };
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        let lease = format!("{}/{}", self.name, self.claims.fetch_add(1, Ordering::Relaxed));
        match self.desk.claim_due(&lease, room, lease_ms).await {
            Ok(entries) => {
                for entry in entries {
                    on_wire.spawn(self.clone().send(entry));
                }
            }
            Err(error) => tracing::warn!(%error, "the outbox can't be read"),
        }
        POLL
    }

    /// One try of one mail.
    async fn send(self: Arc<Self>, entry: OutboxEntry) -> Finding {
        let (at, begun) = (self.desk.clock().now(), Instant::now());
        let mime = match render::bytes(&self.desk, &self.templates, &entry).await {
            Ok(mime) => mime,
            Err(render::Error::Desk(error)) => {
                tracing::warn!(id = %entry.id, %error, "mail can't be loaded, its lease runs out");
                return Finding::Unknown;
            }
            Err(error) => {
                let sent = Sent { ending: Ending::Impossible(error.to_string()), remote: None, tls: None };
                self.record(&entry, &[], report(at, begun, Outcome::Failed, sent)).await;
                return Finding::Unknown;
            }
        };
        let letter = Letter { from: &entry.envelope_from, to: &entry.to_address, mime: &mime };
        let limit = self.lease.saturating_sub(MARGIN + begun.elapsed());
        let sent = self.transport.send(letter, limit).await;
        match judge(&sent.ending) {
            Judgement::Mail(outcome) => {
                let spoke = sent.remote.is_some();
                self.record(&entry, &mime, report(at, begun, outcome, sent)).await;
                if spoke { Finding::Works } else { Finding::Unknown }
            }
            Judgement::Relay => {
                if let Err(error) = self.desk.put_back(&entry).await {
                    tracing::warn!(id = %entry.id, %error, "mail can't be put back, its lease runs out");
                }
                Finding::Relay(words(&sent.ending))
            }
        }
    }

    /// Writes the try down, again and again while the store is in trouble: a mail that left must not leave twice.
    async fn record(&self, entry: &OutboxEntry, mime: &[u8], report: AttemptReport) {
        log(entry, mime, &report);
        let mut wait = Duration::from_millis(100);
        for _ in 0..RECORD_TRIES {
            match self.desk.record_attempt(entry, &report).await {
                Ok(_) => return,
                Err(error) => tracing::warn!(id = %entry.id, %error, "attempt can't be written down yet"),
            }
            sleep(wait).await;
            wait *= 2;
        }
        tracing::error!(id = %entry.id, outcome = report.outcome.as_str(), "attempt lost: the mail will be tried again");
    }
}

impl Trouble {
    fn learn(&mut self, finding: Finding) {
        match finding {
            Finding::Unknown => {}
            Finding::Works => *self = Self::default(),
            // Others that were on the way say the same: only the first lengthens the wait.
            Finding::Relay(_) if self.until.is_some_and(|until| until > Instant::now()) => {}
            Finding::Relay(error) => {
                let wait = self.wait.map_or(FIRST_WAIT, |wait| (wait * 2).min(LONGEST_WAIT));
                tracing::warn!(error, wait_s = wait.as_secs(), "the relay takes no mail, the queue waits");
                *self = Self { wait: Some(wait), until: Some(Instant::now() + wait) };
            }
        }
    }
}

fn report(at: Timestamp, begun: Instant, outcome: Outcome, sent: Sent) -> AttemptReport {
    let (reply, error) = match sent.ending {
        Ending::Taken(reply) | Ending::Refused(_, reply) => (Some(reply), None),
        Ending::Broken(_, error) | Ending::Impossible(error) => (None, Some(error)),
        Ending::Captured => (None, None),
    };
    AttemptReport {
        outcome,
        at,
        duration_ms: i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX),
        remote: sent.remote,
        tls: sent.tls,
        smtp_code: reply.as_ref().map(|reply| reply.code),
        enhanced_code: reply.as_ref().and_then(|reply| reply.enhanced_code()).map(str::to_owned),
        smtp_response: reply.map(|reply| format!("{} {}", reply.code, reply.text).trim_end().to_owned()),
        error,
    }
}

fn words(ending: &Ending) -> String {
    match ending {
        Ending::Taken(reply) | Ending::Refused(_, reply) => format!("{} {}", reply.code, reply.text),
        Ending::Broken(_, error) | Ending::Impossible(error) => error.clone(),
        Ending::Captured => String::new(),
    }
}

/// One line for each try.
fn log(entry: &OutboxEntry, mime: &[u8], report: &AttemptReport) {
    tracing::info!(
        id = %entry.id,
        ticket = ticket_of(mime).unwrap_or_default(),
        template = entry.template,
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
