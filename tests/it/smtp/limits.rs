//! Caps that need more than one client, or much data.

use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::door::{Client, Door};

/// CHECKLIST §3, idle floods: whoever has waited longest without a word makes room.
#[tokio::test]
async fn idle_sessions_make_room_for_others() {
    let door = Door::open(|smtp| smtp.max_sessions = 20).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(door.client().await);
    }
    for number in 0..30 {
        let mut client = door.client().await;
        client.begin_mail().await;
        client.ask("DATA", "354 *").await;
        client.send(format!("Subject: {number}\r\n\r\nx\r\n.\r\n")).await;
        client.expect("250 2.0.0 *").await;
        idle.push(client);
    }
    idle[0].expect("421 4.3.2 *").await;
    assert_eq!(idle[0].try_expect_close().await, Ok(()));
}

/// Those that are in the middle of a mail keep their places.
#[tokio::test]
async fn sessions_beyond_the_cap_are_sent_away() {
    let door = Door::open(|smtp| smtp.max_sessions = 2).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut client = door.client().await;
        client.begin_mail().await;
        client.ask("DATA", "354 *").await;
        busy.push(client);
    }
    let mut third = door.connect().await;
    third.expect("421 4.3.2 *").await;
    assert_eq!(third.try_expect_close().await, Ok(()));
    busy.remove(0);
    greeted_in_time(&door).await;
}

#[tokio::test]
async fn sessions_of_one_stranger_are_limited() {
    let door = Door::open(|smtp| {
        smtp.max_sessions_per_ip = 1;
        smtp.trusted_networks.clear();
    })
    .await;
    let first = door.client().await;
    let mut second = door.connect().await;
    second.expect("421 4.3.2 *").await;
    drop(first);
    greeted_in_time(&door).await;
}

/// A place that was left is free soon, but the door hears of it in its own time.
async fn greeted_in_time(door: &Door) {
    for _ in 0..100 {
        if door.connect().await.try_expect("220 *").await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the place was never free again");
}

#[tokio::test]
async fn our_own_networks_may_have_many_sessions() {
    let door = Door::open(|smtp| smtp.max_sessions_per_ip = 1).await;
    let mut sessions: Vec<Client<TcpStream>> = Vec::new();
    for _ in 0..20 {
        sessions.push(door.client().await);
    }
    for session in &mut sessions {
        session.ask("NOOP", "250 2.0.0 ok").await;
    }
}

/// RFC 5321 §4.5.3.1.8, §4.5.3.1.10: a hundred are taken as we come, and the mail goes to them.
#[tokio::test]
async fn a_hundred_recipients_are_taken_and_one_more_is_not() {
    let door = Door::open(|_| {}).await;
    let mut client = door.client().await;
    client.ask("MAIL FROM:<a@client.example>", "250 2.1.0 *").await;
    let recipients: String = (0..101).map(|n| format!("RCPT TO:<support+{n}@shop.example>\r\n")).collect();
    client.send(recipients).await;
    for _ in 0..100 {
        client.expect("250 2.1.5 *").await;
    }
    client.expect("452 4.5.3 *").await;
    client.ask("DATA", "354 *").await;
    client.ask("Subject: many\r\n\r\nx\r\n.", "250 2.0.0 accepted as *").await;
}

/// RFC 5321 §4.5.3.2.7: five minutes at least between two commands, as we come; a mail may be larger than 64 KiB
/// (§4.5.3.1.7), a text line longer than 1000 octets (§4.5.3.1.6).
#[test]
fn defaults_are_as_patient_as_they_should_be() {
    let smtp = postdesk::config::Smtp::default();
    assert_eq!(smtp.command_timeout_seconds, 300);
    assert!(smtp.session_timeout_seconds >= 300 && smtp.max_message_mb >= 1 && smtp.max_line >= 1000);
}

/// RFC 5321 §4.5.3.1.7, RFC 1870 §6.3.
#[tokio::test]
async fn a_mail_of_just_the_limit_is_taken_and_one_octet_more_is_not() {
    let door = Door::open(|smtp| smtp.max_message_mb = 1).await;
    let mut client = door.client().await;
    let mail = format!("{}\r\n", "x".repeat(62)).repeat(1024 * 1024 / 64);
    assert_eq!(mail.len(), 1024 * 1024);
    for (extra, want) in [("", "250 2.0.0 accepted as *"), ("\r\n", "552 5.3.4 *")] {
        client.begin_mail().await;
        client.ask("DATA", "354 *").await;
        client.send(format!("{mail}{extra}.\r\n")).await;
        client.expect(want).await;
    }
}

/// Whoever fills the files of big mails, however slowly, stops big mails alone. Lines of a thousand octets are taken
/// (RFC 5321 §4.5.3.1.6).
#[tokio::test]
async fn the_files_of_big_mails_are_bounded_and_given_back() {
    let door = Door::open(|smtp| smtp.max_spool_mb = 1).await;
    let mail = format!("{}\r\n", "x".repeat(998)).repeat(700);
    let mut first = door.client_in_data().await;
    first.send(&mail).await;
    // The first mail's octets are all read when its session answers nothing more; give it that time.
    assert_eq!(first.try_expect_silence().await, Ok(()));
    let mut second = door.client_in_data().await;
    second.send(format!("{mail}.\r\n")).await;
    second.expect("452 4.3.1 *").await;
    let mut small = door.client_in_data().await;
    small.ask("Subject: small\r\n\r\nx\r\n.", "250 2.0.0 accepted as *").await;
    first.ask(".", "250 2.0.0 accepted as *").await;
    second.begin_mail().await;
    second.ask("DATA", "354 *").await;
    second.ask(&format!("{mail}."), "250 2.0.0 accepted as *").await;
}

#[tokio::test]
async fn a_line_without_end_is_refused_and_costs_nothing() {
    let door = Door::open(|_| {}).await;
    let mut client = door.client().await;
    client.send("x".repeat(1024 * 1024)).await;
    client.send("\r\n").await;
    client.expect("500 5.5.2 *").await;
    client.ask("NOOP", "250 2.0.0 ok").await;
}

/// RFC 5321 §4.3.1. A client on a busy machine may be too slow to be early, so it tries a few times.
#[tokio::test]
async fn a_stranger_that_does_not_wait_for_the_greeting_is_not_served() {
    let door = Door::open(|smtp| smtp.trusted_networks.clear()).await;
    for _ in 0..50 {
        let mut client = door.connect().await;
        client.send("EHLO client.example\r\n").await;
        if client.try_expect("554 5.5.1 *").await.is_ok() {
            assert_eq!(client.try_expect_close().await, Ok(()));
            return;
        }
    }
    panic!("never noticed");
}

/// The deadline is the command's, not the read's.
#[tokio::test]
async fn octet_by_octet_does_not_stretch_a_deadline() {
    let door = Door::open(|smtp| smtp.command_timeout_seconds = 1).await;
    let mut client = door.client().await;
    let begun = Instant::now();
    let ended = async {
        while client.stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));
}
