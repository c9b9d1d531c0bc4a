//! A verb's transaction, on both engines: everything of it, or nothing.

use postdesk::store::Store;

use crate::support::Database;
use crate::support::app::mailbox;

async fn store(database: &Database) -> Store {
    let store = Store::open(&database.url, 4).await.expect("it opens");
    store.migrate().await.expect("the migrations run");
    store
}

async fn addresses(store: &Store) -> Vec<String> {
    let mut tx = store.read().await.expect("it reads");
    tx.active_mailboxes().await.expect("it reads").into_iter().map(|mailbox| mailbox.address).collect()
}

both_engines! {
    async fn a_committed_verb_is_there(engine: Engine) {
        let database = Database::fresh(engine).await;
        let store = store(&database).await;
        let mut tx = store.begin().await.expect("a turn");
        assert!(tx.insert_mailbox(&mailbox("a@desk.test")).await.expect("it writes"));
        assert!(!tx.insert_mailbox(&mailbox("a@desk.test")).await.expect("twice is no error"));
        tx.commit().await.expect("on disk");
        assert_eq!(addresses(&store).await, ["a@desk.test"]);
    }

    async fn a_dropped_verb_leaves_no_trace(engine: Engine) {
        let database = Database::fresh(engine).await;
        let store = store(&database).await;
        let mut tx = store.begin().await.expect("a turn");
        tx.insert_mailbox(&mailbox("a@desk.test")).await.expect("it writes");
        drop(tx);
        let mut tx = store.begin().await.expect("the next one has its turn");
        tx.insert_mailbox(&mailbox("b@desk.test")).await.expect("it writes");
        tx.rollback().await.expect("undone");
        let mut tx = store.begin().await.expect("the next one has its turn");
        tx.insert_mailbox(&mailbox("c@desk.test")).await.expect("it writes");
        tx.commit().await.expect("on disk");
        assert_eq!(addresses(&store).await, ["c@desk.test"]);
    }

    async fn a_snapshot_does_not_see_what_comes_after_it(engine: Engine) {
        let database = Database::fresh(engine).await;
        let store = store(&database).await;
        let mut snapshot = store.read().await.expect("it reads");
        assert!(snapshot.active_mailboxes().await.expect("it reads").is_empty());
        let mut tx = store.begin().await.expect("a turn");
        tx.insert_mailbox(&mailbox("a@desk.test")).await.expect("it writes");
        tx.commit().await.expect("on disk, though somebody reads");
        assert!(snapshot.active_mailboxes().await.expect("it reads").is_empty());
        assert_eq!(addresses(&store).await, ["a@desk.test"]);
    }

    async fn a_snapshot_takes_no_writes(engine: Engine) {
        let database = Database::fresh(engine).await;
        let store = store(&database).await;
        let mut snapshot = store.read().await.expect("it reads");
        assert!(snapshot.insert_mailbox(&mailbox("a@desk.test")).await.is_err());
        drop(snapshot);
        assert!(addresses(&store).await.is_empty());
    }

    async fn what_is_committed_survives_closing(engine: Engine) {
        let database = Database::fresh(engine).await;
        let first = store(&database).await;
        let mut tx = first.begin().await.expect("a turn");
        tx.insert_mailbox(&mailbox("a@desk.test")).await.expect("it writes");
        tx.commit().await.expect("on disk");
        first.close().await;
        assert_eq!(addresses(&store(&database).await).await, ["a@desk.test"]);
    }
}
