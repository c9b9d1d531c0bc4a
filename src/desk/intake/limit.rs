//! How many tickets one sender opens by mail in a day. A forged sender must not shut out the real one, so mails that
//! are verified and mails that are not are counted apart.

use super::reading::Reading;
use super::sender::Sender;
use super::{Decision, Desk, Result};
use crate::model::{InboundAction, RecentMail, Status, Ticket};
use crate::store::Tx;
use crate::store::query::{Choice, Order, Person, Start, TicketFilter, TicketKey};

/// Newest mails of the sender that are looked at, besides those that count: their answers are among them.
const LOOKED_AT: i64 = 200;
/// Most open tickets named in the notice.
const MAX_NAMED: i64 = 20;

impl Desk {
    /// Why this mail opens no ticket; `None` when it does. A verified sender is told, once a day.
    pub(super) async fn over_limit(
        &self,
        tx: &mut Tx,
        mail: &Reading,
        sender: &Sender,
    ) -> Result<Option<Decision>> {
        let most = self.config().intake.max_tickets_per_sender_day;
        if most == 0 || sender.address.is_empty() || sender.acting_agent().is_some() {
            return Ok(None);
        }
        let since = mail.mail.received_at.plus_ms(-RecentMail::DAY_MS);
        let looked_at = LOOKED_AT + 2 * i64::from(most);
        let opened = tx.opened_by_sender(&sender.address, since, looked_at).await?;
        let alike = opened.iter().filter(|checked| checked.is_verified() == sender.verified).count();
        if u32::try_from(alike).is_ok_and(|alike| alike < most) {
            return Ok(None);
        }
        if sender.verified && mail.judgement.no_answer.is_none() {
            let open = self.open_tickets_of(tx, sender).await?;
            self.notify_limited(tx, &open).await?;
        }
        let detail = format!("its sender opened {alike} tickets within a day; the limit is {most}");
        Ok(Some(Decision::new(InboundAction::Quarantined, "sender_limit", detail)))
    }

    /// The sender's own tickets that are not ended, newest first.
    async fn open_tickets_of(&self, tx: &mut Tx, sender: &Sender) -> Result<Vec<Ticket>> {
        let Some(contact) = &sender.contact else { return Ok(Vec::new()) };
        let ended = Choice { any: vec![Status::Resolved, Status::Closed], none: false, negated: true };
        let filters = [
            TicketFilter::Requester(Choice::only(Person::Id(contact.id))),
            TicketFilter::Status(ended),
            TicketFilter::Spam(false),
        ];
        let order = [Order { key: TicketKey::CreatedAt, descending: true }];
        let tickets = tx.list_tickets(&filters, &order, &Start::Top, MAX_NAMED).await?;
        Ok(tickets.into_iter().filter(|ticket| ticket.requester_email == sender.address).collect())
    }
}
