//! Python, for judges nobody here wrote: its `email` package, and dkimpy.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// A Python that can import some modules.
#[derive(Clone, Copy)]
pub struct Python(&'static str);

impl Python {
    /// The first that has these modules: the one on `PATH`, or the system's own, which Debian's packages belong to.
    /// Says once what was not tested when there is none, and fails when `POSTDESK_TEST_REQUIRE_PYTHON` asks for one.
    pub fn with(modules: &[&str]) -> Option<Self> {
        static KNOWN: Mutex<BTreeMap<String, Option<Python>>> = Mutex::new(BTreeMap::new());
        let wanted = modules.join(", ");
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let found = *known.entry(wanted.clone()).or_insert_with(|| find(modules));
        assert!(
            found.is_some() || std::env::var_os("POSTDESK_TEST_REQUIRE_PYTHON").is_none_or(|v| v != "1"),
            "POSTDESK_TEST_REQUIRE_PYTHON=1, and no python3 has {wanted}"
        );
        found
    }

    /// Runs a script with arguments and standard input, and returns what it printed.
    pub fn run(&self, script: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new(self.0)
            .args(["-X", "utf8", "-c", script])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it ran before");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_vec();
        // A script that prints before it has read everything must not wait for us.
        let writer = std::thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success(), "{}: {}", self.0, output.status);
        writer.join().expect("no panic").expect("the script reads its input");
        output.stdout
    }
}

fn find(modules: &[&str]) -> Option<Python> {
    let found = ["python3", "/usr/bin/python3"].into_iter().find(|python| imports(python, modules));
    if found.is_none() {
        super::say(&format!("not tested: what needs a python3 with {}", modules.join(", ")));
    }
    found.map(Python)
}

fn imports(python: &str, modules: &[&str]) -> bool {
    let script: String = modules.iter().map(|module| format!("import {module}\n")).collect();
    let quiet =
        Command::new(python).args(["-c", &script]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet.is_ok_and(|status| status.success())
}
