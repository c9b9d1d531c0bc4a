//! What a ticket is, and the rules of its life.

use std::fmt;

use chrono::Datelike;
use serde::{Deserialize, Serialize};

use super::{Timestamp, words};

/// Crockford's base 32 (no I, L, O, U): <https://www.crockford.com/base32.html>.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// `TKT-YYYY-XXXXXX`: UTC year and six random Crockford base-32 characters. Not a key: it opens nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TicketNumber(String);

impl TicketNumber {
    /// From the low 30 bits of `random`.
    pub fn from_random(at: Timestamp, random: u32) -> Self {
        let tail: String = (0..6).map(|i| char::from(CROCKFORD[(random >> (5 * i)) as usize & 31])).collect();
        Self(format!("TKT-{:04}-{tail}", at.utc().year()))
    }

    /// Reads a whole word as a number: any case, o→0, i and l→1; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        let (year, tail) = text.strip_prefix("TKT-")?.split_once('-')?;
        let year: String = year.chars().map(canonical).collect();
        let tail: String = tail.chars().map(canonical).collect();
        let fits = year.len() == 4
            && year.bytes().all(|b| b.is_ascii_digit())
            && tail.len() == 6
            && tail.bytes().all(|b| CROCKFORD.contains(&b));
        fits.then(|| Self(format!("TKT-{year}-{tail}")))
    }

    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn canonical(c: char) -> char {
    match c {
        'O' => '0',
        'I' | 'L' => '1',
        c => c,
    }
}

impl fmt::Display for TicketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

words! {
    /// Where a ticket stands (API.md §2).
    Status {
        /// New, or the customer wrote last.
        Open = "open",
        /// An agent works on it.
        InProgress = "in_progress",
        /// We asked the customer.
        WaitingCustomer = "waiting_customer",
        /// Seller, store or carrier must act.
        WaitingThirdParty = "waiting_third_party",
        /// Answered; a reply reopens.
        Resolved = "resolved",
        /// Archived; a reply opens a follow-up.
        Closed = "closed",
    }
}

impl Status {
    /// Any case; `-`, space and `_` alike; the aliases of API.md §2.
    pub fn from_input(text: &str) -> Option<Self> {
        let word = input_word(text);
        Some(match word.as_str() {
            "new" | "active" | "reopened" => Self::Open,
            "processing" => Self::InProgress,
            "pending" | "awaiting_customer" | "awaiting_response" => Self::WaitingCustomer,
            "hold" | "on_hold" | "waiting_seller" => Self::WaitingThirdParty,
            "solved" | "done" => Self::Resolved,
            "archived" => Self::Closed,
            word => return Self::parse(word),
        })
    }

    /// Whether nobody has to act any more.
    pub fn is_ended(self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }

    /// The status after a person's mail or message on the ticket; `None` when it opens a follow-up instead.
    pub fn after_customer_message(self) -> Option<Self> {
        match self {
            Self::Closed => None,
            Self::InProgress => Some(Self::InProgress),
            _ => Some(Self::Open),
        }
    }

    /// The status after an agent's public reply that sends none along.
    pub fn after_agent_reply(self) -> Self {
        if self == Self::Open { Self::InProgress } else { self }
    }

    /// The moves by hand: any to any, but `closed` only to `open`, and that for `admin` alone (API.md §2).
    pub fn may_become(self, next: Self, admin: bool) -> bool {
        self == next || self != Self::Closed || (next == Self::Open && admin)
    }
}

words! {
    /// How soon it matters.
    Priority { Low = "low", Medium = "medium", High = "high", Urgent = "urgent" }
}

impl Priority {
    /// Any case; `normal` and `critical` are aliases.
    pub fn from_input(text: &str) -> Option<Self> {
        match input_word(text).as_str() {
            "normal" => Some(Self::Medium),
            "critical" => Some(Self::Urgent),
            word => Self::parse(word),
        }
    }
}

words! {
    /// What it is about. The set is open on the wire, closed here.
    Category {
        General = "general", Order = "order", Shipping = "shipping", ReturnRefund = "return_refund",
        Payment = "payment", Product = "product", Account = "account", Seller = "seller", Store = "store",
        Technical = "technical",
    }
}

impl Category {
    /// Any case; `other` is `general`.
    pub fn from_input(text: &str) -> Option<Self> {
        match input_word(text).as_str() {
            "other" => Some(Self::General),
            word => Self::parse(word),
        }
    }
}

words! {
    /// How a ticket or response reached us.
    Channel { Email = "email", Web = "web", Api = "api", Portal = "portal", Phone = "phone", Import = "import" }
}

words! {
    /// Who may read a response.
    Visibility { Public = "public", Internal = "internal" }
}

/// `In Progress`, `in-progress` and `IN_PROGRESS` are one word.
pub fn input_word(text: &str) -> String {
    text.trim().to_lowercase().replace(['-', ' '], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_as_people_write_it() {
        for (text, want) in [
            ("TKT-2026-K7Q4ZP", Some("TKT-2026-K7Q4ZP")),
            ("tkt-2026-k7q4zp", Some("TKT-2026-K7Q4ZP")),
            ("TKT-2O26-KOILZP", Some("TKT-2026-K011ZP")),
            ("TKT-2026-K7Q4ZU", None),
            ("TKT-2026-K7Q4Z", None),
            ("TKT-26-K7Q4ZP", None),
        ] {
            assert_eq!(TicketNumber::parse(text).as_ref().map(TicketNumber::as_str), want, "{text}");
        }
    }

    #[test]
    fn statuses_are_read_in_any_dress() {
        for (text, want) in [
            ("IN_PROGRESS", Status::InProgress),
            ("in progress", Status::InProgress),
            ("On-Hold", Status::WaitingThirdParty),
            ("solved", Status::Resolved),
        ] {
            assert_eq!(Status::from_input(text), Some(want), "{text}");
        }
        assert_eq!(Status::from_input("asap"), None);
    }

    #[test]
    fn closed_opens_only_for_admins() {
        assert!(!Status::Closed.may_become(Status::Open, false));
        assert!(Status::Closed.may_become(Status::Open, true));
        assert!(!Status::Closed.may_become(Status::Resolved, true));
        assert!(Status::Resolved.may_become(Status::WaitingCustomer, false));
    }
}
