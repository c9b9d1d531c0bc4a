//! What can go wrong with the store: the kind decides whether a door says "later" or "our fault".

use rusqlite::ffi;

/// A failed store call.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The database can't be reached, is busy, or gave up a transaction: the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// No room on the disk.
    #[error("no room for the database: {0}")]
    Full(String),
    /// A unique value is taken.
    #[error("unique value taken: {0}")]
    Conflict(String),
    /// The statement or the data is wrong: our fault.
    #[error("database error: {0}")]
    Broken(String),
}

impl Error {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_))
    }

    /// Whether there is no room to write: reading goes on.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Full(_))
    }

    /// Whether another call took a unique value first.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

/// SQLite's primary result codes that mean trouble with the file or a lock, not with the statement
/// (<https://www.sqlite.org/rescode.html>).
const SQLITE_TROUBLE: [i32; 8] = [
    ffi::SQLITE_BUSY,
    ffi::SQLITE_LOCKED,
    ffi::SQLITE_NOMEM,
    ffi::SQLITE_READONLY,
    ffi::SQLITE_IOERR,
    ffi::SQLITE_CORRUPT,
    ffi::SQLITE_CANTOPEN,
    ffi::SQLITE_PROTOCOL,
];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match &error {
            sqlx::Error::Database(db) if db.is_unique_violation() => Self::Conflict(text),
            sqlx::Error::Database(db) => from_sqlstate(db.code().as_deref().unwrap_or_default(), text),
            sqlx::Error::Io(io) if io.kind() == std::io::ErrorKind::StorageFull => Self::Full(text),
            sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Decode(_)
            | sqlx::Error::Encode(_)
            | sqlx::Error::Configuration(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::TypeNotFound { .. } => Self::Broken(text),
            _ => Self::Unavailable(text),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error().map(|failure| failure.extended_code) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => Self::Conflict(text),
            Some(code) if code & 0xff == ffi::SQLITE_FULL => Self::Full(text),
            Some(code) if SQLITE_TROUBLE.contains(&(code & 0xff)) => Self::Unavailable(text),
            _ => Self::Broken(text),
        }
    }
}

/// By SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
fn from_sqlstate(code: &str, text: String) -> Error {
    match code.get(..2) {
        _ if code == "53100" => Error::Full(text),
        // Connection, resources, operator intervention, system error, rollback (serialisation, deadlock), read-only
        // transaction.
        Some("08" | "53" | "57" | "58" | "40" | "25") => Error::Unavailable(text),
        _ => Error::Broken(text),
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(inner) => inner.into(),
            other => Self::Broken(other.to_string()),
        }
    }
}
