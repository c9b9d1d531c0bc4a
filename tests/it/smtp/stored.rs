//! What stands in the ledger: the octets as they were sent, and our `Received` apart from them.

use super::door::Door;

/// How many rows of the ledger have exactly these octets.
async fn rows_with(door: &Door, raw: &[u8]) -> i64 {
    let hex: String = raw.iter().map(|octet| format!("{octet:02x}")).collect();
    door.database.count(&format!("SELECT count(*) FROM inbound_mails WHERE raw = x'{hex}'")).await
}

/// How many have a `Received` like this, and these recipients.
async fn rows_received(door: &Door, received: &str, recipients: &str) -> i64 {
    let sql = format!(
        "SELECT count(*) FROM inbound_mails WHERE received_header LIKE '{received}' AND recipients = '{recipients}'"
    );
    door.database.count(&sql).await
}

#[tokio::test]
async fn a_mail_is_kept_as_it_was_sent() {
    let door = Door::open(|_| {}).await;
    let mut client = door.client_in_data().await;
    client
        .send(b"From: a@client.example\r\nSubject: \xe4\r\n\r\n..one dot\r\n...\r\n \t \r\n\xff\0\r\n.\r\n")
        .await;
    client.expect("250 2.0.0 accepted as *").await;
    let raw = b"From: a@client.example\r\nSubject: \xe4\r\n\r\n.one dot\r\n..\r\n \t \r\n\xff\0\r\n";
    assert_eq!(rows_with(&door, raw).await, 1);
}

#[tokio::test]
async fn chunks_are_kept_as_they_were_sent() {
    let door = Door::open(|_| {}).await;
    let mut client = door.client().await;
    client.begin_mail().await;
    let raw = b"From: a@client.example\r\n\r\n..two dots\r\n.\r\nno end of line";
    client.send(format!("BDAT {}\r\n", raw.len() - 9)).await;
    client.send(&raw[..raw.len() - 9]).await;
    client.expect("250 2.0.0 *").await;
    client.send("BDAT 9 LAST\r\n").await;
    client.send(&raw[raw.len() - 9..]).await;
    client.expect("250 2.0.0 accepted as *").await;
    assert_eq!(rows_with(&door, raw).await, 1);
}

#[tokio::test]
async fn a_normalised_line_feed_is_kept_as_cr_lf() {
    let door = Door::open(|smtp| smtp.bare_lf = postdesk::config::BareLf::Normalize).await;
    let mut client = door.client_in_data().await;
    client.send("Subject: one\n\n.one dot\n.\nend\r\n.\r\n").await;
    client.expect("250 2.0.0 accepted as *").await;
    assert_eq!(rows_with(&door, b"Subject: one\r\n\r\n.one dot\r\n.\r\nend\r\n").await, 1);
}

#[tokio::test]
async fn received_says_how_it_came_and_names_a_lone_recipient() {
    let door = Door::open(|_| {}).await;
    let mut client = door.client().await;
    let lone = "Received: from client.example ([127.0.0.1])\r\n\tby mx.shop.example (Postdesk) with ESMTP\r\n\tid %\r\n\
                \tfor <support@shop.example>;\r\n\t%, % +0000\r\n";
    client.begin_mail().await;
    client.ask("DATA", "354 *").await;
    client.ask("Subject: one\r\n.", "250 2.0.0 accepted as *").await;
    assert_eq!(rows_received(&door, lone, r#"["support@shop.example"]"#).await, 1);

    client.ask("HELO client.example", "250 *").await;
    client.begin_mail().await;
    client.ask("RCPT TO:<Abuse@shop.example>", "250 2.1.5 *").await;
    client.ask("DATA", "354 *").await;
    client.ask("Subject: two\r\n.", "250 2.0.0 accepted as *").await;
    let many = "Received: from client.example ([127.0.0.1])\r\n\tby mx.shop.example (Postdesk) with SMTP\r\n\tid %;\r\n\t% +0000\r\n";
    assert_eq!(rows_received(&door, many, r#"["support@shop.example","Abuse@shop.example"]"#).await, 1);
    assert_eq!(rows_received(&door, "%for %", r#"["support@shop.example","Abuse@shop.example"]"#).await, 0);
}

#[tokio::test]
async fn what_was_refused_is_not_there() {
    let door = Door::open(|smtp| (smtp.max_message_mb, smtp.max_errors) = (1, 99)).await;
    let mut client = door.client().await;
    let too_big = format!("{}\r\n", "x".repeat(998)).repeat(1100);
    for (mail, want) in [("a\nb", "554 5.6.0 *"), ("a\rb", "554 5.6.0 *"), (too_big.as_str(), "552 5.3.4 *")]
    {
        client.begin_mail().await;
        client.ask("DATA", "354 *").await;
        client.ask(&format!("Subject: one\r\n\r\n{mail}\r\n."), want).await;
    }
    client.begin_mail().await;
    client.ask("DATA", "354 *").await;
    client.send("Subject: one\r\n\r\nhalf of it").await;
    drop(client);
    assert_eq!(door.client().await.try_expect_silence().await, Ok(()));
    assert_eq!(door.database.count("SELECT count(*) FROM inbound_mails").await, 0);
}
