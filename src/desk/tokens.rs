//! API tokens: made, given a new secret, taken back. A secret is shown once and kept as its SHA-256; 256 random bits
//! need no slow hash.

use data_encoding::{BASE32_NOPAD, HEXLOWER};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::reading::{Page, PageOf, cut};
use super::writing::{Answered, Deed, Ending, WithSecret, check_version};
use super::{Caller, Desk, Error, Result};
use crate::model::{ApiToken, Scope, Timestamp};
use crate::store::Tx;

/// What every secret begins with.
pub(super) const SECRET_PREFIX: &str = "pdk_";
/// How much of a secret is kept to recognise it by.
const SHOWN_CHARS: usize = 8;
/// How long the secret before a rotation works on.
const OLD_SECRET_MS: i64 = 24 * 3_600_000;
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

impl Desk {
    /// Makes a token and answers with it and its secret, which is kept nowhere.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a name or scopes, for an end in the past, or for an agent who does not work here; the
    /// store's.
    pub async fn create_token(&self, new: NewToken) -> Result<(ApiToken, String)> {
        let mut tx = self.store().begin().await?;
        let (token, secret) = self.make_token(&mut tx, new).await?;
        tx.commit().await?;
        Deed { by: None, what: "token.created", id: token.id }.log();
        Ok((token, secret))
    }

    /// The same for a caller. A repeat under the same key shows the token without its secret.
    ///
    /// # Errors
    /// As [`Desk::create_token`].
    pub async fn create_token_for(
        &self,
        new: NewToken,
        caller: &Caller,
        ending: Ending<'_, WithSecret<ApiToken>>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let made = self.make_token(&mut tx, new).await?;
        let deed = Deed { by: Some(caller), what: "token.created", id: made.0.id };
        self.conclude_secret(tx, &ending, made, deed).await
    }

    /// Gives a token a new secret. The one it had works for a day; the one before that no more.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; the store's.
    pub async fn rotate_token(
        &self,
        id: Uuid,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, WithSecret<ApiToken>>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let rotated = self.rotate(&mut tx, id, version).await?;
        let deed = Deed { by: Some(caller), what: "token.rotated", id };
        let answered = self.conclude_secret(tx, &ending, rotated, deed).await?;
        self.doubt_callers(|caller| caller.token.id == id);
        Ok(answered)
    }

    /// Gives a token a new secret, from the machine itself.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn renew_token(&self, id: Uuid) -> Result<(ApiToken, String)> {
        let mut tx = self.store().begin().await?;
        let renewed = self.rotate(&mut tx, id, None).await?;
        tx.commit().await?;
        Deed { by: None, what: "token.rotated", id }.log();
        Ok(renewed)
    }

    /// A page of the tokens, newest first, without their secrets and without those that were taken back.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_tokens(&self, page: &PageOf) -> Result<Page<ApiToken>> {
        let mut tx = self.store().read().await?;
        let rows = tx.list_tokens(&page.start, page.limit + 1).await?;
        let total = if page.count { Some(tx.count_tokens().await?) } else { None };
        Ok(cut(rows, page, total))
    }

    /// All tokens, oldest first, without their secrets.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tokens(&self) -> Result<Vec<ApiToken>> {
        Ok(self.store().read().await?.tokens().await?)
    }

    /// Takes a token back, on every node at once; who listens with it hears nothing more.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it was taken back before; the store's.
    pub async fn revoke_token(&self, id: Uuid) -> Result<()> {
        self.take_back(id, None, None, false).await
    }

    /// The same for a caller; `dry_run` only looks whether it could be.
    ///
    /// # Errors
    /// As [`Desk::revoke_token`]; [`Error::VersionMismatch`].
    pub async fn revoke_token_for(
        &self,
        id: Uuid,
        version: Option<i64>,
        caller: &Caller,
        dry_run: bool,
    ) -> Result<()> {
        self.take_back(id, version, Some(caller), dry_run).await
    }

    async fn take_back(
        &self,
        id: Uuid,
        version: Option<i64>,
        by: Option<&Caller>,
        dry_run: bool,
    ) -> Result<()> {
        let mut tx = self.store().begin().await?;
        let token = usable(tx.lock_token(id).await?)?;
        check_version(token.version, version)?;
        tx.revoke_token(id, self.clock().now()).await?;
        if dry_run {
            return Ok(tx.rollback().await?);
        }
        tx.commit().await?;
        self.doubt_callers(|caller| caller.token.id == id);
        Deed { by, what: "token.revoked", id }.log();
        Ok(())
    }

    async fn make_token(&self, tx: &mut Tx, new: NewToken) -> Result<(ApiToken, String)> {
        let at = self.clock().now();
        check_new(&new, at)?;
        if let Some(agent) = new.agent_id {
            let unknown = || "no active agent has this id".into();
            let unknown = || Error::Invalid { pointer: "/agent_id", code: "not_found", detail: unknown() };
            tx.acting_agent(agent).await?.ok_or_else(unknown)?;
        }
        let secret = self.new_secret();
        let token = ApiToken {
            id: self.ids().uuid(at),
            name: new.name,
            prefix: secret[..SHOWN_CHARS].to_owned(),
            secret_hash: secret_hash(&secret),
            old_secret_hash: None,
            old_until: None,
            agent_id: new.agent_id,
            scopes: new.scopes,
            expires_at: new.expires_at,
            revoked_at: None,
            last_used_at: None,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        tx.insert_token(&token).await?;
        Ok((token, secret))
    }

    async fn rotate(&self, tx: &mut Tx, id: Uuid, version: Option<i64>) -> Result<(ApiToken, String)> {
        let at = self.clock().now();
        let token = usable(tx.lock_token(id).await?)?;
        check_version(token.version, version)?;
        let secret = self.new_secret();
        let token = ApiToken {
            prefix: secret[..SHOWN_CHARS].to_owned(),
            secret_hash: secret_hash(&secret),
            old_secret_hash: Some(token.secret_hash),
            old_until: Some(at.plus_ms(OLD_SECRET_MS)),
            updated_at: at,
            version: token.version + 1,
            ..token
        };
        tx.rotate_token(&token).await?;
        Ok((token, secret))
    }

    fn new_secret(&self) -> String {
        let bytes = self.ids().bytes::<32>();
        format!("{SECRET_PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_lowercase())
    }
}

fn usable(token: Option<ApiToken>) -> Result<ApiToken> {
    token.filter(|token| token.revoked_at.is_none()).ok_or(Error::NotFound("token"))
}

pub(super) fn secret_hash(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

fn check_new(new: &NewToken, now: Timestamp) -> Result<()> {
    let past = new.expires_at.is_some_and(|end| end <= now);
    let (pointer, code, detail) = match (new.name.trim().is_empty(), new.scopes.is_empty()) {
        (true, _) => ("/name", "required", "a token needs a name"),
        (_, true) => ("/scopes", "required", "a token needs at least one scope"),
        _ if past => ("/expires_at", "out_of_range", "must be in the future"),
        _ => return Ok(()),
    };
    Err(Error::Invalid { pointer, code, detail: detail.into() })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::{Clock, Ids};
    use crate::config::Config;
    use crate::desk::Credential;
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
