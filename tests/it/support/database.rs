//! An empty database for one test, on either engine.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use tempfile::TempDir;

use super::postgres::{self, Cluster};

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
    dir: TempDir,
}

impl Database {
    /// A new one.
    pub async fn fresh(engine: Engine) -> Self {
        if engine == Engine::Postgres {
            return Self::on(postgres::shared().expect("the test asked whether it is there")).await;
        }
        let dir = own_dir();
        Self { url: format!("sqlite:{}", dir.path().join("desk.db").display()), engine, dir }
    }

    /// A new one on this cluster.
    pub async fn on(cluster: &Cluster) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let name = format!("desk_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let mut admin = PgConnection::connect(&cluster.url("postgres")).await.expect("the cluster answers");
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("the name is free");
        admin.close().await.expect("the cluster answers");
        Self { url: cluster.url(&name), engine: Engine::Postgres, dir: own_dir() }
    }

    /// A copy, made as the guide says while others write; `None` where PostgreSQL's own tools for it are missing.
    pub async fn copy(&self) -> Option<Self> {
        if self.engine == Engine::Sqlite {
            let copy = Self::fresh(Engine::Sqlite).await;
            self.texts(&format!("VACUUM INTO '{}'", copy.dir().join("desk.db").display())).await;
            return Some(copy);
        }
        let cluster = postgres::shared()?;
        let copy = Self::on(cluster).await;
        cluster.copy(&self.url, &copy.url).then_some(copy)
    }

    /// A directory for whatever else the test needs.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The one number a query gives, asked on a connection of its own.
    pub async fn count(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.engine {
            Engine::Sqlite => self.sqlite().await.fetch_one(sql).await.expect("it reads").get(0),
            Engine::Postgres => self.postgres().await.fetch_one(sql).await.expect("it reads").get(0),
        }
    }

    /// The one column of text a query gives.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self.engine {
            Engine::Sqlite => {
                let rows = self.sqlite().await.fetch_all(sql).await.expect("it reads");
                rows.iter().map(|row| row.get(0)).collect()
            }
            Engine::Postgres => {
                let rows = self.postgres().await.fetch_all(sql).await.expect("it reads");
                rows.iter().map(|row| row.get(0)).collect()
            }
        }
    }

    async fn sqlite(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.url).await.expect("it opens")
    }

    async fn postgres(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.expect("it answers")
    }
}

fn own_dir() -> TempDir {
    tempfile::Builder::new().prefix("postdesk-it-").tempdir().expect("a temporary directory")
}
