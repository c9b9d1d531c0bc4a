//! SQL on two engines, used by `desk` alone. One file per table group, each `impl Tx`; the statements lie in `sql/`,
//! portable where they can be. [`Store::begin`] opens a verb's transaction, [`Store::read`] a snapshot.

mod error;
mod postgres;
mod row;
mod sqlite;
mod value;

mod agents;
mod attachments;
mod blobs;
mod blocked_senders;
mod bulk;
mod callers;
mod chores;
mod contact_list;
mod contacts;
mod desk_events;
mod erasing;
mod erasure;
mod events;
mod inbound;
mod jobs;
mod listen;
mod mail_list;
mod mail_query;
mod mailboxes;
mod outbox;
mod paging;
mod pending;
mod queue;
mod reading;
mod responses;
mod seeding;
mod select;
mod stats;
mod suppressions;
mod teams;
mod templates;
mod threads;
mod ticket_list;
mod tickets;
mod tokens;
mod webhooks;

pub mod feed;
mod greylist;
pub mod idempotency;
pub mod query;
pub mod search;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool, Postgres, Transaction};

use crate::clock::Clock;
use desk_events::{Announcing, Pending};
use row::FromRow;
use value::{Field, Value};

pub use attachments::PendingUploads;
pub use blobs::PIECE;
pub use error::Error;
pub use greylist::GreyEntry;
pub use listen::Ear;
pub use pending::PendingTicket;
pub use queue::{Claim, QueueState};
pub use webhooks::{LeasedDelivery, WebhookClaim};

/// Longest wait for a connection to PostgreSQL.
const POSTGRES_PATIENCE: Duration = Duration::from_secs(5);

/// Result of a store call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A database, open. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
    /// `None`: what is written through it, nobody is told.
    announcing: Option<Announcing>,
}

#[derive(Clone)]
enum Engine {
    Sqlite { writer: sqlite::Writer, readers: sqlite::Readers },
    Postgres(PgPool),
}

/// One transaction: everything of a verb, or nothing. Dropped without [`Tx::commit`], it leaves no trace.
pub struct Tx {
    on: On,
    /// What others are told when it commits; `None` for snapshots.
    pending: Option<Box<Pending>>,
}

/// Where a transaction runs.
enum On {
    /// A verb on SQLite's one writer.
    SqliteWrite(sqlite::Verb),
    /// A snapshot on SQLite.
    SqliteRead(sqlite::Snapshot),
    /// Either, on PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
    /// Many rows at once, on PostgreSQL.
    PostgresBulk(Box<bulk::Bulk>),
}

/// A transaction to come. On SQLite the commit of those before it waits for it, so that they share one: between queueing
/// and beginning nothing may be waited for.
pub struct Turn {
    queue: Queue,
    announcing: Option<Announcing>,
}

enum Queue {
    Sqlite(sqlite::Queued),
    Postgres(PgPool),
}

impl Store {
    /// Opens `sqlite:PATH` (made when missing) or `postgres://…`, without touching the schema.
    ///
    /// # Errors
    /// [`Error::Broken`] for a URL that is neither; otherwise as the engine says.
    pub async fn open(url: &str, max_connections: u32) -> Result<Self> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let engine = Engine::Postgres(open_postgres(url, max_connections).await?);
            return Ok(Self { engine, announcing: None });
        }
        let Some(file) = sqlite_file(url) else {
            return Err(Error::Broken(format!("store url {url:?} is neither sqlite:PATH nor postgres://…")));
        };
        let writer = sqlite::Writer::open(file.clone()).await?;
        let engine = Engine::Sqlite { writer, readers: sqlite::Readers::new(file, max_connections) };
        Ok(Self { engine, announcing: None })
    }

    /// The same store; from now on each verb leaves word of what it did, for those who listen ([`Tx::events_after`]).
    pub fn announcing(self, clock: Clock) -> Self {
        Self { announcing: Some(Announcing::new(clock)), ..self }
    }

    /// Brings the schema up to date; nothing happens when it is.
    ///
    /// # Errors
    /// When a released migration was changed, or the engine refuses.
    pub async fn migrate(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite { writer, .. } => writer.migrate(sqlx::migrate!("migrations/sqlite")).await,
            Engine::Postgres(pool) => Ok(sqlx::migrate!("migrations/postgres").run(pool).await?),
        }
    }

    /// A verb's transaction. On SQLite it waits for the one writer.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection to be had.
    pub async fn begin(&self) -> Result<Tx> {
        self.queue().begin().await
    }

    /// A transaction for many rows at once, of which nobody is told.
    ///
    /// # Errors
    /// As [`Store::begin`].
    pub async fn begin_bulk(&self) -> Result<Tx> {
        let on = match self.begin().await?.on {
            On::Postgres(tx) => On::PostgresBulk(Box::new(bulk::Bulk::new(tx))),
            On::SqliteWrite(verb) => {
                verb.connection()?.execute_batch(sqlite::MANY_ROWS)?;
                On::SqliteWrite(verb)
            }
            on => on,
        };
        Ok(Tx { on, pending: None })
    }

    /// Announces a verb.
    pub fn queue(&self) -> Turn {
        let queue = match &self.engine {
            Engine::Sqlite { writer, .. } => Queue::Sqlite(writer.queue()),
            Engine::Postgres(pool) => Queue::Postgres(pool.clone()),
        };
        Turn { queue, announcing: self.announcing.clone() }
    }

    /// A snapshot to read from; never waits for writers. What is written through it is lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection to be had.
    pub async fn read(&self) -> Result<Tx> {
        let on = match &self.engine {
            Engine::Sqlite { readers, .. } => On::SqliteRead(readers.begin().await?),
            Engine::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    .execute(&mut *tx)
                    .await?;
                On::Postgres(tx)
            }
        };
        Ok(Tx { on, pending: None })
    }

    /// `sqlite` or `postgres`.
    pub fn engine(&self) -> &'static str {
        match self.engine {
            Engine::Sqlite { .. } => "sqlite",
            Engine::Postgres(_) => "postgres",
        }
    }

    /// Waits for everything under way, then closes.
    pub async fn close(&self) {
        match &self.engine {
            Engine::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Engine::Postgres(pool) => pool.close().await,
        }
    }
}

