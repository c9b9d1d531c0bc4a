//! A webhook gets again what happened in a time: a job, as that may be much.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::super::jobs::Step;
use super::super::writing::{Answered, Ending};
use super::super::{Caller, Desk, Error, Result};
use super::filter::wanted;
use crate::model::{DeskEvent, Job, JobKind, Timestamp, Webhook};
use crate::store::Tx;

/// Events of one piece.
const PIECE: i64 = 100;

/// What a job was asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Replay {
    webhook_id: Uuid,
    /// Inclusive.
    from: Timestamp,
    /// Exclusive.
    to: Timestamp,
}

/// Where a job goes on.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Place {
    /// Behind this event.
    seq: i64,
    deliveries: i64,
}

impl Desk {
    /// Sends a webhook again what happened from one time to another, as far as it is kept and wanted by its types and its
    /// filter: each event under its id, whether it had arrived or not.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::InvalidState`] when it is switched off; the store's.
    pub async fn replay_webhook(
        &self,
        id: Uuid,
        from: Timestamp,
        to: Timestamp,
        caller: &Caller,
        ending: Ending<'_, Job>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(answered) = self.replay(&mut tx, &ending).await? {
            return Ok(answered);
        }
        active(&mut tx, id).await?;
        let request = json!(Replay { webhook_id: id, from, to });
        let job = self.start_job(&mut tx, JobKind::ReplayWebhook, request, caller).await?;
        let answered = self.conclude(tx, &ending, &job).await?;
        self.ring_jobs();
        Ok(answered)
    }

    /// The next piece of it.
    pub(in crate::desk) async fn replay_piece(&self, tx: &mut Tx, job: &mut Job) -> Result<Step> {
        let Replay { webhook_id, from, to } = read(&job.request)?;
        let mut place: Place = if job.position.is_null() { Place::default() } else { read(&job.position)? };
        let webhook = active(tx, webhook_id).await?;
        let events = tx.events_between(place.seq, from, to, PIECE).await?;
        let Some(last) = events.last() else {
            job.total = Some(job.done);
            return Ok(Step::Ended(json!({ "deliveries": place.deliveries })));
        };
        place.seq = last.seq;
        place.deliveries += self.deliver_again(tx, &webhook, &events).await?;
        job.done += i64::try_from(events.len()).unwrap_or(i64::MAX);
        job.position = json!(place);
        Ok(Step::More)
    }

    /// How many deliveries go again, or for the first time. One that is on the wire goes anyway.
    async fn deliver_again(&self, tx: &mut Tx, webhook: &Webhook, events: &[DeskEvent]) -> Result<i64> {
        let mut count = 0;
        for event in wanted(tx, webhook, events.iter().collect()).await? {
            match tx.lock_delivery_of_event(webhook.id, event.id).await? {
                Some(delivery) if delivery.is_on_wire() => continue,
                Some(mut delivery) => {
                    delivery.begin_anew(self.clock().now());
                    tx.update_webhook_delivery(&delivery).await?;
                }
                None => {
                    let delivery = self.new_delivery(webhook.id, event.id, event.r#type);
                    tx.insert_webhook_delivery(&delivery, &event.body).await?;
                }
            }
            count += 1;
        }
        Ok(count)
    }
}

async fn active(tx: &mut Tx, id: Uuid) -> Result<Webhook> {
    let webhook = tx.webhook(id).await?.ok_or(Error::NotFound("webhook"))?;
    match webhook.is_active {
        true => Ok(webhook),
        false => Err(Error::InvalidState("the webhook is switched off; set is_active first")),
    }
}

fn read<T: for<'de> Deserialize<'de>>(kept: &Value) -> Result<T> {
    let broken = |error| Error::Store(crate::store::Error::Broken(format!("a job's memory: {error}")));
    T::deserialize(kept).map_err(broken)
}
