//! The bytes between lettre and a server, once greeting, EHLO and STARTTLS are behind us.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;

use super::line::{ENDLESS, LONGEST_ANSWER};

/// A connection in the clear, or an encrypted one.
pub(super) type Stream = Either<TcpStream, TlsStream<TcpStream>>;

/// A stream as lettre takes it. lettre wants to be greeted and to say EHLO by itself: it hears once more what the
/// server said to us, and its own EHLO goes nowhere.
#[derive(Debug)]
pub(super) struct Channel {
    stream: Stream,
    peer: SocketAddr,
    /// Greeting and answer to EHLO.
    heard: Vec<u8>,
    /// How much of that lettre has heard.
    told: usize,
    /// lettre said EHLO.
    introduced: bool,
    /// Octets heard since we said something.
    unasked: usize,
}

impl Channel {
    /// Goes on after this greeting and answer to EHLO.
    pub(super) fn after(stream: Stream, peer: SocketAddr, heard: Vec<u8>) -> Self {
        Self { stream, peer, heard, told: 0, introduced: false, unasked: 0 }
    }
}

impl AsyncTokioStream for Channel {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = &self.heard[self.told..];
        if !left.is_empty() {
            let length = left.len().min(buf.remaining());
            buf.put_slice(&left[..length]);
            self.told += length;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        make_text(&mut buf.filled_mut()[before..]);
        self.unasked += buf.filled().len() - before;
        // lettre would keep all of it, as fast as it comes.
        if self.unasked > LONGEST_ANSWER { Poll::Ready(Err(io::Error::other(ENDLESS))) } else { polled }
    }
}

impl AsyncWrite for Channel {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.unasked = 0;
        if !self.introduced {
            self.introduced = true;
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Bytes that are no UTF-8 become `?`: some servers answer in Latin-1, and lettre would take that for a broken
/// connection. A character that goes on in the next bytes stays.
fn make_text(mut bytes: &mut [u8]) {
    while let Err(error) = std::str::from_utf8(bytes) {
        let Some(length) = error.error_len() else { return };
        let wrong = error.valid_up_to();
        bytes[wrong..wrong + length].fill(b'?');
        bytes = &mut bytes[wrong + length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_text_is_made_text() {
        for (bytes, want) in [
            (&b"550 Empf\xE4nger unbekannt\r\n"[..], "550 Empf?nger unbekannt\r\n".as_bytes()),
            ("550 Empfänger".as_bytes(), "550 Empfänger".as_bytes()),
            (b"550 \xC3", b"550 \xC3"),
            (b"\xFF\xFEok", b"??ok"),
        ] {
            let mut bytes = bytes.to_vec();
            make_text(&mut bytes);
            assert_eq!(bytes, want);
        }
    }
}
