//! What stands in the ledger: the octets as they were sent, and our `Received` apart from them.

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::door::{Client, Door};
use super::tls::{files, make_certificate, open, secure};

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

/// RFC 5321 §4.5.2.
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

/// RFC 3030 §2.
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

/// RFC 5321 §4.4.
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

/// RFC 3848, RFC 6531 §4.3: what was spoken, and whether in TLS.
#[tokio::test]
async fn received_names_the_protocol() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = make_certificate(&files(dir.path()));
    let door = open(dir.path()).await;
    let mut plain = door.client().await;
    mail_in(&mut plain, " SMTPUTF8").await;
    plain.ask("STARTTLS", "220 2.0.0 *").await;
    let mut upgraded = secure(plain.stream, &certificate).await.unwrap();
    upgraded.ask("EHLO client.example", "250 DSN").await;
    mail_in(&mut upgraded, "").await;
    let stream = TcpStream::connect(door.addresses.smtps[0]).await.unwrap();
    let mut from_the_start = secure(stream, &certificate).await.unwrap();
    from_the_start.expect("220 *").await;
    from_the_start.ask("EHLO client.example", "250 DSN").await;
    mail_in(&mut from_the_start, " SMTPUTF8").await;
    for parameter in ["", " SMTPUTF8"] {
        let mut lmtp = Client::connect(door.addresses.lmtp[0]).await;
        lmtp.expect("220 *").await;
        lmtp.ask("LHLO client.example", "250 *").await;
        mail_in(&mut lmtp, parameter).await;
    }
    let received = door.database.texts("SELECT received_header FROM inbound_mails ORDER BY id").await;
    let with =
        received.iter().map(|field| field.split(" with ").nth(1).unwrap().split("\r\n").next().unwrap());
    assert_eq!(with.collect::<Vec<_>>(), ["UTF8SMTP", "ESMTPS", "UTF8SMTPS", "LMTP", "UTF8LMTP"]);
}

/// A mail, with this behind `MAIL FROM`.
async fn mail_in<S: AsyncRead + AsyncWrite + Unpin>(client: &mut Client<S>, parameter: &str) {
    client.ask(&format!("MAIL FROM:<a@client.example>{parameter}"), "250 2.1.0 *").await;
    client.ask("RCPT TO:<support@shop.example>", "250 2.1.5 *").await;
    client.ask("DATA", "354 *").await;
    client.ask("Subject: one\r\n.", "250 2.0.0 accepted as *").await;
}

/// RFC 5321 §4.1.1.10: a connection that ends in the middle of a mail leaves nothing, as RSET does.
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
