//! What the program says of mail in its log.

use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::outgoing::until;
use crate::support::program::Program;
use crate::support::{Database, Engine};

/// DESIGN §8.5, CWE-532: however much is logged, no word of a mail is in it: taken, refused, or on its way out.
#[tokio::test]
async fn no_log_has_the_text_of_a_mail() {
    let database = Database::fresh(Engine::Sqlite).await;
    let log = database.dir().join("log");
    let shell = format!("set -- \"$@\" --log debug; exec >'{}' 2>&1", log.display());
    let program = Program::start(database.dir(), &database.url, &shell).await;
    let mut client = Client::connect(program.smtp).await.expect("greeted");
    let head = "From: Xyzzy Jo <jo@shop.test>\r\nSubject: Xyzzy lamp\r\nMIME-Version: 1.0\r\n";
    let text = "Content-Type: text/html\r\n\r\n<p>Xyzzy <b>broke</b>.</p>\r\n";
    let broken = "Content-Type: multipart/mixed; boundary=Xyzzy\r\n\r\n--Xyzzy\r\nContent-Type: x; name=Xyzzy.pdf\r\n\r\nXyzzy\u{1}\r\n";
    for (body, want) in [(text, "250 "), (broken, "250 "), ("\r\nXyzzy\nxyzzy\r\n", "554 ")] {
        let reply = client.send("jo@shop.test", SUPPORT, format!("{head}{body}").as_bytes()).await;
        let reply = reply.expect("answered");
        assert!(reply.starts_with(want), "{reply}");
    }
    client.say("XYZZY xyzzy").await.expect("answered");
    let kept = "SELECT count(*) FROM outbox WHERE status = 'captured' AND mime IS NOT NULL";
    until("sent", async || database.count(kept).await >= 2).await;
    program.stop();
    let log = std::fs::read_to_string(log).expect("it was written");
    assert!(log.contains("DEBUG") && log.contains("mail in") && log.contains("mail out"), "{log}");
    let told = log.lines().find(|line| line.to_lowercase().contains("xyzzy"));
    assert_eq!(told, None);
}
