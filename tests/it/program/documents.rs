//! What the documents tell people to type works: each example runs against a demo.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::companion::Companion;
use crate::support::say;

/// Examples that run until they are stopped; tests of what they listen to try them.
const SERVERS: [&str; 4] = ["live.sh", "live.mjs", "webhook_receiver.py", "webhook_receiver.mjs"];

fn documents() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// The fenced blocks of a language, one after another; one that says more than its language shows something else.
fn blocks(file: &str, language: &str) -> String {
    let text = std::fs::read_to_string(documents().join(file)).expect("the document");
    let fence = format!("```{language}\n");
    text.split(fence.as_str()).skip(1).map(|rest| rest.split("```").next().expect("an end")).collect()
}

/// Whether a program is here; a test that could not be run says so.
fn has(program: &str) -> bool {
    let here = Command::new(program).arg("--version").output().is_ok();
    if !here {
        say(&format!("{program} is not installed: examples that need it were not tried"));
    }
    here
}

/// Runs a program on a file, with the desk in its environment; it must succeed.
fn runs(desk: &Companion, program: &str, file: &Path) -> String {
    let mut command = super::away_from_home(program, desk.directory());
    command.arg(file).env("POSTDESK_URL", desk.url()).env("POSTDESK_TOKEN", desk.token());
    let output = command.output().expect("it starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {told}\n{wrong}", file.display());
    told
}

#[test]
fn the_commands_of_the_api_by_example_work() {
    if !has("curl") || !has("python3") {
        return;
    }
    let desk = Companion::start_with(&[("POSTDESK_WEBHOOKS_ALLOW_PRIVATE_TARGETS", "true")]);
    let commands = blocks("api.md", "sh").replace("8000", &free_port().to_string());
    let kept = commands.lines().filter(|line| !line.starts_with("API=") && !line.starts_with("TOKEN="));
    let commands: String = kept.map(|line| format!("{line}\n")).collect();
    let script = format!(
        "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n\
         API=\"$POSTDESK_URL/api/support\"\nTOKEN=\"$POSTDESK_TOKEN\"\n\
         curl() {{ command curl --fail-with-body \"$@\"; }}\n{commands}"
    );
    let file = desk.directory().join("api.sh");
    std::fs::write(&file, script).expect("it is ours");
    std::fs::write(desk.directory().join("README.md"), "A file to attach.\n").expect("it is ours");
    std::os::unix::fs::symlink(documents(), desk.directory().join("docs")).expect("it is ours");
    runs(&desk, "bash", &file);
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[test]
fn the_scripts_of_the_api_by_example_work() {
    if !has("node") {
        return;
    }
    let desk = Companion::start();
    let script = blocks("api.md", "js");
    let file = desk.directory().join("api.mjs");
    std::fs::write(&file, script).expect("it is ours");
    runs(&desk, "node", &file);
}

#[test]
fn every_example_works() {
    let desk = Companion::start();
    let mut files: Vec<_> = std::fs::read_dir(documents().join("examples"))
        .expect("examples")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().expect("a name").to_string_lossy().into_owned();
        let program = match file.extension().and_then(|kind| kind.to_str()) {
            _ if SERVERS.contains(&name.as_str()) => continue,
            Some("sh") => "bash",
            Some("py") => "python3",
            Some("mjs") => "node",
            _ => continue,
        };
        if has(program) {
            runs(&desk, program, &file);
        }
    }
}
