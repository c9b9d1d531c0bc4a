//! The wire of one session: a buffer for what came, a buffer for what we say, and the rules of lines.
//! Replies wait in their buffer until we have to wait for the client, and go out in one write (RFC 2920 §3.2).

use std::io;
use std::time::Duration;

use memchr::{memchr, memmem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::stream::Stream;

/// Longest command line taken, CR LF included: room for parameters (MAIL.md §1.1).
const MAX_LINE: usize = 2048;
/// Room for commands at first; few lines are longer. A session that waits for longer than [`QUIET`] has no buffer at all.
const COMMAND_ROOM: usize = 512;
/// Room in `DATA` at first; it doubles as long as the client fills it.
const DATA_ROOM: usize = 16 * 1024;
const MAX_DATA_ROOM: usize = 64 * 1024;
/// Octets of one endless line that are passed over before we hang up.
const MAX_SKIPPED: usize = 4 * 1024 * 1024;
/// Octets that are passed over once we have hung up.
const MAX_PASSED_OVER: usize = 256 * 1024;
const QUIET: Duration = Duration::from_secs(2);
/// How long a client gets to read our last words, and to stop talking.
const LINGER: Duration = Duration::from_secs(2);

/// Why nothing more will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// The client has gone, or the connection failed.
    Closed,
    /// The deadline has passed.
    Timeout,
    /// We are asked to stop.
    Stopping,
    /// An endless line.
    Flood,
}

/// What stands at the start of the buffer.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line with its CR LF, without any other CR or LF.
    Command(Vec<u8>),
    /// Longer than any command may be.
    TooLong,
    /// A CR or LF that stands alone.
    BareLineEnd,
}

/// One connection and its buffers.
#[derive(Debug)]
pub struct Wire {
    stream: Stream,
    input: Vec<u8>,
    /// Octets of `input` that are used up.
    start: usize,
    output: Vec<u8>,
    /// Octets passed over of a line that is too long; 0 when not in one.
    skipped: usize,
}

impl Wire {
    /// A wire with nothing on it.
    pub fn new(stream: Stream) -> Self {
        Self { stream, input: Vec::new(), start: 0, output: Vec::new(), skipped: 0 }
    }

    /// The connection itself, buffers dropped: for the change to TLS, where what was sent before the handshake
    /// must not be taken for what comes after it (RFC 3207 §6, CVE-2011-0411).
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// Whether TLS could begin here.
    pub fn is_tcp(&self) -> bool {
        matches!(self.stream, Stream::Tcp(_))
    }

    /// What we are about to say.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// What has come and is not used yet.
    pub fn input(&self) -> &[u8] {
        &self.input[self.start..]
    }

    /// Marks octets of [`Self::input`] as used.
    pub fn consume(&mut self, octets: usize) {
        self.start += octets;
    }

    /// Whether the client speaks within so much time.
    pub async fn speaks_within(&mut self, wait: Duration) -> bool {
        self.reserve(COMMAND_ROOM);
        timeout(wait, self.stream.read_buf(&mut self.input)).await.is_ok()
    }

    /// The next line; waits for it until `deadline`, or until `stop`.
    pub async fn line(&mut self, deadline: Instant, stop: &CancellationToken) -> Result<Line, Broken> {
        loop {
            if let Some(line) = self.take_line()? {
                return Ok(line);
            }
            self.reserve(COMMAND_ROOM);
            let quiet = (Instant::now() + QUIET).min(deadline);
            let waiting = self.fill(quiet);
            let mut filled = stop.run_until_cancelled(waiting).await.unwrap_or(Err(Broken::Stopping));
            if filled == Err(Broken::Timeout) && quiet < deadline {
                self.give_back_room();
                filled = stop.run_until_cancelled(self.fill(deadline)).await.unwrap_or(Err(Broken::Stopping));
            }
            filled?;
        }
    }

    /// Waits for more of a mail until `deadline`.
    pub async fn more_data(&mut self, deadline: Instant) -> Result<(), Broken> {
        let room = if self.input.len() == self.input.capacity() { self.input.capacity() * 2 } else { 0 };
        self.reserve(room.clamp(DATA_ROOM, MAX_DATA_ROOM));
        self.fill(deadline).await
    }

