//! `postdesk demo`: a desk of its own in a directory, with demo data; mail that leaves is captured.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use postdesk::config::Config;
use postdesk::desk::query::{Order, Start, TicketKey};
use postdesk::desk::{Credential, Desk, NewToken, PageOf};
use postdesk::model::{Scope, TicketNumber};

use super::init::{new_key, write_private};
use super::node::Node;
use super::say::answer;
use super::settings::{environment, open_desk, wrong};
use super::sockets::Sockets;

/// The address demo mail goes to.
const MAILBOX: &str = "support@demo.test";
/// What a path must not bring into a URL.
const NOT_IN_URL: &AsciiSet = &CONTROLS.add(b'?').add(b'#').add(b'%').add(b' ');

#[derive(clap::Args)]
pub struct Args {
    /// Where settings, database and token are kept.
    #[arg(long, value_name = "DIRECTORY", default_value = "postdesk-demo")]
    dir: PathBuf,
}

/// Makes what is missing, says how to use it, and serves.
pub async fn run(args: Args, sockets: Sockets) -> Result<ExitCode> {
    let dir = std::path::absolute(&args.dir)?;
    let file = settings(&dir).with_context(|| dir.display().to_string())?;
    let config = Config::load(&file, environment()).map_err(wrong)?;
    let desk = open_desk(config).await?;
    desk.load_seed().await?;
    let token = token(&desk, &dir).await?;
    let ticket = newest_ticket(&desk).await?;
    let node = Node::open(desk, sockets).await.context(
        "the demo's addresses are taken perhaps; POSTDESK_SMTP_LISTEN=127.0.0.1:2526 \
         POSTDESK_HTTP_LISTEN=127.0.0.1:8081 name others",
    )?;
    answer(welcome(&dir, &token, &node, ticket.as_ref()));
    node.announce();
    node.run().await?;
    Ok(ExitCode::SUCCESS)
}

/// The demo's settings file, made once.
fn settings(dir: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    let file = dir.join("postdesk.toml");
    if file.exists() {
        return Ok(file);
    }
    let database = dir.join("postdesk.db");
    let database = utf8_percent_encode(database.to_str().context("a path in UTF-8 is needed")?, NOT_IN_URL);
    let text = format!(
        "# Made by `postdesk demo`. `postdesk init` writes a file with every key.\n\
         [store]\nurl = \"sqlite:{database}\"\n\n\
         [email]\nbrand = \"Demo Shop\"\n\n\
         [[mailboxes]]\naddress = \"{MAILBOX}\"\nfrom_name = \"Demo Shop\"\n\n\
         [keys]\nreply = [\"{}\"]\n",
        new_key()
    );
    write_private(&file, &text)?;
    Ok(file)
}

/// The demo's token: kept in a file, so that printed commands still work after a restart.
async fn token(desk: &Desk, dir: &Path) -> Result<String> {
    let file = dir.join("token");
    if let Ok(kept) = std::fs::read_to_string(&file) {
        if let Credential::Valid(_) = desk.authenticate(kept.trim()).await? {
            return Ok(kept.trim().to_owned());
        }
        std::fs::remove_file(&file)?;
    }
    let agent = desk.directory().agents.first().map(|agent| agent.id);
    let new = NewToken { name: "demo".into(), agent_id: agent, scopes: vec![Scope::Admin], expires_at: None };
    let (_, secret) = desk.create_token(new).await?;
    write_private(&file, &secret)?;
    Ok(secret)
}

async fn newest_ticket(desk: &Desk) -> Result<Option<TicketNumber>> {
    let newest = [Order { key: TicketKey::CreatedAt, descending: true }];
    let page = PageOf { start: Start::Top, limit: 1, count: false };
    let page = desk.list_tickets(&[], &newest, &page).await?;
    Ok(page.rows.into_iter().next().map(|view| view.ticket.number))
}

/// What to try, with the addresses as they really are.
fn welcome(dir: &Path, token: &str, node: &Node, ticket: Option<&TicketNumber>) -> String {
    let mut text = format!(
        "Postdesk demo in {}. Outgoing mail is captured, never sent. Ctrl-C stops it.\n\n  API token  {token}\n",
        dir.display()
    );
    if let Some(smtp) = node.smtp_address().map(reachable) {
        text += &ways_to_send(smtp);
    }
    if let Some(http) = node.http_address().map(reachable) {
        text += &ways_to_look(&format!("http://{http}/api/support"), token, ticket);
    }
    text
}

fn ways_to_send(smtp: SocketAddr) -> String {
    let program = program();
    format!(
        "  Mailbox    {MAILBOX} by SMTP on {smtp}\n\n\
         Send a mail, from another terminal; each line works as it stands:\n\n  \
         {program} send --server {smtp} --from jo@example.org --to {MAILBOX} --subject 'Where is my order?' \
         --body 'Hello, my parcel is late.'\n\n  \
         printf 'From: Jo Doe <jo@example.org>\\r\\nTo: {MAILBOX}\\r\\nSubject: Wrong size\\r\\n\\r\\n\
         The shoes are too small.\\r\\n' | curl -sS smtp://{smtp} --mail-from jo@example.org \
         --mail-rcpt {MAILBOX} -T -\n\n  \
         swaks --server {smtp} --from jo@example.org --to {MAILBOX} --header 'Subject: Refund?' \
         --body 'When do I get my money back?'\n"
    )
}

/// How to call this program from any directory.
fn program() -> String {
    let called = std::env::args().next().unwrap_or_default();
    match std::env::current_exe() {
        Ok(path) if called.contains('/') => format!("'{}'", path.display()),
        _ => "postdesk".into(),
    }
}

fn ways_to_look(api: &str, token: &str, ticket: Option<&TicketNumber>) -> String {
    let curl = format!("curl -sS -H 'Authorization: Bearer {token}'");
    let (program, desk) = (program(), api.trim_end_matches("/api/support"));
    let mut text = format!(
        "\nSee what came of it; or let this program call itself (`{program} ticket --help`):\n\n  \
         {curl} '{api}/tickets?limit=3'\n\n  \
         POSTDESK_URL={desk} POSTDESK_TOKEN={token} {program} tickets -s open\n"
    );
    if let Some(ticket) = ticket {
        text += &format!(
            "\nAnswer a ticket, and see the mails it made:\n\n  \
             {curl} -H 'Content-Type: application/json' -d '{{\"body\":\"It is on its way.\"}}' \
             {api}/tickets/{ticket}/responses\n\n  \
             {curl} {api}/tickets/{ticket}/email-logs\n"
        );
    }
    text
}

/// The address to connect to, for one that is listened on.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
