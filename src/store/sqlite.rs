//! SQLite's one writer, with group commit: verbs that arrive while a commit is on its way to the disk join the next
//! one. Each verb has a savepoint of its own, so one that fails takes only itself back; a lone verb waits for one
//! fsync, and a flood shares them.
//!
//! The connection lives on a thread of its own, and each call to it costs two changes of thread: more than most
//! statements. So writes that nobody needs an answer to are gathered ([`Later`]) and go over in one call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{
    Arguments, AssertSqlSafe, ConnectOptions, Connection, Encode, Executor, Sqlite, SqliteConnection, Type,
};
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

/// A transaction that verbs join until it is committed. The savepoint `verb` is the last one's: whoever joins releases
/// it and sets their own.
struct Batch {
    /// Verbs that wait for the commit.
    size: usize,
    outcome: watch::Sender<Option<Result<()>>>,
}

/// A verb's turn on the writer. Dropped, the verb is taken back.
pub struct WriterTx {
    /// `None` once ended.
    slot: Option<OwnedMutexGuard<Slot>>,
    shared: Arc<Shared>,
    later: Later,
}

/// Writes that wait for the next call to the connection, in order.
#[derive(Default)]
pub struct Later {
    sql: String,
    arguments: SqliteArguments,
    /// Parameters of the statements before the last one.
    offset: usize,
}

impl Later {
    /// Begins a statement; its parameters `$1…` follow by [`Self::bind`].
    pub fn statement(&mut self, sql: &'static str) {
        self.offset = self.arguments.len();
        if !self.sql.is_empty() {
            self.sql.push(';');
        }
        renumber(sql, self.offset, &mut self.sql);
    }

    /// Adds the next parameter.
    pub fn bind<'t, T: Encode<'t, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> Result<()> {
        Arguments::add(&mut self.arguments, value).map_err(|error| Error::Broken(error.to_string()))
    }

    /// The same, behind statements without parameters.
    fn after(mut self, opening: &str) -> Self {
        self.sql = format!("{opening};{}", self.sql);
        self
    }

    async fn run(self, connection: &mut SqliteConnection) -> Result<()> {
        if self.sql.is_empty() {
            return Ok(());
        }
        sqlx::query_with(AssertSqlSafe(self.sql), self.arguments).execute(connection).await?;
        Ok(())
    }
}

/// Appends a statement whose `$n` become `$(n + offset)`: statements of one call share one list of parameters.
fn renumber(sql: &str, offset: usize, out: &mut String) {
    let mut parts = sql.split('$');
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let number: usize = part[..digits].parse().unwrap_or_default();
        out.push('$');
        out.push_str(&(number + offset).to_string());
        out.push_str(&part[digits..]);
    }
}

/// Where a verb learns what became of its batch.
type Joined = watch::Receiver<Option<Result<()>>>;

/// A verb that only adds rows: it reads beside the writer, and takes its turn for all its writes at its end.
pub struct Draft {
    reader: PoolConnection<Sqlite>,
    writer: Writer,
    later: Later,
}

impl Draft {
    pub fn new(reader: PoolConnection<Sqlite>, writer: Writer) -> Self {
        Self { reader, writer, later: Later::default() }
    }

    pub fn connection(&mut self) -> &mut SqliteConnection {
        &mut self.reader
    }

    /// Where writes wait for the commit.
    pub fn later(&mut self) -> &mut Later {
        &mut self.later
    }

    /// Takes a turn for the writes alone, in one call, and waits until they are on disk. To be run to its end: a caller
    /// who stops half-way stops the batch with it.
    pub async fn commit(self) -> Result<()> {
        drop(self.reader);
        let shared = self.writer.shared;
        shared.waiting.fetch_add(1, Ordering::SeqCst);
        let mut slot = shared.slot.clone().lock_owned().await;
        shared.waiting.fetch_sub(1, Ordering::SeqCst);
        slot.connected(&shared.options).await?;
        let opening = slot.open();
        committed(join(slot, self.later.after(opening), shared).await?).await
    }
}

/// Options every writing connection has.
fn writer_options(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("wal_autocheckpoint", "16384")
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", "-16000")
        // Savepoints keep what they may have to put back in memory: in a file, it costs more writes than the verb.
        .pragma("temp_store", "memory")
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
    ///
    /// It happens in a task of its own: a caller who stops waiting gets the turn all the same, and drops it, which
    /// takes the verb back in good order.
    pub async fn begin(&self) -> Result<WriterTx> {
        let shared = self.shared.clone();
        shared.waiting.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(shared.begin()).await.unwrap_or_else(|_| Err(closed()))
    }

    /// Waits for the verb that has its turn, then closes. Nobody was told that what is still open was kept.
    pub async fn close(&self) {
        let mut slot = self.shared.slot.lock().await;
        slot.batch = None;
        if let Some(connection) = slot.connection.take() {
            // Closing also folds the WAL into the file; what fails here, the next start does.
            let _ = connection.close().await;
        }
    }
}

