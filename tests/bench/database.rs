//! A database with a history: one mail's rows, many times over.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Instant;

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _, SqliteConnection};

/// Ids that sort as if they were made long ago, like those of old mails.
const OLD_ID: &str = "unhex(printf('0180000000007000%016x', n))";

/// Table → what differs from row to row. Ids of one mail are the same in each table, so that they belong together.
const TABLES: &[(&str, &[(&str, &str)])] = &[
    ("contacts", &[("id", OLD_ID)]),
    ("contact_emails", &[("address", "printf('old-%d@shop.test', n)"), ("contact_id", OLD_ID)]),
    (
        "tickets",
        &[
            ("id", OLD_ID),
            ("number", "printf('TKT-2020-%06X', n)"),
            ("requester_id", OLD_ID),
            ("requester_email", "printf('old-%d@shop.test', n)"),
            ("created_at", "created_at - n * 1000"),
            ("updated_at", "updated_at - n * 1000"),
        ],
    ),
    (
        "inbound_mails",
        &[
            ("id", OLD_ID),
            ("message_id", "printf('%d@old.shop.test', n)"),
            ("dedupe_key", "printf('old-%d', n)"),
            ("ticket_id", OLD_ID),
            ("response_id", OLD_ID),
            ("raw", "substr(raw, 1, 500)"),
        ],
    ),
    (
        "responses",
        &[
            ("id", OLD_ID),
            ("ticket_id", OLD_ID),
            ("inbound_mail_id", OLD_ID),
            ("body_text", "substr(body_text, 1, 200)"),
            ("full_text", "NULL"),
            ("seq", "NULL"),
        ],
    ),
    (
        "ticket_events",
        &[("id", OLD_ID), ("ticket_id", OLD_ID), ("response_id", OLD_ID), ("inbound_mail_id", OLD_ID)],
    ),
    (
        "outbox",
        &[
            ("id", OLD_ID),
            ("ticket_id", OLD_ID),
            ("response_id", OLD_ID),
            ("message_id", "printf('%d@old.desk.test', n)"),
            ("to_address", "printf('old-%d@shop.test', n)"),
            ("status", "'captured'"),
            ("next_attempt_at", "NULL"),
            ("ready", "FALSE"),
            ("mime", "NULL"),
        ],
    ),
];

/// Multiplies the rows of one mail in the desk's database; the seconds it took.
pub fn multiply(dir: &Path, times: u64) -> f64 {
    let start = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let url = format!("sqlite:{}", dir.join("desk.db").display());
        let options = SqliteConnectOptions::from_str(&url).expect("a URL");
        // Nobody else has the file, and a crash here costs a bench.
        let options =
            options.pragma("synchronous", "OFF").pragma("cache_size", "-400000").foreign_keys(false);
        let mut connection = options.connect().await.expect("it opens");
        for (table, differs) in TABLES {
            multiply_table(&mut connection, table, differs, times).await;
        }
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").await.expect("nobody else reads");
    });
    start.elapsed().as_secs_f64()
}

async fn multiply_table(
    connection: &mut SqliteConnection,
    table: &str,
    differs: &[(&str, &str)],
    times: u64,
) {
    let columns = AssertSqlSafe(format!("SELECT name FROM pragma_table_info('{table}')"));
    let columns = connection.fetch_all(columns).await.expect("it is a table");
    let columns: Vec<String> = columns.iter().map(|row| row.get(0)).collect();
    let value = |column: &String| {
        let differing = differs.iter().find(|(name, _)| name == column);
        differing.map_or_else(|| format!("\"{column}\""), |(_, expression)| (*expression).to_owned())
    };
    let values: Vec<String> = columns.iter().map(value).collect();
    let sql = format!(
        "INSERT INTO {table} SELECT {} FROM (SELECT * FROM {table} LIMIT 1), \
         (WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT {times}) SELECT n FROM numbers)",
        values.join(", ")
    );
    connection.execute(AssertSqlSafe(sql)).await.unwrap_or_else(|error| panic!("{table}: {error}"));
}
