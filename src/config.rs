//! `postdesk.toml` and `POSTDESK_*` variables made into validated types. A section that is absent has its defaults.

mod example;
mod incoming;
mod list;
mod load;
mod notifications;
mod outgoing;
mod place;
mod validate;
mod variables;

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

pub use example::{EXAMPLE, every_key};
pub use incoming::{
    AckUnverified, BareLf, Captcha, CommandResult, ForwardedHeader, Http, Intake, Limits, Smtp, Strangers,
    Tls,
};
pub use load::{Problem, Problems};
pub use notifications::Notifications;
pub use outgoing::{
    Bounces, Direct, DkimKey, Email, Outbox, Relay, RelayTls, ReleaseBy, SubjectTag, TransportKind, Webhooks,
};
pub use variables::variable;

/// Everything that can be set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The door mail comes in by.
    pub smtp: Smtp,
    /// The door of the API.
    pub http: Http,
    /// Where everything is kept.
    pub store: Store,
    /// The door mail leaves by.
    pub outbox: Outbox,
    /// What becomes of addresses that mail comes back from.
    pub bounces: Bounces,
    /// Who is asked about names.
    pub dns: Dns,
    /// How mail that comes in is treated.
    pub intake: Intake,
    /// What mail that leaves looks like.
    pub email: Email,
    /// `[limits]`.
    pub limits: Limits,
    /// Which mails are sent.
    pub notifications: Notifications,
    /// Rules of tickets.
    pub tickets: Tickets,
    /// The API.
    pub api: Api,
    /// The door events leave by.
    pub webhooks: Webhooks,
    /// Secrets that sign reply addresses, return paths and Message-IDs: the first signs, all verify.
    pub keys: Keys,
    /// Keys that sign mail (DKIM).
    pub dkim: Vec<DkimKey>,
    /// The support addresses.
    pub mailboxes: Vec<MailboxConfig>,
    /// Agents made at start when they don't exist yet.
    pub agents: Vec<AgentConfig>,
}

/// `[store]`. `Debug` leaves out the URL, which may hold a password.
#[derive(Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// `sqlite:/var/lib/postdesk/postdesk.db` or `postgres://user@host/database`.
    pub url: String,
    /// Most database connections (readers, on SQLite).
    pub max_connections: u32,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: "sqlite:postdesk.db".into(), max_connections: 8 }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store {{ max_connections: {} }}", self.max_connections)
    }
}

/// `[dns]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// Name servers; the system's when empty.
    #[serde(deserialize_with = "list::one_or_many")]
    pub servers: Vec<SocketAddr>,
}

/// `[tickets]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tickets {
    /// Resolved tickets close silently after so many days.
    pub auto_close_days: u32,
}

impl Default for Tickets {
    fn default() -> Self {
        Self { auto_close_days: 7 }
    }
}

/// `[api]` (API.md §1).
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Api {
    /// Writes without `If-Match` are refused (428).
    pub require_if_match: bool,
    /// Rate limits.
    pub limits: ApiLimits,
    /// Origins that may call intake from a browser.
    #[serde(deserialize_with = "list::one_or_many")]
    pub cors_origins: Vec<String>,
}

/// `[api.limits]`: calls a minute. `POSTDESK_API_LIMITS=off` switches them off.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiLimits {
    /// Whether limits apply.
    pub enabled: bool,
    /// For one token.
    pub token: u32,
    /// For one session of the console, once there is one.
    pub session: u32,
    /// Sign-ins, and tokens that nobody has, from one IPv4 address or IPv6 /64.
    pub login: u32,
    /// Anonymous intake, for one IPv4 address or IPv6 /64.
    pub anonymous: u32,
}

impl Default for ApiLimits {
    fn default() -> Self {
        Self { enabled: true, token: 600, session: 1_200, login: 5, anonymous: 5 }
    }
}

/// `[keys]`. `Debug` shows how many.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// Secrets of at least 32 characters; the first signs, all verify. `postdesk init` makes one.
    #[serde(deserialize_with = "list::one_or_many")]
    pub reply: Vec<String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys {{ reply: {} keys }}", self.reply.len())
    }
}

fn yes() -> bool {
    true
}

/// `[[mailboxes]]`: made at start when they don't exist yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailboxConfig {
    /// `support@shop.example`.
    pub address: String,
    /// Display name in `From`.
    #[serde(default)]
    pub from_name: Option<String>,
    /// Category of tickets that come by it.
    #[serde(default)]
    pub default_category: Option<String>,
    /// Store that tickets of this mailbox belong to.
    #[serde(default)]
    pub store_id: Option<String>,
    /// Language of its mails.
    #[serde(default)]
    pub locale: Option<String>,
}

/// `[[agents]]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgentConfig {
    /// Name shown to customers.
    pub name: String,
    /// Address notified and recognised.
    pub email: String,
    /// `agent` or `admin`.
    #[serde(default)]
    pub role: Option<String>,
}
