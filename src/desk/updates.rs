//! Tickets changed by API callers (API.md §5.1): any of their fields in one call, each change with its line in the
//! audit trail.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::changes::Act;
use super::query::TicketRef;
use super::teams::check_team;
use super::tickets::{check_transition, primary_address};
use super::writing::{Answered, Ending};
use super::{Caller, Desk, Error, Result, TicketWritten};
use crate::model::merge_patch::merge_patch;
use crate::model::*;
use crate::store::Tx;

/// Most tags of a ticket (API.md §4.1).
const MAX_TAGS: usize = 50;
/// Most octets of a ticket's own fields (API.md §4.1).
const MAX_CUSTOM_FIELDS: usize = 8 << 10;

/// What a ticket shall be (API.md §5.1); what is `None` stays, `Some(None)` is cleared.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "API.md §5.1 names the fields")]
pub struct TicketUpdate {
    pub subject: Option<String>,
    pub priority: Option<Priority>,
    pub category: Option<Category>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub assignee_id: Option<Option<Uuid>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub team_id: Option<Option<Uuid>>,
    pub requester_id: Option<Uuid>,
    /// All of them; `add_tags` and `remove_tags` come after.
    pub tags: Option<Vec<String>>,
    pub add_tags: Vec<String>,
    pub remove_tags: Vec<String>,
    /// All of them, lower case.
    pub cc: Option<Vec<String>>,
    /// A merge patch; null takes all away.
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub custom_fields: Option<Value>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Option<String>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub seller_id: Option<Option<String>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub store_id: Option<Option<String>>,
    #[serde(deserialize_with = "given", skip_serializing_if = "Option::is_none")]
    pub order_id: Option<Option<String>>,
    pub is_spam: Option<bool>,
    pub status: Option<Status>,
    /// What the caller wished; `None`: as the settings say.
    pub notify: Option<bool>,
    /// `If-Match`.
    pub version: Option<i64>,
}

/// Null is a value of its own, apart from nothing.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<T>, D::Error> {
    T::deserialize(value).map(Some)
}

impl Desk {
    /// Changes a ticket's fields, all or none of them.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`], [`Error::VersionMismatch`], [`Error::InvalidTransition`],
    /// [`Error::Invalid`]; the store's.
    pub async fn update_ticket(
        &self,
        ticket: &TicketRef,
        update: &TicketUpdate,
        caller: &Caller,
        ending: Ending<'_, TicketWritten>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let (ticket, emails) = self.update(&mut tx, ticket, update, caller).await?;
        let written = TicketWritten { view: self.view_ticket(&mut tx, ticket).await?, emails };
        let answered = self.conclude(tx, &ending, &written).await?;
        if update.is_spam == Some(false) {
            self.reload_directory().await?;
        }
        Ok(answered)
    }

    /// The same, inside the caller's transaction: the ticket as it stands then, and what was mailed.
    pub(super) async fn update(
        &self,
        tx: &mut Tx,
        ticket: &TicketRef,
        update: &TicketUpdate,
        caller: &Caller,
    ) -> Result<(Ticket, Vec<OutboxEntry>)> {
        let mut ticket = self.locked(tx, ticket, update.version).await?;
        let act = Act::by_api(caller.actor(), self.clock().now());
        let from = ticket.status;
        if let Some(status) = update.status {
            check_transition(&ticket, status, caller)?;
        }
        let mut changed = self.change_what_it_is(tx, &mut ticket, update, &act).await?;
        changed |= self.change_people(tx, &mut ticket, update, &act).await?;
        let given = self.change_hands(tx, &mut ticket, update, &act).await?;
        changed |= given.0 | given.1;
        if let Some(status) = update.status {
            let resolution = ticket.resolution.clone();
            changed |= self.change_status_of(tx, &mut ticket, status, &act).await?;
            ticket.resolution = resolution.filter(|_| status.is_ended());
        }
        if !changed {
            return Ok((ticket, Vec::new()));
        }
        self.write_down(tx, &mut ticket, &act).await?;
        if update.subject.is_some() || update.requester_id.is_some() || update.cc.is_some() {
            self.index_moved(tx, ticket.id).await?;
        }
        let mut emails = Vec::new();
        if given.0 {
            emails.extend(self.notify_assigned(tx, &ticket, &act.actor, update.notify).await?);
        }
        emails.extend(self.notify_status(tx, &ticket, from, update.notify).await?);
        Ok((ticket, emails))
    }

