//! A ticket, as people read it: what it is, then what was said, oldest first.

use std::process::ExitCode;

use anyhow::Result;
use postdesk::clock::Clock;
use postdesk::model::Timestamp;
use serde_json::Value;

use super::super::super::say::answer;
use super::super::connection::Connection;
use super::super::page::{self, clean, clean_lines};
use super::super::words;

/// Shows it.
pub async fn run(desk: &Connection, ticket: &str, json: bool) -> Result<ExitCode> {
    let ticket = desk.get(&format!("/tickets/{ticket}"), &[("include", "responses".into())]).await?;
    match json {
        true => page::json(&ticket),
        false => answer(told(&ticket, Clock::System.now(), page::colours()).trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

fn told(ticket: &Value, now: Timestamp, colours: bool) -> String {
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    let strong = |text: String| if colours { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text };
    let mut told = strong(format!("{}  {}", text(&ticket["number"]), text(&ticket["subject"]))) + "\n";
    for (name, value) in facts(ticket, now) {
        told += &format!("{name:<10}{value}\n");
    }
    for response in ticket["responses"].as_array().into_iter().flatten() {
        told += &said(response, now, &strong);
    }
    told
}

/// What is known of it, as far as there is something to say.
fn facts(ticket: &Value, now: Timestamp) -> Vec<(&'static str, String)> {
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    let list =
        |value: &Value| value.as_array().into_iter().flatten().map(text).collect::<Vec<_>>().join(", ");
    let requester = &ticket["requester"];
    let (word, at) = (|name: &str| text(&ticket[name]).replace('_', " "), |name: &str| text(&ticket[name]));
    let mut facts = vec![
        ("status", format!("{}, {} priority, {}", word("status"), word("priority"), word("category"))),
        ("from", format!("{} <{}>", text(&requester["name"]), text(&requester["email"]))),
        ("assignee", text(&ticket["assignee"]["name"])),
        ("team", text(&ticket["team"]["name"])),
        ("cc", list(&ticket["cc"])),
        ("tags", list(&ticket["tags"])),
        ("order", word("order_id")),
        ("opened", words::ago(&at("created_at"), now)),
        ("solution", word("resolution")),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn said(response: &Value, now: Timestamp, strong: &impl Fn(String) -> String) -> String {
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    let author = &response["author"];
    let name = author["name"].as_str().or(author["email"].as_str()).unwrap_or("somebody");
    let note = if response["visibility"] == "internal" { ", a note" } else { "" };
    let delivery = response["delivery"]["status"].as_str().map(|status| format!(", mail {status}"));
    let ago = words::ago(&text(&response["created_at"]), now);
    let head =
        format!("{} ({}{note}, {ago}{})", clean(name), text(&author["type"]), delivery.unwrap_or_default());
    let mut said = format!("\n{}\n", strong(head));
    for line in clean_lines(response["body_text"].as_str().unwrap_or_default()).trim_end().lines() {
        said += &format!("  {line}\n");
    }
    for file in response["attachments"].as_array().into_iter().flatten() {
        let size = file["size"].as_u64().unwrap_or(0).div_ceil(1_024);
        said += &format!("  [{}, {size} KiB, {}]\n", text(&file["filename"]), text(&file["url"]));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_told_without_what_a_terminal_obeys() {
        let ticket = serde_json::json!({
            "number": "TKT-2026-K7Q4ZP", "subject": "Lost\u{1b}[2J", "status": "waiting_customer", "priority": "high",
            "category": "shipping", "requester": {"name": "Jo", "email": "jo@example.org"}, "tags": ["vip"],
            "created_at": "1970-01-01T00:00:00Z",
            "responses": [{"visibility": "internal", "author": {"type": "agent", "name": "Ada"},
                "created_at": "1970-01-01T00:00:00Z", "body_text": "Two\nlines", "attachments": []}],
        });
        let want = "TKT-2026-K7Q4ZP  Lost[2J\nstatus    waiting customer, high priority, shipping\n\
                    from      Jo <jo@example.org>\ntags      vip\nopened    now\n\nAda (agent, a note, now)\n  Two\n  lines\n";
        assert_eq!(told(&ticket, Timestamp(0), false), want);
    }
}
