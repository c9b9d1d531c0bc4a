//! SQL on two engines, used by `desk` alone. One file per table group, each `impl Tx`; the statements lie in `sql/`,
//! portable where they can be. [`Store::begin`] opens a verb's transaction, [`Store::read`] a snapshot.

mod error;
mod row;
mod sqlite;

mod agents;
mod attachments;
mod contacts;
mod events;
mod inbound;
mod mailboxes;
mod outbox;
mod reading;
mod responses;
mod seeding;
mod select;
mod templates;
mod tickets;
mod tokens;

pub mod idempotency;
pub mod query;
pub mod search;

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{
    Connection as _, PgConnection, PgPool, Postgres, Sqlite, SqliteConnection, SqlitePool, Transaction,
};

pub use error::Error;
pub use outbox::Claim;

/// Longest wait for a connection to PostgreSQL.
const POSTGRES_PATIENCE: Duration = Duration::from_secs(5);

/// Result of a store call.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A database, open. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Engine,
}

#[derive(Clone)]
enum Engine {
    Sqlite { writer: sqlite::Writer, readers: SqlitePool },
    Postgres(PgPool),
}

/// One transaction: everything of a verb, or nothing. Dropped without [`Tx::commit`], it leaves no trace.
pub enum Tx {
    /// A verb on SQLite's one writer.
    SqliteWrite(sqlite::WriterTx),
    /// A snapshot on SQLite.
    SqliteRead(Transaction<'static, Sqlite>),
    /// A verb on SQLite that takes its turn at its end alone.
    SqliteDraft(sqlite::Draft),
    /// Either, on PostgreSQL.
    Postgres(Transaction<'static, Postgres>),
}

/// The connection under a [`Tx`].
pub(crate) enum Conn<'a> {
    Sqlite(&'a mut SqliteConnection),
    Postgres(&'a mut PgConnection),
}

/// Runs one expression on whichever engine is there; `$c` is the connection. The expression is typed once for each.
/// Writes that waited ([`later`]) come first.
macro_rules! on {
    ($tx:expr, $c:ident => $body:expr) => {{
        $tx.settle().await?;
        match $tx.conn() {
            $crate::store::Conn::Sqlite($c) => $body,
            $crate::store::Conn::Postgres($c) => $body,
        }
    }};
}
pub(crate) use on;

/// Writes, with nobody waiting for the answer: at once on PostgreSQL, with the next call on SQLite (see `sqlite.rs`).
/// What is wrong with it shows at that call, at the latest when the transaction is committed.
macro_rules! later {
    ($tx:expr, $sql:expr, $($value:expr),+ $(,)?) => {
        match &mut *$tx {
            $crate::store::Tx::SqliteWrite(tx) => {
                let later = tx.later();
                later.statement($sql);
                $(later.bind($value)?;)+
                Ok(())
            }
            $crate::store::Tx::SqliteDraft(draft) => {
                let later = draft.later();
                later.statement($sql);
                $(later.bind($value)?;)+
                Ok(())
            }
            tx => $crate::store::on!(tx, c => sqlx::query($sql)$(.bind($value))+.execute(c).await.map(drop))
                .map_err($crate::store::Error::from),
        }
    };
}
pub(crate) use later;

impl Store {
    /// Opens `sqlite:PATH` (made when missing) or `postgres://…`, without touching the schema.
    ///
    /// # Errors
    /// [`Error::Broken`] for a URL that is neither; otherwise as the engine says.
    pub async fn open(url: &str, max_connections: u32) -> Result<Self> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            return Ok(Self { engine: Engine::Postgres(open_postgres(url, max_connections).await?) });
        }
        if !url.starts_with("sqlite:") {
            return Err(Error::Broken(format!("store url {url:?} is neither sqlite:PATH nor postgres://…")));
        }
        let options = SqliteConnectOptions::from_str(url)?;
        let writer = sqlite::Writer::open(options.clone()).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(max_connections)
            .min_connections(0)
            .idle_timeout(Duration::from_secs(60))
            .test_before_acquire(false)
            .connect_lazy_with(sqlite::reader_options(options));
        Ok(Self { engine: Engine::Sqlite { writer, readers } })
    }

    /// Brings the schema up to date; nothing happens when it is.
    ///
    /// # Errors
    /// When a released migration was changed, or the engine refuses.
    pub async fn migrate(&self) -> Result<()> {
        match &self.engine {
            Engine::Sqlite { writer, .. } => writer.migrate(&sqlx::migrate!("migrations/sqlite")).await,
            Engine::Postgres(pool) => Ok(sqlx::migrate!("migrations/postgres").run(pool).await?),
        }
    }

    /// A verb's transaction. On SQLite it waits for the one writer.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection to be had.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match &self.engine {
            Engine::Sqlite { writer, .. } => Tx::SqliteWrite(writer.begin().await?),
            Engine::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// The transaction of a verb that only adds rows. On SQLite it reads without waiting for the writer, its writes are
    /// gathered, and only they take a turn, in one call: what it reads may be a moment old, so unique constraints must
    /// say what it could not see. It locks nothing; a verb that finds it must is done again with [`Self::begin`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection to be had.
    pub async fn draft(&self) -> Result<Tx> {
        Ok(match &self.engine {
            Engine::Sqlite { writer, readers } => {
                Tx::SqliteDraft(sqlite::Draft::new(readers.acquire().await?, writer.clone()))
            }
            Engine::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// A snapshot to read from; never waits for writers. What is written through it is lost.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when there is no connection to be had.
    pub async fn read(&self) -> Result<Tx> {
        Ok(match &self.engine {
            Engine::Sqlite { readers, .. } => Tx::SqliteRead(readers.begin().await?),
            Engine::Postgres(pool) => {
                let mut tx = pool.begin().await?;
                sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                    .execute(&mut *tx)
                    .await?;
                Tx::Postgres(tx)
            }
        })
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

async fn open_postgres(url: &str, max_connections: u32) -> Result<PgPool> {
    let options = PgConnectOptions::from_str(url)?.application_name("postdesk");
    // A pool that gets no connection says only how long it waited: the first one, without it, says why.
    let first = tokio::time::timeout(POSTGRES_PATIENCE, PgConnection::connect_with(&options)).await;
    let first = first.map_err(|_| Error::Unavailable("PostgreSQL does not answer".into()))?;
    first?.close().await?;
    Ok(PgPoolOptions::new()
        .max_connections(max_connections)
        .min_connections(0)
        .acquire_timeout(POSTGRES_PATIENCE)
        .connect_lazy_with(options))
}

impl Tx {
    /// Runs the writes that wait for the next call.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        match self {
            Self::SqliteWrite(tx) => tx.settle().await,
            Self::SqliteRead(_) | Self::SqliteDraft(_) | Self::Postgres(_) => Ok(()),
        }
    }

    /// Whether only its writes take a turn ([`Store::draft`]).
    pub fn is_draft(&self) -> bool {
        matches!(self, Self::SqliteDraft(_))
    }

    /// For verbs that lock a row: a draft can't.
    fn locks(&self) -> Result<()> {
        match self {
            Self::SqliteDraft(_) => Err(Error::Unavailable("a draft locks nothing".into())),
            _ => Ok(()),
        }
    }

    pub(crate) fn conn(&mut self) -> Conn<'_> {
        match self {
            Self::SqliteWrite(tx) => Conn::Sqlite(tx.connection()),
            Self::SqliteRead(tx) => Conn::Sqlite(&mut *tx),
            Self::SqliteDraft(draft) => Conn::Sqlite(draft.connection()),
            Self::Postgres(tx) => Conn::Postgres(&mut *tx),
        }
    }

    /// The statement for this engine, where the two really differ.
    pub(crate) fn pick(&self, sqlite: &'static str, postgres: &'static str) -> &'static str {
        match self {
            Self::SqliteWrite(_) | Self::SqliteRead(_) | Self::SqliteDraft(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }

    /// Makes it last: returns when it is on disk.
    ///
    /// # Errors
    /// When it is not: nothing of the transaction was kept.
    pub async fn commit(self) -> Result<()> {
        match self {
            Self::SqliteWrite(tx) => tx.commit().await,
            Self::SqliteRead(tx) => Ok(tx.commit().await?),
            Self::SqliteDraft(draft) => draft.commit().await,
            Self::Postgres(tx) => Ok(tx.commit().await?),
        }
    }

    /// Undoes it now rather than at drop.
    ///
    /// # Errors
    /// As the engine says; the transaction is gone either way.
    pub async fn rollback(self) -> Result<()> {
        match self {
            Self::SqliteWrite(tx) => tx.rollback().await,
            Self::SqliteRead(tx) => Ok(tx.rollback().await?),
            Self::SqliteDraft(_) => Ok(()),
            Self::Postgres(tx) => Ok(tx.rollback().await?),
        }
    }
}
