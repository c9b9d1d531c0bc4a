//! Tickets opened and responses added: what intake and the API have in common. Each works inside the caller's
//! transaction.

use serde_json::Value;
use uuid::Uuid;

use super::{Desk, Result};
use crate::model::*;
use crate::store::Tx;

/// A ticket to be opened. The first message is its first response.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "API.md §4.1 names the fields")]
pub struct NewTicket {
    pub subject: String,
    pub status: Status,
    pub priority: Priority,
    pub category: Category,
    pub channel: Channel,
    pub mailbox_id: Option<Uuid>,
    pub requester: Contact,
    pub requester_type: ContactType,
    /// Lower case; may be empty.
    pub requester_email: String,
    pub assignee_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub user_id: Option<String>,
    pub seller_id: Option<String>,
    pub store_id: Option<String>,
    pub order_id: Option<String>,
    pub external_id: Option<String>,
    pub external_scope: Option<String>,
    pub locale: Option<String>,
    pub cc: Vec<String>,
    pub tags: Vec<String>,
    pub custom_fields: Value,
    pub metadata: Value,
    pub follow_up_of_id: Option<Uuid>,
    pub related_to_id: Option<Uuid>,
    pub created_at: Timestamp,
}

/// A response to be added.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "API.md §3.2 names the fields")]
pub struct NewResponse {
    /// Made by the caller, so that files can name it.
    pub id: Uuid,
    pub visibility: Visibility,
    pub channel: Channel,
    pub author: Actor,
    pub author_email: Option<String>,
    pub body_format: BodyFormat,
    pub body_text: String,
    pub body_html: Option<String>,
    pub quoted_text: String,
    pub full_text: Option<String>,
    pub to_addresses: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    pub message_id: Option<String>,
    pub in_reply_to: Option<String>,
    pub refs: Vec<String>,
    pub placement: Placement,
    pub mail_kind: Option<MailKind>,
    pub flags: Vec<String>,
    pub inbound_mail_id: Option<Uuid>,
    pub authentication: Option<Authentication>,
    pub template_id: Option<Uuid>,
    pub send_at: Option<Timestamp>,
    /// `response_id` and `ticket_id` are filled in when it is filed.
    pub attachments: Vec<AttachmentRecord>,
    pub created_at: Timestamp,
}
