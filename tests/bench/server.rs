//! The desk under load: the program as it is built for release, on a new SQLite file.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running desk. Killed when dropped, its files removed.
pub struct Server {
    /// Where mail comes in.
    pub smtp: SocketAddr,
    variables: Vec<(String, String)>,
    child: Option<Child>,
    dir: TempDir,
}

impl Server {
    /// On an empty database in a directory of its own, below the target directory: `/tmp` may be no disk.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// The same with these variables.
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let smtp = free_port();
        fs::write(dir.path().join("postdesk.toml"), settings(smtp, dir.path())).expect("it is ours");
        let mut server = Self { smtp, variables: Vec::new(), child: None, dir };
        server.set(variables);
        server.resume();
        server
    }

    /// Variables for the next start, in place of those before.
    pub fn set(&mut self, variables: &[(&str, &str)]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.variables = variables.iter().map(owned).collect();
    }

    /// Starts it again; the seconds until it listened.
    pub fn resume(&mut self) -> f64 {
        let start = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_postdesk"));
        command.arg("serve").arg("--config").arg(self.dir().join("postdesk.toml")).current_dir(self.dir());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.child = Some(command.spawn().expect("it was built"));
        while TcpStream::connect(self.smtp).is_err() {
            let child = self.child.as_mut().expect("just started");
            assert!(child.try_wait().expect("it is ours").is_none(), "postdesk serve ended");
            thread::sleep(Duration::from_millis(1));
        }
        start.elapsed().as_secs_f64()
    }

    /// Asks it to stop, and waits.
    pub fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let asked = Command::new("kill").arg(child.id().to_string()).status();
        assert!(asked.is_ok_and(|status| status.success()), "kill");
        child.wait().expect("it is ours");
    }

    /// Where its database lies.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Memory it has now, MB.
    pub fn resident_mb(&self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most memory it ever had, MB.
    pub fn peak_mb(&self) -> f64 {
        self.status("VmHWM:")
    }

    fn status(&self, field: &str) -> f64 {
        let id = self.child.as_ref().expect("it runs").id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix(field)).expect("Linux tells");
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
        kilobytes * 1024.0 / 1e6
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn settings(smtp: SocketAddr, dir: &Path) -> String {
    format!(
        r#"
[smtp]
listen = ["{smtp}"]
hostname = "mx.desk.test"
max_sessions_per_ip = 2000
max_messages = 1000000

[http]
enabled = false

[store]
url = "sqlite:{}"

[outbox]
transport = "capture"

[keys]
reply = ["a key for measuring, at least thirty-two characters"]

[[mailboxes]]
address = "support@desk.test"

[[agents]]
name = "Ada Agent"
email = "ada@desk.test"
"#,
        dir.join("desk.db").display()
    )
}

/// A port nobody listens on at this moment.
pub fn free_port() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there are free ports");
    listener.local_addr().expect("it is bound")
}

/// A thousand connections need more files than many shells allow; the desk inherits it.
pub fn raise_file_limit() {
    let id = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--pid", &id, "--nofile=8192:"]).status();
    if !raised.is_ok_and(|status| status.success()) {
        println!("the limit on open files could not be raised; 1,000 idle connections may fail");
    }
}
