//! What an anonymous caller is answered: nothing they did not say themselves but the ticket's number and state.

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;
use crate::desk::{self, TicketView};
use crate::model::{Category, Channel, Priority, Status, TicketNumber};

/// A ticket as its anonymous sender sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct TicketReceipt<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// What to name it by.
    #[schema(value_type = String, example = "TKT-2026-K7Q4ZP")]
    pub number: &'a TicketNumber,
    /// As it was sent.
    pub subject: &'a str,
    /// What follows `Re: ` in its mails.
    pub mail_subject: &'a str,
    /// Where it stands.
    pub status: Status,
    /// How urgent it is.
    pub priority: Priority,
    /// What it is about.
    pub category: Category,
    /// How it came.
    pub channel: Channel,
    /// When it came.
    pub created_at: Time,
}

impl<'a> TicketReceipt<'a> {
    /// Of a ticket that was just opened.
    pub fn of(view: &'a TicketView) -> Self {
        let t = &view.ticket;
        Self {
            id: t.id,
            number: &t.number,
            subject: &t.subject,
            mail_subject: &t.mail_subject,
            status: t.status,
            priority: t.priority,
            category: t.category,
            channel: t.channel,
            created_at: Time(t.created_at),
        }
    }
}

/// The ticket appears when the address is confirmed.
#[derive(Debug, Serialize, ToSchema)]
pub struct VerificationSent {
    /// `verification_sent`.
    #[schema(example = "verification_sent")]
    pub status: &'static str,
}

impl Default for VerificationSent {
    fn default() -> Self {
        Self { status: "verification_sent" }
    }
}

/// A puzzle in ALTCHA's format.
#[derive(Debug, Serialize, ToSchema)]
pub struct Puzzle<'a> {
    /// `SHA-256`.
    #[schema(example = "SHA-256")]
    pub algorithm: &'a str,
    /// Hash of the salt and the number, hex.
    pub challenge: &'a str,
    /// The number is at most this.
    #[schema(example = 50_000)]
    pub maxnumber: u64,
    /// What the number is hashed behind.
    #[schema(example = "7d1f3c9a0b5e42d68f10c3aa?expires=1796000000&")]
    pub salt: &'a str,
    /// Sent back as it is.
    pub signature: &'a str,
}

impl<'a> Puzzle<'a> {
    /// As the desk set it.
    pub fn of(puzzle: &'a desk::Puzzle) -> Self {
        let desk::Puzzle { algorithm, challenge, maxnumber, salt, signature } = puzzle;
        Self { algorithm, challenge, maxnumber: *maxnumber, salt, signature }
    }
}
