//! What a remote's answer means for the mail: sent, later, never, or nothing at all because the relay is in trouble.
//! The only place that knows codes of mail going out.

use crate::model::Outcome;

/// How far a try got (RFC 5321 §3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Name, TCP, TLS, greeting, EHLO, AUTH.
    Connect,
    /// `MAIL FROM`.
    Mail,
    /// `RCPT TO`.
    Rcpt,
    /// `DATA`.
    Data,
    /// The mail itself, up to the answer to its final dot.
    Body,
}

/// A remote's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteReply {
    /// Three digits.
    pub code: u16,
    /// Everything behind them, lines joined by a blank.
    pub text: String,
}

impl RemoteReply {
    /// `5.1.1` at the beginning of the text (RFC 2034), of the code's own class.
    pub fn enhanced_code(&self) -> Option<&str> {
        let word = self.text.split_whitespace().next()?;
        let mut parts = word.split('.');
        let class = parts.next()?.parse::<u16>().ok()?;
        let digits = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let shaped = parts.clone().count() == 2 && parts.all(digits);
        (shaped && class == self.code / 100).then_some(word)
    }
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// The remote took the mail.
    Taken(RemoteReply),
    /// The mail was kept instead of sent.
    Captured,
    /// The remote said no.
    Refused(Stage, RemoteReply),
    /// No answer that could be understood: network, time, garbage. In our own words.
    Broken(Stage, String),
    /// This remote can't take this mail at all, in our own words.
    Impossible(String),
    /// No server takes mail for the recipient's domain: enhanced code (RFC 3463) and our own words.
    Nowhere(&'static str, String),
}

/// Whom it concerns when a server is in trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Every mail: all of them go this way.
    Shared,
    /// This mail alone: others go elsewhere.
    Own,
}

/// What follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It counts as a try of this mail.
    Mail(Outcome),
    /// The relay is in trouble, whatever the mail: it waits, and no try is counted.
    Relay,
}

/// Closing the channel (RFC 5321 §3.8): said before any recipient, it is about the relay.
const CLOSING: u16 = 421;
/// Authentication missing, too weak, failed, or wanting encryption (RFC 4954 §6): about the relay, not the mail.
const AUTHENTICATION: [u16; 5] = [454, 530, 534, 535, 538];

/// The domain takes no mail (RFC 7505 §4.2).
pub(super) const NULL_MX: &str = "5.1.10";
/// There is no such domain.
pub(super) const BAD_DOMAIN: &str = "5.1.2";
/// The domain has no server with an address.
pub(super) const NO_HOST: &str = "5.4.4";
/// The domain's mail would come back to us.
pub(super) const LOOPS_BACK: &str = "5.4.6";
/// More is wanted of us: the next part of AUTH (RFC 4954 §4).
pub(super) const CHALLENGE: u16 = 334;

/// Judges how a try ended.
pub fn judge(ending: &Ending, way: Way) -> Judgement {
    match ending {
        Ending::Taken(_) => Judgement::Mail(Outcome::Delivered),
        Ending::Captured => Judgement::Mail(Outcome::Captured),
        Ending::Impossible(_) | Ending::Nowhere(..) => Judgement::Mail(Outcome::Failed),
        _ if is_about_server(ending) => match way {
            Way::Shared => Judgement::Relay,
            Way::Own => Judgement::Mail(Outcome::Deferred),
        },
        Ending::Refused(_, reply) if reply.code / 100 == 5 => Judgement::Mail(Outcome::Failed),
        // After the final dot the remote may have taken it: the next try has the same Message-ID.
        Ending::Refused(..) | Ending::Broken(..) => Judgement::Mail(Outcome::Deferred),
    }
}

/// Whether a server is in trouble, whatever the mail: another one may take it.
pub(super) fn is_about_server(ending: &Ending) -> bool {
    match ending {
        Ending::Refused(Stage::Connect, _) | Ending::Broken(Stage::Connect, _) => true,
        Ending::Refused(Stage::Mail, reply) => is_closing(reply) || AUTHENTICATION.contains(&reply.code),
        _ => false,
    }
}

/// Whether the remote closes the connection with this answer.
pub(super) fn is_closing(reply: &RemoteReply) -> bool {
    reply.code == CLOSING
}

