//! `postdesk serve` and `postdesk migrate`.

use std::process::ExitCode;

use anyhow::Result;

use super::node::Node;
use super::say::answer;
use super::settings::{ConfigFile, open_desk, open_store};
use super::sockets::Sockets;

/// Runs the desk until it is told to stop.
pub async fn run(file: ConfigFile, sockets: Sockets) -> Result<ExitCode> {
    let desk = open_desk(file.load()?).await?;
    let node = Node::open(desk, sockets).await?;
    node.announce();
    node.run().await?;
    Ok(ExitCode::SUCCESS)
}

/// Brings the schema up to date.
pub async fn migrate(file: ConfigFile) -> Result<ExitCode> {
    let store = open_store(&file.load()?).await?;
    answer(format_args!("the {} schema is up to date", store.engine()));
    store.close().await;
    Ok(ExitCode::SUCCESS)
}
