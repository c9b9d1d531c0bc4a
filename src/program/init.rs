//! `postdesk init`: a commented settings file with a key of its own.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use data_encoding::BASE32_NOPAD;
use postdesk::clock::Ids;
use postdesk::config::EXAMPLE;

use super::say::answer;

/// What stands in the example where the key goes.
const NO_KEY: &str = "MADE-BY-INIT-0000000000000000000";

#[derive(clap::Args)]
pub struct Args {
    /// The file to write.
    #[arg(long, value_name = "FILE", default_value = "postdesk.toml")]
    config: PathBuf,
    /// The first support address.
    #[arg(long, value_name = "ADDRESS", default_value = "support@shop.example")]
    mailbox: String,
}

/// Writes the file; one that is there stays.
pub fn run(args: &Args) -> Result<ExitCode> {
    args.mailbox.parse::<lettre::Address>().with_context(|| format!("--mailbox {}", args.mailbox))?;
    let address = format!("address = {:?}", args.mailbox);
    let text = EXAMPLE.replace(NO_KEY, &new_key()).replace("address = \"support@shop.example\"", &address);
    write_private(&args.config, &text)?;
    let file = args.config.display();
    answer(format_args!("{file} written, with a new key. Next: edit it, `postdesk check --config {file}`,"));
    answer(format_args!(
        "`postdesk serve --config {file}`; a first API token: `postdesk token create --name admin \
              --scopes admin --config {file}`."
    ));
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
