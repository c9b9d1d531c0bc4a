//! A receiver of webhooks that does what receivers do: takes, refuses, redirects, stalls, hangs up, never stops talking.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _,
    BufReader,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

/// What the receiver does with one request.
#[derive(Debug, Clone)]
pub enum Act {
    /// Answers with this status, these header lines and this body.
    Say(u16, String, String),
    /// Nothing, for as long as somebody waits.
    Stall,
    /// Closes the connection without a word.
    HangUp,
    /// Answers 200 and a body that never ends.
    Babble,
    /// Answers 200, and stops in the middle of the body.
    BreakOff,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Got {
    /// Path and query.
    pub path: String,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Byte for byte.
    pub body: String,
}

impl Got {
    /// A header, empty when absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A server on a port of its own, until it is dropped.
pub struct Receiver {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    _stop: DropGuard,
}

struct State {
    plan: VecDeque<Act>,
    otherwise: Act,
    got: Vec<Got>,
}

impl Act {
    /// Answers with this status alone.
    pub fn status(status: u16) -> Self {
        Self::Say(status, String::new(), String::new())
    }
}

impl Receiver {
    /// A receiver that takes everything.
    pub async fn start() -> Self {
        Self::start_with(Act::status(204), None).await
    }

    /// One that always does this, by TLS or in the clear.
    pub async fn start_with(otherwise: Act, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let state = Arc::new(Mutex::new(State { plan: VecDeque::new(), otherwise, got: Vec::new() }));
        let stop = CancellationToken::new();
        tokio::spawn(stop.clone().run_until_cancelled_owned(accept(listener, state.clone(), tls)));
        Self { address, state, _stop: stop.drop_guard() }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Does these next, one for each request.
    pub fn plan(&self, acts: impl IntoIterator<Item = Act>) {
        self.state.lock().expect("no panic").plan.extend(acts);
    }

    /// What came, in order.
    pub fn got(&self) -> Vec<Got> {
        self.state.lock().expect("no panic").got.clone()
    }

    /// The last that came.
    pub fn last(&self) -> Got {
        self.got().pop().expect("something came")
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>, tls: Option<Arc<ServerConfig>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (state, tls) = (state.clone(), tls.clone());
        tokio::spawn(async move {
            match tls {
                None => serve(stream, state).await,
                Some(config) => {
                    if let Ok(stream) = TlsAcceptor::from(config).accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin, state: Arc<Mutex<State>>) {
    let mut stream = BufReader::new(stream);
    while let Some(got) = read(&mut stream).await {
        let act = {
            let mut state = state.lock().expect("no panic");
            state.got.push(got);
            state.plan.pop_front().unwrap_or_else(|| state.otherwise.clone())
        };
        if !answer(&mut stream, act).await {
            return;
        }
    }
}

async fn read(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<Got> {
    let first = line(stream).await?;
    let path = first.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Got { path, headers, body: String::from_utf8(body).ok()? })
}

async fn line(stream: &mut (impl AsyncBufRead + Unpin)) -> Option<String> {
    let mut line = String::new();
    let count = stream.read_line(&mut line).await.ok()?;
    (count > 0).then(|| line.trim_end().to_owned())
}

/// Whether the connection goes on.
async fn answer(stream: &mut (impl AsyncWrite + Unpin), act: Act) -> bool {
    match act {
        Act::Say(status, headers, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\n{headers}\r\n");
            stream.write_all((head + &body).as_bytes()).await.is_ok()
        }
        Act::Stall => std::future::pending().await,
        Act::HangUp => false,
        Act::Babble => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
            while stream.write_all(b"400\r\n").await.is_ok()
                && stream.write_all(&[b'x'; 0x400]).await.is_ok()
                && stream.write_all(b"\r\n").await.is_ok()
            {}
            false
        }
        Act::BreakOff => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
            false
        }
    }
}
