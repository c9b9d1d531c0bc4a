//! What strangers send, read by the functions that read it: entry points for coverage-guided fuzzing (`fuzz/`) and for the
//! tests, which try the kept inputs and changes of them. Each must come to an end, and none may panic.

use std::sync::{Arc, LazyLock};

use futures_util::FutureExt as _;
use uuid::Uuid;

use crate::config::Smtp;
use crate::desk::search;
use crate::mail::kind::{self, Ourselves};
use crate::mail::reply_token::KeyRing;
use crate::mail::{command, dsn, html, language, parse, placement, quote};
use crate::model::template::check_reply;
use crate::model::{Envelope, ReversePath, TemplateRecord, TemplateType};
use crate::sender::{Checker, Client, Resolver, Zone, spf};
use crate::smtp;

/// An entry point.
type Target = fn(&[u8]);

/// All of them, by the names of their directories.
pub const TARGETS: &[(&str, Target)] = &[
    ("mail", mail),
    ("session", session),
    ("report", report),
    ("reply_token", reply_token),
    ("quote", quote),
    ("query", query),
    ("sender", sender),
    ("template", template),
];

fn envelope(sender: &str) -> Envelope {
    Envelope { reverse_path: ReversePath::from_text(sender), recipients: vec!["support@desk.test".into()] }
}

/// A mail: read, judged, split, shown, and placed.
pub fn mail(data: &[u8]) {
    let parsed = parse::parse(data);
    let us = Ourselves {
        is_our_address: &|address| address.ends_with("@desk.test"),
        is_our_message_id: &|_| false,
        to_bounce_address: false,
    };
    kind::judge(&envelope("jo@example.org"), &parsed, &us);
    let split = quote::split(&parsed.text, parsed.html.as_deref());
    language::of(&parsed, &split.body);
    command::read(&split.body);
    placement::answered_ids(&parsed);
    placement::subject_numbers(&parsed.subject);
    if let Some(sent) = &parsed.html {
        html::sanitise(&quote::new_html(sent), &|id| Some(format!("/attachments/{id}")));
    }
    for index in 0..parsed.attachments.len() {
        assert_eq!(parse::attachment(data, index).as_ref(), Some(&parsed.attachments[index]));
    }
}

/// What a client says: command lines, and the same octets as data, whole and in pieces.
pub fn session(data: &[u8]) {
    smtp::fuzz(data);
}

/// A delivery report.
pub fn report(data: &[u8]) {
    dsn::read(&envelope(""), &parse::parse(data));
}

/// What stands behind a `+`, or in a Message-ID.
pub fn reply_token(data: &[u8]) {
    static KEYS: LazyLock<KeyRing> =
        LazyLock::new(|| KeyRing::new(&["a key for fuzzing, of thirty-two characters"]).expect("a key"));
    let text = String::from_utf8_lossy(data);
    KEYS.read_reply(&text);
    KEYS.read_bounce(&text);
    if let Some(id) = crate::model::MessageId::new(&text) {
        KEYS.read_message_id(&id);
    }
}

/// Text, and HTML with its text.
pub fn quote(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    quote::split(&text, None);
    quote::split(&html::to_text(&text), Some(&text));
    html::sanitise(&text, &|_| None);
}

/// `q=`.
pub fn query(data: &[u8]) {
    let _ = search::parse(&String::from_utf8_lossy(data), None);
}

/// Signatures, and a domain's records: the mail, and the record of whoever sends it.
pub fn sender(data: &[u8]) {
    static CHECKER: LazyLock<Checker> = LazyLock::new(|| {
        Checker::new(&Smtp::default(), "mx.desk.test", Resolver::Fixed(Arc::default()))
            .expect("it can be made")
    });
    let client = Client {
        ip: [192, 0, 2, 1].into(),
        helo: "client.example".into(),
        mail_from: "jo@example.org".into(),
    };
    // Its time limits need a clock that runs.
    let clock = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    clock.block_on(CHECKER.check(&client, data));
    CHECKER.believe(data);
    let record = String::from_utf8_lossy(data);
    let zone = Zone::default().text("example.org", &format!("v=spf1 {record}"));
    spf::check(&Resolver::Fixed(Arc::new(zone)), client.ip, &client.helo, &client.mail_from).now_or_never();
}

/// A reply template.
pub fn template(data: &[u8]) {
    let body = String::from_utf8_lossy(data).into_owned();
    check_reply(&TemplateRecord { body, ..TemplateRecord::blank(Uuid::nil(), TemplateType::Reply) });
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::Ids;

    /// About so many changes of each target's inputs are tried.
    const CHANGES: usize = 400;
    /// Octets and words that mean something to one reader or another.
    const PIECES: &[&str] = &[
        "\r\n",
        "\r",
        "\n",
        "\0",
        " ",
        "\t",
        "\"",
        "<",
        ">",
        "&",
        "=?utf-8?q?",
        "?=",
        "=",
        ";",
        ":",
        "@",
        "%{",
        "}}",
        "{{",
        "{%",
        "--",
        "boundary=",
        "Content-Type: ",
        "\u{202e}",
        "\u{a0}",
        "9999999999999999999",
        "-1",
        "(",
        "[",
        "'",
        "\\",
        "v=spf1 ",
        "DKIM-Signature: ",
        "From: ",
        "<table>",
        "</div>",
        "On Mon, Jo wrote:",
        "> ",
        "BDAT ",
        "RCPT TO:<",
        "status:",
        "NOT ",
    ];

    /// Kept inputs (`fuzz/corpus`), as they are and with some changes, always the same ones.
    #[test]
    fn kept_inputs_and_changes_of_them_are_read() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
        let ids = Ids::seeded(7);
        let mut tried = 0;
        for (name, target) in TARGETS {
            let kept = std::fs::read_dir(corpus.join(name)).unwrap_or_else(|_| panic!("{name} has a corpus"));
            let mut kept: Vec<_> =
                kept.flatten().map(|entry| std::fs::read(entry.path()).expect("a file")).collect();
            kept.sort();
            let changes = (CHANGES / kept.len().max(1)).max(1);
            for input in &kept {
                target(input);
                for _ in 0..changes {
                    target(&changed(input, &ids));
                    tried += 1;
                }
            }
        }
        assert!(tried >= CHANGES / 2 * TARGETS.len());
    }

    fn changed(input: &[u8], ids: &Ids) -> Vec<u8> {
        let mut out = input.to_vec();
        let [count, ..] = ids.bytes::<8>();
        for _ in 0..=count % 6 {
            let [kind, a, b, c, d, e, f, g] = ids.bytes::<8>();
            let at = usize::from(u16::from_le_bytes([a, b])) % (out.len() + 1);
            let end = (at + usize::from(c)).min(out.len());
            let piece = PIECES[usize::from(d) % PIECES.len()].as_bytes();
            match kind % 5 {
                0 => drop(out.splice(at..at, piece.iter().copied())),
                1 => drop(out.drain(at..end)),
                2 => drop(out.splice(at..end, piece.repeat(usize::from(e) + 1))),
                3 => {
                    let copied = out[at..end].to_vec();
                    let to = usize::from(u16::from_le_bytes([e, f])) % (out.len() + 1);
                    out.splice(to..to, copied);
                }
                _ => out.iter_mut().skip(at).take(1).for_each(|octet| *octet = g),
            }
        }
        out
    }
}
