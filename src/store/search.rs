//! The index of texts, and how far it has come.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};

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
        self.all(sql, args![after, limit]).await
    }

    /// Puts a response into the index; nothing happens when it is there.
    pub async fn index_response(&mut self, row: &Unindexed, text: &str) -> Result<()> {
        let sql = self.pick(
            include_str!("sql/search/insert.sqlite.sql"),
            include_str!("sql/search/insert.postgres.sql"),
        );
        self.run(sql, args![row.seq, row.id, row.ticket_id, text]).await?;
        Ok(())
    }

    /// All responses of a ticket, as they are to be indexed.
    pub async fn responses_to_index(&mut self, ticket: Uuid) -> Result<Vec<Unindexed>> {
        self.all(include_str!("sql/search/of_ticket.sql"), args![ticket]).await
    }

    /// Takes a response out of the index; nothing happens when it is not there.
    pub async fn forget_response(&mut self, row: &Unindexed) -> Result<()> {
        let done = match self {
            Self::Postgres(_) => {
                self.run(include_str!("sql/search/forget.postgres.sql"), args![row.id]).await?
            }
            Self::SqliteWrite(_) | Self::SqliteRead(_) => {
                self.run(include_str!("sql/search/forget.sqlite.sql"), args![row.seq]).await?
            }
        };
        debug_assert!(done <= 1);
        Ok(())
    }

    /// Everything up to this place is in the index.
    pub async fn indexed_to(&mut self) -> Result<i64> {
        let sql = include_str!("sql/facts/get.sql");
        let value: Option<String> = self.field(sql, args![FACT]).await?;
        Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    /// Notes how far the index has come.
    pub async fn set_indexed_to(&mut self, seq: i64) -> Result<()> {
        let sql = include_str!("sql/facts/put.sql");
        self.run(sql, args![FACT, seq.to_string()]).await?;
        Ok(())
    }
}
