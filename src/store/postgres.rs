//! A statement on PostgreSQL.

use sqlx::{PgConnection, SqlSafeStr};

use super::Result;
use super::row::{FromRow, Row};
use super::value::{Value, postgres_arguments};

/// Every row.
pub(crate) async fn all<T: FromRow>(
    c: &mut PgConnection,
    sql: impl SqlSafeStr,
    args: &[Value<'_>],
) -> Result<Vec<T>> {
    let rows = sqlx::query_with(sql, postgres_arguments(args)?).fetch_all(c).await?;
    rows.iter().map(|row| T::from_row(Row::Postgres(row))).collect()
}

/// The first row.
pub(crate) async fn one<T: FromRow>(
    c: &mut PgConnection,
    sql: &'static str,
    args: &[Value<'_>],
) -> Result<Option<T>> {
    let row = sqlx::query_with(sql, postgres_arguments(args)?).fetch_optional(c).await?;
    row.map(|row| T::from_row(Row::Postgres(&row))).transpose()
}

/// How many rows it changed.
pub(crate) async fn run(c: &mut PgConnection, sql: &'static str, args: &[Value<'_>]) -> Result<u64> {
    Ok(sqlx::query_with(sql, postgres_arguments(args)?).execute(c).await?.rows_affected())
}
