//! `postdesk stats`: how the desk fares.

use std::process::ExitCode;

use anyhow::Result;
use comfy_table::Cell;
use postdesk::clock::Clock;
use reqwest::Method;
use serde_json::Value;

use super::super::say::answer;
use super::connection::{Target, send};
use super::failure::{Misused, Refused};
use super::page::{self, cell, clean, word};
use super::words::{lasting, since};

#[derive(clap::Args)]
pub struct Args {
    /// From when: `7d`, `24h`, `2w` ago, a day, a point in time.
    #[arg(long, default_value = "30d")]
    from: String,
    /// Until when, likewise.
    #[arg(long)]
    to: Option<String>,
    /// `status`, `category`, `priority`, `assignee`, `team`, `store_id`, `seller_id`, `tag`, `channel`.
    #[arg(short, long)]
    group_by: Option<String>,
    /// Also as a series: `hour`, `day`, `week`, `month`.
    #[arg(short, long)]
    interval: Option<String>,
    /// Where days begin: `Europe/Berlin`.
    #[arg(long)]
    tz: Option<String>,
    /// Any filter of tickets, such as `store_id=st_81`.
    #[arg(short, long = "filter", value_name = "NAME=VALUE")]
    filters: Vec<String>,
    /// Comma-separated values.
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    #[command(flatten)]
    pub target: Target,
}

/// Shows the figures of a time.
pub async fn run(args: Args) -> Result<ExitCode> {
    let desk = args.target.connect()?;
    let query = args.query()?;
    if args.csv {
        let request = desk.call(Method::GET, "/stats")?.query(&query).query(&[("format", "csv")]);
        let got = send(request).await?;
        let status = got.status();
        let text = got.text().await?;
        if !status.is_success() {
            let problem = serde_json::from_str(&text).unwrap_or_default();
            return Err(Refused { status: status.as_u16(), problem }.into());
        }
        answer(text.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let query: Vec<_> = query.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    let stats = desk.get("/stats", &query).await?;
    if args.target.json {
        page::json(&stats);
    } else {
        show(&stats, args.interval.is_some());
    }
    Ok(ExitCode::SUCCESS)
}

impl Args {
    fn query(&self) -> Result<Vec<(String, String)>> {
        let now = Clock::System.now();
        let point = |text: &str| {
            since(text, now).ok_or_else(|| Misused(format!("{text:?} is no time such as 7d or 2026-11-01")))
        };
        let mut query = vec![("from".to_owned(), point(&self.from)?)];
        if let Some(to) = &self.to {
            query.push(("to".into(), point(to)?));
        }
        for (name, value) in [("group_by", &self.group_by), ("interval", &self.interval), ("tz", &self.tz)] {
            query.extend(value.clone().map(|value| (name.to_owned(), value)));
        }
        for filter in &self.filters {
            let (name, value) =
                filter.split_once('=').ok_or_else(|| Misused(format!("{filter:?} is not NAME=VALUE")))?;
            query.push((name.to_owned(), value.to_owned()));
        }
        Ok(query)
    }
}

fn show(stats: &Value, series: bool) {
    let (tickets, email) = (&stats["tickets"], &stats["email"]);
    let count = |value: &Value| value.as_i64().unwrap_or(0);
    answer(format_args!(
        "tickets   {} created, {} resolved, {} reopened; {} open of {}",
        count(&tickets["created"]),
        count(&tickets["resolved"]),
        count(&tickets["reopened"]),
        count(&tickets["open"]),
        count(&tickets["total"]),
    ));
    let times = &stats["response_times"];
    for (name, member) in [("answered", "first_response_seconds"), ("resolved", "resolution_seconds")] {
        let time = |which: &str| times[member][which].as_f64().map_or("–".into(), lasting);
        answer(format_args!("{name:<10}median {}, 90 % within {}", time("median"), time("p90")));
    }
    let rate = email["success_rate"].as_f64().map_or("–".into(), |rate| format!("{:.1} %", rate * 100.0));
    answer(format_args!(
        "mail      {} in, {} sent, {} bounced, {} failed, {} waiting; {rate} arrived\n",
        count(&email["inbound"]),
        count(&email["sent"]),
        count(&email["bounced"]),
        count(&email["failed"]),
        count(&email["queued"]),
    ));
    let by = tickets["by_status"].as_object().into_iter().flatten();
    page::table(&["STATUS", "TICKETS"], by.map(|(status, n)| vec![word(status), number(n)]).collect());
    let agents = stats["agents"].as_array().into_iter().flatten();
    rows(
        &["AGENT", "REPLIES", "RESOLVED"],
        agents.map(|a| vec![name(&a["name"]), number(&a["replies"]), number(&a["resolved"])]).collect(),
    );
    let groups = stats["groups"].as_array().into_iter().flatten();
    rows(
        &["GROUP", "TOTAL", "CREATED", "RESOLVED"],
        groups
            .map(|g| {
                vec![name(&g["key"]), number(&g["total"]), number(&g["created"]), number(&g["resolved"])]
            })
            .collect(),
    );
    if series {
        let series = stats["series"].as_array().into_iter().flatten();
        rows(
            &["AT", "CREATED", "RESOLVED", "MAILS"],
            series
                .map(|s| {
                    vec![
                        name(&s["at"]),
                        number(&s["created"]),
                        number(&s["resolved"]),
                        number(&s["emails_sent"]),
                    ]
                })
                .collect(),
        );
    }
}

/// A table after an empty line, when it has rows.
fn rows(heading: &[&str], rows: Vec<Vec<Cell>>) {
    if !rows.is_empty() {
        answer("");
        page::table(heading, rows);
    }
}

fn number(value: &Value) -> Cell {
    cell(&value.as_i64().unwrap_or(0).to_string())
}

fn name(value: &Value) -> Cell {
    cell(&value.as_str().map_or("none".into(), clean))
}
