//! What we are compared with, where it is found.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::server::free_port;

/// A process that ends with the value.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Postfix's `smtp-sink`: takes mail and keeps nothing.
pub struct Sink {
    /// Where it listens.
    pub smtp: SocketAddr,
    _process: Process,
}

impl Sink {
    /// `None`, and a line, where Postfix's tools are missing.
    pub fn start() -> Option<Self> {
        let (Some(sink), Some(_)) = (find("smtp-sink"), find("smtp-source")) else {
            println!(
                "not measured: the ratio to smtp-sink (no smtp-source and smtp-sink, of Postfix, on PATH)"
            );
            return None;
        };
        let smtp = free_port();
        let mut command = Command::new(sink);
        if is_root() {
            command.args(["-u", "nobody"]);
        }
        command.arg(smtp.to_string()).arg("1000");
        Some(Self { smtp, _process: launch(command, smtp) })
    }
}

/// aiosmtpd with a handler that inserts one row.
pub struct Aiosmtpd {
    /// Where it listens.
    pub smtp: SocketAddr,
    _process: Process,
    _dir: TempDir,
}

impl Aiosmtpd {
    /// `None`, and a line, where it is not installed.
    pub fn start() -> Option<Self> {
        let mut asked = Command::new("python3");
        asked.args(["-c", "import aiosmtpd"]).stderr(Stdio::null());
        if !asked.status().is_ok_and(|status| status.success()) {
            println!("not measured: the ratio to aiosmtpd (python3 has no module aiosmtpd)");
            return None;
        }
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let smtp = free_port();
        let mut command = Command::new("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/one_row.py"));
        command.arg(smtp.port().to_string()).arg(dir.path().join("mails.db"));
        Some(Self { smtp, _process: launch(command, smtp), _dir: dir })
    }
}

/// Runs `smtp-source` for about so long: sessions kept open, mails of 5 kB. Mails a second.
pub fn smtp_source(to: SocketAddr, sessions: usize, seconds: f64) -> f64 {
    let probe = 2_000;
    let rate = send(to, sessions, probe);
    let mails = (rate * seconds) as u64;
    if mails <= probe { rate } else { send(to, sessions, mails) }
}

fn send(to: SocketAddr, sessions: usize, mails: u64) -> f64 {
    let start = Instant::now();
    let mut command = Command::new(find("smtp-source").expect("found before"));
    command.args(["-d", "-l", "5120", "-f", "jo@shop.test", "-t", "support@desk.test"]);
    command.args(["-s", &sessions.to_string(), "-m", &mails.to_string(), &to.to_string()]);
    assert!(command.status().is_ok_and(|status| status.success()), "smtp-source");
    mails as f64 / start.elapsed().as_secs_f64()
}

fn launch(mut command: Command, smtp: SocketAddr) -> Process {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process = Process(command.spawn().expect("it was found"));
    let patience = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(smtp).is_err() {
        assert!(Instant::now() < patience, "{command:?} does not listen");
        thread::sleep(Duration::from_millis(10));
    }
    process
}

/// Where a program lies, those for the administrator too.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let dirs = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    dirs.map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Whether we may do everything.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}
