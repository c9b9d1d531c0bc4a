//! Runs `tests/dialogs/*.smtp`, each against a door of its own:
//!
//! ```text
//! # what it shows
//! @ max_errors = 3        a key of [smtp]; `door = "lmtp"` talks to the LMTP socket
//! C: NOOP                 the client says a line
//! C< NOOP\n\x00           the client sends octets as they are, escapes undone
//! S: 250 2.0.0 *          the server's reply: `*` is anything, `?` one octet. All its lines but the last are passed
//! S: 250-SIZE *           over, unless the pattern itself is for one line of many
//! S~ silence              the server says nothing for a while
//! S. closed               the server has hung up, and said nothing before
//! ```

use std::path::PathBuf;

use postdesk::config::Smtp;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

use super::door::{Client, Door};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dialogs_go_as_written() {
    let mut files: Vec<PathBuf> = std::fs::read_dir("tests/dialogs")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "smtp"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    let failures = LocalSet::new().run_until(run_all(files)).await;
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// All at once: most of their time is waiting.
async fn run_all(files: Vec<PathBuf>) -> Vec<String> {
    let mut dialogs = JoinSet::new();
    for file in files {
        dialogs.spawn_local(run(file));
    }
    let mut failures: Vec<String> = dialogs.join_all().await.into_iter().filter_map(Result::err).collect();
    failures.sort();
    failures
}

async fn run(file: PathBuf) -> Result<(), String> {
    let script = std::fs::read_to_string(&file).unwrap();
    let settings: String =
        script.lines().filter_map(|line| line.strip_prefix("@ ")).map(|s| format!("{s}\n")).collect();
    let mut settings: toml::Table = settings.parse().unwrap();
    let is_lmtp = settings.remove("door").is_some_and(|door| door.as_str() == Some("lmtp"));
    let door = Door::open(|smtp| *smtp = changed(smtp, settings)).await;
    let address = if is_lmtp { door.addresses.lmtp[0] } else { door.addresses.smtp[0] };
    let mut client = Client::connect(address).await;
    for (number, line) in script.lines().enumerate() {
        step(&mut client, line)
            .await
            .map_err(|got| format!("{}:{}: {line}\n  got {got}", file.display(), number + 1))?;
    }
    Ok(())
}

async fn step(client: &mut Client<TcpStream>, line: &str) -> Result<(), String> {
    let (mark, text) = line.split_at_checked(3).unwrap_or((line, ""));
    match mark.trim_end() {
        "C:" => client.send(format!("{text}\r\n")).await,
        "C<" => client.send(unescape(text)).await,
        "S:" => return client.try_expect(text).await,
        "S~" => return client.try_expect_silence().await,
        "S." => return client.try_expect_close().await,
        "" => {}
        mark => assert!(mark.starts_with(['#', '@']), "what is {line:?}?"),
    }
    Ok(())
}

fn changed(smtp: &Smtp, settings: toml::Table) -> Smtp {
    let mut all = toml::Table::try_from(smtp).unwrap();
    all.extend(settings);
    all.try_into().unwrap()
}

fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut octets = text.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'\\' {
            out.push(octet);
            continue;
        }
        match octets.next() {
            Some(b'r') => out.push(b'\r'),
            Some(b'n') => out.push(b'\n'),
            Some(b'x') => {
                let digits: String = octets.by_ref().take(2).map(char::from).collect();
                out.push(u8::from_str_radix(&digits, 16).unwrap());
            }
            other => panic!("what is \\{other:?} in {text:?}?"),
        }
    }
    out
}
