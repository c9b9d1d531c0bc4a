//! What is set of the ways in: mail, the API, and what becomes of what comes.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::list;

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
    /// Longest wait for a JSON body, and for a client that takes nothing of its answer, seconds.
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
