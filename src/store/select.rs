//! Statements whose conditions the caller chooses. Only literals of this crate become SQL text; whatever came from
//! outside is a bound parameter.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};
use uuid::Uuid;

use super::{Result, Tx, on};

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
}

impl Select {
    pub fn new(sql: &'static str) -> Self {
        Self { sql: sql.to_owned(), params: Vec::new() }
    }

    /// Adds SQL text.
    pub fn sql(&mut self, text: &'static str) -> &mut Self {
        self.sql.push_str(text);
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

    /// Adds a whole other statement; this one must not have parameters yet.
    pub fn append(&mut self, other: Self) -> &mut Self {
        debug_assert!(self.params.is_empty(), "parameters are numbered from 1");
        self.sql.push_str(&other.sql);
        self.params = other.params;
        self
    }

    pub async fn all<T>(self, tx: &mut Tx) -> Result<Vec<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let Self { sql, params } = self;
        Ok(on!(tx, c => {
            let mut query = sqlx::query_as(AssertSqlSafe(sql));
            for param in params {
                query = match param {
                    Param::Text(text) => query.bind(text),
                    Param::Int(number) => query.bind(number),
                    Param::Id(id) => query.bind(id),
                    Param::Flag(flag) => query.bind(flag),
                };
            }
            query.fetch_all(c).await
        })?)
    }

    pub async fn optional<T>(self, tx: &mut Tx) -> Result<Option<T>>
    where
        T: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        Ok(self.all(tx).await?.into_iter().next())
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
