//! The commands, one file each.

mod check;
mod client;
mod demo;
mod dkim;
mod init;
mod memory;
mod node;
mod say;
mod seed;
mod send;
mod serve;
mod settings;
mod shell;
mod sockets;
mod templates;
mod token;

use std::future::Future;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};
use postdesk::telemetry::{self, LogFormat};

pub use client::exit_code;
pub use say::complain;
use settings::ConfigFile;
use sockets::Sockets;

/// A support desk that lives in e-mail: SMTP in, tickets, an HTTP API, and an outbox that logs what it sent.
#[derive(Parser)]
#[command(version)]
pub struct Cli {
    /// How log lines look.
    #[arg(long, global = true, env = "POSTDESK_LOG_FORMAT", default_value = "human")]
    log_format: Format,
    /// What is logged: `info`, `debug`, `info,postdesk::smtp=debug`.
    #[arg(long, global = true, env = "POSTDESK_LOG")]
    log: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Human,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Try it: a desk of its own with demo data; mail that leaves is captured, never sent.
    Demo(demo::Args),
    /// Write a commented postdesk.toml with a new key.
    Init(init::Args),
    /// Run the desk.
    Serve(ConfigFile),
    /// Say what is wrong with configuration, database, templates, listeners and relay.
    Check(ConfigFile),
    /// Bring the database up to date (`serve` does so too).
    Migrate(ConfigFile),
    /// Keys that sign mail: make them, show their DNS records.
    Dkim(dkim::Args),
    /// API tokens.
    Token(token::Args),
    /// Demo data.
    Seed(seed::Args),
    /// The words of mails: write them out, check them, show them.
    Templates(templates::Args),
    /// Send a mail to an SMTP server, for trying things out.
    Send(send::Args),
    /// List tickets of a running desk: `postdesk tickets -s open -a me`.
    Tickets(client::TicketsArgs),
    /// Show a ticket, or do something with it: `postdesk ticket K7Q4ZP reply "On its way" --resolve`.
    Ticket(client::TicketArgs),
    /// Open a ticket for a customer.
    Open(client::OpenArgs),
    /// How a running desk fares: `postdesk stats --from 7d`.
    Stats(client::StatsArgs),
    /// See what happens on a running desk, as it happens.
    Watch(client::WatchArgs),
    /// Call the API of a running desk: `postdesk api GET '/tickets?status=open'`.
    Api(client::ApiArgs),
    /// Desks and their tokens, kept by name for the commands above.
    Profile(client::ProfileArgs),
    /// Completions for your shell.
    Completions(shell::Completions),
    /// Man pages.
    Man(shell::Man),
}

/// Does what the command line says.
pub fn run(cli: Cli) -> Result<ExitCode> {
    let format = match cli.log_format {
        Format::Human => LogFormat::Human,
        Format::Json => LogFormat::Json,
    };
    // Commands that answer on standard output only warn; those that run log what happens.
    let quiet = !matches!(cli.command, Command::Demo(_) | Command::Serve(_));
    let filter = cli.log.as_deref().or(quiet.then_some("warn"));
    telemetry::init(format, filter).map_err(|error| anyhow::anyhow!("--log: {error}"))?;
    if !quiet {
        memory::give_back();
    }
    // One provider for all TLS, installed once.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli.command {
        Command::Demo(args) => block_on(demo::run(args, Sockets::take()?)),
        Command::Init(args) => init::run(&args),
        Command::Serve(file) => block_on(serve::run(file, Sockets::take()?)),
        Command::Check(file) => block_on(check::run(file)),
        Command::Migrate(file) => block_on(serve::migrate(file)),
        Command::Dkim(args) => dkim::run(args),
        Command::Token(args) => block_on(token::run(args)),
        Command::Seed(args) => block_on(seed::run(args)),
        Command::Templates(args) => block_on(templates::run(args)),
        Command::Send(args) => block_on(send::run(args)),
        Command::Tickets(args) => block_on(client::tickets(args)),
        Command::Ticket(args) => block_on(client::ticket(args)),
        Command::Open(args) => block_on(client::open(args)),
        Command::Stats(args) => block_on(client::stats(args)),
        Command::Watch(args) => block_on(client::watch(args)),
        Command::Api(args) => block_on(client::api(args)),
        Command::Profile(args) => client::profile(args),
        Command::Completions(args) => shell::completions(&args),
        Command::Man(args) => shell::man(&args),
    }
}

/// Runs on a small runtime: the work is waiting for sockets and disks, and each thread costs memory.
fn block_on(work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.clamp(2, 8))
        .thread_name("postdesk")
        .enable_all()
        .build()
        .context("can't start the runtime")?;
    let result = runtime.block_on(work);
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}
