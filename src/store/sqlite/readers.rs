//! Connections to read from, beside the writer: each has a snapshot of its own, and waits for nobody.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::super::row::FromRow;
use super::super::value::Value;
use super::super::{Error, Result};
use super::{PATIENCE, all, blocking, closed, execute, open};

/// The cache holds what lists of a large desk walk along; it takes memory only as it is filled, kB.
const PRAGMAS: &str = "PRAGMA foreign_keys = ON; PRAGMA query_only = ON; PRAGMA cache_size = -32000;";

/// A pool of them. Cheap to clone.
#[derive(Clone)]
pub struct Readers {
    shared: Arc<Shared>,
}

struct Shared {
    file: PathBuf,
    most: u32,
    permits: Arc<Semaphore>,
    /// Those nobody uses; the one used last is the first to be taken, so that its pages are warm.
    idle: Mutex<Vec<Connection>>,
}

/// A snapshot. It begins with the first statement.
pub struct Snapshot {
    /// `None` while it is on another thread; whoever gives up then leaves it there.
    connection: Option<Connection>,
    readers: Arc<Shared>,
    _permit: OwnedSemaphorePermit,
}

impl Readers {
    /// At most so many on a file; none is opened yet.
    pub fn new(file: PathBuf, most: u32) -> Self {
        let permits = Arc::new(Semaphore::new(most as usize));
        Self { shared: Arc::new(Shared { file, most, permits, idle: Mutex::default() }) }
    }

    /// A snapshot, as soon as a connection is free.
    pub async fn begin(&self) -> Result<Snapshot> {
        let permit = timeout(PATIENCE, self.shared.permits.clone().acquire_owned()).await;
        let permit = permit.map_err(|_| Error::Unavailable("too many read at once".into()))?;
        let permit = permit.map_err(|_| closed())?;
        let idle = self.shared.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.shared.open().await?,
        };
        execute(&connection, "BEGIN")?;
        Ok(Snapshot { connection: Some(connection), readers: self.shared.clone(), _permit: permit })
    }

    /// Waits for those who read, then closes.
    pub async fn close(&self) {
        let _all = self.shared.permits.acquire_many(self.shared.most).await;
        self.shared.permits.close();
        self.shared.idle().clear();
    }
}

impl Shared {
    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn open(&self) -> Result<Connection> {
        let file = self.file.clone();
        blocking(move || {
            let connection = open(&file, OpenFlags::empty())?;
            connection.busy_timeout(PATIENCE)?;
            connection.execute_batch(PRAGMAS)?;
            Ok(connection)
        })
        .await
    }
}

impl Snapshot {
    /// # Errors
    /// When an earlier call on it was given up.
    pub fn connection(&self) -> Result<&Connection> {
        self.connection.as_ref().ok_or_else(closed)
    }

    /// Every row of a statement that may take long.
    pub(crate) async fn all_at_length<T>(&mut self, sql: String, args: Vec<Value<'static>>) -> Result<Vec<T>>
    where
        T: FromRow + Send + 'static,
    {
        let connection = self.connection.take().ok_or_else(closed)?;
        let (connection, rows) = blocking(move || {
            let rows = all(&connection, &sql, &args);
            Ok((connection, rows))
        })
        .await?;
        self.connection = Some(connection);
        rows
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if execute(&connection, "ROLLBACK").is_ok() {
            self.readers.idle().push(connection);
        }
    }
}