/// Whether an answer of this kind lets us go on: a 3xx to DATA, a 2xx to anything else (RFC 5321 §4.2.1).
pub(super) fn goes_on(stage: Stage, code: u16) -> bool {
    code / 100 == if stage == Stage::Data { 3 } else { 2 }
}

/// Whether a server does not know EHLO, and may know HELO (RFC 5321 §4.1.1.1).
pub(super) fn knows_no_ehlo(code: u16) -> bool {
    code / 100 == 5
}

impl Ending {
    /// The enhanced code that we find ourselves, where no server answers.
    pub(super) fn own_code(&self) -> Option<&'static str> {
        match self {
            Self::Nowhere(code, _) => Some(code),
            _ => None,
        }
    }

    /// In a few words, for logs.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Taken(reply) | Self::Refused(_, reply) => format!("{} {}", reply.code, reply.text),
            Self::Broken(_, words) | Self::Impossible(words) | Self::Nowhere(_, words) => words.clone(),
            Self::Captured => "captured".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16, text: &str) -> RemoteReply {
        RemoteReply { code, text: text.into() }
    }

    #[test]
    fn answers_are_judged() {
        use Judgement::{Mail, Relay};
        use Stage::{Body, Connect, Data, Rcpt};
        let refused = |stage, code| Ending::Refused(stage, reply(code, ""));
        let broken = |stage| Ending::Broken(stage, "connection reset".into());
        for (ending, want) in [
            (Ending::Taken(reply(250, "ok")), Mail(Outcome::Delivered)),
            (Ending::Captured, Mail(Outcome::Captured)),
            (refused(Connect, 554), Relay),
            (refused(Connect, 421), Relay),
            (refused(Connect, 535), Relay),
            (broken(Connect), Relay),
            (refused(Stage::Mail, 530), Relay),
            (refused(Stage::Mail, 421), Relay),
            (refused(Stage::Mail, 451), Mail(Outcome::Deferred)),
            (refused(Stage::Mail, 550), Mail(Outcome::Failed)),
            (broken(Stage::Mail), Mail(Outcome::Deferred)),
            (refused(Rcpt, 450), Mail(Outcome::Deferred)),
            (refused(Rcpt, 421), Mail(Outcome::Deferred)),
            (refused(Rcpt, 550), Mail(Outcome::Failed)),
            (refused(Data, 554), Mail(Outcome::Failed)),
            (refused(Body, 552), Mail(Outcome::Failed)),
            (refused(Body, 451), Mail(Outcome::Deferred)),
            (broken(Body), Mail(Outcome::Deferred)),
            (Ending::Impossible("no SMTPUTF8".into()), Mail(Outcome::Failed)),
            (Ending::Nowhere(NULL_MX, "takes no mail".into()), Mail(Outcome::Failed)),
        ] {
            assert_eq!(judge(&ending, Way::Shared), want, "{ending:?}");
            let alone = if want == Relay { Mail(Outcome::Deferred) } else { want };
            assert_eq!(judge(&ending, Way::Own), alone, "{ending:?}");
        }
    }

    #[test]
    fn only_the_right_kind_of_answer_goes_on() {
        for (stage, code, want) in [
            (Stage::Mail, 250, true),
            (Stage::Rcpt, 251, true),
            (Stage::Rcpt, 354, false),
            (Stage::Data, 354, true),
            (Stage::Data, 250, false),
            (Stage::Body, 250, true),
            (Stage::Body, 354, false),
        ] {
            assert_eq!(goes_on(stage, code), want, "{stage:?} {code}");
        }
    }

    /// RFC 2034 §4, RFC 3463 §2.
    #[test]
    fn enhanced_codes_are_read() {
        for (code, text, want) in [
            (550, "5.1.1 nobody here", Some("5.1.1")),
            (451, "4.7.1 Greylisted", Some("4.7.1")),
            (550, "4.7.1 odd", None),
            (550, "mailbox unavailable", None),
            (550, "5.1 x", None),
            (550, "5.1.1.1 x", None),
            (250, "2.0.0", Some("2.0.0")),
            (250, "", None),
        ] {
            assert_eq!(reply(code, text).enhanced_code(), want, "{code} {text}");
        }
    }
}
