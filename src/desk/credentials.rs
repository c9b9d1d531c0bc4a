//! Who calls: a bearer token, looked up at most every few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::tokens::{SECRET_PREFIX, secret_hash};
use super::{Desk, Result};
use crate::model::{Actor, ActorType, Agent, ApiToken, Scope, Timestamp};

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

/// Tokens seen lately, by the hash of their secret, with the time the store was asked.
#[derive(Debug, Default)]
pub(super) struct TokenCache {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    callers: HashMap<String, (Timestamp, Arc<Caller>)>,
    /// Counts what was forgotten: what the store said before that is not believed.
    forgotten: u64,
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
        let (known, forgotten) = self.inner.tokens.get(&hash, now);
        let caller = match known {
            Some(caller) => caller,
            None => match self.look_up_token(&hash).await? {
                Some(caller) => {
                    self.inner.tokens.put(&hash, now, caller.clone(), forgotten);
                    caller
                }
                None => return Ok(Credential::Unknown),
            },
        };
        if caller.token.refused_from(&hash).is_some_and(|at| at <= now) {
            return Ok(Credential::Expired);
        }
        Ok(Credential::Valid(caller))
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
    /// The caller, and how often something was forgotten.
    fn get(&self, hash: &str, now: Timestamp) -> (Option<Arc<Caller>>, u64) {
        let known = self.known.lock().expect("no panic while held");
        let caller = known.callers.get(hash).filter(|(asked, _)| now < asked.plus_ms(CACHE_MS));
        (caller.map(|(_, caller)| caller.clone()), known.forgotten)
    }

    /// Remembers a caller, unless something was forgotten since the store was asked: it may have been this one.
    fn put(&self, hash: &str, now: Timestamp, caller: Arc<Caller>, forgotten: u64) {
        let mut known = self.known.lock().expect("no panic while held");
        if known.forgotten != forgotten {
            return;
        }
        if known.callers.len() >= CACHE_SIZE {
            known.callers.clear();
        }
        known.callers.insert(hash.to_owned(), (now, caller));
    }

    /// The store is asked again about these.
    pub(super) fn forget(&self, which: impl Fn(&Caller) -> bool) {
        let mut known = self.known.lock().expect("no panic while held");
        known.callers.retain(|_, (_, caller)| !which(caller));
        known.forgotten += 1;
    }
}
