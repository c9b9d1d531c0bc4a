//! `postdesk ticket`: one ticket, and what can be done with it.

mod compose;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Map, Value, json};

use super::super::say::{answer, explain};
use super::connection::{Connection, Target};
use super::failure::NotFound;
use super::page::{self, clean};
use super::words;

#[derive(clap::Args)]
pub struct Args {
    /// Its number, the last six characters of it, or its id.
    ticket: String,
    #[command(subcommand)]
    verb: Option<Verb>,
    #[command(flatten)]
    pub target: Target,
}

#[derive(Subcommand)]
enum Verb {
    /// Show it (also without a verb).
    Show,
    /// Answer the customer; without a text your editor opens.
    Reply(Reply),
    /// Leave a note that only agents see.
    Note(Note),
    /// Give it to somebody: `me`, `none`, a name or an address.
    Assign {
        /// `ada`, `ada@shop.example`, `me`, `none`.
        who: String,
    },
    /// Change its status.
    Status {
        /// `open`, `in_progress`, `waiting_customer`, `waiting_third_party`, `resolved`, `closed`.
        status: String,
        /// Say this to the customer with it.
        #[arg(short, long)]
        message: Option<String>,
    },
    /// Resolve it.
    Resolve {
        /// Say this to the customer with it.
        #[arg(short, long)]
        message: Option<String>,
        /// What solved it, for the record.
        #[arg(long)]
        resolution: Option<String>,
    },
    /// Close it.
    Close,
    /// Open it again.
    Reopen,
    /// Say how soon it matters.
    Priority {
        /// `low`, `medium`, `high`, `urgent`.
        priority: String,
    },
    /// Add tags, and take others away.
    Tag {
        /// `vip`, `-strike`.
        #[arg(required = true, allow_hyphen_values = true)]
        tags: Vec<String>,
    },
}

#[derive(clap::Args)]
struct Reply {
    #[command(flatten)]
    words: compose::Words,
    /// Resolve it with this answer.
    #[arg(long, conflicts_with = "status")]
    resolve: bool,
    /// Give it this status with the answer.
    #[arg(long)]
    status: Option<String>,
    /// Files to send along.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    /// Hold the mail for so many seconds, to take it back.
    #[arg(long, value_name = "SECONDS")]
    undo: Option<u8>,
    /// Send it though somebody answered in the meantime.
    #[arg(long)]
    force: bool,
}

