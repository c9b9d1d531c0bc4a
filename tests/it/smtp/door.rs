//! The door on port 0 before a desk of its own, and a client that says what it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use postdesk::clock::{Clock, Ids};
use postdesk::config::{Config, Smtp};
use postdesk::desk::Desk;
use postdesk::sender::Resolver;
use postdesk::smtp::{Addresses, HandedIn, Listener};
use postdesk::store::Store;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::support::app::mailbox;
use crate::support::{Database, Engine};

/// Longer than anything should take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough to notice a reply that should not come.
const SILENCE: Duration = Duration::from_millis(150);

/// An open door; `support@shop.example` is the only mailbox.
pub struct Door {
    pub addresses: Addresses,
    pub listener: Arc<Listener>,
    pub stop: CancellationToken,
    pub running: JoinHandle<()>,
    pub database: Database,
}

impl Door {
    /// Opens it with the defaults, changed.
    pub async fn open(change: impl FnOnce(&mut Smtp)) -> Self {
        let database = Database::fresh(Engine::Sqlite).await;
        let mut config = Config::default();
        config.store.url = database.url.clone();
        config.keys.reply = vec!["a-secret-of-thirty-two-characters".into()];
        config.smtp.hostname = "mx.shop.example".into();
        config.smtp.listen = vec!["127.0.0.1:0".parse().unwrap()];
        config.smtp.lmtp_listen = vec!["127.0.0.1:0".into()];
        change(&mut config.smtp);
        let listener = Arc::new(
            Listener::bind(desk(config).await, Resolver::Fixed(Arc::default()), HandedIn::default())
                .await
                .unwrap(),
        );
        let stop = CancellationToken::new();
        let running = tokio::spawn(listener.clone().run(stop.clone()));
        Self { addresses: listener.addresses().clone(), listener, stop, running, database }
    }

    /// A client that has not read the greeting.
    pub async fn connect(&self) -> Client<TcpStream> {
        Client::connect(self.addresses.smtp[0]).await
    }

    /// A client that has said hello.
    pub async fn client(&self) -> Client<TcpStream> {
        let mut client = self.connect().await;
        client.expect("220 *").await;
        client.ask("EHLO client.example", "250 *").await;
        client
    }

    /// A client that may send the text of a mail now.
    pub async fn client_in_data(&self) -> Client<TcpStream> {
        let mut client = self.client().await;
        client.begin_mail().await;
        client.ask("DATA", "354 *").await;
        client
    }
}

async fn desk(config: Config) -> Desk {
    let store = Store::open(&config.store.url, 2).await.unwrap();
    store.migrate().await.unwrap();
    let mut tx = store.begin().await.unwrap();
    tx.insert_mailbox(&mailbox("support@shop.example")).await.unwrap();
    tx.commit().await.unwrap();
    Desk::open(store, Arc::new(config), Clock::System, Ids::Random).await.unwrap()
}

/// One connection to the door.
pub struct Client<S> {
    pub stream: S,
    input: Vec<u8>,
}

impl Client<TcpStream> {
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::new(stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub fn new(stream: S) -> Self {
        Self { stream, input: Vec::new() }
    }

    /// Sends octets as they are.
    pub async fn send(&mut self, octets: impl AsRef<[u8]>) {
        self.stream.write_all(octets.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Says a line, and wants a reply.
    pub async fn ask(&mut self, line: &str, want: &str) {
        self.send(format!("{line}\r\n")).await;
        self.expect(want).await;
    }

    /// `MAIL` and `RCPT`.
    pub async fn begin_mail(&mut self) {
        self.ask("MAIL FROM:<a@client.example>", "250 2.1.0 *").await;
        self.ask("RCPT TO:<support@shop.example>", "250 2.1.5 *").await;
    }

    /// Wants this reply.
    pub async fn expect(&mut self, want: &str) {
        if let Err(got) = self.try_expect(want).await {
            panic!("wanted {want:?}, got {got:?}");
        }
    }

    /// Wants this reply; gives what came instead. A pattern with `-` behind the code is for one line of many,
    /// any other for the last line of a reply.
    pub async fn try_expect(&mut self, want: &str) -> Result<(), String> {
        let one_of_many = want.as_bytes().get(3) == Some(&b'-');
        loop {
            let line = self.line().await?;
            let is_last = line.as_bytes().get(3) != Some(&b'-');
            if one_of_many || is_last {
                return if matches(want.as_bytes(), line.as_bytes()) { Ok(()) } else { Err(line) };
            }
        }
    }

    /// Wants no reply for a while.
    pub async fn try_expect_silence(&mut self) -> Result<(), String> {
        match timeout(SILENCE, self.line()).await {
            Err(_) if self.input.is_empty() => Ok(()),
            Err(_) => Err(self.input.escape_ascii().to_string()),
            Ok(line) => Err(line.unwrap_or_else(|error| error)),
        }
    }

    /// Wants the connection to be closed, and nothing said before.
    pub async fn try_expect_close(&mut self) -> Result<(), String> {
        match self.line().await {
            Err(error) if error == "closed" => Ok(()),
            other => Err(other.unwrap_or_else(|error| error)),
        }
    }

    /// A whole reply, line by line, without the codes.
    pub async fn whole_reply(&mut self) -> Vec<String> {
        let mut said = Vec::new();
        loop {
            let line = self.line().await.unwrap();
            said.push(line[4..].to_owned());
            if line.as_bytes()[3] != b'-' {
                return said;
            }
        }
    }

    /// One line without its line end.
    async fn line(&mut self) -> Result<String, String> {
        loop {
            if let Some(end) = self.input.windows(2).position(|two| two == b"\r\n") {
                let line: Vec<u8> = self.input.drain(..end + 2).collect();
                let line = String::from_utf8_lossy(&line[..end]).into_owned();
                assert_well_formed(&line);
                return Ok(line);
            }
            match timeout(PATIENCE, self.stream.read_buf(&mut self.input)).await {
                Err(_) => return Err("nothing".into()),
                Ok(Ok(0) | Err(_)) => return Err("closed".into()),
                Ok(Ok(_)) => {}
            }
        }
    }
}

/// Whatever we say: at most 512 octets with the line end (RFC 5321 §4.5.3.1.5), plain text, and where an enhanced code
/// stands in it, it is of the code's class (RFC 2034 §4, RFC 5248 §2.1).
fn assert_well_formed(line: &str) {
    let (code, text) = line.split_at_checked(4).unwrap_or((line, ""));
    let plain = line.bytes().all(|octet| (b' '..=b'~').contains(&octet));
    assert!(line.len() + 2 <= 512 && plain && code.ends_with([' ', '-']), "{line:?}");
    let enhanced = text.split(' ').next().unwrap_or_default();
    let is_enhanced = enhanced.split('.').filter(|part| part.parse::<u16>().is_ok()).count() == 3;
    // Neither 3xx nor the answers to a greeting have one (RFC 2034 §4).
    assert!(is_enhanced || code.starts_with('3') || ["220 ", "250 ", "250-"].contains(&code), "{line:?}");
    assert!(!is_enhanced || enhanced[..1] == code[..1], "{line:?}");
}

/// `*` is anything, `?` one octet.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) if matches(rest, text) => true,
        (Some((b'*', _)), Some((_, text))) => matches(pattern, text),
        (Some((b'?', pattern)), Some((_, text))) => matches(pattern, text),
        (Some((a, pattern)), Some((b, text))) => a == b && matches(pattern, text),
        _ => false,
    }
}
