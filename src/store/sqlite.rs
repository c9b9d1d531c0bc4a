//! SQLite's one writer, with group commit: verbs that arrive while a commit is on its way to the disk join the next
//! one. Each verb that joins others has a savepoint of its own, so one that fails takes only itself back; a lone verb
//! waits for one fsync, and a flood shares them.
//!
//! A statement takes microseconds, less than a change of thread: it runs where its verb runs. What waits for the disk,
//! for another process's lock or for a long list runs on a thread that may wait
//! (`docs/decisions/0006-sqlite-without-a-thread.md`).

mod migrate;
mod readers;
mod statement;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, watch};
use tokio::task::spawn_blocking;

pub use readers::{Readers, Snapshot};
pub(crate) use statement::{all, one, run};

use super::{Error, Result};

/// Most verbs that share one commit.
const MAX_BATCH: usize = 128;
/// Longest wait for another process's lock.
const PATIENCE: Duration = Duration::from_secs(5);
/// Statements that are kept prepared.
const PREPARED: usize = 200;

const BEGIN: &str = "BEGIN IMMEDIATE";
const SAVE: &str = "SAVEPOINT verb";
const KEEP: &str = "RELEASE verb";
const UNDO: &str = "ROLLBACK TO verb";
const UNDO_ALL: &str = "ROLLBACK";
const COMMIT: &str = "COMMIT";

const PRAGMAS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
    PRAGMA wal_autocheckpoint = 16384; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -8000; \
    PRAGMA temp_store = MEMORY;";

/// For whoever writes many rows at once: the leaves of some fifty indexes are changed again and again, and must not be
/// read and written anew each time. Lasts as long as the connection.
pub const MANY_ROWS: &str = "PRAGMA cache_size = -256000; PRAGMA wal_autocheckpoint = 65536;";

/// The writer. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    slot: Arc<Mutex<Slot>>,
    /// Verbs that will have the slot: while there are any, the commit is left to a later one.
    waiting: AtomicUsize,
}

/// The connection and what is open on it; whoever holds the lock may use it.
struct Slot {
    file: PathBuf,
    /// `None` after trouble: the next verb opens another.
    connection: Option<Connection>,
    batch: Option<Batch>,
}

/// A transaction that verbs join until it is committed.
struct Batch {
    /// Verbs that wait for the commit.
    size: usize,
    /// Whether something in it must stay when the verb under way is taken back.
    holds: bool,
    outcome: watch::Sender<Option<Result<()>>>,
}

/// A verb's turn on the writer. Dropped, the verb is taken back.
pub struct Verb {
    /// `None` once ended.
    slot: Option<OwnedMutexGuard<Slot>>,
    shared: Arc<Shared>,
    /// Whether there is a savepoint. The first of a batch needs none: to take it back is to take all back, and SQLite
    /// would copy each page it changes.
    saved: bool,
}

/// A verb that will have a turn: the commit waits for it, so nothing may be waited for between queueing and beginning.
/// Dropped, it gives up; the commit may have been left to it.
pub struct Queued(Option<Arc<Shared>>);

impl Writer {
    /// Opens the file, making it when it is missing.
    pub async fn open(file: PathBuf) -> Result<Self> {
        let mut slot = Slot { file, connection: None, batch: None };
        let slot = blocking(move || slot.connected().map(drop).map(|()| slot)).await?;
        let shared = Shared { slot: Arc::new(Mutex::new(slot)), waiting: AtomicUsize::new(0) };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Brings the schema up to date.
    pub async fn migrate(&self, migrator: sqlx::migrate::Migrator) -> Result<()> {
        let mut slot = self.shared.slot.clone().lock_owned().await;
        blocking(move || migrate::run(slot.connected()?, &migrator)).await
    }

    /// Announces a verb.
    pub fn queue(&self) -> Queued {
        self.shared.waiting.fetch_add(1, Ordering::SeqCst);
        Queued(Some(self.shared.clone()))
    }

    /// Waits for the verb that has its turn, then closes. Nobody was told that what is still open was kept.
    pub async fn close(&self) {
        let mut slot = self.shared.slot.clone().lock_owned().await;
        slot.batch = None;
        // Closing also folds the WAL into the file; what fails here, the next start does.
        let _ = spawn_blocking(move || slot.connection = None).await;
    }
}

impl Shared {
    /// Ends a verb's turn: the batch is committed when it is full or nobody is waiting to join it.
    fn pass_on(&self, mut slot: OwnedMutexGuard<Slot>) {
        let Some(batch) = &slot.batch else { return };
        if self.waiting.load(Ordering::SeqCst) > 0 && batch.size < MAX_BATCH {
            return;
        }
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || slot.flush())),
            Err(_) => slot.flush(),
        }
    }
}

impl Queued {
    /// Waits for the turn, and joins the open batch or opens one.
    pub async fn begin(mut self) -> Result<Verb> {
        let shared = self.0.clone().expect("begun once");
        let mut slot = shared.slot.clone().lock_owned().await;
        self.0 = None;
        shared.waiting.fetch_sub(1, Ordering::SeqCst);
        if slot.begin_at_once() {
            return Verb::new(slot, shared);
        }
        blocking(move || {
            slot.begin()?;
            Verb::new(slot, shared)
        })
        .await
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let Some(shared) = self.0.take() else { return };
        shared.waiting.fetch_sub(1, Ordering::SeqCst);
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                let slot = shared.slot.clone().lock_owned().await;
                shared.pass_on(slot);
            });
        }
    }
}

impl Slot {
    fn connected(&mut self) -> Result<&mut Connection> {
        if self.connection.is_none() {
            let connection = open(&self.file, OpenFlags::SQLITE_OPEN_CREATE)?;
            connection.busy_timeout(PATIENCE)?;
            connection.execute_batch(PRAGMAS)?;
            self.connection = Some(connection);
        }
        Ok(self.connection.as_mut().expect("opened above"))
    }

