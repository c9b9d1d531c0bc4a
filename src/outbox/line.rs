//! An open connection to a server, past EHLO and AUTH: one mail after another, each with one recipient. lettre speaks;
//! every step has a limit, and a connection that saw any trouble is never used again.

use std::error::Error as _;
use std::future::Future;
use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Quit};
use lettre::transport::smtp::response::Response;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

use super::envelope::{Offers, envelope};
use super::judge::{Ending, RemoteReply, Stage, Way, goes_on, is_closing};
use super::pace::Pace;
use super::transport::{Letter, Sent};

/// In our words: the connection ended before the conversation did.
pub(super) const HUNG_UP: &str = "the server hung up";
/// In our words: an answer that is longer than any answer is.
pub(super) const ENDLESS: &str = "an answer without end";
/// Longest answer heard, octets; lettre reads it from its beginning with each line that comes.
pub(super) const LONGEST_ANSWER: usize = 16 << 10;
/// Longest goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// An open connection.
pub(super) struct Line {
    /// lettre's, in step.
    pub connection: AsyncSmtpConnection,
    /// `mx1.example.org [198.51.100.4]`.
    pub remote: String,
    /// What is to be said of its encryption; `None` in the clear.
    pub tls: Option<String>,
    /// What the server can do.
    pub offers: Offers,
}

/// Trouble on the way: how the try ended.
pub(super) type Step<T> = Result<T, Ending>;

impl Line {
    /// Sends a mail. The connection comes back when it may take another one.
    pub(super) async fn send(mut self, letter: Letter<'_>, pace: Pace) -> (Sent, Option<Self>) {
        let ending = match self.transaction(letter, pace).await {
            Ok(reply) => Ending::Taken(reply),
            Err(ending) => ending,
        };
        let (remote, tls) = (Some(self.remote.clone()), self.tls.clone());
        let kept = match &ending {
            Ending::Taken(_) => Some(self),
            // Still in step: the refusal was an answer, and no data is under way.
            Ending::Refused(Stage::Mail | Stage::Rcpt | Stage::Data, reply) if !is_closing(reply) => {
                self.goodbye().await;
                None
            }
            // Not a word was said.
            Ending::Impossible(_) => Some(self),
            _ => None,
        };
        (Sent { ending, way: Way::Shared, remote, tls }, kept)
    }

    /// QUIT, briefly.
    pub(super) async fn goodbye(mut self) {
        // Whatever it answers, the connection ends here.
        let _ = timeout(GOODBYE, self.connection.command(Quit)).await;
    }

    async fn transaction(&mut self, letter: Letter<'_>, pace: Pace) -> Step<RemoteReply> {
        let (mail, rcpt) = envelope(letter, &self.offers)?;
        if self.offers.pipelining {
            self.say_at_once(format!("{mail}{rcpt}{Data}"), pace).await?;
        } else {
            answer(Stage::Mail, pace.step(self.connection.command(mail))).await?;
            answer(Stage::Rcpt, pace.step(self.connection.command(rcpt))).await?;
            answer(Stage::Data, pace.step(self.connection.command(Data))).await?;
        }
        // lettre stuffs dots after CR LF only, and ends the data with a CR LF of its own.
        let data = with_crlf(letter.mime);
        let data = data.strip_suffix(b"\r\n").unwrap_or(&data);
        answer(Stage::Body, pace.body(data.len(), self.connection.message(data))).await
    }

