//! The beginning of a conversation, spoken by ourselves: greeting, EHLO, STARTTLS. Whatever comes unasked ends it: words
//! that were slipped in before TLS began must not count behind it (CVE-2011-0411).

use std::fmt::Display;

use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::either::Either;

use super::channel::Stream;
use super::envelope::Offers;
use super::judge::{Ending, Stage, goes_on, knows_no_ehlo};
use super::line::{ENDLESS, HUNG_UP, LONGEST_ANSWER, Step, late, no_smtp, reply_of};
use super::pace::Pace;

/// A connection before lettre takes it over.
pub(super) struct Talk {
    /// The connection.
    pub stream: Stream,
    pace: Pace,
    greeting: Vec<u8>,
    introduction: Vec<u8>,
}

/// One answer: its bytes, and what they say.
struct Answer {
    bytes: Vec<u8>,
    response: Response,
}

impl Talk {
    /// Nothing was said yet.
    pub(super) fn new(stream: Stream, pace: Pace) -> Self {
        Self { stream, pace, greeting: Vec::new(), introduction: Vec::new() }
    }

    /// Waits for the greeting.
    pub(super) async fn be_greeted(&mut self) -> Step<()> {
        let answer = self.hear().await?;
        self.greeting = accepted(answer)?.bytes;
        Ok(())
    }

    /// EHLO, or HELO where that is all the server knows; what it offers.
    pub(super) async fn introduce(&mut self, hello: &ClientId) -> Step<Offers> {
        let mut answer = self.ask(&Ehlo::new(hello.clone())).await?;
        if knows_no_ehlo(answer.response.code().into()) {
            answer = self.ask(&format!("HELO {hello}\r\n")).await?;
        }
        let answer = accepted(answer)?;
        self.introduction = answer.bytes;
        Ok(Offers::read(answer.response.message()))
    }

    /// STARTTLS. The bare stream, on which the handshake must follow, and the talk goes on by [`Talk::resume`].
    pub(super) async fn start_tls(mut self) -> Step<(TcpStream, Vec<u8>)> {
        accepted(self.ask(&Starttls).await?)?;
        match self.stream {
            Either::Left(stream) => Ok((stream, self.greeting)),
            Either::Right(_) => Err(trouble("STARTTLS inside of TLS")),
        }
    }

    /// Goes on behind STARTTLS: nothing counts but the greeting (RFC 3207 §4.2).
    pub(super) fn resume(stream: Stream, pace: Pace, greeting: Vec<u8>) -> Self {
        Self { stream, pace, greeting, introduction: Vec::new() }
    }

    /// The connection, and what lettre wants to hear: greeting and answer to EHLO.
    pub(super) fn end(self) -> (Stream, Vec<u8>) {
        (self.stream, [self.greeting, self.introduction].concat())
    }

    async fn ask(&mut self, command: &impl Display) -> Step<Answer> {
        let said = self.pace.step(self.stream.write_all(command.to_string().as_bytes())).await;
        said.map_err(|_| late(Stage::Connect))?.map_err(|error| trouble(&error))?;
        self.hear().await
    }

    /// One whole answer, and nothing behind it.
    async fn hear(&mut self) -> Step<Answer> {
        let pace = self.pace;
        let heard = pace.step(self.read_answer()).await;
        let bytes = heard.map_err(|_| late(Stage::Connect))??;
        let text = String::from_utf8_lossy(&bytes);
        let response = text.parse().map_err(|_| trouble(&no_smtp(&text)))?;
        Ok(Answer { bytes, response })
    }

    async fn read_answer(&mut self) -> Step<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            match self.stream.read_buf(&mut bytes).await {
                Ok(0) => return Err(trouble(HUNG_UP)),
                Ok(_) => {}
                Err(error) => return Err(trouble(&error)),
            }
            match answer_length(&bytes) {
                Some(length) if length == bytes.len() => return Ok(bytes),
                Some(_) => return Err(unasked()),
                None if bytes.len() > LONGEST_ANSWER => return Err(trouble(ENDLESS)),
                None => {}
            }
        }
    }
}

fn accepted(answer: Answer) -> Step<Answer> {
    let reply = reply_of(&answer.response);
    if goes_on(Stage::Connect, reply.code) { Ok(answer) } else { Err(Ending::Refused(Stage::Connect, reply)) }
}

/// Somebody spoke out of turn: the server, or whoever sits between us.
pub(super) fn unasked() -> Ending {
    trouble("the server speaks without being asked")
}

/// How the connection itself is in trouble.
pub(super) fn trouble(words: &(impl Display + ?Sized)) -> Ending {
    Ending::Broken(Stage::Connect, words.to_string())
}

/// Length of the answer these bytes begin with: its last line has no `-` behind the code (RFC 5321 §4.2.1). `None` when
/// it goes on.
fn answer_length(bytes: &[u8]) -> Option<usize> {
    let mut length = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        length += line.len();
        if line.last() == Some(&b'\n') && line.get(3) != Some(&b'-') {
            return Some(length);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_end_where_they_end() {
        for (bytes, want) in [
            ("220 hello\r\n", Some(11)),
            ("220 hello\n", Some(10)),
            ("250-a\r\n250 b\r\n", Some(14)),
            ("220 go\r\n250 slipped in\r\n", Some(8)),
            ("250-a\r\n", None),
            ("250 b", None),
            ("220\r\n", Some(5)),
            ("", None),
        ] {
            assert_eq!(answer_length(bytes.as_bytes()), want, "{bytes:?}");
        }
    }
}
