use std::future::Future;
use std::pin::pin;
use std::str::FromStr as _;
use std::task::{Context, Poll, Waker};

use sqlx::{AssertSqlSafe, Row as _};
use tempfile::TempDir;

use super::*;

/// A writer on a new file with one table, and a way to look past it.
struct Desk {
    writer: Writer,
    file: String,
    _dir: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = format!("sqlite:{}", dir.path().join("writer.db").display());
        let writer =
            Writer::open(SqliteConnectOptions::from_str(&file).expect("a URL")).await.expect("it opens");
        let desk = Self { writer, file, _dir: dir };
        let mut tx = desk.writer.begin().await.expect("a turn");
        tx.connection().execute("CREATE TABLE notes (text TEXT NOT NULL UNIQUE)").await.expect("it writes");
        tx.commit().await.expect("on disk");
        desk
    }

    /// What is committed, as another connection sees it.
    async fn notes(&self) -> Vec<String> {
        let mut connection = SqliteConnection::connect(&self.file).await.expect("it opens");
        let rows = connection.fetch_all("SELECT text FROM notes ORDER BY text").await.expect("it reads");
        rows.iter().map(|row| row.get(0)).collect()
    }

    fn waiting(&self) -> usize {
        self.writer.shared.waiting.load(Ordering::SeqCst)
    }
}

async fn note(tx: &mut WriterTx, text: &str) -> Result<()> {
    let insert = AssertSqlSafe(format!("INSERT INTO notes VALUES ('{text}')"));
    tx.connection().execute(insert).await?;
    Ok(())
}

/// Lets every task that can run do so, until it holds.
async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// Polls once: enough to set a future going, which is then dropped.
fn start_and_give_up(future: impl Future) {
    let future = pin!(future);
    assert!(matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Pending));
}

#[tokio::test]
async fn verbs_that_wait_share_a_commit() {
    let desk = Desk::new().await;
    let mut first = desk.writer.begin().await.expect("a turn");
    note(&mut first, "a").await.expect("it writes");
    let writer = desk.writer.clone();
    let second = tokio::spawn(async move {
        let mut tx = writer.begin().await?;
        note(&mut tx, "b").await?;
        tx.commit().await
    });
    until(|| desk.waiting() == 1).await;
    let first = tokio::spawn(first.commit());
    first.await.expect("no panic").expect("on disk");
    assert_eq!(desk.notes().await, ["a", "b"], "the first was answered only by the commit that has both");
    second.await.expect("no panic").expect("on disk");
}

#[tokio::test]
async fn a_failing_verb_takes_only_itself_back() {
    let desk = Desk::new().await;
    let mut verbs = Vec::new();
    for text in ["a", "b", "b", "c"] {
        let writer = desk.writer.clone();
        verbs.push(tokio::spawn(async move {
            let mut tx = writer.begin().await?;
            note(&mut tx, &format!("{text} alone")).await.ok();
            note(&mut tx, text).await?;
            tx.commit().await
        }));
    }
    let mut failed = 0;
    for verb in verbs {
        failed += usize::from(matches!(verb.await.expect("no panic"), Err(Error::Conflict(_))));
    }
    assert_eq!(failed, 1);
    assert_eq!(desk.notes().await, ["a", "a alone", "b", "b alone", "c", "c alone"]);
}

#[tokio::test]
async fn a_dropped_verb_is_undone_and_the_others_stay() {
    let desk = Desk::new().await;
    let mut first = desk.writer.begin().await.expect("a turn");
    note(&mut first, "kept").await.expect("it writes");
    let writer = desk.writer.clone();
    let second = tokio::spawn(async move {
        let mut tx = writer.begin().await.expect("a turn");
        note(&mut tx, "dropped").await.expect("it writes");
    });
    until(|| desk.waiting() == 1).await;
    first.commit().await.expect("on disk, by the undoing of the other");
    second.await.expect("no panic");
    assert_eq!(desk.notes().await, ["kept"]);
}

#[tokio::test]
async fn who_gives_up_waiting_strands_nobody() {
    let desk = Desk::new().await;
    let mut first = desk.writer.begin().await.expect("a turn");
    note(&mut first, "a").await.expect("it writes");
    start_and_give_up(desk.writer.begin());
    assert_eq!(desk.waiting(), 1, "its turn is still to come");
    first.commit().await.expect("on disk, though the commit was left to one who gave up");
    assert_eq!(desk.notes().await, ["a"]);
    let mut next = desk.writer.begin().await.expect("a turn");
    note(&mut next, "b").await.expect("it writes");
    next.commit().await.expect("on disk");
}

