//! The verbs: one call, one transaction. Doors call these and nothing else; every verb reads like a recipe.

mod admin;
mod agents;
mod bin;
mod bounces;
mod bulk;
mod callers;
mod changes;
mod chores;
mod contacts;
mod credentials;
mod delivery;
mod erasure;
mod error;
mod feed;
mod files;
mod filing;
mod find;
mod greylist;
mod indexing;
mod intake;
mod jobs;
mod links;
mod live;
mod mailboxes;
mod merge;
mod nodes;
mod note_words;
mod notes;
mod notify;
mod orders;
mod outgoing;
mod pending;
mod puzzles;
mod quarantine;
mod queue;
mod reading;
mod receiving;
mod recipients;
mod responses;
pub mod search;
mod seeding;
mod spam;
pub mod stats;
mod suppressions;
mod teams;
mod template_use;
mod templates;
mod thread;
mod tickets;
mod tokens;
mod undo;
mod updates;
mod verdict;
mod webhooks;
mod wishes;
mod writing;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, RwLock};

use tokio::sync::Notify;
use uuid::Uuid;

pub use crate::store::query;
pub use agents::{AgentRequest, AgentView};
pub use bulk::{AT_ONCE, Bulk, BulkAction, BulkCall, BulkOutcome, BulkTickets, MOST};
pub use chores::Chores;
pub use contacts::{ContactRequest, ContactView, EmailRequest};
pub use credentials::{Caller, Credential};
pub use delivery::{ReadyMail, Try};
pub use error::{Error, Result};
pub use feed::{Changes, ChangesFrom};
pub use files::{FileBytes, Octets, Spool, Thumbnail, Upload};
pub use filing::{FiledResponse, NewResponse, NewTicket};
pub use find::{Find, Found, Search};
pub use indexing::Indexer;
pub use jobs::ShowRefusal;
pub use live::{Listening, Show};
pub use mailboxes::MailboxRequest;
pub use notify::Finding;
pub use puzzles::{Puzzle, SolvedPuzzle};
pub use quarantine::{Click, LinkPage, Release, ReleaseTo};
pub use queue::{QueueHealth, Round, Wanted};
pub use reading::{Include, Page, PageOf, ResponseView, TicketView, TicketWith};
pub use recipients::{Recipient, Recipients};
pub use responses::{Body, ResponseRequest, ResponseWritten};
pub use seeding::{Generate, Generated, Progress, Seeded};
pub use spam::SpamRequest;
pub use suppressions::SuppressionRequest;
pub use teams::{TeamRequest, TeamView};
pub use template_use::{ReplyText, TemplateTest};
pub use templates::builtin_of;
pub use tickets::{StatusRequest, TicketRequest, TicketWritten};
pub use tokens::NewToken;
pub use updates::TicketUpdate;
pub use verdict::{Filed, Refusal, Trouble, Verdict};
pub use webhooks::{DeliveryWithExchange, NewWebhook, ReadyDelivery, WebhookChange, webhook_filter};
pub use writing::{Answered, Ending, WithSecret};

pub use crate::store::QueueState;
pub use crate::store::idempotency::{StoredAnswer, WriteKey};

use crate::clock::{Clock, Ids};
use crate::config::Config;
use crate::mail::reply_token::KeyRing;
use crate::model::{Agent, Mailbox};
use crate::store::{Store, Tx};

/// The desk: every door holds a clone. Cheap to clone.
#[derive(Clone)]
pub struct Desk {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    config: Arc<Config>,
    clock: Clock,
    ids: Ids,
    keys: KeyRing,
    directory: RwLock<Arc<Directory>>,
    /// Rung after a commit that put mail into the outbox.
    outbox: Notify,
    /// Rung after a commit that wrote a job down.
    jobs: Notify,
    /// Rung after a commit that gave webhooks something to be told.
    webhooks: Notify,
    /// What is wrong while this node's mail can't leave.
    outbox_trouble: RwLock<Option<String>>,
    receiving: receiving::Receiving,
    received: mailboxes::Received,
    tokens: credentials::TokenCache,
    overrides: templates::KnownOverrides,
    files: files::Turns,
    statistics: stats::Statistics,
    callers: callers::Callers,
    /// What other nodes are told at once.
    signals: nodes::Signals,
    live: live::Live,
}

/// What the desk keeps in memory of its mailboxes and agents: every mail asks for them. Other nodes' changes are
/// seen when it is read again.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// Active mailboxes, oldest first.
    pub mailboxes: Vec<Mailbox>,
    /// Active agents, oldest first.
    pub agents: Vec<Agent>,
    /// Lower-case address → place in `agents`.
    agent_addresses: HashMap<String, usize>,
    /// The same, for look-ups by address.
    pub recipients: Arc<Recipients>,
    /// Lower-case addresses whose mail is held back.
    blocked: HashSet<String>,
}

