//! An empty database for one test, on either engine.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use tempfile::TempDir;

use super::postgres;

/// Which engine a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in a directory of its own.
    Sqlite,
    /// A database of its own in the suite's cluster.
    Postgres,
}

/// A database without tables. It goes with the value (SQLite) or with the cluster.
pub struct Database {
    /// For `[store] url`.
    pub url: String,
    engine: Engine,
    _dir: TempDir,
}

impl Database {
    /// A new one.
    pub async fn fresh(engine: Engine) -> Self {
        let dir = tempfile::Builder::new().prefix("postdesk-it-").tempdir().expect("a temporary directory");
        let url = match engine {
            Engine::Sqlite => format!("sqlite:{}", dir.path().join("desk.db").display()),
            Engine::Postgres => {
                on_cluster(postgres::shared().expect("the test asked whether it is there")).await
            }
        };
        Self { url, engine, _dir: dir }
    }

    /// The one number a query gives, asked on a connection of its own.
    pub async fn count(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(&self.url).await.expect("it opens");
                connection.fetch_one(sql).await.expect("it reads").get(0)
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.expect("it answers");
                connection.fetch_one(sql).await.expect("it reads").get(0)
            }
        }
    }
}

/// Makes a database of the next free name; its URL.
pub async fn on_cluster(cluster: &postgres::Cluster) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let name = format!("desk_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut admin = PgConnection::connect(&cluster.url("postgres")).await.expect("the cluster answers");
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("the name is free");
    admin.close().await.expect("the cluster answers");
    cluster.url(&name)
}
