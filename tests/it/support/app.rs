//! The desk as the program would start it, with a clock that stands and ids that repeat.

use std::sync::Arc;

use postdesk::clock::{Clock, Ids};
use postdesk::config::{Config, MailboxConfig};
use postdesk::desk::Desk;
use postdesk::model::Timestamp;
use postdesk::store::Store;

use super::{Database, Engine};

/// Monday, 2 March 2026, 09:00 UTC.
pub const MONDAY_MORNING: Timestamp = Timestamp(1_772_442_000_000);

/// A running desk.
pub struct App {
    /// The verbs.
    pub desk: Desk,
    /// Stands until it is moved.
    pub clock: Clock,
    /// What the desk was started with.
    pub config: Arc<Config>,
    /// The database, for looking behind the desk's back.
    pub database: Database,
}

impl App {
    /// A desk with one mailbox, `support@desk.test`.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    /// The same, with other settings.
    pub async fn start_with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        let database = Database::fresh(engine).await;
        let mut config = config(&database);
        change(&mut config);
        let config = Arc::new(config);
        let store = Store::open(&config.store.url, config.store.max_connections).await.expect("it opens");
        store.migrate().await.expect("the migrations run");
        let clock = Clock::fixed(MONDAY_MORNING);
        let desk = Desk::open(store, config.clone(), clock.clone(), Ids::seeded(1)).await.expect("it opens");
        Self { desk, clock, config, database }
    }
}

/// Every door on a free port, mail captured.
fn config(database: &Database) -> Config {
    let mut config = Config::default();
    config.smtp.listen = vec![([127, 0, 0, 1], 0).into()];
    config.http.listen = vec![([127, 0, 0, 1], 0).into()];
    config.store.url = database.url.clone();
    config.keys.reply = vec!["a key for tests, at least thirty-two characters long".into()];
    config.mailboxes = vec![MailboxConfig {
        address: "support@desk.test".into(),
        from_name: Some("Desk Support".into()),
        default_category: None,
        store_id: None,
        locale: None,
    }];
    config
}
