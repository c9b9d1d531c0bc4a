//! What stands in the log of the program: nothing of a mail, and no line that somebody else wrote.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::outgoing::until;
use crate::support::program::{Program, free_port};
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

/// What would look like a line of ours, or wipe those before it.
const FORGED: &str = "\n2026-03-02T09:00:00.000000Z  INFO FORGED \r\u{1b}[2J\u{1b}]0;FORGED\u{7}\u{2028}\u{85}\u{9b}31m\0\u{202E}FORGED";

/// The same without what ends a line.
fn in_a_line() -> String {
    FORGED.replace(['\r', '\n', '\0'], "")
}

/// Says it all at once, and waits until the other side is done with it.
async fn say(address: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    stream.write_all(text.as_bytes()).await.expect("it listens");
    let mut said = Vec::new();
    // What it did not care to read makes a reset of its end.
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}

/// A client that is not who it says, where a command has room for it.
async fn speak_smtp(smtp: SocketAddr) {
    let line = in_a_line();
    for text in [FORGED, &line] {
        for hello in [format!("EHLO {text}"), "EHLO client.test".to_owned()] {
            let mail = format!(
                "From: \"{text}\" <jo@shop.test>\r\nSubject: {text}\r\nMessage-ID: <{text}@shop.test>"
            );
            let commands = [
                hello,
                format!("MAIL FROM:<jo{text}@shop.test> ENVID={text}"),
                format!("MAIL FROM:<\"{line}\"@shop.test>"),
                format!("RCPT TO:<{text}@desk.test>"),
                format!("RCPT TO:<support+{line}@desk.test>"),
                format!("RCPT TO:<{SUPPORT}>"),
                "DATA".to_owned(),
            ];
            for command in commands {
                // One session each: what comes behind a refused one must not be taken for data.
                say(smtp, &format!("EHLO client.test\r\nMAIL FROM:<jo@shop.test>\r\n{command}\r\nQUIT\r\n"))
                    .await;
            }
            let whole = format!(
                "MAIL FROM:<jo@shop.test>\r\nRCPT TO:<{SUPPORT}>\r\nDATA\r\n{mail}\r\n\r\n{text}\r\n.\r\nQUIT\r\n"
            );
            say(smtp, &format!("EHLO client.test\r\n{whole}")).await;
        }
    }
}

async fn speak_http(http: SocketAddr) {
    let line = in_a_line();
    let coded = "%0a%0d%1b%5b2J%e2%80%a8FORGED";
    for head in [
        format!("GET /api/support/{line} HTTP/1.1\r\n"),
        format!("GET /api/support/{coded}?{coded} HTTP/1.1\r\n"),
        format!("POST /api/support/tickets/{coded}/responses HTTP/1.1\r\nContent-Length: 0\r\n"),
        format!("GET /livez HTTP/1.1\r\nUser-Agent: {line}\r\nX-Request-Id: {line}\r\n"),
        format!(
            "GET /livez HTTP/1.1\r\nX-Request-Id: FORGED\u{2028}\r\nX-Forwarded-For: {}\r\n",
            line.replace('\u{1b}', "")
        ),
        format!("GET /livez HTTP/1.1\r\nAuthorization: Bearer {}\r\n", line.replace('\u{1b}', "")),
        format!("FORGED{line} /livez HTTP/1.1\r\n"),
    ] {
        say(http, &format!("{head}Host: desk.test\r\nConnection: close\r\n\r\n")).await;
    }
}

/// "CHECKLIST §3, log injection" (CWE-117, CWE-150): a line begins where one of ours does, and no terminal obeys it.
#[tokio::test]
async fn nobody_writes_lines_of_the_log() {
    for format in ["human", "json"] {
        let database = Database::fresh(Engine::Sqlite).await;
        let http = free_port();
        let shell = format!(
            "exec 2>log\nexport POSTDESK_LOG=debug POSTDESK_LOG_FORMAT={format} POSTDESK_HTTP_ENABLED=true POSTDESK_HTTP_LISTEN={http}"
        );
        let program = Program::start(database.dir(), &database.url, &shell).await;
        speak_smtp(program.smtp).await;
        speak_http(http).await;
        program.stop();
        let log = std::fs::read_to_string(database.dir().join("log")).expect("UTF-8");
        assert!(log.contains("FORGED") && log.contains("mail in"), "{log}");
        for line in log.lines() {
            let odd = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202E}');
            assert!(!line.contains(odd), "{format}: {line:?}");
            let is_ours = match format {
                "json" => serde_json::from_str::<serde_json::Value>(line)
                    .is_ok_and(|line| line["timestamp"].is_string()),
                _ => line.starts_with("20") && !line.starts_with("2026-03-02T09:00:00.000000Z"),
            };
            assert!(is_ours, "{format}: {line:?}");
        }
    }
}
