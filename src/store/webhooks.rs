//! Webhooks and their deliveries. A delivery is leased while it is on the wire, never locked.

use uuid::Uuid;

use super::query::{Start, TicketFilter, WebhookDeliveryFilter};
use super::row::{FromRow, Row, row};
use super::select::Select;
use super::value::{args, json};
use super::{Result, Tx};
use crate::model::{DeliveryState, DeskEvent, Exchange, Timestamp, Webhook, WebhookDelivery};

/// A delivery a worker has leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasedDelivery {
    /// The delivery.
    pub delivery: WebhookDelivery,
    /// What to send.
    pub body: String,
}

/// A worker's claim on deliveries of one webhook.
#[derive(Debug, Clone, Copy)]
pub struct WebhookClaim<'a> {
    /// Who claims.
    pub lease: &'a str,
    /// When the claim ends by itself.
    pub until: Timestamp,
    /// What is due by then is claimed.
    pub now: Timestamp,
    /// Most deliveries.
    pub limit: i64,
}

row!(Webhook {
    id,
    url,
    description,
    filter,
    is_active,
    failing_since,
    secret,
    old_secret,
    old_secret_until,
    created_at,
    updated_at,
    version,
} json { events });
row!(WebhookDelivery {
    id,
    webhook_id,
    event_id,
    r#type,
    state,
    attempts,
    status_code,
    duration_ms,
    error,
    next_attempt_at,
    lease,
    created_at,
});

impl FromRow for LeasedDelivery {
    fn from_row(row: Row<'_>) -> Result<Self> {
        Ok(Self { delivery: WebhookDelivery::from_row(row)?, body: row.get("body")? })
    }
}

/// What was sent, and what was said.
struct Content {
    body: String,
    exchange: Option<Exchange>,
}

row!(Content { body } optional { exchange });

/// Everything but the body and what was said.
const DELIVERIES: &str = "SELECT id, webhook_id, event_id, type, state, attempts, status_code, duration_ms, error, \
    next_attempt_at, lease, created_at FROM webhook_deliveries WHERE webhook_id = ";

impl Tx {
    /// Keeps a new webhook.
    pub async fn insert_webhook(&mut self, w: &Webhook) -> Result<()> {
        self.run(
            include_str!("sql/webhooks/insert.sql"),
            args![
                w.id,
                &w.url,
                json(&w.events),
                &w.description,
                &w.filter,
                w.is_active,
                w.failing_since,
                &w.secret,
                &w.old_secret,
                w.old_secret_until,
                w.created_at,
                w.updated_at,
                w.version
            ],
        )
        .await
        .map(drop)
    }

    /// Writes a webhook as it is now.
    pub async fn update_webhook(&mut self, w: &Webhook) -> Result<()> {
        self.run(
            include_str!("sql/webhooks/update.sql"),
            args![
                w.id,
                &w.url,
                json(&w.events),
                &w.description,
                &w.filter,
                w.is_active,
                w.failing_since,
                &w.secret,
                &w.old_secret,
                w.old_secret_until,
                w.updated_at,
                w.version
            ],
        )
        .await
        .map(drop)
    }

    /// A webhook.
    pub async fn webhook(&mut self, id: Uuid) -> Result<Option<Webhook>> {
        self.one(include_str!("sql/webhooks/get.sql"), args![id]).await
    }

    /// A webhook, nobody else's to change until the transaction ends.
    pub async fn lock_webhook(&mut self, id: Uuid) -> Result<Option<Webhook>> {
        let sql = self.pick(
            include_str!("sql/webhooks/lock.sqlite.sql"),
            include_str!("sql/webhooks/lock.postgres.sql"),
        );
        self.one(sql, args![id]).await
    }

    /// Forgets a webhook and its deliveries.
    pub async fn delete_webhook(&mut self, id: Uuid) -> Result<()> {
        self.run(include_str!("sql/webhook_deliveries/delete_all.sql"), args![id]).await?;
        self.run(include_str!("sql/webhooks/delete.sql"), args![id]).await.map(drop)
    }

