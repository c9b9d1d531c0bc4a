//! A mail as it crosses our border, and what we know of it besides its bytes.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Timestamp, words};

/// One address of a header: display name decoded, address as written.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Address {
    /// Display name, decoded, without control or bidirectional-override characters; `None` when absent or empty.
    pub name: Option<String>,
    /// `local@domain` as written; may be broken or empty when the mail is.
    pub email: String,
}

/// Envelope sender: `MAIL FROM`. Null (`<>`) marks mail that must never be answered (RFC 5321 §4.5.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReversePath {
    /// `<>`.
    Null,
    /// `local@domain`.
    Address(String),
}

impl ReversePath {
    /// The path without brackets; empty for null.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Null => "",
            Self::Address(address) => address,
        }
    }

    /// From the text between the brackets.
    pub fn from_text(text: &str) -> Self {
        if text.is_empty() { Self::Null } else { Self::Address(text.to_owned()) }
    }

    /// Whether this is `<>`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }
}

/// Who a mail says it goes between, on the wire (RFC 5321 §2.3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// `MAIL FROM`.
    pub reverse_path: ReversePath,
    /// `RCPT TO`, in order, as written, each accepted by us.
    pub recipients: Vec<String>,
}

/// A Message-ID without its angle brackets (RFC 5322 §3.6.4). `Display` adds them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(String);

impl MessageId {
    /// From text with or without brackets; `None` when nothing is left. Inner white space (folding) is dropped,
    /// and the id is bounded to 998 octets, the longest line of RFC 5322 §2.1.1.
    pub fn new(text: &str) -> Option<Self> {
        let mut id: String = text
            .trim()
            .trim_start_matches('<')
            .trim_end_matches('>')
            .chars()
            .filter(|c| !c.is_whitespace() && !c.is_control())
            .collect();
        if id.len() > 998 {
            let end = (0..=998).rev().find(|&i| id.is_char_boundary(i)).unwrap_or(0);
            id.truncate(end);
        }
        (!id.is_empty()).then_some(Self(id))
    }

    /// The id without brackets.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

words! {
    /// The door a mail came in by.
    Via { Smtp = "smtp", Lmtp = "lmtp", Api = "api", Import = "import" }
}

words! {
    /// Result of one sender check (RFC 8601 §2.7).
    Authority {
        Pass = "pass", Fail = "fail", Softfail = "softfail", Neutral = "neutral", None = "none",
        Temperror = "temperror", Permerror = "permerror",
    }
}

words! {
    /// What the reply token in a recipient address was.
    TokenState { Valid = "valid", Forged = "forged", None = "none" }
}

/// What is known of who really sent a mail (MAIL.md §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Authentication {
    /// RFC 7208.
    pub spf: Authority,
    /// RFC 6376.
    pub dkim: Authority,
    /// RFC 9989.
    pub dmarc: Authority,
    /// RFC 8617.
    pub arc: Authority,
    /// SPF or DKIM passed for the domain of `From`.
    pub from_aligned: bool,
    /// The client's address lies in `smtp.trusted_networks`, or the mail came by an authorised API call.
    pub trusted_network: bool,
    /// The reply token, judged by the desk.
    pub token: TokenState,
}

impl Authentication {
    /// Nothing was checked: the honest value for mail from anywhere.
    pub const UNAUTHENTICATED: Self = Self {
        spf: Authority::None,
        dkim: Authority::None,
        dmarc: Authority::None,
        arc: Authority::None,
        from_aligned: false,
        trusted_network: false,
        token: TokenState::None,
    };

    /// Mail from our own MTA, or by an authorised call.
    pub const TRUSTED: Self = Self { trusted_network: true, ..Self::UNAUTHENTICATED };

    /// Whether the sender in `From` may be believed, reply tokens aside (MAIL.md §1.2).
    pub fn is_verified(&self) -> bool {
        self.trusted_network
            || self.dmarc == Authority::Pass
            || (self.dmarc == Authority::None && self.from_aligned)
    }
}

/// A mail that a door took, before the desk judged it.
#[derive(Debug, Clone)]
pub struct InboundMail {
    /// The door.
    pub via: Via,
    /// The client, where there is one.
    pub remote_ip: Option<IpAddr>,
    /// Sender and recipients on the wire.
    pub envelope: Envelope,
    /// Our own `Received` header with its CR LF; stored in front of `raw`, never mixed into it.
    pub received_header: String,
    /// Exactly the bytes the client sent up to the end-of-data mark, dot-stuffing undone.
    pub raw: Vec<u8>,
    /// When the last byte came.
    pub received_at: Timestamp,
    /// What the door found out about the sender.
    pub authentication: Authentication,
}

words! {
    /// What a mail is (MAIL.md §1.3).
    MailKind { Person = "person", AutoReply = "auto_reply", Bounce = "bounce", Loop = "loop" }
}

words! {
    /// Which rule found the ticket (MAIL.md §1.4).
    PlacedBy {
        ReplyToken = "reply_token", References = "references", SubjectNumber = "subject_number",
        New = "new", Api = "api",
    }
}

/// Which rule found the ticket, and a sentence for people saying how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The rule.
    pub by: PlacedBy,
    /// For people: `reply address, key k1`.
    pub reason: String,
}
