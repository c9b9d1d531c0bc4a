//! Live events (API.md §6): one reader per node reads what verbs left, and hands it to all who listen. It reads while
//! somebody listens, and at no other time.

mod reader;

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, watch};
use tokio::time::Instant;

use self::reader::{Progress, Reader};
use super::{Desk, Error, Result};
use crate::model::{DeskEvent, Sight};

/// Listeners who are so many batches behind are let go: they come back for what they missed.
const BEHIND: usize = 256;
/// Batches follow each other at most this fast.
const PACE: Duration = Duration::from_millis(50);
/// How often we look though nobody rang: another program may have written.
const LOOK: Duration = Duration::from_secs(3);
/// Who missed more than this time is not told all of it, milliseconds (API.md §6).
const RESUMED_MS: i64 = 10 * 60_000;
/// Events read at a time by a listener who comes back.
const PAGE: i64 = 500;

/// How an event is shown to a listener.
pub type Show = fn(&DeskEvent, &mut Vec<u8>);

/// What all listeners of a node share.
pub(super) struct Live {
    hub: tokio::sync::Mutex<Option<Hub>>,
    bell: Notify,
    /// Sent when a credential may no longer stand.
    doubts: watch::Sender<()>,
    seats: Arc<Semaphore>,
}

/// The reader's side of things, while it reads.
struct Hub {
    batches: broadcast::WeakSender<Arc<Batch>>,
    /// The place of the last event that was handed out, or is about to be.
    position: Arc<AtomicI64>,
}

/// Events that were read together, in their order.
struct Batch {
    events: Vec<DeskEvent>,
    /// As they are shown, for each sight that somebody has.
    shown: Mutex<Vec<(Sight, Arc<[u8]>)>>,
}

/// Somebody listens. Dropped, they don't.
pub struct Listening {
    desk: Desk,
    batches: broadcast::Receiver<Arc<Batch>>,
    sight: Sight,
    /// The place of the last event that was seen, or passed over.
    last: i64,
    /// Events up to here are read from the store: they were handed out before.
    until: i64,
    missed: bool,
    _seat: OwnedSemaphorePermit,
}

impl Live {
    /// With room for so many.
    pub fn new(seats: usize) -> Self {
        let (hub, bell, doubts) = Default::default();
        Self { hub, bell, doubts, seats: Arc::new(Semaphore::new(seats)) }
    }

    /// There are new events: another node says so.
    pub fn ring(&self) {
        self.bell.notify_one();
    }

    /// Credentials may have changed.
    pub fn doubt(&self) {
        self.doubts.send_replace(());
    }
}

impl Desk {
    /// Listens from now on, or from behind the event of this `Last-Event-ID`.
    ///
    /// # Errors
    /// [`Error::Busy`] when too many listen; the store's.
    pub async fn listen(&self, sight: Sight, last_event_id: Option<&str>) -> Result<Listening> {
        let live = &self.inner.live;
        let seat = live.seats.clone().try_acquire_owned().map_err(|_| Error::Busy("too many listen"))?;
        let (batches, until) = self.join_hub().await?;
        let last = match last_event_id {
            Some(id) => self.kept_place(id).await?,
            None => Some(until),
        };
        let (missed, last) = (last.is_none(), last.unwrap_or(until));
        Ok(Listening { desk: self.clone(), batches, sight, last, until, missed, _seat: seat })
    }

    /// Changes when a listener's credential may no longer stand.
    pub fn credential_doubts(&self) -> watch::Receiver<()> {
        self.inner.live.doubts.subscribe()
    }

    /// What is handed out from now on, and the place of what was handed out before. The reader is started when there is
    /// none.
    async fn join_hub(&self) -> Result<(broadcast::Receiver<Arc<Batch>>, i64)> {
        let mut hub = self.inner.live.hub.lock().await;
        if let Some(joined) = hub.as_ref().and_then(Hub::join) {
            return Ok(joined);
        }
        let mut reader = Reader::new(self.clone()).await?;
        reader.skip_to_end().await?;
        let (sender, batches) = broadcast::channel(BEHIND);
        let position = Arc::new(AtomicI64::new(reader.position()));
        let joined = (batches, reader.position());
        *hub = Some(Hub { batches: sender.downgrade(), position: position.clone() });
        tokio::spawn(self.clone().hand_out(reader, sender, position));
        Ok(joined)
    }

    /// The place that a `Last-Event-ID` names, if everything behind it is kept and is not too old to be told.
    async fn kept_place(&self, id: &str) -> Result<Option<i64>> {
        let Ok(place) = id.trim().parse::<i64>() else { return Ok(None) };
        let mut tx = self.store().read().await?;
        let is_kept = match tx.events_after(place, 1).await?.first() {
            Some(next) if next.at < self.clock().now().plus_ms(-RESUMED_MS) => false,
            Some(next) => next.seq == place + 1 || tx.event_is_kept(place).await?,
            None => place == tx.newest_event().await?,
        };
        Ok(is_kept.then_some(place))
    }

