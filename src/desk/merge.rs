//! Two tickets made one. What was said moves to the target; mail that still names the old number follows
//! (MAIL.md §1.4).

use serde_json::json;
use uuid::Uuid;

use super::changes::Act;
use super::{Desk, Error, Result};
use crate::model::{Status, Ticket};
use crate::store::Tx;

/// The mark of what came with the ticket of another requester: it is never quoted to this one.
pub(super) const OTHER_REQUESTER: &str = "other_requester";

impl Desk {
    /// Merges a ticket into another one: its responses and files move there, and it is closed without a word. Its
    /// people read along there only when its requester is the target's: a number is no key to what others wrote.
    pub(super) async fn merge(&self, tx: &mut Tx, from: Uuid, into: Uuid, act: &Act) -> Result<()> {
        let (Some(mut source), Some(mut target)) = (tx.lock_ticket(from).await?, tx.lock_ticket(into).await?)
        else {
            return Err(Error::NotFound("ticket"));
        };
        if source.requester_id != target.requester_id {
            mark_foreign(tx, &source).await?;
        }
        tx.move_responses(source.id, target.id).await?;
        self.index_moved(tx, target.id).await?;
        take_over(&mut target, &source);
        self.write_down(tx, &mut target, act).await?;
        let to = json!(target.number);
        self.note_change(tx, &source, act, "merged", ("merged_into", json!(null), to)).await?;
        let of = json!(source.number);
        self.note_change(tx, &target, act, "merged_from", ("merged_from", json!(null), of)).await?;
        source.merged_into_id = Some(target.id);
        source.snoozed_until = None;
        (source.response_count, source.attachment_count) = (0, 0);
        self.change_status_of(tx, &mut source, Status::Closed, act).await?;
        self.write_down(tx, &mut source, act).await?;
        self.notify_merged(tx, &source, &target, None).await.map(drop)
    }
}

async fn mark_foreign(tx: &mut Tx, source: &Ticket) -> Result<()> {
    for mut response in tx.responses_of(source.id).await? {
        response.flags.push(OTHER_REQUESTER.into());
        tx.update_response(&response).await?;
    }
    Ok(())
}

/// What the target has of the source from now on.
fn take_over(target: &mut Ticket, source: &Ticket) {
    target.response_count += source.response_count;
    target.attachment_count += source.attachment_count;
    target.last_customer_message_at = target.last_customer_message_at.max(source.last_customer_message_at);
    target.last_agent_message_at = target.last_agent_message_at.max(source.last_agent_message_at);
    for tag in &source.tags {
        if !target.tags.contains(tag) {
            target.tags.push(tag.clone());
        }
    }
    if source.requester_id != target.requester_id {
        return;
    }
    for address in std::iter::once(&source.requester_email).chain(&source.cc) {
        if !address.is_empty() && *address != target.requester_email && !target.cc.contains(address) {
            target.cc.push(address.clone());
        }
    }
}
