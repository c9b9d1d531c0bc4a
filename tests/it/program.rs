//! The program as a user meets it: commands, what they print, and how they end.

mod companion;
mod documents;
mod logs;

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_postdesk");

fn postdesk(dir: &Path) -> Command {
    away_from_home(PROGRAM, dir)
}

/// A command away from the settings of whoever runs the tests.
fn away_from_home(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
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
        Self::start_with(dir, &[])
    }

    fn start_with(dir: &Path, settings: &[(&str, &str)]) -> Self {
        let mut child = postdesk(dir)
            .arg("demo")
            .envs([("POSTDESK_SMTP_LISTEN", "127.0.0.1:0"), ("POSTDESK_HTTP_LISTEN", "127.0.0.1:0")])
            .envs(settings.iter().copied())
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
    let lines = |start: &'static str| stdout(&good).lines().filter(|line| line.starts_with(start)).count();
    assert_eq!(lines("FAIL"), 0, "{}", stdout(&good));
    assert_eq!(lines("ok   key pd") + lines("warn key pd"), 2, "{}", stdout(&good));
    for (name, value, want) in [
        ("POSTDESK_SMTP_LISTEN", "nowhere", "FAIL POSTDESK_SMTP_LISTEN smtp.listen[0]: "),
        (
            "POSTDESK_STORE_URL",
            "sqlite:/nowhere/at/all.db",
            "FAIL POSTDESK_STORE_URL store.url: there is no directory",
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
fn keys_that_sign_are_made_shown_and_checked() {
    let dir = tempfile::tempdir().expect("a directory");
    let said = stdout(&run(dir.path(), &["init", "--mailbox", "help@shop.example"]));
    let records = |said: &str| {
        let lines =
            said.lines().filter(|line| line.contains("._domainkey.shop.example. IN TXT ( \"v=DKIM1; "));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(records(&said).len(), 2, "{said}");
    assert_eq!(records(&stdout(&run(dir.path(), &["dkim", "show"]))), records(&said));
    for file in std::fs::read_dir(dir.path().join("dkim")).expect("a directory").flatten() {
        let mode = file.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file:?}");
    }
    let again = ["dkim", "new", "--domain", "shop.example"];
    assert!(!run(dir.path(), &again).status.success(), "none is written over");
    let next = stdout(&run(dir.path(), &[&again[..], &["--selector", "next"]].concat()));
    assert!(records(&next).len() == 2 && next.contains("selector = \"next-rsa\"\nkey = \"/"), "{next}");
    for (domain, want) in [("../../etc", "--domain"), ("", "--domain")] {
        let refused = run(dir.path(), &["dkim", "new", "--domain", domain]);
        assert!(String::from_utf8_lossy(&refused.stderr).contains(want), "{refused:?}");
    }
    let check = |dkim: &str| {
        stdout(&postdesk(dir.path()).arg("check").env("POSTDESK_DKIM", dkim).output().expect("it starts"))
    };
    let ed25519 = "next-ed25519._domainkey.shop.example=dkim/shop.example.next-ed25519.pem";
    assert!(check(ed25519).contains(" key next-ed25519._domainkey.shop.example "));
    let want = "FAIL POSTDESK_DKIM dkim[0].key: postdesk.toml holds no private key; expected PEM, as";
    assert!(check("pd._domainkey.shop.example=postdesk.toml").contains(want));
    let want = "FAIL POSTDESK_DKIM dkim: \"pd\" is not a list of selector._domainkey.domain=file";
    assert!(check("pd").contains(want), "{}", check("pd"));
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
    assert!(said.contains(&format!("FAIL POSTDESK_HTTP_LISTEN http.listen: {address} is taken")), "{said}");
    assert!(said.contains("FAIL POSTDESK_OUTBOX_RELAY_HOST outbox.relay.host: 127.0.0.1:"), "{said}");
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
fn templates_are_written_out_checked_and_shown() {
    let dir = tempfile::tempdir().expect("a directory");
    let done = |arguments: &[&str]| {
        let output = run(dir.path(), arguments);
        (output.status.success(), stdout(&output))
    };
    assert!(done(&["init", "--mailbox", "support@shop.example"]).0);
    let (good, words) = done(&["templates", "export", "mine"]);
    assert!(good && words.contains("files written, 0 left as they are"), "{words}");
    assert!(dir.path().join("mine/mail/ticket_reply.txt").exists());
    assert_eq!(done(&["templates", "check", "mine"]), (true, "ok   templates\n".into()));
    std::fs::write(dir.path().join("mine/mail/ticket_reply.txt"), "{{ message.txt }}").expect("it writes");
    let (good, words) = done(&["templates", "check", "mine"]);
    assert!(!good && words.contains("mine/mail/ticket_reply") && words.contains("message.txt"), "{words}");
    let (_, words) = done(&["templates", "export", "mine"]);
    assert!(words.starts_with("0 files written"), "{words}");

    assert_eq!(done(&["templates", "check"]), (true, "ok   templates\n".into()));
    let (good, words) = done(&["templates", "preview", "ticket_received", "--locale", "de"]);
    assert!(good && words.starts_with("Subject: ") && words.contains("Betreff"), "{words}");
    assert!(done(&["templates", "preview", "ticket_received", "--out", "mail.html"]).0);
    let html = std::fs::read_to_string(dir.path().join("mail.html")).expect("it was written");
    assert!(html.contains("<!doctype html>") || html.contains("<!DOCTYPE html>"), "{html}");
    assert!(!done(&["templates", "preview", "no_such_mail"]).0);
    assert!(!done(&["templates", "preview", "ticket_reply", "--ticket", "TKT-2026-AAAAAA"]).0);
}

#[test]
fn serve_without_settings_says_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = run(dir.path(), &["serve"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("postdesk init") && said.contains("keys.reply"), "{said}");
}

/// Hands in what a supervisor would: an SMTP and an HTTP socket, and an LMTP one in a file.
const SUPERVISOR: &str = "
import os, socket, sys
held = [socket.create_server(('127.0.0.1', 0)) for _ in range(2)]
unix = socket.socket(socket.AF_UNIX)
unix.bind('lmtp.sock')
unix.listen()
with open('ports', 'w') as ports:
    ports.write(' '.join(str(s.getsockname()[1]) for s in held))
# Out of the way first, then to where the protocol wants them.
high = [os.dup2(s.fileno(), 20 + i) for i, s in enumerate(held + [unix])]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='3', LISTEN_FDNAMES=sys.argv[1])
os.execv(sys.argv[2], sys.argv[2:])
";

/// The program under that supervisor; `None` where there is no Python to write one in.
fn supervised(dir: &Path, names: &str) -> Option<Command> {
    if !Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success()) {
        crate::support::say("python3 is not installed: sockets handed in were not tried");
        return None;
    }
    let mut command = away_from_home("python3", dir);
    command.args(["-c", SUPERVISOR, names, PROGRAM, "serve"]);
    command.env("POSTDESK_SMTP_LISTEN", "192.0.2.1:25").env("POSTDESK_HTTP_LISTEN", "192.0.2.1:80");
    Some(command)
}

#[test]
fn sockets_that_are_handed_in_take_the_place_of_addresses() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), &["init"]);
    let Some(mut command) = supervised(dir.path(), "smtp:http:lmtp") else { return };
    let mut child = command.stderr(Stdio::null()).spawn().expect("it starts");
    let ports = dir.path().join("ports");
    let ports = std::iter::repeat_with(|| std::fs::read_to_string(&ports).unwrap_or_default())
        .inspect(|_| std::thread::sleep(Duration::from_millis(10)))
        .find(|text| text.contains(' '))
        .expect("it never ends");
    let (smtp, http) = ports.split_once(' ').expect("two ports");
    // Nobody is refused: a client that comes before the desk is there waits for it.
    let greets = |mut stream: std::net::TcpStream, say: &str| {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        std::io::Write::write_all(&mut stream, say.as_bytes()).expect("it listens");
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).expect("an answer");
        line
    };
    let connect = |port: &str| std::net::TcpStream::connect(format!("127.0.0.1:{port}")).expect("it listens");
    assert!(greets(connect(smtp), "").starts_with("220 "));
    assert!(greets(connect(http), "GET /livez HTTP/1.0\r\n\r\n").contains(" 200 "));
    let mut line = String::new();
    let file = dir.path().join("lmtp.sock");
    let lmtp = std::os::unix::net::UnixStream::connect(&file).expect("it listens");
    BufReader::new(lmtp).read_line(&mut line).expect("a greeting");
    assert!(line.starts_with("220 "), "{line}");
    shell(&format!("kill -TERM {}", child.id()));
    assert!(child.wait().expect("it ends").success());
    assert!(file.exists(), "the file is the supervisor's");
}

#[test]
fn a_socket_without_a_known_name_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    run(dir.path(), &["init"]);
    let Some(mut command) = supervised(dir.path(), "smtp:postdesk.socket:lmtp") else { return };
    let output = command.output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("\"postdesk.socket\": expected FileDescriptorName="),
        "{said}"
    );
}
