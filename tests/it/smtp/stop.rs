//! The door closes: who is in the middle of a mail may finish it, within bounds, and all others are sent away.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use super::door::Door;

#[tokio::test]
async fn a_mail_that_has_begun_is_taken_and_the_rest_sent_away() {
    let door = Door::open(|_| {}).await;
    let mut idle = door.client().await;
    let mut in_data = door.client_in_data().await;
    in_data.send("Subject: one\r\n\r\nhalf").await;
    let mut in_chunks = door.client().await;
    in_chunks.begin_mail().await;
    in_chunks.ask("BDAT 2\r\n", "250 2.0.0 *").await;
    door.stop.cancel();
    idle.expect("421 4.3.2 *").await;
    assert_eq!(idle.try_expect_close().await, Ok(()));
    assert!(tokio::net::TcpStream::connect(door.addresses.smtp[0]).await.is_err(), "nobody listens any more");
    in_data.send(" of it\r\n.\r\n").await;
    in_data.expect("250 2.0.0 accepted as *").await;
    in_data.expect("421 4.3.2 *").await;
    in_chunks.ask("BDAT 0 LAST", "250 2.0.0 accepted as *").await;
    in_chunks.expect("421 4.3.2 *").await;
    door.running.await.unwrap();
}

#[tokio::test]
async fn nobody_holds_the_door_open_for_ever() {
    let door = Door::open(|smtp| smtp.shutdown_seconds = 1).await;
    let mut in_data = door.client_in_data().await;
    in_data.send("Subject: one\r\n").await;
    let begun = Instant::now();
    door.stop.cancel();
    door.running.await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    in_data.expect("421 4.3.2 *").await;
    assert_eq!(in_data.try_expect_close().await, Ok(()));
}

#[tokio::test]
async fn a_unix_socket_is_served_and_taken_away() {
    let path = std::env::temp_dir().join(format!("postdesk-lmtp-{}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let door = Door::open(|smtp| smtp.lmtp_listen = vec![format!("unix:{}", path.display())]).await;
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660, "whoever connects is trusted");
    let mut client = super::door::Client::new(tokio::net::UnixStream::connect(&path).await.unwrap());
    client.expect("220 *").await;
    client.ask("LHLO client.example", "250 *").await;
    client.begin_mail().await;
    client.ask("DATA", "354 *").await;
    client.ask("Subject: one\r\n\r\none\r\n.", "250 2.0.0 accepted as *").await;
    door.stop.cancel();
    client.expect("421 4.3.2 *").await;
    door.running.await.unwrap();
    assert!(!path.exists());
}
