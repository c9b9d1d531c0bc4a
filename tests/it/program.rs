//! The program as a user meets it: commands, what they print, and how they end.

use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The program, away from the settings of whoever runs the tests.
fn postdesk(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postdesk"));
    command.current_dir(dir);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("POSTDESK_")) {
        command.env_remove(name);
    }
    command
}

fn run(dir: &Path, arguments: &[&str]) -> Output {
    postdesk(dir).args(arguments).output().expect("it starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a line of shell prints; it must succeed.
fn shell(line: &str) -> String {
    let output = Command::new("sh").args(["-c", line]).output().expect("sh");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    stdout(&output)
}

/// A demo on free ports, and what it printed up to the last address.
struct Demo {
    child: Child,
    /// Held open: what the demo prints must have somewhere to go.
    _output: Lines<BufReader<ChildStdout>>,
    welcome: String,
}

impl Demo {
    fn start(dir: &Path) -> Self {
        let mut child = postdesk(dir)
            .arg("demo")
            .envs([("POSTDESK_SMTP_LISTEN", "127.0.0.1:0"), ("POSTDESK_HTTP_LISTEN", "127.0.0.1:0")])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut welcome = String::new();
        while !welcome.contains("/email-logs") {
            let line = lines.next().expect("it says how to use it").expect("text");
            welcome += &format!("{line}\n");
        }
        Self { child, _output: lines, welcome }
    }

    /// The first line with this in it, without indentation.
    fn line(&self, part: &str) -> &str {
        let line = self.welcome.lines().find(|line| line.contains(part));
        line.unwrap_or_else(|| panic!("no {part:?} in\n{}", self.welcome)).trim()
    }

    /// Tells it to stop, and how long that took.
    fn stop(mut self) -> (Duration, Option<i32>) {
        let began = Instant::now();
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        let status = self.child.wait().expect("it ends");
        (began.elapsed(), status.code())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_starts_takes_a_mail_and_stops() {
    let dir = tempfile::tempdir().expect("a directory");
    let demo = Demo::start(dir.path());
    let sent = shell(demo.line(" send --server"));
    assert!(sent.starts_with("250 2.0.0 accepted as "), "{sent}");
    if Command::new("curl").arg("--version").output().is_ok() {
        shell(demo.line("curl -sS smtp://"));
        let listed = shell(demo.line("tickets?limit=3"));
        assert!(listed.contains("Where is my order?") && listed.contains("Wrong size"), "{listed}");
        let answered = shell(demo.line("/responses"));
        assert!(answered.contains("It is on its way."), "{answered}");
        let logs = shell(demo.line("/email-logs"));
        assert!(logs.contains("ticket_reply"), "{logs}");
    } else {
        crate::support::say("curl is not installed: the demo's curl commands were not tried");
    }
    let token = demo.line("API token").to_owned();
    let (took, code) = demo.stop();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(5), "took {took:?}");

    let again = Demo::start(dir.path());
    assert_eq!(again.line("API token"), token, "the token outlives a restart");
    again.stop();
}

#[test]
fn init_writes_once_and_check_agrees() {
    let dir = tempfile::tempdir().expect("a directory");
    let written = run(dir.path(), &["init", "--mailbox", "help@shop.example"]);
    assert!(written.status.success(), "{written:?}");
    let file = dir.path().join("postdesk.toml");
    let text = std::fs::read_to_string(&file).expect("it was written");
    assert!(text.contains("address = \"help@shop.example\"") && !text.contains("MADE-BY-INIT"));
    assert!(!run(dir.path(), &["init"]).status.success(), "it must not overwrite");
    assert_eq!(std::fs::read_to_string(&file).expect("it was written"), text);

    let free = ["127.0.0.1:0"; 2];
    let check = |broken: &[(&str, &str)]| {
        let mut command = postdesk(dir.path());
        command.args(["check"]).env("POSTDESK_SMTP_LISTEN", free[0]).env("POSTDESK_HTTP_LISTEN", free[1]);
        command.envs(broken.iter().copied()).output().expect("it starts")
    };
    let good = check(&[]);
    assert!(good.status.success(), "{}", stdout(&good));
    assert!(stdout(&good).lines().all(|line| line.starts_with("ok ")), "{}", stdout(&good));
    for (name, value, want) in [
        ("POSTDESK_SMTP_LISTEN", "nowhere", "FAIL POSTDESK_SMTP_LISTEN smtp.listen[0]: "),
        (
            "POSTDESK_STORE_URL",
            "sqlite:/nowhere/at/all.db",
            "FAIL postdesk.toml store.url: there is no directory",
        ),
        (
            "POSTDESK_SMPT_LISTEN",
            "x",
            "FAIL POSTDESK_SMPT_LISTEN: there is no such setting; did you mean POSTDESK_SMTP_LISTEN?",
        ),
    ] {
        let bad = check(&[(name, value)]);
        assert_eq!(bad.status.code(), Some(1));
        assert!(stdout(&bad).contains(want), "{name}={value}: {}", stdout(&bad));
    }
}

#[test]
fn check_finds_a_relay_that_is_not_there_and_an_address_that_is_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), &["init"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound").to_string();
    let closed = std::net::TcpListener::bind("127.0.0.1:0")
        .expect("a free port")
        .local_addr()
        .expect("bound")
        .port()
        .to_string();
    let output = postdesk(dir.path())
        .arg("check")
        .env("POSTDESK_SMTP_LISTEN", "127.0.0.1:0")
        .env("POSTDESK_HTTP_LISTEN", &address)
        .env("POSTDESK_OUTBOX_TRANSPORT", "relay")
        .env("POSTDESK_OUTBOX_RELAY_HOST", "127.0.0.1")
        .env("POSTDESK_OUTBOX_RELAY_PORT", &closed)
        .output()
        .expect("it starts");
    let said = stdout(&output);
    assert!(said.contains(&format!("FAIL postdesk.toml http.listen: {address} is taken")), "{said}");
    assert!(said.contains("FAIL postdesk.toml outbox.relay.host: 127.0.0.1:"), "{said}");
}

#[test]
fn tokens_and_seeds_from_the_command_line() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), &["init"]);
    assert!(stdout(&run(dir.path(), &["migrate"])).contains("up to date"));
    let made =
        run(dir.path(), &["token", "create", "--name", "shop", "--scopes", "tickets:read,tickets:create"]);
    let secret = stdout(&made);
    assert!(secret.starts_with("pdk_") && secret.trim_end().len() == 56, "the token alone: {secret:?}");
    let listed = stdout(&run(dir.path(), &["token", "list"]));
    assert!(listed.contains("tickets:read,tickets:create") && !listed.contains(secret.trim()), "{listed}");
    assert!(run(dir.path(), &["token", "revoke", "shop"]).status.success());
    assert!(!run(dir.path(), &["token", "revoke", "shop"]).status.success());
    assert!(!run(dir.path(), &["token", "create", "--name", "x", "--scopes", "everything"]).status.success());

    assert!(stdout(&run(dir.path(), &["seed", "load"])).contains("5 tickets"));
    assert!(stdout(&run(dir.path(), &["seed", "load"])).contains("nothing added"));
    let reset = stdout(&run(dir.path(), &["seed", "reset"]));
    assert!(reset.contains("taken away") && reset.contains("5 tickets"), "{reset}");
}

#[test]
fn serve_without_settings_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = run(dir.path(), &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("postdesk init") && said.contains("keys.reply"), "{said}");
}
