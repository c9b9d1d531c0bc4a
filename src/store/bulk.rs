//! Many rows at once. On PostgreSQL they are gathered and go in by `COPY`, many times faster than by a statement each;
//! on SQLite a statement costs little.

use std::fmt::Write as _;

use sqlx::{PgConnection, Postgres, Transaction};

use super::value::Value;
use super::{Error, Result};

/// Octets gathered before they are sent.
const ENOUGH: usize = 8 << 20;

/// What rows of other tables refer to, in the order it is sent; the others follow.
const REFERRED_TO: [&str; 4] = ["contacts", "agents", "tickets", "outbox"];

/// A transaction that gathers what is inserted.
pub struct Bulk {
    tx: Transaction<'static, Postgres>,
    /// In an order in which nothing refers to what is not there yet.
    tables: Vec<Gathered>,
    size: usize,
}

/// Rows of one statement, as `COPY` takes them.
struct Gathered {
    insert: &'static str,
    copy: String,
    rows: String,
}

impl Bulk {
    pub(super) fn new(tx: Transaction<'static, Postgres>) -> Self {
        Self { tx, tables: Vec::new(), size: 0 }
    }

    /// The connection, everything gathered being there.
    pub(super) async fn connection(&mut self) -> Result<&mut PgConnection> {
        self.flush().await?;
        Ok(&mut self.tx)
    }

    /// Keeps a row of `INSERT INTO table (columns) VALUES ($1, …)`.
    pub(super) async fn gather(&mut self, insert: &'static str, values: &[Value<'_>]) -> Result<()> {
        let place = match self.tables.iter().position(|table| table.insert == insert) {
            Some(place) => place,
            None => {
                let copy = copy_of(insert)?;
                let place = self.tables.partition_point(|table| rank(&table.copy) <= rank(&copy));
                self.tables.insert(place, Gathered { insert, copy, rows: String::new() });
                place
            }
        };
        let rows = &mut self.tables[place].rows;
        let before = rows.len();
        for (i, value) in values.iter().enumerate() {
            rows.push_str(if i == 0 { "" } else { "\t" });
            push(rows, value);
        }
        rows.push('\n');
        self.size += rows.len() - before;
        if self.size >= ENOUGH { self.flush().await } else { Ok(()) }
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        self.flush().await?;
        Ok(self.tx.commit().await?)
    }

    pub(super) async fn rollback(self) -> Result<()> {
        Ok(self.tx.rollback().await?)
    }

    async fn flush(&mut self) -> Result<()> {
        for table in self.tables.iter_mut().filter(|table| !table.rows.is_empty()) {
            let mut copy = self.tx.copy_in_raw(&table.copy).await?;
            copy.send(table.rows.as_bytes()).await?;
            copy.finish().await?;
            table.rows.clear();
        }
        self.size = 0;
        Ok(())
    }
}

/// `INSERT INTO t (a, b) VALUES …` as `COPY t (a, b) FROM STDIN`.
fn copy_of(insert: &str) -> Result<String> {
    let table = insert.split_once("INSERT INTO ").and_then(|(_, rest)| rest.split_once(" VALUES "));
    let table = table.or_else(|| insert.split_once("INSERT INTO ")?.1.split_once("\nVALUES "));
    match table {
        Some((table, _)) => Ok(format!("COPY {table} FROM STDIN")),
        None => Err(Error::Broken(format!("no plain INSERT: {insert}"))),
    }
}

/// When the rows of a `COPY` have their turn.
fn rank(copy: &str) -> usize {
    let table = copy.split([' ', '(']).nth(1).unwrap_or_default();
    REFERRED_TO.iter().position(|known| *known == table).unwrap_or(REFERRED_TO.len())
}

/// A value as `COPY`'s text format has it.
fn push(rows: &mut String, value: &Value<'_>) {
    match value {
        Value::Null(_) => rows.push_str("\\N"),
        Value::Flag(flag) => rows.push(if *flag { 't' } else { 'f' }),
        Value::Int(number) => write!(rows, "{number}").expect("a string takes it"),
        Value::Id(id) => write!(rows, "{id}").expect("a string takes it"),
        Value::Bytes(bytes) => {
            rows.push_str("\\\\x");
            bytes.iter().for_each(|byte| write!(rows, "{byte:02x}").expect("a string takes it"));
        }
        Value::Text(text) => {
            for c in text.chars() {
                match c {
                    '\\' => rows.push_str("\\\\"),
                    '\n' => rows.push_str("\\n"),
                    '\r' => rows.push_str("\\r"),
                    '\t' => rows.push_str("\\t"),
                    c => rows.push(c),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::{Kind, args};
    use super::*;

    #[test]
    fn an_insert_is_copied() {
        for (insert, copy) in [
            ("INSERT INTO t (a, b) VALUES ($1, $2)", Some("COPY t (a, b) FROM STDIN")),
            ("-- why\nINSERT INTO t (a,\n  b)\nVALUES ($1, $2)", Some("COPY t (a,\n  b) FROM STDIN")),
            ("UPDATE t SET a = $1", None),
        ] {
            assert_eq!(copy_of(insert).ok().as_deref(), copy, "{insert}");
        }
    }

    #[test]
    fn what_others_refer_to_goes_first() {
        let mut copies = [
            "COPY responses (id) FROM STDIN",
            "COPY tickets (id) FROM STDIN",
            "COPY contacts (id) FROM STDIN",
        ];
        copies.sort_by_key(|copy| rank(copy));
        assert!(copies[0].contains("contacts") && copies[1].contains("tickets"), "{copies:?}");
    }

    #[test]
    fn values_are_written_as_copy_reads_them() {
        let mut rows = String::new();
        for value in args!["a\\b\tc\r\nd", 7_i64, true, None::<String>] {
            push(&mut rows, value);
            rows.push('|');
        }
        push(&mut rows, &Value::Bytes(vec![0, 255].into()));
        assert_eq!(rows, "a\\\\b\\tc\\r\\nd|7|t|\\N|\\\\x00ff");
        let mut null = String::new();
        push(&mut null, &Value::Null(Kind::Id));
        assert_eq!(null, "\\N");
    }
}