impl Shared {
    /// The caller has counted itself as waiting.
    async fn begin(self: Arc<Self>) -> Result<WriterTx> {
        let mut slot = self.slot.clone().lock_owned().await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        if let Err(error) = slot.begin(&self.options).await {
            slot.fail(&error).await;
            return Err(error);
        }
        Ok(WriterTx { slot: Some(slot), shared: self, later: Later::default() })
    }
}

impl Slot {
    /// What a verb's turn begins with; the batch is open from here on.
    fn open(&mut self) -> &'static str {
        if self.batch.is_some() {
            return "RELEASE verb; SAVEPOINT verb";
        }
        self.batch = Some(Batch { size: 0, outcome: watch::Sender::new(None) });
        "BEGIN IMMEDIATE; SAVEPOINT verb"
    }

    async fn connected(&mut self, options: &SqliteConnectOptions) -> Result<&mut SqliteConnection> {
        if self.connection.is_none() {
            self.connection = Some(options.connect().await?);
        }
        Ok(self.connection.as_mut().expect("connected above"))
    }

    async fn begin(&mut self, options: &SqliteConnectOptions) -> Result<()> {
        self.connected(options).await?;
        let opening = self.open();
        self.connected(options).await?.execute(opening).await?;
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
        let outcome = connection.execute("COMMIT").await.map(drop).map_err(Error::from);
        if outcome.is_err() {
            self.abandon().await;
        }
        batch.outcome.send_replace(Some(outcome));
    }

    /// Fails the batch and starts afresh on a new connection.
    async fn fail(&mut self, error: &Error) {
        if let Some(batch) = self.batch.take() {
            batch.outcome.send_replace(Some(Err(error.clone())));
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

    /// Where writes wait for the next call.
    pub fn later(&mut self) -> &mut Later {
        &mut self.later
    }

    /// Runs the writes that wait: before anything is read.
    pub async fn settle(&mut self) -> Result<()> {
        let later = std::mem::take(&mut self.later);
        later.run(self.connection()).await
    }

    /// Joins the batch's commit and waits for it. The commit runs in a task of its own: a caller who stops waiting
    /// must not stop it for the others.
    pub async fn commit(mut self) -> Result<()> {
        let slot = self.slot.take().expect("ended once");
        let (later, shared) = (std::mem::take(&mut self.later), self.shared.clone());
        let joined = tokio::spawn(join(slot, later, shared)).await;
        committed(joined.unwrap_or_else(|_| Err(closed()))?).await
    }

    pub async fn rollback(mut self) -> Result<()> {
        if let Some(slot) = self.slot.take() {
            Undo(Some(slot)).run(&self.shared.waiting).await;
        }
        Ok(())
    }
}

/// Waits until the batch is on disk.
async fn committed(mut outcome: Joined) -> Result<()> {
    match outcome.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) {
        Ok(Some(outcome)) => outcome.map_err(another_verbs),
        _ => Err(closed()),
    }
}

/// Runs a verb's last writes, and commits its batch unless others wait to join it. A verb that fails here takes only
/// itself back.
async fn join(mut slot: OwnedMutexGuard<Slot>, later: Later, shared: Arc<Shared>) -> Result<Joined> {
    let connection = slot.connection.as_mut().expect("connected at begin");
    if let Err(error) = later.run(connection).await {
        Undo(Some(slot)).run(&shared.waiting).await;
        return Err(error);
    }
    let batch = slot.batch.as_mut().expect("opened at begin");
    batch.size += 1;
    let outcome = batch.outcome.subscribe();
    slot.flush_unless_awaited(&shared.waiting).await;
    Ok(outcome)
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
        match connection.execute("ROLLBACK TO verb").await {
            Ok(_) => slot.flush_unless_awaited(waiting).await,
            // SQLite ends the whole transaction by itself on a full disk or an I/O error.
            Err(error) => slot.fail(&Error::from(error)).await,
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

/// What broke the batch may be another verb's fault: to this one it is trouble that passes.
fn another_verbs(error: Error) -> Error {
    if error.is_transient() { error } else { Error::Unavailable(error.to_string()) }
}

fn closed() -> Error {
    Error::Unavailable("the writer was closed".into())
}

#[cfg(test)]
mod tests;