    /// Subject, words of the contract, tags and the shop's own ids.
    async fn change_what_it_is(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        update: &TicketUpdate,
        act: &Act,
    ) -> Result<bool> {
        let mut changed = false;
        if let Some(subject) = &update.subject {
            changed |= self.set_subject(tx, ticket, subject, act).await?;
        }
        if let Some(priority) = update.priority {
            changed |= self.set_priority(tx, ticket, priority, act).await?;
        }
        if let Some(category) = update.category {
            changed |= self.set_category(tx, ticket, category, act).await?;
        }
        if let Some(spam) = update.is_spam {
            changed |= self.set_spam(tx, ticket, spam, act).await?;
            if !spam {
                tx.unblock_sender(&ticket.requester_email).await?;
            }
        }
        let tags = tags_after(&ticket.tags, update)?;
        changed |= self.set_tags(tx, ticket, tags, act).await?;
        if let Some(patch) = &update.custom_fields {
            let fields = patched(&ticket.custom_fields, patch)?;
            changed |= self.set_custom_fields(tx, ticket, fields, act).await?;
        }
        Ok(changed | self.set_shop_ids(tx, ticket, update, act).await?)
    }

    /// What the shop calls the people and things it is about.
    async fn set_shop_ids(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        update: &TicketUpdate,
        act: &Act,
    ) -> Result<bool> {
        type IdOf = fn(&mut Ticket) -> &mut Option<String>;
        let ids: [(&str, IdOf, _); 4] = [
            ("user_id", |t| &mut t.user_id, &update.user_id),
            ("seller_id", |t| &mut t.seller_id, &update.seller_id),
            ("store_id", |t| &mut t.store_id, &update.store_id),
            ("order_id", |t| &mut t.order_id, &update.order_id),
        ];
        let mut changed = false;
        for (name, id_of, wanted) in ids {
            let Some(wanted) = wanted else { continue };
            let from = std::mem::replace(id_of(ticket), wanted.clone());
            let change = (name, json!(from), json!(wanted));
            changed |= self.note_change(tx, ticket, act, "details_changed", change).await?;
        }
        Ok(changed)
    }

    /// Who asks, and who reads along.
    async fn change_people(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        update: &TicketUpdate,
        act: &Act,
    ) -> Result<bool> {
        let mut changed = false;
        if let Some(requester) = update.requester_id {
            changed |= self.set_requester(tx, ticket, requester, act).await?;
        }
        if let Some(cc) = &update.cc {
            changed |= self.set_cc(tx, ticket, cc, act).await?;
        }
        Ok(changed)
    }

    /// From now on somebody else asks, at their first address.
    async fn set_requester(&self, tx: &mut Tx, ticket: &mut Ticket, to: Uuid, act: &Act) -> Result<bool> {
        if to == ticket.requester_id {
            return Ok(false);
        }
        let contact = tx.contact(to).await?.ok_or(Error::Invalid {
            pointer: "/requester_id",
            code: "not_found",
            detail: "no contact has this id".into(),
        })?;
        let from = std::mem::replace(&mut ticket.requester_id, to);
        ticket.requester_type = contact.r#type;
        ticket.requester_email = primary_address(tx, to).await?;
        ticket.cc.retain(|address| *address != ticket.requester_email);
        let change = ("requester_id", json!(from), json!(to));
        self.note_change(tx, ticket, act, "requester_changed", change).await
    }

