//! One change of many tickets (API.md §5.1): each ticket is a piece of a job, with a transaction and an outcome of its
//! own. A few are gone through while the caller waits, more behind the call.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::jobs::{LEASE_MS, ShowRefusal, Step};
use super::query::{TicketFilter, TicketRef};
use super::responses::Speaker;
use super::updates::TicketUpdate;
use super::writing::{Answered, Ending};
use super::{Caller, Desk, Error, ResponseRequest, Result, SpamRequest};
use crate::model::{Job, JobKind, JobState, TicketNumber};
use crate::store::Tx;
use crate::store::idempotency::{StoredAnswer, WriteKey};

/// Most tickets that are gone through while the caller waits.
pub const AT_ONCE: usize = 100;
/// Most tickets of one call.
pub const MOST: usize = 10_000;

/// What is done with each ticket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// As PATCH of one ticket.
    Update(TicketUpdate),
    /// A response on each.
    Respond {
        /// Its text is empty where a template fills it.
        response: ResponseRequest,
        /// The caller's own, for the template.
        variables: Option<Value>,
    },
    /// Into the bin.
    Delete,
    /// It is spam.
    Spam,
}

/// Which tickets.
#[derive(Debug, Clone, PartialEq)]
pub enum BulkTickets {
    /// By id or number, as they were written.
    Named(Vec<(String, TicketRef)>),
    /// All that a list with these filters has.
    Found {
        /// They must all hold.
        filters: Vec<TicketFilter>,
        /// How many the caller saw.
        expected: i64,
    },
}

/// What became of a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct BulkOutcome {
    /// The ticket's id; what was written, when there is no such ticket.
    pub id: String,
    /// `None`: it was done. Otherwise why not, as it was shown to the job.
    pub refused: Option<Value>,
}

/// How a bulk call ends.
#[derive(Debug)]
pub enum Bulk {
    /// Every ticket was gone through, in the order named; whether by an earlier call with the same key.
    Done(Vec<BulkOutcome>, bool),
    /// A job goes through them.
    Started(Answered),
}

/// A bulk call, its fields valid one by one.
pub struct BulkCall<'a> {
    /// Which tickets.
    pub tickets: BulkTickets,
    /// What is done.
    pub action: BulkAction,
    /// Who asks.
    pub caller: &'a Caller,
    /// How refusals are shown.
    pub show: ShowRefusal,
}

impl Desk {
    /// Does one thing with many tickets, each by itself. The key of a call that did a few names its job, which knows
    /// what became of them.
    ///
    /// # Errors
    /// [`Error::CountMismatch`], [`Error::Invalid`] for too many; [`Error::KeyReused`], [`Error::KeyInProgress`]; the
    /// store's.
    pub async fn bulk(&self, call: BulkCall<'_>, ending: Ending<'_, Job>) -> Result<Bulk> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return replay_bulk(&mut tx, replayed).await;
        }
        let items = items_of(&mut tx, &call.tickets).await?;
        if ending.dry_run && items.len() <= AT_ONCE {
            tx.rollback().await?;
            return Ok(Bulk::Done(self.try_each(&items, &call).await?, false));
        }
        let request = json!(call.action);
        let mut job = self.start_job(&mut tx, JobKind::Bulk, request, call.caller).await?;
        tx.insert_job_items(job.id, &items).await?;
        job.total = i64::try_from(items.len()).ok();
        if items.len() > AT_ONCE {
            tx.save_job(&job).await?;
            let answered = self.conclude(tx, &ending, &job).await?;
            self.ring_jobs();
            return Ok(Bulk::Started(answered));
        }
        self.do_now(tx, job, ending.key.as_ref(), call.show).await
    }

    /// Goes through the tickets in this call; should it be cut off, the job is another worker's when its lease ends.
    async fn do_now(
        &self,
        mut tx: Tx,
        mut job: Job,
        key: Option<&WriteKey>,
        show: ShowRefusal,
    ) -> Result<Bulk> {
        let lease = Uuid::from_bytes(self.ids().bytes()).to_string();
        job.state = JobState::Running;
        job.next_at = Some(job.created_at.plus_ms(LEASE_MS));
        job.lease = Some(lease.clone());
        tx.save_job(&job).await?;
        if let Some(key) = key {
            let named = StoredAnswer { status: 200, location: None, body: json!(job.id).to_string() };
            tx.store_answer(key, &named).await?;
        }
        tx.commit().await?;
        self.work_off(job.id, &lease, show).await?;
        let mut tx = self.store().read().await?;
        Ok(Bulk::Done(outcomes(&mut tx, job.id).await?, false))
    }

    /// What would become of each, nothing being kept.
    async fn try_each(&self, items: &[String], call: &BulkCall<'_>) -> Result<Vec<BulkOutcome>> {
        let mut outcomes = Vec::with_capacity(items.len());
        for item in items {
            let mut tx = self.store().begin().await?;
            let refused = match self.act_on(&mut tx, item, &call.action, call.caller).await {
                Err(Error::Store(error)) if error.is_transient() => return Err(Error::Store(error)),
                Err(refused) => Some((call.show)(refused)),
                Ok(()) => None,
            };
            tx.rollback().await?;
            outcomes.push(BulkOutcome { id: item.clone(), refused });
        }
        Ok(outcomes)
    }

    /// The next ticket of a job.
    pub(super) async fn bulk_step(&self, tx: &mut Tx, job: &mut Job) -> Result<Step> {
        if let Some(item) = tx.job_item(job.id, job.done).await? {
            let caller = self.owner_of(tx, job).await?;
            let action: BulkAction = serde_json::from_value(job.request.clone())
                .map_err(|_| Error::InvalidState("another version of the desk wrote it down"))?;
            self.act_on(tx, &item, &action, &caller).await?;
            job.done += 1;
        }
        if job.total.is_some_and(|total| job.done < total) {
            return Ok(Step::More);
        }
        let refused = job.position.as_i64().unwrap_or(0);
        Ok(Step::Ended(json!({ "succeeded": job.done - refused, "failed": refused })))
    }

    async fn act_on(&self, tx: &mut Tx, item: &str, action: &BulkAction, caller: &Caller) -> Result<()> {
        let ticket = TicketRef::parse(item).ok_or(Error::NotFound("ticket"))?;
        match action {
            BulkAction::Update(update) => self.update(tx, &ticket, update, caller).await.map(drop),
            BulkAction::Respond { response, variables } => {
                self.respond_to(tx, &ticket, response.clone(), variables.clone(), caller).await
            }
            BulkAction::Delete => self.bin(tx, &ticket, None, caller).await.map(drop),
            BulkAction::Spam => self.mark(tx, &ticket, SpamRequest::default(), caller).await.map(drop),
        }
    }

    async fn respond_to(
        &self,
        tx: &mut Tx,
        ticket: &TicketRef,
        mut response: ResponseRequest,
        variables: Option<Value>,
        caller: &Caller,
    ) -> Result<()> {
        if let (true, Some(template)) = (response.body.text.is_empty(), response.template_id) {
            let template = self.answer_template(template, caller).await?;
            response.body = self.fill_reply(ticket, &template, variables, caller).await?;
        }
        let ticket = self.locked(tx, ticket, None).await?;
        self.respond(tx, ticket, response, &Speaker::of(caller)).await.map(drop)
    }
}

