//! SMTP towards a relay: lettre's connection, kept by us. Its pool has no time limit for a step, and puts a
//! connection back out of step when a send is given up; here every step has a limit, and a connection that saw any
//! trouble is never used again.

use std::fmt::Display;
use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Quit, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_rustls::TlsConnector;

use super::judge::{Ending, RemoteReply, Stage};
use super::tls::{Encrypted, connector};
use super::transport::{Letter, Sent, TransportError};
use crate::config::{self, RelayTls};

/// A connection that was quiet for longer is not used again: the other end has its own patience.
const KEPT: Duration = Duration::from_secs(30);
/// Longest goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// A relay, and the connections kept to it.
pub struct Relay {
    host: String,
    port: u16,
    tls: RelayTls,
    credentials: Option<Credentials>,
    /// For EHLO; the connection's own address when empty.
    hostname: String,
    step: Duration,
    starttls: Option<TlsParameters>,
    connector: Option<TlsConnector>,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    line: Line,
    since: Instant,
}

/// An open connection, past EHLO and AUTH.
struct Line {
    connection: AsyncSmtpConnection,
    remote: String,
    encrypted: bool,
}

/// Trouble on the way: how the try ended.
type Step<T> = Result<T, Ending>;

impl Relay {
    /// As configured; certificates are read now, the network is not touched.
    pub(super) fn new(relay: &config::Relay, hostname: &str, step: Duration) -> Result<Self, TransportError> {
        let credentials = relay
            .username
            .as_ref()
            .map(|username| Credentials::new(username.clone(), relay.password.clone().unwrap_or_default()));
        // A password is worth a certificate that is checked.
        let checked = relay.tls != RelayTls::Opportunistic || credentials.is_some();
        let wrong = |error: &dyn Display| TransportError::Relay(error.to_string());
        let starttls = match relay.tls {
            RelayTls::None | RelayTls::Tls => None,
            RelayTls::Opportunistic | RelayTls::Starttls => {
                Some(starttls_parameters(&relay.host, checked).map_err(|error| wrong(&error))?)
            }
        };
        let connector = match relay.tls {
            RelayTls::Tls => Some(connector().map_err(|error| wrong(&error))?),
            _ => None,
        };
        Ok(Self {
            host: relay.host.clone(),
            port: relay.port,
            tls: relay.tls,
            credentials,
            hostname: hostname.to_owned(),
            step,
            starttls,
            connector,
            idle: Mutex::default(),
        })
    }

    /// Tries to send one mail, no longer than `limit`, on a kept connection where there is one. A kept connection
    /// that turns out to be closed costs nothing but a new one.
    pub(super) async fn send(&self, letter: Letter<'_>, limit: Duration) -> Sent {
        let end = Instant::now() + limit;
        if let Some(line) = self.take_idle().await {
            let sent = self.send_on(line, letter, end).await;
            if !was_stale(&sent.ending) {
                return sent;
            }
        }
        match timeout_at(end, self.connect()).await {
            Ok(Ok(line)) => self.send_on(line, letter, end).await,
            Ok(Err(ending)) => Sent::nowhere(ending),
            Err(_) => Sent::nowhere(late(Stage::Connect)),
        }
    }

    /// Opens and closes a connection: whether name, port, TLS and credentials are right.
    ///
    /// # Errors
    /// With a sentence saying what is wrong.
    pub async fn probe(&self) -> Result<(), String> {
        match self.connect().await {
            Ok(line) => {
                line.goodbye().await;
                Ok(())
            }
            Err(Ending::Refused(_, reply)) => Err(format!("{} {}", reply.code, reply.text)),
            Err(Ending::Broken(_, error) | Ending::Impossible(error)) => Err(error),
            Err(Ending::Taken(_) | Ending::Captured) => Ok(()),
        }
    }

    /// Says goodbye on all kept connections.
    pub(super) async fn close(&self) {
        for idle in std::mem::take(&mut *self.idle.lock().await) {
            idle.line.goodbye().await;
        }
    }

