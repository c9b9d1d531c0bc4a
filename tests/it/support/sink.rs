//! An SMTP server that does to our mailer what servers do: refuses, greylists, stalls, hangs up.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

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
    /// Does something else than it should, at one point of the conversation.
    Trick(Point, Act),
}

/// What the sink is asked for when it plays a trick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// A greeting.
    Greeting,
    /// An answer to EHLO.
    Ehlo,
    /// An answer to MAIL.
    Mail,
    /// An answer to RCPT.
    Rcpt,
    /// An answer to DATA.
    Data,
    /// To read the mail.
    Text,
    /// An answer to the final dot. Unless the sink says no, it kept the mail.
    Dot,
}

/// What it does instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Answers so.
    Say(&'static str),
    /// Sends these bytes, and hangs up.
    Break(&'static str),
    /// Nothing, for as long as somebody waits.
    Stall,
    /// Begins an answer that never ends.
    Babble,
    /// The same, octet by octet.
    Tarpit,
    /// Says no more, and goes on to listen.
    HalfClose,
    /// What it should, after a while.
    Late(Duration),
}

/// How the sink asks who is there (RFC 4954).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// `AUTH PLAIN` (RFC 4616).
    Plain,
    /// `AUTH LOGIN`.
    Login,
    /// `AUTH XOAUTH2`; the password is the token.
    Token,
}

/// What becomes of STARTTLS (RFC 3207).
#[derive(Clone)]
pub enum Upgrade {
    /// TLS.
    Works(Arc<ServerConfig>),
    /// TLS, but somebody on the way slipped in an answer before it began.
    SlippedIn(Arc<ServerConfig>),
    /// It is offered, then the handshake breaks.
    Breaks,
    /// It is offered, then something else than a handshake comes.
    Garbage,
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
    /// STARTTLS.
    pub starttls: Option<Upgrade>,
    /// `PIPELINING` (RFC 2920).
    pub pipelining: bool,
}

impl Guard {
    /// The answer to EHLO; TLS is on, or not.
    fn offers(&self, encrypted: bool) -> String {
        let auth = self.auth.map(|auth| match auth {
            Auth::Plain => "AUTH PLAIN",
            Auth::Login => "AUTH LOGIN",
            Auth::Token => "AUTH XOAUTH2",
        });
        let starttls = (self.starttls.is_some() && !encrypted).then_some("STARTTLS");
        let offers = [auth, starttls, self.pipelining.then_some("PIPELINING")];
        let offers = offers.into_iter().flatten().map(|offer| format!("250-{offer}\r\n"));
        format!("250-sink.test\r\n{}250 ENHANCEDSTATUSCODES", offers.collect::<String>())
    }
}

