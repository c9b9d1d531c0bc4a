//! Sends what is due, several mails at once. While some are on the wire the next ones are made ready, and what became of
//! the last ones is written down: none waits for another. A mail is leased, never locked, while it is on the wire:
//! whoever is killed in between leaves a lease that runs out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::hand::{Hand, Held};
use super::judge::{Ending, Judgement};
use super::record::Recorder;
use super::refill::{Leased, Order, PATIENCE, Refill, Supply};
use super::transport::{Letter, Sent, Transport};
use crate::config::TransportKind;
use crate::desk::{Desk, ReadyMail, Try};
use crate::model::{AttemptReport, OutboxEntry, Outcome, Timestamp};
use crate::sender::Signers;
use crate::templates::Templates;

/// How often we look when nobody rings: retries fall due in silence, and other nodes ring elsewhere.
const POLL: Duration = Duration::from_secs(1);
/// Most mails taken at once.
const BATCH: usize = 64;
/// A mail whose turn does not come within this part of its lease is put back, before the lease is to be renewed.
const WAITING_PART: u32 = 4;

/// Most tries that take long, for each place on the wire: servers that let us wait cost others nothing, unless there
/// are very many.
const ASIDE: usize = 4;

/// The outbox's worker.
pub struct Worker {
    supply: Supply,
    hand: Hand,
}

/// A worker at work.
struct Shift {
    supply: Arc<Supply>,
    recorder: Recorder,
    hand: Hand,
    /// Leased and not made ready yet.
    left: Leased,
    refilling: Option<JoinHandle<Refill>>,
    /// Mails on the wire.
    wire: JoinSet<Option<bool>>,
    tries: HashMap<Id, OnWire>,
    /// There may be more in the queue.
    more: bool,
    /// How long the next refill waits for a quiet moment.
    patience: Duration,
    /// When to look without being rung.
    look: Instant,
}

/// A mail on the wire.
struct OnWire {
    domain: String,
    since: Instant,
    /// It takes long, and its place is another's.
    aside: bool,
}

/// What a worker at work waits for.
enum Happened {
    /// A mail left the wire; whether the other side answered, or `None` when it was not asked.
    Ended(Result<(Id, Option<bool>), JoinError>),
    /// More mails are ready.
    Refilled(Result<Refill, JoinError>),
    /// Somebody says that there are more in the queue.
    Rung,
    /// Servers that had to be left alone may be asked again.
    Opened,
    /// A while has gone by.
    Looked,
}

impl Worker {
    /// A worker by the desk's configuration.
    pub fn new(desk: Desk, templates: Arc<Templates>, transport: Transport) -> Self {
        let settings = &desk.config().outbox;
        let lease = Duration::from_secs(settings.lease_seconds.max(20));
        let places = settings.concurrency.max(1);
        let hand = match settings.transport {
            // A relay takes mail for everybody: its limit is that of the wire, however slow it is.
            TransportKind::Relay => Hand::new(places, places, 0),
            _ => Hand::new(places, settings.per_domain.max(1), places * ASIDE),
        };
        let supply = Supply::new(desk, templates, Arc::new(transport), lease);
        Self { supply, hand }
    }

    /// The same, signing what leaves.
    pub fn signing_by(mut self, signers: Signers) -> Self {
        self.supply.signers = signers;
        self
    }

    /// Sends until stopped; then what is on the wire ends, and nothing new begins.
    pub async fn run(self, stop: CancellationToken) {
        match self.supply.desk.free_stale_leases().await {
            Ok(0) => {}
            Ok(freed) => tracing::info!(freed, "mails taken back from an earlier run"),
            Err(error) => tracing::warn!(%error, "leases of an earlier run stay until they run out"),
        }
        let mut shift = Shift {
            recorder: Recorder::start(self.supply.desk.clone()),
            hand: self.hand,
            left: Leased::none(),
            refilling: None,
            wire: JoinSet::new(),
            tries: HashMap::new(),
            more: true,
            patience: PATIENCE,
            look: Instant::now() + POLL,
            supply: Arc::new(self.supply),
        };
        while !stop.is_cancelled() {
            shift.put_on_wire();
            shift.take_more();
            tokio::select! {
                () = stop.cancelled() => break,
                happened = shift.next() => shift.see_to(happened).await,
            }
        }
        shift.end().await;
    }
}

impl Shift {
    /// Sends what may be sent.
    fn put_on_wire(&mut self) {
        let trouble = self.supply.transport.in_trouble_until();
        if trouble.is_some_and(|until| until > Instant::now()) {
            return;
        }
        while let Some(held) = self.hand.next(trouble.is_some(), Instant::now()) {
            let one = OnWire { domain: held.domain.clone(), since: Instant::now(), aside: false };
            let task = self.wire.spawn(send(self.supply.clone(), held, self.recorder.tries()));
            self.tries.insert(task.id(), one);
        }
    }

    /// The next thing that happens; nothing is lost when nobody waits for it any more.
    async fn next(&mut self) -> Happened {
        let opens = self.supply.transport.in_trouble_until().filter(|until| *until > Instant::now());
        tokio::select! {
            Some(ended) = self.wire.join_next_with_id() => Happened::Ended(ended),
            refill = finished(&mut self.refilling) => Happened::Refilled(refill),
            () = self.supply.desk.outbox_rung(), if !self.more => Happened::Rung,
            () = sleep_until(opens.unwrap_or(self.look)), if opens.is_some() => Happened::Opened,
            () = sleep_until(self.look) => Happened::Looked,
        }
    }