    /// Opens a batch unless one is open; `false` when that needs patience, or fails.
    fn begin_at_once(&mut self) -> bool {
        if self.batch.is_some() {
            return true;
        }
        let Some(connection) = &self.connection else { return false };
        let begun = connection.busy_timeout(Duration::ZERO).is_ok() && execute(connection, BEGIN).is_ok();
        if begun {
            self.batch = Some(Batch::new());
        }
        begun
    }

    /// The same, with patience.
    fn begin(&mut self) -> Result<()> {
        let connection = self.connected()?;
        connection.busy_timeout(PATIENCE)?;
        if let Err(error) = execute(connection, BEGIN) {
            self.fail(&error);
            return Err(error);
        }
        self.batch = Some(Batch::new());
        Ok(())
    }

    /// A step of a verb; when it fails, so does the batch.
    fn step(&mut self, sql: &str) -> Result<()> {
        let connection = self.connection.as_ref().expect("open while a batch is");
        let done = execute(connection, sql);
        if let Err(error) = &done {
            self.fail(error);
        }
        done.map_err(another_verbs)
    }

    /// Commits the batch and tells its verbs.
    fn flush(&mut self) {
        let (Some(batch), Some(connection)) = (self.batch.take(), self.connection.as_ref()) else { return };
        let outcome = execute(connection, COMMIT);
        if outcome.is_err() {
            self.connection = None;
        }
        batch.outcome.send_replace(Some(outcome));
    }

    /// Fails the batch when SQLite has ended its transaction.
    fn stands(&mut self) -> Result<()> {
        if self.connection.as_ref().is_some_and(|connection| !connection.is_autocommit()) {
            return Ok(());
        }
        let error = given_up();
        self.fail(&error);
        Err(error)
    }

    /// Takes back a batch that holds nothing.
    fn undo_all(&mut self) -> Result<()> {
        self.step(UNDO_ALL)?;
        self.batch = None;
        Ok(())
    }

    /// Fails the batch. The connection goes, and with it whatever is open on it: after an I/O error its state is
    /// unknown.
    fn fail(&mut self, error: &Error) {
        self.connection = None;
        if let Some(batch) = self.batch.take() {
            batch.outcome.send_replace(Some(Err(error.clone())));
        }
    }
}

impl Batch {
    fn new() -> Self {
        Self { size: 0, holds: false, outcome: watch::Sender::new(None) }
    }
}

impl Verb {
    fn new(mut slot: OwnedMutexGuard<Slot>, shared: Arc<Shared>) -> Result<Self> {
        let saved = slot.batch.as_ref().is_some_and(|batch| batch.holds);
        if saved {
            slot.step(SAVE)?;
        }
        Ok(Self { slot: Some(slot), shared, saved })
    }

    /// # Errors
    /// When SQLite has ended the transaction, as it does by itself on a full disk or an I/O error: what came after it
    /// would be kept at once.
    pub fn connection(&self) -> Result<&Connection> {
        let slot = self.slot.as_ref().expect("used before its end");
        let connection = slot.connection.as_ref().filter(|connection| !connection.is_autocommit());
        connection.ok_or_else(given_up)
    }

    /// Can be taken back only from here on. SQLite keeps every page as it was at the savepoint, and walks along all of
    /// them after each statement: a verb of thousands of statements would spend its time there.
    pub fn settle(&mut self) -> Result<()> {
        let slot = self.slot.as_mut().expect("used before its end");
        if std::mem::replace(&mut self.saved, true) {
            slot.step(KEEP)?;
        }
        slot.batch.as_mut().expect("open while a verb is").holds = true;
        slot.step(SAVE)
    }

    /// Joins the batch's commit and waits for it. A caller who stops waiting does not stop it for the others.
    pub async fn commit(mut self) -> Result<()> {
        let mut slot = self.slot.take().expect("ended once");
        match self.saved {
            true => slot.step(KEEP)?,
            false => slot.stands()?,
        }
        let batch = slot.batch.as_mut().expect("open while a verb is");
        batch.size += 1;
        batch.holds = true;
        let mut outcome = batch.outcome.subscribe();
        self.shared.pass_on(slot);
        match outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) {
            Ok(Some(outcome)) => outcome.map_err(another_verbs),
            _ => Err(closed()),
        }
    }
}

impl Drop for Verb {
    /// Takes the verb back alone; if even that fails, the whole batch fails with it.
    fn drop(&mut self) {
        let Some(mut slot) = self.slot.take() else { return };
        let _ = match self.saved {
            true => slot.step(UNDO).and_then(|()| slot.step(KEEP)),
            false => slot.undo_all(),
        };
        self.shared.pass_on(slot);
    }
}

/// Opens a file that only this process's threads share, each connection one at a time.
fn open(file: &Path, flags: OpenFlags) -> Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    Ok(connection)
}

fn execute(connection: &Connection, sql: &str) -> Result<()> {
    Ok(connection.prepare_cached(sql)?.raw_execute().map(drop)?)
}

/// Runs what may wait where waiting is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    spawn_blocking(work).await.unwrap_or_else(|_| Err(closed()))
}

/// What broke the batch may be another verb's fault: to this one it is trouble that passes.
fn another_verbs(error: Error) -> Error {
    if error.is_transient() { error } else { Error::Unavailable(error.to_string()) }
}

fn given_up() -> Error {
    Error::Unavailable("the transaction was given up".into())
}

fn closed() -> Error {
    Error::Unavailable("the database was closed".into())
}

#[cfg(test)]
mod tests;
