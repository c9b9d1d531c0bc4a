//! A statement on a connection, there and then.

use rusqlite::{CachedStatement, Connection};

use super::super::row::{FromRow, Row};
use super::super::value::Value;
use super::super::{Error, Result};

/// Every row.
pub(crate) fn all<T: FromRow>(connection: &Connection, sql: &str, args: &[Value<'_>]) -> Result<Vec<T>> {
    let mut statement = bound(connection, sql, args)?;
    let mut rows = statement.raw_query();
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        all.push(T::from_row(Row::Sqlite(row))?);
    }
    Ok(all)
}

/// The first row.
pub(crate) fn one<T: FromRow>(connection: &Connection, sql: &str, args: &[Value<'_>]) -> Result<Option<T>> {
    let mut statement = bound(connection, sql, args)?;
    let mut rows = statement.raw_query();
    rows.next()?.map(|row| T::from_row(Row::Sqlite(row))).transpose()
}

/// How many rows it changed.
pub(crate) fn run(connection: &Connection, sql: &str, args: &[Value<'_>]) -> Result<u64> {
    Ok(bound(connection, sql, args)?.raw_execute()? as u64)
}

/// To SQLite `$1` is a name, and names are numbered as they come: each parameter says which one it wants.
fn bound<'c>(connection: &'c Connection, sql: &str, args: &[Value<'_>]) -> Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(sql)?;
    for place in 1..=statement.parameter_count() {
        let number =
            statement.parameter_name(place).and_then(|name| name.strip_prefix('$')?.parse::<usize>().ok());
        let value = number.and_then(|number| args.get(number.checked_sub(1)?));
        let value = value.ok_or_else(|| Error::Broken(format!("parameter {place} has no value: {sql}")))?;
        statement.raw_bind_parameter(place, value)?;
    }
    Ok(statement)
}