    /// Exactly these read along; who names them vouches for them.
    async fn set_cc(&self, tx: &mut Tx, ticket: &mut Ticket, cc: &[String], act: &Act) -> Result<bool> {
        let recipients = self.recipients();
        if let Some(ours) = cc.iter().find(|address| recipients.is_ours(address)) {
            let detail = format!("{ours} is the desk's own: mail would come back to it");
            return Err(Error::Invalid { pointer: "/cc", code: "not_allowed", detail });
        }
        let from = json!(ticket.cc);
        ticket.cc.retain(|address| cc.contains(address));
        // What only goes away leaves its line here; what comes is vouched for below.
        let kept = json!(ticket.cc);
        let taken = self.note_change(tx, ticket, act, "cc_changed", ("cc", from, kept)).await?;
        Ok(self.add_cc(tx, ticket, cc, act).await? | taken)
    }

    /// Whose work it is: whether it changed hands, and teams.
    async fn change_hands(
        &self,
        tx: &mut Tx,
        ticket: &mut Ticket,
        update: &TicketUpdate,
        act: &Act,
    ) -> Result<(bool, bool)> {
        let (mut given, mut moved) = (false, false);
        if let Some(agent) = update.assignee_id {
            self.check_assignee(agent.filter(|_| agent != ticket.assignee_id))?;
            given = self.give_to(tx, ticket, agent, act).await?;
        }
        if let Some(team) = update.team_id {
            check_team(tx, team).await?;
            moved = self.give_to_team(tx, ticket, team, act).await?;
        }
        Ok((given, moved))
    }
}

/// The tags that were asked for: all of them first, then those to be added and taken away.
fn tags_after(tags: &[String], update: &TicketUpdate) -> Result<Vec<String>> {
    let mut after: Vec<String> = Vec::new();
    for tag in update.tags.as_deref().unwrap_or(tags).iter().chain(&update.add_tags) {
        if !after.contains(tag) && !update.remove_tags.contains(tag) {
            after.push(tag.clone());
        }
    }
    if after.len() > MAX_TAGS.max(tags.len()) {
        let detail = format!("a ticket has at most {MAX_TAGS}");
        return Err(Error::Invalid { pointer: "/add_tags", code: "too_many", detail });
    }
    Ok(after)
}

/// A ticket's own fields with a patch; they stay an object, and small.
fn patched(fields: &Value, patch: &Value) -> Result<Value> {
    if patch.is_null() {
        return Ok(json!({}));
    }
    let mut fields = fields.clone();
    merge_patch(&mut fields, patch);
    if fields.to_string().len() > MAX_CUSTOM_FIELDS {
        let detail = "with what is there, more than 8 KiB".into();
        return Err(Error::Invalid { pointer: "/custom_fields", code: "too_long", detail });
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn tags_are_set_then_added_then_taken_away() {
        for (before, set, add, remove, want) in [
            ("a b", None, "c a", "", "a b c"),
            ("a b", None, "", "a", "b"),
            ("a b", Some("x y"), "z", "y", "x z"),
            ("a b", Some(""), "", "", ""),
            ("a", None, "b", "b", "a"),
        ] {
            let update = TicketUpdate {
                tags: set.map(words),
                add_tags: words(add),
                remove_tags: words(remove),
                ..TicketUpdate::default()
            };
            assert_eq!(tags_after(&words(before), &update).ok(), Some(words(want)), "{update:?}");
        }
        let many = (0..51).map(|i| i.to_string()).collect();
        let update = TicketUpdate { add_tags: many, ..TicketUpdate::default() };
        assert!(tags_after(&[], &update).is_err());
    }

    #[test]
    fn an_update_survives_being_written_down() {
        let cleared = TicketUpdate {
            assignee_id: Some(None),
            user_id: Some(Some("u1".into())),
            custom_fields: Some(Value::Null),
            status: Some(Status::Resolved),
            ..TicketUpdate::default()
        };
        for update in [cleared, TicketUpdate::default()] {
            let kept = serde_json::to_string(&update).expect("it is JSON");
            assert_eq!(
                serde_json::from_str::<TicketUpdate>(&kept).expect("it was written so"),
                update,
                "{kept}"
            );
        }
    }
}