/// The file that `sqlite:PATH` names, as it stands there; `None` for anything else. A database in memory would be another
/// one for each connection, so `sqlite::memory:` names none, and there are no options to follow a `?`.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let in_memory = path.is_empty() || path.starts_with(':');
    (!in_memory && !path.contains('?')).then(|| PathBuf::from(path))
}

async fn open_postgres(url: &str, max_connections: u32) -> Result<PgPool> {
    let options = PgConnectOptions::from_str(url)?.application_name("postdesk");
    // A pool that gets no connection says only how long it waited: the first one, without it, says why.
    let first = tokio::time::timeout(POSTGRES_PATIENCE, PgConnection::connect_with(&options)).await;
    let mut first = first.map_err(|_| Error::Unavailable("PostgreSQL does not answer".into()))??;
    let setting = async |first: &mut PgConnection, name: &'static str| {
        sqlx::query_scalar::<_, String>(name).fetch_one(first).await
    };
    let mut options = options;
    if setting(&mut first, "SHOW synchronous_commit").await? == "off" {
        tracing::warn!("PostgreSQL has synchronous_commit = off: our own sessions commit with it on");
        options = options.options([("synchronous_commit", "on")]);
    }
    if setting(&mut first, "SHOW fsync").await? == "off" {
        tracing::error!("PostgreSQL has fsync = off: a crash of its machine loses mail that we said 250 to");
    }
    first.close().await?;
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .min_connections(0)
        .acquire_timeout(POSTGRES_PATIENCE)
        .connect_lazy_with(options))
}

impl Turn {
    /// The transaction, as [`Store::begin`] gives it.
    ///
    /// # Errors
    /// As there.
    pub async fn begin(self) -> Result<Tx> {
        let on = match self.queue {
            Queue::Sqlite(queued) => On::SqliteWrite(queued.begin().await?),
            Queue::Postgres(pool) => On::Postgres(pool.begin().await?),
        };
        Ok(Tx { on, pending: self.announcing.map(Pending::new) })
    }
}

