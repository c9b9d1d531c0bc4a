//! The desk as the program starts it, with a clock that stands and ids that repeat.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;

use postdesk::clock::{Clock, Ids};
use postdesk::config::Config;
use postdesk::desk::{Desk, Round, Wanted};
use postdesk::model::{Agent, Audience, Category, EmailStatus, Mailbox, OutboxEntry, Timestamp};
use postdesk::sender::{Resolver, Zone};
use postdesk::smtp::{HandedIn, Listener};
use postdesk::store::Store;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::{Database, Engine};

/// Monday, 2 March 2026, 09:00 UTC.
pub const MONDAY_MORNING: Timestamp = Timestamp(1_772_442_000_000);

/// The mailbox every desk here has.
pub const SUPPORT: &str = "support@desk.test";

/// The agent every desk here has.
pub const AGENT: &str = "ada@desk.test";

/// A running desk. Its doors close when it is dropped.
pub struct App {
    /// The verbs.
    pub desk: Desk,
    /// Stands until it is moved.
    pub clock: Clock,
    /// The store, for reading what there is no verb for.
    pub store: Store,
    /// The database, for looking behind the desk's back.
    pub database: Database,
    /// Where mail comes in.
    pub smtp: SocketAddr,
    _doors: DropGuard,
}

impl App {
    /// A desk with one mailbox and one agent.
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    /// The same, with other settings.
    pub async fn start_with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_on(Database::fresh(engine).await, change).await
    }

    /// The same, on a database of the caller's.
    pub async fn start_on(database: Database, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_there(database, (SUPPORT, AGENT), Zone::default(), change).await
    }

    /// The same, where the DNS is this zone.
    pub async fn start_in(engine: Engine, zone: Zone, change: impl FnOnce(&mut Config)) -> Self {
        Self::start_there(Database::fresh(engine).await, (SUPPORT, AGENT), zone, change).await
    }

    /// A desk with another mailbox and another agent.
    pub async fn start_as(
        engine: Engine,
        mailbox: &str,
        agent: &str,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        Self::start_there(Database::fresh(engine).await, (mailbox, agent), Zone::default(), change).await
    }

    async fn start_there(
        database: Database,
        who: (&str, &str),
        zone: Zone,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let mut config = config(&database);
        change(&mut config);
        let store = Store::open(&config.store.url, config.store.max_connections).await.expect("it opens");
        store.migrate().await.expect("the migrations run");
        settle(&store, who).await;
        let clock = Clock::fixed(MONDAY_MORNING);
        let desk = Desk::open(store.clone(), Arc::new(config), clock.clone(), Ids::seeded(1)).await;
        let desk = desk.expect("it opens");
        let stop = CancellationToken::new();
        let smtp = open_smtp(&desk, zone, &stop).await;
        Self { desk, clock, store, database, smtp, _doors: stop.drop_guard() }
    }

    /// Takes mails that are due for a minute, as a worker does.
    pub async fn claim(&self, lease: &str, limit: usize) -> Vec<OutboxEntry> {
        let wanted = Wanted { lease, lease_ms: 60_000, limit, resting: &HashSet::new() };
        self.desk.claim_due(&mut Round::default(), wanted).await.expect("it reads")
    }
}

/// Every door on a free port, mail captured.
fn config(database: &Database) -> Config {
    let mut config = Config::default();
    config.smtp.hostname = "mx.desk.test".into();
    config.smtp.listen = vec![([127, 0, 0, 1], 0).into()];
    config.http.listen = vec![([127, 0, 0, 1], 0).into()];
    config.store.url = database.url.clone();
    config.keys.reply = vec!["a key for tests, at least thirty-two characters long".into()];
    config
}

/// Puts the mailbox and the agent into an empty database.
async fn settle(store: &Store, (support, email): (&str, &str)) {
    let mut tx = store.begin().await.expect("a turn");
    tx.insert_mailbox(&mailbox(support)).await.expect("it writes");
    tx.insert_agent(&agent("Ada Agent", email)).await.expect("it writes");
    tx.commit().await.expect("on disk");
}

async fn open_smtp(desk: &Desk, zone: Zone, stop: &CancellationToken) -> SocketAddr {
    let resolver = Resolver::Fixed(Arc::new(zone));
    let listener =
        Arc::new(Listener::bind(desk.clone(), resolver, HandedIn::default()).await.expect("a free port"));
    let address = listener.addresses().smtp[0];
    tokio::spawn(listener.run(stop.clone()));
    address
}

/// A mailbox with an id that follows from its address.
pub fn mailbox(address: &str) -> Mailbox {
    Mailbox {
        id: id_of(address),
        address: address.into(),
        from_name: Some("Desk Support".into()),
        signature: None,
        receive: "smtp".into(),
        default_category: Category::ALL[0],
        team_id: None,
        store_id: None,
        locale: None,
        is_active: true,
        last_received_at: None,
        last_error: None,
        created_at: MONDAY_MORNING,
        updated_at: MONDAY_MORNING,
        version: 1,
    }
}

/// A mail that waits to leave, about no ticket.
pub fn mail() -> OutboxEntry {
    OutboxEntry {
        id: id_of("mail"),
        ticket_id: None,
        response_id: None,
        template: "ticket_reply".into(),
        template_version: None,
        locale: "en".into(),
        audience: Audience::Customer,
        automatic: false,
        verified: true,
        from_address: SUPPORT.into(),
        to_address: "jo@shop.test".into(),
        to_name: None,
        subject: "Re: Lamp".into(),
        message_id: "m@desk.test".into(),
        envelope_from: String::new(),
        context: serde_json::Value::Null,
        status: EmailStatus::Queued,
        priority: 0,
        attempts: 0,
        next_attempt_at: Some(MONDAY_MORNING),
        released: false,
        lease: None,
        give_up_at: MONDAY_MORNING.plus_ms(3_600_000),
        remote: None,
        tls: None,
        smtp_code: None,
        enhanced_code: None,
        smtp_response: None,
        error: None,
        size: None,
        queued_at: MONDAY_MORNING,
        sent_at: None,
        delivered_at: None,
        bounced_at: None,
        created_at: MONDAY_MORNING,
    }
}

/// An agent with an id that follows from their address.
pub fn agent(name: &str, address: &str) -> Agent {
    Agent {
        id: id_of(address),
        name: name.into(),
        email: address.into(),
        role: "agent".into(),
        signature: None,
        locale: None,
        timezone: None,
        notifications: Default::default(),
        is_active: true,
        created_at: MONDAY_MORNING,
        updated_at: MONDAY_MORNING,
        version: 1,
    }
}

fn id_of(address: &str) -> Uuid {
    Uuid::from_u128(address.bytes().fold(1, |sum: u128, byte| sum.wrapping_mul(31) + u128::from(byte)))
}
