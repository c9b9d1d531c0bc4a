//! Where a mail goes: to a relay, or nowhere but into the log.

use std::time::Duration;

use super::judge::Ending;
use super::relay::Relay;
use crate::config::{Config, TransportKind};

/// A mail on the wire: one recipient, fixed bytes.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'a> {
    /// Empty for `<>`.
    pub from: &'a str,
    /// The recipient.
    pub to: &'a str,
    /// The bytes, CR LF line ends or not.
    pub mime: &'a [u8],
}

/// How a try ended, and where.
#[derive(Debug, Clone)]
pub struct Sent {
    /// How.
    pub ending: Ending,
    /// `mx1.example.org [198.51.100.4]`.
    pub remote: Option<String>,
    /// `TLS` when the connection was encrypted.
    pub tls: Option<String>,
}

impl Sent {
    /// A try that got nowhere.
    pub(super) fn nowhere(ending: Ending) -> Self {
        Self { ending, remote: None, tls: None }
    }
}

/// How mail leaves.
pub enum Transport {
    /// By SMTP.
    Relay(Box<Relay>),
    /// Not at all: it is kept and shown.
    Capture,
}

/// A transport that can't work as configured.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// `outbox.transport = "relay"` without `[outbox.relay]`.
    #[error("outbox.transport is \"relay\", but there is no [outbox.relay]")]
    NoRelay,
    /// The relay's settings.
    #[error("outbox.relay: {0}")]
    Relay(String),
}

impl Transport {
    /// As the configuration says.
    ///
    /// # Errors
    /// When the settings can't work.
    pub fn from_config(config: &Config) -> Result<Self, TransportError> {
        match (config.outbox.transport, &config.outbox.relay) {
            (TransportKind::Capture, _) => Ok(Self::Capture),
            (TransportKind::Relay, None) => Err(TransportError::NoRelay),
            (TransportKind::Relay, Some(relay)) => {
                let step = Duration::from_secs(config.outbox.step_timeout_seconds.max(1));
                Ok(Self::Relay(Box::new(Relay::new(relay, &config.smtp.hostname, step)?)))
            }
        }
    }

    /// Tries to send, no longer than `limit`.
    pub(super) async fn send(&self, letter: Letter<'_>, limit: Duration) -> Sent {
        match self {
            Self::Relay(relay) => relay.send(letter, limit).await,
            Self::Capture => Sent::nowhere(Ending::Captured),
        }
    }

    /// Says goodbye on connections that are kept.
    pub(super) async fn close(&self) {
        if let Self::Relay(relay) = self {
            relay.close().await;
        }
    }
}
