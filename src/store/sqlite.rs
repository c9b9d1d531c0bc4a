//! SQLite's one writer, with group commit: verbs that arrive while a commit is on its way to the disk join the next
//! one. Each verb has a savepoint of its own, so one that fails takes only itself back; a lone verb waits for one
//! fsync, and a flood shares them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, Executor, SqliteConnection};
use tokio::sync::{Mutex, OwnedMutexGuard, watch};

use super::{Error, Result};

/// Most verbs that share one commit.
const MAX_BATCH: usize = 128;

/// The writer. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    slot: Arc<Mutex<Slot>>,
    /// Verbs waiting for the slot: while there are any, the commit is left to a later one.
    waiting: AtomicUsize,
    options: SqliteConnectOptions,
}

/// The connection and what is open on it; whoever holds the lock may use it.
struct Slot {
    connection: Option<SqliteConnection>,
    batch: Option<Batch>,
}

/// Verbs released but not yet on disk.
struct Batch {
    size: usize,
    outcome: watch::Sender<Option<Outcome>>,
}

/// Shared by all verbs of a batch.
type Outcome = std::result::Result<(), Arc<Error>>;

/// A verb's turn on the writer.
pub struct WriterTx {
    /// `None` once ended.
    slot: Option<OwnedMutexGuard<Slot>>,
    shared: Arc<Shared>,
}

/// Options every writing connection has.
fn writer_options(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("wal_autocheckpoint", "4000")
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", "-8000")
        .statement_cache_capacity(200)
        .disable_statement_logging()
}

/// Options every reading connection has.
pub fn reader_options(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("query_only", "on")
        .disable_statement_logging()
}

impl Writer {
    /// Opens the file, making it when it is missing.
    pub async fn open(options: SqliteConnectOptions) -> Result<Self> {
        let options = writer_options(options);
        let connection = options.connect().await?;
        let slot = Slot { connection: Some(connection), batch: None };
        let shared = Shared { slot: Arc::new(Mutex::new(slot)), waiting: AtomicUsize::new(0), options };
        Ok(Self { shared: Arc::new(shared) })
    }

    pub async fn migrate(&self, migrator: &Migrator) -> Result<()> {
        let mut slot = self.shared.slot.lock().await;
        Ok(migrator.run(slot.connected(&self.shared.options).await?).await?)
    }

    /// Waits for a turn, joins the open batch or opens one, and sets a savepoint.
    pub async fn begin(&self) -> Result<WriterTx> {
        let mut slot = self.shared.clone().turn().await;
        let begun = slot.begin(&self.shared.options).await;
        let tx = WriterTx { slot: Some(slot), shared: self.shared.clone() };
        match begun {
            Ok(()) => Ok(tx),
            Err(error) => {
                tx.give_up().await;
                Err(error)
            }
        }
    }

    pub async fn close(&self) {
        let mut slot = self.shared.slot.lock().await;
        if let Some(connection) = slot.connection.take() {
            // What is still open was answered to nobody; closing also folds the WAL into the file.
            let _ = connection.close().await;
        }
    }
}

impl Shared {
    /// Waits for the slot, counted as waiting. A wait that is given up may leave a batch that counted on it: then
    /// the batch is flushed.
    async fn turn(self: Arc<Self>) -> OwnedMutexGuard<Slot> {
        struct Waiting(Option<Arc<Shared>>);
        impl Drop for Waiting {
            fn drop(&mut self) {
                let Some(shared) = self.0.take() else { return };
                shared.waiting.fetch_sub(1, Ordering::SeqCst);
                if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                    runtime.spawn(async move {
                        let mut slot = shared.slot.clone().lock_owned().await;
                        slot.flush_unless_awaited(&shared.waiting).await;
                    });
                }
            }
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut waiting = Waiting(Some(self.clone()));
        let slot = self.slot.clone().lock_owned().await;
        waiting.0 = None;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        slot
    }
}

impl Slot {
    async fn connected(&mut self, options: &SqliteConnectOptions) -> Result<&mut SqliteConnection> {
        if self.connection.is_none() {
            self.connection = Some(options.connect().await?);
        }
        Ok(self.connection.as_mut().expect("connected above"))
    }

    async fn begin(&mut self, options: &SqliteConnectOptions) -> Result<()> {
        let open = self.batch.is_some();
        let connection = self.connected(options).await?;
        if open {
            connection.execute("SAVEPOINT verb").await?;
            return Ok(());
        }
        connection.execute("BEGIN IMMEDIATE; SAVEPOINT verb").await?;
        self.batch = Some(Batch { size: 0, outcome: watch::Sender::new(None) });
        Ok(())
    }

