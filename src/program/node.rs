//! A running node: doors opened on a desk, then everything that works in the background, until it is told to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use postdesk::config::Config;
use postdesk::desk::Desk;
use postdesk::outbox::{Transport, Worker, watch_templates};
use postdesk::sender::{Resolver, Signers};
use postdesk::telemetry::meters;
use postdesk::templates::Templates;
use postdesk::{http, smtp, webhooks};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};

use super::sockets::Sockets;

/// Longest wait for what is under way when stopping, on top of the doors' own.
const PATIENCE: Duration = Duration::from_secs(10);

/// A desk with its doors open, not yet served.
pub struct Node {
    desk: Desk,
    templates: Arc<Templates>,
    smtp: Option<Arc<smtp::Listener>>,
    outbox: Option<Worker>,
    http: Vec<TcpListener>,
    signals: Signals,
}

/// What a supervisor or a person at the terminal tells a node.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> Result<Self> {
        let on = |kind: SignalKind| signal(kind).context("can't listen for signals");
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            interrupt: on(SignalKind::interrupt())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }
}

impl Node {
    /// Opens the doors the settings switch on: whatever is wrong with an address is found before anything runs.
    /// Sockets that were handed in take the place of the addresses in the settings.
    pub async fn open(desk: Desk, sockets: Sockets) -> Result<Self> {
        let config = desk.config().clone();
        let doors = [
            ("smtp", config.smtp.enabled || sockets.smtp.is_empty()),
            ("http", config.http.enabled || sockets.http.is_empty()),
        ];
        for (door, right) in doors {
            ensure!(right, "{door}.enabled = false, but a socket for it was handed in");
        }
        let smtp = match config.smtp.enabled {
            true => {
                let resolver = Resolver::from_config(&config.dns)?;
                Some(Arc::new(smtp::Listener::bind(desk.clone(), resolver, sockets.smtp).await?))
            }
            false => None,
        };
        let templates = templates(&desk).await;
        let outbox = match config.outbox.enabled {
            true => {
                let worker = Worker::new(desk.clone(), templates.clone(), Transport::from_config(&config)?);
                Some(worker.signing_by(signers(&desk)?))
            }
            false => None,
        };
        let http = match config.http.enabled {
            true => http_listeners(&config, sockets.http).await?,
            false => Vec::new(),
        };
        Ok(Self { desk, templates, smtp, http, outbox, signals: Signals::listen()? })
    }

    /// The first SMTP address.
    pub fn smtp_address(&self) -> Option<SocketAddr> {
        self.smtp.as_ref()?.addresses().smtp.first().copied()
    }