    /// Hands out what is read, until nobody listens.
    async fn hand_out(
        self,
        mut reader: Reader,
        batches: broadcast::Sender<Arc<Batch>>,
        position: Arc<AtomicI64>,
    ) {
        let mut news = self.store().news();
        loop {
            let began = Instant::now();
            let wait = match reader.read().await {
                Ok((events, progress)) => {
                    position.store(reader.position(), Ordering::SeqCst);
                    if !events.is_empty() {
                        let _ = batches.send(Arc::new(Batch { events, shown: Mutex::default() }));
                    }
                    progress.pause()
                }
                Err(error) => {
                    tracing::warn!(%error, "events not read, tried again");
                    Some(LOOK)
                }
            };
            match wait {
                Some(pause) => tokio::time::sleep(pause).await,
                None => {
                    self.wait_for_news(&mut news).await;
                    tokio::time::sleep_until(began + PACE).await;
                }
            }
            let mut hub = self.inner.live.hub.lock().await;
            if batches.receiver_count() == 0 {
                *hub = None;
                return;
            }
        }
    }

    async fn wait_for_news(&self, news: &mut Option<watch::Receiver<u64>>) {
        let own = async {
            match news {
                Some(news) => drop(news.changed().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = own => {}
            () = self.inner.live.bell.notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

impl Hub {
    /// Subscribed first, then asked: what is handed out in between comes twice at most, and is passed over.
    fn join(&self) -> Option<(broadcast::Receiver<Arc<Batch>>, i64)> {
        let batches = self.batches.upgrade()?.subscribe();
        Some((batches, self.position.load(Ordering::SeqCst)))
    }
}

impl Batch {
    fn last(&self) -> i64 {
        self.events.last().map_or(0, |event| event.seq)
    }

    /// As somebody with this sight is shown it, made once for all of them.
    fn shown(&self, sight: Sight, show: Show) -> Arc<[u8]> {
        let mut shown = self.shown.lock().expect("no panic while held");
        if let Some((_, bytes)) = shown.iter().find(|(of, _)| *of == sight) {
            return bytes.clone();
        }
        let bytes: Arc<[u8]> = seen(&self.events, sight, 0, show).into();
        shown.push((sight, bytes.clone()));
        bytes
    }
}

impl Listening {
    /// The place of the last event that was seen, or passed over: the next `Last-Event-ID`.
    pub fn last(&self) -> i64 {
        self.last
    }

    /// Whether some of what happened since the `Last-Event-ID` is forgotten.
    pub fn missed(&self) -> bool {
        self.missed
    }

    /// What comes next that the listener sees; never empty. `None` when they are too far behind, or the store does not
    /// answer: then they have to come back. Given up half-way, nothing is lost.
    pub async fn next(&mut self, show: Show) -> Option<Arc<[u8]>> {
        loop {
            let bytes = match self.last < self.until {
                true => self.catch_up(show).await?,
                false => self.next_batch(show).await?,
            };
            if !bytes.is_empty() {
                return Some(bytes);
            }
        }
    }

    async fn catch_up(&mut self, show: Show) -> Option<Arc<[u8]>> {
        let mut tx = self.desk.store().read().await.ok()?;
        let mut events = tx.events_after(self.last, PAGE).await.ok()?;
        events.retain(|event| event.seq <= self.until);
        self.last = events.last().map_or(self.until, |event| event.seq);
        Some(seen(&events, self.sight, 0, show).into())
    }

    async fn next_batch(&mut self, show: Show) -> Option<Arc<[u8]>> {
        let batch = self.batches.recv().await.ok()?;
        let before = self.last;
        self.last = before.max(batch.last());
        let is_new = batch.events.first().is_some_and(|first| first.seq > before);
        Some(match is_new {
            true => batch.shown(self.sight, show),
            false => seen(&batch.events, self.sight, before, show).into(),
        })
    }
}

/// What somebody with this sight sees of the events behind a place.
fn seen(events: &[DeskEvent], sight: Sight, after: i64, show: Show) -> Vec<u8> {
    let mut bytes = Vec::new();
    for event in events.iter().filter(|event| event.seq > after && sight.sees(event)) {
        show(event, &mut bytes);
    }
    bytes
}

impl Progress {
    /// How long to wait before the next read; `None`: until something happens.
    fn pause(self) -> Option<Duration> {
        match self {
            Self::AtEnd => None,
            Self::More => Some(Duration::ZERO),
            Self::Held => Some(Duration::from_millis(10)),
        }
    }
}
