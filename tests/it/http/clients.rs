//! Slow ones, idle ones, and more than there is room for.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{Door, PATIENCE, answer, rest, say};
use crate::support::Engine;

const LIVE: &str = "GET /livez HTTP/1.1\r\nHost: desk.test\r\n\r\n";

/// Sends octet after octet until the other side has had enough; `true` when it had.
async fn trickle(stream: &mut TcpStream) -> bool {
    let ended = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.is_ok()
}

/// "CHECKLIST §3, slowloris" (CVE-2007-6750): the deadline is the head's, not the read's.
#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let door = Door::open(Engine::Sqlite, |http| http.head_timeout_seconds = 1).await;
    for begun in ["", "GET /livez HTTP/1.1\r\nX-Slow: "] {
        let mut slow = door.connect().await;
        say(&mut slow, begun).await;
        assert!(trickle(&mut slow).await, "{begun:?} may take for ever");
    }
}

/// "CHECKLIST §3, over-long everything" (RFC 9110 §5.4; RFC 6585 §5).
#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let door = Door::open(Engine::Sqlite, |_| {}).await;
    let mut client = door.connect().await;
    let head = format!("GET /livez HTTP/1.1\r\nX-Large: {}", "x".repeat(256 << 10));
    // It may have closed before it was all sent.
    let _ = client.write_all(head.as_bytes()).await;
    let said = rest(&mut client).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{said}");
}

/// "CHECKLIST §3, slowloris" (CVE-2007-6750), in the body (R-U-Dead-Yet).
#[tokio::test]
async fn a_body_that_trickles_is_refused() {
    let door = Door::open(Engine::Sqlite, |http| http.body_timeout_seconds = 1).await;
    let mut slow = door.connect().await;
    let (head, body) = door.opening();
    say(&mut slow, &format!("{head}{}", &body[..10])).await;
    let said = rest(&mut slow).await;
    assert!(said.starts_with("HTTP/1.1 400 ") && said.contains("did not arrive in time"), "{said}");
    assert_eq!(door.app.database.count("SELECT COUNT(*) FROM tickets").await, 0);
}

/// CHECKLIST §3, slow readers: whoever asks for much and reads nothing of it is cut off, and nobody waits for them.
#[tokio::test]
async fn a_client_that_reads_nothing_is_cut_off() {
    let door = Door::open(Engine::Sqlite, |http| http.body_timeout_seconds = 1).await;
    let mut deaf = door.connect().await;
    say(&mut deaf, &"GET /api/support/openapi.json HTTP/1.1\r\nHost: desk.test\r\n\r\n".repeat(50)).await;
    let mut other = door.connect().await;
    say(&mut other, LIVE).await;
    assert!(answer(&mut other).await.starts_with("HTTP/1.1 200 "));
    assert!(trickle(&mut deaf).await, "it may take for ever");
}

/// CVE-2007-6750 without a word: before the first request, and after the last.
#[tokio::test]
async fn an_idle_connection_is_closed() {
    let door = Door::open(Engine::Sqlite, |http| http.head_timeout_seconds = 1).await;
    let mut silent = door.connect().await;
    let mut idle = door.connect().await;
    for _ in 0..2 {
        say(&mut idle, LIVE).await;
        assert!(answer(&mut idle).await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
}

/// Whoever comes beyond the cap is neither served nor refused, and has their turn when a place is free.
#[tokio::test]
async fn connections_beyond_the_cap_wait_for_a_place() {
    let door = Door::open(Engine::Sqlite, |http| http.max_connections = 2).await;
    let mut first = door.connect().await;
    let mut second = door.connect().await;
    for client in [&mut first, &mut second] {
        say(client, LIVE).await;
        answer(client).await;
    }
    let mut third = door.connect().await;
    say(&mut third, LIVE).await;
    let early = tokio::time::timeout(Duration::from_millis(300), third.readable()).await;
    assert!(early.is_err(), "there is no place");
    say(&mut first, LIVE).await;
    assert!(answer(&mut first).await.starts_with("HTTP/1.1 200 "), "those inside are served");
    drop(second);
    assert!(answer(&mut third).await.starts_with("HTTP/1.1 200 "));
}

/// All places taken by clients that say nothing: they are free again at the deadline.
#[tokio::test]
async fn silent_clients_hold_their_places_for_a_while_only() {
    let door = Door::open(Engine::Sqlite, |http| {
        http.max_connections = 2;
        http.head_timeout_seconds = 1;
    })
    .await;
    let _silent = [door.connect().await, door.connect().await];
    let mut client = door.connect().await;
    say(&mut client, LIVE).await;
    assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 "));
}
