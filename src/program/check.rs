//! `postdesk check`: each thing the desk needs, one line; `FAIL` names file, key, and what would be right.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use postdesk::config::{self, Config};
use postdesk::model::Overrides;
use postdesk::outbox::{Probe, Transport};
use postdesk::sender::{LookupError, Resolver, SigningKey};
use postdesk::smtp::Certificate;
use postdesk::store::{Store, sqlite_file};
use postdesk::templates::Templates;
use tokio::net::TcpListener;

use super::say::answer;
use super::settings::{ConfigFile, environment};

const RELAY_PATIENCE: Duration = Duration::from_secs(10);
const DNS_PATIENCE: Duration = Duration::from_secs(5);

/// Lines printed, and whether all were right.
struct Report {
    file: String,
    good: bool,
}

impl Report {
    fn ok(&self, what: impl std::fmt::Display) {
        answer(format_args!("ok   {what}"));
    }

    /// Something to see to that is no mistake in the settings.
    fn warn(&self, what: impl std::fmt::Display) {
        answer(format_args!("warn {what}"));
    }

    /// Names the variable that set the key, or else the file.
    fn fail(&mut self, key: &str, detail: impl std::fmt::Display) {
        let list = key.split('[').next().unwrap_or(key);
        let variable = config::variable(list);
        let set = std::env::var_os(&variable).is_some_and(|value| !value.is_empty());
        let place = if set { &variable } else { &self.file };
        answer(format_args!("FAIL {place} {key}: {detail}"));
        self.good = false;
    }
}

