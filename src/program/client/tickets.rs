//! `postdesk tickets`: a list of them.

use std::process::ExitCode;

use anyhow::Result;
use postdesk::clock::Clock;
use postdesk::model::Timestamp;
use serde_json::{Value, json};

use super::connection::Target;
use super::page::{self, cell, word};
use super::words;

#[derive(clap::Args)]
pub struct Args {
    /// Words to search for, and qualifiers such as `has:attachment`.
    query: Vec<String>,
    /// `open`, `open,in_progress`, `!closed`.
    #[arg(short, long)]
    status: Option<String>,
    /// `me`, `none`, an address.
    #[arg(short, long)]
    assignee: Option<String>,
    /// `low`, `medium`, `high`, `urgent`.
    #[arg(short, long)]
    priority: Option<String>,
    #[arg(short, long)]
    category: Option<String>,
    #[arg(short, long)]
    tag: Option<String>,
    /// The customer's address.
    #[arg(short, long)]
    requester: Option<String>,
    /// Whose turn it is: `us`, `customer`, `third_party`.
    #[arg(short, long)]
    waiting: Option<String>,
    /// Any other filter of the API, such as `order_id=1001`.
    #[arg(short, long = "filter", value_name = "NAME=VALUE", value_parser = pair)]
    filters: Vec<(String, String)>,
    /// `-updated_at`, `priority`, …
    #[arg(long, default_value = "-updated_at", allow_hyphen_values = true)]
    sort: String,
    /// Most tickets to show.
    #[arg(short = 'n', long, default_value_t = 25)]
    limit: usize,
    #[command(flatten)]
    pub target: Target,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Shows the tickets that were asked for.
pub async fn run(args: Args) -> Result<ExitCode> {
    let desk = args.target.connect()?;
    let query = args.query();
    let tickets = desk.list("/tickets", &query, args.limit).await?;
    if args.target.json {
        page::json(&json!({ "data": tickets }));
        return Ok(ExitCode::SUCCESS);
    }
    let now = Clock::System.now();
    let heading = ["NUMBER", "STATUS", "PRIORITY", "SUBJECT", "FROM", "ASSIGNEE", "UPDATED"];
    page::table(&heading, tickets.iter().map(|ticket| row(ticket, now)).collect());
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn query(&self) -> Vec<(&str, String)> {
        let words = Some(self.query.join(" ")).filter(|words| !words.is_empty());
        let named = [
            ("q", &words),
            ("status", &self.status),
            ("assignee", &self.assignee),
            ("priority", &self.priority),
            ("category", &self.category),
            ("tag", &self.tag),
            ("requester", &self.requester),
            ("waiting", &self.waiting),
        ];
        let named = named.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        let others = self.filters.iter().map(|(name, value)| (name.as_str(), value.clone()));
        named.chain(others).chain([("sort", self.sort.clone())]).collect()
    }
}

fn row(ticket: &Value, now: Timestamp) -> Vec<comfy_table::Cell> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let requester = &ticket["requester"];
    let from = requester["name"].as_str().or(requester["email"].as_str()).unwrap_or_default();
    vec![
        cell(&text(&ticket["number"])),
        word(&text(&ticket["status"])),
        word(&text(&ticket["priority"])),
        cell(&text(&ticket["subject"])),
        cell(from),
        cell(&text(&ticket["assignee"]["name"])),
        cell(&words::ago(&text(&ticket["updated_at"]), now)),
    ]
}
