//! Whole mails, read.

use std::path::Path;

use proptest::prelude::*;

use super::*;

/// A mail of these header lines and this body, with the wire's line ends.
fn mail(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn mixed(parts: &[&str]) -> Vec<u8> {
    let parts: String = parts.iter().map(|part| format!("--b\n{part}\n")).collect();
    mail(&format!("From: jo@example.org\nContent-Type: multipart/mixed; boundary=b\n\n{parts}--b--\n"))
}

fn names(parsed: &ParsedMail) -> Vec<&str> {
    parsed.attachments.iter().map(|a| a.filename.as_deref().unwrap_or("-")).collect()
}

#[test]
fn reads_a_plain_mail() {
    let raw = mail(
        "Received: from a by b; Mon, 2 Feb 2026 10:00:00 +0000\nFrom: Jo Doe <jo@example.org>\nTo: desk@example.net,\n \
         Al <al@example.net>\nSubject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\n from me\nMessage-ID: <1@example.org>\n\
         In-Reply-To: <0@example.net>\nReferences: <a@x> <b@y>\nDate: Mon, 02 Feb 2026 11:00:00 +0100\n\nHello,\nworld\n",
    );
    let parsed = parse(&raw);
    assert_eq!(parsed.subject, "Grüße from me");
    assert_eq!(parsed.sole_from().map(|a| a.email.as_str()), Some("jo@example.org"));
    assert_eq!(parsed.to.len(), 2);
    assert_eq!(parsed.message_id.as_ref().map(MessageId::as_str), Some("1@example.org"));
    assert_eq!(parsed.references.len(), 2);
    assert_eq!(parsed.date.map(Timestamp::rfc3339).as_deref(), Some("2026-02-02T10:00:00.000Z"));
    assert_eq!((parsed.text.as_str(), parsed.hops), ("Hello,\nworld\n", 1));
    assert_eq!(parsed.content_type, "text/plain");
    assert!(parsed.html.is_none() && parsed.attachments.is_empty() && parsed.defects.is_empty());
}

#[test]
fn text_is_found_wherever_it_stands() {
    for (raw, text) in [
        (mail("Subject: x\n\nhello"), "hello"),
        (mail("\n\nSubject: x\n\nhello"), "hello"),
        (mail("From jo Mon Feb  2\nSubject: x\n\nhello"), "hello"),
        (mail("hello without header"), "hello without header"),
        (mail("Content-Type: text/html\n\n<p>hello<p>you"), "hello\n\nyou"),
        (mail("Content-Transfer-Encoding: base64\n\naGVsbG8="), "hello"),
        (
            mail("Content-Type: text/plain; charset=koi8-r\nContent-Transfer-Encoding: base64\n\n8NLJ18XU"),
            "Привет",
        ),
        (
            [&b"Content-Type: text/html\n\n<meta charset=\"windows-1250\">"[..], b"\x9aa\xf8k"].concat(),
            "šařk",
        ),
        (mixed(&["\none", "\ntwo"]), "one\ntwo"),
        (
            mail(
                "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nhello\n--b\nContent-Type: text/html\n\n<b>HELLO</b>\n--b--",
            ),
            "hello",
        ),
        (
            mail(
                "Content-Type: multipart/alternative; boundary=b\n\n--b\n\nYour program shows no HTML.\n--b\n\
                 Content-Type: text/html\n\n<p>A long and friendly letter to you all</p>\n--b--",
            ),
            "A long and friendly letter to you all",
        ),
        (
            mixed(&["Content-Type: text/html\n\n<p>letter</p>", "\nfooter of a list"]),
            "letter\nfooter of a list",
        ),
        (Vec::new(), ""),
    ] {
        assert_eq!(parse(&raw).text, text, "{}", String::from_utf8_lossy(&raw));
    }
}

#[test]
fn neither_view_lacks_a_part() {
    let parsed = parse(&mixed(&["Content-Type: text/html\n\n<p>letter</p>", "\nfooter & more"]));
    assert_eq!(parsed.html.as_deref(), Some("<p>letter</p><div>footer &amp; more</div>"));
    assert!(!parsed.text_from_html);
}

#[test]
fn every_other_part_is_an_attachment() {
    let parsed = parse(&mixed(&[
        "\nbody",
        "Content-Type: image/png; name=\"../a.png\"\nContent-ID: <pic@x>\nContent-Disposition: inline\n\
         Content-Transfer-Encoding: base64\n\niVBORw==",
        "Content-Type: message/rfc822\n\nSubject: inner\n\ninner text",
        "Content-Type: text/calendar; method=REQUEST\n\nBEGIN:VCALENDAR",
        "Content-Type: text/plain; name=notes.txt\n\nnotes",
        "Content-Type: application/x-odd\nContent-Transfer-Encoding: x-yenc\n\n=ybegin",
    ]));
    assert_eq!(parsed.text, "body");
    assert_eq!(names(&parsed), ["a.png", "inner.eml", "invite.ics", "notes.txt", "-"]);
    let picture = &parsed.attachments[0];
    assert_eq!((picture.content_id.as_deref(), picture.inline), (Some("pic@x"), true));
    assert_eq!(picture.content, b"\x89PNG");
    assert_eq!(parsed.attachments[1].content, b"Subject: inner\r\n\r\ninner text");
    assert_eq!(parsed.attachments[4].content, b"=ybegin");
}

#[test]
fn an_attachment_is_found_again_by_its_position() {
    let raw = mixed(&["\nbody", "Content-Type: a/b\n\none", "Content-Type: a/b; name=two\n\ntwo"]);
    let parsed = parse(&raw);
    for (index, attached) in parsed.attachments.iter().enumerate() {
        assert_eq!(attachment(&raw, index).as_ref(), Some(attached));
    }
    assert_eq!(attachment(&raw, parsed.attachments.len()), None);
}

#[test]
fn nobody_is_believed_who_says_two_names() {
    for (header, fields, addresses) in [
        ("From: a@x.example\nFrom: b@y.example", 2, 2),
        ("From: a@x.example, b@y.example", 1, 2),
        ("To: a@x.example", 0, 0),
    ] {
        let parsed = parse(&mail(&format!("{header}\n\nx")));
        assert_eq!((parsed.from_fields, parsed.from.len()), (fields, addresses));
        assert!(parsed.sole_from().is_none());
    }
}

#[test]
fn hops_are_counted_as_the_header_says() {
    let raw = mail("Received: a\n folded\nreceived : b\nX-Received: c\n\nReceived: body");
    assert_eq!((count_hops(&raw), parse(&raw).hops), (2, 2));
    assert_eq!(count_hops(b""), 0);
    assert!(header_bytes(&raw).ends_with(b"X-Received: c\r\n\r\n"));
}

/// CHECKLIST "MIME bombs": small here, each would be far slower than this if any step were quadratic.
#[test]
fn bombs_are_bounded() {
    let nested: String =
        (0..3_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    let messages = "Content-Type: message/rfc822\n\n".repeat(10_000);
    let parts = format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(100_000));
    let headers = format!("{}\nx", "X-A: b\n".repeat(100_000));
    let addresses = format!("To: {}\n\nx", "a@b.example, ".repeat(100_000));
    let words = format!("Subject: {}\n\nx", "=?utf-8?Q?".repeat(100_000));
    let sections: String = (0..50_000).map(|n| format!(" f*{n}=x;")).collect();
    let divs = format!("Content-Type: text/html\n\n{}", "<div>".repeat(100_000));
    let openings = format!("From: {}\n\nx", "<\"(".repeat(30_000));
    let params = format!("Content-Type: a/b;{sections}\n\nx");
    for bomb in [nested, messages, parts, headers, addresses, words, params, divs, openings] {
        let parsed = parse(&mail(&bomb));
        assert!(parsed.attachments.len() <= 2_000 && parsed.to.len() <= 1_000);
        if let Some(html) = &parsed.html {
            crate::mail::html::sanitise(html, &|_| None);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(raw in prop::collection::vec(any::<u8>(), 0..600)) {
        parse(&raw);
        count_hops(&raw);
    }

    #[test]
    fn no_mixture_of_its_grammar_makes_it_panic(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..60)) {
        let raw = pieces.concat();
        let parsed = parse(&raw);
        crate::mail::html::sanitise(&String::from_utf8_lossy(&raw), &|id| Some(id.to_owned()));
        prop_assert!(parsed.attachments.iter().all(|a| a.filename.as_ref().is_none_or(|name| name.len() <= 255)));
    }
}

/// What mails are made of.
const PIECES: &[&[u8]] = &[
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: text/html; charset=utf-7\r\n",
    b"From: ",
    b"\r\n",
    b"\n",
    b" ",
    b"--b",
    b"--b--",
    b"\r\n\r\n",
    b"=?utf-8?B?",
    b"=?iso-2022-jp?Q?",
    b"?=",
    b"\x1b$B",
    b"\x0e",
    b"~{",
    b"\xff\xfe",
    b"\xe4",
    b"\0",
    b"<div ",
    b"<!--",
    b"<style>",
    b"a=\"",
    b">",
    b"&#x",
    b"cid:x",
    b"<",
    b"\"",
    b"(",
    b"\\",
    b"@",
    b",",
    b";",
    b":",
    b"filename*0*=utf-8''%e4",
    b"=C3=",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Type: application/ms-tnef\r\n",
    b"\x78\x9f\x3e\x22",
    b"Content-Disposition: attachment; filename=\"",
    b"\xc3\xa4",
    b"x",
    b"Content-Type: text/plain; charset=johab\r\n",
    b"Content-Type: text/plain; charset=utf-32\r\n",
    b"\xd9\x31\x84",
];

/// Every mail of the public collections is read without a panic; runs where `POSTDESK_CORPORA` names their folder.
#[test]
fn reads_the_corpora() {
    let Some(folder) = std::env::var_os("POSTDESK_CORPORA") else {
        println!("not run: POSTDESK_CORPORA is not set");
        return;
    };
    let mut count = 0;
    read_all(Path::new(&folder), &mut count);
    assert!(count > 0, "no mails there");
}

fn read_all(folder: &Path, count: &mut usize) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            read_all(&path, count);
        } else if path.parent().is_some_and(|parent| parent.ends_with("files")) {
            let raw = std::fs::read(&path).expect("a file");
            let parsed = parse(&raw);
            if let Some(html) = &parsed.html {
                crate::mail::html::sanitise(html, &|_| None);
            }
            *count += 1;
        }
    }
}
