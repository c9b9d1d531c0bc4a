//! API tokens: who calls. A secret is shown once and kept as its SHA-256; 256 random bits need no slow hash.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{Desk, Error, Result};
use crate::model::{Actor, ActorType, Agent, ApiToken, Scope, Timestamp};

/// What every secret begins with.
const SECRET_PREFIX: &str = "pdk_";
/// How much of a secret is kept to recognise it by.
const SHOWN_CHARS: usize = 8;
/// How long a token is believed without asking the store: another node's revocation is heard of after this.
const CACHE_MS: i64 = 5_000;
/// Most tokens remembered.
const CACHE_SIZE: usize = 1_000;
/// `last_used_at` is written once an hour, so that a call costs no write.
const USED_EVERY_MS: i64 = 3_600_000;

/// Who calls, proved by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token.
    pub token: ApiToken,
    /// The agent it acts as; `None` for a service.
    pub agent: Option<Agent>,
}

impl Caller {
    /// Whether the caller may do this.
    pub fn allows(&self, wanted: Scope) -> bool {
        self.token.allows(wanted)
    }

    /// The author of what the caller does: the agent, or a service by its token's name (API.md §4.4).
    pub fn actor(&self) -> Actor {
        match &self.agent {
            Some(agent) => Actor::agent(agent),
            None => Actor { r#type: ActorType::Agent, id: None, name: Some(self.token.name.clone()) },
        }
    }
}

/// What a secret proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Somebody.
    Valid(Arc<Caller>),
    /// It was somebody's (401 `token_expired`).
    Expired,
    /// Never heard of, taken back, or its agent left (401 `invalid_token`).
    Unknown,
}

/// A token to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What it is for.
    pub name: String,
    /// The agent it acts as; `None` for a service.
    pub agent_id: Option<Uuid>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// From when it is refused.
    pub expires_at: Option<Timestamp>,
}

/// Tokens seen lately, by the hash of their secret, with the time the store was asked.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    callers: Mutex<HashMap<String, (Timestamp, Arc<Caller>)>>,
}

impl Desk {
    /// Finds out who a bearer token belongs to.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn authenticate(&self, secret: &str) -> Result<Credential> {
        if !secret.starts_with(SECRET_PREFIX) {
            return Ok(Credential::Unknown);
        }
        let (hash, now) = (secret_hash(secret), self.clock().now());
        let caller = match self.inner.tokens.get(&hash, now) {
            Some(caller) => caller,
            None => match self.look_up_token(&hash).await? {
                Some(caller) => {
                    self.inner.tokens.put(hash, now, caller.clone());
                    caller
                }
                None => return Ok(Credential::Unknown),
            },
        };
        if caller.token.expires_at.is_some_and(|at| at <= now) {
            return Ok(Credential::Expired);
        }
        Ok(Credential::Valid(caller))
    }

    /// Makes a token and answers with it and its secret, which is kept nowhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a name or scopes; [`Error::NotFound`] for an unknown agent; the store's.
    pub async fn create_token(&self, new: NewToken) -> Result<(ApiToken, String)> {
        check_new(&new)?;
        let at = self.clock().now();
        let bytes = self.ids().bytes::<32>();
        let secret = format!("{SECRET_PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase());
        let token = ApiToken {
            id: self.ids().uuid(at),
            name: new.name,
            prefix: secret[..SHOWN_CHARS].to_owned(),
            secret_hash: secret_hash(&secret),
            agent_id: new.agent_id,
            scopes: new.scopes,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
            created_at: at,
        };
        let mut tx = self.store().begin().await?;
        if let Some(agent) = token.agent_id {
            tx.acting_agent(agent).await?.ok_or(Error::NotFound("agent"))?;
        }
        tx.insert_token(&token).await?;
        tx.commit().await?;
        Ok((token, secret))
    }

    /// All tokens, oldest first, without their secrets.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>> {
        Ok(self.store().read().await?.tokens().await?)
    }

    /// Takes a token back. Other nodes hear of it within seconds.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it was taken back before; the store's.
    pub async fn revoke_token(&self, id: Uuid) -> Result<()> {
        let mut tx = self.store().begin().await?;
        if !tx.revoke_token(id, self.clock().now()).await? {
            return Err(Error::NotFound("token"));
        }
        tx.commit().await?;
        self.inner.tokens.forget(id);
        Ok(())
    }

    /// Asks the store; notes the use when the last one noted is long ago.
    async fn look_up_token(&self, hash: &str) -> Result<Option<Arc<Caller>>> {
        let mut tx = self.store().read().await?;
        let Some(token) = tx.token_by_hash(hash).await? else { return Ok(None) };
        if token.revoked_at.is_some() {
            return Ok(None);
        }
        let agent = match token.agent_id {
            Some(id) => match tx.acting_agent(id).await? {
                Some(agent) => Some(agent),
                None => return Ok(None),
            },
            None => None,
        };
        drop(tx);
        self.note_use(&token).await;
        Ok(Some(Arc::new(Caller { token, agent })))
    }

    /// Best effort: a store that can only be read must not keep callers out.
    async fn note_use(&self, token: &ApiToken) {
        let now = self.clock().now();
        if token.last_used_at.is_some_and(|last| now < last.plus_ms(USED_EVERY_MS)) {
            return;
        }
        let noted: Result<()> = async {
            let mut tx = self.store().begin().await?;
            tx.token_used(token.id, now).await?;
            Ok(tx.commit().await?)
        }
        .await;
        if let Err(error) = noted {
            tracing::debug!(token = %token.id, %error, "use of a token not noted");
        }
    }
}

