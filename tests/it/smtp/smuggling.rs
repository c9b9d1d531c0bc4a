//! No odd ending ends a mail, wherever the network cuts it: only CR LF . CR LF does (RFC 5321 §4.1.1.4, §2.3.8;
//! CVE-2023-51764, CVE-2023-51765, CVE-2023-51766).

use futures_util::future::join_all;

use super::door::Door;

/// With a CR or LF that stands alone: refused after the real end.
const BARE: &[&[u8]] = &[
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\r\n\n.\r\n",
    b"\n\r.\n\r",
    b"\n\n.\n\n",
    b"\r\n.\n\r\n",
];

/// Only data.
const ODD: &[&[u8]] = &[
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\x0b.\x0b",
    b"\x0c.\x0c",
    b"\x1c.\x1c",
    b"\x1d.\x1d",
    b"\x1e.\x1e",
    b"\x85.\x85",
    b"\r\n\x85.\x85\r\n",
    "\u{85}.\u{85}".as_bytes(),
    "\u{2028}.\u{2028}".as_bytes(),
    "\u{2029}.\u{2029}".as_bytes(),
    "\r\n\u{feff}.\r\n".as_bytes(),
    "\r\n\u{ff0e}\r\n".as_bytes(),
    b"\r\n .\r\n",
    b"\r\n. \r\n",
    b"\r\n\t.\r\n",
    b"\r\n.\t\r\n",
];

const OUTER: &str = "From: a@client.example\r\nSubject: outer\r\n\r\nbody";
/// By BDAT (Exim, CVE-2023-51766), and by DATA.
const SMUGGLED: &str = "MAIL FROM:<b@client.example>\r\nRCPT TO:<support@shop.example>\r\nBDAT 13 LAST\r\nSubject: one\r\n\
    MAIL FROM:<b@client.example>\r\nRCPT TO:<support@shop.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx";

/// RFC 5321 §4.1.1.4, §2.3.8; CVE-2023-51764, CVE-2023-51765, CVE-2023-51766.
#[tokio::test]
async fn an_odd_ending_is_met_with_silence_and_one_answer() {
    let door = &Door::open(|smtp| smtp.max_errors = 1000).await;
    for (endings, want) in [(BARE, "554 5.6.0 *"), (ODD, "250 2.0.0 accepted as *")] {
        join_all(endings.iter().map(async |ending| {
            let mut client = door.client_in_data().await;
            client.send([OUTER.as_bytes(), ending].concat()).await;
            let silence = client.try_expect_silence().await;
            assert_eq!(silence, Ok(()), "{}", ending.escape_ascii());
            client.send(format!("{SMUGGLED}\r\n.\r\n")).await;
            let answer = client.try_expect(want).await;
            assert_eq!(answer, Ok(()), "{}", ending.escape_ascii());
            client.ask("NOOP", "250 2.0.0 ok").await;
        }))
        .await;
    }
    kept(door, ODD.len()).await;
}

/// RFC 5321 §2.3.8: neither VT nor NEL ends a line of the header, and a bare CR or LF is refused there too.
#[tokio::test]
async fn an_odd_ending_in_the_header_is_no_better() {
    let door = &Door::open(|smtp| smtp.max_errors = 1000).await;
    let mut client = door.client().await;
    for (endings, want) in [(BARE, "554 5.6.0 *"), (ODD, "250 2.0.0 accepted as *")] {
        for ending in endings {
            client.begin_mail().await;
            client.ask("DATA", "354 *").await;
            client.send([b"Subject: outer", *ending, b"X: y\r\n\r\nbody\r\n.\r\nNOOP\r\n"].concat()).await;
            assert_eq!(client.try_expect(want).await, Ok(()), "{}", ending.escape_ascii());
            client.expect("250 2.0.0 ok").await;
        }
    }
    kept(door, ODD.len()).await;
}

/// So many mails came in, and none of them was smuggled.
async fn kept(door: &Door, mails: usize) {
    let subjects = door.database.texts("SELECT subject FROM inbound_mails").await;
    let smuggled = subjects.iter().find(|subject| !subject.starts_with("outer"));
    assert_eq!((subjects.len(), smuggled), (mails, None));
}

/// RFC 5321 §4.1.1.4: the end of data, and what is nearly one, across the edge of every buffer we could have.
#[tokio::test]
async fn an_edge_of_a_buffer_is_no_end() {
    let door = Door::open(|smtp| smtp.max_errors = 1000).await;
    let mut client = door.client().await;
    for edge in [510_usize, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536] {
        for shift in 0..6 {
            let lines = "0123456789\r\n".repeat(edge / 12);
            let padding = "x".repeat(edge - lines.len() - 2 - shift % 2);
            client.begin_mail().await;
            client.ask("DATA", "354 *").await;
            let body = format!("{lines}{padding}\r\n..\r\n.. \r\nNOOP\r\n");
            let (head, tail) = body.split_at(body.len() - 6 - shift);
            client.send(head).await;
            client.send(tail).await;
            client.send(".\r\nNOOP\r\n").await;
            client.expect("250 2.0.0 accepted as *").await;
            client.expect("250 2.0.0 ok").await;
        }
    }
}

/// RFC 5321 §4.1.1.4, RFC 1870 §6.3: what follows a mail that is too big is data as long as the mail has not ended.
#[tokio::test]
async fn nothing_hides_behind_the_size_limit() {
    let door = Door::open(|smtp| smtp.max_message_mb = 1).await;
    let mut client = door.client_in_data().await;
    let line = format!("{}\r\n", "x".repeat(998));
    client.send(line.repeat(1100)).await;
    client.send(format!("\r\n..\r\n{SMUGGLED}\r\n.\r\n")).await;
    client.expect("552 5.3.4 *").await;
    client.ask("NOOP", "250 2.0.0 ok").await;
}

/// RFC 3030 §2, CVE-2023-51766.
#[tokio::test]
async fn a_chunk_holds_no_commands() {
    let door = Door::open(|_| {}).await;
    let mut client = door.client().await;
    client.begin_mail().await;
    let inner = format!("Subject: one\r\n\r\n.\r\nBDAT 5 LAST\r\nQUIT\r\n{SMUGGLED}\r\n.\r\n");
    client.send(format!("BDAT {} LAST\r\n{inner}NOOP\r\n", inner.len())).await;
    client.expect("250 2.0.0 accepted as *").await;
    client.expect("250 2.0.0 ok").await;
}
