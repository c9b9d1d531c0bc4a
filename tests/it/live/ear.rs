//! A client that listens to live events on a socket, as the world does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use postdesk::desk::{Desk, NewToken};
use postdesk::model::Scope;
use postdesk::templates::Templates;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The API on a free port, until the guard is dropped.
pub async fn serve(desk: &Desk) -> (SocketAddr, DropGuard) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("bound");
    let stop = CancellationToken::new();
    let templates = Arc::new(Templates::load(None));
    tokio::spawn(postdesk::http::serve(vec![listener], desk.clone(), templates, stop.clone()));
    (address, stop.drop_guard())
}

/// A token of these scopes.
pub async fn token(desk: &Desk, scopes: &[Scope]) -> String {
    let new = NewToken { name: "ear".into(), agent_id: None, scopes: scopes.to_vec(), expires_at: None };
    desk.create_token(new).await.expect("a token").1
}

/// A block of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub id: i64,
    /// Empty for the greeting, and for comments.
    pub event: String,
    pub data: Value,
}

/// An open stream.
pub struct Ear {
    answer: reqwest::Response,
    text: String,
}

impl Ear {
    /// Asks for events; the stream, or the status of a refusal.
    pub async fn ask(address: SocketAddr, token: &str, query: &str, last: Option<i64>) -> Result<Self, u16> {
        // The client asks for it, though there is no TLS here.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = format!("http://{address}/api/support/events{query}");
        let request = reqwest::Client::new().get(url).bearer_auth(token).header("accept-encoding", "gzip");
        let request = match last {
            Some(last) => request.header("last-event-id", last.to_string()),
            None => request,
        };
        let answer = request.send().await.expect("it answers");
        match answer.status().as_u16() {
            200 => Ok(Self { answer, text: String::new() }),
            refused => Err(refused),
        }
    }

    /// A stream that must open; its greeting is taken.
    pub async fn open(address: SocketAddr, token: &str, query: &str, last: Option<i64>) -> (Self, Heard) {
        let mut ear = Self::ask(address, token, query, last).await.expect("it is allowed");
        assert_eq!(ear.answer.headers()["content-type"], "text/event-stream");
        assert!(
            !ear.answer.headers().contains_key("content-encoding"),
            "events are not held up to be packed"
        );
        let greeting = ear.next().await.expect("a greeting");
        (ear, greeting)
    }

    /// What comes next; `None` at the end.
    pub async fn next(&mut self) -> Option<Heard> {
        tokio::time::timeout(Duration::from_secs(20), self.block()).await.expect("something within seconds")
    }

    /// The words for the next so many events.
    pub async fn types(&mut self, count: usize) -> Vec<String> {
        let mut types = Vec::new();
        for _ in 0..count {
            types.push(self.next().await.expect("the stream goes on").event);
        }
        types
    }

    async fn block(&mut self) -> Option<Heard> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let heard = parse(block);
                self.text = rest.to_owned();
                return Some(heard);
            }
            let chunk = self.answer.chunk().await.ok()??;
            self.text.push_str(std::str::from_utf8(&chunk).expect("whole events"));
        }
    }
}

fn parse(block: &str) -> Heard {
    let field =
        |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    Heard {
        id: field("id:").parse().expect("a place"),
        event: field("event:").into(),
        data: serde_json::from_str(field("data:")).unwrap_or_default(),
    }
}
