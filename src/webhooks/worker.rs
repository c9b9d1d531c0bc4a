//! Hands new events on and sends what is due, several deliveries at once, until stopped.

use std::collections::HashMap;
use std::future::pending;
use std::time::Duration;

use reqwest::Client;
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::client::client;
use super::names::Names;
use super::places::{Places, host};
use super::send::{Terms, send};
use crate::config;
use crate::desk::{Desk, ReadyDelivery, Result};

/// How often we look when nobody rings: retries fall due in silence, and other nodes ring elsewhere.
const POLL: Duration = Duration::from_secs(1);
/// How long we wait for more to happen, when something has: a flood of mail is not to be watched mail by mail.
const GATHER: Duration = Duration::from_millis(50);
/// What a lease has left when the longest try ends, to write that down.
const MARGIN: Duration = Duration::from_secs(15);

/// The webhooks' worker.
pub struct Worker {
    desk: Desk,
    settings: config::Webhooks,
    names: Names,
}

/// A worker at work.
struct Shift {
    worker: Worker,
    terms: Terms,
    /// `None` before the first delivery.
    client: Option<Client>,
    /// Names this worker's claims, which are counted.
    name: String,
    claims: u64,
    places: Places,
    wire: JoinSet<()>,
    /// Which host each delivery on the wire goes to.
    hosts: HashMap<Id, String>,
    /// Says that there may be events.
    news: Option<watch::Receiver<u64>>,
    look: Instant,
}

impl Worker {
    /// A worker by the desk's configuration.
    pub fn new(desk: Desk, names: Names) -> Self {
        Self { settings: desk.config().webhooks.clone(), desk, names }
    }

    /// Works until stopped; then what is on the wire ends, and nothing new begins.
    pub async fn run(self, stop: CancellationToken) {
        let mut shift = Shift::begin(self);
        while !stop.is_cancelled() {
            if let Err(error) = shift.turn().await {
                tracing::warn!(%error, "webhooks wait: the store does not answer");
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = shift.next() => {}
            }
        }
        while let Some(ended) = shift.wire.join_next_with_id().await {
            shift.ended(ended.map(|(id, ())| id));
        }
    }
}

impl Shift {
    fn begin(worker: Worker) -> Self {
        let settings = &worker.settings;
        let terms = Terms {
            timeout: Duration::from_secs(settings.timeout_seconds),
            allow_private: settings.allow_private_targets,
        };
        Self {
            terms,
            client: None,
            name: format!("{:016x}", u64::from_le_bytes(worker.desk.ids().bytes::<8>())),
            claims: 0,
            places: Places::new(settings.concurrency, settings.per_host),
            wire: JoinSet::new(),
            hosts: HashMap::new(),
            news: worker.desk.news(),
            look: Instant::now(),
            worker,
        }
    }

    /// Hands events on, and puts on the wire what there is room for.
    async fn turn(&mut self) -> Result<()> {
        self.look = Instant::now() + POLL;
        let desk = self.worker.desk.clone();
        desk.dispatch_events().await?;
        if self.places.free() == 0 {
            return Ok(());
        }
        let shares = self.places.share(&desk.due_webhooks().await?);
        if shares.is_empty() {
            return Ok(());
        }
        let Some(client) = self.client() else { return Ok(()) };
        self.claims += 1;
        let lease = format!("{}/{}", self.name, self.claims);
        let lease_ms = i64::try_from((self.terms.timeout + MARGIN).as_millis()).unwrap_or(i64::MAX);
        for ready in desk.claim_deliveries(&lease, lease_ms, &shares).await? {
            self.put_on_wire(client.clone(), ready);
        }
        Ok(())
    }

    /// Waits until something may have changed: an event, a delivery that ended, or a while.
    async fn next(&mut self) {
        tokio::select! {
            Some(ended) = self.wire.join_next_with_id() => self.ended(ended.map(|(id, ())| id)),
            () = self.worker.desk.webhooks_rung() => {}
            () = told(&mut self.news) => sleep(GATHER).await,
            () = sleep_until(self.look) => {}
        }
    }

    fn put_on_wire(&mut self, client: Client, ready: ReadyDelivery) {
        let host = host(&ready.webhook.url);
        self.places.take(&host);
        let task = self.wire.spawn(deliver(self.worker.desk.clone(), client, ready, self.terms));
        self.hosts.insert(task.id(), host);
    }

    fn ended(&mut self, ended: Result<Id, JoinError>) {
        let id = ended.unwrap_or_else(|error| {
            tracing::error!(%error, "a delivery's lease runs out");
            error.id()
        });
        if let Some(host) = self.hosts.remove(&id) {
            self.places.give_back(&host);
        }
    }

    fn client(&mut self) -> Option<Client> {
        if self.client.is_none() {
            match client(&self.worker.settings, self.worker.names.clone()) {
                Ok(client) => self.client = Some(client),
                Err(error) => tracing::error!(error, "webhooks can't be sent"),
            }
        }
        self.client.clone()
    }
}

/// Resolves when something was told.
async fn told(news: &mut Option<watch::Receiver<u64>>) {
    let Some(news) = news else { return pending().await };
    if news.changed().await.is_err() {
        pending().await
    }
}

/// Sends a delivery, and writes down how that went.
async fn deliver(desk: Desk, client: Client, ready: ReadyDelivery, terms: Terms) {
    let result = send(&client, &ready, terms, desk.clock().now()).await;
    let id = ready.delivery.id;
    if let Err(error) = desk.record_webhook_try(&ready, &result).await {
        tracing::warn!(%id, %error, "a delivery's try is not written down: its lease runs out");
    }
    tracing::debug!(%id, status = result.status, ms = result.duration_ms, "webhook tried");
}
