//! Keys of writes that were made, with their answers (API.md §1.6).

use super::value::args;
use super::{Result, Tx};
use crate::model::Timestamp;

/// Whose key, on which path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteKey {
    /// The token's id, or the caller's address.
    pub scope: String,
    /// Path of the request.
    pub path: String,
    /// As the caller chose it.
    pub key: String,
    /// SHA-256 of the request's body, hex.
    pub body_hash: String,
}

/// What the first call with a key was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    /// 2xx.
    pub status: i64,
    /// Where the new thing lies.
    pub location: Option<String>,
    /// JSON.
    pub body: String,
}

impl Tx {
    /// Holds a key until the transaction ends; `false` while another one holds it. On SQLite there is one writer, which
    /// holds them all.
    pub async fn hold_write_key(&mut self, key: &WriteKey) -> Result<bool> {
        match self.pick("", include_str!("sql/idempotency/hold.postgres.sql")) {
            "" => Ok(true),
            sql => {
                let whole = format!("{} {} {}", key.scope, key.path, key.key);
                let (held,) = self.only(sql, args![whole]).await?;
                Ok(held)
            }
        }
    }

    /// Takes a key that is held; `false` when it was used before.
    pub async fn take_write_key(&mut self, key: &WriteKey, at: Timestamp) -> Result<bool> {
        let sql = include_str!("sql/idempotency/insert.sql");
        let rows = self.run(sql, args![&key.scope, &key.path, &key.key, &key.body_hash, at]).await?;
        Ok(rows == 1)
    }

    /// Hash of the body and answer of the first call with this key.
    pub async fn stored_answer(&mut self, key: &WriteKey) -> Result<Option<(String, StoredAnswer)>> {
        let sql = include_str!("sql/idempotency/get.sql");
        let row: Option<(String, i64, Option<String>, String)> =
            self.one(sql, args![&key.scope, &key.path, &key.key]).await?;
        Ok(row.map(|(hash, status, location, body)| (hash, StoredAnswer { status, location, body })))
    }

    /// Keeps the answer of a key taken by this transaction.
    pub async fn store_answer(&mut self, key: &WriteKey, answer: &StoredAnswer) -> Result<()> {
        let sql = include_str!("sql/idempotency/answer.sql");
        self.run(sql, args![&key.scope, &key.path, &key.key, answer.status, &answer.location, &answer.body])
            .await?;
        Ok(())
    }

    /// Forgets keys taken before this time.
    pub async fn expire_write_keys(&mut self, before: Timestamp) -> Result<()> {
        let sql = include_str!("sql/idempotency/expire.sql");
        self.run(sql, args![before]).await?;
        Ok(())
    }
}
