//! Every SMTP code we say (RFC 5321 §4.2), each with its enhanced status code (RFC 3463).

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use super::data::Fault;
use crate::desk::{Recipient, Refusal, Trouble, Verdict};

/// One reply. The first digit of the enhanced code is that of the code (RFC 2034 §4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: u16,
    /// `x.y.z`; empty for 3xx, and for greetings (RFC 2034 §4).
    enhanced: &'static str,
    text: Cow<'static, str>,
}

/// `MAIL` taken.
pub const SENDER_OK: Reply = Reply::new(250, "2.1.0", "sender ok");
/// `RCPT` taken.
pub const RECIPIENT_OK: Reply = Reply::new(250, "2.1.5", "recipient ok");
/// `RSET`, `NOOP`.
pub const OK: Reply = Reply::new(250, "2.0.0", "ok");
/// A chunk of `BDAT` that is not the last.
pub const CHUNK_OK: Reply = Reply::new(250, "2.0.0", "chunk taken");
/// `DATA` may begin.
pub const GO_AHEAD: Reply = Reply::new(354, "", "go ahead, end with CR LF . CR LF");
/// `QUIT`.
pub const BYE: Reply = Reply::new(221, "2.0.0", "bye");
/// `VRFY`: the same for all (RFC 5321 §7.3).
pub const VERIFY: Reply = Reply::new(252, "2.0.0", "send the mail and see");
/// `HELP`.
pub const HELP: Reply = Reply::new(214, "2.0.0", "RFC 5321 describes all we do");
/// The TLS handshake may begin (RFC 3207).
pub const START_TLS: Reply = Reply::new(220, "2.0.0", "ready for TLS");

/// No certificate is configured, or not on this socket.
pub const NO_TLS: Reply = Reply::new(502, "5.5.1", "TLS is not offered");
/// `STARTTLS` inside TLS.
pub const ALREADY_TLS: Reply = Reply::new(503, "5.5.1", "TLS is on already");
/// A line that does not end in CR LF, or has a CR or LF inside.
pub const LINE_ENDS: Reply = Reply::new(500, "5.5.2", "a line ends in CR LF and has no other CR or LF");
/// A command line beyond its limit (RFC 5321 §4.5.3.1.4).
pub const LINE_TOO_LONG: Reply = Reply::new(500, "5.5.2", "command line too long");
/// A command line with control characters, or that is not UTF-8.
pub const NOT_TEXT: Reply = Reply::new(500, "5.5.2", "command line is not plain text");
/// A verb nobody knows.
pub const UNKNOWN_COMMAND: Reply = Reply::new(500, "5.5.1", "unknown command");
/// A verb we know and do not offer.
pub const NOT_IMPLEMENTED: Reply = Reply::new(502, "5.5.1", "command not implemented");
/// `HELO` or `EHLO` on an LMTP socket (RFC 2033 §4.1).
pub const SAY_LHLO: Reply = Reply::new(500, "5.5.1", "this is LMTP, say LHLO");
/// `LHLO` on an SMTP socket.
pub const SAY_EHLO: Reply = Reply::new(500, "5.5.1", "this is SMTP, say EHLO");
/// A verb without arguments was given some.
pub const NO_ARGUMENTS: Reply = Reply::new(501, "5.5.4", "no arguments here");
/// A name that is neither a domain nor an address literal.
pub const BAD_HELLO: Reply = Reply::new(501, "5.5.4", "a domain or address literal is needed");
/// The path of `MAIL` can't be read.
pub const BAD_SENDER: Reply = Reply::new(501, "5.1.7", "bad sender address syntax");
/// The path of `RCPT` can't be read.
pub const BAD_RECIPIENT: Reply = Reply::new(501, "5.1.3", "bad recipient address syntax");
/// An address beyond ASCII without `SMTPUTF8` (RFC 6531 §3.5).
pub const NEEDS_UTF8: Reply = Reply::new(553, "5.6.7", "such an address needs SMTPUTF8");
/// A parameter we do not offer (RFC 5321 §4.1.1.11).
pub const UNKNOWN_PARAMETER: Reply = Reply::new(555, "5.5.4", "parameter not recognised");
/// Verbs in the wrong order.
pub const HELLO_FIRST: Reply = Reply::new(503, "5.5.1", "say hello first");
/// `MAIL` within a mail.
pub const NESTED_MAIL: Reply = Reply::new(503, "5.5.1", "one mail at a time, RSET ends it");
/// `RCPT`, `DATA` or `BDAT` outside of one.
pub const MAIL_FIRST: Reply = Reply::new(503, "5.5.1", "MAIL comes first");
/// `MAIL`, `RCPT` or `DATA` between chunks (RFC 3030 §2).
pub const CHUNKS_BEGUN: Reply = Reply::new(503, "5.5.1", "BDAT has begun, RSET ends it");
/// `DATA` or `BDAT` with no recipient left.
pub const NO_RECIPIENTS: Reply = Reply::new(554, "5.5.1", "no valid recipients");
/// The same in LMTP (RFC 2033 §4.2).
pub const RECIPIENT_FIRST: Reply = Reply::new(503, "5.5.1", "no valid recipients");
/// `RCPT` of a client that is on one of `smtp.block_lists`.
pub const LISTED: Reply = Reply::new(550, "5.7.1", "your address is on a block list");
/// `RCPT` of somebody new, where `smtp.greylist_minutes` asks them to wait (RFC 6647).
pub const COME_AGAIN: Reply = Reply::new(451, "4.7.1", "greylisted, try again later");
/// A web browser, a proxy header, or anything else that is not SMTP.
pub const NOT_SMTP: Reply = Reply::new(554, "5.5.1", "this is SMTP, and you are not");
/// The client spoke before it was greeted (RFC 5321 §4.3.1).
pub const EARLY_TALK: Reply = Reply::new(554, "5.5.1", "you spoke before the greeting");
/// More than `smtp.max_message_mb`, announced or sent.
pub const TOO_BIG: Reply = Reply::new(552, "5.3.4", "message too big");
/// More than `smtp.max_recipients`.
pub const TOO_MANY_RECIPIENTS: Reply = Reply::new(452, "4.5.3", "too many recipients");
/// More than `smtp.max_hops` `Received` fields.
pub const TOO_MANY_HOPS: Reply = Reply::new(554, "5.4.6", "too many hops, this mail is looping");
/// More mails than the rate limits allow.
pub const TOO_FAST: Reply = Reply::new(450, "4.7.1", "too many mails, try again later");
/// The byte budget over all sessions is spent.
pub const NO_MEMORY: Reply = Reply::new(452, "4.3.1", "no room for this mail now, try again later");
/// Trouble on our side: nothing was stored.
pub const TROUBLE: Reply = Reply::new(451, "4.3.0", "trouble here, try again later");

