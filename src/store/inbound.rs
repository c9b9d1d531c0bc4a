//! The ledger: every mail ever accepted, with its raw bytes, what became of it, and why.

use uuid::Uuid;

use super::value::{args, json};
use super::{Error, Result, Tx};
use crate::model::{Authentication, InboundAction, InboundRecord, Timestamp};

/// Octets of a mail in one statement: memory stays small while a large one is written.
const CHUNK: usize = 512 * 1024;

impl Tx {
    /// A row, without the bytes.
    pub async fn inbound(&mut self, id: Uuid) -> Result<Option<InboundRecord>> {
        self.one(include_str!("sql/inbound/get.sql"), args![id]).await
    }

    /// How mails from an address (lower case) were checked that opened a ticket since then, or would have: of its newest
    /// `looked_at`.
    pub async fn opened_by_sender(
        &mut self,
        address: &str,
        since: Timestamp,
        looked_at: i64,
    ) -> Result<Vec<Authentication>> {
        let sql = include_str!("sql/inbound/opened_by_sender.sql");
        let since = since.first_uuid();
        let found: Vec<String> = self.fields(sql, args![address, since, looked_at]).await?;
        Ok(found.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
    }

    /// The bytes as the client sent them, whole; `None` also when they were erased.
    pub async fn inbound_raw(&mut self, id: Uuid) -> Result<Option<Vec<u8>>> {
        let sql = include_str!("sql/inbound/raw.sql");
        let found: Option<(i64, Vec<u8>)> = self.one(sql, args![id]).await?;
        let Some((size, mut raw)) = found else { return Ok(None) };
        let size = usize::try_from(size).unwrap_or(0);
        if raw.is_empty() && size > 0 {
            return Ok(None);
        }
        let sql = include_str!("sql/inbound/chunk.sql");
        for seq in 1_i64.. {
            if raw.len() >= size {
                break;
            }
            let chunk: Option<Vec<u8>> = self.field(sql, args![id, seq]).await?;
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
        self.field(sql, args![key]).await
    }

    /// The ticket that holds the mail of this Message-ID (without brackets).
    pub async fn ticket_of_message(&mut self, message_id: &str) -> Result<Option<Uuid>> {
        let sql = include_str!("sql/inbound/ticket_of_message.sql");
        self.field(sql, args![message_id]).await
    }

    /// Writes what became of a held mail; `false` when it is held no longer.
    pub async fn settle_held(&mut self, m: &InboundRecord) -> Result<bool> {
        self.settle_inbound(m, InboundAction::Quarantined).await
    }

    /// Writes what became of a mail that nothing was filed of; `false` when something was since.
    pub async fn settle_inbound(&mut self, m: &InboundRecord, was: InboundAction) -> Result<bool> {
        let rows = self
            .run(
                include_str!("sql/inbound/settle.sql"),
                args![
                    m.id,
                    m.action,
                    &m.reason,
                    &m.detail,
                    m.ticket_id,
                    m.ticket_number.as_ref().map(|n| n.as_str()),
                    m.response_id,
                    m.placement_by,
                    &m.placement_reason,
                    json(&m.flags),
                    json(&m.authentication),
                    m.released_at,
                    &m.released_by,
                    was,
                    m.kind,
                    json(&m.bounces)
                ],
            )
            .await?;
        if rows == 1 {
            self.news(|news| news.add_inbound(m));
        }
        Ok(rows == 1)
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
        self.news(|news| news.add_inbound(m));
        let (first, rest) = raw.split_at(raw.len().min(CHUNK));
        self.put(
            include_str!("sql/inbound/insert.sql"),
            args![
                m.id,
                m.received_at,
                m.via,
                &m.remote_ip,
                &m.reverse_path,
                json(&m.recipients),
                &m.message_id,
                &m.dedupe_key,
                &m.from_address,
                &m.from_name,
                &m.subject,
                m.size,
                &m.sha256,
                m.kind,
                m.action,
                &m.reason,
                &m.detail,
                m.ticket_id,
                m.ticket_number.as_ref().map(|n| n.as_str()),
                m.response_id,
                m.duplicate_of,
                &m.in_reply_to,
                json(&m.refs),
                m.placement_by,
                &m.placement_reason,
                json(&m.flags),
                json(&m.authentication),
                json(&m.bounces),
                json(&m.defects),
                m.released_at,
                &m.released_by,
                received_header,
                first
            ],
        )
        .await?;
        for (seq, chunk) in (1_i64..).zip(rest.chunks(CHUNK)) {
            let sql = include_str!("sql/inbound/insert_chunk.sql");
            self.run(sql, args![m.id, seq, chunk]).await?;
        }
        Ok(())
    }
}