    /// The first HTTP address.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.first()?.local_addr().ok()
    }

    /// One line for each address that is listened on.
    pub fn announce(&self) {
        for address in self.http.iter().filter_map(|listener| listener.local_addr().ok()) {
            info!(%address, "http listens");
        }
        let Some(smtp) = &self.smtp else { return };
        let addresses = smtp.addresses();
        for address in &addresses.smtp {
            info!(%address, "smtp listens");
        }
        for address in &addresses.smtps {
            info!(%address, "smtp over TLS listens");
        }
        for address in &addresses.lmtp {
            info!(%address, "lmtp listens");
        }
        for path in &addresses.lmtp_unix {
            info!(path = %path.display(), "lmtp listens");
        }
    }

    /// Serves until SIGTERM or SIGINT; then ends what is under way, in bounded time.
    pub async fn run(mut self) -> Result<()> {
        let stop = CancellationToken::new();
        let mut works = Works { tasks: TaskTracker::new(), stop: stop.clone() };
        if let Some(smtp) = self.smtp.clone() {
            works.spawn("smtp", smtp.run(stop.clone()));
        }
        if let Some(outbox) = self.outbox.take() {
            works.spawn("outbox", outbox.run(stop.clone()));
        }
        let http = std::mem::take(&mut self.http);
        if !http.is_empty() {
            let until = stop.clone();
            works.spawn("metrics", async move {
                until.run_until_cancelled(meters::keep_up()).await.unwrap_or_default()
            });
            works.spawn("http", http::serve(http, self.desk.clone(), self.templates.clone(), stop.clone()));
        }
        if self.desk.config().webhooks.enabled {
            let worker = webhooks::Worker::new(self.desk.clone(), webhooks::Names::system());
            works.spawn("webhooks", worker.run(stop.clone()));
        }
        let (desk, until) = (self.desk.clone(), stop.clone());
        works.spawn("search", async move { desk.run_indexer(until).await });
        let (desk, until) = (self.desk.clone(), stop.clone());
        works.spawn("chores", async move { desk.run_chores(until).await });
        let (desk, until) = (self.desk.clone(), stop.clone());
        works.spawn("jobs", async move { desk.run_jobs(http::refusal, until).await });
        let (desk, until) = (self.desk.clone(), stop.clone());
        works.spawn("signals", async move { desk.run_signals(until).await });
        let (desk, templates, until) = (self.desk.clone(), self.templates.clone(), stop.clone());
        works.spawn("templates", async move { watch_templates(&desk, &templates, until).await });
        self.wait_for_signals(&stop).await;
        let failed = stop.is_cancelled();
        info!("stopping");
        stop.cancel();
        let Config { smtp, http, .. } = &**self.desk.config();
        let patience = PATIENCE + Duration::from_secs(smtp.shutdown_seconds.max(http.shutdown_seconds));
        works.tasks.close();
        if tokio::time::timeout(patience, works.tasks.wait()).await.is_err() {
            warn!(tasks = works.tasks.len(), "cut off, their time is up");
        }
        info!("stopped");
        ensure!(!failed, "a part of the desk failed");
        Ok(())
    }

    /// Returns when the node shall stop, on a signal or because a part of it ended; reads certificates on SIGHUP.
    async fn wait_for_signals(&mut self, stop: &CancellationToken) {
        loop {
            let Signals { terminate, interrupt, hang_up } = &mut self.signals;
            tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                () = stop.cancelled() => return,
                _ = hang_up.recv() => self.reload(),
            }
        }
    }

    fn reload(&self) {
        match self.smtp.as_ref().map_or(Ok(()), |smtp| smtp.reload()) {
            Ok(()) => info!("certificates read again"),
            Err(error) => error!(%error, "certificates not read, the old ones stay"),
        }
    }
}

async fn http_listeners(config: &Config, handed_in: Vec<std::net::TcpListener>) -> Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let bound = handed_in.is_empty();
    for listener in handed_in {
        listener.set_nonblocking(true)?;
        listeners.push(TcpListener::from_std(listener)?);
    }
    for address in config.http.listen.iter().filter(|_| bound) {
        let listener = TcpListener::bind(address).await;
        listeners.push(listener.with_context(|| format!("http.listen: can't listen on {address}"))?);
    }
    Ok(listeners)
}

/// The words of mails. What is wrong with a file or a template of the database is named, and the built-in one takes its
/// place.
async fn templates(desk: &Desk) -> Arc<Templates> {
    let templates = Templates::load(desk.config().email.templates_dir.as_deref());
    match desk.template_overrides().await {
        Ok(overrides) => templates.use_overrides(&overrides),
        Err(error) => warn!(%error, "templates of the database are not read yet"),
    }
    for problem in templates.problems() {
        error!(what = problem.what, detail = problem.detail, "template not used");
    }
    Arc::new(templates)
}

/// The keys that sign mail. A key that can't be used stops the start: mail that a domain's policy wants signed would be
/// refused everywhere.
fn signers(desk: &Desk) -> Result<Signers> {
    let keys = &desk.config().dkim;
    let signers = Signers::load(keys).map_err(|problems| {
        let lines = problems.iter().map(|(place, problem)| format!("dkim[{place}].key: {problem}"));
        anyhow::anyhow!(lines.collect::<Vec<_>>().join("\n"))
    })?;
    for mailbox in &desk.directory().mailboxes {
        if !keys.is_empty() && !signers.sign_for(&mailbox.address) {
            warn!(
                mailbox = mailbox.address,
                "its domain has no key under [[dkim]]: its mail leaves unsigned"
            );
        }
    }
    Ok(signers)
}

/// What runs in the background. A part that ends by itself, or panics, takes the node down: half a desk that looks
/// alive helps nobody, and a supervisor starts it again.
struct Works {
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Works {
    fn spawn(&mut self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let ended = tokio::spawn(work).await;
            if let Err(error) = ended {
                error!(%error, part = name, "a part of the desk failed");
            } else if !stop.is_cancelled() {
                error!(part = name, "a part of the desk ended by itself");
            }
            stop.cancel();
        });
    }
}