impl Tx {
    /// Every row of a statement that finds its rows by an index.
    pub(crate) async fn all<T: FromRow>(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<Vec<T>> {
        match &mut self.on {
            On::SqliteWrite(verb) => sqlite::all(verb.connection()?, sql, args),
            On::SqliteRead(snapshot) => sqlite::all(snapshot.connection()?, sql, args),
            On::Postgres(tx) => postgres::all(tx, sql, args).await,
            On::PostgresBulk(bulk) => postgres::all(bulk.connection().await?, sql, args).await,
        }
    }

    /// Every row of a statement that may take long.
    pub(crate) async fn all_at_length<T>(&mut self, sql: String, args: Vec<Value<'static>>) -> Result<Vec<T>>
    where
        T: FromRow + Send + 'static,
    {
        tracing::trace!(sql, "read");
        match &mut self.on {
            On::SqliteWrite(verb) => sqlite::all(verb.connection()?, &sql, &args),
            On::SqliteRead(snapshot) => snapshot.all_at_length(sql, args).await,
            On::Postgres(tx) => postgres::all(tx, AssertSqlSafe(sql), &args).await,
            On::PostgresBulk(bulk) => {
                postgres::all(bulk.connection().await?, AssertSqlSafe(sql), &args).await
            }
        }
    }

    /// The first row.
    pub(crate) async fn one<T: FromRow>(
        &mut self,
        sql: &'static str,
        args: &[Value<'_>],
    ) -> Result<Option<T>> {
        match &mut self.on {
            On::SqliteWrite(verb) => sqlite::one(verb.connection()?, sql, args),
            On::SqliteRead(snapshot) => sqlite::one(snapshot.connection()?, sql, args),
            On::Postgres(tx) => postgres::one(tx, sql, args).await,
            On::PostgresBulk(bulk) => postgres::one(bulk.connection().await?, sql, args).await,
        }
    }

    /// The row of a statement that always has one, such as a count.
    pub(crate) async fn only<T: FromRow>(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<T> {
        self.one(sql, args).await?.ok_or_else(|| Error::Broken(format!("no row: {sql}")))
    }

    /// The first field of the first row.
    pub(crate) async fn field<T: Field>(
        &mut self,
        sql: &'static str,
        args: &[Value<'_>],
    ) -> Result<Option<T>> {
        Ok(self.one::<(T,)>(sql, args).await?.map(|(field,)| field))
    }

    /// The first field of every row.
    pub(crate) async fn fields<T: Field>(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<Vec<T>> {
        Ok(self.all::<(T,)>(sql, args).await?.into_iter().map(|(field,)| field).collect())
    }

    /// How many rows it changed.
    pub(crate) async fn run(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<u64> {
        match &mut self.on {
            On::SqliteWrite(verb) => sqlite::run(verb.connection()?, sql, args),
            On::SqliteRead(snapshot) => sqlite::run(snapshot.connection()?, sql, args),
            On::Postgres(tx) => postgres::run(tx, sql, args).await,
            On::PostgresBulk(bulk) => postgres::run(bulk.connection().await?, sql, args).await,
        }
    }

    /// Adds a row by a plain `INSERT … VALUES`: at once, or together with others.
    pub(crate) async fn put(&mut self, sql: &'static str, args: &[Value<'_>]) -> Result<()> {
        match &mut self.on {
            On::PostgresBulk(bulk) => bulk.gather(sql, args).await,
            _ => self.run(sql, args).await.map(drop),
        }
    }

    /// The statement for this engine, where the two really differ.
    pub(crate) fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        if self.is_postgres() { postgres } else { sqlite }
    }

    /// Whether it runs on PostgreSQL, where many verbs write at a time.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.on, On::Postgres(_) | On::PostgresBulk(_))
    }

    /// Makes it last: returns when it is on disk. Whoever listens is told.
    ///
    /// # Errors
    /// When it is not: nothing of the transaction was kept.
    pub async fn commit(mut self) -> Result<()> {
        let told = self.tell().await?;
        match self.on {
            On::SqliteWrite(verb) => verb.commit().await?,
            On::SqliteRead(_) => {}
            On::Postgres(tx) => tx.commit().await?,
            On::PostgresBulk(bulk) => bulk.commit().await?,
        }
        if let Some(announcing) = told {
            announcing.ring();
        }
        Ok(())
    }

    /// What was written so far need not be taken back alone if the rest fails. A long transaction says so after each part
    /// that can stand by itself: on SQLite its statements become slower and slower otherwise.
    ///
    /// # Errors
    /// The engine's.
    pub fn settle(&mut self) -> Result<()> {
        match &mut self.on {
            On::SqliteWrite(verb) => verb.settle(),
            _ => Ok(()),
        }
    }

    /// Undoes it now rather than at drop.
    ///
    /// # Errors
    /// As the engine says; the transaction is gone either way.
    pub async fn rollback(self) -> Result<()> {
        match self.on {
            On::SqliteWrite(_) | On::SqliteRead(_) => Ok(()),
            On::Postgres(tx) => Ok(tx.rollback().await?),
            On::PostgresBulk(bulk) => bulk.rollback().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_file_of_a_url() {
        for (url, want) in [
            ("sqlite:postdesk.db", Some("postdesk.db")),
            ("sqlite:///var/lib/postdesk.db", Some("/var/lib/postdesk.db")),
            ("sqlite:/srv/my desk, 100%20.db", Some("/srv/my desk, 100%20.db")),
            ("sqlite:/srv/desk.db?mode=ro", None),
            ("sqlite::memory:", None),
            ("sqlite://", None),
            ("postgres://db/desk", None),
        ] {
            assert_eq!(sqlite_file(url).as_deref(), want.map(Path::new), "{url}");
        }
    }
}
