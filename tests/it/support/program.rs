//! The program itself, as a process of its own: what a crash does to it can only be seen there.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::app::{AGENT, SUPPORT};
use super::client::Client;

/// How long the program may take to greet; far longer than it should.
const PATIENCE: Duration = Duration::from_secs(20);

/// `postdesk serve`, running. Killed when dropped.
pub struct Program {
    /// Where mail comes in; the same after a restart.
    pub smtp: SocketAddr,
    config: PathBuf,
    child: Child,
}

impl Program {
    /// Starts it on this database, with one mailbox and one agent, and waits until it greets. `shell` may put
    /// something in front, such as a limit; `exec "$@"` follows.
    pub async fn start(dir: &Path, url: &str, shell: &str) -> Self {
        let smtp = free_port();
        let config = dir.join("postdesk.toml");
        fs::write(&config, settings(smtp, url)).expect("it is ours");
        let child = launch(&config, shell);
        let mut program = Self { smtp, config, child };
        program.greeted().await;
        program
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().expect("it is ours");
        self.child.wait().expect("it is ours");
    }

    /// SIGTERM: it puts back what it has not sent.
    pub fn stop(mut self) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        assert!(self.child.wait().expect("it is ours").success());
    }

    /// Starts it again after [`Self::kill`].
    pub async fn restart(&mut self) {
        self.child = launch(&self.config, "");
        self.greeted().await;
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Most memory it has had, kB.
    pub fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux says so");
        peak.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    async fn greeted(&mut self) {
        let greeting = async {
            while Client::connect(self.smtp).await.is_err() {
                if let Some(status) = self.child.try_wait().expect("it is ours") {
                    panic!("postdesk serve ended: {status}");
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, greeting).await.expect("postdesk serve greets");
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(config: &Path, shell: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{shell}\nexec \"$@\""), "sh", env!("CARGO_BIN_EXE_postdesk"), "serve"]);
    command.arg("--config").arg(config).current_dir(config.parent().expect("a file's"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("it was built")
}

fn settings(smtp: SocketAddr, url: &str) -> String {
    format!(
        r#"
[smtp]
listen = ["{smtp}"]
hostname = "mx.desk.test"

[http]
enabled = false

[store]
url = "{url}"

[outbox]
transport = "capture"

[intake]
max_automatic_per_day = 1000000

[webhooks]
allow_private_targets = true

[keys]
reply = ["a key for tests, at least thirty-two characters long"]

[[mailboxes]]
address = "{SUPPORT}"

[[agents]]
name = "Ada Agent"
email = "{AGENT}"
"#
    )
}

/// A port nobody listens on at this moment.
pub fn free_port() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there are free ports");
    listener.local_addr().expect("it is bound")
}
