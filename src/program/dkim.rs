//! `postdesk dkim`: keys that sign mail, and the DNS records that publish them.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;
use postdesk::clock::{Clock, Ids};
use postdesk::config::{Config, DkimKey};
use postdesk::sender::{SigningKey, new_ed25519, new_rsa};

use super::init::write_private;
use super::say::{answer, explain};
use super::settings::ConfigFile;

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make an RSA and an Ed25519 key for a domain; print their DNS records, and the lines for postdesk.toml.
    New(New),
    /// Print the DNS records of the keys in the settings.
    Show(ConfigFile),
}

#[derive(clap::Args)]
struct New {
    /// The domain that mail is from.
    #[arg(long, value_name = "DOMAIN")]
    domain: String,
    /// What the keys' names begin with [default: pd and the month, such as pd202611].
    #[arg(long, value_name = "WORD")]
    selector: Option<String>,
    /// Where the keys are put.
    #[arg(long, value_name = "DIRECTORY", default_value = "dkim")]
    dir: PathBuf,
}

pub fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::New(new) => make(&new),
        Command::Show(file) => show(&file.load()?),
    }
}

fn make(new: &New) -> Result<ExitCode> {
    let keys = make_keys(&new.domain, new.selector.as_deref(), &new.dir)?;
    explain("For postdesk.toml; in front of older keys of the domain, once the records are published:\n");
    answer(settings(&keys));
    explain("For the DNS:\n");
    print_records(&keys)
}

fn show(config: &Config) -> Result<ExitCode> {
    ensure!(!config.dkim.is_empty(), "there are no keys under [[dkim]]; `postdesk dkim new` makes some");
    print_records(&config.dkim)
}

/// Makes an RSA and an Ed25519 key, which are written to files of their own; none that is there is written over.
pub fn make_keys(domain: &str, selector: Option<&str>, dir: &Path) -> Result<Vec<DkimKey>> {
    let selector = selector.map_or_else(this_month, str::to_owned);
    let dir = std::path::absolute(dir)?;
    let key = |kind: &str| DkimKey {
        domain: domain.to_owned(),
        selector: format!("{selector}-{kind}"),
        key: dir.join(format!("{domain}.{selector}-{kind}.pem")),
        sign: true,
    };
    let keys = vec![key("rsa"), key("ed25519")];
    if let Some((field, problem)) = keys[0].problems().into_iter().next() {
        bail!("--{field} {problem}");
    }
    if let Some(there) = keys.iter().find(|key| key.key.exists()) {
        bail!("{} is there already; --selector names other keys", there.key.display());
    }
    std::fs::create_dir_all(&dir).with_context(|| dir.display().to_string())?;
    write_private(&keys[0].key, &new_rsa(&Ids::Random))?;
    write_private(&keys[1].key, &new_ed25519(&Ids::Random))?;
    Ok(keys)
}

/// `pd202611`: another month, another name.
fn this_month() -> String {
    Clock::System.now().utc().format("pd%Y%m").to_string()
}

/// Keys as entries of postdesk.toml.
pub fn settings(keys: &[DkimKey]) -> String {
    let entry = |key: &DkimKey| {
        let DkimKey { domain, selector, key, .. } = key;
        format!(
            "[[dkim]]\ndomain = {domain:?}\nselector = {selector:?}\nkey = {:?}\n",
            key.display().to_string()
        )
    };
    keys.iter().map(entry).collect::<Vec<_>>().join("\n")
}

/// One line of a zone file for each key.
pub fn print_records(keys: &[DkimKey]) -> Result<ExitCode> {
    for key in keys {
        answer(SigningKey::load(key)?.zone_line());
    }
    Ok(ExitCode::SUCCESS)
}
