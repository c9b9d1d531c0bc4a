//! The sockets themselves: bound by the settings, or handed in by whoever started us.

use std::fs::Permissions;
use std::io;
use std::net::{self, SocketAddr};
use std::os::unix::{self, fs::PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::listener::Error;
use super::session::Protocol;
use crate::config::Smtp;

/// Sockets that listen already, by what is spoken on them (systemd's socket activation).
#[derive(Debug, Default)]
pub struct HandedIn {
    /// SMTP.
    pub smtp: Vec<net::TcpListener>,
    /// SMTP with TLS from the first byte.
    pub smtps: Vec<net::TcpListener>,
    /// LMTP over TCP.
    pub lmtp: Vec<net::TcpListener>,
    /// LMTP over Unix sockets.
    pub lmtp_unix: Vec<unix::net::UnixListener>,
}

impl HandedIn {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.smtp.is_empty() && self.smtps.is_empty() && self.lmtp.is_empty() && self.lmtp_unix.is_empty()
    }
}

/// Where the door listens, as the system gave it (port 0 is answered with a real one).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// SMTP.
    pub smtp: Vec<SocketAddr>,
    /// SMTP with TLS from the first byte.
    pub smtps: Vec<SocketAddr>,
    /// LMTP over TCP.
    pub lmtp: Vec<SocketAddr>,
    /// LMTP over Unix sockets.
    pub lmtp_unix: Vec<PathBuf>,
}

/// A socket that listens.
pub(super) enum Socket {
    Tcp {
        listener: TcpListener,
        protocol: Protocol,
        tls: bool,
    },
    /// Always LMTP. `ours`: we made the file, and take it away.
    Unix {
        listener: UnixListener,
        path: PathBuf,
        ours: bool,
    },
}

/// Somebody who connected.
pub(super) enum Client {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

/// All sockets of the door. What was handed in takes the place of the addresses of its kind.
pub(super) async fn open(smtp: &Smtp, handed_in: HandedIn) -> Result<Vec<Socket>, Error> {
    let HandedIn { smtp: plain, smtps, lmtp, lmtp_unix } = handed_in;
    let mut sockets = Vec::new();
    for (handed_in, listen, tls) in [(plain, &smtp.listen, false), (smtps, &smtp.listen_tls, true)] {
        let bound = handed_in.is_empty();
        adopt(handed_in, Protocol::Smtp, tls, &mut sockets)?;
        for address in listen.iter().filter(|_| bound) {
            sockets.push(Socket::bind(*address, Protocol::Smtp, tls).await?);
        }
    }
    let bound = lmtp.is_empty() && lmtp_unix.is_empty();
    adopt(lmtp, Protocol::Lmtp, false, &mut sockets)?;
    for listener in lmtp_unix {
        sockets.push(Socket::adopt_unix(listener).map_err(Error::HandedIn)?);
    }
    for address in smtp.lmtp_listen.iter().filter(|_| bound) {
        sockets.push(Socket::bind_lmtp(address).await?);
    }
    Ok(sockets)
}

fn adopt(
    listeners: Vec<net::TcpListener>,
    protocol: Protocol,
    tls: bool,
    sockets: &mut Vec<Socket>,
) -> Result<(), Error> {
    for listener in listeners {
        listener.set_nonblocking(true).map_err(Error::HandedIn)?;
        let listener = TcpListener::from_std(listener).map_err(Error::HandedIn)?;
        sockets.push(Socket::Tcp { listener, protocol, tls });
    }
    Ok(())
}

/// Where they listen.
pub(super) fn addresses(sockets: &[Socket]) -> Addresses {
    let mut addresses = Addresses::default();
    for socket in sockets {
        match socket {
            Socket::Tcp { listener, protocol, tls } => {
                let list = match (protocol, tls) {
                    (Protocol::Lmtp, _) => &mut addresses.lmtp,
                    (Protocol::Smtp, true) => &mut addresses.smtps,
                    (Protocol::Smtp, false) => &mut addresses.smtp,
                };
                list.extend(listener.local_addr());
            }
            Socket::Unix { path, .. } => addresses.lmtp_unix.push(path.clone()),
        }
    }
    addresses
}

impl Socket {
    async fn bind(address: SocketAddr, protocol: Protocol, tls: bool) -> Result<Self, Error> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|source| Error::Bind { address: address.to_string(), source })?;
        Ok(Self::Tcp { listener, protocol, tls })
    }

    async fn bind_lmtp(address: &str) -> Result<Self, Error> {
        let Some(path) = address.strip_prefix("unix:") else {
            let address = address.parse().map_err(|_| Error::Address(address.to_owned()))?;
            return Self::bind(address, Protocol::Lmtp, false).await;
        };
        let listener = bind_unix(Path::new(path));
        let listener = listener.map_err(|source| Error::Bind { address: address.to_owned(), source })?;
        Ok(Self::Unix { listener, path: path.into(), ours: true })
    }

    fn adopt_unix(listener: unix::net::UnixListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let path = listener.local_addr()?.as_pathname().map(PathBuf::from).unwrap_or_default();
        Ok(Self::Unix { listener: UnixListener::from_std(listener)?, path, ours: false })
    }

    pub(super) async fn accept(&self) -> io::Result<Client> {
        match self {
            Self::Tcp { listener, .. } => {
                let (stream, address) = listener.accept().await?;
                Ok(Client::Tcp(stream, address))
            }
            Self::Unix { listener, .. } => Ok(Client::Unix(listener.accept().await?.0)),
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self {
            Self::Tcp { protocol, .. } => *protocol,
            Self::Unix { .. } => Protocol::Lmtp,
        }
    }

    pub(super) fn is_tls(&self) -> bool {
        matches!(self, Self::Tcp { tls: true, .. })
    }
}

/// The file of a Unix socket that we made goes with it.
impl Drop for Socket {
    fn drop(&mut self) {
        if let Self::Unix { path, ours: true, .. } = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Who may connect to a socket that we make: our own user, and our group, which an MTA joins. Whoever connects is trusted.
const SOCKET_MODE: u32 = 0o660;

fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    let listener = bind_free(path)?;
    std::fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))?;
    Ok(listener)
}

/// A socket file that an earlier run left behind is in the way; one that somebody answers on is not ours to take.
fn bind_free(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            if unix::net::UnixStream::connect(path).is_ok() {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        other => other,
    }
}