    async fn take_idle(&self) -> Option<Line> {
        let mut idle = self.idle.lock().await;
        let (fresh, old) = std::mem::take(&mut *idle).into_iter().partition(|one| one.since.elapsed() < KEPT);
        *idle = fresh;
        let old: Vec<Idle> = old;
        tokio::spawn(async move {
            for one in old {
                one.line.goodbye().await;
            }
        });
        idle.pop().map(|one| one.line)
    }

    async fn send_on(&self, mut line: Line, letter: Letter<'_>, end: Instant) -> Sent {
        let ending = match self.transaction(&mut line.connection, letter, end).await {
            Ok(reply) => Ending::Taken(reply),
            Err(ending) => ending,
        };
        let tls = line.encrypted.then(|| "TLS".to_owned());
        let remote = Some(line.remote.clone());
        match &ending {
            Ending::Taken(_) => self.idle.lock().await.push(Idle { line, since: Instant::now() }),
            // Still in step: the refusal was an answer, and no data is under way.
            Ending::Refused(Stage::Mail | Stage::Rcpt | Stage::Data, reply) if reply.code != 421 => {
                line.goodbye().await;
            }
            _ => drop(line),
        }
        Sent { ending, remote, tls }
    }

    async fn transaction(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: Letter<'_>,
        end: Instant,
    ) -> Step<RemoteReply> {
        let from = address(letter.from)?;
        let to = address(letter.to)?.ok_or_else(|| Ending::Impossible("no recipient".into()))?;
        let parameters = parameters(connection, letter)?;
        let mail = connection.command(Mail::new(from, parameters));
        self.step(Stage::Mail, end, mail).await?;
        self.step(Stage::Rcpt, end, connection.command(Rcpt::new(to, Vec::new()))).await?;
        self.step(Stage::Data, end, connection.command(Data)).await?;
        // lettre stuffs dots after CR LF only, and ends the data with a CR LF of its own.
        let data = with_crlf(letter.mime);
        let data = data.strip_suffix(b"\r\n").unwrap_or(&data);
        match timeout_at(end, connection.message(data)).await {
            Ok(result) => {
                result.map(|response| reply_of(&response)).map_err(|error| ended(Stage::Body, &error))
            }
            Err(_) => Err(late(Stage::Body)),
        }
    }

    /// One command and its answer.
    async fn step(
        &self,
        stage: Stage,
        end: Instant,
        command: impl Future<Output = Result<Response, SmtpError>>,
    ) -> Step<Response> {
        match timeout_at(end.min(Instant::now() + self.step), command).await {
            Ok(result) => result.map_err(|error| ended(stage, &error)),
            Err(_) => Err(late(stage)),
        }
    }

    async fn connect(&self) -> Step<Line> {
        let (stream, ip) = self.open().await?;
        let hello = self.hello(&stream);
        let remote = format!("{} [{ip}]", self.host);
        let stream: Box<dyn AsyncTokioStream> = match &self.connector {
            Some(connector) => Box::new(self.handshake(connector, stream).await?),
            None => Box::new(stream),
        };
        let greeted = AsyncSmtpConnection::connect_with_transport(stream, &hello);
        let mut connection = self.limited(greeted).await?;
        let mut encrypted = self.connector.is_some();
        if let Some(parameters) = self.upgrade(&connection)? {
            self.limited(connection.starttls(parameters, &hello)).await?;
            encrypted = true;
        }
        if let Some(credentials) = &self.credentials {
            if !encrypted {
                return Err(trouble("the relay wants a password, but the connection is not encrypted"));
            }
            self.limited(connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)).await?;
        }
        Ok(Line { connection, remote, encrypted })
    }

    /// The first address that answers, with the delay of small packets switched off: lettre writes a mail and its
    /// final dot in two, which Nagle's rule would hold back for 40 ms.
    async fn open(&self) -> Step<(TcpStream, IpAddr)> {
        let opened = timeout(self.step, TcpStream::connect((self.host.as_str(), self.port))).await;
        let stream = match opened {
            Ok(stream) => stream.map_err(|error| trouble(&error))?,
            Err(_) => return Err(trouble("no connection in time")),
        };
        stream.set_nodelay(true).map_err(|error| trouble(&error))?;
        let peer = stream.peer_addr().map_err(|error| trouble(&error))?;
        Ok((stream, peer.ip()))
    }

    async fn handshake(&self, connector: &TlsConnector, stream: TcpStream) -> Step<Encrypted> {
        match timeout(self.step, Encrypted::connect(connector, &self.host, stream)).await {
            Ok(stream) => stream.map_err(|error| trouble(&format!("TLS: {error}"))),
            Err(_) => Err(trouble("no TLS handshake in time")),
        }
    }

    /// What STARTTLS needs, when it is to be done.
    fn upgrade(&self, connection: &AsyncSmtpConnection) -> Step<Option<TlsParameters>> {
        if connection.can_starttls() || self.tls != RelayTls::Starttls {
            return Ok(self.starttls.clone().filter(|_| connection.can_starttls()));
        }
        Err(trouble("the relay does not offer STARTTLS"))
    }

    async fn limited<T>(&self, step: impl Future<Output = Result<T, SmtpError>>) -> Step<T> {
        match timeout(self.step, step).await {
            Ok(result) => result.map_err(|error| ended(Stage::Connect, &error)),
            Err(_) => Err(late(Stage::Connect)),
        }
    }

    /// Our name, or our address as RFC 5321 §4.1.3 writes it.
    fn hello(&self, stream: &TcpStream) -> ClientId {
        if !self.hostname.is_empty() {
            return ClientId::Domain(self.hostname.clone());
        }
        match stream.local_addr().map(|address| address.ip()) {
            Ok(IpAddr::V4(ip)) => ClientId::Ipv4(ip),
            Ok(IpAddr::V6(ip)) => ClientId::Ipv6(ip),
            Err(_) => ClientId::default(),
        }
    }
}

