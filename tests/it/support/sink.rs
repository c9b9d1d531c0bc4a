//! An SMTP server that does to our mailer what servers do: refuses, greylists, stalls, hangs up.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use data_encoding::BASE64;
use rustls::ServerConfig;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What the sink does with one mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Takes it.
    Take,
    /// Takes it, then closes the connection without a word.
    TakeAndClose,
    /// Answers RCPT so.
    Rcpt(&'static str),
    /// Answers the final dot so.
    Dot(&'static str),
    /// Keeps the mail, but hangs up before answering the final dot.
    HangUpAfterDot,
    /// Never answers RCPT.
    Stall,
}

/// How the sink asks who is there (RFC 4954).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `AUTH PLAIN` (RFC 4616).
    Plain,
    /// `AUTH LOGIN`.
    Login,
}

/// Whom the sink lets in.
pub const USER: &str = "desk";

/// By this password.
pub const PASSWORD: &str = "hush, hush";

/// What the sink is beside a server that takes anybody's mail in the clear.
#[derive(Clone, Default)]
pub struct Guard {
    /// TLS from the first byte.
    pub tls: Option<Arc<ServerConfig>>,
    /// Mail from [`USER`] alone.
    pub auth: Option<Auth>,
}

/// A mail as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// `MAIL FROM`, without brackets.
    pub from: String,
    /// `RCPT TO`, without brackets.
    pub to: String,
    /// Dot-stuffing undone.
    pub data: Vec<u8>,
}

/// The server; its clones share everything.
#[derive(Clone)]
pub struct Sink {
    /// Where it listens.
    pub address: SocketAddr,
    guard: Guard,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    plans: VecDeque<Plan>,
    taken: Vec<Taken>,
    commands: Vec<String>,
    connections: usize,
}

impl Sink {
    /// On a free port. The first mails go by `plans`, all others are taken.
    pub async fn start(plans: &[Plan]) -> Self {
        Self::start_at(([127, 0, 0, 1], 0).into(), plans).await
    }

    /// On this port.
    pub async fn start_at(address: SocketAddr, plans: &[Plan]) -> Self {
        Self::start_behind(Guard::default(), address, plans).await
    }

    /// On a free port, guarded. All mails are taken.
    pub async fn guarded(guard: Guard) -> Self {
        Self::start_behind(guard, ([127, 0, 0, 1], 0).into(), &[]).await
    }

