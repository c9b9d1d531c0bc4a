//! `docs/decisions/0001-smtp-listener.md`: why the door is not mailin-embedded. Each fact is shown on the crate itself.
//! A test that fails here is good news: what it shows was mended, and the decision can be looked at again.
#![expect(clippy::unwrap_used, reason = "these are tests, and so are their helpers")]

use std::io::{BufRead, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use mailin_embedded::response::{INTERNAL_ERROR, OK};
use mailin_embedded::{Handler, Response, Server, SslConfig};

/// Longer than any answer takes on this machine; what has not come by then does not come.
const PATIENCE: Duration = Duration::from_secs(2);

/// Takes all mails and counts them; refuses them at the end of data when told to.
#[derive(Clone, Default)]
struct Counter {
    mails: Arc<AtomicUsize>,
    refuses: bool,
}

impl Handler for Counter {
    fn helo(&mut self, _ip: IpAddr, _domain: &str) -> Response {
        OK
    }

    fn data_end(&mut self) -> Response {
        self.mails.fetch_add(1, Ordering::SeqCst);
        if self.refuses { INTERNAL_ERROR } else { OK }
    }
}

/// mailin-embedded on a free port. It can't be stopped, so the thread outlives the test.
fn serve(handler: Counter, threads: u32) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut server = Server::new(handler);
    server.with_name("mx.shop.example").with_ssl(SslConfig::None).unwrap();
    server.with_tcp_listener(listener).with_num_threads(threads);
    (address, std::thread::spawn(move || server.serve().unwrap()))
}

struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// A client that has said hello.
    fn greeted(address: SocketAddr) -> Self {
        let mut client = Self::connect(address);
        assert_eq!(client.code(), "220");
        assert_eq!(client.ask("EHLO client.example"), "250");
        client
    }

    fn send(&mut self, octets: &[u8]) {
        self.stream.get_mut().write_all(octets).unwrap();
    }

    /// The code of the answer to one line.
    fn ask(&mut self, line: &str) -> String {
        self.send(format!("{line}\r\n").as_bytes());
        self.code()
    }

    /// The code of the next reply; empty when none comes.
    fn code(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line).unwrap_or(0) < 4 {
                return String::new();
            }
            if line.as_bytes()[3] != b'-' {
                return line[..3].to_owned();
            }
        }
    }

    fn begin_data(&mut self) {
        assert_eq!(self.ask("MAIL FROM:<a@client.example>"), "250");
        assert_eq!(self.ask("RCPT TO:<support@shop.example>"), "250");
        assert_eq!(self.ask("DATA"), "354");
    }
}

#[test]
fn it_takes_no_bounce() {
    let (address, _) = serve(Counter::default(), 1);
    assert_eq!(Client::greeted(address).ask("MAIL FROM:<>"), "500");
}

#[test]
fn it_refuses_parameters_that_mail_servers_send() {
    let (address, _) = serve(Counter::default(), 1);
    let mut client = Client::greeted(address);
    for line in [
        "MAIL FROM:<a@client.example> SIZE=1000",
        "MAIL FROM:<a@client.example> SMTPUTF8",
        "MAIL FROM: <a@client.example>",
    ] {
        assert_eq!(client.ask(line), "500", "{line}");
    }
}

#[test]
fn a_bare_line_feed_ends_a_mail_and_smuggles_another() {
    let counter = Counter::default();
    let (address, _) = serve(counter.clone(), 1);
    let mut client = Client::greeted(address);
    client.begin_data();
    client.send(b"Subject: outer\r\n\r\nbody\n.\r\nMAIL FROM:<b@client.example>\r\n");
    assert_eq!((client.code(), client.code()), ("250".into(), "250".into()));
    assert_eq!(client.ask("RCPT TO:<support@shop.example>"), "250");
    assert_eq!(client.ask("DATA"), "354");
    assert_eq!(client.ask("Subject: smuggled\r\n\r\nx\r\n."), "250");
    assert_eq!(counter.mails.load(Ordering::SeqCst), 2);
}

#[test]
fn a_session_is_deaf_after_a_refused_mail() {
    let (address, _) = serve(Counter { refuses: true, ..Counter::default() }, 1);
    let mut client = Client::greeted(address);
    client.begin_data();
    assert_eq!(client.ask("Subject: one\r\n\r\none\r\n."), "451");
    assert_eq!(client.ask("NOOP"), "");
}

/// The whole line is kept until its end comes: 4 MiB here, and as much as a client likes to send.
#[test]
fn a_line_has_no_limit() {
    let (address, _) = serve(Counter::default(), 1);
    let mut client = Client::greeted(address);
    client.begin_data();
    let chunk = vec![b'x'; 64 * 1024];
    for _ in 0..64 {
        client.send(&chunk);
    }
    assert_eq!(client.ask("\r\n."), "250");
}

/// One thread for each session: the one after the last is never greeted, and not told why.
#[test]
fn idle_sessions_lock_others_out() {
    let (address, _) = serve(Counter::default(), 2);
    let _idle = [Client::greeted(address), Client::greeted(address)];
    assert_eq!(Client::connect(address).code(), "");
}

/// `serve` has no way to be told, and does not return when the last session has ended.
#[test]
fn it_can_not_be_stopped() {
    let (address, serving) = serve(Counter::default(), 1);
    let mut client = Client::greeted(address);
    assert_eq!(client.ask("QUIT"), "221");
    std::thread::sleep(Duration::from_millis(200));
    assert!(!serving.is_finished());
}
