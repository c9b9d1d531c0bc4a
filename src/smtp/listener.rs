//! The sockets of the door: they accept whatever happens, and stop when told to.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::data::BodyLimits;
use super::limits::{Crowd, Limits, Place};
use super::memory::Budget;
use super::proxied;
use super::reply;
use super::session::{Peer, Protocol, Session, Stop};
use super::socket::{self, Addresses, Client, HandedIn, Socket};
use super::stream::Stream;
use super::tls::{self, Certificate};
use crate::config::Smtp;
use crate::desk::Desk;
use crate::sender::{Checker, LookupError, Resolver};
use crate::telemetry::meters;

const MIB: usize = 1024 * 1024;
/// After `accept` failed, as it does when file descriptors run out: trying at once would only burn time.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often rate limits forget who was quiet.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// Why the door can't open.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A listen address can't be had.
    #[error("smtp: can't listen on {address}: {source}")]
    Bind {
        /// The address as configured.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// A socket that was handed in can't be used.
    #[error("smtp: a socket that was handed in can't be used: {0}")]
    HandedIn(io::Error),
    /// `lmtp_listen` has something that is neither an address nor `unix:` and a path.
    #[error("smtp.lmtp_listen: {0} is neither ip:port nor unix:/path")]
    Address(String),
    /// `listen_tls`, or a socket for it, without `[smtp.tls]`.
    #[error("smtp.listen_tls needs smtp.tls.certificate and smtp.tls.key")]
    NoCertificate,
    /// No file can be made in `smtp.spool_dir`.
    #[error("smtp.spool_dir: no file can be made in {path}: {source}")]
    Spool {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing can ask the DNS.
    #[error("dns: {0}")]
    Dns(#[from] LookupError),
    /// The certificate can't be used.
    #[error("smtp.tls: {0}")]
    Tls(#[from] tls::Error),
}

/// What all sessions share.
pub struct Door {
    pub(super) desk: Desk,
    pub(super) checker: Checker,
    pub(super) hostname: String,
    pub(super) certificate: Option<Arc<Certificate>>,
    pub(super) limits: Arc<Limits>,
    pub(super) budget: Arc<Budget>,
}

impl Door {
    pub(super) fn smtp(&self) -> &Smtp {
        &self.desk.config().smtp
    }

    pub(super) fn body_limits(&self) -> BodyLimits {
        let smtp = self.smtp();
        BodyLimits { max_size: octets(smtp.max_message_mb), max_line: smtp.max_line, bare_lf: smtp.bare_lf }
    }

    fn is_proxy(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.smtp().proxy_networks.iter().any(|network| network.contains(&ip))
    }

    /// A place for a client, at once or soon, unless there are too many.
    async fn enter(&self, peer: Peer) -> Option<Place> {
        let limited = peer.ip.filter(|_| !peer.trusted);
        let place = match self.limits.enter(limited) {
            Ok(place) => Some(place),
            Err(Crowd::OfAll) => self.limits.enter_soon(limited).await,
            Err(Crowd::OfAddress) => None,
        };
        if place.is_none() {
            meters::session_refused();
        }
        place
    }

    fn peer(&self, ip: IpAddr) -> Peer {
        let ip = ip.to_canonical();
        Peer {
            ip: Some(ip),
            trusted: self.smtp().trusted_networks.iter().any(|network| network.contains(&ip)),
        }
    }
}

/// The open door.
pub struct Listener {
    door: Arc<Door>,
    /// Until they are served.
    sockets: Mutex<Vec<Socket>>,
    addresses: Addresses,
}

impl Listener {
    /// Opens the sockets of `[smtp]`. Those that were handed in take the place of the settings for their kind.
    ///
    /// # Errors
    /// When an address can't be had, or the certificate or the DNS can't be used.
    pub async fn bind(desk: Desk, resolver: Resolver, handed_in: HandedIn) -> Result<Self, Error> {
        let config = desk.config().clone();
        let smtp = &config.smtp;
        let certificate = smtp.tls.as_ref().map(Certificate::load).transpose()?.map(Arc::new);
        let sockets = socket::open(smtp, handed_in).await?;
        if certificate.is_none() && sockets.iter().any(Socket::is_tls) {
            return Err(Error::NoCertificate);
        }
        let hostname = if smtp.hostname.is_empty() { machine_name() } else { smtp.hostname.clone() };
        let door = Arc::new(Door {
            desk,
            checker: Checker::new(smtp, &hostname, resolver)?,
            hostname,
            certificate,
            limits: Arc::new(Limits::new(smtp)),
            budget: Arc::new(budget(smtp)?),
        });
        let addresses = socket::addresses(&sockets);
        Ok(Self { door, sockets: Mutex::new(sockets), addresses })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Reads the certificate again; sessions go on. On an error the one in use stays.
    ///
    /// # Errors
    /// When the files can't be used.
    pub fn reload(&self) -> Result<(), tls::Error> {
        self.door.certificate.as_ref().map_or(Ok(()), |certificate| certificate.reload())
    }

    /// Serves until `stop`. Then nobody can connect any more, and sessions in the middle of a mail may finish it, within
    /// `smtp.shutdown_seconds`; all others are sent away. Returns when the last has ended.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let sessions = TaskTracker::new();
        let accepting = TaskTracker::new();
        let stop = Stop { soon: stop, now: CancellationToken::new() };
        for socket in std::mem::take(&mut *self.sockets.lock().unwrap_or_else(PoisonError::into_inner)) {
            let (this, stop, sessions) = (self.clone(), stop.clone(), sessions.clone());
            accepting.spawn(async move { this.accept(socket, &sessions, &stop).await });
        }
        stop.soon.run_until_cancelled(forget_quiet(&self.door.limits)).await;
        accepting.close();
        accepting.wait().await;
        sessions.close();
        let patience = Duration::from_secs(self.door.smtp().shutdown_seconds);
        if timeout(patience, sessions.wait()).await.is_err() {
            warn!(sessions = sessions.len(), "sessions cut off, their time is up");
            stop.now.cancel();
            sessions.wait().await;
        }
    }

    async fn accept(&self, socket: Socket, sessions: &TaskTracker, stop: &Stop) {
        let mut fails = false;
        while let Some(accepted) = stop.soon.run_until_cancelled(socket.accept()).await {
            let failed_before = std::mem::replace(&mut fails, accepted.is_err());
            match accepted {
                Ok(client) => self.welcome(client, &socket, sessions, stop.clone()),
                Err(error) => {
                    if !failed_before {
                        warn!(%error, "can't accept connections");
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Gives a client its session.
    fn welcome(&self, client: Client, socket: &Socket, sessions: &TaskTracker, stop: Stop) {
        let known = match &client {
            Client::Tcp(_, address) if self.door.is_proxy(address.ip()) => None,
            Client::Tcp(_, address) => Some(self.door.peer(address.ip())),
            Client::Unix(_) => Some(Peer { ip: None, trusted: true }),
        };
        let (door, protocol) = (self.door.clone(), socket.protocol());
        let certificate = if socket.is_tls() { self.door.certificate.clone() } else { None };
        sessions.spawn(async move {
            let beginning = begin(door, client, known, protocol, certificate, stop.clone());
            if let Some(Some((_place, session))) = stop.soon.run_until_cancelled(beginning).await {
                let _open = meters::session(protocol.as_str());
                session.run().await;
            }
        });
    }
}

/// A session that can be greeted, and its place. `known` is [`None`] for clients of a proxy, which first has to say who
/// they are.
async fn begin(
    door: Arc<Door>,
    mut client: Client,
    known: Option<Peer>,
    protocol: Protocol,
    certificate: Option<Arc<Certificate>>,
    stop: Stop,
) -> Option<(Place, Session)> {
    let peer = match (known, &mut client) {
        (Some(peer), _) => peer,
        (None, Client::Tcp(stream, proxy)) => match proxied::client(stream, proxy.ip()).await {
            Ok(ip) => door.peer(ip),
            Err(error) => {
                warn!(%proxy, %error, "a proxy does not say whom it speaks for");
                return None;
            }
        },
        (None, Client::Unix(_)) => return None,
    };
    let Some(place) = door.enter(peer).await else {
        send_away(&client, certificate.is_some());
        return None;
    };
    let stream = match (client, certificate) {
        (Client::Unix(stream), _) => Stream::Unix(stream),
        (Client::Tcp(stream, _), None) => {
            // Without it our replies would wait for acknowledgements of earlier ones.
            let _ = stream.set_nodelay(true);
            Stream::Tcp(stream)
        }
        (Client::Tcp(stream, _), Some(certificate)) => {
            let _ = stream.set_nodelay(true);
            certificate.secure(stream, door.smtp()).await?
        }
    };
    Some((place, Session::new(door, stream, peer, protocol, stop)))
}

/// One short line fits into any fresh socket; a client that waits for TLS could not read it.
fn send_away(client: &Client, waits_for_tls: bool) {
    let mut words = Vec::new();
    reply::TOO_MANY_SESSIONS.write_to(&mut words);
    let _ = match client {
        Client::Tcp(..) if waits_for_tls => Ok(0),
        Client::Tcp(stream, _) => stream.try_write(&words),
        Client::Unix(stream) => stream.try_write(&words),
    };
}

async fn forget_quiet(limits: &Limits) {
    let mut ticks = interval(FORGET_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        limits.forget_quiet();
    }
}

fn budget(smtp: &Smtp) -> Result<Budget, Error> {
    let [memory, files, mail] = [smtp.max_memory_mb, smtp.max_spool_mb, smtp.max_message_mb].map(octets);
    let budget = Budget::new(memory, files, mail, smtp.spool_dir.clone());
    let no_spool = |source| Error::Spool { path: smtp.spool_dir.clone(), source };
    budget.spool().map_err(no_spool)?;
    Ok(budget)
}

fn octets(mib: u64) -> usize {
    usize::try_from(mib).unwrap_or(usize::MAX).saturating_mul(MIB)
}

fn machine_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".to_owned() } else { name.trim().to_owned() }
}