    async fn start_behind(guard: Guard, address: SocketAddr, plans: &[Plan]) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let state = State { plans: plans.iter().copied().collect(), ..State::default() };
        let address = listener.local_addr().expect("bound");
        let sink = Self { address, guard, state: Arc::new(Mutex::new(state)) };
        let server = sink.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                server.locked(|state| state.connections += 1);
                tokio::spawn(server.clone().welcome(stream));
            }
        });
        sink
    }

    /// Mails that came, in order, those of a [`Plan::HangUpAfterDot`] too.
    pub fn taken(&self) -> Vec<Taken> {
        self.locked(|state| state.taken.clone())
    }

    /// Command lines that came.
    pub fn commands(&self) -> Vec<String> {
        self.locked(|state| state.commands.clone())
    }

    /// Connections that were opened.
    pub fn connections(&self) -> usize {
        self.locked(|state| state.connections)
    }

    fn locked<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().expect("no panic while held"))
    }

    async fn welcome(self, stream: TcpStream) {
        match &self.guard.tls {
            None => self.session(stream).await,
            Some(tls) => {
                // Whoever does not like our certificate is gone.
                let Ok(stream) = TlsAcceptor::from(tls.clone()).accept(stream).await else { return };
                self.session(stream).await;
            }
        }
    }

    async fn session(self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut stream = BufReader::new(stream);
        let mut known = self.guard.auth.is_none();
        let mut mail = Taken { from: String::new(), to: String::new(), data: Vec::new() };
        let mut plan = Plan::Take;
        say(&mut stream, "220 sink.test ESMTP").await;
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            self.locked(|state| state.commands.push(line.clone()));
            let word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" => {
                    let offered = match self.guard.auth {
                        None => "ENHANCEDSTATUSCODES",
                        Some(Auth::Plain) => "AUTH PLAIN",
                        Some(Auth::Login) => "AUTH LOGIN",
                    };
                    say(&mut stream, &format!("250-sink.test\r\n250 {offered}")).await;
                }
                "AUTH" => {
                    let Some(said) = credentials(&mut stream, &line).await else { return };
                    known = said == (USER.into(), PASSWORD.into());
                    say(&mut stream, if known { "235 2.7.0 welcome" } else { "535 5.7.8 who?" }).await;
                }
                "MAIL" if !known => say(&mut stream, "530 5.7.0 say who you are").await,
                "MAIL" => {
                    mail.from = path_of(&line);
                    plan = self.locked(|state| state.plans.pop_front()).unwrap_or(Plan::Take);
                    say(&mut stream, "250 2.1.0 sender ok").await;
                }
                "RCPT" => {
                    mail.to = path_of(&line);
                    match plan {
                        Plan::Rcpt(reply) => say(&mut stream, reply).await,
                        Plan::Stall => std::future::pending().await,
                        _ => say(&mut stream, "250 2.1.5 recipient ok").await,
                    }
                }
                "DATA" => {
                    say(&mut stream, "354 go on").await;
                    let Some(data) = data(&mut stream).await else { return };
                    mail.data = data;
                    if let Plan::Dot(reply) = plan {
                        say(&mut stream, reply).await;
                        continue;
                    }
                    self.locked(|state| state.taken.push(mail.clone()));
                    if plan == Plan::HangUpAfterDot {
                        return;
                    }
                    say(&mut stream, "250 2.0.0 taken").await;
                    if plan == Plan::TakeAndClose {
                        return;
                    }
                }
                "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
                _ => say(&mut stream, "250 2.0.0 ok").await,
            }
        }
    }
}

async fn say(stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>, reply: &str) {
    // Whoever hung up does not want to know.
    let _ = stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await;
}

/// User name and password of an `AUTH`, asked for where they did not come with it; `None` when nothing more comes.
async fn credentials(
    stream: &mut BufReader<impl AsyncRead + AsyncWrite + Unpin>,
    line: &str,
) -> Option<(String, String)> {
    let decoded = |text: &str| {
        let bytes = BASE64.decode(text.trim_end().as_bytes()).expect("base64 on the wire");
        String::from_utf8(bytes).expect("text")
    };
    let mut words = line.split_whitespace().skip(1);
    if words.next() == Some("PLAIN") {
        let said = decoded(words.next().expect("an initial response"));
        let mut parts = said.split('\0').skip(1).map(str::to_owned);
        return Some((parts.next()?, parts.next()?));
    }
    let mut said = Vec::new();
    for question in ["Username:", "Password:"] {
        say(stream, &format!("334 {}", BASE64.encode(question.as_bytes()))).await;
        let mut answer = String::new();
        if stream.read_line(&mut answer).await.unwrap_or(0) == 0 {
            return None;
        }
        said.push(decoded(&answer));
    }
    said.pop().zip(said.pop()).map(|(password, user)| (user, password))
}

/// Lines up to the final dot; `None` when they end without.
async fn data(stream: &mut BufReader<impl AsyncRead + Unpin>) -> Option<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await.unwrap_or(0) == 0 {
            return None;
        }
        assert!(line.ends_with(b"\r\n"), "a bare LF on the wire");
        match line.as_slice() {
            b".\r\n" => return Some(data),
            [b'.', rest @ ..] => data.extend_from_slice(rest),
            line => data.extend_from_slice(line),
        }
    }
}

fn path_of(line: &str) -> String {
    let path = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    path.map_or_else(String::new, |(path, _)| path.to_owned())
}
