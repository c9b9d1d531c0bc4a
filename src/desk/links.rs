//! Signed pages that mails lead to (API.md §5.5). A link alone does nothing: its page asks first.

use serde_json::Value;
use uuid::Uuid;

use super::Desk;
use super::outgoing::id_in;
use super::pending::PENDING;
use crate::mail::reply_token::LinkKind;
use crate::model::wishes::may_be_switched_off;
use crate::model::{NotificationTemplate, OutboxEntry, OutgoingLinks};

/// Where links lead, below `http.public_url`.
const PAGES: &str = "/api/support/confirm";

impl Desk {
    /// The pages a mail leads to; none without `http.public_url`.
    pub(super) fn links_of(&self, entry: &OutboxEntry) -> OutgoingLinks {
        let held = entry.context.get("inbound_mail_id").and_then(Value::as_str);
        let held = held.and_then(|id| Uuid::try_parse(id).ok());
        let is = |template: NotificationTemplate| entry.template == template.as_str();
        let to_customer = is(NotificationTemplate::TicketReceivedNeutral).then_some(entry.id);
        let template = NotificationTemplate::parse(&entry.template);
        let to_agent = template.filter(|kind| may_be_switched_off(*kind)).map(|_| entry.id);
        OutgoingLinks {
            release: held
                .filter(|_| is(NotificationTemplate::AgentReplyRefused))
                .and_then(|mail| self.link(LinkKind::Release, mail)),
            confirm: match id_in(&entry.context, PENDING) {
                Some(form) => self.link(LinkKind::Pending, form),
                None => to_customer.and_then(|entry| self.link(LinkKind::Confirm, entry)),
            },
            unsubscribe: to_agent.and_then(|entry| self.link(LinkKind::Unsubscribe, entry)),
            ..OutgoingLinks::default()
        }
    }

    fn link(&self, kind: LinkKind, id: Uuid) -> Option<String> {
        let base = self.config().http.public_url.as_deref()?.trim_end_matches('/');
        Some(format!("{base}{PAGES}/{}", self.keys().link_token(kind, id)))
    }
}
