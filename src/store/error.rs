//! What can go wrong with the store: the kind decides whether a door says "later" or "our fault".

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

    /// Whether another call took a unique value first.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict(_))
    }
}

/// SQLite's primary result codes that mean trouble with the file or a lock, not with the statement
/// (<https://www.sqlite.org/rescode.html>): BUSY, LOCKED, NOMEM, READONLY, IOERR, CORRUPT, CANTOPEN, PROTOCOL.
const SQLITE_TROUBLE: [i32; 8] = [5, 6, 7, 8, 10, 11, 14, 15];
const SQLITE_FULL: i32 = 13;

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let text = error.to_string();
        match &error {
            sqlx::Error::Database(db) if db.is_unique_violation() => Self::Conflict(text),
            sqlx::Error::Database(db) => from_code(db.code().as_deref().unwrap_or_default(), text),
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

/// By SQLSTATE (five characters: PostgreSQL, <https://www.postgresql.org/docs/current/errcodes-appendix.html>) or
/// SQLite's extended result code.
fn from_code(code: &str, text: String) -> Error {
    if code.len() == 5 && !code.bytes().all(|b| b.is_ascii_digit() && code.parse::<i32>().is_err()) {
        return match &code[..2] {
            _ if code == "53100" => Error::Full(text),
            // Connection, resources, operator intervention, system error, rollback (serialisation, deadlock),
            // read-only transaction.
            "08" | "53" | "57" | "58" | "40" | "25" => Error::Unavailable(text),
            _ => Error::Broken(text),
        };
    }
    match code.parse::<i32>().map(|extended| extended & 0xff) {
        Ok(SQLITE_FULL) => Error::Full(text),
        Ok(primary) if SQLITE_TROUBLE.contains(&primary) => Error::Unavailable(text),
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
