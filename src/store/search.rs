//! The index of texts, and how far it has come.

use uuid::Uuid;

use super::value::{args, json};
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

    /// The place of the newest response.
    pub async fn last_response_seq(&mut self) -> Result<i64> {
        let (last,) = self.only(include_str!("sql/search/last.sql"), args![]).await?;
        Ok(last)
    }

    /// Puts responses into the index, each with its folded text; nothing happens to those that are there.
    pub async fn index_responses(&mut self, rows: &[Unindexed], texts: &[String]) -> Result<()> {
        if self.is_postgres() {
            let rows: Vec<_> = rows.iter().zip(texts).map(document).collect();
            return self
                .run(include_str!("sql/search/insert.postgres.sql"), args![json(&rows)])
                .await
                .map(drop);
        }
        for (row, text) in rows.iter().zip(texts) {
            let sql = include_str!("sql/search/insert.sqlite.sql");
            self.run(sql, args![row.seq, row.id, row.ticket_id, text]).await?;
        }
        Ok(())
    }

    /// All responses of a ticket, as they are to be indexed.
    pub async fn responses_to_index(&mut self, ticket: Uuid) -> Result<Vec<Unindexed>> {
        self.all(include_str!("sql/search/of_ticket.sql"), args![ticket]).await
    }

    /// Takes a response out of the index; nothing happens when it is not there.
    pub async fn forget_response(&mut self, row: &Unindexed) -> Result<()> {
        let done = if self.is_postgres() {
            self.run(include_str!("sql/search/forget.postgres.sql"), args![row.id]).await?
        } else {
            self.run(include_str!("sql/search/forget.sqlite.sql"), args![row.seq]).await?
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

/// How coarse the marks are that say where a document stands: windows of 2^n responses.
const WINDOWS: [u32; 3] = [14, 17, 20];

/// A document for PostgreSQL. No word has such signs as its marks.
fn document((row, text): (&Unindexed, &String)) -> serde_json::Value {
    let marks: Vec<_> = (0..).zip(WINDOWS).map(|(level, bits)| mark(level, row.seq >> bits)).collect();
    serde_json::json!({
        "seq": row.seq, "response_id": row.id, "ticket_id": row.ticket_id, "text": text, "marks": marks,
    })
}

fn mark(level: usize, window: i64) -> String {
    format!("#{level}/{window}")
}
