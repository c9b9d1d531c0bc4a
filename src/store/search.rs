//! The index of texts, and how far it has come.

use uuid::Uuid;

use super::select::Select;
use super::value::{args, json};
use super::{Result, Tx};
use crate::model::Visibility;

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
    /// Who may read it.
    pub visibility: Visibility,
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
    visibility,
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

    /// Whether a response may appear below a place that was seen already: on PostgreSQL, transactions that run side by
    /// side commit in any order.
    pub fn places_come_late(&self) -> bool {
        self.is_postgres()
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
            let mark = if row.visibility == Visibility::Internal { NOTE } else { "" };
            let text = format!("{text} {mark}");
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

/// Most messages that a search looks at: the newest that match.
const HITS: usize = 5_000;
/// Of a note, in SQLite's index: a word that nobody can type, as folding leaves letters and digits alone.
const NOTE: &str = "\u{e000}";
/// The same, in PostgreSQL's.
const NOTE_MARK: &str = "#note";
/// How coarse the marks are that say where a document stands on PostgreSQL: windows of 2^n responses.
const WINDOWS: [u32; 3] = [14, 17, 20];

/// A message that matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// Its place in the order of responses.
    pub seq: i64,
    /// Its ticket.
    pub ticket_id: Uuid,
}

super::row::row!(Hit { seq, ticket_id });

impl Tx {
    /// The newest messages that hold all of these words (folded, each in double quotes), newest first; notes too, unless
    /// only what is `public` is looked at.
    pub async fn newest_hits(&mut self, words: &str, public: bool) -> Result<Vec<Hit>> {
        if !self.is_postgres() {
            let matching = if public { format!("({words}) NOT \"{NOTE}\"") } else { words.to_owned() };
            let mut select = Select::new("SELECT rowid AS seq, ticket_id FROM search WHERE search MATCH ");
            select.bind(matching).sql(" ORDER BY rowid DESC LIMIT ").number(HITS as i64);
            return select.all(self).await;
        }
        // GIN finds all that match before it hands out the first: so it is asked for the newest windows, then for larger
        // ones, until there is enough.
        let newest = self.last_response_seq().await?;
        let notes = if public { format!("!'{NOTE_MARK}'") } else { String::new() };
        for (level, bits) in (0..).zip(WINDOWS) {
            let window = newest >> bits;
            if window < 2 {
                continue;
            }
            let and = if public { " & " } else { "" };
            let (last, before) = (mark(level, window), mark(level, window - 1));
            let hits = self.marked_hits(words, format!("('{last}' | '{before}'){and}{notes}")).await?;
            if hits.len() >= HITS {
                return Ok(hits);
            }
        }
        self.marked_hits(words, notes).await
    }

    /// On PostgreSQL: those whose marks are so.
    async fn marked_hits(&mut self, words: &str, marks: String) -> Result<Vec<Hit>> {
        let mut select = Select::new(
            "SELECT seq, ticket_id FROM search WHERE document @@ (websearch_to_tsquery('simple', ",
        );
        select.bind(words).sql(")");
        if !marks.is_empty() {
            select.sql(" && ").bind(marks).sql("::TEXT::TSQUERY");
        }
        select.sql(") ORDER BY seq DESC LIMIT ").number(HITS as i64);
        select.all(self).await
    }
}

/// A document for PostgreSQL. No word has such signs as its marks.
fn document((row, text): (&Unindexed, &String)) -> serde_json::Value {
    let mut marks: Vec<_> = (0..).zip(WINDOWS).map(|(level, bits)| mark(level, row.seq >> bits)).collect();
    if row.visibility == Visibility::Internal {
        marks.push(NOTE_MARK.into());
    }
    serde_json::json!({
        "seq": row.seq, "response_id": row.id, "ticket_id": row.ticket_id, "text": text, "marks": marks,
    })
}

fn mark(level: usize, window: i64) -> String {
    format!("#{level}/{window}")
}
