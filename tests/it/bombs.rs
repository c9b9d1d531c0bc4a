//! Mails made to cost more to read than to write. Small ones here, for builds without optimisation;
//! `POSTDESK_TEST_BOMBS=full` has them as large as CHECKLIST names them.

use std::fmt::Write as _;
use std::time::Duration;

use data_encoding::BASE64;

use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::program::Program;
use crate::support::{App, Engine};

/// Most memory that the program may ever have had while bombs come in, four at a time, kB.
const MOST_MEMORY: u64 = 300 << 10;
/// How long a mail may take to be answered; far longer than it should.
const PATIENCE: Duration = Duration::from_secs(60);

/// A part of what the full figure is.
fn some(full: usize) -> usize {
    if std::env::var_os("POSTDESK_TEST_BOMBS").is_some_and(|size| size == "full") { full } else { full / 40 }
}

fn many(count: usize, make: impl Fn(usize) -> String) -> String {
    (0..count).map(make).collect()
}

/// A field folded into lines that RFC 5322 §2.1.1 allows.
fn folded(name: &str, unit: &str, count: usize) -> String {
    let each = (70 / unit.len()).max(1);
    format!("{name}: {}\r\n\r\nx\r\n", format!("{}\r\n ", unit.repeat(each)).repeat(count / each))
}

fn encoded(kind: &str, encoding: &str, content: &str) -> String {
    format!("Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{content}\r\n")
}

/// Octets as base64, in lines of 76.
fn base64(octets: &[u8]) -> String {
    octets.chunks(57).fold(String::new(), |mut text, line| {
        let _ = write!(text, "{}\r\n", BASE64.encode(line));
        text
    })
}

/// A gzip file of so many times 258 zeros (RFC 1951 §3.2.6: one literal, then copies of what came before).
fn gzip_of_zeros(times: usize) -> Vec<u8> {
    let bits = format!("11000110000{}0000000", "1100010100000".repeat(times));
    let packed = bits
        .as_bytes()
        .chunks(8)
        .map(|octet| octet.iter().enumerate().fold(0, |sum, (place, bit)| sum | ((bit - b'0') << place)));
    [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3].into_iter().chain(packed).chain([0; 8]).collect()
}

/// A zip file of one name that says it holds 4 GiB.
fn zip_of_much() -> Vec<u8> {
    let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0\0\0\0\0\x10\0\0\0\xFF\xFF\xFF\xFF\x01\0\0\0a".to_vec();
    zip.extend(gzip_of_zeros(100));
    zip
}

