//! `postdesk token`: the bearer tokens of the API.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use postdesk::desk::{Desk, NewToken};
use postdesk::model::{ApiToken, Scope, Timestamp};
use uuid::Uuid;

use super::say::{answer, explain};
use super::settings::{ConfigFile, open_desk};

#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Make a token; it alone is printed, once.
    Create(Create),
    /// Show all tokens, without their secrets.
    List(ConfigFile),
    /// Give a token a new secret; it alone is printed, once. The old one works for a day.
    Rotate(Named),
    /// Take a token back.
    Revoke(Named),
}

#[derive(clap::Args)]
struct Create {
    /// What it is for.
    #[arg(long)]
    name: String,
    /// What it may do: `admin`, or `tickets:read,responses:write`, …
    #[arg(long, value_delimiter = ',', required = true, value_parser = scope)]
    scopes: Vec<Scope>,
    /// The agent it acts as, by address; a service without.
    #[arg(long, value_name = "ADDRESS")]
    agent: Option<String>,
    /// Refused after so many days.
    #[arg(long, value_name = "DAYS")]
    expires_days: Option<u32>,
    #[command(flatten)]
    file: ConfigFile,
}

#[derive(clap::Args)]
struct Named {
    /// Its id, its name, or how it begins, as `token list` shows them.
    token: String,
    #[command(flatten)]
    file: ConfigFile,
}

pub async fn run(args: Args) -> Result<ExitCode> {
    match args.verb {
        Verb::Create(args) => create(args).await,
        Verb::List(file) => list(file).await,
        Verb::Rotate(args) => rotate(args).await,
        Verb::Revoke(args) => revoke(args).await,
    }
}

async fn create(args: Create) -> Result<ExitCode> {
    let desk = open_desk(args.file.load()?).await?;
    let agent_id = args.agent.map(|address| agent(&desk, &address)).transpose()?;
    let day = |days: u32| desk.clock().now().plus_ms(i64::from(days) * 86_400_000);
    let expires_at = args.expires_days.map(day);
    let new = NewToken { name: args.name, agent_id, scopes: args.scopes, expires_at };
    let (_, secret) = desk.create_token(new).await?;
    writeln!(std::io::stdout(), "{secret}").context("the token could not be printed; revoke it")?;
    Ok(ExitCode::SUCCESS)
}

async fn list(file: ConfigFile) -> Result<ExitCode> {
    let desk = open_desk(file.load()?).await?;
    for token in desk.tokens().await? {
        let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.as_str()).collect();
        let (id, prefix, name) = (token.id, &token.prefix, &token.name);
        answer(format_args!(
            "{id}  {prefix}…  {name:?}  {}  {}",
            scopes.join(","),
            state(&token, desk.clock().now())
        ));
    }
    Ok(ExitCode::SUCCESS)
}

async fn rotate(args: Named) -> Result<ExitCode> {
    let desk = open_desk(args.file.load()?).await?;
    let token = meant(&desk, &args.token).await?;
    let (_, secret) = desk.renew_token(token.id).await?;
    writeln!(std::io::stdout(), "{secret}").context("the new secret could not be printed; rotate again")?;
    Ok(ExitCode::SUCCESS)
}

async fn revoke(args: Named) -> Result<ExitCode> {
    let desk = open_desk(args.file.load()?).await?;
    let token = meant(&desk, &args.token).await?;
    desk.revoke_token(token.id).await?;
    explain(format!("{} {:?} is taken back", token.id, token.name));
    Ok(ExitCode::SUCCESS)
}

/// The one token that works and is called so.
async fn meant(desk: &Desk, text: &str) -> Result<ApiToken> {
    let mut tokens = desk.tokens().await?;
    tokens.retain(|token| token.revoked_at.is_none() && is_meant(token, text));
    match tokens.as_slice() {
        [] => bail!("there is no token {text:?}, or it was taken back"),
        [token] => Ok(token.clone()),
        many => {
            let ids: Vec<_> = many.iter().map(|token| token.id.to_string()).collect();
            bail!("{text:?} means several: name one of {}", ids.join(", "));
        }
    }
}

fn is_meant(token: &ApiToken, text: &str) -> bool {
    text.parse() == Ok::<Uuid, uuid::Error>(token.id) || text == token.name || text == token.prefix
}

fn state(token: &ApiToken, now: Timestamp) -> String {
    match (token.revoked_at, token.expires_at, token.last_used_at) {
        (Some(at), ..) => format!("revoked {}", at.rfc3339()),
        (_, Some(at), _) if at <= now => format!("expired {}", at.rfc3339()),
        (.., Some(at)) => format!("last used {}", at.rfc3339()),
        (.., None) => "never used".into(),
    }
}

fn agent(desk: &Desk, address: &str) -> Result<Uuid> {
    let address = address.to_lowercase();
    let directory = desk.directory();
    let agent = directory.agents.iter().find(|agent| agent.email == address);
    Ok(agent.with_context(|| format!("there is no agent {address}"))?.id)
}

fn scope(text: &str) -> Result<Scope, String> {
    let words: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    Scope::parse(text.trim()).ok_or_else(|| format!("expected {}", words.join(", ")))
}
