//! From a name to an open line: TCP, greeting, EHLO, STARTTLS or TLS, AUTH.

use std::net::{IpAddr, SocketAddr};

use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio_util::either::Either;

use super::channel::Channel;
use super::envelope::Offers;
use super::judge::{Ending, Stage};
use super::line::{Line, Step, ended, late};
use super::login::Login;
use super::pace::Pace;
use super::talk::{Talk, trouble, unasked};
use super::tls::{Encrypted, Trust};

/// A server, and on which conditions we talk to it.
#[derive(Clone, Copy)]
pub(super) struct Dial<'a> {
    /// Its name, which a certificate must bear.
    pub host: &'a str,
    /// Encryption.
    pub security: Security,
    /// Certificates.
    pub trust: &'a Trust,
    /// Our name; the connection's own address when empty.
    pub hello: &'a str,
    /// Who we are.
    pub login: Option<&'a Login>,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Security {
    /// Never.
    None,
    /// STARTTLS where offered, whatever the certificate; in the clear where that breaks.
    Opportunistic,
    /// STARTTLS with a right certificate, or not at all.
    Starttls,
    /// TLS from the first byte, with a right certificate.
    Tls,
}

/// Why there is no line.
enum Fault {
    /// TLS broke.
    Handshake(Ending),
    /// Anything else.
    Other(Ending),
}

impl From<Ending> for Fault {
    fn from(ending: Ending) -> Self {
        Self::Other(ending)
    }
}

impl Fault {
    /// A server that offers STARTTLS and can't do it is as good as one that does not offer it; one that is spoken for by
    /// somebody else is not.
    fn of_starttls(ending: Ending) -> Self {
        if ending == unasked() { Self::Other(ending) } else { Self::Handshake(ending) }
    }
}

impl Dial<'_> {
    /// A line to the first of several addresses that gives one; the time is shared between them.
    ///
    /// # Errors
    /// How it ended at the last of them.
    pub(super) async fn any(&self, addresses: &[SocketAddr], pace: Pace) -> Step<Line> {
        let mut last = trouble("it has no address");
        for (i, address) in addresses.iter().enumerate() {
            match self.line(*address, pace.one_of(addresses.len() - i)).await {
                Ok(line) => return Ok(line),
                Err(ending) => last = ending,
            }
        }
        Err(last)
    }

    /// A line to an address. Opportunistic TLS that breaks is followed by a second connection, in the clear: better than
    /// no mail, and whoever breaks it could as well hide the offer.
    pub(super) async fn line(&self, address: SocketAddr, pace: Pace) -> Step<Line> {
        let found = match self.attempt(address, pace).await {
            Err(Fault::Handshake(ending)) if self.security == Security::Opportunistic => {
                tracing::warn!(host = self.host, error = ending.words(), "TLS breaks, sending in the clear");
                Dial { security: Security::None, ..*self }.attempt(address, pace).await
            }
            found => found,
        };
        found.map_err(|(Fault::Handshake(ending) | Fault::Other(ending))| ending)
    }

    async fn attempt(&self, address: SocketAddr, pace: Pace) -> Result<Line, Fault> {
        let stream = open(address, pace).await?;
        let hello = self.hello(&stream);
        let mut tls = None;
        let mut talk = if self.security == Security::Tls {
            let Encrypted { stream, label } = self.encrypt(stream, pace).await?;
            tls = Some(label);
            Talk::new(Either::Right(stream), pace)
        } else {
            Talk::new(Either::Left(stream), pace)
        };
        talk.be_greeted().await?;
        let mut offers = talk.introduce(&hello).await?;
        if self.wants_starttls(&offers)? {
            let (stream, greeting) = talk.start_tls().await.map_err(Fault::of_starttls)?;
            let Encrypted { stream, label } = self.encrypt(stream, pace).await?;
            tls = Some(label);
            talk = Talk::resume(Either::Right(stream), pace, greeting);
            offers = talk.introduce(&hello).await?;
        }
        let (stream, heard) = talk.end();
        let channel = Box::new(Channel::after(stream, address, heard));
        let taken = pace.step(AsyncSmtpConnection::connect_with_transport(channel, &hello)).await;
        let taken = taken.map_err(|_| late(Stage::Connect))?;
        let mut connection = taken.map_err(|error| ended(Stage::Connect, &error))?;
        if let Some(login) = self.login {
            if tls.is_none() {
                return Err(trouble("a password is never sent in the clear").into());
            }
            login.prove(&mut connection, pace).await?;
        }
        let remote = format!("{} [{}]", self.host, address.ip());
        Ok(Line { connection, remote, tls, offers })
    }

    async fn encrypt(&self, stream: TcpStream, pace: Pace) -> Result<Encrypted, Fault> {
        let shaken = match self.security {
            Security::Opportunistic => pace.step(self.trust.note(self.host, stream)).await,
            _ => pace.step(self.trust.verify(self.host, stream)).await,
        };
        let shaken = shaken.unwrap_or_else(|_| Err("no TLS handshake in time".into()));
        shaken.map_err(|words| Fault::Handshake(trouble(&words)))
    }

    fn wants_starttls(&self, offers: &Offers) -> Step<bool> {
        match self.security {
            Security::None | Security::Tls => Ok(false),
            Security::Opportunistic => Ok(offers.starttls),
            Security::Starttls if offers.starttls => Ok(true),
            Security::Starttls => Err(trouble("the server does not offer STARTTLS")),
        }
    }

    /// Our name, or our address as RFC 5321 §4.1.3 writes it.
    fn hello(&self, stream: &TcpStream) -> ClientId {
        if !self.hello.is_empty() {
            return ClientId::Domain(self.hello.to_owned());
        }
        match stream.local_addr().map(|address| address.ip()) {
            Ok(IpAddr::V4(ip)) => ClientId::Ipv4(ip),
            Ok(IpAddr::V6(ip)) => ClientId::Ipv6(ip),
            Err(_) => ClientId::default(),
        }
    }
}

/// A connection with the delay of small packets switched off: lettre writes a mail and its final dot in two, which
/// Nagle's rule would hold back for 40 ms.
async fn open(address: SocketAddr, pace: Pace) -> Step<TcpStream> {
    let opened = pace.connection(TcpStream::connect(address)).await;
    let stream = opened.map_err(|_| trouble("no connection in time"))?.map_err(|error| trouble(&error))?;
    stream.set_nodelay(true).map_err(|error| trouble(&error))?;
    Ok(stream)
}
