//! A PostgreSQL of our own: made by `initdb` in a temporary directory, reached by a Unix socket, gone when this
//! process is.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

/// The superuser of every cluster of ours; nobody asks for a password.
const USER: &str = "postdesk";

/// Whether a crash of the machine may lose what was committed: the suite's shared cluster may, and is faster for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// `fsync = off`.
    Off,
    /// As PostgreSQL comes.
    On,
}

/// A running server.
pub struct Cluster {
    dir: PathBuf,
    bin: PathBuf,
    owner: Option<(u32, u32)>,
    options: String,
    /// Stops the server and removes the directory when its standard input closes: when this process ends, however it
    /// ends, or when the cluster is dropped.
    warden: Child,
}

/// The cluster all tests share; `None` where there are no server binaries.
pub fn shared() -> Option<&'static Cluster> {
    static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::start(Sync::Off)).as_ref()
}

/// Whether there are server binaries. Says once when there are none, and fails when `POSTDESK_TEST_REQUIRE_POSTGRES` asks
/// for them.
pub fn available() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    let found = *FOUND.get_or_init(|| {
        let found = bin_dir().is_some();
        if !found {
            super::say(
                "not tested: PostgreSQL (no initdb and pg_ctl on PATH, in /usr/lib/postgresql/*/bin or where pg_config says)",
            );
        }
        found
    });
    assert!(
        found || std::env::var_os("POSTDESK_TEST_REQUIRE_POSTGRES").is_none_or(|v| v != "1"),
        "POSTDESK_TEST_REQUIRE_POSTGRES=1, and PostgreSQL's server binaries were not found"
    );
    found
}

/// Where `initdb` and `pg_ctl` lie; the newest version where there are several.
fn bin_dir() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .map(|dirs| dirs.flatten().map(|dir| dir.path().join("bin")).collect())
        .unwrap_or_default();
    versions.sort_by_key(|bin| std::cmp::Reverse(major(bin)));
    let configured = Command::new("pg_config").arg("--bindir").output().ok();
    let configured = configured.and_then(|out| String::from_utf8(out.stdout).ok());
    std::env::split_paths(&path)
        .chain(versions)
        .chain(configured.map(|dir| PathBuf::from(dir.trim())))
        .find(|dir| ["initdb", "pg_ctl", "postgres"].iter().all(|name| dir.join(name).is_file()))
        .map(|dir| {
            fs::canonicalize(dir.join("pg_ctl")).map_or(dir, |real| real.parent().expect("a file's").into())
        })
}

/// 15 of `/usr/lib/postgresql/15/bin`.
fn major(bin: &Path) -> u32 {
    let version = bin.parent().and_then(Path::file_name).and_then(OsStr::to_str);
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

/// Who the server runs as: PostgreSQL refuses root, so `postgres` or `nobody` then.
fn server_owner() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").map_or(1, |me| me.uid()) != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"].iter().find_map(|name| {
        let mut fields =
            passwd.lines().map(|line| line.split(':')).find(|f| f.clone().next() == Some(name))?;
        Some((fields.nth(2)?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

impl Cluster {
    /// Makes and starts one; `None` where there are no server binaries.
    pub fn start(sync: Sync) -> Option<Self> {
        if !available() {
            return None;
        }
        let bin = bin_dir().expect("available says so");
        let owner = server_owner();
        let dir =
            tempfile::Builder::new().prefix("postdesk-pg-").tempdir().expect("a temporary directory").keep();
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(&dir, Some(uid), Some(gid)).expect("root may chown");
        }
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("it is ours");
        let warden = warden(&dir, &bin, owner);
        let durability = match sync {
            Sync::On => "",
            Sync::Off => " -c fsync=off -c synchronous_commit=off -c full_page_writes=off",
        };
        let options = format!(
            "-k {} -c listen_addresses= -c max_connections=300 -c shared_buffers=32MB{durability}",
            dir.display()
        );
        let cluster = Self { dir, bin, owner, options, warden };
        let data = cluster.data();
        cluster.run(
            "initdb",
            [OsStr::new("-D"), data.as_os_str()]
                .into_iter()
                .chain(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"].map(OsStr::new)),
        );
        cluster.resume();
        Some(cluster)
    }

    /// Starts the server again after [`Self::stop`], and waits until it answers.
    pub fn resume(&self) {
        let (data, log) = (self.data(), self.dir.join("log"));
        let fixed = ["-w", "-t", "60", "-o", &self.options, "start"].map(OsStr::new);
        let files = [OsStr::new("-D"), data.as_os_str(), OsStr::new("-l"), log.as_os_str()];
        self.run("pg_ctl", files.into_iter().chain(fixed));
    }

    /// Stops the server as a crash would (`pg_ctl stop -m immediate`).
    pub fn stop(&self) {
        let data = self.data();
        let fixed = ["-w", "-m", "immediate", "stop"].map(OsStr::new);
        self.run("pg_ctl", [OsStr::new("-D"), data.as_os_str()].into_iter().chain(fixed));
    }

    /// URL of a database of this cluster.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@localhost/{database}?host={}", self.dir.display())
    }

    /// Dumps one database of ours into another that is empty; `false` where the tools for it are missing.
    pub fn copy(&self, from: &str, to: &str) -> bool {
        let there = ["pg_dump", "psql"].iter().all(|tool| self.bin.join(tool).is_file());
        if there {
            let pipe = format!(
                "set -o pipefail; '{bin}/pg_dump' '{from}' | '{bin}/psql' -q -v ON_ERROR_STOP=1 '{to}' >/dev/null",
                bin = self.bin.display()
            );
            let status = Command::new("bash").args(["-c", &pipe]).status().expect("there is a shell");
            assert!(status.success(), "pg_dump: {status}");
        }
        there
    }

    fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn run<'a>(&self, program: &str, args: impl Iterator<Item = &'a OsStr>) {
        let mut command = Command::new(self.bin.join(program));
        // Not piped: the server would inherit the pipes and keep them open.
        let log = fs::File::create(self.dir.join(format!("{program}.log"))).expect("it is ours");
        let errors = log.try_clone().expect("a file");
        command.args(args).current_dir(&self.dir).stdin(Stdio::null()).stdout(log).stderr(errors);
        as_owner(&mut command, self.owner);
        let status = command.status().expect("it was found");
        let said = || fs::read_to_string(self.dir.join(format!("{program}.log"))).unwrap_or_default();
        assert!(status.success(), "{program}: {status}\n{}", said());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.warden.stdin.take());
        let _ = self.warden.wait();
    }
}

/// A shell that waits for the end of its standard input, then clears up. In a process group of its own, so that an
/// interrupt from the keyboard leaves it alone.
fn warden(dir: &Path, bin: &Path, owner: Option<(u32, u32)>) -> Child {
    let script = "cat >/dev/null; \"$1/pg_ctl\" -D \"$2/data\" -m immediate stop; cd /; rm -rf \"$2\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).args([bin, dir]).current_dir(dir).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    as_owner(&mut command, owner);
    command.spawn().expect("there is a shell")
}

fn as_owner(command: &mut Command, owner: Option<(u32, u32)>) {
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
}
