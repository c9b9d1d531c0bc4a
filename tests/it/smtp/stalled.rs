//! CHECKLIST §3, stalled TLS and slow readers: clients that stop in the middle are cut off at the deadline, and nobody
//! waits for them.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::door::Door;
use super::tls::{files, make_certificate};

/// Longer than a deadline of a second and our last words take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A mail comes in, at once.
async fn others_are_served(door: &Door) {
    let begun = Instant::now();
    let mut client = door.client_in_data().await;
    client.ask("Subject: one\r\n\r\none\r\n.", "250 2.0.0 accepted as *").await;
    assert!(begun.elapsed() < Duration::from_secs(5));
}

/// CHECKLIST §3, stalled TLS: no ClientHello ever comes, or half of one.
#[tokio::test]
async fn a_handshake_that_never_comes_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    make_certificate(&files(dir.path()));
    let door = Door::open(|smtp| {
        smtp.tls = Some(files(dir.path()));
        smtp.listen_tls = vec!["127.0.0.1:0".parse().unwrap()];
        smtp.command_timeout_seconds = 1;
    })
    .await;
    let mut stalled = Vec::new();
    for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut upgrading = door.client().await;
        upgrading.ask("STARTTLS", "220 2.0.0 *").await;
        for mut stream in [upgrading.stream, TcpStream::connect(door.addresses.smtps[0]).await.unwrap()] {
            stream.write_all(begun).await.unwrap();
            stalled.push(stream);
        }
    }
    others_are_served(&door).await;
    for mut stream in stalled {
        let mut said = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("it closes");
        assert!(!said.starts_with(b"2"), "{}", said.escape_ascii());
    }
}

/// Nor does it hold the door open when that closes.
#[tokio::test]
async fn a_handshake_that_never_comes_delays_no_stop() {
    let dir = tempfile::tempdir().unwrap();
    make_certificate(&files(dir.path()));
    let door = Door::open(|smtp| smtp.tls = Some(files(dir.path()))).await;
    let mut upgrading = door.client().await;
    upgrading.ask("STARTTLS", "220 2.0.0 *").await;
    door.stop.cancel();
    timeout(Duration::from_secs(5), door.running).await.expect("it does not wait").unwrap();
}

/// CHECKLIST §3, slow readers: commands without end, and none of our replies read.
#[tokio::test]
async fn a_client_that_never_reads_is_cut_off() {
    let door = Door::open(|smtp| smtp.command_timeout_seconds = 1).await;
    let mut deaf = door.client().await;
    // Each is answered at length.
    let commands = "EHLO client.example\r\n".repeat(1_000);
    let told = async { while deaf.stream.write_all(commands.as_bytes()).await.is_ok() {} };
    let (told, ()) = tokio::join!(timeout(PATIENCE, told), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        others_are_served(&door).await;
    });
    told.expect("it closes");
}
