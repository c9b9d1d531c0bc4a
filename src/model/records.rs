//! Tickets and what hangs on them, as they are kept. API.md §3 has each field's meaning.

use serde_json::Value;
use uuid::Uuid;

use super::agent::ActorType;
use super::{
    Authentication, Category, Channel, ContactType, MailKind, PlacedBy, Priority, Status, TicketNumber,
    Timestamp, Via, Visibility, words,
};

/// A support address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub struct Mailbox {
    pub id: Uuid,
    /// Lower case.
    pub address: String,
    pub from_name: Option<String>,
    pub signature: Option<String>,
    pub receive: String,
    pub default_category: Category,
    pub team_id: Option<Uuid>,
    pub store_id: Option<String>,
    pub locale: Option<String>,
    pub is_active: bool,
    pub last_received_at: Option<Timestamp>,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// A ticket (API.md §3.1).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §3.1 names the fields")]
pub struct Ticket {
    pub id: Uuid,
    pub number: TicketNumber,
    pub subject: String,
    /// What follows `Re: ` in mails, fixed for life, with the number's tag.
    pub mail_subject: String,
    pub preview: String,
    pub status: Status,
    pub priority: Priority,
    pub category: Category,
    pub channel: Channel,
    pub mailbox_id: Option<Uuid>,
    pub requester_id: Uuid,
    pub requester_type: ContactType,
    /// The address this ticket is answered to, lower case; empty when the mail had none.
    pub requester_email: String,
    pub assignee_id: Option<Uuid>,
    pub team_id: Option<Uuid>,
    pub user_id: Option<String>,
    pub seller_id: Option<String>,
    pub store_id: Option<String>,
    pub order_id: Option<String>,
    pub external_id: Option<String>,
    /// The token that named `external_id`.
    pub external_scope: Option<String>,
    pub locale: Option<String>,
    pub cc: Vec<String>,
    pub tags: Vec<String>,
    pub custom_fields: Value,
    pub metadata: Value,
    pub response_count: i64,
    pub attachment_count: i64,
    pub resolution: Option<String>,
    pub is_spam: bool,
    pub deleted_at: Option<Timestamp>,
    pub merged_into_id: Option<Uuid>,
    pub follow_up_of_id: Option<Uuid>,
    pub related_to_id: Option<Uuid>,
    pub waiting_since: Option<Timestamp>,
    pub snoozed_until: Option<Timestamp>,
    /// When the requester was reminded that we wait for them; once while the status stays.
    pub reminded_at: Option<Timestamp>,
    pub first_response_at: Option<Timestamp>,
    pub last_customer_message_at: Option<Timestamp>,
    pub last_agent_message_at: Option<Timestamp>,
    pub resolved_at: Option<Timestamp>,
    /// When it was opened again after its end, the last time.
    pub reopened_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// A response (API.md §3.2).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §3.2 names the fields")]
pub struct Response {
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub visibility: Visibility,
    pub channel: Channel,
    pub author_type: ActorType,
    pub author_id: Option<Uuid>,
    pub author_name: Option<String>,
    pub author_email: Option<String>,
    pub body_format: BodyFormat,
    /// The new text only.
    pub body_text: String,
    /// The new part, sanitised.
    pub body_html: Option<String>,
    /// History and signature.
    pub quoted_text: String,
    /// The whole; `None` when it is the same as `body_text`.
    pub full_text: Option<String>,
    pub to_addresses: Vec<String>,
    pub cc: Vec<String>,
    pub bcc: Vec<String>,
    /// Without brackets.
    pub message_id: Option<String>,
    pub in_reply_to: Option<String>,
    pub refs: Vec<String>,
    pub placement_by: PlacedBy,
    pub placement_reason: String,
    pub mail_kind: Option<MailKind>,
    pub flags: Vec<String>,
    pub inbound_mail_id: Option<Uuid>,
    pub authentication: Option<Authentication>,
    pub template_id: Option<Uuid>,
    pub send_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub edited_at: Option<Timestamp>,
    pub deleted_at: Option<Timestamp>,
    pub version: i64,
}

words! {
    /// How a body was written.
    BodyFormat { Markdown = "markdown", Text = "text", Html = "html" }
}

/// A file on a response (API.md §3.2); its bytes lie in its mail, or in a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §3.2 names the fields")]
pub struct AttachmentRecord {
    pub id: Uuid,
    pub ticket_id: Option<Uuid>,
    pub response_id: Option<Uuid>,
    /// The mail it is part of …
    pub inbound_mail_id: Option<Uuid>,
    /// … and its place among `ParsedMail::attachments` (of an upload: among those of its response);
    pub position: Option<i64>,
    /// or the uploaded bytes.
    pub blob_sha256: Option<String>,
    pub filename: Option<String>,
    pub content_type: String,
    pub size: i64,
    pub sha256: String,
    pub is_inline: bool,
    pub content_id: Option<String>,
    pub scan: String,
    /// The token that uploaded it, or the form it came with.
    pub owner_id: Option<Uuid>,
    pub created_at: Timestamp,
    /// Until it is used.
    pub expires_at: Option<Timestamp>,
}

/// A line of the audit trail (API.md §3.6).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub struct TicketEvent {
    pub id: Uuid,
    pub ticket_id: Uuid,
    pub at: Timestamp,
    pub r#type: String,
    pub actor_type: ActorType,
    pub actor_id: Option<Uuid>,
    pub actor_name: Option<String>,
    pub channel: Channel,
    /// Field → `[from, to]`.
    pub changes: Value,
    pub response_id: Option<Uuid>,
    pub inbound_mail_id: Option<Uuid>,
}

words! {
    /// What was done with a mail (API.md §2, `inbound action`).
    InboundAction {
        Created = "created", Appended = "appended", Quarantined = "quarantined", Duplicate = "duplicate",
        Bounce = "bounce", Ignored = "ignored",
    }
}

/// A row of the ledger, without the raw bytes (API.md §3.4).
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §3.4 names the fields")]
pub struct InboundRecord {
    pub id: Uuid,
    pub received_at: Timestamp,
    pub via: Via,
    pub remote_ip: Option<String>,
    /// Empty for `<>`.
    pub reverse_path: String,
    pub recipients: Vec<String>,
    /// Without brackets.
    pub message_id: Option<String>,
    /// Message-ID, envelope and content; `None` on the second of two equal mails.
    pub dedupe_key: Option<String>,
    pub from_address: String,
    pub from_name: Option<String>,
    pub subject: String,
    pub size: i64,
    pub sha256: String,
    pub kind: MailKind,
    pub action: InboundAction,
    pub reason: String,
    pub detail: String,
    pub ticket_id: Option<Uuid>,
    pub ticket_number: Option<TicketNumber>,
    pub response_id: Option<Uuid>,
    pub duplicate_of: Option<Uuid>,
    pub in_reply_to: Option<String>,
    pub refs: Vec<String>,
    pub placement_by: Option<PlacedBy>,
    pub placement_reason: Option<String>,
    pub flags: Vec<String>,
    pub authentication: Authentication,
    /// One entry for each recipient a report names.
    pub bounces: Vec<Value>,
    pub defects: Vec<String>,
    pub released_at: Option<Timestamp>,
    pub released_by: Option<String>,
}

/// An address that gets no mail (API.md §3.6).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub struct Suppression {
    pub id: Uuid,
    pub address: String,
    pub reason: String,
    pub outbox_id: Option<Uuid>,
    pub note: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}
