//! A mail, from `DATA` or the first `BDAT` to its end: its octets are read, what the door knows of it is put together, and
//! the desk says what becomes of it.

use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;
use tracing::info;
use uuid::Uuid;

use super::data::{Body, Fault};
use super::kept::Held;
use super::memory::Lease;
use super::pace::Pace;
use super::reader::Broken;
use super::reply::{self, Reply};
use super::session::{End, Protocol, Session, Transaction};
use crate::desk::Verdict;
use crate::mail::parse::count_hops;
use crate::model::{Envelope, InboundMail, ReversePath, Timestamp, Via};
use crate::sender::{self, Checked};

/// Longest recipient that is named in `Received`, to keep the field within a line (RFC 5322 §2.1.1).
const MAX_FOR: usize = 256;

/// Longest mail whose signatures are checked at once, octets.
const QUICK: usize = 256 * 1024;

/// How long a big mail waits for its turn. Clients wait ten minutes for the answer to a mail (RFC 5321 §4.5.3.2.6).
const TURN: Duration = Duration::from_secs(120);

impl Session {
    pub(super) async fn data(&mut self) -> Result<(), End> {
        if let Some(refusal) = self.not_ready_for_data() {
            return self.say(&refusal);
        }
        if self.in_chunks() {
            return self.say(&reply::CHUNKS_BEGUN);
        }
        if !self.count_mail() {
            return self.say(&reply::TOO_FAST);
        }
        self.say(&reply::GO_AHEAD)?;
        let mut body = self.new_body();
        let mut pace = Pace::new(self.door.smtp());
        loop {
            let (used, ended) = body.feed_data(self.wire.input());
            self.wire.consume(used);
            if ended {
                return self.deliver(body).await;
            }
            self.more_data(&mut pace, used).await?;
        }
    }

    /// A chunk is read to its end even when it is refused: its octets are no commands (RFC 3030 §2).
    pub(super) async fn bdat(&mut self, size: usize, last: bool) -> Result<(), End> {
        let mut refusal = self.not_ready_for_data();
        if refusal.is_none() && !self.in_chunks() && !self.count_mail() {
            refusal = Some(reply::TOO_FAST);
        }
        if let Some(refusal) = refusal {
            self.read_chunk(size, None).await?;
            return self.say(&refusal);
        }
        let chunks = self.transaction.as_mut().and_then(|transaction| transaction.chunks.take());
        let mut body = chunks.unwrap_or_else(|| self.new_body());
        self.read_chunk(size, Some(&mut body)).await?;
        if last {
            return self.deliver(body).await;
        }
        let reply = body.fault().map_or(reply::CHUNK_OK, Reply::from);
        if let Some(transaction) = &mut self.transaction {
            transaction.chunks = Some(body);
        }
        self.say(&reply)
    }

    /// Counts a mail that has somebody to go to; whether a stranger may send it now.
    fn count_mail(&mut self) -> bool {
        self.messages += 1;
        let sender = self.transaction.as_ref().map_or("", |transaction| transaction.mail.sender.as_str());
        self.peer.trusted || self.door.limits.may_send(self.peer.ip, sender)
    }

    fn not_ready_for_data(&self) -> Option<Reply> {
        match &self.transaction {
            None => Some(reply::MAIL_FIRST),
            Some(transaction) if transaction.recipients.is_empty() && self.protocol == Protocol::Lmtp => {
                Some(reply::RECIPIENT_FIRST)
            }
            Some(transaction) if transaction.recipients.is_empty() => Some(reply::NO_RECIPIENTS),
            Some(_) => None,
        }
    }

    async fn read_chunk(&mut self, size: usize, mut body: Option<&mut Body>) -> Result<(), End> {
        let mut pace = Pace::new(self.door.smtp());
        let mut left = size;
        loop {
            let used = self.wire.input().len().min(left);
            if let Some(body) = &mut body {
                body.feed_chunk(&self.wire.input()[..used]);
            }
            self.wire.consume(used);
            left -= used;
            if left == 0 {
                return Ok(());
            }
            self.more_data(&mut pace, used).await?;
        }
    }

