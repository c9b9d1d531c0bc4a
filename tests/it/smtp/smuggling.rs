//! No odd ending ends a mail, wherever the network cuts it (CHECKLIST of end-of-data sequences).

use super::door::Door;

/// With a CR or LF that stands alone: refused after the real end.
const BARE: &[&str] = &[
    "\n.\n",
    "\n.\r",
    "\r.\n",
    "\r.\r",
    "\n.\r\n",
    "\r.\r\n",
    "\r\n.\n",
    "\r\n.\r",
    "\r\n.\r\r\n",
    "\r\r\n.\r\r\n",
    "\r\n\n.\r\n",
    "\n\r.\n\r",
    "\n\n.\n\n",
    "\r\n.\n\r\n",
];

/// Only data.
const ODD: &[&str] = &[
    "\r\n\0.\r\n",
    "\r\n.\0\r\n",
    "\u{b}.\u{b}",
    "\u{c}.\u{c}",
    "\u{1c}.\u{1c}",
    "\u{1d}.\u{1d}",
    "\u{1e}.\u{1e}",
    "\u{85}.\u{85}",
    "\u{2028}.\u{2028}",
    "\u{2029}.\u{2029}",
    "\r\n\u{feff}.\r\n",
    "\r\n\u{ff0e}\r\n",
    "\r\n .\r\n",
    "\r\n. \r\n",
    "\r\n\t.\r\n",
    "\r\n.\t\r\n",
];

const OUTER: &str = "From: a@client.example\r\nSubject: outer\r\n\r\nbody";
const SMUGGLED: &str =
    "MAIL FROM:<b@client.example>\r\nRCPT TO:<support@shop.example>\r\nDATA\r\nSubject: smuggled\r\n\r\nx";

#[tokio::test]
async fn an_odd_ending_is_met_with_silence_and_one_answer() {
    let door = Door::open(|smtp| smtp.max_errors = 1000).await;
    for (endings, want) in [(BARE, "554 5.6.0 *"), (ODD, "250 2.0.0 accepted as *")] {
        for ending in endings {
            let mut client = door.client_in_data().await;
            client.send(format!("{OUTER}{ending}")).await;
            let silence = client.try_expect_silence().await;
            assert_eq!(silence, Ok(()), "{}", ending.escape_debug());
            client.send(format!("{SMUGGLED}\r\n.\r\n")).await;
            let answer = client.try_expect(want).await;
            assert_eq!(answer, Ok(()), "{}", ending.escape_debug());
            client.ask("NOOP", "250 2.0.0 ok").await;
        }
    }
}

#[tokio::test]
async fn an_odd_ending_in_the_header_is_no_better() {
    let door = Door::open(|smtp| smtp.max_errors = 1000).await;
    let mut client = door.client().await;
    for ending in BARE {
        client.begin_mail().await;
        client.ask("DATA", "354 *").await;
        client.send(format!("Subject: outer{ending}X: y\r\n\r\nbody\r\n.\r\n")).await;
        client.expect("554 5.6.0 *").await;
    }
}

/// The end of data, and what is nearly one, across the edge of every buffer we could have.
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

/// What follows a mail that is too big is data as long as the mail has not ended.
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