/// More than `smtp.max_errors`.
pub const TOO_MANY_ERRORS: Reply = Reply::new(421, "4.7.0", "too many errors");
/// More than `smtp.max_messages`.
pub const TOO_MANY_MESSAGES: Reply = Reply::new(421, "4.7.0", "enough for one session, connect again");
/// More sessions than `smtp.max_sessions` or `smtp.max_sessions_per_ip`.
pub const TOO_MANY_SESSIONS: Reply = Reply::new(421, "4.3.2", "too many sessions, try again later");
/// We are stopping.
pub const STOPPING: Reply = Reply::new(421, "4.3.2", "shutting down, try again later");
/// A deadline of command or session has passed.
pub const TIMEOUT: Reply = Reply::new(421, "4.4.2", "you took too long");
/// `DATA` slower than `smtp.min_data_rate`.
pub const TOO_SLOW: Reply = Reply::new(421, "4.4.2", "you send too slowly");

impl Reply {
    const fn new(code: u16, enhanced: &'static str, text: &'static str) -> Self {
        let classes_differ =
            !enhanced.is_empty() && enhanced.as_bytes()[0] as u16 != b'0' as u16 + code / 100;
        assert!(!classes_differ, "the enhanced code is of another class (RFC 2034 §4)");
        Self { code, enhanced, text: Cow::Borrowed(text) }
    }

    /// The first line a client sees.
    pub fn greeting(hostname: &str, protocol: &str) -> Self {
        Self { code: 220, enhanced: "", text: format!("{hostname} {protocol} Postdesk").into() }
    }

    /// The answer to `HELO`.
    pub fn helo(hostname: &str) -> Self {
        Self { code: 250, enhanced: "", text: hostname.to_owned().into() }
    }

