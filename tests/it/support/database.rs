//! An empty database for one test, on either engine.

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection};
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
    /// Where the file lies.
    dir: TempDir,
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
        Self { url, dir }
    }

    /// A directory of this database's own, for whatever else a test needs.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
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