    async fn see_to(&mut self, happened: Happened) {
        match happened {
            Happened::Ended(ended) => self.sent(ended).await,
            Happened::Refilled(refill) => self.refilled(refill),
            Happened::Rung => self.more = true,
            Happened::Opened => {}
            Happened::Looked => {
                self.look = Instant::now() + POLL;
                self.more = true;
                self.supply.desk.set_outbox_trouble(self.supply.transport.trouble());
                self.set_slow_aside();
                self.give_back_late().await;
            }
        }
    }

    /// Gives the places of tries that take long to others.
    fn set_slow_aside(&mut self) {
        let slow = self.supply.renewal();
        for one in self.tries.values_mut().filter(|one| !one.aside && one.since.elapsed() > slow) {
            one.aside = self.hand.set_aside();
        }
    }

    /// Nothing is taken while another refill runs, or while all servers are to be left alone; while it is yet to be
    /// found out whether they answer again, one mail will do.
    fn wants_more(&self) -> bool {
        let trouble = self.supply.transport.in_trouble_until();
        let closed = trouble.is_some_and(|until| until > Instant::now());
        let enough = if trouble.is_some() { !self.hand.is_idle() } else { !self.hand.is_low() };
        self.more && self.refilling.is_none() && !closed && !enough
    }

    /// Begins to make more mails ready, when it is time to.
    fn take_more(&mut self) {
        if !self.wants_more() {
            return;
        }
        let probing = self.supply.transport.in_trouble_until().is_some();
        let order = Order {
            limit: if probing { 1 } else { BATCH.min(self.hand.room()) },
            octets: self.hand.octets(),
            resting: self.hand.resting(Instant::now()),
            left: std::mem::replace(&mut self.left, Leased::none()),
            patience: self.patience,
        };
        self.refilling = Some(tokio::spawn(self.supply.clone().refill(order)));
    }

    fn refilled(&mut self, refill: Result<Refill, JoinError>) {
        self.refilling = None;
        let Ok(refill) = refill else {
            tracing::error!("a refill broke off, the leases of its mails run out");
            self.more = false;
            return;
        };
        self.more = refill.more || (self.more && self.hand.is_rich());
        self.patience = refill.patience;
        self.left = refill.left;
        self.hand.put(refill.ready);
    }

    async fn sent(&mut self, ended: Result<(Id, Option<bool>), JoinError>) {
        let (id, answered) = match ended {
            Ok(ended) => ended,
            Err(error) => (error.id(), None),
        };
        let Some(OnWire { domain, aside, .. }) = self.tries.remove(&id) else { return };
        self.hand.ended(&domain, answered, aside, Instant::now());
        if answered == Some(false) {
            self.give_back_late().await;
        }
    }

    /// Gives back what waited for too long, and everything while all servers are to be left alone.
    async fn give_back_late(&mut self) {
        let longest = self.supply.lease / WAITING_PART;
        let late = if self.supply.transport.in_trouble_until().is_some() {
            self.hand.give_all_back()
        } else {
            self.hand.give_back(longest, Instant::now())
        };
        let mut entries: Vec<_> = late.into_iter().map(|mail| mail.entry).collect();
        if self.left.claimed.elapsed() > longest {
            entries.extend(self.left.entries.drain(..));
        }
        self.supply.put_back(&entries).await;
    }

    /// What is on the wire ends, what is not is given back.
    async fn end(mut self) {
        if let Some(refilling) = self.refilling.take()
            && let Ok(refill) = refilling.await
        {
            self.hand.put(refill.ready);
            self.left = refill.left;
        }
        let mut entries: Vec<OutboxEntry> = self.left.entries.into();
        entries.extend(self.hand.give_all_back().into_iter().map(|mail| mail.entry));
        self.supply.put_back(&entries).await;
        while self.wire.join_next().await.is_some() {}
        self.recorder.end().await;
        self.supply.transport.close().await;
    }
}

/// What a refill came to; never, when there is none.
async fn finished(refilling: &mut Option<JoinHandle<Refill>>) -> Result<Refill, JoinError> {
    match refilling {
        Some(refilling) => refilling.await,
        None => std::future::pending().await,
    }
}

/// Sends a mail whose bytes are fixed, and sees to what follows. Whether the other side answered; `None` when it was not
/// asked.
async fn send(supply: Arc<Supply>, held: Held, tries: mpsc::Sender<Try>) -> Option<bool> {
    let Some(report) = attempt(&supply, &held.mail, held.claimed).await else {
        supply.put_back(&[held.mail.entry]).await;
        return None;
    };
    let answered = report.outcome != Outcome::Deferred || report.smtp_code.is_some();
    // The recorder outlives the wire.
    let _ = tries.send(Try { mail: held.mail, report }).await;
    Some(answered)
}

/// One try of one mail, which stays leased meanwhile; `None` when it was not tried: it is no longer ours, or every relay
/// is in trouble, whatever the mail.
async fn attempt(supply: &Supply, mail: &ReadyMail, claimed: Instant) -> Option<AttemptReport> {
    if claimed.elapsed() > supply.lease {
        // It may be somebody else's by now.
        return None;
    }
    let begun = (supply.desk.clock().now(), Instant::now());
    let letter = Letter {
        from: &mail.entry.envelope_from,
        to: &mail.entry.to_address,
        mime: &mail.mime,
        release: mail.entry.released,
    };
    let sent = tokio::select! {
        sent = supply.transport.send(letter) => sent,
        never = supply.keep(&mail.entry, claimed) => match never {},
    };
    match sent.judgement() {
        Judgement::Mail(outcome) => Some(report(begun, outcome, sent)),
        Judgement::Relay => None,
    }
}

/// What a try leaves in the log.
pub(super) fn report((at, begun): (Timestamp, Instant), outcome: Outcome, sent: Sent) -> AttemptReport {
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
