//! `postdesk watch`: what happens, as it happens (server-sent events, WHATWG HTML §9.2).

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use reqwest::{Method, Response};
use serde_json::Value;

use super::super::say::{answer, explain};
use super::connection::{Connection, Target};
use super::failure::Refused;
use super::page::clean;

/// Wait before the stream is asked for again.
const REST: Duration = Duration::from_secs(3);
/// Silence after which the connection counts as dead: the desk says something each 20 s.
const SILENCE: Duration = Duration::from_secs(60);

#[derive(clap::Args)]
pub struct Args {
    /// Only `tickets`, `responses`, `emails`, `inbound`, `queue`.
    #[arg(value_delimiter = ',')]
    topics: Vec<String>,
    #[command(flatten)]
    pub target: Target,
}

/// Prints events until it is stopped.
pub async fn run(args: Args) -> Result<ExitCode> {
    let desk = args.target.connect()?;
    let mut path = "/events".to_owned();
    if !args.topics.is_empty() {
        path += &format!("?topics={}", args.topics.join(","));
    }
    let mut stream = Stream::default();
    loop {
        if let Some(answer) = open(&desk, &path, &stream.last_id).await? {
            stream.follow(answer, args.target.json).await;
        }
        explain("the desk is gone; trying again");
        tokio::time::sleep(REST).await;
    }
}

/// The stream, from where it broke off; `None` when the desk can't be reached.
async fn open(desk: &Connection, path: &str, after: &str) -> Result<Option<Response>> {
    let mut request = desk.call(Method::GET, path)?.timeout(Duration::from_secs(365 * 86_400));
    request = request.header("accept", "text/event-stream");
    if !after.is_empty() {
        request = request.header("last-event-id", after);
    }
    let Ok(answer) = request.send().await else { return Ok(None) };
    let status = answer.status();
    if status.is_success() {
        return Ok(Some(answer));
    }
    if status.is_server_error() {
        return Ok(None);
    }
    let problem = answer.bytes().await.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    Err(Refused { status: status.as_u16(), problem: problem.unwrap_or_default() }.into())
}

/// What was read so far.
#[derive(Default)]
struct Stream {
    rest: Vec<u8>,
    last_id: String,
    name: String,
    data: String,
}

impl Stream {
    async fn follow(&mut self, mut answer: Response, json: bool) {
        self.rest.clear();
        while let Ok(Ok(Some(piece))) = tokio::time::timeout(SILENCE, answer.chunk()).await {
            self.rest.extend_from_slice(&piece);
            while let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                if let Some(event) = self.line(String::from_utf8_lossy(&line).trim_end()) {
                    show(&event, json);
                }
            }
        }
    }

    /// Takes a line; an event when it ends one.
    fn line(&mut self, line: &str) -> Option<(String, String)> {
        if line.is_empty() {
            let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
            return (!data.is_empty() || name == "reset").then_some((name, data));
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => value.clone_into(&mut self.last_id),
            "event" => value.clone_into(&mut self.name),
            "data" => self.data += value,
            _ => {}
        }
        None
    }
}

fn show((name, data): &(String, String), json: bool) {
    if name == "reset" {
        explain("some events are missing here");
        return;
    }
    if json {
        return answer(data);
    }
    let event: Value = serde_json::from_str(data).unwrap_or_default();
    let text = |value: &Value| clean(value.as_str().unwrap_or_default());
    let data = &event["data"];
    answer(format_args!(
        "{}  {:<24} {:<16} {}",
        text(&event["timestamp"]),
        text(&event["type"]),
        text(&data["ticket"]["number"]),
        text(&data["actor"]["name"]),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_read_line_by_line() {
        let mut stream = Stream::default();
        let lines = [
            ": hello",
            "",
            "retry: 3000",
            "id: 7",
            "event: ticket.created",
            "data: {\"a\":",
            "data: 1}",
            "",
            "",
        ];
        let read: Vec<_> = lines.iter().filter_map(|line| stream.line(line)).collect();
        assert_eq!(read, [("ticket.created".to_owned(), "{\"a\":1}".to_owned())]);
        assert_eq!(stream.last_id, "7");
    }
}