    /// A page of webhooks, the newest first.
    pub async fn list_webhooks(&mut self, start: &Start, limit: i64) -> Result<Vec<Webhook>> {
        let mut select = Select::new("SELECT * FROM webhooks WHERE TRUE");
        super::reading::add_by_id(&mut select, true, start, limit);
        select.all(self).await
    }

    /// How many webhooks there are.
    pub async fn count_webhooks(&mut self) -> Result<i64> {
        super::reading::count(Select::new("SELECT COUNT(*) FROM webhooks"), self).await
    }

    /// Webhooks that are told of events, the oldest first.
    pub async fn active_webhooks(&mut self) -> Result<Vec<Webhook>> {
        self.all(include_str!("sql/webhooks/active.sql"), args![]).await
    }

    /// Whether there are webhooks at all.
    pub async fn any_webhooks(&mut self) -> Result<bool> {
        let (any,) = self.only(include_str!("sql/webhooks/any.sql"), args![]).await?;
        Ok(any)
    }

    /// Whether events wait to be handed on.
    pub async fn events_wait_for_webhooks(&mut self) -> Result<bool> {
        let (wait,) = self.only(include_str!("sql/desk_events/waiting.sql"), args![]).await?;
        Ok(wait)
    }

    /// Takes up to `limit` events that wait to be handed on, in their order; those another node takes are its own.
    pub async fn take_events_for_webhooks(&mut self, limit: i64) -> Result<Vec<DeskEvent>> {
        let sql = self.pick(
            include_str!("sql/desk_events/take.sqlite.sql"),
            include_str!("sql/desk_events/take.postgres.sql"),
        );
        let mut events: Vec<DeskEvent> = self.all(sql, args![limit]).await?;
        events.sort_unstable_by_key(|event| event.seq);
        Ok(events)
    }

    /// Up to `limit` events behind a place that happened in a time, in their order.
    pub async fn events_between(
        &mut self,
        seq: i64,
        from: Timestamp,
        to: Timestamp,
        limit: i64,
    ) -> Result<Vec<DeskEvent>> {
        self.all(include_str!("sql/desk_events/between.sql"), args![seq, from, to, limit]).await
    }

    /// Webhooks that a delivery is due to.
    pub async fn due_webhooks(&mut self, now: Timestamp) -> Result<Vec<Webhook>> {
        self.all(include_str!("sql/webhooks/due.sql"), args![now]).await
    }

