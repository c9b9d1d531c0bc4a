use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use tempfile::TempDir;

use super::*;

/// A writer on a new file with one table, and a way to look past it.
struct Desk {
    writer: Writer,
    file: PathBuf,
    _dir: TempDir,
}

impl Desk {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let file = dir.path().join("writer.db");
        let writer = Writer::open(file.clone()).await.expect("it opens");
        let desk = Self { writer, file, _dir: dir };
        let tx = desk.writer.queue().begin().await.expect("a turn");
        say(&tx, "CREATE TABLE notes (text TEXT NOT NULL UNIQUE)").expect("it writes");
        tx.commit().await.expect("on disk");
        desk
    }

    /// What is committed, as another connection sees it.
    fn notes(&self) -> Vec<String> {
        let connection = Connection::open(&self.file).expect("it opens");
        let mut statement = connection.prepare("SELECT text FROM notes ORDER BY text").expect("it reads");
        let rows = statement.query_map([], |row| row.get(0)).expect("it reads");
        rows.collect::<rusqlite::Result<_>>().expect("text")
    }

    fn waiting(&self) -> usize {
        self.writer.shared.waiting.load(Ordering::SeqCst)
    }
}

fn say(tx: &Verb, sql: &str) -> Result<()> {
    Ok(tx.connection()?.execute_batch(sql)?)
}

fn note(tx: &Verb, text: &str) -> Result<()> {
    say(tx, &format!("INSERT INTO notes VALUES ('{text}')"))
}

/// A verb that comes next.
fn later(desk: &Desk, text: String) -> tokio::task::JoinHandle<Result<()>> {
    let writer = desk.writer.clone();
    tokio::spawn(async move {
        let tx = writer.queue().begin().await?;
        note(&tx, &text)?;
        tx.commit().await
    })
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
    let first = desk.writer.queue().begin().await.expect("a turn");
    note(&first, "a").expect("it writes");
    let writer = desk.writer.clone();
    let second = tokio::spawn(async move {
        let tx = writer.queue().begin().await?;
        note(&tx, "b")?;
        tx.commit().await
    });
    until(|| desk.waiting() == 1).await;
    let first = tokio::spawn(first.commit());
    first.await.expect("no panic").expect("on disk");
    assert_eq!(desk.notes(), ["a", "b"], "the first was answered only by the commit that has both");
    second.await.expect("no panic").expect("on disk");
}

#[tokio::test]
async fn a_failing_verb_takes_only_itself_back() {
    let desk = Desk::new().await;
    let mut verbs = Vec::new();
    for text in ["a", "b", "b", "c"] {
        let writer = desk.writer.clone();
        verbs.push(tokio::spawn(async move {
            let tx = writer.queue().begin().await?;
            note(&tx, &format!("{text} alone")).ok();
            note(&tx, text)?;
            tx.commit().await
        }));
    }
    let mut failed = 0;
    for verb in verbs {
        failed += usize::from(matches!(verb.await.expect("no panic"), Err(Error::Conflict(_))));
    }
    assert_eq!(failed, 1);
    assert_eq!(desk.notes(), ["a", "a alone", "b", "b alone", "c", "c alone"]);
}

#[tokio::test]
async fn a_dropped_verb_is_undone_and_the_others_stay() {
    let desk = Desk::new().await;
    let first = desk.writer.queue().begin().await.expect("a turn");
    note(&first, "kept").expect("it writes");
    let writer = desk.writer.clone();
    let second = tokio::spawn(async move {
        let tx = writer.queue().begin().await.expect("a turn");
        note(&tx, "dropped").expect("it writes");
    });
    until(|| desk.waiting() == 1).await;
    first.commit().await.expect("on disk, by the undoing of the other");
    second.await.expect("no panic");
    assert_eq!(desk.notes(), ["kept"]);
}

