//! Statements whose conditions the caller chooses. Only literals of this crate become SQL text; whatever came from
//! outside is a bound parameter.

use uuid::Uuid;

use super::row::FromRow;
use super::value::Value;
use super::{Result, Tx};

/// A value to be bound.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// Text.
    Text(String),
    /// A number or a time.
    Int(i64),
    /// An id.
    Id(Uuid),
    /// A flag.
    Flag(bool),
}

/// A statement under construction.
#[derive(Debug, Clone)]
pub(crate) struct Select {
    sql: String,
    params: Vec<Param>,
    /// How this engine takes a JSON list apart.
    unpack: (&'static str, &'static str),
}

/// SQLite's way to ids in a list.
const SQLITE_IDS: (&str, &str) = ("(SELECT unhex(value) FROM json_each(", "))");
/// PostgreSQL's.
const POSTGRES_IDS: (&str, &str) = ("(SELECT json_array_elements_text(", "::JSON)::UUID)");

impl Select {
    pub fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), params: Vec::new(), unpack: SQLITE_IDS }
    }

    /// One that may hold lists of ids.
    pub fn on(tx: &Tx, sql: &'static str) -> Self {
        let unpack = if tx.is_postgres() { POSTGRES_IDS } else { SQLITE_IDS };
        Self { unpack, ..Self::new(sql) }
    }

    /// Adds SQL text.
    pub fn sql(&mut self, text: &'static str) -> &mut Self {
        self.sql.push_str(text);
        self
    }

    /// Adds a number of our own: the plan may depend on it.
    pub fn number(&mut self, number: i64) -> &mut Self {
        self.sql.push_str(&number.to_string());
        self
    }

    /// Adds a parameter.
    pub fn bind(&mut self, param: impl Into<Param>) -> &mut Self {
        self.params.push(param.into());
        self.sql.push('$');
        self.sql.push_str(&self.params.len().to_string());
        self
    }

    /// Adds parameters in parentheses, or a list that holds nothing.
    pub fn bind_all<P: Into<Param>>(&mut self, params: impl IntoIterator<Item = P>) -> &mut Self {
        self.sql("(");
        let mut any = false;
        for param in params {
            self.sql(if any { ", " } else { "" }).bind(param);
            any = true;
        }
        self.sql(if any { ")" } else { "NULL)" })
    }

    /// Adds a list of ids, however many, as one parameter.
    pub fn bind_ids(&mut self, ids: &[Uuid]) -> &mut Self {
        let list: Vec<_> = ids.iter().map(|id| id.simple().to_string()).collect();
        let (before, after) = self.unpack;
        self.sql(before).bind(super::value::json(&list)).sql(after)
    }

    /// The SQL.
    #[cfg(test)]
    pub fn text(&self) -> &str {
        &self.sql
    }

    pub async fn all<T: FromRow + Send + 'static>(self, tx: &mut Tx) -> Result<Vec<T>> {
        let args = self.params.into_iter().map(Value::from).collect();
        tx.all_at_length(self.sql, args).await
    }

    pub async fn optional<T: FromRow + Send + 'static>(self, tx: &mut Tx) -> Result<Option<T>> {
        Ok(self.all(tx).await?.into_iter().next())
    }
}

impl From<Param> for Value<'_> {
    fn from(param: Param) -> Self {
        match param {
            Param::Text(text) => Self::Text(text.into()),
            Param::Int(number) => Self::Int(number),
            Param::Id(id) => Self::Id(id),
            Param::Flag(flag) => Self::Flag(flag),
        }
    }
}

impl From<&str> for Param {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Param {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Param {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<crate::model::Timestamp> for Param {
    fn from(at: crate::model::Timestamp) -> Self {
        Self::Int(at.0)
    }
}

impl From<Uuid> for Param {
    fn from(id: Uuid) -> Self {
        Self::Id(id)
    }
}

impl From<bool> for Param {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
