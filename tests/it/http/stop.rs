//! The door closes: what is under way is finished, nothing new begins, and it ends.

use tokio::net::TcpStream;

use super::{Door, PATIENCE, answer, rest, say};
use crate::support::Engine;

/// Waits until nobody listens.
async fn refused(door: &Door) {
    let refused = async {
        while TcpStream::connect(door.address).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("new connections are refused");
}

both_engines! {
    async fn a_request_under_way_is_answered(engine: Engine) {
        let door = Door::open(engine, |_| {}).await;
        let mut client = door.connect().await;
        // A first one, so that the connection is known to be served.
        say(&mut client, "GET /livez HTTP/1.1\r\nHost: desk.test\r\n\r\n").await;
        answer(&mut client).await;
        let (head, body) = door.opening();
        let (begun, left) = body.split_at(10);
        say(&mut client, &format!("{head}{begun}")).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        door.stop.cancel();
        refused(&door).await;
        say(&mut client, left).await;
        let said = rest(&mut client).await;
        assert!(said.starts_with("HTTP/1.1 201 "), "{said}");
        assert!(said.to_lowercase().contains("\r\nconnection: close\r\n"), "{said}");
        assert_eq!(door.app.database.count("SELECT COUNT(*) FROM tickets").await, 1);
        door.closed().await;
    }
}

/// Idle ones have nothing to finish; nor have those that never said a word.
#[tokio::test]
async fn idle_connections_end_at_once() {
    let door = Door::open(Engine::Sqlite, |http| {
        http.head_timeout_seconds = 3_600;
        http.shutdown_seconds = 3_600;
    })
    .await;
    let mut silent = door.connect().await;
    let mut idle = door.connect().await;
    say(&mut idle, "GET /livez HTTP/1.1\r\nHost: desk.test\r\n\r\n").await;
    answer(&mut idle).await;
    door.stop.cancel();
    assert_eq!(rest(&mut idle).await, "");
    assert_eq!(rest(&mut silent).await, "");
    door.closed().await;
}

#[tokio::test]
async fn a_request_that_never_ends_is_cut_off() {
    let door = Door::open(Engine::Sqlite, |http| {
        http.head_timeout_seconds = 3_600;
        http.body_timeout_seconds = 3_600;
        http.shutdown_seconds = 1;
    })
    .await;
    let (head, body) = door.opening();
    let (mut in_head, mut in_body) = (door.connect().await, door.connect().await);
    say(&mut in_head, &head[..20]).await;
    say(&mut in_body, &format!("{head}{}", &body[..10])).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    door.stop.cancel();
    assert_eq!(rest(&mut in_head).await, "");
    assert_eq!(rest(&mut in_body).await, "");
    door.closed().await;
}
