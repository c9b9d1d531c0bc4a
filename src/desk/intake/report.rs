//! Reports on mail of ours: tied to the mail that they are about.

use uuid::Uuid;

use super::reading::Reading;
use super::{Decision, Desk, Result};
use crate::mail::dsn::DeliveryReport;
use crate::model::InboundAction;
use crate::store::Tx;

impl Desk {
    /// A bounce or a complaint: the mail of ours that it is about has it written down.
    pub(super) async fn file_bounce(&self, tx: &mut Tx, mail: &Reading) -> Result<Decision> {
        let decision = Decision::new(InboundAction::Bounce, mail.judgement.reason, &mail.judgement.detail);
        self.tie_report(tx, mail, decision).await
    }

    /// Ties a report to the mail of ours that it is about, and writes it down there.
    pub(super) async fn tie_report(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        mut decision: Decision,
    ) -> Result<Decision> {
        let Some(report) = &mail.judgement.report else { return Ok(decision) };
        let Some(entry) = self.reported_entry(tx, mail, report).await? else { return Ok(decision) };
        let Some(entry) = self.record_bounce(tx, entry, report).await? else { return Ok(decision) };
        decision.detail = format!("{}; it was our mail to {}", decision.detail, entry.to_address);
        if let Some(id) = entry.ticket_id {
            decision.ticket = tx.ticket(id).await?.map(|ticket| (ticket.id, ticket.number));
        }
        Ok(decision)
    }

    /// The outbox entry a report is about: by the return path's token, else by the returned Message-ID, whose token
    /// must be of the entry's ticket.
    async fn reported_entry(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        report: &DeliveryReport,
    ) -> Result<Option<Uuid>> {
        if mail.bounced_entry.is_some() {
            return Ok(mail.bounced_entry);
        }
        let ours = report.original_message_id.as_ref().and_then(|id| self.keys().read_message_id(id));
        let Some((Some(id), token)) = ours.map(|ours| (ours.entry, ours.token)) else { return Ok(None) };
        let Some(ticket) = tx.outbox_entry(id).await?.and_then(|entry| entry.ticket_id) else {
            return Ok(None);
        };
        let same = tx.ticket(ticket).await?.is_some_and(|ticket| ticket.number == token.ticket);
        Ok(same.then_some(id))
    }
}
