//! What is set of the ways out: mail, its looks and signatures, what comes back of it, and webhooks.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::yes;
use crate::model::{Looks, Quote};

/// `[outbox]` (MAIL.md §2.3).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Outbox {
    /// Whether this node sends.
    pub enabled: bool,
    /// `relay`, `direct`, or `capture`: kept and shown, never sent.
    pub transport: TransportKind,
    /// The relay, for `relay`; the first one when there are several.
    pub relay: Option<Relay>,
    /// Relays, for `relay`: the first that is not in trouble takes the mail.
    pub relays: Vec<Relay>,
    /// For `direct`.
    pub direct: Direct,
    /// With `capture`: how a single mail that somebody releases leaves after all. Unset: it can't.
    pub release_by: Option<ReleaseBy>,
    /// Most mails on the wire at once.
    pub concurrency: usize,
    /// Longest wait for one SMTP step, seconds (RFC 5321 §4.5.3.2).
    pub step_timeout_seconds: u64,
    /// Longest wait for word that a mail is taken, once it is said, seconds (RFC 5321 §4.5.3.2.6); large mails have
    /// longer.
    pub data_done_timeout_seconds: u64,
    /// How long a mail belongs to the worker that took it, seconds: no longer than a mail may wait after its worker was
    /// killed. A try that takes longer renews it.
    pub lease_seconds: u64,
    /// Most mails on the wire at once to one destination domain, where mail is not handed to a relay.
    pub per_domain: usize,
    /// Waits after the first try, the second, …, minutes; the last one repeats. Up to a tenth is added.
    pub retry_minutes: Vec<u32>,
    /// Give up after, hours.
    pub give_up_hours: u32,
}

impl Outbox {
    /// Longest that a mail may belong to a worker that was killed.
    pub const LONGEST_LEASE_SECONDS: i64 = 3_600;
}

/// How mail leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    /// To a relay by SMTP.
    Relay,
    /// To the servers of each recipient's domain, found by MX lookup.
    Direct,
    /// Kept, shown, never sent.
    Capture,
}

/// How a captured mail leaves when it is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReleaseBy {
    /// By the relays.
    Relay,
    /// By MX lookup.
    Direct,
}

/// `[outbox.relay]`, and each of `[[outbox.relays]]`. `Debug` leaves out the secrets.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Host name or address.
    pub host: String,
    /// 25, 465 or 587 as a rule.
    #[serde(default = "smtp_port")]
    pub port: u16,
    /// `none`, `opportunistic` (STARTTLS where offered), `starttls` (or fail), `tls` (from the first byte).
    #[serde(default)]
    pub tls: RelayTls,
    /// For AUTH.
    #[serde(default)]
    pub username: Option<String>,
    /// For AUTH PLAIN or LOGIN; best given as `POSTDESK_OUTBOX_RELAY_PASSWORD`.
    #[serde(default)]
    pub password: Option<String>,
    /// For AUTH XOAUTH2; wins over a password.
    #[serde(default)]
    pub access_token: Option<String>,
    /// A file with the access token, read at each connection, since tokens expire; wins over both.
    #[serde(default)]
    pub access_token_file: Option<PathBuf>,
    /// PEM file of certificates trusted besides the system's: the relay's private CA.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

fn smtp_port() -> u16 {
    25
}

impl Relay {
    /// A relay that asks for nothing, with STARTTLS where it is offered.
    pub fn at(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            tls: RelayTls::default(),
            username: None,
            password: None,
            access_token: None,
            access_token_file: None,
            ca_file: None,
        }
    }

    /// Whether it is to know who we are.
    pub fn wants_login(&self) -> bool {
        self.username.is_some()
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, tls, username, .. } = self;
        write!(f, "Relay {{ {host}:{port}, tls: {tls:?}, username: {username:?} }}")
    }
}

/// TLS towards the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelayTls {
    /// Never.
    None,
    /// STARTTLS where offered, without checking the certificate's name.
    #[default]
    Opportunistic,
    /// STARTTLS or fail.
    Starttls,
    /// From the first byte.
    Tls,
}

