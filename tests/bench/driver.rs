//! What it costs to ask SQLite something, by the way to it: the ground of `docs/decisions/0006-sqlite-without-a-thread.md`.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, SqliteConnection};

const ASK: &str = "SELECT $1 + 1";

/// Through sqlx, from a runtime with several threads like ours.
pub fn on_its_own_thread(seconds: f64) -> f64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let asking = runtime.spawn(async move {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.expect("it opens");
        let (start, mut asked) = (Instant::now(), 0_i64);
        while start.elapsed() < Duration::from_secs_f64(seconds) {
            let next: i64 =
                sqlx::query_scalar(ASK).bind(asked).fetch_one(&mut connection).await.expect("a row");
            asked = next;
        }
        asked as f64 / start.elapsed().as_secs_f64()
    });
    runtime.block_on(asking).expect("no panic")
}

/// By rusqlite.
pub fn in_place(seconds: f64) -> f64 {
    let connection = rusqlite::Connection::open_in_memory().expect("it opens");
    let (start, mut asked) = (Instant::now(), 0_i64);
    while start.elapsed() < Duration::from_secs_f64(seconds) {
        let mut statement = connection.prepare_cached(ASK).expect("it is prepared");
        asked = statement.query_row([asked], |row| row.get(0)).expect("a row");
    }
    asked as f64 / start.elapsed().as_secs_f64()
}
