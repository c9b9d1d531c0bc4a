//! `postdesk.toml` and `POSTDESK_*` variables made into validated types. A section that is absent has its defaults.

mod example;
mod list;
mod load;
mod notifications;
mod place;
mod validate;
mod variables;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::model::{Looks, Quote};
pub use example::{EXAMPLE, every_key};
pub use load::{Problem, Problems};
pub use notifications::Notifications;
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

/// `[smtp]` (MAIL.md §1.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// Whether the door is open.
    pub enabled: bool,
    /// SMTP listen addresses.
    #[serde(deserialize_with = "list::one_or_many")]
    pub listen: Vec<SocketAddr>,
    /// SMTP with TLS from the first byte.
    #[serde(deserialize_with = "list::one_or_many")]
    pub listen_tls: Vec<SocketAddr>,
    /// LMTP listen addresses: `127.0.0.1:2424` or `unix:/run/postdesk/lmtp.sock`.
    #[serde(deserialize_with = "list::one_or_many")]
    pub lmtp_listen: Vec<String>,
    /// Name in the greeting and in `Received`; the machine's host name when empty.
    pub hostname: String,
    /// Our own MTAs: their mail counts as authenticated, and what keeps strangers from flooding us spares them (mails
    /// a minute, mails of one session, sessions of one address, the wait for early talkers).
    #[serde(deserialize_with = "list::one_or_many")]
    pub trusted_networks: Vec<IpNet>,
    /// Load balancers in front of us: they must begin each connection with the PROXY protocol (version 1 or 2), and the
    /// address they name counts.
    #[serde(deserialize_with = "list::one_or_many")]
    pub proxy_networks: Vec<IpNet>,
    /// Whether senders of mail from elsewhere are checked: SPF, DKIM, DMARC, ARC.
    pub check_senders: bool,
    /// Longest check of a mail's sender, seconds; what is not known by then counts as not proved.
    pub check_timeout_seconds: u64,
    /// What our own MTAs call themselves in `Authentication-Results`: of mail from `trusted_networks` the topmost such
    /// field then counts, and nothing else. Empty: that mail counts as authenticated.
    #[serde(deserialize_with = "list::one_or_many")]
    pub authserv_ids: Vec<String>,
    /// Domains whose ARC seals are believed: mailing lists and forwarders that say how mail came to them.
    #[serde(deserialize_with = "list::one_or_many")]
    pub trusted_sealers: Vec<String>,
    /// DNS block lists: mail from addresses that are on one is refused.
    #[serde(deserialize_with = "list::one_or_many")]
    pub block_lists: Vec<String>,
    /// How long who is new must wait before they bring a mail again, minutes; 0: nobody waits.
    pub greylist_minutes: u32,
    /// Largest mail, MiB.
    pub max_message_mb: u64,
    /// Most recipients of one mail.
    pub max_recipients: usize,
    /// Most errors in one session.
    pub max_errors: u32,
    /// Most mails in one session of a stranger.
    pub max_messages: u32,
    /// Most sessions at once.
    pub max_sessions: usize,
    /// Most sessions at once from one address (IPv6: one /64) of a stranger.
    pub max_sessions_per_ip: usize,
    /// Most mails a minute from one address; 0 is no limit.
    pub max_mails_per_ip_minute: u32,
    /// Most mails a minute from one envelope sender; 0 is no limit.
    pub max_mails_per_sender_minute: u32,
    /// Longest wait for a command, seconds (RFC 5321 §4.5.3.2 asks for 300).
    pub command_timeout_seconds: u64,
    /// Longest session, seconds.
    pub session_timeout_seconds: u64,
    /// Least speed of DATA, octets a second, judged over whole minutes (over `command_timeout_seconds` when shorter).
    pub min_data_rate: u64,
    /// Longest text line taken, octets.
    pub max_line: usize,
    /// Memory for mails while they are read, all sessions together, MiB; big mails wait in files.
    pub max_memory_mb: u64,
    /// Those files, all sessions together, MiB.
    pub max_spool_mb: u64,
    /// Where big mails wait while they come in, in files without a name; on a disk, not in memory.
    pub spool_dir: PathBuf,
    /// Most `Received` fields.
    pub max_hops: usize,
    /// A line feed without carriage return in the data: `reject` (554), or `normalize` (made CR LF, as data).
    pub bare_lf: BareLf,
    /// PEM files for STARTTLS and `listen_tls`.
    pub tls: Option<Tls>,
    /// Longest wait for sessions in DATA when stopping, seconds.
    pub shutdown_seconds: u64,
}

/// What becomes of a bare LF in the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BareLf {
    /// `554 5.6.0` after the real end.
    Reject,
    /// Each becomes CR LF, as data.
    Normalize,
}

/// Certificate chain and key, PEM files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// Certificate chain, leaf first.
    pub certificate: PathBuf,
    /// Private key (PKCS#8, PKCS#1 or SEC1).
    pub key: PathBuf,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 2525))],
            listen_tls: Vec::new(),
            lmtp_listen: Vec::new(),
            hostname: String::new(),
            trusted_networks: vec![
                "127.0.0.0/8".parse().expect("a network literal"),
                "::1/128".parse().expect("a network literal"),
            ],
            proxy_networks: Vec::new(),
            check_senders: true,
            check_timeout_seconds: 10,
            authserv_ids: Vec::new(),
            trusted_sealers: Vec::new(),
            block_lists: Vec::new(),
            greylist_minutes: 0,
            max_message_mb: 25,
            max_recipients: 100,
            max_errors: 10,
            max_messages: 1_000,
            max_sessions: 2_000,
            max_sessions_per_ip: 50,
            max_mails_per_ip_minute: 120,
            max_mails_per_sender_minute: 60,
            command_timeout_seconds: 300,
            session_timeout_seconds: 3_600,
            min_data_rate: 500,
            max_line: 65_536,
            max_memory_mb: 400,
            max_spool_mb: 2048,
            spool_dir: "/var/tmp".into(),
            max_hops: 50,
            bare_lf: BareLf::Reject,
            tls: None,
            shutdown_seconds: 10,
        }
    }
}

