//! The octets of uploaded files: equal ones are kept once, in pieces, for as long as a row names them.

use super::value::args;
use super::{Result, Tx};
use crate::model::Timestamp;

/// Octets of a piece. Never changed: where an octet lies follows from it.
pub const PIECE: usize = 256 * 1024;

impl Tx {
    /// Makes a blob and holds it against [`Tx::release_blob`] until the transaction ends, in which a row must come to
    /// name it. `true`: it is new, and its pieces are to be written.
    pub async fn open_blob(&mut self, sha256: &str, size: i64, at: Timestamp) -> Result<bool> {
        self.run(include_str!("sql/blobs/put.sql"), args![sha256, size, at]).await?;
        let first: Option<i64> = self.field(include_str!("sql/blobs/has_pieces.sql"), args![sha256]).await?;
        Ok(first.is_none() && size > 0)
    }

    /// Writes a piece of a new blob, [`PIECE`] octets but for the last one.
    pub async fn insert_blob_piece(&mut self, sha256: &str, seq: i64, content: &[u8]) -> Result<()> {
        let sql = include_str!("sql/blobs/insert_piece.sql");
        self.run(sql, args![sha256, seq, content]).await.map(drop)
    }

    /// A piece of a blob.
    pub async fn blob_piece(&mut self, sha256: &str, seq: i64) -> Result<Option<Vec<u8>>> {
        self.field(include_str!("sql/blobs/piece.sql"), args![sha256, seq]).await
    }

    /// Deletes a blob unless a row names it. The lock comes first, and the look after it: whoever is about to name the
    /// blob either has committed, and is seen, or waits, and makes it anew.
    pub async fn release_blob(&mut self, sha256: &str) -> Result<()> {
        let lock =
            self.pick(include_str!("sql/blobs/lock.sqlite.sql"), include_str!("sql/blobs/lock.postgres.sql"));
        let found: Option<String> = self.field(lock, args![sha256]).await?;
        if found.is_some() {
            self.run(include_str!("sql/blobs/delete_unused.sql"), args![sha256]).await?;
        }
        Ok(())
    }
}