/// The tickets, each once: ids where there are some, otherwise what was written.
async fn items_of(tx: &mut Tx, tickets: &BulkTickets) -> Result<Vec<String>> {
    match tickets {
        BulkTickets::Named(named) => named_items(tx, named).await,
        BulkTickets::Found { filters, expected } => {
            let count = tx.count_tickets(filters).await?;
            if count != *expected {
                return Err(Error::CountMismatch { count });
            }
            if count > MOST as i64 {
                let detail = format!("matches {count} tickets; at most {MOST} in one call");
                return Err(Error::Invalid { pointer: "/filter", code: "too_many", detail });
            }
            let ids = tx.ticket_ids(filters, MOST as i64).await?;
            Ok(ids.iter().map(Uuid::to_string).collect())
        }
    }
}

async fn named_items(tx: &mut Tx, named: &[(String, TicketRef)]) -> Result<Vec<String>> {
    let numbers: Vec<&TicketNumber> = named
        .iter()
        .filter_map(|(_, ticket)| if let TicketRef::Number(number) = ticket { Some(number) } else { None })
        .collect();
    let ids = tx.ids_of_numbers(&numbers).await?;
    let mut items: Vec<String> = Vec::with_capacity(named.len());
    let mut seen = std::collections::HashSet::new();
    for (written, ticket) in named {
        let item = match ticket {
            TicketRef::Id(id) => id.to_string(),
            TicketRef::Number(number) => {
                ids.get(number.as_str()).map_or_else(|| written.clone(), Uuid::to_string)
            }
        };
        if seen.insert(item.clone()) {
            items.push(item);
        }
    }
    Ok(items)
}

/// The answer of an earlier call with the same key: a few tickets' outcomes, or the job that goes through many.
async fn replay_bulk(tx: &mut Tx, replayed: Answered) -> Result<Bulk> {
    match serde_json::from_str::<Uuid>(&replayed.answer.body) {
        Err(_) => Ok(Bulk::Started(replayed)),
        Ok(job) => match tx.job(job).await? {
            Some(job) if !job.state.is_ended() => Err(Error::KeyInProgress),
            _ => Ok(Bulk::Done(outcomes(tx, job).await?, true)),
        },
    }
}

/// What became of each ticket of a job that ended.
async fn outcomes(tx: &mut Tx, job: Uuid) -> Result<Vec<BulkOutcome>> {
    let items = tx.job_items(job).await?;
    let job = tx.job(job).await?.ok_or(Error::NotFound("job"))?;
    let done = usize::try_from(job.done).unwrap_or(0);
    let outcome = |(place, id): (usize, String)| {
        let error = job.errors.iter().find(|error| error["id"] == id.as_str());
        let undone =
            (place >= done).then(|| json!({ "status": 409, "code": "invalid_state", "detail": job.state }));
        BulkOutcome { refused: error.map(|error| error["problem"].clone()).or(undone), id }
    };
    Ok(items.into_iter().enumerate().map(outcome).collect())
}
