//! The companion: the same binary against a running desk, by its HTTP API. For people it prints tables and texts, for
//! scripts JSON; how it ended is an exit code.

mod api;
mod connection;
mod failure;
mod page;
mod profiles;
mod stats;
mod ticket;
mod tickets;
mod watch;
mod words;

use std::future::Future;
use std::process::ExitCode;

use anyhow::Result;

pub use api::{Args as ApiArgs, run as api};
pub use failure::exit_code;
pub use profiles::{Args as ProfileArgs, run as profile};
pub use stats::Args as StatsArgs;
pub use ticket::{Args as TicketArgs, Open as OpenArgs};
pub use tickets::Args as TicketsArgs;
pub use watch::Args as WatchArgs;

/// `postdesk tickets`.
pub async fn tickets(args: TicketsArgs) -> Result<ExitCode> {
    told(args.target.json, tickets::run(args)).await
}

/// `postdesk ticket`.
pub async fn ticket(args: TicketArgs) -> Result<ExitCode> {
    told(args.target.json, ticket::run(args)).await
}

/// `postdesk open`.
pub async fn open(args: OpenArgs) -> Result<ExitCode> {
    told(args.target.json, ticket::open(args)).await
}

/// `postdesk stats`.
pub async fn stats(args: StatsArgs) -> Result<ExitCode> {
    told(args.target.json, stats::run(args)).await
}

/// `postdesk watch`.
pub async fn watch(args: WatchArgs) -> Result<ExitCode> {
    told(args.target.json, watch::run(args)).await
}

/// Who wants JSON gets an error of the desk as JSON too.
async fn told(json: bool, work: impl Future<Output = Result<ExitCode>>) -> Result<ExitCode> {
    let done = work.await;
    if let (true, Some(refused)) =
        (json, done.as_ref().err().and_then(|error| error.downcast_ref::<failure::Refused>()))
    {
        page::json(&refused.problem);
    }
    done
}
