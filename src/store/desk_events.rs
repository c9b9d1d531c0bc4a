//! What listeners are told (API.md §6). Each verb leaves its events in its own transaction, as the last thing before the
//! commit; whoever listens reads them in their order.
//!
//! On SQLite that is the order of the commits. On PostgreSQL a number is drawn before its commit, so a higher one may be
//! seen first: [`Tx::ended_below`] tells a reader when a number that is missing will never come.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;
use uuid::Uuid;

use super::select::Select;
use super::value::args;
use super::{Result, Store, Tx};
use crate::clock::Clock;
use crate::model::{DeskEvent, EventTicket, News, Timestamp};

/// How a store tells what its verbs did. Cheap to clone.
#[derive(Clone)]
pub(super) struct Announcing {
    clock: Clock,
    /// Counts the commits that told something.
    bell: Arc<watch::Sender<u64>>,
}

/// What a verb will tell.
pub(super) struct Pending {
    news: News,
    announcing: Announcing,
}

impl Announcing {
    pub fn new(clock: Clock) -> Self {
        Self { clock, bell: Arc::new(watch::Sender::new(0)) }
    }

    /// Wakes those who listen.
    pub fn ring(&self) {
        self.bell.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Pending {
    pub fn new(announcing: Announcing) -> Box<Self> {
        Box::new(Self { news: News::default(), announcing })
    }
}

impl Store {
    /// Changes whenever a verb of this process committed something that listeners are told; `None` when none will.
    pub fn news(&self) -> Option<watch::Receiver<u64>> {
        self.announcing.as_ref().map(|announcing| announcing.bell.subscribe())
    }
}

impl Tx {
    /// Adds to what the verb will tell.
    pub(super) fn news(&mut self, add: impl FnOnce(&mut News)) {
        if let Some(pending) = &mut self.pending {
            add(&mut pending.news);
        }
    }

    /// From here on nobody is told what the verb does: it makes things up.
    pub fn tell_nobody(&mut self) {
        self.pending = None;
    }

    /// Writes down what the verb tells; who then rings for it, if it tells anything.
    pub(super) async fn tell(&mut self) -> Result<Option<Announcing>> {
        let Some(pending) = self.pending.take().filter(|pending| !pending.news.is_empty()) else {
            return Ok(None);
        };
        let Pending { mut news, announcing } = *pending;
        for ticket in self.event_tickets(news.tickets_to_read()).await? {
            news.read_ticket(ticket);
        }
        self.insert_desk_events(&news.told(announcing.clock.now())).await?;
        Ok(Some(announcing))
    }

    /// Up to `limit` events behind a place, in their order.
    pub async fn events_after(&mut self, seq: i64, limit: i64) -> Result<Vec<DeskEvent>> {
        self.all(include_str!("sql/desk_events/after.sql"), args![seq, limit]).await
    }

    /// The place of the newest event; 0 when there never was one.
    pub async fn newest_event(&mut self) -> Result<i64> {
        let (newest,): (Option<i64>,) =
            self.only(include_str!("sql/desk_events/newest.sql"), args![]).await?;
        Ok(newest.unwrap_or(0))
    }

    /// Whether the event of a place is still kept, and with it every one behind it.
    pub async fn event_is_kept(&mut self, seq: i64) -> Result<bool> {
        let found: Option<i64> = self.field(include_str!("sql/desk_events/there.sql"), args![seq]).await?;
        Ok(found.is_some())
    }

    /// The place of the oldest event since then; `None` when there is none.
    pub async fn first_event_since(&mut self, at: Timestamp) -> Result<Option<i64>> {
        self.field(include_str!("sql/desk_events/young.sql"), args![at]).await
    }

    /// Every transaction numbered below this has ended, as this snapshot sees it. On SQLite all have: there is one
    /// writer, and the numbers of its events come in order.
    pub async fn ended_below(&mut self) -> Result<i64> {
        if !self.is_postgres() {
            return Ok(i64::MAX);
        }
        let (oldest,) = self.only(include_str!("sql/desk_events/horizon.postgres.sql"), args![]).await?;
        Ok(oldest)
    }

    /// A number above those of all transactions that have begun to write; the transaction takes it for itself.
    pub async fn next_transaction(&mut self) -> Result<i64> {
        if !self.is_postgres() {
            return Ok(0);
        }
        let (next,) =
            self.only(include_str!("sql/desk_events/next_transaction.postgres.sql"), args![]).await?;
        Ok(next)
    }

    /// Forgets events from before, but for the newest.
    pub async fn prune_desk_events(&mut self, before: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/desk_events/prune.sql"), args![before]).await
    }

    /// One round trip on PostgreSQL, however many they are.
    async fn insert_desk_events(&mut self, events: &[DeskEvent]) -> Result<()> {
        if self.is_postgres() {
            let row = |e: &DeskEvent| json!({"id": e.id, "type": e.r#type, "ticket_id": e.ticket_id, "body": e.body});
            let rows = events.iter().map(row).collect::<Vec<_>>();
            let Some(first) = events.first() else { return Ok(()) };
            let sql = include_str!("sql/desk_events/insert.postgres.sql");
            return self.run(sql, args![super::value::json(&rows), first.at]).await.map(drop);
        }
        for e in events {
            let sql = include_str!("sql/desk_events/insert.sqlite.sql");
            self.run(sql, args![e.id, e.at, e.r#type, e.ticket_id, &e.body]).await?;
        }
        Ok(())
    }

    async fn event_tickets(&mut self, ids: Vec<Uuid>) -> Result<Vec<EventTicket>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = Select::new(
            "SELECT id, number, status, priority, category, channel, requester_id, assignee_id, team_id, user_id, \
             seller_id, store_id, order_id, external_id, is_spam, version, tags FROM tickets WHERE id IN ",
        );
        select.bind_all(ids);
        select.all(self).await
    }
}
