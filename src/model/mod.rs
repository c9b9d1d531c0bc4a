//! Pure values and rules: no socket, no clock, no SQL. Everything else is built from these words.

pub mod agent;
pub mod bounce;
mod browser;
pub mod contact;
pub mod delivery;
pub mod event;
pub mod file_type;
mod fold;
pub mod job;
mod look;
pub mod merge_patch;
pub mod message;
pub mod notification;
pub mod outgoing;
pub mod queue;
pub mod quota;
pub mod records;
pub mod retry;
pub mod stats;
pub mod target;
pub mod team;
pub mod template;
pub mod ticket;
pub mod time;
pub mod told;
pub mod webhook;
pub mod wishes;

pub use agent::{Actor, ActorType, Agent, ApiToken, Scope};
pub use browser::browser;
pub use contact::{Contact, ContactEmail, ContactType, Reach};
pub use delivery::{AttemptReport, Audience, DeliveryAttempt, EmailStatus, OutboxEntry, Outcome};
pub use event::{DeskEvent, EventBody, EventTicket, EventType, News, Sight, Topic};
pub use fold::fold;
pub use job::{Job, JobKind, JobState};
pub use look::{Look, Looks, Quote};
pub use message::{
    Address, Authentication, Authority, Envelope, InboundMail, MailKind, MessageId, PlacedBy, Placement,
    ReversePath, TokenState, Via,
};
pub use notification::NotificationTemplate;
pub use outgoing::{Download, OutgoingFile, OutgoingLinks, OutgoingMail};
pub use records::{
    AttachmentRecord, BodyFormat, InboundAction, InboundRecord, Mailbox, Response, Suppression, Ticket,
    TicketEvent,
};
pub use retry::RetrySchedule;
pub use team::Team;
pub use template::{
    Overrides, TemplateFault, TemplatePart, TemplateRecord, TemplateType, TemplateVersion,
    TemplateVisibility, TrialMail,
};
pub use ticket::{Category, Channel, Priority, Status, TicketNumber, Visibility};
pub use time::Timestamp;
pub use told::RecentMail;
pub use webhook::{DeliveryState, Exchange, TryVerdict, Webhook, WebhookDelivery, WebhookSecret, WebhookTry};
pub use wishes::Wishes;

/// Writes a closed set of wire words as an enum: `as_str`, `parse` (exact), `ALL`, `Display`, serde as that
/// word, and the schema of it. What API.md §2 calls an enum is one of these.
macro_rules! words {
    ($(#[doc = $doc:literal])+ $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $(#[doc = concat!("`", $word, "`")] $(#[$vmeta])* $variant),+ }
        impl $name {
            /// Every value, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word on the wire and in the database.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$variant => $word),+ } }
            /// The value of exactly this word.
            pub fn parse(word: &str) -> Option<Self> { match word { $($word => Some(Self::$variant),)+ _ => None } }
        }
        impl From<$name> for &'static str {
            fn from(value: $name) -> Self { value.as_str() }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                let words = utoipa::openapi::schema::ObjectBuilder::new().schema_type(utoipa::openapi::schema::Type::String);
                let about = concat!($($doc),*).trim();
                words.description(Some(about)).enum_values(Some([$($word),+])).into()
            }
        }
        impl utoipa::ToSchema for $name {}
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> { s.serialize_str(self.as_str()) }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let word = String::deserialize(d)?;
                Self::parse(&word).ok_or_else(|| serde::de::Error::custom(format!("unknown {}: {word}", stringify!($name))))
            }
        }
    };
}
pub(crate) use words;
