//! Migrations, noted in the same table and held to the same rules as on PostgreSQL, where sqlx runs them.

use std::collections::BTreeMap;

use rusqlite::Connection;
use sqlx::migrate::{MigrateError, Migration, Migrator};

use super::super::Result;

const NOTES: &str = "CREATE TABLE IF NOT EXISTS _sqlx_migrations (
  version        BIGINT PRIMARY KEY,
  description    TEXT NOT NULL,
  installed_on   TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
  success        BOOLEAN NOT NULL,
  checksum       BLOB NOT NULL,
  execution_time BIGINT NOT NULL
)";

/// Runs those that were not, each in a transaction of its own.
pub fn run(connection: &mut Connection, migrator: &Migrator) -> Result<()> {
    connection.execute_batch(NOTES)?;
    let noted = noted(connection)?;
    if let Some(unknown) = noted.keys().find(|version| !migrator.version_exists(**version)) {
        return Err(MigrateError::VersionMissing(*unknown).into());
    }
    for migration in migrator.iter() {
        match noted.get(&migration.version) {
            Some(checksum) if **checksum == *migration.checksum => {}
            Some(_) => return Err(MigrateError::VersionMismatch(migration.version).into()),
            None => apply(connection, migration)?,
        }
    }
    Ok(())
}

/// Version → checksum.
fn noted(connection: &Connection) -> Result<BTreeMap<i64, Vec<u8>>> {
    let mut statement = connection.prepare("SELECT version, checksum FROM _sqlx_migrations")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

fn apply(connection: &mut Connection, migration: &Migration) -> Result<()> {
    let tx = connection.transaction()?;
    tx.execute_batch(migration.sql.as_str())?;
    tx.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (?, ?, TRUE, ?, 0)",
        (migration.version, &migration.description, &migration.checksum),
    )?;
    Ok(tx.commit()?)
}
