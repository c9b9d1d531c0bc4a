//! `postdesk init`: a commented settings file with keys of its own.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use data_encoding::BASE32_NOPAD;
use postdesk::clock::Ids;
use postdesk::config::EXAMPLE;

use super::dkim;
use super::say::answer;

/// Where keys that sign mail go into the example.
const FIRST_DKIM: &str = "#[[dkim]]\n";
/// What stands in the example where the key goes.
const NO_KEY: &str = "MADE-BY-INIT-0000000000000000000";

#[derive(clap::Args)]
pub struct Args {
    /// The file to write.
    #[arg(long, value_name = "FILE", default_value = "postdesk.toml")]
    config: PathBuf,
    /// The first support address; keys that sign mail (DKIM) are made for its domain.
    #[arg(long, value_name = "ADDRESS")]
    mailbox: Option<String>,
}

/// Writes the file; one that is there stays.
pub fn run(args: &Args) -> Result<ExitCode> {
    let file = args.config.display();
    ensure!(!args.config.exists(), "{file} was not written: it is there already");
    let mut text = EXAMPLE.replace(NO_KEY, &new_key());
    let mut keys = Vec::new();
    if let Some(mailbox) = &args.mailbox {
        let address: lettre::Address = mailbox.parse().with_context(|| format!("--mailbox {mailbox}"))?;
        keys = dkim::make_keys(address.domain(), None, &args.config.with_file_name("dkim"))?;
        text = text
            .replace("address = \"support@shop.example\"", &format!("address = {mailbox:?}"))
            .replace(FIRST_DKIM, &format!("{}\n{FIRST_DKIM}", dkim::settings(&keys)));
    }
    write_private(&args.config, &text)?;
    answer(format_args!("{file} written, with a new key. Next: edit it, `postdesk check --config {file}`,"));
    answer(format_args!(
        "`postdesk serve --config {file}`; a first API token: `postdesk token create --name admin \
              --scopes admin --config {file}`."
    ));
    if !keys.is_empty() {
        answer(
            "\nMail will be signed with two new keys. Publish them in the DNS, so that receivers can tell:\n",
        );
        dkim::print_records(&keys)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// 256 random bits.
pub fn new_key() -> String {
    BASE32_NOPAD.encode(&Ids::Random.bytes::<32>()).to_lowercase()
}

/// Writes a file that only its owner may read; refuses when there is one.
pub fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} was not written", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| path.display().to_string())
}
