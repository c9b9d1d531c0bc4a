//! API tokens: the secret's hash, never the secret.

use uuid::Uuid;

use super::query::Start;
use super::reading::add_by_id;
use super::select::Select;
use super::value::args;
use super::{Error, Result, Tx};
use crate::model::{Agent, ApiToken, Scope, Timestamp};

/// A row: scopes are words separated by a space.
struct TokenRow {
    id: Uuid,
    name: String,
    prefix: String,
    secret_hash: String,
    old_secret_hash: Option<String>,
    old_until: Option<Timestamp>,
    agent_id: Option<Uuid>,
    scopes: String,
    expires_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    version: i64,
}
super::row::row!(TokenRow {
    id,
    name,
    prefix,
    secret_hash,
    old_secret_hash,
    old_until,
    agent_id,
    scopes,
    expires_at,
    revoked_at,
    last_used_at,
    created_at,
    updated_at,
    version,
});

impl Tx {
    /// The token with this hash of its secret, or of the one before it; revoked or not.
    pub async fn token_by_hash(&mut self, hash: &str) -> Result<Option<ApiToken>> {
        let sql = include_str!("sql/tokens/by_hash.sql");
        let row: Option<TokenRow> = self.one(sql, args![hash]).await?;
        row.map(ApiToken::try_from).transpose()
    }

    /// A token, revoked or not.
    pub async fn token(&mut self, id: Uuid) -> Result<Option<ApiToken>> {
        let row: Option<TokenRow> = self.one(include_str!("sql/tokens/get.sql"), args![id]).await?;
        row.map(ApiToken::try_from).transpose()
    }

    /// All tokens, oldest first, revoked ones too.
    pub async fn tokens(&mut self) -> Result<Vec<ApiToken>> {
        let rows: Vec<TokenRow> = self.all(include_str!("sql/tokens/all.sql"), args![]).await?;
        rows.into_iter().map(ApiToken::try_from).collect()
    }

    /// Adds a token.
    pub async fn insert_token(&mut self, token: &ApiToken) -> Result<()> {
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        self.run(
            include_str!("sql/tokens/insert.sql"),
            args![
                token.id,
                &token.name,
                &token.prefix,
                &token.secret_hash,
                &token.old_secret_hash,
                token.old_until,
                token.agent_id,
                scopes.join(" "),
                token.expires_at,
                token.revoked_at,
                token.last_used_at,
                token.created_at,
                token.updated_at,
                token.version
            ],
        )
        .await?;
        Ok(())
    }

    /// A token, held until the transaction ends.
    pub async fn lock_token(&mut self, id: Uuid) -> Result<Option<ApiToken>> {
        let sql = self
            .pick(include_str!("sql/tokens/lock.sqlite.sql"), include_str!("sql/tokens/lock.postgres.sql"));
        let row: Option<TokenRow> = self.one(sql, args![id]).await?;
        row.map(ApiToken::try_from).transpose()
    }

    /// A page of the tokens that are not taken back, newest first; in reverse when it ends before a row.
    pub async fn list_tokens(&mut self, start: &Start, limit: i64) -> Result<Vec<ApiToken>> {
        let mut select = Select::new("SELECT * FROM api_tokens WHERE revoked_at IS NULL");
        add_by_id(&mut select, true, start, limit);
        let rows: Vec<TokenRow> = select.all(self).await?;
        rows.into_iter().map(ApiToken::try_from).collect()
    }

    /// How many tokens are not taken back.
    pub async fn count_tokens(&mut self) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/tokens/count.sql"), args![]).await?;
        Ok(count)
    }

    /// Writes a token's new secret, and the one before it.
    pub async fn rotate_token(&mut self, token: &ApiToken) -> Result<()> {
        self.run(
            include_str!("sql/tokens/rotate.sql"),
            args![
                token.id,
                &token.prefix,
                &token.secret_hash,
                &token.old_secret_hash,
                token.old_until,
                token.updated_at,
                token.version
            ],
        )
        .await
        .map(drop)
    }

    /// Takes every token of an agent back.
    pub async fn revoke_tokens_of(&mut self, agent: Uuid, at: Timestamp) -> Result<()> {
        self.run(include_str!("sql/tokens/revoke_of_agent.sql"), args![agent, at]).await.map(drop)
    }

    /// Takes a token back; `false` when there is none, or it was taken back before.
    pub async fn revoke_token(&mut self, id: Uuid, at: Timestamp) -> Result<bool> {
        let sql = include_str!("sql/tokens/revoke.sql");
        let rows = self.run(sql, args![id, at]).await?;
        Ok(rows == 1)
    }

    /// Notes when a token was used.
    pub async fn token_used(&mut self, id: Uuid, at: Timestamp) -> Result<()> {
        let sql = include_str!("sql/tokens/used.sql");
        self.run(sql, args![id, at]).await?;
        Ok(())
    }

    /// The agent a token acts as, while they work here.
    pub async fn acting_agent(&mut self, id: Uuid) -> Result<Option<Agent>> {
        let sql = include_str!("sql/tokens/agent.sql");
        self.one(sql, args![id]).await
    }
}

impl TryFrom<TokenRow> for ApiToken {
    type Error = Error;

    fn try_from(row: TokenRow) -> Result<Self> {
        let scope = |word| {
            Scope::parse(word).ok_or_else(|| Error::Broken(format!("token {}: unknown scope {word}", row.id)))
        };
        let scopes = row.scopes.split_whitespace().map(scope).collect::<Result<_>>()?;
        Ok(Self {
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            secret_hash: row.secret_hash,
            old_secret_hash: row.old_secret_hash,
            old_until: row.old_until,
            agent_id: row.agent_id,
            scopes,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
            version: row.version,
        })
    }
}
