//! The commands that call a running desk, as scripts and people use them.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{Demo, postdesk, stdout};

/// A demo, and a shell user who keeps it as a profile.
pub struct Companion {
    dir: tempfile::TempDir,
    demo: Demo,
}

impl Companion {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(settings: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let demo = Demo::start_with(dir.path(), settings);
        let companion = Self { dir, demo };
        let url = companion.url();
        let added = companion.run_with(&["profile", "add", "--url", &url], companion.token().as_bytes());
        assert!(added.status.success(), "{added:?}");
        companion
    }

    pub fn url(&self) -> String {
        let line = self.demo.line("tickets?limit=3");
        let url = line.split('\'').find(|part| part.starts_with("http://")).expect("an address");
        url.split("/api/").next().expect("an address").to_owned()
    }

    pub fn token(&self) -> String {
        self.demo.line("API token").split_whitespace().last().expect("a token").to_owned()
    }

    pub fn directory(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = postdesk(self.dir.path());
        command.args(arguments).env("XDG_CONFIG_HOME", self.dir.path().join("config"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, b"")
    }

    fn run_with(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        child.stdin.take().expect("piped").write_all(input).expect("it reads");
        child.wait_with_output().expect("it ends")
    }

    /// What it prints; it must succeed.
    fn good(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {told}");
        stdout(&output)
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.good(arguments)).expect("JSON")
    }
}

/// The last six characters of the newest ticket's number.
fn newest(companion: &Companion) -> String {
    let listed = companion.good(&["tickets", "-n", "1", "--sort", "-created_at"]);
    let number = listed.split('\t').next().expect("a number");
    number[number.len() - 6..].to_lowercase()
}

#[test]
fn a_ticket_is_worked_on_from_the_command_line() {
    let desk = Companion::start();
    let opened = desk.good(&["open", "Late parcel", "-c", "jo@example.org", "--text", "Where is it?"]);
    let ticket = newest(&desk);
    assert!(opened.trim().to_lowercase().ends_with(&ticket), "{opened}");
    assert!(desk.good(&["tickets", "-s", "open", "-r", "jo@example.org"]).contains("Late parcel"));

    desk.good(&["ticket", &ticket, "assign", "ada"]);
    desk.good(&["ticket", &ticket, "priority", "high"]);
    desk.good(&["ticket", &ticket, "tag", "vip", "strike"]);
    desk.good(&["ticket", &ticket, "tag", "-strike"]);
    std::fs::write(desk.dir.path().join("notes.md"), "Ask the carrier.\n").expect("it is ours");
    desk.good(&["ticket", &ticket, "note", "-f", "notes.md"]);
    let replied = desk.run(&["ticket", &ticket, "reply", "On its way", "--resolve", "--attach", "notes.md"]);
    let told = String::from_utf8_lossy(&replied.stderr).into_owned();
    assert!(
        told.contains("is resolved, Ada") || told.contains("is resolved; mail goes to jo@example.org"),
        "{told}"
    );

    let shown = desk.good(&["ticket", &ticket]);
    for part in [
        "Late parcel",
        "resolved, high priority",
        "assignee  Ada",
        "vip",
        "a note",
        "Ask the carrier.",
        "On its way",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    assert!(!shown.contains("strike"), "{shown}");
    let seen = desk.json(&["ticket", &ticket, "show", "--json"]);
    assert_eq!(seen["responses"][2]["attachments"][0]["filename"], "notes.md");
    let stats = desk.json(&["stats", "--from", "7d", "--json"]);
    assert!(stats["tickets"]["by_priority"]["high"].as_i64() >= Some(1), "{stats}");
    assert!(desk.good(&["stats", "--from", "7d"]).contains("created"));
}

#[test]
fn every_end_has_its_exit_code() {
    let desk = Companion::start();
    let ticket = newest(&desk);
    let shown = desk.json(&["ticket", &ticket, "show", "--json"]);
    let path = format!("/tickets/{}/status", shown["number"].as_str().expect("a number"));
    let stale = ["api", "PATCH", &path, "-d", r#"{"status":"open"}"#, "-H", r#"If-Match: "0""#];
    for (arguments, want) in [
        (&["tickets"][..], 0),
        (&["tickets", "--nonsense"], 2),
        (&["tickets", "-s", "asleep"], 2),
        (&["ticket", "ZZZZZZ"], 3),
        (&["ticket", "not/a/ticket"], 3),
        (&["ticket", &ticket, "assign", "nobody"], 3),
        (&["api", "GET", "/nowhere"], 3),
        (&stale, 5),
        (&["--nonsense"], 2),
    ] {
        let output = desk.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(want),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let refused = desk
        .command(&["tickets", "--json"])
        .env("POSTDESK_URL", desk.url())
        .env("POSTDESK_TOKEN", "pdk_no")
        .output();
    let refused = refused.expect("it starts");
    assert_eq!(refused.status.code(), Some(4));
    assert!(stdout(&refused).contains("invalid_token"), "an error of the desk is JSON too");
    let gone = desk
        .command(&["tickets"])
        .env("POSTDESK_URL", "http://127.0.0.1:1")
        .env("POSTDESK_TOKEN", "pdk_x")
        .output();
    assert_eq!(gone.expect("it starts").status.code(), Some(1));
}

#[test]
fn desks_are_kept_by_name_and_their_tokens_are_not_shown() {
    let desk = Companion::start();
    let token = desk.token();
    assert!(desk.good(&["profile", "list"]).contains("* default\t"));
    desk.run_with(&["profile", "add", "second", "--url", "https://desk.shop.example"], token.as_bytes());
    desk.good(&["profile", "use", "second"]);
    let listed = desk.good(&["profile", "list"]);
    assert!(listed.contains("* second") && !listed.contains(&token), "{listed}");
    assert!(desk.good(&["tickets", "--profile", "default"]).contains("TKT-"));
    desk.good(&["profile", "remove", "second"]);
    assert!(desk.good(&["tickets"]).contains("TKT-"));
    let file = desk.dir.path().join("config/postdesk/profiles.toml");
    assert_eq!(mode(&file), 0o600);
    assert_eq!(desk.run(&["profile", "add", "x", "--url", "nowhere"]).status.code(), Some(2));
}

fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(file).expect("it is there").permissions().mode() & 0o777
}

#[test]
fn shells_and_man_know_every_command() {
    let dir = tempfile::tempdir().expect("a directory");
    for shell in ["bash", "zsh", "fish"] {
        let script = stdout(&super::run(dir.path(), &["completions", shell]));
        assert!(script.contains("tickets") && script.contains("profile"), "{shell}");
    }
    assert!(super::run(dir.path(), &["man", "pages"]).status.success());
    let page = std::fs::read_to_string(dir.path().join("pages/postdesk-ticket-reply.1")).expect("a page");
    assert!(page.contains(".TH postdesk-ticket-reply 1"), "{page}");
}
