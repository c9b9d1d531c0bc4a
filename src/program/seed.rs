//! `postdesk seed`: demo data in, out, or both.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};
use postdesk::desk::{Desk, Generate, Progress, Seeded};

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
    /// Make up many tickets, with people, responses and mails that left, to try the desk at size. No mail leaves.
    Generate(GenerateArgs),
    /// Take away what `load` and `generate` added, and nothing else.
    Clean(ConfigFile),
    /// Clean, then load.
    Reset(ConfigFile),
}

#[derive(clap::Args)]
struct GenerateArgs {
    #[command(flatten)]
    file: ConfigFile,
    /// So many tickets.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    tickets: u64,
    /// Responses of a ticket, on average.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    responses_per_ticket: u32,
    /// The same seed makes up the same people and stories.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
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
        Verb::Generate(args) => return generate(args).await,
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

async fn generate(args: GenerateArgs) -> Result<ExitCode> {
    let desk = open_desk(args.file.load()?).await?;
    let GenerateArgs { tickets, responses_per_ticket, seed, .. } = args;
    let wanted = Generate { tickets, responses_per_ticket, seed };
    let began = Instant::now();
    let made = make_up(&desk, wanted).await?;
    let took = began.elapsed().as_secs_f64();
    answer(format_args!(
        "made up {} tickets, {} responses, {} email logs and {} contacts in {took:.1} s: {:.0} tickets a minute",
        made.tickets,
        made.responses,
        made.email_logs,
        made.contacts,
        made.tickets as f64 * 60.0 / took.max(0.001)
    ));
    Ok(ExitCode::SUCCESS)
}

/// With a bar on the terminal; without a terminal indicatif draws none.
async fn make_up(desk: &Desk, wanted: Generate) -> Result<postdesk::desk::Generated> {
    let style = "{msg:8} {wide_bar} {human_pos}/{human_len} ({eta})";
    let bar = ProgressBar::new(wanted.tickets).with_message("tickets");
    bar.set_style(ProgressStyle::with_template(style)?);
    let indexing = std::sync::Once::new();
    let progress = |progress| match progress {
        Progress::Written(tickets) => bar.set_position(tickets),
        Progress::Indexed(responses) => {
            indexing.call_once(|| {
                bar.set_message("words");
                bar.set_length(wanted.tickets * u64::from(wanted.responses_per_ticket));
            });
            bar.set_position(responses);
        }
    };
    let made = desk.generate_seed(wanted, &progress).await;
    bar.finish_and_clear();
    Ok(made?)
}
