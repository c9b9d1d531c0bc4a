//! One relay: a server that takes all our mail, and the lines kept open to it.

use std::net::SocketAddr;

use super::dial::{Dial, Security};
use super::kept::Kept;
use super::line::{Line, Step};
use super::login::Login;
use super::pace::Pace;
use super::talk::trouble;
use super::tls::Trust;
use super::transport::{Letter, Probe, Sent};
use super::trouble::Trouble;
use crate::config::{self, RelayTls};

/// A relay.
pub(super) struct Relay {
    /// `outbox.relays[0]`.
    key: String,
    host: String,
    port: u16,
    security: Security,
    trust: Trust,
    hello: String,
    login: Option<Login>,
    /// Whether it may be asked.
    pub trouble: Trouble,
    kept: Kept<()>,
}

impl Relay {
    /// As configured; certificates are read now, the network is not touched.
    ///
    /// # Errors
    /// In words, when certificates can't be read.
    pub(super) fn new(key: &str, relay: &config::Relay, hello: &str) -> Result<Self, String> {
        Ok(Self {
            key: key.to_owned(),
            host: relay.host.clone(),
            port: relay.port,
            security: match relay.tls {
                RelayTls::None => Security::None,
                // A password is worth a certificate that is checked.
                RelayTls::Opportunistic if relay.wants_login() => Security::Starttls,
                RelayTls::Opportunistic => Security::Opportunistic,
                RelayTls::Starttls => Security::Starttls,
                RelayTls::Tls => Security::Tls,
            },
            trust: Trust::load(relay.ca_file.as_deref()).map_err(|error| format!("ca_file: {error}"))?,
            hello: hello.to_owned(),
            login: Login::from_config(relay),
            trouble: Trouble::default(),
            kept: Kept::new(),
        })
    }

    /// `mx.shop.example:587`.
    pub(super) fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Tries to send one mail. `connecting` is how long a new line may take.
    pub(super) async fn send(&self, letter: Letter<'_>, pace: Pace, connecting: Pace) -> Sent {
        if let Some(sent) = self.kept.send((), letter, pace).await {
            return sent;
        }
        match self.line(connecting).await {
            Ok(line) => self.kept.send_on((), line, letter, pace).await,
            Err(ending) => Sent::nowhere(ending),
        }
    }

    /// Opens and closes a connection.
    pub(super) async fn probe(&self, pace: Pace) -> Probe {
        let error = match self.line(pace).await {
            Ok(line) => {
                line.goodbye().await;
                None
            }
            Err(ending) => Some(ending.words()),
        };
        Probe { key: self.key.clone(), relay: self.name(), error }
    }

    /// Says goodbye on all kept lines.
    pub(super) async fn close(&self) {
        self.kept.close().await;
    }

    async fn line(&self, pace: Pace) -> Step<Line> {
        let found = pace.step(tokio::net::lookup_host((self.host.as_str(), self.port))).await;
        let found = found.map_err(|_| trouble("its name is not resolved in time"))?;
        let addresses: Vec<SocketAddr> = found.map_err(|error| trouble(&error))?.collect();
        let dial = Dial {
            host: &self.host,
            security: self.security,
            trust: &self.trust,
            hello: &self.hello,
            login: self.login.as_ref(),
        };
        dial.any(&addresses, pace).await
    }
}
