//! Takes mails out of the queue and makes them ready, many at once: claim → render → fix, each step one commit for all
//! of them.
//!
//! Mail that comes in goes first. Taking more waits until it is quiet, but no longer than a second, and no longer than
//! nine times what it took the last time: in a flood sending takes a tenth of the time, in large batches. The longer
//! mails have waited, the shorter the patience: after ten seconds a fifth is ours, after forty half of the time, so that
//! a flow that never ends does not keep them for ever.

use std::collections::{HashSet, VecDeque};
use std::convert::Infallible;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::available_parallelism;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::hand::Held;
use super::judge::Ending;
use super::record::{passes, record};
use super::render;
use super::transport::{Sent, Transport};
use super::worker::report;
use crate::desk::{Desk, ReadyMail, Round, Try, Wanted};
use crate::model::{OutboxEntry, Outcome};
use crate::sender::Signers;
use crate::templates::Templates;

/// Longest wait for a quiet moment.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);
/// Time left to mail that comes in for each unit of our own, as long as nobody has waited for long.
const YIELD: u32 = 9;
/// So long a wait is worth as much again as no wait at all.
const LAG: Duration = Duration::from_secs(10);
/// Part of a lease after which a mail on the wire is leased anew: twice it may fail.
const RENEWAL_PART: u32 = 3;
/// Octets of mails that are in memory at once, besides those on the wire; one mail may pass it.
const PAGE: usize = 4 << 20;

/// Makes mails ready.
pub(super) struct Supply {
    pub desk: Desk,
    pub templates: Arc<Templates>,
    pub signers: Signers,
    pub transport: Arc<Transport>,
    pub lease: Duration,
    /// Its name on leases; each claim adds its own number, so that a lease that ran out is nobody's.
    name: String,
    claims: AtomicU64,
    round: Mutex<Round>,
}

/// What is to be taken.
pub(super) struct Order {
    /// Most mails.
    pub limit: usize,
    /// Octets that are in memory already.
    pub octets: usize,
    /// Domains that get none.
    pub resting: HashSet<String>,
    /// Leased before, and not made ready yet.
    pub left: Leased,
    /// Longest wait for a quiet moment.
    pub patience: Duration,
}

/// Mails that were taken and not made ready yet, the next one first.
pub(super) struct Leased {
    pub entries: VecDeque<OutboxEntry>,
    pub claimed: Instant,
}

/// What was taken.
pub(super) struct Refill {
    /// Ready to be sent.
    pub ready: Vec<Held>,
    /// For the next time: memory is full.
    pub left: Leased,
    /// It was as much as there could be: there may be more.
    pub more: bool,
    /// How long the next refill waits for a quiet moment.
    pub patience: Duration,
}

/// A mail made ready, or not.
enum Made {
    /// It has bytes.
    Ready(Box<ReadyMail>),
    /// It never will: the try that says so.
    Impossible(Box<Try>),
    /// The store is in trouble.
    NotNow,
}

impl Leased {
    /// None.
    pub(super) fn none() -> Self {
        Self { entries: VecDeque::new(), claimed: Instant::now() }
    }
}

impl Supply {
    /// A supply of a new name.
    pub(super) fn new(
        desk: Desk,
        templates: Arc<Templates>,
        transport: Arc<Transport>,
        lease: Duration,
    ) -> Self {
        let name = format!("{:016x}", u64::from_le_bytes(desk.ids().bytes::<8>()));
        let (claims, round) = (AtomicU64::new(0), Mutex::default());
        Self { desk, templates, signers: Signers::default(), transport, lease, name, claims, round }
    }

