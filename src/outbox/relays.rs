//! Several relays in order: the first that is not in trouble takes the mail. Only a relay's own trouble hands a mail on
//! to the next one; what it says of the mail itself is its last word.

use tokio::time::Instant;

use super::judge::{Judgement, Way, judge};
use super::pace::{Pace, Steps};
use super::relay::Relay;
use super::talk::trouble;
use super::transport::{Letter, Probe, Sent, TransportError};
use crate::config::Config;

/// All relays.
pub(super) struct Relays {
    relays: Vec<Relay>,
    steps: Steps,
}

impl Relays {
    /// As configured.
    ///
    /// # Errors
    /// When there are none, or the settings of one can't work.
    pub(super) fn new(config: &Config) -> Result<Self, TransportError> {
        let relays = config.outbox.relays_in_order().map(|(key, relay)| {
            Relay::new(&key, relay, &config.smtp.hostname)
                .map_err(|error| TransportError::Settings(key, error))
        });
        let relays: Vec<_> = relays.collect::<Result<_, _>>()?;
        if relays.is_empty() {
            return Err(TransportError::NoRelay);
        }
        Ok(Self { relays, steps: Steps::from_config(&config.outbox) })
    }

    /// Tries to send one mail.
    pub(super) async fn send(&self, letter: Letter<'_>) -> Sent {
        let pace = Pace::new(self.steps);
        let mut sent = Sent::nowhere(trouble("every relay is in trouble"));
        for (i, relay) in self.relays.iter().enumerate() {
            let Some(pass) = relay.trouble.pass() else { continue };
            let connecting = pace.one_of(self.relays.len() - i);
            sent = relay.send(letter, pace, connecting).await;
            if judge(&sent.ending, Way::Shared) != Judgement::Relay {
                // Our own reasons say nothing of the relay.
                if sent.remote.is_some() {
                    pass.works();
                }
                break;
            }
            let error = sent.ending.words();
            if let Some(wait) = pass.fails(&error) {
                let relay = relay.name();
                tracing::warn!(
                    relay,
                    error,
                    wait_s = wait.as_secs(),
                    "the relay takes no mail, it is left alone"
                );
            }
        }
        Sent { way: Way::Shared, ..sent }
    }

    /// Asks each relay whether name, port, TLS and credentials are right.
    pub(super) async fn probe(&self) -> Vec<Probe> {
        let mut all = Vec::new();
        for relay in &self.relays {
            all.push(relay.probe(Pace::of_probe(self.steps)).await);
        }
        all
    }

    /// Until when all relays must be left alone, though that may be over and is yet to be found out; `None` while one
    /// of them works.
    pub(super) fn in_trouble_until(&self) -> Option<Instant> {
        let until: Option<Vec<_>> = self.relays.iter().map(|relay| relay.trouble.until()).collect();
        until?.into_iter().min()
    }

    /// What is wrong with the first of them, while none works.
    pub(super) fn trouble(&self) -> Option<String> {
        self.in_trouble_until()?;
        let first = self.relays.first()?;
        Some(format!("{}: {}", first.name(), first.trouble.words()?))
    }

    /// Says goodbye on all kept lines.
    pub(super) async fn close(&self) {
        for relay in &self.relays {
            relay.close().await;
        }
    }
}
