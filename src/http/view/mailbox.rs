//! Support addresses (API.md §3.6).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Time, time};
use crate::model::{self, Category};

/// A support address.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mailbox<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// For life.
    #[schema(example = "support@shop.example")]
    pub address: &'a str,
    /// Display name in `From`.
    #[schema(example = "Shop")]
    pub from_name: Option<&'a str>,
    /// Put under public replies of agents who have none of their own.
    pub signature: Option<&'a str>,
    /// How its mail comes in: `smtp lmtp api`.
    #[schema(example = "smtp")]
    pub receive: &'a str,
    /// Category of tickets that come by it.
    pub default_category: Category,
    /// The team that tickets that come by it are given to.
    pub team_id: Option<Uuid>,
    /// The store that tickets of it belong to.
    pub store_id: Option<&'a str>,
    /// Language of its mails, where the requester's is not known.
    pub locale: Option<&'a str>,
    /// Whether mail to it is taken.
    pub is_active: bool,
    /// To the minute or so.
    pub last_received_at: Option<Time>,
    /// What the last check found wrong.
    pub last_error: Option<&'a str>,
    /// When made.
    pub created_at: Time,
    /// When last changed.
    pub updated_at: Time,
    /// Counts changes, from 1.
    pub version: i64,
}

impl<'a> Mailbox<'a> {
    /// API.md §3.6.
    pub fn of(mailbox: &'a model::Mailbox) -> Self {
        Self {
            id: mailbox.id,
            address: &mailbox.address,
            from_name: mailbox.from_name.as_deref(),
            signature: mailbox.signature.as_deref(),
            receive: &mailbox.receive,
            default_category: mailbox.default_category,
            team_id: mailbox.team_id,
            store_id: mailbox.store_id.as_deref(),
            locale: mailbox.locale.as_deref(),
            is_active: mailbox.is_active,
            last_received_at: time(mailbox.last_received_at),
            last_error: mailbox.last_error.as_deref(),
            created_at: Time(mailbox.created_at),
            updated_at: Time(mailbox.updated_at),
            version: mailbox.version,
        }
    }
}

/// What a check of a mailbox found.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailboxCheck {
    /// Nothing is wrong that would keep mail from coming in or from going out.
    pub ok: bool,
    /// All findings in words, the worst first.
    #[schema(
        example = "shop.example: SPF, DKIM and DMARC are in order; mail for it comes to mx.shop.example"
    )]
    pub detail: String,
    /// One for each thing that was looked at.
    pub checks: Vec<MailboxFinding>,
}

/// One thing that was looked at.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailboxFinding {
    /// `receive mx spf dkim dmarc outbox loop`; more may come.
    #[schema(example = "spf")]
    pub name: &'static str,
    /// `ok`; `warning`: worth a look; `failed`: mail is lost or refused.
    #[schema(example = "ok")]
    pub state: &'static str,
    /// In words.
    pub detail: String,
}