    /// MAIL, RCPT and DATA in one write, answered in order (RFC 2920). The first refusal counts; the answers behind it
    /// are heard all the same, so that the connection stays in step.
    async fn say_at_once(&mut self, commands: String, pace: Pace) -> Step<()> {
        let mut so_far = Ok(());
        for stage in [Stage::Mail, Stage::Rcpt, Stage::Data] {
            let answered = match stage {
                Stage::Mail => answer(stage, pace.step(self.connection.command(&commands))).await,
                _ => answer(stage, pace.step(self.connection.read_response())).await,
            };
            if stage == Stage::Data && answered.is_ok() && so_far.is_err() {
                // It waits for a mail that is for nobody (RFC 2920 §3.1); whatever it says to none at all.
                let _ = pace.step(self.connection.command(".\r\n")).await;
            }
            let lost = matches!(answered, Err(Ending::Broken(..)));
            so_far = so_far.and(answered.map(drop));
            if lost {
                break;
            }
        }
        so_far
    }
}

/// What a server answered, when that lets us go on.
pub(super) async fn answer(
    stage: Stage,
    answer: impl Future<Output = Result<Result<Response, SmtpError>, Elapsed>>,
) -> Step<RemoteReply> {
    match answer.await {
        Ok(Ok(response)) => {
            let reply = reply_of(&response);
            let strange =
                || Ending::Broken(stage, format!("unexpected answer: {} {}", reply.code, reply.text));
            if goes_on(stage, reply.code) { Ok(reply) } else { Err(strange()) }
        }
        Ok(Err(error)) => Err(ended(stage, &error)),
        Err(_) => Err(late(stage)),
    }
}

/// How a try ended by lettre's error.
pub(super) fn ended(stage: Stage, error: &SmtpError) -> Ending {
    let words = error.source().map(ToString::to_string);
    match error.status() {
        Some(code) => {
            Ending::Refused(stage, RemoteReply { code: code.into(), text: words.unwrap_or_default() })
        }
        None if hung_up(error) => Ending::Broken(stage, HUNG_UP.into()),
        None => {
            let words = words.unwrap_or_else(|| error.to_string());
            // lettre's parser names its rule, then what it did not understand.
            let strange = words.split_once(" at: ").map(|(_, heard)| no_smtp(heard));
            Ending::Broken(stage, strange.unwrap_or(words))
        }
    }
}

/// Whether the connection ended in the middle of something.
fn hung_up(error: &SmtpError) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    let Some(source) = error.source() else { return false };
    match source.downcast_ref::<io::Error>() {
        Some(error) => {
            matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
        }
        None => source.to_string() == "incomplete response",
    }
}

/// Words for something that is no answer.
pub(super) fn no_smtp(heard: &str) -> String {
    let line = heard.lines().next().unwrap_or_default();
    let line = line.char_indices().nth(80).map_or(line, |(end, _)| &line[..end]);
    format!("no SMTP: {line:?}")
}

/// A reply as the judge knows it.
pub(super) fn reply_of(response: &Response) -> RemoteReply {
    RemoteReply { code: response.code().into(), text: response.message().collect::<Vec<_>>().join(" ") }
}

/// No answer in time.
pub(super) fn late(stage: Stage) -> Ending {
    let awaited = match stage {
        Stage::Connect => "greeting, EHLO, TLS or AUTH",
        Stage::Mail => "MAIL FROM",
        Stage::Rcpt => "RCPT TO",
        Stage::Data => "DATA",
        Stage::Body => "the mail",
    };
    Ending::Broken(stage, format!("no answer to {awaited} in time"))
}

/// Every line end made CR LF: a bare LF or CR on the wire is how mails are smuggled.
fn with_crlf(mime: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mime.len() + 64);
    let mut bytes = mime.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                if bytes.peek() == Some(&b'\n') {
                    bytes.next();
                }
                out.extend_from_slice(b"\r\n");
            }
            b'\n' => out.extend_from_slice(b"\r\n"),
            byte => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_end_is_made_whole() {
        for (mime, want) in [
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\nb\r.\rc\n", "a\r\nb\r\n.\r\nc\r\n"),
            ("\r\r\n\n", "\r\n\r\n\r\n"),
            ("", ""),
        ] {
            assert_eq!(with_crlf(mime.as_bytes()), want.as_bytes(), "{mime:?}");
        }
    }
}