/// A connection of any kind.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}
type Stream = BufReader<Box<dyn Wire>>;

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
    pipelined: usize,
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

    /// On this port, guarded. The first mails go by `plans`, all others are taken.
    pub async fn start_behind(guard: Guard, address: SocketAddr, plans: &[Plan]) -> Self {
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

    /// Mails whose MAIL, RCPT and DATA came at once.
    pub fn pipelined(&self) -> usize {
        self.locked(|state| state.pipelined)
    }

    /// The trick that is played before any mail comes, if that is what is planned next.
    fn trick_before_mail(&self) -> Plan {
        let early = |plan: &Plan| matches!(plan, Plan::Trick(Point::Greeting | Point::Ehlo, _));
        self.locked(|state| state.plans.pop_front_if(|plan| early(plan))).unwrap_or(Plan::Take)
    }

    fn locked<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().expect("no panic while held"))
    }

    async fn welcome(self, stream: TcpStream) {
        match &self.guard.tls {
            None => self.session(BufReader::new(Box::new(stream)), false).await,
            Some(tls) => {
                // Whoever does not like our certificate is gone.
                let Ok(stream) = TlsAcceptor::from(tls.clone()).accept(stream).await else { return };
                self.session(BufReader::new(Box::new(stream)), true).await;
            }
        }
    }

    async fn session(self, mut stream: Stream, mut encrypted: bool) {
        let mut known = self.guard.auth.is_none();
        let mut mail = Taken { from: String::new(), to: String::new(), data: Vec::new() };
        let mut plan = self.trick_before_mail();
        let mut begun = false;
        if !plan.answer(&mut stream, Point::Greeting, "220 sink.test ESMTP").await {
            return;
        }
        loop {
            let Some(line) = read_line(&mut stream).await else { return };
            self.locked(|state| state.commands.push(line.clone()));
            let word = line.split([' ', '\r']).next().unwrap_or_default().to_ascii_uppercase();
            match word.as_str() {
                "EHLO" => {
                    if !plan.answer(&mut stream, Point::Ehlo, &self.guard.offers(encrypted)).await {
                        return;
                    }
                }
                "STARTTLS" => {
                    let Some(upgrade) = self.guard.starttls.clone() else { return };
                    let Some(upgraded) = upgraded(stream, upgrade).await else { return };
                    (stream, encrypted) = (upgraded, true);
                }
                "AUTH" => {
                    let Some(said) = credentials(&mut stream, &line).await else { return };
                    known = said == (USER.into(), PASSWORD.into());
                    if !known && self.guard.auth == Some(Auth::Token) {
                        // The reason comes as a challenge, which wants an empty answer.
                        say(&mut stream, &format!("334 {}", BASE64.encode(br#"{"status":"401"}"#))).await;
                        assert_eq!(read_line(&mut stream).await.as_deref(), Some("\r\n"));
                    }
                    say(&mut stream, if known { "235 2.7.0 welcome" } else { "535 5.7.8 who?" }).await;
                }
                "MAIL" if !known => say(&mut stream, "530 5.7.0 say who you are").await,
                "MAIL" => {
                    mail.from = path_of(&line);
                    mail.to.clear();
                    let behind = stream.buffer();
                    if behind.starts_with(b"RCPT TO:") && behind.ends_with(b"\r\nDATA\r\n") {
                        self.locked(|state| state.pipelined += 1);
                    }
                    plan = self.locked(|state| state.plans.pop_front()).unwrap_or(Plan::Take);
                    begun = !matches!(plan, Plan::Trick(Point::Mail, _));
                    if !plan.answer(&mut stream, Point::Mail, "250 2.1.0 sender ok").await {
                        return;
                    }
                }
                "RCPT" | "DATA" if !begun => say(&mut stream, "503 5.5.1 MAIL comes first").await,
                "RCPT" => match plan {
                    Plan::Rcpt(reply) => say(&mut stream, reply).await,
                    Plan::Stall => std::future::pending().await,
                    _ => {
                        if !matches!(plan, Plan::Trick(Point::Rcpt, _)) {
                            mail.to = path_of(&line);
                        }
                        if !plan.answer(&mut stream, Point::Rcpt, "250 2.1.5 recipient ok").await {
                            return;
                        }
                    }
                },
                "DATA" => {
                    if !plan.answer(&mut stream, Point::Data, "354 go on").await {
                        return;
                    }
                    match plan {
                        Plan::Trick(Point::Data, _) => continue,
                        Plan::Trick(Point::Text, act) => {
                            act.perform(&mut stream).await;
                            return;
                        }
                        _ => {}
                    }
                    let Some(data) = data(&mut stream).await else { return };
                    mail.data = data;
                    if mail.to.is_empty() {
                        say(&mut stream, "554 5.5.1 a mail for nobody").await;
                        continue;
                    }
                    if let Plan::Dot(reply) | Plan::Trick(Point::Dot, Act::Say(reply)) = plan {
                        say(&mut stream, reply).await;
                        continue;
                    }
                    self.locked(|state| state.taken.push(mail.clone()));
                    if plan == Plan::HangUpAfterDot {
                        return;
                    }
                    let goes_on = plan.answer(&mut stream, Point::Dot, "250 2.0.0 taken").await;
                    if !goes_on || plan == Plan::TakeAndClose {
                        return;
                    }
                }
                "QUIT" => return say(&mut stream, "221 2.0.0 bye").await,
                _ => say(&mut stream, "250 2.0.0 ok").await,
            }
        }
    }
}

impl Plan {
    /// Gives the answer that is due at this point, or what the trick has instead; `false` when the connection ends there.
    async fn answer(self, stream: &mut Stream, at: Point, usual: &str) -> bool {
        match self {
            Self::Trick(point, Act::Late(wait)) if point == at => {
                tokio::time::sleep(wait).await;
                say(stream, usual).await;
                true
            }
            Self::Trick(point, act) if point == at => act.perform(stream).await,
            _ => {
                say(stream, usual).await;
                true
            }
        }
    }
}

impl Act {
    async fn perform(self, stream: &mut Stream) -> bool {
        match self {
            Self::Say(reply) => say(stream, reply).await,
            Self::Break(bytes) => {
                let _ = stream.get_mut().write_all(bytes.as_bytes()).await;
            }
            Self::Late(_) | Self::Stall => {
                let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
            }
            Self::Babble => {
                let line = format!("250-{}\r\n", "and so on ".repeat(40));
                while stream.get_mut().write_all(line.as_bytes()).await.is_ok() {}
            }
            Self::Tarpit => {
                while stream.get_mut().write_all(b"2").await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
            Self::HalfClose => {
                let _ = stream.get_mut().shutdown().await;
                let _ = tokio::io::copy(stream, &mut tokio::io::sink()).await;
            }
        }
        matches!(self, Self::Say(_))
    }
}

/// The connection behind STARTTLS; `None` when it ends there.
async fn upgraded(mut stream: Stream, upgrade: Upgrade) -> Option<Stream> {
    let slip = if let Upgrade::SlippedIn(_) = upgrade { "\r\n250 slipped in" } else { "" };
    say(&mut stream, &format!("220 2.0.0 go on{slip}")).await;
    match upgrade {
        Upgrade::Breaks => None,
        Upgrade::Garbage => {
            let _ = stream.fill_buf().await;
            say(&mut stream, "500 5.5.1 what is that?").await;
            None
        }
        Upgrade::Works(tls) | Upgrade::SlippedIn(tls) => {
            let stream = TlsAcceptor::from(tls).accept(stream.into_inner()).await.ok()?;
            Some(BufReader::new(Box::new(stream)))
        }
    }
}

/// The next line; `None` when there is none.
async fn read_line(stream: &mut Stream) -> Option<String> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await.unwrap_or(0);
    (length > 0).then_some(line)
}

async fn say(stream: &mut Stream, reply: &str) {
    // Whoever hung up does not want to know.
    let _ = stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await;
}

/// User name and password of an `AUTH`, asked for where they did not come with it; `None` when nothing more comes.
async fn credentials(stream: &mut Stream, line: &str) -> Option<(String, String)> {
    let decoded = |text: &str| {
        let bytes = BASE64.decode(text.trim_end().as_bytes()).expect("base64 on the wire");
        String::from_utf8(bytes).expect("text")
    };
    let mut words = line.split_whitespace().skip(1);
    let mechanism = words.next();
    if mechanism == Some("XOAUTH2") {
        let said = decoded(words.next().expect("an initial response"));
        let said = said.strip_prefix("user=")?.strip_suffix("\x01\x01")?;
        let (user, token) = said.split_once("\x01auth=Bearer ")?;
        return Some((user.to_owned(), token.to_owned()));
    }
    if mechanism == Some("PLAIN") {
        let said = decoded(words.next().expect("an initial response"));
        let mut parts = said.split('\0').skip(1).map(str::to_owned);
        return Some((parts.next()?, parts.next()?));
    }
    let mut said = Vec::new();
    for question in ["Username:", "Password:"] {
        say(stream, &format!("334 {}", BASE64.encode(question.as_bytes()))).await;
        said.push(decoded(&read_line(stream).await?));
    }
    said.pop().zip(said.pop()).map(|(password, user)| (user, password))
}

/// Lines up to the final dot; `None` when they end without.
async fn data(stream: &mut Stream) -> Option<Vec<u8>> {
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
