//! A queue that drains, and one that is claimed from.

use std::collections::HashSet;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use postdesk::clock::{Clock, Ids};
use postdesk::config::Config;
use postdesk::desk::{Desk, Round, Wanted};
use postdesk::model::{Audience, EmailStatus, OutboxEntry, Timestamp};
use postdesk::store::Store;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, Row as _};
use tokio::runtime::Runtime;

use crate::load::Load;
use crate::peers::Sink;
use crate::server::Server;

/// Mails of a claim.
const BATCH: usize = 64;
/// Domains they go to.
const DOMAINS: usize = 100;

/// A desk with mails that wait for a server to take them.
pub struct Waiting {
    server: Server,
    mails: u64,
}

impl Waiting {
    /// About so many: each of half as many customers' mails is acknowledged, and told to an agent.
    pub fn fill(mails: u64) -> Self {
        let mut server = Server::start_with(&[("POSTDESK_OUTBOX_ENABLED", "false")]);
        Load::customers(20).count(server.smtp, mails / 2);
        server.stop();
        let mails = one(server.dir(), "SELECT COUNT(*) FROM outbox WHERE status = 'queued'");
        Self { server, mails }
    }

    /// How many.
    pub fn mails(&self) -> u64 {
        self.mails
    }

    /// Octets of one, once it was made.
    pub fn octets(&self) -> u64 {
        one(self.server.dir(), "SELECT CAST(AVG(size) AS INTEGER) FROM outbox")
    }

    /// Makes all due again, as if none had left: their bytes stand.
    pub fn again(&self) {
        let sql = "UPDATE outbox SET status = 'deferred', ready = TRUE, next_attempt_at = 0, sent_at = NULL";
        open(self.server.dir(), async |connection| {
            connection.execute(sql).await.expect("it is a desk");
        });
    }

    /// Starts the desk with this server as its relay; the seconds until all have left.
    pub fn drain(&mut self, relay: &Sink) -> f64 {
        let (host, port) = (relay.smtp.ip().to_string(), relay.smtp.port().to_string());
        self.server.set(&[
            ("POSTDESK_OUTBOX_ENABLED", "true"),
            ("POSTDESK_OUTBOX_TRANSPORT", "relay"),
            ("POSTDESK_OUTBOX_RELAY_HOST", &host),
            ("POSTDESK_OUTBOX_RELAY_PORT", &port),
            ("POSTDESK_OUTBOX_RELAY_TLS", "none"),
        ]);
        let start = Instant::now();
        self.server.resume();
        let left = "SELECT COUNT(*) FROM outbox WHERE next_attempt_at IS NOT NULL";
        while one(self.server.dir(), left) > 0 {
            assert!(start.elapsed() < Duration::from_secs(600), "the desk is not done");
            thread::sleep(Duration::from_millis(50));
        }
        let took = start.elapsed().as_secs_f64();
        self.server.stop();
        let sent = one(self.server.dir(), "SELECT COUNT(*) FROM outbox WHERE status = 'sent'");
        assert_eq!(sent, self.mails, "all were taken");
        took
    }
}

/// Seconds that a claim takes while so many mails wait: the median of some.
pub fn claim(dir: &Path, waiting: usize, rounds: usize) -> f64 {
    let runtime = Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let url = format!("sqlite:{}", dir.join(format!("{waiting}.db")).display());
        let store = Store::open(&url, 2).await.expect("it opens");
        store.migrate().await.expect("the migrations run");
        let mut config = Config::default();
        config.keys.reply = vec!["a key for measuring, at least thirty-two characters".into()];
        let opened = Desk::open(store.clone(), Arc::new(config), Clock::System, Ids::Random).await;
        let desk = opened.expect("it opens");
        let mut tx = store.begin().await.expect("a turn");
        for n in 0..waiting {
            tx.insert_outbox(&mail(&desk, n)).await.expect("it writes");
        }
        tx.commit().await.expect("on disk");
        let (mut round, mut times) = (Round::default(), Vec::new());
        for n in 0..rounds {
            let lease = n.to_string();
            let wanted = Wanted { lease: &lease, lease_ms: 60_000, limit: BATCH, resting: &HashSet::new() };
            let start = Instant::now();
            let taken = desk.claim_due(&mut round, wanted).await.expect("it reads");
            times.push(start.elapsed().as_secs_f64());
            assert_eq!(taken.len(), BATCH);
            desk.put_back(&taken).await.expect("it writes");
        }
        store.close().await;
        super::median(times)
    })
}

fn mail(desk: &Desk, n: usize) -> OutboxEntry {
    let now = desk.clock().now();
    OutboxEntry {
        id: desk.ids().uuid(now),
        ticket_id: None,
        response_id: None,
        template: "ticket_received".into(),
        template_version: None,
        locale: "en".into(),
        audience: Audience::Customer,
        automatic: true,
        verified: true,
        from_address: "support@desk.test".into(),
        to_address: format!("customer-{n}@shop-{}.test", n % DOMAINS),
        to_name: None,
        subject: "Re: Order".into(),
        message_id: format!("{n}@desk.test"),
        envelope_from: String::new(),
        context: serde_json::Value::Null,
        status: EmailStatus::Queued,
        priority: 1,
        attempts: 0,
        next_attempt_at: Some(now),
        released: false,
        lease: None,
        give_up_at: Timestamp(i64::MAX),
        remote: None,
        tls: None,
        smtp_code: None,
        enhanced_code: None,
        smtp_response: None,
        error: None,
        size: None,
        queued_at: now,
        sent_at: None,
        delivered_at: None,
        bounced_at: None,
        created_at: now,
    }
}

/// One number of a desk's database.
fn one(dir: &Path, sql: &'static str) -> u64 {
    open(dir, async |connection| {
        let row = connection.fetch_one(AssertSqlSafe(sql)).await.expect("it is a desk");
        u64::try_from(row.get::<i64, _>(0)).expect("a count")
    })
}

fn open<T>(dir: &Path, look: impl AsyncFnOnce(&mut sqlx::SqliteConnection) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let url = format!("sqlite:{}", dir.join("desk.db").display());
        let options =
            SqliteConnectOptions::from_str(&url).expect("a URL").busy_timeout(Duration::from_secs(30));
        look(&mut options.connect().await.expect("it opens")).await
    })
}
