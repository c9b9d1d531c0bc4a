//! What the API shows of what the desk keeps: the objects of API.md §3, field by field, each also its own schema.
//!
//! Two conventions make the schemas true: a member that may be null is never absent, and one that may be absent
//! (`skip_serializing_if`) says `#[schema(nullable = false)]`, for it is never null. `openapi::rules` reads them so.

mod agent;
pub mod bulk;
mod contact;
mod email_log;
mod event;
mod inbound;
pub mod job;
mod mailbox;
mod queue;
mod receipt;
mod response;
mod stats;
mod suppression;
pub mod team;
mod template;
mod ticket;
mod token;
mod upload;
pub mod webhook;
mod written;

use serde::{Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

pub use agent::{Agent, Caller, Me, Service};
pub use contact::Contact;
pub use email_log::{EmailLog, EmailLogWithAttempts};
pub use event::{Actor, Event};
pub use inbound::InboundMail;
pub use mailbox::{Mailbox, MailboxCheck, MailboxFinding};
pub use queue::Queue;
pub use receipt::{Puzzle, TicketReceipt, VerificationSent};
pub use response::{Attachment, Newer, Response};
pub use stats::Statistics;
pub use suppression::Suppression;
pub use template::{Preview, Rendered, Template, TemplateVariable, TemplateVersion};
pub use ticket::{Ticket, TicketWith};
pub use token::{NewToken, Token};
pub use upload::Upload;
pub use written::{ResponseWritten, TicketWritten};

use crate::model::Timestamp;

/// A point in time as it is shown: RFC 3339, UTC, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        let example = serde_json::json!("2026-11-22T15:09:27.412Z");
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).examples([example]).into()
    }
}

impl ToSchema for Time {}

/// Bytes, in the schema alone.
#[derive(Debug)]
pub struct Octets;

impl PartialSchema for Octets {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::Binary);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Octets {}

/// `None` stays null.
fn time(at: Option<Timestamp>) -> Option<Time> {
    at.map(Time)
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// A Message-ID as mails write it.
fn bracketed(id: Option<&str>) -> Option<String> {
    id.map(|id| format!("<{id}>"))
}

fn all_bracketed(ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| format!("<{id}>")).collect()
}
