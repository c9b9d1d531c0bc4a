//! One session: greeting, verbs, replies, and its end. Each verb is a method that gives its reply.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::command::{self, Command, Mail, Rcpt, Refused};
use super::data::Body;
use super::listener::Door;
use super::reader::{Broken, Line, Wire};
use super::reply::{self, Reply};
use super::stream::Stream;
use super::tls::Certificate;
use crate::desk::Recipient;
use crate::mail::reply_token::TokenReading;

/// A stranger that speaks within this time after connecting did not wait for the greeting (RFC 5321 §4.3.1).
/// Our own networks are greeted at once.
const EARLY_TALK: Duration = Duration::from_millis(20);

/// What is spoken on a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// RFC 5321.
    Smtp,
    /// RFC 2033.
    Lmtp,
}

impl Protocol {
    /// Its name, as the ledger has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smtp => "smtp",
            Self::Lmtp => "lmtp",
        }
    }
}

/// Who is at the other end.
#[derive(Debug, Clone, Copy)]
pub struct Peer {
    /// `None` on a Unix socket.
    pub ip: Option<IpAddr>,
    /// In `smtp.trusted_networks`, or on a Unix socket.
    pub trusted: bool,
}

/// The mail that `MAIL` began.
#[derive(Debug)]
pub struct Transaction {
    /// `MAIL` as it was given.
    pub mail: Mail,
    /// Each `RCPT` that we took, in order.
    pub recipients: Vec<Rcpt>,
    /// What `BDAT` brought so far; `None` before the first chunk.
    pub(super) chunks: Option<Body>,
}

/// One client, from its greeting to its end.
pub struct Session {
    pub(super) door: Arc<Door>,
    pub(super) wire: Wire,
    pub(super) peer: Peer,
    pub(super) protocol: Protocol,
    pub(super) tls: bool,
    /// The client's name, once it said hello.
    pub(super) helo: Option<String>,
    /// Whether that was `EHLO` or `LHLO`.
    pub(super) extended: bool,
    pub(super) transaction: Option<Transaction>,
    errors: u32,
    pub(super) messages: u32,
    /// Whether the client is on a block list, once that was asked.
    listed: Option<bool>,
    pub(super) ends_at: Instant,
    stop: Stop,
}

/// When we stop, sessions are told twice.
#[derive(Debug, Clone)]
pub struct Stop {
    /// Whoever is not in the middle of a mail is sent away.
    pub soon: CancellationToken,
    /// Everybody is.
    pub now: CancellationToken,
}

/// Why a session is over.
pub(super) enum End {
    /// The client is told.
    Say(Reply),
    /// There is nobody left to tell.
    Silent,
    /// The session begins anew, in TLS.
    StartTls(Arc<Certificate>),
}

impl From<Broken> for End {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Closed => Self::Silent,
            Broken::Timeout => Self::Say(reply::TIMEOUT),
            Broken::Stopping => Self::Say(reply::STOPPING),
            Broken::Flood => Self::Say(reply::TOO_MANY_ERRORS),
        }
    }
}

impl Session {
    /// A session that has not been greeted.
    pub fn new(door: Arc<Door>, stream: Stream, peer: Peer, protocol: Protocol, stop: Stop) -> Self {
        let ends_at = Instant::now() + Duration::from_secs(door.smtp().session_timeout_seconds);
        Self {
            tls: matches!(stream, Stream::Tls(_)),
            wire: Wire::new(stream),
            door,
            peer,
            protocol,
            helo: None,
            extended: false,
            transaction: None,
            errors: 0,
            messages: 0,
            listed: None,
            ends_at,
            stop,
        }
    }

    /// Talks until one side has enough.
    pub async fn run(mut self) {
        let mut end = self.greet().await;
        loop {
            match end {
                Ok(()) => {
                    let now = self.stop.now.clone();
                    end =
                        now.run_until_cancelled(self.talk()).await.unwrap_or(Err(End::Say(reply::STOPPING)));
                }
                Err(End::Silent) => return,
                Err(End::Say(reply)) => {
                    reply.write_to(self.wire.output());
                    return Box::pin(self.wire.close()).await;
                }
                Err(End::StartTls(certificate)) => {
                    // Boxed like all that is big and rare: a session that only waits should be small.
                    // In the middle of a handshake nothing could be told to the client.
                    let stop = self.stop.soon.clone();
                    let securing = Box::pin(self.secure(&certificate));
                    let Some(Some(secured)) = stop.run_until_cancelled(securing).await else { return };
                    self = secured;
                    end = Ok(());
                }
            }
        }
    }