pub async fn run(file: ConfigFile) -> Result<ExitCode> {
    let mut report = Report { file: file.name(), good: true };
    if let Some(config) = configuration(&file, &mut report) {
        database(&config, &mut report).await;
        templates(&config, &mut report).await;
        listeners(&config, &mut report).await;
        certificate(&config, &mut report);
        signing(&config, &mut report).await;
        transport(&config, &mut report).await;
    }
    Ok(if report.good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn configuration(file: &ConfigFile, report: &mut Report) -> Option<Config> {
    let loaded = match &file.config {
        Some(path) => Config::load(path, environment()),
        None => Config::load(std::path::Path::new(&report.file), environment()),
    };
    match loaded {
        Ok(config) => {
            report.ok(format_args!("configuration {}", report.file));
            Some(config)
        }
        Err(problems) => {
            for problem in problems.0 {
                answer(format_args!("FAIL {problem}"));
            }
            report.good = false;
            None
        }
    }
}

/// Opens the database and begins to write, which also finds a read-only file; keeps nothing.
async fn database(config: &Config, report: &mut Report) {
    if let Some(path) = sqlite_file(&config.store.url).filter(|path| !path.exists()) {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        match can_make_files(parent.unwrap_or(Path::new("."))) {
            Ok(()) => {
                report.ok(format_args!("database {} is not there yet and will be made", path.display()))
            }
            Err(detail) => report.fail("store.url", detail),
        }
        return;
    }
    let written: postdesk::store::Result<&str> = async {
        let store = Store::open(&config.store.url, 1).await?;
        store.begin().await?.rollback().await?;
        let engine = store.engine();
        store.close().await;
        Ok(engine)
    }
    .await;
    match written {
        Ok(engine) => report.ok(format_args!("database {engine} can be written")),
        Err(error) => report.fail("store.url", error),
    }
}

/// Says what is wrong with a directory that files are to be made in.
fn can_make_files(directory: &Path) -> Result<(), String> {
    if !directory.is_dir() {
        return Err(format!("there is no directory {}", directory.display()));
    }
    let made = tempfile::tempfile_in(directory).map(drop);
    made.map_err(|error| format!("no file can be made in {}: {}", directory.display(), error.kind()))
}

/// Renders every template in every language, the database's too.
async fn templates(config: &Config, report: &mut Report) {
    let directory = config.email.templates_dir.as_deref();
    if let Some(missing) = directory.filter(|directory| !directory.is_dir()) {
        report.fail("email.templates_dir", format_args!("there is no directory {}", missing.display()));
    }
    let templates = Templates::load(directory);
    if let Some(overrides) = overrides(config).await {
        templates.use_overrides(&overrides);
    }
    let problems = templates.problems();
    for problem in &problems {
        answer(format_args!("FAIL {}: {}", problem.what, problem.detail));
        report.good = false;
    }
    if problems.is_empty() {
        report.ok("templates");
    }
}

/// Templates of a database that is there and has its tables; whether it should is not asked here.
async fn overrides(config: &Config) -> Option<Overrides> {
    if sqlite_file(&config.store.url).is_some_and(|path| !path.exists()) {
        return None;
    }
    let store = Store::open(&config.store.url, 1).await.ok()?;
    let mut tx = store.read().await.ok()?;
    let count = tx.template_changes().await.ok()?;
    let templates = tx.template_overrides().await.ok()?;
    drop(tx);
    store.close().await;
    Some(Overrides { count, templates })
}

/// Each address is bound and let go.
async fn listeners(config: &Config, report: &mut Report) {
    let smtp = config.smtp.enabled.then_some(&config.smtp);
    let lists = [
        ("smtp.listen", smtp.map(|smtp| &smtp.listen)),
        ("smtp.listen_tls", smtp.map(|smtp| &smtp.listen_tls)),
        ("http.listen", config.http.enabled.then_some(&config.http.listen)),
    ];
    for (key, addresses) in lists {
        for address in addresses.into_iter().flatten() {
            listener(key, &address.to_string(), report).await;
        }
    }
    if let Some(Err(detail)) = smtp.map(|smtp| can_make_files(&smtp.spool_dir)) {
        report.fail("smtp.spool_dir", detail);
    }
    for address in smtp.into_iter().flat_map(|smtp| &smtp.lmtp_listen) {
        match address.strip_prefix("unix:") {
            Some(path) => unix_directory(Path::new(path), report),
            None => listener("smtp.lmtp_listen", address, report).await,
        }
    }
}

async fn listener(key: &str, address: &str, report: &mut Report) {
    match TcpListener::bind(address).await {
        Ok(_) => report.ok(format_args!("{key} {address} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let detail =
                format!("{address} is taken, by a running postdesk perhaps; expected a free address");
            report.fail(key, detail);
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            let detail = format!("{address} needs the right to use low ports (CAP_NET_BIND_SERVICE)");
            report.fail(key, detail);
        }
        Err(error) => report.fail(key, format_args!("{address}: {error}")),
    }
}

fn unix_directory(path: &Path, report: &mut Report) {
    match can_make_files(path.parent().unwrap_or(path)) {
        Ok(()) => report.ok(format_args!("smtp.lmtp_listen {} can be made", path.display())),
        Err(detail) => report.fail("smtp.lmtp_listen", detail),
    }
}

fn certificate(config: &Config, report: &mut Report) {
    let Some(tls) = &config.smtp.tls else { return };
    match Certificate::load(tls) {
        Ok(_) => report.ok(format_args!("certificate {}", tls.certificate.display())),
        Err(error) => report.fail("smtp.tls", error),
    }
}

/// Loads each key that signs mail, and looks whether it is published; that may also come later.
async fn signing(config: &Config, report: &mut Report) {
    let mut resolver = Resolver::from_config(&config.dns).ok();
    for (i, settings) in config.dkim.iter().enumerate() {
        let key = match SigningKey::load(settings) {
            Ok(key) => key,
            Err(problem) => {
                report.fail(&format!("dkim[{i}].key"), problem);
                continue;
            }
        };
        let published = match &resolver {
            Some(resolver) => publication(resolver, &key).await,
            None => Err("was not looked for, the DNS does not answer".into()),
        };
        match published {
            Ok(true) => report.ok(format_args!("key {} ({}), published", key.record_name(), key.kind())),
            Ok(false) => report.warn(format_args!(
                "key {} is not published; mail counts as unsigned by it without this record:\n     {}",
                key.record_name(),
                key.zone_line()
            )),
            Err(detail) => {
                report.ok(format_args!("key {} ({}); its record {detail}", key.record_name(), key.kind()));
                resolver = None;
            }
        }
    }
}

/// Whether the DNS has the key's record; `Err` says why that is not known.
async fn publication(resolver: &Resolver, key: &SigningKey) -> Result<bool, String> {
    match tokio::time::timeout(DNS_PATIENCE, resolver.texts(&key.record_name())).await {
        Ok(Ok(texts)) => Ok(texts.iter().any(|text| key.is_published_by(text))),
        Ok(Err(LookupError::NoSuchName)) => Ok(false),
        Ok(Err(error)) => Err(format!("was not found: {error}")),
        Err(_) => Err("was not looked for, the DNS does not answer".into()),
    }
}

/// Names, TLS and credentials of relays, as a mail would need them.
async fn transport(config: &Config, report: &mut Report) {
    let transport = match Transport::from_config(config) {
        Ok(transport) => transport,
        Err(error) => return report.fail("outbox", error),
    };
    let Ok(found) = tokio::time::timeout(RELAY_PATIENCE, transport.probe()).await else {
        return report.fail("outbox.relay.host", "the relays do not answer in time");
    };
    for Probe { key, relay, error } in found {
        match error {
            None => report.ok(format_args!("relay {relay} takes mail")),
            Some(error) => report.fail(&format!("{key}.host"), format_args!("{relay}: {error}")),
        }
    }
}