    /// Commits the batch when it is full or nobody is waiting to join it.
    async fn flush_unless_awaited(&mut self, waiting: &AtomicUsize) {
        let Some(batch) = &self.batch else { return };
        if waiting.load(Ordering::SeqCst) == 0 || batch.size >= MAX_BATCH {
            self.flush().await;
        }
    }

    /// Commits the batch and tells its verbs.
    async fn flush(&mut self) {
        let (Some(batch), Some(connection)) = (self.batch.take(), self.connection.as_mut()) else { return };
        let outcome = connection.execute("COMMIT").await.map(drop).map_err(|e| Arc::new(Error::from(e)));
        if outcome.is_err() {
            self.abandon().await;
        }
        batch.outcome.send_replace(Some(outcome));
    }

    /// Fails the batch and starts afresh on a new connection.
    async fn fail(&mut self, error: Error) {
        if let Some(batch) = self.batch.take() {
            batch.outcome.send_replace(Some(Err(Arc::new(error))));
        }
        self.abandon().await;
    }

    /// Drops the connection, and with it whatever is open on it: after an I/O error its state is unknown.
    async fn abandon(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = connection.close_hard().await;
        }
    }
}

impl WriterTx {
    pub fn connection(&mut self) -> &mut SqliteConnection {
        let slot = self.slot.as_mut().expect("used before its end");
        slot.connection.as_mut().expect("connected at begin")
    }

    /// Joins the batch's commit and waits for it.
    pub async fn commit(mut self) -> Result<()> {
        let released = self.connection().execute("RELEASE verb").await.map_err(Error::from);
        if let Err(error) = released {
            self.give_up().await;
            return Err(error);
        }
        let mut slot = self.slot.take().expect("ended once");
        let batch = slot.batch.as_mut().expect("opened at begin");
        batch.size += 1;
        let mut outcome = batch.outcome.subscribe();
        slot.flush_unless_awaited(&self.shared.waiting).await;
        drop(slot);
        let outcome = outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        match outcome {
            Ok(Some(Ok(()))) => Ok(()),
            Ok(Some(Err(error))) => Err(Error::Unavailable(error.to_string()).or_full(&error)),
            _ => Err(Error::Unavailable("the writer was closed".into())),
        }
    }

    pub async fn rollback(mut self) -> Result<()> {
        self.undo().await
    }

    async fn undo(&mut self) -> Result<()> {
        let Some(slot) = self.slot.take() else { return Ok(()) };
        Undo(Some(slot)).run(&self.shared.waiting).await;
        Ok(())
    }

    /// The connection can't be trusted any more.
    async fn give_up(mut self) {
        if let Some(mut slot) = self.slot.take() {
            slot.fail(Error::Unavailable("the writer had to start afresh".into())).await;
        }
    }
}

impl Error {
    /// Keeps "disk full" apart from other trouble when a shared error is passed on.
    fn or_full(self, shared: &Error) -> Self {
        match shared {
            Error::Full(text) => Error::Full(text.clone()),
            _ => self,
        }
    }
}

impl Drop for WriterTx {
    fn drop(&mut self) {
        let Some(slot) = self.slot.take() else { return };
        let (undo, shared) = (Undo(Some(slot)), self.shared.clone());
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { undo.run(&shared.waiting).await });
        }
    }
}

/// A verb to be taken back. Dropped before it ran (no runtime is left to run it on), the connection goes, and with it
/// the open transaction.
struct Undo(Option<OwnedMutexGuard<Slot>>);

impl Undo {
    /// Takes the verb back alone; if even that fails, the whole batch fails with it.
    async fn run(mut self, waiting: &AtomicUsize) {
        let Some(slot) = self.0.as_mut() else { return };
        let Some(connection) = slot.connection.as_mut() else { return };
        match connection.execute("ROLLBACK TO verb; RELEASE verb").await {
            Ok(_) => slot.flush_unless_awaited(waiting).await,
            // SQLite ends the whole transaction by itself on a full disk or an I/O error.
            Err(error) => slot.fail(Error::from(error)).await,
        }
        self.0 = None;
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let Some(slot) = self.0.as_mut() else { return };
        slot.connection = None;
        slot.batch = None;
    }
}