    async fn talk(&mut self) -> Result<(), End> {
        loop {
            match self.command().await? {
                Ok(command) => self.obey(command).await?,
                Err(Refused::Reply(reply)) => self.say(&reply)?,
                Err(Refused::Close(reply)) => return Err(End::Say(reply)),
            }
        }
    }

    async fn greet(&mut self) -> Result<(), End> {
        if !self.peer.trusted && self.wire.speaks_within(EARLY_TALK).await {
            return Err(End::Say(reply::EARLY_TALK));
        }
        let protocol = if self.protocol == Protocol::Lmtp { "LMTP" } else { "ESMTP" };
        let greeting = Reply::greeting(&self.door.hostname, protocol);
        self.say(&greeting)
    }

    /// Queues a reply, and counts it if it tells of an error.
    pub(super) fn say(&mut self, reply: &Reply) -> Result<(), End> {
        if reply.is_error() {
            self.errors += 1;
            if self.errors > self.door.smtp().max_errors {
                return Err(End::Say(reply::TOO_MANY_ERRORS));
            }
        }
        reply.write_to(self.wire.output());
        Ok(())
    }

    /// The next command. A session that is in the middle of a mail's chunks may finish it when we stop.
    async fn command(&mut self) -> Result<Result<Command, Refused>, End> {
        let never = CancellationToken::new();
        let stop = if self.in_chunks() { &never } else { &self.stop.soon };
        if stop.is_cancelled() {
            return Err(End::Say(reply::STOPPING));
        }
        let (deadline, in_chunks) = (self.deadline(), self.in_chunks());
        let limits = &self.door.limits;
        let line = tokio::select! {
            biased;
            line = self.wire.line(deadline, stop) => line?,
            () = limits.crowded_out(), if !in_chunks => return Err(End::Say(reply::TOO_MANY_SESSIONS)),
        };
        Ok(match line {
            Line::Command(line) => command::parse(&line),
            Line::TooLong => Err(reply::LINE_TOO_LONG.into()),
            Line::BareLineEnd => Err(reply::LINE_ENDS.into()),
        })
    }

    async fn obey(&mut self, command: Command) -> Result<(), End> {
        let reply = match command {
            Command::Helo(name) => self.helo(name),
            Command::Ehlo(name) => self.ehlo(name),
            Command::Lhlo(name) => self.lhlo(name),
            Command::Mail(mail) => self.mail(mail)?,
            Command::Rcpt(rcpt) => self.rcpt(rcpt).await,
            Command::Data => return Box::pin(self.data()).await,
            Command::Bdat { size, last } => return Box::pin(self.bdat(size, last)).await,
            Command::Rset => self.rset(),
            Command::Noop => reply::OK,
            Command::Vrfy => reply::VERIFY,
            Command::Help => reply::HELP,
            Command::StartTls => self.start_tls()?,
            Command::Quit => return Err(End::Say(reply::BYE)),
        };
        self.say(&reply)
    }

    fn helo(&mut self, name: String) -> Reply {
        if self.protocol == Protocol::Lmtp {
            return reply::SAY_LHLO;
        }
        self.introduce(name, false);
        Reply::helo(&self.door.hostname)
    }

    fn ehlo(&mut self, name: String) -> Reply {
        if self.protocol == Protocol::Lmtp {
            return reply::SAY_LHLO;
        }
        self.introduce(name, true);
        self.extensions()
    }

    fn lhlo(&mut self, name: String) -> Reply {
        if self.protocol == Protocol::Smtp {
            return reply::SAY_EHLO;
        }
        self.introduce(name, true);
        self.extensions()
    }

    /// Saying hello again ends a mail that was begun (RFC 5321 §4.1.4).
    fn introduce(&mut self, name: String, extended: bool) {
        self.helo = Some(name);
        self.extended = extended;
        self.transaction = None;
    }

    fn extensions(&self) -> Reply {
        let size = format!("SIZE {}", self.door.body_limits().max_size);
        let mut offers =
            vec!["PIPELINING", &size, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "CHUNKING", "DSN"];
        if self.may_start_tls() {
            offers.push("STARTTLS");
        }
        Reply::extensions(&self.door.hostname, &offers)
    }

