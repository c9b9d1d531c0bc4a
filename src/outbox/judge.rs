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

/// Judges how a try ended.
pub fn judge(ending: &Ending) -> Judgement {
    match ending {
        Ending::Taken(_) => Judgement::Mail(Outcome::Delivered),
        Ending::Captured => Judgement::Mail(Outcome::Captured),
        Ending::Impossible(_) => Judgement::Mail(Outcome::Failed),
        Ending::Refused(Stage::Connect, _) | Ending::Broken(Stage::Connect, _) => Judgement::Relay,
        Ending::Refused(Stage::Mail, reply) if is_about_relay(reply) => Judgement::Relay,
        Ending::Refused(_, reply) if reply.code / 100 == 5 => Judgement::Mail(Outcome::Failed),
        // After the final dot the remote may have taken it: the next try has the same Message-ID.
        Ending::Refused(..) | Ending::Broken(..) => Judgement::Mail(Outcome::Deferred),
    }
}

fn is_about_relay(reply: &RemoteReply) -> bool {
    reply.code == CLOSING || AUTHENTICATION.contains(&reply.code)
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
        ] {
            assert_eq!(judge(&ending), want, "{ending:?}");
        }
    }

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
