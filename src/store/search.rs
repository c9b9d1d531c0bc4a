//! The index of texts, and how far it has come.

use uuid::Uuid;

use super::{Result, Tx, on};

/// A response not yet found by its words.
#[derive(Debug, Clone)]
pub struct Unindexed {
    /// Its place in the order of responses.
    pub seq: i64,
    /// The response.
    pub id: Uuid,
    /// Its ticket.
    pub ticket_id: Uuid,
    /// Who wrote it.
    pub author_name: Option<String>,
    /// Their address.
    pub author_email: Option<String>,
    /// New text.
    pub body_text: String,
    /// The ticket's number.
    pub number: String,
    /// The ticket's subject.
    pub subject: String,
    /// The ticket's address.
    pub requester_email: String,
    /// The ticket's further addresses, a JSON list.
    pub cc: String,
    /// The requester.
    pub name: Option<String>,
}

super::row::row!(Unindexed {
    seq,
    id,
    ticket_id,
    author_name,
    author_email,
    body_text,
    number,
    subject,
    requester_email,
    cc,
    name,
});

/// The fact that says how far the index has come.
const FACT: &str = "search_indexed_to";

impl Tx {
    /// Responses after this place that are not in the index, in order.
    pub async fn unindexed_responses(&mut self, after: i64, limit: i64) -> Result<Vec<Unindexed>> {
        let sql = self.pick(
            include_str!("sql/search/unindexed.sqlite.sql"),
            include_str!("sql/search/unindexed.postgres.sql"),
        );
        Ok(on!(self, c => sqlx::query_as(sql).bind(after).bind(limit).fetch_all(c).await)?)
    }

    /// Puts a response into the index; nothing happens when it is there.
    pub async fn index_response(&mut self, row: &Unindexed, text: &str) -> Result<()> {
        let sql = self.pick(
            include_str!("sql/search/insert.sqlite.sql"),
            include_str!("sql/search/insert.postgres.sql"),
        );
        on!(self, c => sqlx::query(sql).bind(row.seq).bind(row.id).bind(row.ticket_id).bind(text)
            .execute(c).await.map(drop))?;
        Ok(())
    }

    /// Everything up to this place is in the index.
    pub async fn indexed_to(&mut self) -> Result<i64> {
        let sql = include_str!("sql/facts/get.sql");
        let value: Option<String> =
            on!(self, c => sqlx::query_scalar(sql).bind(FACT).fetch_optional(c).await)?;
        Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    /// Notes how far the index has come.
    pub async fn set_indexed_to(&mut self, seq: i64) -> Result<()> {
        let sql = include_str!("sql/facts/put.sql");
        on!(self, c => sqlx::query(sql).bind(FACT).bind(seq.to_string()).execute(c).await.map(drop))?;
        Ok(())
    }
}