    fn mail(&mut self, mail: Mail) -> Result<Reply, End> {
        if self.helo.is_none() {
            return Ok(reply::HELLO_FIRST);
        }
        if self.transaction.is_some() {
            return Ok(reply::NESTED_MAIL);
        }
        if mail.size > self.door.body_limits().max_size {
            return Ok(reply::TOO_BIG);
        }
        if !self.peer.trusted && self.messages >= self.door.smtp().max_messages {
            return Err(End::Say(reply::TOO_MANY_MESSAGES));
        }
        self.transaction = Some(Transaction { mail, recipients: Vec::new(), chunks: None });
        Ok(reply::SENDER_OK)
    }

    async fn rcpt(&mut self, rcpt: Rcpt) -> Reply {
        let Some(transaction) = &mut self.transaction else { return reply::MAIL_FIRST };
        if transaction.chunks.is_some() {
            return reply::CHUNKS_BEGUN;
        }
        if !rcpt.recipient.is_ascii() && !transaction.mail.utf8 {
            return reply::NEEDS_UTF8;
        }
        if transaction.recipients.len() >= self.door.smtp().max_recipients {
            return reply::TOO_MANY_RECIPIENTS;
        }
        let found = self.door.desk.recipients().look_up(&rcpt.recipient);
        let answer = Reply::for_recipient(&found);
        if answer != reply::RECIPIENT_OK {
            return answer;
        }
        if self.is_open_to_all(&found)
            && let Some(refusal) = self.unwelcome(&rcpt.recipient).await
        {
            return refusal;
        }
        if let Some(transaction) = &mut self.transaction {
            // An address, so it stands in the log only for who asks for that much.
            debug!(orcpt = rcpt.orcpt, "recipient taken");
            transaction.recipients.push(rcpt);
        }
        answer
    }

    /// Not the addresses that must always be reachable (RFC 5321 §4.5.1), nor those that we wrote to somebody.
    fn is_open_to_all(&self, recipient: &Recipient) -> bool {
        let Recipient::Mailbox { token, .. } = recipient else { return false };
        let read = token.as_ref().map(|token| self.door.desk.keys().read_reply(token));
        !matches!(read, Some(TokenReading::Valid(_)))
    }

    /// Whether a stranger's mail is not taken from there, or not yet.
    async fn unwelcome(&mut self, recipient: &str) -> Option<Reply> {
        let ip = self.peer.ip.filter(|_| !self.peer.trusted)?;
        if self.listed.is_none() && !self.door.smtp().block_lists.is_empty() {
            let list = self.door.checker.listed(ip).await;
            if let Some(list) = list {
                info!(%ip, list, "a client on a block list");
            }
            self.listed = Some(list.is_some());
        }
        if self.listed == Some(true) {
            return Some(reply::LISTED);
        }
        let sender = &self.transaction.as_ref()?.mail.sender;
        self.door.desk.must_wait(ip, sender, recipient).await.then_some(reply::COME_AGAIN)
    }

    fn rset(&mut self) -> Reply {
        self.transaction = None;
        reply::OK
    }

    fn start_tls(&self) -> Result<Reply, End> {
        if self.tls {
            return Ok(reply::ALREADY_TLS);
        }
        match self.door.certificate.clone() {
            Some(certificate) if self.may_start_tls() => Err(End::StartTls(certificate)),
            _ => Ok(reply::NO_TLS),
        }
    }

    /// The session again, in TLS: nothing is known of the client any more (RFC 3207 §4.2).
    async fn secure(mut self, certificate: &Certificate) -> Option<Self> {
        reply::START_TLS.write_to(self.wire.output());
        self.wire.flush(self.deadline()).await.ok()?;
        let Stream::Tcp(tcp) = self.wire.into_stream() else { return None };
        let wire = Wire::new(certificate.secure(tcp, self.door.smtp()).await?);
        Some(Self { wire, tls: true, helo: None, transaction: None, ..self })
    }

    fn may_start_tls(&self) -> bool {
        !self.tls && self.door.certificate.is_some() && self.wire.is_tcp()
    }

    pub(super) fn in_chunks(&self) -> bool {
        self.transaction.as_ref().is_some_and(|transaction| transaction.chunks.is_some())
    }

    pub(super) fn deadline(&self) -> Instant {
        let command = Duration::from_secs(self.door.smtp().command_timeout_seconds);
        (Instant::now() + command).min(self.ends_at)
    }
}
