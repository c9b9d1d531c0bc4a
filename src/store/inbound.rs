//! The ledger: every mail ever accepted, with its raw bytes, what became of it, and why.

use uuid::Uuid;

use super::row::json;
use super::{Error, Result, Tx, on};
use crate::model::InboundRecord;

/// Octets of a mail in one statement: memory stays small while a large one is written.
const CHUNK: usize = 512 * 1024;

impl Tx {
    /// A row, without the bytes.
    pub async fn inbound(&mut self, id: Uuid) -> Result<Option<InboundRecord>> {
        Ok(
            on!(self, c => sqlx::query_as(include_str!("sql/inbound/get.sql")).bind(id).fetch_optional(c).await)?,
        )
    }

    /// The bytes as the client sent them, whole.
    pub async fn inbound_raw(&mut self, id: Uuid) -> Result<Option<Vec<u8>>> {
        let sql = include_str!("sql/inbound/raw.sql");
        let found: Option<(i64, Vec<u8>)> =
            on!(self, c => sqlx::query_as(sql).bind(id).fetch_optional(c).await)?;
        let Some((size, mut raw)) = found else { return Ok(None) };
        let size = usize::try_from(size).unwrap_or(0);
        let sql = include_str!("sql/inbound/chunk.sql");
        for seq in 1_i64.. {
            if raw.len() >= size {
                break;
            }
            let chunk: Option<Vec<u8>> =
                on!(self, c => sqlx::query_scalar(sql).bind(id).bind(seq).fetch_optional(c).await)?;
            let Some(chunk) = chunk else {
                return Err(Error::Broken(format!("mail {id} lacks its piece {seq}")));
            };
            raw.reserve_exact(size - raw.len());
            raw.extend_from_slice(&chunk);
        }
        Ok(Some(raw))
    }

    /// The first mail of this dedupe key.
    pub async fn inbound_by_dedupe_key(&mut self, key: &str) -> Result<Option<Uuid>> {
        let sql = include_str!("sql/inbound/by_dedupe_key.sql");
        Ok(on!(self, c => sqlx::query_scalar(sql).bind(key).fetch_optional(c).await)?)
    }

    /// The ticket that holds the mail of this Message-ID (without brackets).
    pub async fn ticket_of_message(&mut self, message_id: &str) -> Result<Option<Uuid>> {
        let sql = include_str!("sql/inbound/ticket_of_message.sql");
        Ok(on!(self, c => sqlx::query_scalar(sql).bind(message_id).fetch_optional(c).await)?)
    }

    /// Adds a row with its bytes.
    ///
    /// # Errors
    /// [`super::Error::Conflict`] when the dedupe key is taken: another node took the same mail just now.
    pub async fn insert_inbound(
        &mut self,
        m: &InboundRecord,
        received_header: &str,
        raw: &[u8],
    ) -> Result<()> {
        let (first, rest) = raw.split_at(raw.len().min(CHUNK));
        on!(self, c => sqlx::query(include_str!("sql/inbound/insert.sql"))
            .bind(m.id).bind(m.received_at).bind(m.via).bind(&m.remote_ip).bind(&m.reverse_path)
            .bind(json(&m.recipients)).bind(&m.message_id).bind(&m.dedupe_key).bind(&m.from_address)
            .bind(&m.from_name).bind(&m.subject).bind(m.size).bind(&m.sha256).bind(m.kind).bind(m.action)
            .bind(&m.reason).bind(&m.detail).bind(m.ticket_id).bind(m.ticket_number.as_ref().map(|n| n.as_str()))
            .bind(m.response_id).bind(m.duplicate_of).bind(&m.in_reply_to).bind(json(&m.refs)).bind(m.placement_by)
            .bind(&m.placement_reason).bind(json(&m.flags)).bind(json(&m.authentication)).bind(json(&m.bounces))
            .bind(json(&m.defects)).bind(m.released_at).bind(&m.released_by).bind(received_header).bind(first)
            .execute(c).await.map(drop))?;
        for (seq, chunk) in (1_i64..).zip(rest.chunks(CHUNK)) {
            let sql = include_str!("sql/inbound/insert_chunk.sql");
            on!(self, c => sqlx::query(sql).bind(m.id).bind(seq).bind(chunk).execute(c).await.map(drop))?;
        }
        Ok(())
    }
}