impl Directory {
    /// The agent who writes from this address (any case).
    pub fn agent_by_address(&self, address: &str) -> Option<&Agent> {
        self.agent_addresses.get(&address.to_lowercase()).map(|&place| &self.agents[place])
    }

    /// Whether what comes from this address (lower case) is held back.
    pub fn is_blocked(&self, address: &str) -> bool {
        self.blocked.contains(address)
    }

    /// A mailbox.
    pub fn mailbox(&self, id: Uuid) -> Option<&Mailbox> {
        self.mailboxes.iter().find(|mailbox| mailbox.id == id)
    }

    async fn read(tx: &mut Tx, delimiter: char) -> Result<Self> {
        let mailboxes = tx.active_mailboxes().await?;
        let addresses: Vec<_> = mailboxes.iter().map(|m| (m.id, m.address.clone())).collect();
        let agents = tx.active_agents().await?;
        let place = |id| agents.iter().position(|agent| agent.id == id);
        let own = agents.iter().enumerate().map(|(place, agent)| (agent.email.clone(), place));
        let further = tx.agent_addresses().await?.into_iter().filter_map(|(a, id)| Some((a, place(id)?)));
        let agent_addresses = own.chain(further).collect();
        let recipients = Arc::new(Recipients::new(&addresses, delimiter));
        let blocked = tx.blocked_senders().await?.into_iter().collect();
        Ok(Self { mailboxes, agents, agent_addresses, recipients, blocked })
    }
}

impl Desk {
    /// Opens the desk on a store whose schema is up to date, and reads its mailboxes.
    ///
    /// # Errors
    /// When the store does not answer, or `keys.reply` is empty.
    pub async fn open(store: Store, config: Arc<Config>, clock: Clock, ids: Ids) -> Result<Self> {
        let keys = KeyRing::new(&config.keys.reply)?;
        // Listeners leave half of the connections to other calls.
        let live = live::Live::new((config.http.max_connections / 2).max(1));
        let inner = Inner {
            store: store.announcing(clock.clone()),
            config,
            clock,
            ids,
            keys,
            directory: RwLock::default(),
            outbox: Notify::new(),
            jobs: Notify::new(),
            webhooks: Notify::new(),
            outbox_trouble: RwLock::default(),
            receiving: Default::default(),
            received: Default::default(),
            tokens: Default::default(),
            overrides: Default::default(),
            signals: Default::default(),
            live,
            files: Default::default(),
            statistics: Default::default(),
            callers: Default::default(),
        };
        let desk = Self { inner: Arc::new(inner) };
        desk.read_directory().await?;
        Ok(desk)
    }

    /// Reads mailboxes and agents again, after one was added or changed; other nodes do so too, and listeners are asked
    /// again who they are.
    ///
    /// # Errors
    /// When the store does not answer; the old ones stay.
    pub async fn reload_directory(&self) -> Result<()> {
        self.inner.signals.directory();
        self.inner.live.doubt();
        self.read_directory().await
    }

    /// Reads mailboxes and agents: other nodes, and other programs, change them too.
    ///
    /// # Errors
    /// When the store does not answer; the old ones stay.
    async fn read_directory(&self) -> Result<()> {
        let mut tx = self.inner.store.read().await?;
        let directory = Directory::read(&mut tx, self.inner.config.email.recipient_delimiter).await?;
        *self.inner.directory.write().expect("no panic while held") = Arc::new(directory);
        Ok(())
    }

    /// The clock all doors share.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// The source of ids all doors share.
    pub fn ids(&self) -> &Ids {
        &self.inner.ids
    }

    /// The settings the desk was opened with.
    pub fn config(&self) -> &Arc<Config> {
        &self.inner.config
    }

    /// Signs and verifies reply addresses, return paths and Message-IDs.
    pub fn keys(&self) -> &KeyRing {
        &self.inner.keys
    }

    /// Mailboxes and agents as of now.
    pub fn directory(&self) -> Arc<Directory> {
        self.inner.directory.read().expect("no panic while held").clone()
    }

    /// Which addresses are ours, as of now.
    pub fn recipients(&self) -> Arc<Recipients> {
        self.directory().recipients.clone()
    }

    /// Resolves when mail may have been put into the outbox on this node.
    pub async fn outbox_rung(&self) {
        self.inner.outbox.notified().await;
    }

    fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Wakes the outbox: there may be something to send.
    fn ring_outbox(&self) {
        self.inner.outbox.notify_one();
        self.inner.signals.outbox();
    }
}
