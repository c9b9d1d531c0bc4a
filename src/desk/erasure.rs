//! A person forgotten (GDPR, article 17), piece by piece behind the request: each piece is one transaction, looks for
//! what is left, and takes it away, so that it may be cut off and begun again anywhere.
//!
//! Of their own tickets nothing stays that anybody wrote. On tickets of others, what they wrote, the mails to and from
//! them, and all quotes go; what others wrote stays, in the mails of these others too.

use serde_json::{Value, json};
use uuid::Uuid;

use super::changes::Act;
use super::jobs::Step;
use super::writing::{Answered, Deed, Ending, check_version};
use super::{Caller, Desk, Error, Result};
use crate::model::{Actor, ContactEmail, Job, JobKind};
use crate::store::{self, Tx};

impl Desk {
    /// Starts to forget a contact. Asked again, a new job finds what is left, or nothing.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; the store's.
    pub async fn erase_contact(
        &self,
        id: Uuid,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, Job>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let contact = tx.lock_contact(id).await?.ok_or(Error::NotFound("contact"))?;
        check_version(contact.version, version)?;
        let request = json!({ "contact_id": id });
        let mut job = self.start_job(&mut tx, JobKind::EraseContact, request, caller).await?;
        job.total = Some(tx.count_all_tickets_of(id).await?);
        tx.save_job(&job).await?;
        let deed = Deed { by: Some(caller), what: "contact.erasing", id };
        let answered = self.conclude_deed(tx, &ending, &job, deed).await?;
        self.ring_jobs();
        Ok(answered)
    }

    /// The next piece: a ticket of theirs, or some mails, or at last the contact.
    pub(super) async fn erase_step(&self, tx: &mut Tx, job: &mut Job) -> Result<Step> {
        let id = id_in(&job.request, "contact_id");
        if tx.lock_contact(id).await?.is_none() {
            return Ok(Step::Ended(json!({ "tickets": job.done })));
        }
        if let Some(ticket) = tx.next_ticket_of(id, id_in(&job.position, "after")).await? {
            self.forget_ticket(tx, ticket).await?;
            job.position = json!({ "after": ticket });
            job.done += 1;
            return Ok(Step::More);
        }
        let emails = tx.contact_emails(id).await?;
        for ContactEmail { address, .. } in &emails {
            if self.forget_elsewhere(tx, id, address).await? {
                return Ok(Step::More);
            }
        }
        for ContactEmail { address, .. } in &emails {
            tx.delete_suppression(address).await?;
            tx.forget_soft_bounces(address).await?;
        }
        tx.forget_contact(id, self.clock().now()).await?;
        Deed { by: None, what: "contact.erased", id }.log();
        Ok(Step::Ended(json!({ "tickets": job.done })))
    }

    /// A ticket of theirs: number, status and clocks stay.
    async fn forget_ticket(&self, tx: &mut Tx, ticket: Uuid) -> Result<()> {
        let Some(mut ticket) = tx.lock_ticket(ticket).await? else { return Ok(()) };
        if tx.mails_leaving(ticket.id).await? > 0 {
            return Err(leaving());
        }
        for row in tx.responses_to_index(ticket.id).await? {
            tx.forget_response(&row).await?;
        }
        let act = Act::by_api(Actor::system(), self.clock().now());
        self.note_change(tx, &ticket, &act, "forgotten", ("forgotten", json!(false), json!(true))).await?;
        (ticket.cc, ticket.resolution) = (Vec::new(), None);
        ticket.custom_fields = json!({});
        self.write_down(tx, &mut ticket, &act).await?;
        tx.erase_ticket(ticket.id, act.at).await?;
        Ok(tx.forget_requester(ticket.id, act.at).await?)
    }

    /// Some of what an address left on tickets of others, or on none; `false` when nothing is left.
    async fn forget_elsewhere(&self, tx: &mut Tx, contact: Uuid, address: &str) -> Result<bool> {
        if tx.mails_leaving_to(address).await? > 0 {
            return Err(leaving());
        }
        let (mails, sent) = (tx.mails_from(address).await?, tx.sent_to_address(address).await?);
        let copied = tx.tickets_copied_to(address).await?;
        let mut tickets = copied;
        for (mail, ticket, response) in &mails {
            if let Some(response) = response {
                tx.erase_response(*response).await?;
            }
            tx.forget_mail(*mail).await?;
            tickets.extend(ticket);
        }
        for (log, ticket) in &sent {
            tx.forget_sent(*log, self.clock().now()).await?;
            tickets.extend(ticket);
        }
        tickets.sort_unstable();
        tickets.dedup();
        for ticket in &tickets {
            self.forget_on(tx, *ticket, contact, address).await?;
        }
        Ok(!mails.is_empty() || !sent.is_empty() || !tickets.is_empty())
    }

    /// A ticket of somebody else: they read it no longer, and nobody quotes them.
    async fn forget_on(&self, tx: &mut Tx, ticket: Uuid, contact: Uuid, address: &str) -> Result<()> {
        let Some(mut ticket) = tx.lock_ticket(ticket).await? else { return Ok(()) };
        for report in tx.reports_naming(ticket.id, address).await? {
            tx.forget_mail(report).await?;
        }
        tx.erase_quotes(ticket.id).await?;
        tx.forget_in_trail(ticket.id, contact).await?;
        ticket.cc.retain(|copied| copied != address);
        let act = Act::by_api(Actor::system(), self.clock().now());
        self.write_down(tx, &mut ticket, &act).await?;
        self.index_moved(tx, ticket.id).await
    }
}

/// What is on the wire can't be called back: the job waits for it.
fn leaving() -> Error {
    Error::Store(store::Error::Unavailable("a mail to the person is leaving at this moment".into()))
}

/// An id in what a job keeps; the first of all when it is not there.
fn id_in(kept: &Value, member: &str) -> Uuid {
    kept[member].as_str().and_then(|text| Uuid::try_parse(text).ok()).unwrap_or_default()
}
