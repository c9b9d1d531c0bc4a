//! Load: sessions that send mail after mail, as fast as they are answered.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Every mail of a run is another one: of another customer, with an id of its own.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// What is sent, on how many sessions.
pub struct Load {
    sessions: usize,
    octets: usize,
}

/// How many mails were answered.
pub struct Done {
    /// With 250.
    pub accepted: u64,
    /// In all.
    pub tried: u64,
}

impl Load {
    /// Mails of 5 kB.
    pub fn customers(sessions: usize) -> Self {
        Self { sessions, octets: 5 * 1024 }
    }

    /// Mails a little below 25 MiB.
    pub fn big(sessions: usize) -> Self {
        Self { sessions, octets: 25 * 1024 * 1024 - 4096 }
    }

    /// Sends for so long; accepted mails a second.
    pub fn run(&self, to: SocketAddr, seconds: f64) -> f64 {
        let start = Instant::now();
        let end = start + Duration::from_secs_f64(seconds);
        let done = self.send_while(to, |_| Instant::now() < end);
        assert_eq!(done.accepted, done.tried, "mails were refused");
        done.accepted as f64 / start.elapsed().as_secs_f64()
    }

    /// Sends so many.
    pub fn count(&self, to: SocketAddr, mails: u64) -> Done {
        let each = mails / self.sessions as u64;
        self.send_while(to, |sent| sent < each)
    }

    fn send_while(&self, to: SocketAddr, go_on: impl Fn(u64) -> bool + Sync) -> Done {
        let (accepted, tried) = (AtomicU64::new(0), AtomicU64::new(0));
        thread::scope(|scope| {
            for _ in 0..self.sessions {
                scope.spawn(|| {
                    let mut session = Session::open(to);
                    let mut sent = 0;
                    while go_on(sent) {
                        let ok = session.send(NEXT.fetch_add(1, Ordering::Relaxed), self.octets);
                        accepted.fetch_add(u64::from(ok), Ordering::Relaxed);
                        sent += 1;
                    }
                    tried.fetch_add(sent, Ordering::Relaxed);
                });
            }
        });
        Done { accepted: accepted.into_inner(), tried: tried.into_inner() }
    }
}

/// Connections that were greeted, and say nothing more.
pub struct Idle(#[expect(dead_code, reason = "held open")] Vec<Session>);

impl Idle {
    /// So many.
    pub fn connect(to: SocketAddr, sessions: usize) -> Self {
        Self((0..sessions).map(|_| Session::open(to)).collect())
    }
}

struct Session {
    stream: BufReader<TcpStream>,
    line: String,
}

impl Session {
    fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        let mut session = Self { stream: BufReader::new(stream), line: String::new() };
        assert!(session.answer(), "greeted with {}", session.line);
        assert!(session.say(b"EHLO bench.test\r\n"), "{}", session.line);
        session
    }

    /// One mail, its envelope pipelined as mail servers do (RFC 2920); whether it was accepted.
    fn send(&mut self, number: u64, octets: usize) -> bool {
        let customer = format!("customer-{number}@shop.test");
        let data = mail(number, &customer, octets);
        let size = data.len();
        let envelope =
            format!("MAIL FROM:<{customer}> SIZE={size}\r\nRCPT TO:<support@desk.test>\r\nDATA\r\n");
        self.write(envelope.as_bytes());
        let mut good = true;
        for _ in 0..3 {
            good &= self.answer();
        }
        good && self.say(&data)
    }

    fn say(&mut self, octets: &[u8]) -> bool {
        self.write(octets);
        self.answer()
    }

    fn write(&mut self, octets: &[u8]) {
        self.stream.get_mut().write_all(octets).expect("it listens");
    }

    /// Reads a reply; whether it is a good one.
    fn answer(&mut self) -> bool {
        loop {
            self.line.clear();
            self.stream.read_line(&mut self.line).expect("it answers");
            if self.line.as_bytes().get(3) != Some(&b'-') {
                return self.line.starts_with(['2', '3']);
            }
        }
    }
}

/// A mail of about so many octets, with the end of data behind it. A big one carries a file.
fn mail(number: u64, customer: &str, octets: usize) -> Vec<u8> {
    let mut mail = Vec::with_capacity(octets + 512);
    let head = format!(
        "From: Customer {number} <{customer}>\r\nTo: support@desk.test\r\nSubject: Order {number} has not arrived\r\n\
         Message-ID: <{number}.{}@shop.test>\r\nDate: Mon, 2 Mar 2026 09:00:00 +0000\r\nMIME-Version: 1.0\r\n",
        std::process::id()
    );
    mail.extend_from_slice(head.as_bytes());
    if octets > 100_000 {
        mail.extend_from_slice(b"Content-Type: multipart/mixed; boundary=\"cut\"\r\n\r\n--cut\r\n\r\nThe picture.\r\n--cut\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=\"picture.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n");
        while mail.len() + 128 < octets {
            mail.extend_from_slice(b"UG9zdGRlc2sgdGFrZXMgYmlnIG1haWxzIHRvbywgYW5kIGtlZXBzIGl0cyBoZWFk\r\n");
        }
        mail.extend_from_slice(b"--cut--\r\n.\r\n");
        return mail;
    }
    mail.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\n\r\n");
    while mail.len() < octets {
        mail.extend_from_slice(
            b"I ordered two weeks ago and have heard nothing since; please look into it.\r\n",
        );
    }
    mail.extend_from_slice(b".\r\n");
    mail
}

/// How often a second this directory's disk takes 4 kB appended and synced.
pub fn sync_rate(dir: &Path, seconds: f64) -> f64 {
    let path = dir.join("synced");
    let mut file = File::create(&path).expect("it is ours");
    let start = Instant::now();
    let mut times = 0_u32;
    while start.elapsed().as_secs_f64() < seconds {
        file.write_all(&[7; 4096]).expect("there is room");
        file.sync_data().expect("there is a disk");
        times += 1;
    }
    let rate = f64::from(times) / start.elapsed().as_secs_f64();
    std::fs::remove_file(path).expect("it is ours");
    rate
}
