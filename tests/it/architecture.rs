//! What a program can check of the house's invariants: which room imports which, and where wire codes are spoken.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use regex::Regex;

/// Room → what it may import, besides itself. A room that is not here may not exist: give it its line first.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("clock", &["model"]),
    ("config", &["model"]),
    ("telemetry", &[]),
    ("templates", &["model"]),
    ("mail", &["model"]),
    ("sender", &["mail", "model", "clock", "config"]),
    ("store", &["model", "clock"]),
    ("desk", &["model", "mail", "store", "clock", "config", "telemetry"]),
    ("smtp", &["mail", "sender", "model", "desk", "config", "clock", "telemetry"]),
    ("outbox", &["mail", "sender", "model", "templates", "desk", "config", "clock", "telemetry"]),
    ("http", &["mail", "sender", "model", "templates", "desk", "config", "clock", "telemetry"]),
    ("webhooks", &["model", "desk", "config", "clock"]),
    ("fuzzing", &["mail", "sender", "smtp", "model", "desk", "config", "clock"]),
];

/// Files of the binary: they put the rooms together, and may know them all.
const BINARY: &[&str] = &["main", "program"];

/// One source file, without comments and without its tests.
struct Source {
    room: String,
    path: PathBuf,
    code: String,
}

fn sources() -> Vec<Source> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&src, &mut files);
    let rooms = files.into_iter().map(|path| {
        let inside = path.strip_prefix(&src).expect("inside").to_owned();
        let first = inside.iter().next().expect("a name").to_string_lossy();
        let room = first.trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).expect("text");
        Source { room, path: inside, code: without_comments_and_tests(&text) }
    });
    rooms.filter(|source| source.room != "lib" && !is_test_file(&source.path)).collect()
}

fn walk(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory").flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn is_test_file(path: &Path) -> bool {
    path.file_stem().is_some_and(|stem| stem == "tests") || path.iter().any(|part| part == "tests")
}

/// Tests stand at the foot of a file, so the rest of it goes.
fn without_comments_and_tests(text: &str) -> String {
    let tests = Regex::new(r"#\[cfg\(test\)\]\n(pub\(crate\) )?mod ").expect("a pattern");
    let code = tests.split(text).next().expect("split gives one at least");
    let lines = code.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

/// First words after `crate::`, of plain paths and of `use crate::{…}`.
fn imports(code: &str) -> BTreeSet<String> {
    let path = Regex::new(r"crate::(?:(\w+)|\{([^;]*)\})").expect("a pattern");
    let mut found = BTreeSet::new();
    for captures in path.captures_iter(code) {
        if let Some(one) = captures.get(1) {
            found.insert(one.as_str().to_owned());
        }
        found.extend(captures.get(2).iter().flat_map(|group| heads(group.as_str())));
    }
    found
}

/// `a::{b, c}, d` → `a`, `d`.
fn heads(group: &str) -> Vec<String> {
    let mut depth = 0;
    let outer: String = group
        .chars()
        .filter(|&c| {
            depth += i32::from(c == '{');
            let keep = depth == 0;
            depth -= i32::from(c == '}');
            keep
        })
        .collect();
    let head = |part: &str| part.trim().split("::").next().unwrap_or_default().to_owned();
    outer.split(',').map(head).filter(|head| !head.is_empty()).collect()
}

#[test]
fn rooms_import_only_what_they_may() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !BINARY.contains(&source.room.as_str())) {
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(room, _)| *room == source.room) else {
            wrong.push(format!("{}: no such room in DESIGN §2", source.path.display()));
            continue;
        };
        for import in imports(&source.code) {
            if import != source.room && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{}: {} may not import {import}", source.path.display(), source.room));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines of the code that match, as `path: line`.
fn lines_with(pattern: &str, sources: &[Source], skip: impl Fn(&Source) -> bool) -> Vec<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    let looked_at = sources.iter().filter(|source| !skip(source));
    let hits = looked_at.flat_map(|source| {
        let lines = source.code.lines().filter(|line| pattern.is_match(line));
        lines.map(|line| format!("{}: {}", source.path.display(), line.trim()))
    });
    hits.collect()
}

#[test]
fn smtp_codes_live_in_two_files() {
    let sources = sources();
    let spoken = lines_with(r#""[2-5]\d\d[ -]"#, &sources, |source| {
        // A sample is what some remote said once.
        ["smtp/reply.rs", "outbox/judge.rs", "templates/sample.rs", "desk/seeding/generate/story.rs"]
            .iter()
            .any(|home| source.path == Path::new(home))
            || BINARY.contains(&source.room.as_str())
            || source.room == "http"
    });
    assert!(spoken.is_empty(), "{}", spoken.join("\n"));
    let numbers = lines_with(r"\b(220|221|250|252|354|421|45[0-5]|50[0-4]|55[0-5])\b", &sources, |source| {
        source.room != "smtp" || source.path == Path::new("smtp/reply.rs")
    });
    assert!(numbers.is_empty(), "{}", numbers.join("\n"));
}

#[test]
fn http_codes_live_in_http() {
    let spoken = lines_with(r"\bStatusCode\b|\baxum\b", &sources(), |source| {
        source.room == "http" || BINARY.contains(&source.room.as_str())
    });
    assert!(spoken.is_empty(), "{}", spoken.join("\n"));
}

#[test]
fn only_the_program_uses_anyhow() {
    let used = lines_with(r"\banyhow\b", &sources(), |source| BINARY.contains(&source.room.as_str()));
    assert!(used.is_empty(), "{}", used.join("\n"));
}

#[test]
fn sql_is_written_in_the_store_alone() {
    let written = lines_with(r"\b(sqlx|rusqlite)\b", &sources(), |source| source.room == "store");
    assert!(written.is_empty(), "{}", written.join("\n"));
}

#[test]
fn imports_are_found_in_every_shape() {
    let code = "use crate::{mail::{a, b}, model}; use crate::store::Tx; fn f(x: crate::desk::Error) {}";
    let found: Vec<_> = imports(code).into_iter().collect();
    assert_eq!(found, ["desk", "mail", "model", "store"]);
}