impl Line {
    /// QUIT, briefly.
    async fn goodbye(mut self) {
        // Whatever it answers, the connection ends here.
        let _ = timeout(GOODBYE, self.connection.command(Quit)).await;
    }
}

fn starttls_parameters(host: &str, checked: bool) -> Result<TlsParameters, SmtpError> {
    TlsParameters::builder(host.to_owned())
        .dangerous_accept_invalid_certs(!checked)
        .dangerous_accept_invalid_hostnames(!checked)
        .build_rustls()
}

/// The reverse path or recipient; `None` for `<>`.
fn address(text: &str) -> Step<Option<Address>> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Ending::Impossible(format!("{text:?} is not an address")))
}

/// `SMTPUTF8` and `BODY=8BITMIME` where the mail needs them (RFC 6531, RFC 6152).
fn parameters(connection: &AsyncSmtpConnection, letter: Letter<'_>) -> Step<Vec<MailParameter>> {
    let server = connection.server_info();
    let mut parameters = Vec::new();
    if !letter.from.is_ascii() || !letter.to.is_ascii() {
        if !server.supports_feature(Extension::SmtpUtfEight) {
            return Err(Ending::Impossible("the address is not ASCII, and the relay has no SMTPUTF8".into()));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    if !letter.mime.is_ascii() {
        if !server.supports_feature(Extension::EightBitMime) {
            return Err(Ending::Impossible("the mail is 8-bit, and the relay has no 8BITMIME".into()));
        }
        parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
    }
    Ok(parameters)
}

/// Whether a kept connection had been closed by the other end: nothing of the mail was said yet.
fn was_stale(ending: &Ending) -> bool {
    match ending {
        Ending::Broken(Stage::Mail, _) => true,
        Ending::Refused(Stage::Mail, reply) => reply.code == 421,
        _ => false,
    }
}

fn ended(stage: Stage, error: &SmtpError) -> Ending {
    let words = std::error::Error::source(error).map(ToString::to_string);
    match error.status() {
        Some(code) => {
            Ending::Refused(stage, RemoteReply { code: code.into(), text: words.unwrap_or_default() })
        }
        None => Ending::Broken(stage, words.unwrap_or_else(|| error.to_string())),
    }
}

fn reply_of(response: &Response) -> RemoteReply {
    RemoteReply { code: response.code().into(), text: response.message().collect::<Vec<_>>().join(" ") }
}

fn trouble(words: &(impl Display + ?Sized)) -> Ending {
    Ending::Broken(Stage::Connect, words.to_string())
}

fn late(stage: Stage) -> Ending {
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