#[tokio::test]
async fn what_was_settled_stays_when_the_rest_is_dropped() {
    let desk = Desk::new().await;
    let mut tx = desk.writer.queue().begin().await.expect("a turn");
    note(&tx, "settled").expect("it writes");
    tx.settle().expect("it settles");
    note(&tx, "not yet").expect("it writes");
    drop(tx);
    let after = desk.writer.queue().begin().await.expect("a turn");
    after.commit().await.expect("on disk");
    assert_eq!(desk.notes(), ["settled"]);
}

#[tokio::test]
async fn who_gives_up_waiting_strands_nobody() {
    let desk = Desk::new().await;
    let first = desk.writer.queue().begin().await.expect("a turn");
    note(&first, "a").expect("it writes");
    start_and_give_up(desk.writer.queue().begin());
    assert_eq!(desk.waiting(), 0);
    first.commit().await.expect("on disk");
    assert_eq!(desk.notes(), ["a"]);
    let next = desk.writer.queue().begin().await.expect("a turn");
    note(&next, "b").expect("it writes");
    next.commit().await.expect("on disk");
}

#[tokio::test]
async fn who_gives_up_at_any_moment_strands_nobody() {
    let desk = Desk::new().await;
    for polls in 0..40 {
        let writer = desk.writer.clone();
        let mut verb = Box::pin(async move {
            let tx = writer.queue().begin().await?;
            note(&tx, &format!("given up after {polls}"))?;
            tx.commit().await
        });
        for _ in 0..polls {
            if verb.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(verb);
        let next = desk.writer.queue().begin().await.expect("a turn");
        note(&next, &format!("next {polls:02}")).expect("it writes");
        next.commit().await.expect("on disk");
    }
    let next = desk.notes().into_iter().filter(|note| note.starts_with("next")).count();
    assert_eq!(next, 40);
}

#[tokio::test]
async fn who_stops_waiting_for_the_disk_stops_nobody_else() {
    let desk = Desk::new().await;
    let first = desk.writer.queue().begin().await.expect("a turn");
    note(&first, "a").expect("it writes");
    start_and_give_up(first.commit());
    let next = desk.writer.queue().begin().await.expect("a turn");
    note(&next, "b").expect("it writes");
    next.commit().await.expect("on disk");
    assert_eq!(desk.notes(), ["a", "b"]);
}

#[tokio::test]
async fn a_full_disk_fails_the_whole_batch_and_the_writer_recovers() {
    let desk = Desk::new().await;
    let first = desk.writer.queue().begin().await.expect("a turn");
    say(&first, "PRAGMA max_page_count = 10").expect("a limit");
    note(&first, "a").expect("it writes");
    let second = later(&desk, "x".repeat(100_000));
    until(|| desk.waiting() == 1).await;
    let (first, second) = (first.commit().await, second.await.expect("no panic"));
    assert!(matches!(second, Err(Error::Full(_))), "{second:?}");
    // SQLite may have taken back the one statement or the whole transaction: the answer must be true either way.
    let kept = desk.notes();
    assert_eq!(kept.len(), usize::from(first.is_ok()), "{first:?}, {kept:?}");
    let next = desk.writer.queue().begin().await.expect("a turn");
    say(&next, "PRAGMA max_page_count = 4294967294").expect("no limit");
    note(&next, "b").expect("it writes");
    next.commit().await.expect("on disk");
}

#[tokio::test]
async fn a_transaction_that_is_gone_fails_its_batch_and_the_writer_recovers() {
    let desk = Desk::new().await;
    let first = desk.writer.queue().begin().await.expect("a turn");
    note(&first, "a").expect("it writes");
    let writer = desk.writer.clone();
    let second = tokio::spawn(async move {
        let tx = writer.queue().begin().await?;
        note(&tx, "b")?;
        // What SQLite does by itself on an I/O error.
        say(&tx, "ROLLBACK")?;
        tx.commit().await
    });
    until(|| desk.waiting() == 1).await;
    let (first, second) = (first.commit().await, second.await.expect("no panic"));
    assert!(first.as_ref().is_err_and(Error::is_transient), "{first:?}");
    assert!(second.as_ref().is_err_and(Error::is_transient), "{second:?}");
    assert!(desk.notes().is_empty());
    let next = desk.writer.queue().begin().await.expect("a new connection");
    note(&next, "c").expect("it writes");
    next.commit().await.expect("on disk");
    assert_eq!(desk.notes(), ["c"]);
}

#[tokio::test]
async fn a_transaction_that_is_gone_fails_the_first_verb_alone() {
    let desk = Desk::new().await;
    let first = desk.writer.queue().begin().await.expect("a turn");
    note(&first, "a").expect("it writes");
    say(&first, "ROLLBACK").expect("what SQLite does by itself on an I/O error");
    let second = later(&desk, "b".into());
    until(|| desk.waiting() == 1).await;
    let (first, second) = (first.commit().await, second.await.expect("no panic"));
    assert!(first.as_ref().is_err_and(Error::is_transient), "{first:?}");
    second.expect("on disk");
    assert_eq!(desk.notes(), ["b"]);
}

#[tokio::test]
async fn a_read_only_file_fails_the_verb_and_the_writer_recovers() {
    let desk = Desk::new().await;
    let first = desk.writer.queue().begin().await.expect("a turn");
    // The next verbs meet what a file system mounted read-only gives.
    say(&first, "PRAGMA query_only = on").expect("it obeys");
    let refused = note(&first, "a");
    assert!(refused.as_ref().is_err_and(Error::is_transient), "{refused:?}");
    say(&first, "PRAGMA query_only = off").expect("it obeys");
    drop(first);
    let next = desk.writer.queue().begin().await.expect("a turn");
    note(&next, "b").expect("it writes");
    next.commit().await.expect("on disk");
    assert_eq!(desk.notes(), ["b"]);
}

#[tokio::test]
async fn a_dropped_runtime_leaves_no_lock_behind() {
    let desk = Desk::new().await;
    let writer = desk.writer.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let tx = runtime.block_on(writer.queue().begin()).expect("a turn");
        drop(runtime);
        drop(tx);
    })
    .join()
    .expect("no panic");
    let next = desk.writer.queue().begin().await.expect("a turn");
    note(&next, "a").expect("it writes");
    next.commit().await.expect("on disk");
}

