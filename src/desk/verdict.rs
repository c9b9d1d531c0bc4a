//! What the desk made of a mail. The doors alone turn it into wire codes.

use uuid::Uuid;

use crate::model::TicketNumber;

/// What became of a mail (DESIGN §4). All but the last two stand in the ledger and are on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A new ticket.
    Created(Filed),
    /// A response on a ticket.
    Appended(Filed),
    /// Held back for a person to decide.
    Quarantined {
        /// Ledger row.
        inbound: Uuid,
    },
    /// The same mail once more.
    Duplicate {
        /// Ledger row of the first one.
        inbound: Uuid,
    },
    /// A delivery report.
    Bounce {
        /// Ledger row.
        inbound: Uuid,
    },
    /// Kept in the ledger, nothing else.
    Ignored {
        /// Ledger row.
        inbound: Uuid,
    },
    /// Trouble on our side: the sender keeps the mail and comes again (4xx).
    Deferred(Trouble),
    /// Not taken, for good (5xx).
    Rejected(Refusal),
}

/// Where a mail was filed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filed {
    /// Ledger row.
    pub inbound: Uuid,
    /// Ticket.
    pub ticket: Uuid,
    /// Its number.
    pub number: TicketNumber,
}

/// Why a mail can't be taken now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The store does not answer or fails: 451 4.3.0.
    Store,
    /// No room: 452 4.3.1.
    DiskFull,
}

/// Why a mail is not taken at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// None of the recipients is ours any more.
    NoRecipient,
}

impl Verdict {
    /// Its word: the ledger's action, `deferred` or `rejected`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Created(_) => "created",
            Self::Appended(_) => "appended",
            Self::Quarantined { .. } => "quarantined",
            Self::Duplicate { .. } => "duplicate",
            Self::Bounce { .. } => "bounce",
            Self::Ignored { .. } => "ignored",
            Self::Deferred(_) => "deferred",
            Self::Rejected(_) => "rejected",
        }
    }

    /// Ledger row, where there is one.
    pub fn inbound(&self) -> Option<Uuid> {
        match self {
            Self::Created(filed) | Self::Appended(filed) => Some(filed.inbound),
            Self::Quarantined { inbound }
            | Self::Duplicate { inbound }
            | Self::Bounce { inbound }
            | Self::Ignored { inbound } => Some(*inbound),
            Self::Deferred(_) | Self::Rejected(_) => None,
        }
    }
}
