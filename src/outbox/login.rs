//! Who we are, to a relay that asks (RFC 4954): PLAIN, LOGIN, XOAUTH2.

use std::path::PathBuf;

use data_encoding::BASE64;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Auth;

use super::judge::{CHALLENGE, Stage};
use super::line::{Step, ended, late};
use super::pace::Pace;
use super::talk::trouble;
use crate::config;

/// What proves who we are.
pub(super) enum Login {
    /// User name and password.
    Password(Credentials),
    /// User name and access token (OAuth 2).
    Token(String, Token),
}

/// Where an access token is.
pub(super) enum Token {
    /// Here.
    Fixed(String),
    /// In a file, where whoever renews it puts it.
    File(PathBuf),
}

impl Login {
    /// As configured; `None` for a relay that asks for nothing.
    pub(super) fn from_config(relay: &config::Relay) -> Option<Self> {
        let username = relay.username.clone()?;
        Some(match (&relay.access_token_file, &relay.access_token) {
            (Some(file), _) => Self::Token(username, Token::File(file.clone())),
            (None, Some(token)) => Self::Token(username, Token::Fixed(token.clone())),
            (None, None) => {
                Self::Password(Credentials::new(username, relay.password.clone().unwrap_or_default()))
            }
        })
    }

    /// Says who we are.
    ///
    /// # Errors
    /// When the relay does not want to know us.
    pub(super) async fn prove(&self, connection: &mut AsyncSmtpConnection, pace: Pace) -> Step<()> {
        match self {
            Self::Password(credentials) => {
                let known =
                    pace.step(connection.auth(&[Mechanism::Plain, Mechanism::Login], credentials)).await;
                let known = known.map_err(|_| late(Stage::Connect))?;
                known.map(drop).map_err(|error| ended(Stage::Connect, &error))
            }
            Self::Token(username, token) => {
                let credentials = Credentials::new(username.clone(), token.read().await?);
                by_token(connection, credentials, pace).await
            }
        }
    }
}

impl Token {
    async fn read(&self) -> Step<String> {
        match self {
            Self::Fixed(token) => Ok(token.clone()),
            Self::File(file) => match tokio::fs::read_to_string(file).await.as_deref().map(str::trim) {
                Ok("") => Err(trouble(&format!("no access token: {} is empty", file.display()))),
                Ok(token) => Ok(token.to_owned()),
                Err(error) => Err(trouble(&format!("no access token: {}: {error}", file.display()))),
            },
        }
    }
}

/// XOAUTH2, by hand: a refusal comes as a challenge that lettre does not answer, and the words behind it would be lost.
async fn by_token(connection: &mut AsyncSmtpConnection, credentials: Credentials, pace: Pace) -> Step<()> {
    if !connection.server_info().supports_auth_mechanism(Mechanism::Xoauth2) {
        return Err(trouble("the relay does not offer AUTH XOAUTH2, which an access token needs"));
    }
    let auth = Auth::new(Mechanism::Xoauth2, credentials, None);
    let auth = auth.map_err(|error| ended(Stage::Connect, &error))?;
    let answer = pace.step(connection.command(auth)).await.map_err(|_| late(Stage::Connect))?;
    let (refusal, why) = match answer {
        Ok(response) if u16::from(response.code()) == CHALLENGE => {
            let why = response.first_word().and_then(|word| BASE64.decode(word.as_bytes()).ok());
            let refusal = pace.step(connection.command("\r\n")).await.map_err(|_| late(Stage::Connect))?;
            (refusal.err(), why)
        }
        Ok(_) => return Ok(()),
        Err(error) => (Some(error), None),
    };
    let words = refusal.map_or_else(String::new, |error| ended(Stage::Connect, &error).words());
    let why = why.map_or_else(String::new, |why| format!(" ({})", String::from_utf8_lossy(&why)));
    Err(trouble(&format!("the access token was refused, it may have expired: {words}{why}")))
}