/// `[outbox.direct]`: what is for laboratories stands at what the world uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Direct {
    /// Whether MTA-STS policies (RFC 8461) are looked for and kept to.
    pub mta_sts: bool,
    /// Port of mail servers; another one than 25 is for laboratories.
    pub port: u16,
    /// Port of MTA-STS policies; another one than 443 is for laboratories.
    pub policy_port: u16,
    /// Whether mail may go to this machine itself (loopback); for laboratories.
    pub loopback: bool,
    /// PEM file of certificates trusted besides the system's; for laboratories.
    pub ca_file: Option<PathBuf>,
}

impl Default for Direct {
    fn default() -> Self {
        Self { mta_sts: true, port: 25, policy_port: 443, loopback: false, ca_file: None }
    }
}

impl Outbox {
    /// The relays in the order they are tried, each with its key.
    pub fn relays_in_order(&self) -> impl Iterator<Item = (String, &Relay)> {
        let short = self.relay.iter().map(|relay| ("outbox.relay".to_owned(), relay));
        let listed = self.relays.iter().enumerate();
        short.chain(listed.map(|(i, relay)| (format!("outbox.relays[{i}]"), relay)))
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            enabled: true,
            transport: TransportKind::Capture,
            relay: None,
            relays: Vec::new(),
            direct: Direct::default(),
            release_by: None,
            concurrency: 20,
            step_timeout_seconds: 300,
            data_done_timeout_seconds: 600,
            lease_seconds: 120,
            per_domain: 5,
            retry_minutes: vec![1, 5, 15, 30, 60, 120, 240],
            give_up_hours: 120,
        }
    }
}

/// `[bounces]` (MAIL.md §2.3).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounces {
    /// An address gets no mail for a while after so many mails that failed though it may be good.
    pub soft_limit: u32,
    /// Within so many days.
    pub soft_window_days: u32,
    /// For so many days.
    pub soft_suppress_days: u32,
}

impl Default for Bounces {
    fn default() -> Self {
        Self { soft_limit: 5, soft_window_days: 14, soft_suppress_days: 14 }
    }
}

/// `[email]` (MAIL.md §2.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Email {
    /// Name of the shop, in mails.
    pub brand: String,
    /// Whether `[TKT-…]` stands in subjects.
    pub subject_tag: SubjectTag,
    /// A directory whose files replace the built-in templates of the same name.
    pub templates_dir: Option<PathBuf>,
    /// The character between a mailbox's local part and a reply token.
    pub recipient_delimiter: char,
    /// Which mails have which look.
    pub look: Looks,
    /// What a reply quotes.
    pub quote: Quote,
    /// A line on top of mails to customers, which asks for answers above it.
    pub reply_marker: Option<String>,
    /// The time zone of dates in mails to customers, IANA name.
    pub timezone: String,
}

/// Whose subjects carry the ticket number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectTag {
    /// Everybody's.
    Always,
    /// Agents' only.
    Agents,
    /// Nobody's.
    Never,
}

impl Default for Email {
    fn default() -> Self {
        Self {
            brand: "Support".into(),
            subject_tag: SubjectTag::Always,
            templates_dir: None,
            recipient_delimiter: '+',
            look: Looks::default(),
            quote: Quote::Last,
            reply_marker: None,
            timezone: "UTC".into(),
        }
    }
}

/// `[webhooks]` (API.md §6).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Webhooks {
    /// Whether this node sends.
    pub enabled: bool,
    /// Whether they may go to this machine and to private networks. Whoever may make webhooks then reaches what the desk
    /// reaches.
    pub allow_private_targets: bool,
    /// Longest time for a whole delivery, seconds.
    pub timeout_seconds: u64,
    /// Most deliveries on the wire at once.
    pub concurrency: usize,
    /// Most of them to one host.
    pub per_host: usize,
    /// PEM file of certificates trusted besides the system's: a private CA.
    pub ca_file: Option<PathBuf>,
}

impl Default for Webhooks {
    fn default() -> Self {
        Self {
            enabled: true,
            allow_private_targets: false,
            timeout_seconds: 15,
            concurrency: 20,
            per_host: 5,
            ca_file: None,
        }
    }
}

/// `[[dkim]]`: a key that signs mail from a domain. Of each domain the first RSA and the first Ed25519 key sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimKey {
    /// The domain in `From`.
    pub domain: String,
    /// Name of the key within the domain: its record stands at `selector._domainkey.domain`.
    pub selector: String,
    /// The private key, a PEM file.
    pub key: PathBuf,
    /// Whether it signs; one that does not is only shown and checked.
    #[serde(default = "yes")]
    pub sign: bool,
}