#[tokio::test]
async fn every_connection_syncs_fully() {
    let desk = Desk::new().await;
    let tx = desk.writer.queue().begin().await.expect("a turn");
    for (pragma, want) in [("synchronous", "2"), ("journal_mode", "wal"), ("foreign_keys", "1")] {
        let ask = format!("SELECT CAST({pragma} AS TEXT) FROM pragma_{pragma}");
        let connection = tx.connection().expect("it is open");
        let said: String = connection.query_row(&ask, [], |row| row.get(0)).expect("it says");
        assert_eq!(said, want, "{pragma}");
    }
}

#[tokio::test]
async fn who_was_left_the_commit_may_give_up() {
    let desk = Desk::new().await;
    let first = desk.writer.queue().begin().await.expect("a turn");
    note(&first, "a").expect("it writes");
    let mut second = Box::pin(desk.writer.queue().begin());
    assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(desk.waiting(), 1);
    let first = tokio::spawn(first.commit());
    until(|| desk.writer.shared.slot.try_lock().is_err()).await;
    tokio::task::yield_now().await;
    drop(second);
    first.await.expect("no panic").expect("on disk, though the commit was left to one who gave up");
    assert_eq!(desk.notes(), ["a"]);
}

#[tokio::test]
async fn another_process_lock_is_waited_for() {
    let desk = Desk::new().await;
    let other = Connection::open(&desk.file).expect("it opens");
    other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
    let writer = desk.writer.clone();
    let verb = tokio::spawn(async move {
        let tx = writer.queue().begin().await?;
        note(&tx, "a")?;
        tx.commit().await
    });
    until(|| desk.writer.shared.slot.try_lock().is_err()).await;
    other.execute_batch("COMMIT").expect("it lets go");
    verb.await.expect("no panic").expect("on disk");
    assert_eq!(desk.notes(), ["a"]);
}
