//! Postfix with a queue of its own, as the one that drains it: its own directories, loopback only, everything handed to
//! one relay.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::peers::{find, is_root};
use crate::server::free_port;

/// What `master` runs: the parts that take, keep and send mail, in Debian's numbers, none in a jail.
const MASTER: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

/// A running Postfix. Stopped when dropped, its files removed.
pub struct Postfix {
    smtp: SocketAddr,
    dir: TempDir,
}

impl Postfix {
    /// One that holds mail for this relay; `None`, and a line, where it can't be.
    pub fn start(relay: SocketAddr) -> Option<Self> {
        if find("postfix").is_none() || !is_root() {
            println!("not measured: the ratio to Postfix (it is not installed, or this is not root)");
            return None;
        }
        let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
        let postfix = Self { smtp: free_port(), dir };
        postfix.settle(relay);
        if !postfix.run("postfix", &["start"]) {
            println!("not measured: the ratio to Postfix (it does not start)");
            return None;
        }
        Some(postfix)
    }

    /// Puts so many mails of so many octets into the queue, all to one recipient, and waits until each was put off.
    pub fn fill(&self, mails: u64, octets: u64) {
        let mut command = Command::new(find("smtp-source").expect("it came with Postfix"));
        command.args(["-d", "-s", "20", "-m", &mails.to_string(), "-l", &octets.to_string()]);
        command.args(["-f", "support@desk.test", "-t", "jo@shop.test", &self.smtp.to_string()]);
        assert!(command.status().is_ok_and(|status| status.success()), "smtp-source");
        self.wait(|waiting| waiting[1] == mails && waiting[0] == 0);
    }

    /// Lets the queue go; the seconds until it is empty.
    pub fn drain(&self) -> f64 {
        assert!(self.run("postconf", &["-e", "defer_transports="]) && self.run("postfix", &["reload"]));
        let start = Instant::now();
        assert!(self.run("postqueue", &["-f"]));
        self.wait(|waiting| waiting == [0, 0]);
        start.elapsed().as_secs_f64()
    }

    fn settle(&self, relay: SocketAddr) {
        let dir = self.dir.path();
        for part in ["", "etc", "data", "queue"] {
            let part = dir.join(part);
            fs::create_dir_all(&part).expect("it is ours");
            fs::set_permissions(&part, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        let owned = Command::new("chown").arg("postfix").arg(dir.join("data")).status();
        assert!(owned.is_ok_and(|status| status.success()), "chown");
        let [ip, port] = [relay.ip().to_string(), relay.port().to_string()];
        let shown = dir.display();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {shown}/queue\ndata_directory = {shown}/data\n\
             maillog_file = {shown}/log\nmaillog_file_prefixes = {shown}\nmyhostname = mx.desk.test\nmydestination =\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nrelayhost = [{ip}]:{port}\n\
             smtp_dns_support_level = disabled\nsmtpd_peername_lookup = no\ndefer_transports = smtp\n"
        );
        fs::write(self.config().join("main.cf"), main).expect("it is ours");
        let master = format!("{} inet n - n - - smtpd\n{MASTER}", self.smtp);
        fs::write(self.config().join("master.cf"), master).expect("it is ours");
    }

    fn config(&self) -> PathBuf {
        self.dir.path().join("etc")
    }

    fn run(&self, program: &str, args: &[&str]) -> bool {
        let mut command = Command::new(find(program).expect("it came with Postfix"));
        command.arg("-c").arg(self.config()).args(args).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    /// Waits until mails stand so: those under way, and those put off.
    fn wait(&self, there: impl Fn([u64; 2]) -> bool) {
        let queue = self.dir.path().join("queue");
        let under_way =
            || ["maildrop", "incoming", "active"].iter().map(|part| files(&queue.join(part))).sum();
        let patience = Instant::now() + Duration::from_secs(600);
        while !there([under_way(), files(&queue.join("deferred"))]) {
            assert!(Instant::now() < patience, "Postfix is not done");
            thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        self.run("postfix", &["stop"]);
    }
}

/// How many files there are in a directory and below it.
fn files(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}
