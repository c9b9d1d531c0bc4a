//! The HTTP door by its sockets: clients that are slow, too many, idle, or there when it closes.

mod clients;
mod spellings;
mod stop;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use postdesk::config::Http;
use postdesk::desk::NewToken;
use postdesk::model::Scope;
use postdesk::templates::Templates;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::{App, Engine};

/// How long something may take that happens soon, or at a limit of a second; far longer than it should.
const PATIENCE: Duration = Duration::from_secs(30);

/// The door of a desk, open.
struct Door {
    app: App,
    address: SocketAddr,
    /// May do everything.
    token: String,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Door {
    async fn open(engine: Engine, change: impl FnOnce(&mut Http)) -> Self {
        let app = App::start_with(engine, |config| change(&mut config.http)).await;
        let new =
            NewToken { name: "shop".into(), agent_id: None, scopes: vec![Scope::Admin], expires_at: None };
        let (_, token) = app.desk.create_token(new).await.expect("a token");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, templates) = (CancellationToken::new(), Arc::new(Templates::load(None)));
        let served =
            tokio::spawn(postdesk::http::serve(vec![listener], app.desk.clone(), templates, stop.clone()));
        Self { app, address, token, stop, served }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("it listens")
    }

    /// Head and body of a request that opens a ticket.
    fn opening(&self) -> (String, &'static str) {
        let body = r#"{"subject": "x", "description": "y", "customer_email": "jo@example.org"}"#;
        let head = format!(
            "POST /api/support/tickets HTTP/1.1\r\nHost: desk.test\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        (head, body)
    }

    /// Waits until the door is closed and every connection has ended.
    async fn closed(self) {
        tokio::time::timeout(PATIENCE, self.served).await.expect("stopping is bounded").expect("no panic");
    }
}

async fn say(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.expect("it listens");
}

/// One answer on a connection that may go on: up to what `Content-Length` says.
async fn answer(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !is_whole(&read) {
        let more = tokio::time::timeout(PATIENCE, stream.read_buf(&mut read)).await.expect("it answers");
        assert_ne!(more.expect("it answers"), 0, "{}", read.escape_ascii());
    }
    String::from_utf8(read).expect("text")
}

fn is_whole(read: &[u8]) -> bool {
    let text = String::from_utf8_lossy(read);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    length.is_none_or(|length| body.len() >= length)
}

/// What still comes until the other side has closed the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    // A reset is an end too: what was sent after it closed is nobody's.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut read)).await.expect("it closes");
    String::from_utf8(read).expect("text")
}