    /// The answer to `EHLO` and `LHLO`: our name, then one line for each extension.
    pub fn extensions(hostname: &str, extensions: &[&str]) -> Self {
        let mut text = hostname.to_owned();
        for extension in extensions {
            let _ = write!(text, "\n{extension}");
        }
        Self { code: 250, enhanced: "", text: text.into() }
    }

    /// A verb whose arguments can't be read, with what it should look like.
    pub const fn syntax(expected: &'static str) -> Self {
        Self::new(501, "5.5.4", expected)
    }

    /// A parameter of `MAIL` or `RCPT` with a value it can't have.
    pub fn bad_parameter(name: &str) -> Self {
        Self { code: 501, enhanced: "5.5.4", text: format!("bad value for {name}").into() }
    }

    /// The answer to `RCPT`.
    pub fn for_recipient(recipient: &Recipient) -> Self {
        match recipient {
            Recipient::Mailbox { .. } | Recipient::Bounce { .. } | Recipient::Role { .. } => RECIPIENT_OK,
            Recipient::Unknown => Self::new(550, "5.1.1", "no such user here"),
            Recipient::NotOurs => Self::new(550, "5.7.1", "not our domain, and we relay for nobody"),
        }
    }

    /// Whether it tells the client of a mistake of its own.
    pub fn is_error(&self) -> bool {
        self.code >= 500
    }

    /// Appends the reply as it goes over the wire.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        let mut code = [b'0'; 3];
        code[0] += (self.code / 100) as u8;
        code[1] += (self.code / 10 % 10) as u8;
        code[2] += (self.code % 10) as u8;
        while let Some(line) = lines.next() {
            out.extend_from_slice(&code);
            out.push(if lines.peek().is_some() { b'-' } else { b' ' });
            if !self.enhanced.is_empty() {
                out.extend_from_slice(self.enhanced.as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(line.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// For logs: `554 5.6.0 bare CR or LF in the data`.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.code, self.enhanced, self.text)
    }
}

impl From<&Verdict> for Reply {
    fn from(verdict: &Verdict) -> Self {
        match verdict {
            Verdict::Deferred(Trouble::Store) => TROUBLE,
            Verdict::Deferred(Trouble::DiskFull) => NO_MEMORY,
            Verdict::Rejected(Refusal::NoRecipient) => Self::for_recipient(&Recipient::Unknown),
            Verdict::Created(_)
            | Verdict::Appended(_)
            | Verdict::Quarantined { .. }
            | Verdict::Duplicate { .. }
            | Verdict::Bounce { .. }
            | Verdict::Ignored { .. } => {
                let id = verdict.inbound().expect("what is kept has a ledger row");
                Self { code: 250, enhanced: "2.0.0", text: format!("accepted as {id}").into() }
            }
        }
    }
}

impl From<Fault> for Reply {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooBig => TOO_BIG,
            Fault::NoMemory => NO_MEMORY,
            Fault::BareLineEnd => Self::new(554, "5.6.0", "bare CR or LF in the data"),
            Fault::LineTooLong => Self::new(500, "5.6.0", "text line too long"),
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn on_the_wire(reply: &Reply) -> String {
        let mut out = Vec::new();
        reply.write_to(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn replies_are_written_as_rfc_5321_wants_them() {
        let inbound = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001);
        for (reply, want) in [
            (OK, "250 2.0.0 ok\r\n"),
            (GO_AHEAD, "354 go ahead, end with CR LF . CR LF\r\n"),
            (Reply::greeting("mx.example", "ESMTP"), "220 mx.example ESMTP Postdesk\r\n"),
            (
                Reply::extensions("mx.example", &["SIZE 9", "DSN"]),
                "250-mx.example\r\n250-SIZE 9\r\n250 DSN\r\n",
            ),
            (
                Reply::from(&Verdict::Ignored { inbound }),
                "250 2.0.0 accepted as 01980000-0000-7000-8000-000000000001\r\n",
            ),
            (Reply::from(&Verdict::Deferred(Trouble::Store)), "451 4.3.0 trouble here, try again later\r\n"),
            (
                Reply::from(&Verdict::Deferred(Trouble::DiskFull)),
                "452 4.3.1 no room for this mail now, try again later\r\n",
            ),
        ] {
            assert_eq!(on_the_wire(&reply), want);
        }
    }
}
