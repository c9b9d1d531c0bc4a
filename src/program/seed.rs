//! `postdesk seed`: demo data in, out, or both.

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use postdesk::desk::Seeded;

use super::say::answer;
use super::settings::{ConfigFile, open_desk};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Add the demo data; adds nothing when it is there. No mail leaves.
    Load(ConfigFile),
    /// Take away what `load` added, and nothing else.
    Clean(ConfigFile),
    /// Clean, then load.
    Reset(ConfigFile),
}

/// What a load added, in words.
fn added(seeded: Seeded) -> String {
    let Seeded { templates, customers, agents, tickets, responses, email_logs } = seeded;
    format!(
        "added {templates} templates, {customers} customers, {agents} agents, {tickets} tickets, \
         {responses} responses, {email_logs} email logs"
    )
}

pub async fn run(args: Args) -> Result<ExitCode> {
    let (file, clean, load) = match args.verb {
        Verb::Load(file) => (file, false, true),
        Verb::Clean(file) => (file, true, false),
        Verb::Reset(file) => (file, true, true),
    };
    let desk = open_desk(file.load()?).await?;
    if clean {
        let rows = desk.clean_seed().await?;
        answer(format_args!("{rows} rows of demo data taken away"));
    }
    if load {
        match desk.load_seed().await? {
            Some(seeded) => answer(added(seeded)),
            None => answer("the demo data is there already; nothing added"),
        }
    }
    Ok(ExitCode::SUCCESS)
}