    /// Waits for more of a mail, after `used` octets of it.
    async fn more_data(&mut self, pace: &mut Pace, used: usize) -> Result<(), End> {
        if !pace.holds(used, Instant::now()) {
            return Err(End::Say(reply::TOO_SLOW));
        }
        match self.wire.more_data(pace.until().min(self.ends_at)).await {
            Err(Broken::Timeout) if Instant::now() < self.ends_at => Ok(()),
            other => Ok(other?),
        }
    }

    /// Hands the mail to the desk. Replies of earlier commands must not wait for that. In LMTP each recipient gets
    /// the reply (RFC 2033 §4.2); a mail is filed for all of them or for none, so it is the same.
    async fn deliver(&mut self, body: Body) -> Result<(), End> {
        let transaction = self.transaction.take().expect("data comes within a transaction");
        self.wire.end_of_data();
        self.wire.flush(self.deadline()).await?;
        let reply = self.file(&transaction, body).await;
        if self.protocol == Protocol::Lmtp {
            for _ in 1..transaction.recipients.len() {
                reply.write_to(self.wire.output());
            }
        }
        self.say(&reply)
    }

    fn new_body(&self) -> Body {
        Body::new(self.door.body_limits(), Lease::new(self.door.budget.clone()))
    }

    /// Has the desk take the mail. Whatever goes wrong on our side is a 451, and the client keeps the mail.
    async fn file(&self, transaction: &Transaction, body: Body) -> Reply {
        let started = Instant::now();
        let (raw, held) = match load(body).await {
            Ok(mail) => mail,
            Err(fault) => return self.refuse(fault.into()),
        };
        if count_hops(&raw) > self.door.smtp().max_hops {
            return self.refuse(reply::TOO_MANY_HOPS);
        }
        let size = raw.len();
        let (checked, raw) = self.checked(transaction, raw).await;
        let mail = self.inbound_mail(transaction, raw, checked);
        let verdict = self.door.desk.receive(mail).await;
        drop(held);
        self.log(transaction, &verdict, size, started);
        Reply::from(&verdict)
    }

    /// Not taken, and so not in the ledger: a line in the log is all that is left of it.
    fn refuse(&self, reply: Reply) -> Reply {
        info!(ip = self.peer.ip.map(tracing::field::display), %reply, "mail refused");
        reply
    }

    /// Who really sent the mail (MAIL.md §1.2): our own networks are believed, everybody else is checked. The mail comes
    /// back as it was; a big one is read where it may take its time.
    async fn checked(&self, transaction: &Transaction, raw: Vec<u8>) -> (Checked, Vec<u8>) {
        let checker = self.door.checker.clone();
        let Some(ip) = self.peer.ip.filter(|_| !self.peer.trusted) else {
            return (Checked { authentication: checker.believe(&raw), header: String::new() }, raw);
        };
        if !self.door.smtp().check_senders {
            return (Checked::NOTHING, raw);
        }
        let client = sender::Client {
            ip,
            helo: self.helo.clone().unwrap_or_default(),
            mail_from: transaction.mail.sender.clone(),
        };
        if raw.len() <= QUICK {
            return (checker.check(&client, &raw).await, raw);
        }
        let runtime = tokio::runtime::Handle::current();
        let reading = tokio::task::spawn_blocking(move || {
            let checked = runtime.block_on(checker.check(&client, &raw));
            (checked, raw)
        });
        reading.await.expect("checks don't panic")
    }

