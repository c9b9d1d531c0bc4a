//! Where a mail goes: to a relay, to the servers of its recipient's domain, or nowhere but into the log.

use tokio::time::Instant;

use super::direct::Direct;
use super::judge::{Ending, Judgement, Way, judge};
use super::relays::Relays;
use crate::clock::{Clock, Ids};
use crate::config::{Config, ReleaseBy, TransportKind};
use crate::sender::{LookupError, Resolver};

/// A mail on the wire: one recipient, fixed bytes.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Empty for `<>`.
    pub from: &'a str,
    /// The recipient.
    pub to: &'a str,
    /// The bytes, CR LF line ends or not.
    pub mime: &'a [u8],
    /// Somebody wants it to leave although mail is captured.
    pub release: bool,
}

/// How a try ended, and where.
#[derive(Debug, Clone)]
pub struct Sent {
    /// How.
    pub ending: Ending,
    /// Whom it concerns when a server was in trouble.
    pub way: Way,
    /// `mx1.example.org [198.51.100.4]`.
    pub remote: Option<String>,
    /// `TLSv1.3`, and where the certificate was not demanded, whether it was right; `None` in the clear.
    pub tls: Option<String>,
}

impl Sent {
    /// A try that got nowhere.
    pub(super) fn nowhere(ending: Ending) -> Self {
        Self { ending, way: Way::Own, remote: None, tls: None }
    }

    /// What follows from it.
    pub(super) fn judgement(&self) -> Judgement {
        judge(&self.ending, self.way)
    }
}

/// How mail leaves.
pub struct Transport {
    /// Mail is kept and shown; what is released leaves.
    captures: bool,
    route: Option<Route>,
}

enum Route {
    Relays(Relays),
    Direct(Box<Direct>),
}

/// What a transport needs of the world besides the wire.
pub struct World {
    /// For the names of domains' servers.
    pub resolver: Resolver,
    /// How long policies hold.
    pub clock: Clock,
    /// For the order of servers that are equally good.
    pub ids: Ids,
}

/// What came of asking a relay.
#[derive(Debug, Clone)]
pub struct Probe {
    /// `outbox.relays[0]`.
    pub key: String,
    /// `mx.shop.example:587`.
    pub relay: String,
    /// What is wrong: name, port, TLS or credentials.
    pub error: Option<String>,
}

/// A transport that can't work as configured.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// `outbox.transport = "relay"` without `[outbox.relay]`.
    #[error("outbox.transport is \"relay\", but there is no [outbox.relay]")]
    NoRelay,
    /// Settings of a relay or of `outbox.direct`, by their key.
    #[error("{0}: {1}")]
    Settings(String, String),
    /// No name servers.
    #[error("dns.servers: {0}")]
    Resolver(#[from] LookupError),
}

impl Transport {
    /// As the configuration says, in the world as it is.
    ///
    /// # Errors
    /// When the settings can't work.
    pub fn from_config(config: &Config) -> Result<Self, TransportError> {
        Self::new(config, || {
            let resolver = Resolver::from_config(&config.dns)?;
            Ok(World { resolver, clock: Clock::System, ids: Ids::Random })
        })
    }

    /// As the configuration says; the world is asked for when mail goes straight to domains' servers.
    ///
    /// # Errors
    /// When the settings can't work.
    pub fn new(
        config: &Config,
        world: impl FnOnce() -> Result<World, TransportError>,
    ) -> Result<Self, TransportError> {
        let by = match config.outbox.transport {
            TransportKind::Relay => Some(ReleaseBy::Relay),
            TransportKind::Direct => Some(ReleaseBy::Direct),
            TransportKind::Capture => config.outbox.release_by,
        };
        let route = match by {
            Some(ReleaseBy::Relay) => Some(Route::Relays(Relays::new(config)?)),
            Some(ReleaseBy::Direct) => Some(Route::Direct(Box::new(Direct::new(config, world()?)?))),
            None => None,
        };
        Ok(Self { captures: config.outbox.transport == TransportKind::Capture, route })
    }

    /// Whether a mail is kept instead of sent; `release`: somebody wants it to leave although mail is captured.
    pub fn keeps(&self, release: bool) -> bool {
        self.captures && !release
    }

    /// Asks the servers that all mail goes to; empty when there are none of that kind.
    pub async fn probe(&self) -> Vec<Probe> {
        match &self.route {
            Some(Route::Relays(relays)) => relays.probe().await,
            _ => Vec::new(),
        }
    }

    /// Tries to send.
    pub(super) async fn send(&self, letter: Letter<'_>) -> Sent {
        if self.keeps(letter.release) {
            return Sent::nowhere(Ending::Captured);
        }
        match &self.route {
            // Captured mail must not wait for a relay that only released mail needs.
            Some(Route::Relays(relays)) if self.captures => {
                Sent { way: Way::Own, ..relays.send(letter).await }
            }
            Some(Route::Relays(relays)) => relays.send(letter).await,
            Some(Route::Direct(direct)) => direct.send(letter).await,
            None => Sent::nowhere(Ending::Impossible("outbox.release_by names no way out".into())),
        }
    }

    /// Until when every server that mail could go to must be left alone, though that may be over and is yet to be found
    /// out; `None` while there is one that works.
    pub(super) fn in_trouble_until(&self) -> Option<Instant> {
        self.shared_way().and_then(Relays::in_trouble_until)
    }

    /// What is wrong, in the remote's words or ours, while no mail can leave.
    pub(super) fn trouble(&self) -> Option<String> {
        self.shared_way().and_then(Relays::trouble)
    }

    /// The relays, where every mail goes by them.
    fn shared_way(&self) -> Option<&Relays> {
        match &self.route {
            Some(Route::Relays(relays)) if !self.captures => Some(relays),
            _ => None,
        }
    }

    /// Says goodbye on connections that are kept.
    pub(super) async fn close(&self) {
        match &self.route {
            Some(Route::Relays(relays)) => relays.close().await,
            Some(Route::Direct(direct)) => direct.close().await,
            None => {}
        }
    }
}