#[tokio::test]
async fn who_gives_up_at_any_moment_strands_nobody() {
    let desk = Desk::new().await;
    for polls in 0..40 {
        let writer = desk.writer.clone();
        let mut verb = Box::pin(async move {
            let mut tx = writer.begin().await?;
            note(&mut tx, &format!("given up after {polls}")).await?;
            tx.commit().await
        });
        for _ in 0..polls {
            if verb.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(verb);
        let mut next = desk.writer.begin().await.expect("a turn");
        note(&mut next, &format!("next {polls:02}")).await.expect("it writes");
        next.commit().await.expect("on disk");
    }
    let next = desk.notes().await.into_iter().filter(|note| note.starts_with("next")).count();
    assert_eq!(next, 40);
}

#[tokio::test]
async fn who_stops_waiting_for_the_disk_stops_nobody_else() {
    let desk = Desk::new().await;
    let mut first = desk.writer.begin().await.expect("a turn");
    note(&mut first, "a").await.expect("it writes");
    start_and_give_up(first.commit());
    let mut next = desk.writer.begin().await.expect("a turn");
    note(&mut next, "b").await.expect("it writes");
    next.commit().await.expect("on disk");
    assert_eq!(desk.notes().await, ["a", "b"]);
}

#[tokio::test]
async fn a_full_disk_fails_the_whole_batch_and_the_writer_recovers() {
    let desk = Desk::new().await;
    let mut first = desk.writer.begin().await.expect("a turn");
    first.connection().execute("PRAGMA max_page_count = 10").await.expect("a limit");
    note(&mut first, "a").await.expect("it writes");
    let writer = desk.writer.clone();
    let second = tokio::spawn(async move {
        let mut tx = writer.begin().await?;
        note(&mut tx, &"x".repeat(100_000)).await?;
        tx.commit().await
    });
    until(|| desk.waiting() == 1).await;
    let (first, second) = (first.commit().await, second.await.expect("no panic"));
    assert!(matches!(second, Err(Error::Full(_))), "{second:?}");
    // SQLite may have taken back the one statement or the whole transaction: the answer must be true either way.
    let kept = desk.notes().await;
    assert_eq!(kept.len(), usize::from(first.is_ok()), "{first:?}, {kept:?}");
    let mut next = desk.writer.begin().await.expect("a turn");
    next.connection().execute("PRAGMA max_page_count = 4294967294").await.expect("no limit");
    note(&mut next, "b").await.expect("it writes");
    next.commit().await.expect("on disk");
}

#[tokio::test]
async fn a_transaction_that_is_gone_fails_its_batch_and_the_writer_recovers() {
    let desk = Desk::new().await;
    let mut first = desk.writer.begin().await.expect("a turn");
    note(&mut first, "a").await.expect("it writes");
    let writer = desk.writer.clone();
    let second = tokio::spawn(async move {
        let mut tx = writer.begin().await?;
        note(&mut tx, "b").await?;
        // What SQLite does by itself on an I/O error.
        tx.connection().execute("ROLLBACK").await?;
        tx.commit().await
    });
    until(|| desk.waiting() == 1).await;
    let (first, second) = (first.commit().await, second.await.expect("no panic"));
    assert!(first.as_ref().is_err_and(Error::is_transient), "{first:?}");
    assert!(second.as_ref().is_err_and(Error::is_transient), "{second:?}");
    assert!(desk.notes().await.is_empty());
    let mut next = desk.writer.begin().await.expect("a new connection");
    note(&mut next, "c").await.expect("it writes");
    next.commit().await.expect("on disk");
    assert_eq!(desk.notes().await, ["c"]);
}

#[tokio::test]
async fn a_read_only_file_fails_the_verb_and_the_writer_recovers() {
    let desk = Desk::new().await;
    let mut first = desk.writer.begin().await.expect("a turn");
    // The next verbs meet what a file system mounted read-only gives.
    first.connection().execute("PRAGMA query_only = on").await.expect("it obeys");
    let refused = note(&mut first, "a").await;
    assert!(refused.as_ref().is_err_and(Error::is_transient), "{refused:?}");
    first.connection().execute("PRAGMA query_only = off").await.expect("it obeys");
    drop(first);
    let mut next = desk.writer.begin().await.expect("a turn");
    note(&mut next, "b").await.expect("it writes");
    next.commit().await.expect("on disk");
    assert_eq!(desk.notes().await, ["b"]);
}

#[tokio::test]
async fn a_dropped_runtime_leaves_no_lock_behind() {
    let desk = Desk::new().await;
    let writer = desk.writer.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let tx = runtime.block_on(writer.begin()).expect("a turn");
        drop(runtime);
        drop(tx);
    })
    .join()
    .expect("no panic");
    let mut next = desk.writer.begin().await.expect("a turn");
    note(&mut next, "a").await.expect("it writes");
    next.commit().await.expect("on disk");
}

#[tokio::test]
async fn every_connection_syncs_fully() {
    let desk = Desk::new().await;
    let mut tx = desk.writer.begin().await.expect("a turn");
    for (pragma, want) in [("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1")] {
        let ask = AssertSqlSafe(format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}"));
        let said: String = tx.connection().fetch_one(ask).await.expect("it says").get(0);
        assert_eq!(said, want, "{pragma}");
    }
}