    fn inbound_mail(&self, transaction: &Transaction, raw: Vec<u8>, checked: Checked) -> InboundMail {
        let Checked { authentication, header } = checked;
        let received_at = self.door.desk.clock().now();
        InboundMail {
            via: if self.protocol == Protocol::Lmtp { Via::Lmtp } else { Via::Smtp },
            remote_ip: self.peer.ip,
            envelope: Envelope {
                reverse_path: ReversePath::from_text(&transaction.mail.sender),
                recipients: transaction.recipients.iter().map(|rcpt| rcpt.recipient.clone()).collect(),
            },
            received_header: header
                + &self.received(transaction, self.door.desk.ids().uuid(received_at), received_at),
            raw,
            received_at,
            authentication,
        }
    }

    /// RFC 5321 §4.4. The recipient is named only where it is the one: others are nobody's business.
    fn received(&self, transaction: &Transaction, id: Uuid, at: Timestamp) -> String {
        let helo = self.helo.as_deref().unwrap_or("unknown");
        let client = match self.peer.ip {
            Some(IpAddr::V4(ip)) => format!("[{ip}]"),
            Some(IpAddr::V6(ip)) => format!("[IPv6:{ip}]"),
            None => "local".to_owned(),
        };
        let to = match transaction.recipients.as_slice() {
            [one] if one.recipient.len() <= MAX_FOR => format!("\r\n\tfor <{}>", one.recipient),
            _ => String::new(),
        };
        format!(
            "Received: from {helo} ({client})\r\n\tby {} (Postdesk) with {}\r\n\tid {}{to};\r\n\t{}\r\n",
            self.door.hostname,
            self.with(transaction.mail.utf8),
            id.simple(),
            at.rfc5322(),
        )
    }

    /// The protocol as RFC 3848 and RFC 6531 §4.3 name it.
    fn with(&self, utf8: bool) -> &'static str {
        match (self.protocol, self.extended, utf8, self.tls) {
            (Protocol::Smtp, false, _, _) => "SMTP",
            (Protocol::Smtp, true, false, false) => "ESMTP",
            (Protocol::Smtp, true, false, true) => "ESMTPS",
            (Protocol::Smtp, true, true, false) => "UTF8SMTP",
            (Protocol::Smtp, true, true, true) => "UTF8SMTPS",
            (Protocol::Lmtp, _, false, false) => "LMTP",
            (Protocol::Lmtp, _, false, true) => "LMTPS",
            (Protocol::Lmtp, _, true, false) => "UTF8LMTP",
            (Protocol::Lmtp, _, true, true) => "UTF8LMTPS",
        }
    }

    /// The one line a mail that comes in gets; no address and nothing of its text is in it.
    fn log(&self, transaction: &Transaction, verdict: &Verdict, size: usize, started: Instant) {
        let filed = match verdict {
            Verdict::Created(filed) | Verdict::Appended(filed) => Some(filed),
            _ => None,
        };
        let notify: Option<String> = transaction
            .recipients
            .iter()
            .find(|rcpt| !rcpt.notify.is_empty())
            .map(|rcpt| rcpt.notify.join(","));
        info!(
            inbound = verdict.inbound().map(tracing::field::display),
            ticket = filed.map(|filed| tracing::field::display(&filed.number)),
            verdict = word(verdict),
            size,
            ip = self.peer.ip.map(tracing::field::display),
            ms = started.elapsed().as_millis() as u64,
            envid = transaction.mail.envid,
            ret = transaction.mail.ret,
            notify,
            "mail in"
        );
    }
}

async fn load(body: Body) -> Result<(Vec<u8>, Held), Fault> {
    body.finish()?.load(TURN).await.ok_or(Fault::NoMemory)
}

/// The verdict's word in the log.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Created(_) => "created",
        Verdict::Appended(_) => "appended",
        Verdict::Quarantined { .. } => "quarantined",
        Verdict::Duplicate { .. } => "duplicate",
        Verdict::Bounce { .. } => "bounce",
        Verdict::Ignored { .. } => "ignored",
        Verdict::Deferred(_) => "deferred",
        Verdict::Rejected(_) => "rejected",
    }
}
