//! No open relay: whatever a recipient looks like, and whoever asks, nothing is taken for elsewhere.

use super::door::Door;

/// Of strangers, of us, and of nobody.
const SENDERS: &[&str] =
    &["", "spammer@client.example", "support@shop.example", "postmaster@shop.example", "spammer@[127.0.0.1]"];

/// Each would reach somebody else, were it taken and followed.
const RECIPIENTS: &[&str] = &[
    "victim@elsewhere.example",
    "victim@[192.0.2.1]",
    "victim@[IPv6:2001:db8::1]",
    "victim%elsewhere.example",
    "victim%elsewhere.example@shop.example",
    "victim%elsewhere.example@[127.0.0.1]",
    "victim%elsewhere.example@localhost",
    "\"victim@elsewhere.example\"",
    "\"victim%elsewhere.example\"",
    "\"victim@elsewhere.example\"@shop.example",
    "\"victim%elsewhere.example\"@shop.example",
    "\"victim\"@elsewhere.example",
    "victim@elsewhere.example@shop.example",
    "victim@elsewhere.example@[127.0.0.1]",
    "@shop.example:victim@elsewhere.example",
    "@[127.0.0.1]:victim@elsewhere.example",
    "@a.example,@shop.example:victim@elsewhere.example",
    "elsewhere.example!victim",
    "elsewhere.example!victim@shop.example",
    "elsewhere.example!victim@[127.0.0.1]",
    "support@shop.example.elsewhere.example",
];

/// RFC 5321 §7.9, §3.6; CHECKLIST §3, open relay, 21 forms from 5 senders.
#[tokio::test]
async fn nothing_is_taken_for_elsewhere() {
    let door = Door::open(|smtp| smtp.max_errors = 1000).await;
    let mut client = door.client().await;
    for sender in SENDERS {
        client.ask(&format!("MAIL FROM:<{sender}>"), "250 2.1.0 *").await;
        for recipient in RECIPIENTS {
            client.send(format!("RCPT TO:<{recipient}>\r\n")).await;
            assert_eq!(client.try_expect("5?? 5.?.? *").await, Ok(()), "from {sender} to {recipient}");
        }
        client.ask("DATA", "554 5.5.1 *").await;
        client.ask("RSET", "250 2.0.0 *").await;
    }
    let kept = "SELECT (SELECT count(*) FROM inbound_mails) + (SELECT count(*) FROM outbox)";
    assert_eq!(door.database.count(kept).await, 0);
}