    /// Which of these tickets a search finds; deleted ones too.
    pub async fn tickets_matching(&mut self, filters: &[TicketFilter], ids: &[Uuid]) -> Result<Vec<Uuid>> {
        let filters = self.resolved(filters).await?;
        let mut select = Select::on(self, "SELECT id FROM tickets WHERE id IN ");
        select.bind_all(ids.iter().copied());
        filters.iter().for_each(|filter| filter.add(&mut select));
        let rows: Vec<(Uuid,)> = select.all(self).await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Puts an event on its way to a webhook, once: `false` when it is already.
    pub async fn insert_webhook_delivery(&mut self, d: &WebhookDelivery, body: &str) -> Result<bool> {
        let sql = include_str!("sql/webhook_deliveries/insert.sql");
        let made =
            self.run(sql, args![d.id, d.webhook_id, d.event_id, &d.r#type, body, d.created_at]).await?;
        Ok(made > 0)
    }

    /// A delivery of a webhook.
    pub async fn webhook_delivery(&mut self, webhook: Uuid, id: Uuid) -> Result<Option<WebhookDelivery>> {
        self.one(include_str!("sql/webhook_deliveries/get.sql"), args![id, webhook]).await
    }

    /// A delivery, nobody else's to change until the transaction ends.
    pub async fn lock_webhook_delivery(
        &mut self,
        webhook: Uuid,
        id: Uuid,
    ) -> Result<Option<WebhookDelivery>> {
        let sql = self.pick(
            include_str!("sql/webhook_deliveries/lock.sqlite.sql"),
            include_str!("sql/webhook_deliveries/lock.postgres.sql"),
        );
        self.one(sql, args![id, webhook]).await
    }

    /// The delivery of an event to a webhook, nobody else's to change until the transaction ends.
    pub async fn lock_delivery_of_event(
        &mut self,
        webhook: Uuid,
        event: Uuid,
    ) -> Result<Option<WebhookDelivery>> {
        let sql = self.pick(
            include_str!("sql/webhook_deliveries/lock_of_event.sqlite.sql"),
            include_str!("sql/webhook_deliveries/lock_of_event.postgres.sql"),
        );
        self.one(sql, args![webhook, event]).await
    }

    /// What a delivery sends, and what was said at its last try.
    pub async fn webhook_exchange(&mut self, id: Uuid) -> Result<Option<(String, Option<Exchange>)>> {
        let content: Option<Content> =
            self.one(include_str!("sql/webhook_deliveries/content.sql"), args![id]).await?;
        Ok(content.map(|content| (content.body, content.exchange)))
    }

    /// Takes deliveries of a webhook that are due, the longest due first; a claim that ran out counts as due.
    pub async fn claim_webhook_deliveries(
        &mut self,
        webhook: Uuid,
        claim: WebhookClaim<'_>,
    ) -> Result<Vec<LeasedDelivery>> {
        let sql = self.pick(
            include_str!("sql/webhook_deliveries/claim.sqlite.sql"),
            include_str!("sql/webhook_deliveries/claim.postgres.sql"),
        );
        self.all(sql, args![claim.lease, claim.until, webhook, claim.now, claim.limit]).await
    }

    /// Makes deliveries due now that wait for a time beyond `latest`, which none made by now can: the clock was ahead.
    pub async fn bring_back_webhook_deliveries(&mut self, now: Timestamp, latest: Timestamp) -> Result<u64> {
        self.run(include_str!("sql/webhook_deliveries/bring_back.sql"), args![now, latest]).await
    }

    /// Writes a delivery as it is now.
    pub async fn update_webhook_delivery(&mut self, d: &WebhookDelivery) -> Result<()> {
        self.run(
            include_str!("sql/webhook_deliveries/update.sql"),
            args![
                d.id,
                d.state,
                d.attempts,
                d.next_attempt_at,
                &d.lease,
                d.status_code,
                d.duration_ms,
                &d.error
            ],
        )
        .await
        .map(drop)
    }

    /// Keeps what was said at a delivery's last try.
    pub async fn keep_webhook_exchange(&mut self, id: Uuid, exchange: &Exchange) -> Result<()> {
        let exchange = json(exchange);
        let sql = include_str!("sql/webhook_deliveries/keep_exchange.sql");
        self.run(sql, args![id, &exchange]).await.map(drop)
    }

    /// Ends what waits for a webhook, for this reason.
    pub async fn end_waiting_deliveries(&mut self, webhook: Uuid, reason: &str) -> Result<u64> {
        self.run(include_str!("sql/webhook_deliveries/end_waiting.sql"), args![webhook, reason]).await
    }

    /// Forgets up to `limit` deliveries made before this time.
    pub async fn sweep_webhook_deliveries(&mut self, before: Timestamp, limit: i64) -> Result<u64> {
        self.run(include_str!("sql/webhook_deliveries/sweep.sql"), args![before.first_uuid(), limit]).await
    }

    /// A page of a webhook's deliveries, the newest first.
    pub async fn list_webhook_deliveries(
        &mut self,
        webhook: Uuid,
        filters: &[WebhookDeliveryFilter],
        start: &Start,
        limit: i64,
    ) -> Result<Vec<WebhookDelivery>> {
        let mut select = Select::new(DELIVERIES);
        select.bind(webhook);
        filters.iter().for_each(|filter| filter.add(&mut select));
        super::reading::add_by_id(&mut select, true, start, limit);
        select.all(self).await
    }

    /// How many deliveries a webhook has.
    pub async fn count_webhook_deliveries(
        &mut self,
        webhook: Uuid,
        filters: &[WebhookDeliveryFilter],
    ) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM webhook_deliveries WHERE webhook_id = ");
        select.bind(webhook);
        filters.iter().for_each(|filter| filter.add(&mut select));
        super::reading::count(select, self).await
    }
}

impl WebhookDeliveryFilter {
    fn add(&self, select: &mut Select) {
        match self {
            Self::State(choice) => {
                super::query::choose(select, "state", choice, |state: &DeliveryState| state.as_str())
            }
            Self::Type(choice) => super::query::choose(select, "type", choice, String::clone),
        }
    }
}
