//! DESIGN-level promises of the schema: every statement prepares on both engines, and both have the same tables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqlSafeStr as _, SqliteConnection,
};

use crate::support::{Database, Engine};

/// Tables that are there on one engine alone: full-text search, its parts, what nodes count together, and what the engines
/// keep for themselves.
fn is_engines_own(table: &str) -> bool {
    table == "search"
        || table == "call_counts"
        || table.starts_with("search_")
        || table.starts_with("sqlite_")
        || table == "_sqlx_migrations"
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Statement files for one engine: the portable ones, and its own.
fn statements(engine: Engine) -> Vec<(PathBuf, String)> {
    let theirs = match engine {
        Engine::Sqlite => ".postgres.sql",
        Engine::Postgres => ".sqlite.sql",
    };
    let mut found = Vec::new();
    for dir in fs::read_dir(root().join("src/store/sql")).expect("statements").flatten() {
        for file in fs::read_dir(dir.path()).expect("a directory for each table").flatten() {
            let path = file.path();
            if path.to_string_lossy().ends_with(".sql") && !path.to_string_lossy().ends_with(theirs) {
                let text = fs::read_to_string(&path).expect("text");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "no statement found");
    found
}

async fn migrated(engine: Engine) -> Database {
    let database = Database::fresh(engine).await;
    let store = postdesk::store::Store::open(&database.url, 2).await.expect("it opens");
    store.migrate().await.expect("the migrations run");
    store.migrate().await.expect("running them again does nothing");
    store.close().await;
    database
}

both_engines! {
    async fn every_statement_prepares(engine: Engine) {
        let database = migrated(engine).await;
        let mut wrong = Vec::new();
        for (path, sql) in statements(engine) {
            let sql = AssertSqlSafe(sql).into_sql_str();
            let prepared = match engine {
                Engine::Sqlite => {
                    let mut connection = SqliteConnection::connect(&database.url).await.expect("it opens");
                    connection.prepare(sql).await.map(drop)
                }
                Engine::Postgres => {
                    let mut connection = PgConnection::connect(&database.url).await.expect("it answers");
                    connection.prepare(sql).await.map(drop)
                }
            };
            if let Err(error) = prepared {
                let path = path.strip_prefix(root()).expect("inside").display().to_string();
                wrong.push(format!("{path}: {error}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

both_engines! {
    /// Those of a sender who wrote once, or never, would else be looked for in the whole ledger.
    async fn mails_of_a_sender_are_found_by_an_index_in_their_order(engine: Engine) {
        let database = migrated(engine).await;
        let asked = "SELECT id FROM inbound_mails WHERE TRUE AND LOWER(from_address) = 'jo@shop.test' \
            ORDER BY id DESC LIMIT 26";
        let plan = match engine {
            Engine::Sqlite => {
                let mut connection = SqliteConnection::connect(&database.url).await.expect("it opens");
                let plan = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {asked}"))).await;
                plan.expect("a plan").iter().map(|row| row.get::<String, _>("detail")).collect::<Vec<_>>()
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&database.url).await.expect("it answers");
                // There are no mails yet, and so few are best read one by one.
                connection.execute("SET enable_seqscan = off; SET enable_bitmapscan = off").await.expect("known");
                let plan = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN {asked}"))).await;
                plan.expect("a plan").iter().map(|row| row.get::<String, _>(0)).collect()
            }
        };
        let plan = plan.join("\n");
        assert!(plan.contains("inbound_mails_from") && !plan.contains("Sort") && !plan.contains("B-TREE"), "{plan}");
    }
}

/// Table → its columns, each with whether it may be null.
type Schema = BTreeMap<String, BTreeSet<(String, bool)>>;

async fn sqlite_schema() -> Schema {
    let database = migrated(Engine::Sqlite).await;
    let mut connection = SqliteConnection::connect(&database.url).await.expect("it opens");
    // A column of a primary key may not be null in PostgreSQL, whether the schema says so or not.
    let rows = connection
        .fetch_all(
            "SELECT t.name, c.name, c.\"notnull\" = 0 AND c.pk = 0 FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
             WHERE t.type = 'table'",
        )
        .await
        .expect("SQLite knows its tables");
    rows.iter().fold(Schema::new(), |schema, row| with_column(schema, row.get(0), row.get(1), row.get(2)))
}

async fn postgres_schema() -> Schema {
    let database = migrated(Engine::Postgres).await;
    let mut connection = PgConnection::connect(&database.url).await.expect("it answers");
    let rows = connection
        .fetch_all(
            "SELECT table_name::text, column_name::text, is_nullable = 'YES' FROM information_schema.columns \
             WHERE table_schema = current_schema()",
        )
        .await
        .expect("PostgreSQL knows its tables");
    rows.iter().fold(Schema::new(), |schema, row| with_column(schema, row.get(0), row.get(1), row.get(2)))
}

fn with_column(mut schema: Schema, table: String, column: String, nullable: bool) -> Schema {
    if !is_engines_own(&table) {
        schema.entry(table).or_default().insert((column, nullable));
    }
    schema
}

#[tokio::test]
async fn both_engines_have_the_same_tables_and_columns() {
    if !crate::support::postgres::available() {
        return;
    }
    let (sqlite, postgres) = (sqlite_schema().await, postgres_schema().await);
    assert!(sqlite.len() > 10, "only {} tables found", sqlite.len());
    let names = |schema: &Schema| schema.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&sqlite), names(&postgres), "tables");
    for (table, columns) in &sqlite {
        assert_eq!(
            columns, &postgres[table],
            "columns of {table} (name, may be null): SQLite left, PostgreSQL right"
        );
    }
}

#[test]
fn migrations_pair_by_name() {
    let names = |engine: &str| -> BTreeSet<String> {
        let dir = fs::read_dir(root().join("migrations").join(engine)).expect("migrations");
        dir.flatten().map(|file| file.file_name().to_string_lossy().into_owned()).collect()
    };
    let (sqlite, postgres) = (names("sqlite"), names("postgres"));
    assert_eq!(sqlite, postgres);
    for (at, name) in sqlite.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name} is not number {}", at + 1);
    }
}

/// A statement may be one engine's alone: the compiler sees to those that the store asks for. None may lie about that it
/// asks for no more, such as a portable one beside two overrides.
#[test]
fn every_statement_is_used() {
    let mut code = String::new();
    read_rust(&root().join("src/store"), &mut code);
    let mut found = statements(Engine::Sqlite);
    found.extend(statements(Engine::Postgres));
    for (path, _) in found {
        let name = path.strip_prefix(root().join("src/store/sql")).expect("inside").display().to_string();
        assert!(code.contains(&format!("sql/{name}\"")), "{name} is not used");
    }
}

fn read_rust(dir: &Path, code: &mut String) {
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_rust(&path, code);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&fs::read_to_string(&path).expect("text"));
        }
    }
}
