//! Everything a mail is rendered and composed from: loaded by the desk, read by templates and composer.

use super::{Agent, Look, Mailbox, MessageId, OutboxEntry, Response, Ticket, Timestamp};

/// A mail before it has bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct OutgoingMail {
    /// The row it leaves from.
    pub entry: OutboxEntry,
    /// When its bytes are made: `Date`.
    pub date: Timestamp,
    /// The mailbox it is from; `None` when that is gone.
    pub mailbox: Option<Mailbox>,
    /// Name of the shop.
    pub brand: String,
    /// What it looks like.
    pub look: Look,
    /// A line over which answers are asked for; its own line at the top.
    pub reply_marker: Option<String>,
    /// Its reader's time zone, IANA name.
    pub timezone: String,
    /// Address of the console, when one is configured.
    pub public_url: Option<String>,
    /// What it is about.
    pub ticket: Option<Ticket>,
    /// The requester's display name.
    pub requester_name: Option<String>,
    /// What caused it.
    pub response: Option<Response>,
    /// Safe HTML of `response`.
    pub response_html: Option<String>,
    /// Several messages told in one mail, oldest first, each with its safe HTML. Empty: `response` alone is told.
    pub bundled: Vec<(Response, Option<String>)>,
    /// The message that `response` answers.
    pub quoted: Option<Response>,
    /// What was written before `quoted`, newest first, where the settings want it quoted too.
    pub history: Vec<Response>,
    /// The agent who wrote `response`.
    pub author: Option<Agent>,
    /// Pages that the mail may lead to.
    pub links: OutgoingLinks,
    /// Files that ride along.
    pub files: Vec<OutgoingFile>,
    /// Names of the files of what it tells, whether they ride along or not.
    pub file_names: Vec<String>,
    /// Files that are linked: what is too large for the mail, and all that the desk tells of by itself.
    pub downloads: Vec<Download>,
    /// Address with the token of (ticket, recipient).
    pub reply_to: Option<String>,
    /// The mail it answers.
    pub in_reply_to: Option<MessageId>,
    /// Oldest first.
    pub references: Vec<MessageId>,
}

/// Full addresses of pages, each `None` where there is no such page for this mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutgoingLinks {
    /// The ticket, for its requester.
    pub ticket: Option<String>,
    /// The ticket in the console, for agents.
    pub console: Option<String>,
    /// Says that the address is its reader's.
    pub confirm: Option<String>,
    /// Lets a mail out of quarantine.
    pub release: Option<String>,
    /// Ends notifications of this kind.
    pub unsubscribe: Option<String>,
    /// Which notifications an agent gets.
    pub preferences: Option<String>,
}

/// A file that a mail links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Base name.
    pub name: String,
    /// Octets.
    pub size: i64,
    /// Full address, signed; works for some time.
    pub url: String,
}

/// A file that rides along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingFile {
    /// Base name.
    pub filename: String,
    /// `type/subtype`.
    pub content_type: String,
    /// What the HTML part shows it by, as `cid:`; `None`: it is attached.
    pub content_id: Option<String>,
    /// The bytes.
    pub content: Vec<u8>,
}