    /// Takes mails and makes them ready. What is kept instead of sent, and what can't be sent, is written down at once.
    pub(super) async fn refill(self: Arc<Self>, order: Order) -> Refill {
        let _ = timeout(order.patience, self.desk.quiet()).await;
        let begun = Instant::now();
        let (mut left, mut more) = (order.left, true);
        if left.entries.is_empty() {
            left = self.claim(order.limit, &order.resting).await;
            more = left.entries.len() == order.limit;
        }
        let lag = self.lag(&left);
        let page = self.render(&mut left.entries, PAGE.saturating_sub(order.octets)).await;
        let (kept, sent): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|mail| self.transport.keeps(mail.entry.released));
        self.capture(kept).await;
        let claimed = left.claimed;
        let held = |mail: ReadyMail| Held { domain: mail.entry.domain(), mail, claimed };
        let ready = self.fix(sent).await.into_iter().map(held).collect();
        let more = more || !left.entries.is_empty();
        Refill { ready, left, more, patience: patience(begun.elapsed(), lag) }
    }

    /// Gives leased mails back.
    pub(super) async fn put_back(&self, entries: &[OutboxEntry]) {
        if let (false, Err(error)) = (entries.is_empty(), self.desk.put_back(entries).await) {
            tracing::warn!(mails = entries.len(), %error, "mails can't be put back, their leases run out");
        }
    }

    /// How long a mail is on the wire before its lease is renewed, each time.
    pub(super) fn renewal(&self) -> Duration {
        self.lease / RENEWAL_PART
    }

    /// Leases a mail anew for as long as it is on the wire.
    pub(super) async fn keep(&self, entry: &OutboxEntry, claimed: Instant) -> Infallible {
        let mut due = claimed + self.renewal();
        loop {
            sleep_until(due).await;
            if let Err(error) = self.desk.renew_lease(entry, self.lease_ms()).await {
                tracing::warn!(id = %entry.id, %error, "the lease of a mail can't be renewed");
            }
            due = Instant::now() + self.renewal();
        }
    }

    fn lease_ms(&self) -> i64 {
        i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX)
    }

    async fn claim(&self, limit: usize, resting: &HashSet<String>) -> Leased {
        let claimed = Instant::now();
        let lease = format!("{}/{}", self.name, self.claims.fetch_add(1, Ordering::Relaxed));
        let wanted = Wanted { lease: &lease, lease_ms: self.lease_ms(), limit, resting };
        let mut round = self.round.lock().await;
        let entries = self.desk.claim_due(&mut round, wanted).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the outbox can't be read");
            Vec::new()
        });
        Leased { entries: entries.into(), claimed }
    }

    /// How long the one that waited longest for its first try did.
    fn lag(&self, leased: &Leased) -> Duration {
        let first_tries = leased.entries.iter().filter(|entry| entry.attempts == 0);
        let since = first_tries.map(|entry| entry.queued_at).min();
        let lag_ms = since.map_or(0, |since| self.desk.clock().now().0 - since.0);
        Duration::from_millis(u64::try_from(lag_ms).unwrap_or(0))
    }

    /// Makes mails ready, as many at once as there are processors, until there are so many octets. What can't be rendered
    /// at all is written down at once.
    async fn render(self: &Arc<Self>, entries: &mut VecDeque<OutboxEntry>, octets: usize) -> Vec<ReadyMail> {
        let at_once = available_parallelism().map_or(1, NonZero::get);
        let (mut page, mut impossible, mut size) = (Vec::new(), Vec::new(), 0);
        let mut making = JoinSet::new();
        loop {
            while making.len() < at_once
                && size < octets
                && let Some(entry) = entries.pop_front()
            {
                let supply = self.clone();
                making.spawn(async move { supply.make(entry).await });
            }
            match making.join_next().await {
                Some(Ok(Made::Ready(mail))) => {
                    size += mail.mime.len();
                    page.push(*mail);
                }
                Some(Ok(Made::Impossible(one))) => impossible.push(*one),
                Some(Ok(Made::NotNow) | Err(_)) => {}
                None => break,
            }
        }
        if !impossible.is_empty() {
            record(&self.desk, impossible).await;
        }
        page
    }

    async fn make(&self, entry: OutboxEntry) -> Made {
        let begun = (self.desk.clock().now(), Instant::now());
        match render::ready(&self.desk, &self.templates, &self.signers, &entry).await {
            Ok(mail) => Made::Ready(Box::new(mail)),
            Err(render::Error::Desk(error)) => {
                tracing::warn!(id = %entry.id, %error, "mail can't be loaded, its lease runs out");
                Made::NotNow
            }
            Err(error) => {
                let sent = Sent::nowhere(Ending::Impossible(error.to_string()));
                let mail = ReadyMail { entry, mime: Vec::new(), fixed: true };
                Made::Impossible(Box::new(Try { mail, report: report(begun, Outcome::Failed, sent) }))
            }
        }
    }

    /// Keeps mails: nothing leaves, so one commit fixes the bytes and says that they were kept.
    async fn capture(&self, page: Vec<ReadyMail>) {
        let kept = |mail| {
            let begun = (self.desk.clock().now(), Instant::now());
            Try { mail, report: report(begun, Outcome::Captured, Sent::nowhere(Ending::Captured)) }
        };
        let tries: Vec<_> = page.into_iter().map(kept).collect();
        if !tries.is_empty() {
            record(&self.desk, tries).await;
        }
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
}

/// How long a refill waits for a quiet moment when the last one took so long, and its mails had waited so long.
fn patience(took: Duration, lag: Duration) -> Duration {
    let lags = u32::try_from(lag.as_secs() / LAG.as_secs()).unwrap_or(u32::MAX);
    (took * (YIELD / lags.saturating_add(1)).max(1)).min(PATIENCE)
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