impl TokenCache {
    fn get(&self, hash: &str, now: Timestamp) -> Option<Arc<Caller>> {
        let callers = self.callers.lock().expect("no panic while held");
        let (asked, caller) = callers.get(hash)?;
        (now < asked.plus_ms(CACHE_MS)).then(|| caller.clone())
    }

    fn put(&self, hash: String, now: Timestamp, caller: Arc<Caller>) {
        let mut callers = self.callers.lock().expect("no panic while held");
        if callers.len() >= CACHE_SIZE {
            callers.clear();
        }
        callers.insert(hash, (now, caller));
    }

    fn forget(&self, id: Uuid) {
        self.callers.lock().expect("no panic while held").retain(|_, (_, caller)| caller.token.id != id);
    }
}

fn secret_hash(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

fn check_new(new: &NewToken) -> Result<()> {
    let (pointer, detail) = match (new.name.trim().is_empty(), new.scopes.is_empty()) {
        (true, _) => ("/name", "a token needs a name"),
        (_, true) => ("/scopes", "a token needs at least one scope"),
        _ => return Ok(()),
    };
    Err(Error::Invalid { pointer, code: "required", detail: detail.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Ids};
    use crate::config::Config;
    use crate::store::Store;

    async fn desk() -> (Desk, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&format!("sqlite:{}", dir.path().join("t.db").display()), 2).await.unwrap();
        store.migrate().await.unwrap();
        let mut config = Config::default();
        config.keys.reply = vec!["a key of at least thirty-two letters".into()];
        let clock = Clock::fixed(Timestamp(1_700_000_000_000));
        (Desk::open(store, Arc::new(config), clock, Ids::seeded(7)).await.unwrap(), dir)
    }

    fn new(expires_at: Option<Timestamp>) -> NewToken {
        NewToken { name: "shop".into(), agent_id: None, scopes: vec![Scope::TicketsRead], expires_at }
    }

    #[tokio::test]
    async fn a_token_is_known_until_it_is_revoked_or_expires() {
        let (desk, _dir) = desk().await;
        let (token, secret) = desk.create_token(new(None)).await.unwrap();
        assert!(secret.starts_with("pdk_") && secret.len() == 56, "256 bits in base 32: {secret}");
        assert!(secret.starts_with(&token.prefix) && token.prefix.len() == 8);
        let Credential::Valid(caller) = desk.authenticate(&secret).await.unwrap() else { panic!("unknown") };
        assert!(caller.allows(Scope::TicketsRead) && !caller.allows(Scope::TicketsWrite));
        assert_eq!(caller.actor().name.as_deref(), Some("shop"));
        assert!(desk.tokens().await.unwrap()[0].last_used_at.is_some());
        for wrong in ["", "pdk_", "pdk_nonsense", &secret.to_uppercase(), &secret[..55]] {
            assert_eq!(desk.authenticate(wrong).await.unwrap(), Credential::Unknown, "{wrong}");
        }
        desk.revoke_token(token.id).await.unwrap();
        assert_eq!(desk.authenticate(&secret).await.unwrap(), Credential::Unknown);
        assert!(matches!(desk.revoke_token(token.id).await, Err(Error::NotFound("token"))));

        let soon = desk.clock().now().plus_ms(1_000);
        let (_, secret) = desk.create_token(new(Some(soon))).await.unwrap();
        assert!(matches!(desk.authenticate(&secret).await.unwrap(), Credential::Valid(_)));
        desk.clock().advance_ms(1_000);
        assert_eq!(desk.authenticate(&secret).await.unwrap(), Credential::Expired);
    }

    #[tokio::test]
    async fn a_token_needs_name_scopes_and_an_agent_who_exists() {
        let (desk, _dir) = desk().await;
        for bad in [
            NewToken { name: " ".into(), ..new(None) },
            NewToken { scopes: Vec::new(), ..new(None) },
            NewToken { agent_id: Some(Uuid::nil()), ..new(None) },
        ] {
            assert!(desk.create_token(bad).await.is_err());
        }
    }
}