    /// After a mail: a big buffer is not kept.
    pub fn end_of_data(&mut self) {
        if self.input.capacity() > DATA_ROOM && self.input().len() <= DATA_ROOM {
            self.compact();
            self.input.shrink_to(DATA_ROOM);
        }
    }

    /// Sends what we have said so far. What was sent is taken off at once: whoever is interrupted here, by a stop or a
    /// deadline, says nothing twice.
    pub async fn flush(&mut self, deadline: Instant) -> Result<(), Broken> {
        if self.output.is_empty() {
            return Ok(());
        }
        let sending = async {
            while !self.output.is_empty() {
                match self.stream.write(&self.output).await? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    sent => drop(self.output.drain(..sent)),
                }
            }
            self.stream.flush().await
        };
        match timeout_at(deadline, sending).await {
            Err(_) => Err(Broken::Timeout),
            Ok(Err(_)) => Err(Broken::Closed),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Says the last words and hangs up. What the client still sends is read for a moment, lest a reset
    /// takes our words from it.
    pub async fn close(mut self) {
        let farewell = async {
            self.flush(Instant::now() + LINGER).await.ok()?;
            self.stream.shutdown().await.ok()?;
            let mut passed_over = 0;
            while passed_over < MAX_PASSED_OVER {
                self.start = self.input.len();
                self.reserve(COMMAND_ROOM);
                passed_over += match self.stream.read_buf(&mut self.input).await.ok()? {
                    0 => break,
                    octets => octets,
                };
            }
            Some(())
        };
        let _ = timeout(LINGER, farewell).await;
    }

    /// Takes a line off the buffer, if there is a whole one. A line with a bare LF is over at once, and takes all that
    /// came with it up to the next CR LF: nothing behind a bare LF is ever a command.
    fn take_line(&mut self) -> Result<Option<Line>, Broken> {
        let input = &self.input[self.start..];
        let Some(lf) = memchr(b'\n', input) else { return self.partial_line() };
        let length = lf + 1;
        if lf == 0 || input[lf - 1] != b'\r' {
            let whole = memmem::find(&input[lf..], b"\r\n").map_or(input.len(), |end| lf + end + 2);
            self.start += whole;
            self.skipped = 0;
            return Ok(Some(Line::BareLineEnd));
        }
        let has_bare_cr = memchr(b'\r', input) != Some(lf - 1);
        let line = if std::mem::take(&mut self.skipped) + length > MAX_LINE {
            Line::TooLong
        } else if has_bare_cr {
            Line::BareLineEnd
        } else {
            Line::Command(input[..length].to_vec())
        };
        self.start += length;
        Ok(Some(line))
    }

    /// No line end yet: what is too long already is not kept. Its last octet is, for it may be a CR.
    fn partial_line(&mut self) -> Result<Option<Line>, Broken> {
        let length = self.input().len();
        if length > MAX_LINE {
            self.start += length - 1;
            self.skipped += length - 1;
        }
        if self.skipped > MAX_SKIPPED { Err(Broken::Flood) } else { Ok(None) }
    }

    async fn fill(&mut self, deadline: Instant) -> Result<(), Broken> {
        self.flush(deadline).await?;
        match timeout_at(deadline, self.stream.read_buf(&mut self.input)).await {
            Err(_) => Err(Broken::Timeout),
            Ok(Ok(0) | Err(_)) => Err(Broken::Closed),
            Ok(Ok(_)) => Ok(()),
        }
    }

    /// Room for `capacity` octets in all, and for some more than there are.
    fn reserve(&mut self, capacity: usize) {
        self.compact();
        let capacity = if self.input.len() < capacity { capacity } else { self.input.len() * 2 };
        if self.input.capacity() < capacity {
            self.input.reserve_exact(capacity - self.input.len());
        }
    }

    /// Brings unused octets to the front: as a rule there are none, or the beginning of one line.
    fn compact(&mut self) {
        if self.start > 0 {
            self.input.drain(..self.start);
            self.start = 0;
        }
    }

    /// A thousand sessions that say nothing should cost next to nothing.
    fn give_back_room(&mut self) {
        self.compact();
        self.input.shrink_to_fit();
        self.output.shrink_to_fit();
        self.reserve(64);
    }
}