/// `[http]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Whether the door is open.
    pub enabled: bool,
    /// Listen addresses.
    #[serde(deserialize_with = "list::one_or_many")]
    pub listen: Vec<SocketAddr>,
    /// The address people reach us at, for links in mails: `https://desk.shop.example`. Never taken from `Host`.
    pub public_url: Option<String>,
    /// Proxies in front of us: what they say of the client's address is believed.
    #[serde(deserialize_with = "list::one_or_many")]
    pub trusted_proxies: Vec<IpNet>,
    /// The header they say it in.
    pub forwarded_header: ForwardedHeader,
    /// Most connections at once; further ones wait in the kernel's queue.
    pub max_connections: usize,
    /// Longest wait for a request's head, also between two requests, seconds.
    pub head_timeout_seconds: u64,
    /// Longest wait for a JSON body, seconds.
    pub body_timeout_seconds: u64,
    /// Longest wait for requests under way when stopping, seconds.
    pub shutdown_seconds: u64,
}

/// Where proxies say whom they speak for. One of the two is chosen, for a client could write the other itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            public_url: None,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            max_connections: 2_000,
            head_timeout_seconds: 15,
            body_timeout_seconds: 30,
            shutdown_seconds: 10,
        }
    }
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
    /// Longest wait for one SMTP step, seconds.
    pub step_timeout_seconds: u64,
    /// How long a mail belongs to the worker that took it, seconds: longer than any try, and no longer than a mail
    /// may wait after its worker was killed.
    pub lease_seconds: u64,
    /// Most mails on the wire at once to one destination domain, where mail is not handed to a relay.
    pub per_domain: usize,
    /// Waits after the first try, the second, …, minutes; the last one repeats. Up to a tenth is added.
    pub retry_minutes: Vec<u32>,
    /// Give up after, hours.
    pub give_up_hours: u32,
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
            step_timeout_seconds: 60,
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

/// `[dns]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dns {
    /// Name servers; the system's when empty.
    #[serde(deserialize_with = "list::one_or_many")]
    pub servers: Vec<SocketAddr>,
}

/// `[intake]` (MAIL.md §1).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Intake {
    /// Whether anybody may `POST /tickets` without a token.
    pub public: bool,
    /// Whether a form's ticket waits until its sender has confirmed their address.
    pub require_confirmation: bool,
    /// A member that only robots fill: what they send is answered as if it were taken.
    pub honeypot_field: Option<String>,
    /// Whether a form must solve a puzzle, which costs a visitor nothing and a robot its time.
    pub proof_of_work: bool,
    /// A service that tells people from robots.
    pub captcha: Option<Captcha>,
    /// What an unverified sender is answered; unset: neutral for the form, none for mail.
    pub ack_unverified: Option<AckUnverified>,
    /// What becomes of a non-participant who knows a Message-ID of the ticket.
    pub strangers_by_reference: Strangers,
    /// Most automatic mails to one address a day, over all tickets and kinds.
    pub max_automatic_per_day: u32,
    /// Most tickets one sender opens by mail in a day; further mails that would are quarantined. 0: no limit.
    pub max_tickets_per_sender_day: u32,
    /// When an agent is told what became of the commands in a mail.
    pub command_result: CommandResult,
}

/// `[intake.captcha]`: a `siteverify` as hCaptcha, Turnstile, reCAPTCHA and Friendly Captcha have it. `Debug` leaves out
/// the secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captcha {
    /// Where answers are verified.
    pub verify_url: String,
    /// What we are known by there.
    pub secret: String,
    /// The member that carries the visitor's answer.
    pub field: String,
}

impl fmt::Debug for Captcha {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Captcha {{ verify_url: {:?}, field: {:?} }}", self.verify_url, self.field)
    }
}

/// What an unverified sender is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckUnverified {
    /// A fixed text without a word of theirs.
    Neutral,
    /// Nothing.
    None,
}

/// What becomes of a stranger's mail that names a known Message-ID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// Appended, flagged, shown to agents alone.
    Append,
    /// A ticket of its own.
    NewTicket,
}

/// When an agent is told what became of the commands in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandResult {
    /// When nothing was done, since one of them was not understood; and when asked for by `#help`.
    Errors,
    /// Each time.
    Always,
}

impl Default for Intake {
    fn default() -> Self {
        Self {
            public: false,
            require_confirmation: false,
            honeypot_field: None,
            proof_of_work: false,
            captcha: None,
            ack_unverified: None,
            strangers_by_reference: Strangers::Append,
            max_automatic_per_day: 20,
            max_tickets_per_sender_day: 0,
            command_result: CommandResult::Errors,
        }
    }
}

/// `[limits]`: sizes of files (API.md §5.2).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Largest upload; of a call with several files, all together, MiB.
    pub max_attachment_mb: u64,
    /// Most uploads of one token that wait to be used.
    pub max_pending_uploads: u32,
    /// Most of them together, MiB.
    pub max_pending_mb: u64,
    /// Most files in one mail of ours, MiB; the others are linked, where `http.public_url` is set.
    pub max_mail_files_mb: u64,
    /// How long such links work, days.
    pub file_link_days: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_attachment_mb: 25,
            max_pending_uploads: 100,
            max_pending_mb: 500,
            max_mail_files_mb: 10,
            file_link_days: 30,
        }
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