/// Name and text of each, CR LF at its ends.
fn bombs() -> Vec<(&'static str, String)> {
    let mixed = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    let html = |text: String| encoded("text/html; charset=utf-8", "8bit", &text);
    let lines =
        |unit: &str, octets: usize| format!("{}\r\n", unit.repeat(76 / unit.len())).repeat(octets / 78);
    let entities =
        "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"ha\"><!ENTITY c \"&b;&b;&b;&b;\">]><a>&c;</a>";
    let charsets =
        ["utf-7", "iso-2022-jp", "hz-gb-2312", "x-mac-nonsense", "cp037", "utf-32", "", "unicode-1-1-utf-7"];
    let charset = |n: usize| {
        let name = charsets[n % charsets.len()];
        format!("--b\r\nContent-Type: text/plain; charset=\"{name}\"\r\n\r\n\x1b$B+AAA~{{+/v8-\u{e4}\r\n")
    };
    vec![
        (
            "depth",
            many(some(10_000), |n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")),
        ),
        ("mails in mails", "Content-Type: message/rfc822\r\n\r\n".repeat(some(10_000))),
        ("parts", format!("{mixed}{}", "--b\r\n\r\nx\r\n".repeat(some(100_000)))),
        (
            "files",
            format!("{mixed}{}", "--b\r\nContent-Type: a/b; name=a\r\n\r\nx\r\n".repeat(some(100_000))),
        ),
        ("boundaries alike", format!("{mixed}{}", "--bb\r\n--b-\r\n --b\r\n".repeat(some(100_000)))),
        ("headers", format!("{}\r\nx\r\n", many(some(100_000), |n| format!("X-{n}: b\r\n")))),
        ("a header of 5 MB", folded("Subject", "words and ", some(500_000))),
        ("blanks", folded("Subject", " ", some(1_000_000))),
        ("addresses", folded("To", "jo@shop.test, ", some(100_000))),
        ("comments", folded("From", "(", some(100_000))),
        ("groups and quotes", folded("Cc", "<\"(:;@,", some(100_000))),
        ("encoded words", folded("Subject", "=?utf-8?q?=C3?= ", some(100_000))),
        ("encoded words without end", folded("Subject", "=?utf-8?b?", some(100_000))),
        ("ids", folded("References", "<a@b.test> ", some(100_000))),
        (
            "parameters (RFC 2231)",
            format!(
                "Content-Type: a/b{}\r\n\r\nx\r\n",
                many(some(50_000), |n| format!(";\r\n name*{n}*=%C3"))
            ),
        ),
        ("base64", encoded("application/zip", "base64", &lines("AAAA", some(8 << 20)))),
        ("base64 of nothing but breaks", encoded("text/plain", "base64", &"=\r\n".repeat(some(1_000_000)))),
        ("quoted-printable", encoded("text/plain", "quoted-printable", &lines("=C3=A4=3D ", some(8 << 20)))),
        ("soft line breaks", encoded("text/plain", "quoted-printable", &"=\r\n".repeat(some(1_000_000)))),
        ("charsets", format!("{mixed}{}--b--\r\n", many(some(20_000), charset))),
        ("elements", html(lines("<div>", some(2 << 20)))),
        ("tables", html(lines("<table><tr><td>", some(2 << 20)))),
        ("entities", html(lines("&amp;&nbsp;&lt", some(2 << 20)))),
        ("attributes", html(format!("<p{}>", many(some(200_000), |n| format!("\r\n a{n}=1"))))),
        ("comments in HTML", html(lines("<!-- <!", some(2 << 20)))),
        ("entities of XML", encoded("application/xml; name=a.xml", "8bit", entities)),
        (
            "a quote begun for ever",
            encoded("text/plain", "8bit", &"On Mon, Ada wrote\r\n> \r\n".repeat(some(100_000))),
        ),
        (
            "a signature begun for ever",
            encoded("text/plain", "8bit", &"-- \r\n--\r\n__\r\n".repeat(some(100_000))),
        ),
        (
            "blanks in a line (CWE-1333)",
            encoded(
                "text/plain",
                "8bit",
                &format!("{}!", format!("{}\r\n", " ".repeat(990)).repeat(some(1_000))),
            ),
        ),
        ("gzip", encoded("application/gzip; name=a.gz", "base64", &base64(&gzip_of_zeros(some(4_000_000))))),
        ("zip", encoded("application/zip; name=a.zip", "base64", &base64(&zip_of_much()))),
        (
            "winmail.dat",
            encoded(
                "application/ms-tnef; name=winmail.dat",
                "base64",
                &base64(&[&[0x78, 0x9F, 0x3E, 0x22][..], &[0xFF; 60_000]].concat()),
            ),
        ),
        (
            "a report",
            format!(
                "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\n\
            Content-Type: message/delivery-status\r\n\r\n{}",
                "Final-Recipient: rfc822; jo@shop.test\r\nAction: failed\r\n\r\n".repeat(some(50_000))
            ),
        ),
    ]
}

/// "CHECKLIST §3, MIME bombs" and "regex DoS" (CWE-400): each is answered, makes one thing at most, and the next mail is
/// taken.
#[tokio::test]
async fn bombs_cost_little_and_harm_nobody_else() {
    let app = App::start(Engine::Sqlite).await;
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    let mut kept = 0;
    for (name, bomb) in bombs() {
        let count = async |table: &str| app.database.count(&format!("SELECT COUNT(*) FROM {table}")).await;
        let before = (count("inbound_mails").await, count("tickets").await);
        let raw = format!("From: jo@shop.test\r\nMessage-ID: <{}@shop.test>\r\n{bomb}", name.len());
        let sent = tokio::time::timeout(PATIENCE, client.send("jo@shop.test", SUPPORT, raw.as_bytes())).await;
        let reply = sent.expect("answered in time").expect("answered");
        assert!(reply.starts_with("250 ") || reply.starts_with('5'), "{name}: {reply}");
        let after = (count("inbound_mails").await, count("tickets").await);
        assert!(
            after.0 - before.0 == i64::from(reply.starts_with("250 ")) && after.1 - before.1 <= 1,
            "{name}"
        );
        kept += after.0 - before.0;
        let next = b"From: bo@shop.test\r\nSubject: Lamp\r\n\r\nIt broke.\r\n";
        let sent = tokio::time::timeout(PATIENCE, client.send("bo@shop.test", SUPPORT, next)).await;
        let reply = sent.expect("answered in time").expect("answered");
        assert!(reply.starts_with("250 "), "after {name}: {reply}");
    }
    assert!(kept > 20, "most are taken: {kept}");
}

/// CHECKLIST §3, MIME bombs: what they are read into is bounded (CWE-409), also when they come together.
#[tokio::test]
async fn bombs_take_little_memory() {
    let dir = tempfile::tempdir().expect("a directory");
    let url = format!("sqlite://{}", dir.path().join("desk.db").display());
    let program = Program::start(dir.path(), &url, "").await;
    let bombs = bombs();
    let lanes = bombs.chunks(bombs.len().div_ceil(4)).map(async |lane| {
        let mut client = Client::connect(program.smtp).await.expect("greeted");
        for (name, bomb) in lane {
            let raw = format!("From: jo@shop.test\r\nMessage-ID: <{}@shop.test>\r\n{bomb}", name.len());
            let reply = client.send("jo@shop.test", SUPPORT, raw.as_bytes()).await.expect("answered");
            assert!(reply.starts_with("250 ") || reply.starts_with('5'), "{name}: {reply}");
        }
    });
    futures_util::future::join_all(lanes).await;
    let peak = program.peak_memory();
    assert!(peak < MOST_MEMORY, "{peak} kB");
}
