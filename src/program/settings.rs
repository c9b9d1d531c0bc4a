//! Where settings come from, and a desk opened by them.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use postdesk::clock::{Clock, Ids};
use postdesk::config::Config;
use postdesk::desk::Desk;
use postdesk::store::{Store, sqlite_file};
use tokio::time::Instant;
use tracing::warn;

/// Read when no file is named.
const DEFAULT_FILE: &str = "postdesk.toml";
/// How long a database that does not answer is waited for at start.
const STORE_PATIENCE: Duration = Duration::from_secs(30);
const STORE_RETRY: Duration = Duration::from_secs(2);

#[derive(Args)]
pub struct ConfigFile {
    /// The settings [default: postdesk.toml, where there is one].
    #[arg(long, value_name = "FILE", env = "POSTDESK_CONFIG")]
    pub config: Option<PathBuf>,
}

impl ConfigFile {
    /// The file's name, for messages.
    pub fn name(&self) -> String {
        self.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE)).display().to_string()
    }

    /// Reads file and environment. Without a file the environment alone must do.
    pub fn load(&self) -> Result<Config> {
        let file = self.config.as_deref().unwrap_or(Path::new(DEFAULT_FILE));
        if self.config.is_none() && !file.exists() {
            return Config::from_text(
                "(no postdesk.toml here: `postdesk init` writes one)",
                "",
                environment(),
            )
            .map_err(wrong);
        }
        Config::load(file, environment()).map_err(wrong)
    }
}

/// The environment, as far as it is text.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}

/// A desk on a migrated store. A database that does not answer is waited for a while.
pub async fn open_desk(config: Config) -> Result<Desk> {
    let store = open_store(&config).await?;
    let desk = Desk::open(store, Arc::new(config), Clock::System, Ids::Random).await?;
    desk.ensure_configured().await?;
    Ok(desk)
}

/// A store with an up-to-date schema.
pub async fn open_store(config: &Config) -> Result<Store> {
    if let Some(file) = sqlite_file(&config.store.url) {
        let at = || format!("store.url: {}", file.display());
        make_private(&file).with_context(at)?;
        return open_and_migrate(config).await.with_context(at);
    }
    let began = Instant::now();
    loop {
        let error = match open_and_migrate(config).await {
            Ok(store) => return Ok(store),
            Err(error) if error.is_transient() => error,
            Err(error) => return Err(error).context("store.url"),
        };
        if began.elapsed() >= STORE_PATIENCE {
            bail!("store.url: {error}; gave up after {} s", began.elapsed().as_secs());
        }
        warn!(%error, "waiting for the database");
        tokio::time::sleep(STORE_RETRY).await;
    }
}

/// Mails are nobody else's business: a new file is its owner's alone, and SQLite makes the files beside it likewise.
fn make_private(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

async fn open_and_migrate(config: &Config) -> postdesk::store::Result<Store> {
    let store = Store::open(&config.store.url, config.store.max_connections).await?;
    store.migrate().await?;
    Ok(store)
}

pub fn wrong(problems: postdesk::config::Problems) -> anyhow::Error {
    anyhow::anyhow!("the settings are wrong:\n{problems}")
}