#[derive(clap::Args)]
struct Note {
    #[command(flatten)]
    words: compose::Words,
    /// Files to keep with it.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

/// `postdesk open`: a new ticket.
#[derive(clap::Args)]
pub struct Open {
    /// Its subject.
    subject: String,
    /// The customer's address.
    #[arg(short, long)]
    customer: String,
    /// The customer's name.
    #[arg(long)]
    name: Option<String>,
    /// What the customer says.
    #[arg(long)]
    text: Option<String>,
    /// A file that has it; `-` reads standard input.
    #[arg(short, long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    #[arg(short, long)]
    priority: Option<String>,
    #[arg(long)]
    category: Option<String>,
    /// Files to keep with it.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
    #[command(flatten)]
    pub target: Target,
}

/// Opens a ticket and says its number.
pub async fn open(args: Open) -> Result<ExitCode> {
    let desk = args.target.connect()?;
    let words = compose::Words { text: args.text, file: args.file };
    let mut body = json!({
        "subject": args.subject, "customer_email": args.customer,
        "description": compose::read(&words, || Ok(String::new()))?,
    });
    for (name, value) in
        [("customer_name", args.name), ("priority", args.priority), ("category", args.category)]
    {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    attach(&desk, &mut body, &args.attach).await?;
    let ticket = desk.write(Method::POST, "/tickets", &body).await?;
    match args.target.json {
        true => page::json(&ticket),
        false => answer(clean(ticket["number"].as_str().unwrap_or_default())),
    }
    Ok(ExitCode::SUCCESS)
}

/// Shows a ticket, or does something with it.
pub async fn run(args: Args) -> Result<ExitCode> {
    let desk = args.target.connect()?;
    let ticket = desk.ticket(&args.ticket).await?;
    let done = match args.verb.unwrap_or(Verb::Show) {
        Verb::Show => return show::run(&desk, &ticket, args.target.json).await,
        Verb::Reply(reply) => reply.send(&desk, &ticket).await?,
        Verb::Note(note) => note.send(&desk, &ticket).await?,
        Verb::Assign { who } => {
            let body = json!({ "assignee_id": assignee(&desk, &who).await? });
            desk.write(Method::PUT, &format!("/tickets/{ticket}/assignee"), &body).await?
        }
        Verb::Status { status, message } => change_status(&desk, &ticket, &status, message, None).await?,
        Verb::Resolve { message, resolution } => {
            change_status(&desk, &ticket, "resolved", message, resolution).await?
        }
        Verb::Close => change_status(&desk, &ticket, "closed", None, None).await?,
        Verb::Reopen => change_status(&desk, &ticket, "open", None, None).await?,
        Verb::Priority { priority } => {
            desk.write(Method::PATCH, &format!("/tickets/{ticket}"), &json!({ "priority": priority })).await?
        }
        Verb::Tag { tags } => {
            desk.write(Method::PATCH, &format!("/tickets/{ticket}"), &tag_change(&tags)).await?
        }
    };
    match args.target.json {
        true => page::json(&done),
        false => explain(told(&done)),
    }
    Ok(ExitCode::SUCCESS)
}

impl Reply {
    async fn send(&self, desk: &Connection, ticket: &str) -> Result<Value> {
        let seen = match self.words.needs_editor() {
            true => Some(desk.get(&format!("/tickets/{ticket}"), &[("include", "responses".into())]).await?),
            false => None,
        };
        let text = compose::read(&self.words, || Ok(seen.as_ref().map(compose::quoted).unwrap_or_default()))?;
        let mut body = json!({ "body": text, "force": self.force });
        let status = self.resolve.then_some("resolved").or(self.status.as_deref());
        for (name, value) in [
            ("status", status.map(|status| json!(status))),
            ("undo_seconds", self.undo.map(|seconds| json!(seconds))),
            ("last_seen_response_id", seen.as_ref().and_then(last_response)),
        ] {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        attach(desk, &mut body, &self.attach).await?;
        desk.write(Method::POST, &format!("/tickets/{ticket}/responses"), &body).await
    }
}

impl Note {
    async fn send(&self, desk: &Connection, ticket: &str) -> Result<Value> {
        let text = compose::read(&self.words, || Ok(String::new()))?;
        let mut body = json!({ "body": text, "visibility": "internal" });
        attach(desk, &mut body, &self.attach).await?;
        desk.write(Method::POST, &format!("/tickets/{ticket}/responses"), &body).await
    }
}

/// The newest thing said, as far as one saw it.
fn last_response(ticket: &Value) -> Option<Value> {
    Some(ticket["responses"].as_array()?.last()?["id"].clone())
}

async fn change_status(
    desk: &Connection,
    ticket: &str,
    status: &str,
    message: Option<String>,
    resolution: Option<String>,
) -> Result<Value> {
    let mut body = json!({ "status": status });
    for (name, value) in [("message", message), ("resolution", resolution)] {
        if let Some(value) = value {
            body[name] = json!(value);
        }
    }
    desk.write(Method::PATCH, &format!("/tickets/{ticket}/status"), &body).await
}

/// `me`, nobody, or the one agent who is meant.
async fn assignee(desk: &Connection, who: &str) -> Result<Value> {
    match who {
        "me" => return Ok(json!("me")),
        "none" => return Ok(Value::Null),
        _ => {}
    }
    let agents = desk.list("/agents", &[], 1_000).await?;
    let name = |agent: &&Value| clean(agent["name"].as_str().unwrap_or_default());
    match words::meant(&agents, who).as_slice() {
        [agent] => Ok(agent["id"].clone()),
        [] => {
            let all: Vec<_> = agents.iter().map(|agent| name(&agent)).collect();
            Err(NotFound(format!("no agent is called {who}; there are {}", all.join(", "))).into())
        }
        many => {
            let all: Vec<_> = many.iter().map(name).collect();
            Err(NotFound(format!("{who} means several: {}", all.join(", "))).into())
        }
    }
}

fn tag_change(tags: &[String]) -> Value {
    let (remove, add): (Vec<_>, Vec<_>) = tags.iter().partition(|tag| tag.starts_with('-'));
    let bare = |tags: Vec<&String>, sign: char| -> Value {
        tags.into_iter().map(|tag| tag.trim_start_matches(sign)).collect::<Vec<_>>().into()
    };
    let mut change = Map::new();
    change.insert("add_tags".into(), bare(add, '+'));
    change.insert("remove_tags".into(), bare(remove, '-'));
    Value::Object(change)
}

/// Files, sent first, named in the body then.
async fn attach(desk: &Connection, body: &mut Value, files: &[PathBuf]) -> Result<()> {
    let mut ids = Vec::new();
    for file in files {
        ids.push(compose::upload(desk, file).await?);
    }
    if !ids.is_empty() {
        body["attachment_ids"] = json!(ids);
    }
    Ok(())
}

/// What was done, in a line.
fn told(done: &Value) -> String {
    let ticket = if done["ticket"].is_object() { &done["ticket"] } else { done };
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    if done["visibility"] == "internal" {
        return format!("a note is on {}", text(&ticket["number"]));
    }
    let mut line = format!("{} is {}", text(&ticket["number"]), text(&ticket["status"]).replace('_', " "));
    if let Some(name) = done["assignee"]["name"].as_str() {
        line += &format!(", {} has it", clean(name));
    }
    let emails = done["emails"].as_array().into_iter().flatten();
    let to: Vec<_> = emails.map(|email| text(&email["to"])).collect();
    if !to.is_empty() {
        line += &format!("; mail goes to {}", to.join(", "));
    }
    line
}
