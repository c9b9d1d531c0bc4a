//! What our mails are on the wire: lines, encoded words, boundaries, ids and keys.

use std::collections::BTreeSet;

use postdesk::mail::parse::{header_bytes, parse};
use postdesk::mail::reply_token::KeyRing;
use postdesk::model::TicketNumber;
use postdesk::outbox::Transport;
use serde_json::json;

use crate::api::call::Client as Caller;
use crate::outbox::by_relay;
use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::outgoing::{send_by, until};
use crate::support::sink::{Sink, Taken};
use crate::support::{App, Engine};

/// A desk whose mail goes to this server.
async fn desk(engine: Engine, sink: &Sink) -> App {
    App::start_with(engine, |config| {
        by_relay(sink.address)(config);
        // It is there that everything is quoted.
        config.notifications.message_received = true;
    })
    .await
}

/// Sends all that waits; what the server has by then.
async fn leave(app: &App, sink: &Sink) -> Vec<Taken> {
    let _worker = send_by(app, Transport::from_config(app.desk.config()).expect("it can work"));
    let waiting = "SELECT count(*) FROM outbox WHERE status <> 'sent'";
    until("all sent", async || app.database.count(waiting).await == 0).await;
    sink.taken()
}

/// A mail of a customer's.
async fn write_in(app: &App, from: &str, to: &str, subject: &str) {
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    let raw = format!("From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\n\r\nIt broke.\r\n");
    let address = from.rsplit_once('<').map_or(from, |(_, rest)| rest.trim_end_matches('>'));
    let reply = client.send(address, to, raw.as_bytes()).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
}

/// What ends a mail somewhere, or might.
const ENDINGS: &[&str] = &[
    "\n.\n",
    "\r.\r",
    "\r\n.\r\n",
    "\n.\r\n",
    "\r\n.\n",
    "\r\n.\r",
    "\r.\r\n",
    "\r\r\n.\r\r\n",
    "\u{b}.\u{b}",
    "\u{c}.\u{c}",
    "\u{85}.\u{85}",
    "\u{2028}.\u{2028}",
    "\r\n..\r\n.\r\n",
];

/// Subjects and names that must be encoded.
const WORDS: &[&str] = &[
    "Lämpchen",
    "Größe der Lampe: 10 × 20 cm, bitte ändern",
    "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü",
    "ランプが壊れています。どうすればよいですか。ランプが壊れています。どうすればよいですか。",
    "a😀b😀c😀d😀e😀f😀g😀h😀i😀j😀k😀l😀m😀n😀o😀p😀q😀r😀s😀t😀u😀v😀w😀x😀y😀z😀",
    "words before one that is long: Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
];

/// The encoded words of a header.
fn encoded_words(header: &str) -> Vec<&str> {
    let words = header.split([' ', '\t', '\r', '\n', '"', '(', ')', '<', '>', ',']);
    words.filter(|word| word.starts_with("=?")).collect()
}

both_engines! {
    /// RFC 5321 §2.3.8, CVE-2023-51764: whatever an agent's program writes arrives as one mail, its lines ended by CR LF.
    async fn what_an_agent_writes_ends_no_mail(engine: Engine) {
        let sink = Sink::start(&[]).await;
        let app = desk(engine, &sink).await;
        let ada = Caller::admin(&app.desk).await;
        for ending in ENDINGS {
            let new = json!({"subject": "Lamp", "description": "It broke.", "customer_email": "jo@shop.test", "notify": false});
            let opened = ada.json("POST", "/tickets", &new).await;
            let path = format!("/tickets/{}/responses", opened.json()["id"].as_str().expect("an id"));
            let body = format!("begin{ending}MAIL FROM:<eve@evil.test>{ending}end");
            let answer = ada.json("POST", &path, &json!({"body": body})).await;
            assert_eq!(answer.status, 201, "{answer:?}");
        }
        let taken = leave(&app, &sink).await;
        assert_eq!(taken.len(), ENDINGS.len());
        for mail in &taken {
            let text = String::from_utf8_lossy(&mail.data).replace("\r\n", "");
            assert!(!text.contains(['\r', '\n']), "{}", mail.data.escape_ascii());
            let read = parse(&mail.data).text;
            assert!(mail.to == "jo@shop.test" && read.contains("begin") && read.contains("end"), "{read}");
        }
        let begun = sink.commands().iter().filter(|line| line.starts_with("MAIL")).count();
        assert_eq!(begun, ENDINGS.len());
    }

    /// RFC 2047 §2, §5: an encoded word has at most 75 characters, a line with one at most 76, and each is whole characters.
    async fn encoded_words_are_short_and_whole(engine: Engine) {
        let sink = Sink::start(&[]).await;
        let app = desk(engine, &sink).await;
        for (number, words) in WORDS.iter().enumerate() {
            write_in(&app, &format!("{words} <jo{number}@shop.test>"), SUPPORT, words).await;
        }
        let taken = leave(&app, &sink).await;
        assert_eq!(taken.len(), 2 * WORDS.len(), "acknowledged, and told to the agent");
        for mail in &taken {
            let header = String::from_utf8(header_bytes(&mail.data).to_vec()).expect("7 bit");
            assert!(header.is_ascii() && !encoded_words(&header).is_empty(), "{header}");
            for word in encoded_words(&header) {
                let alone = parse(format!("Subject: {word}\r\n\r\n").as_bytes()).subject;
                let whole = !alone.contains(['\u{fffd}', '?']) && !alone.is_empty();
                assert!(word.len() <= 75 && word.ends_with("?=") && whole, "{word}: {alone}");
            }
            for line in header.lines().filter(|line| line.contains("=?")) {
                assert!(line.len() <= 76, "{line}");
            }
        }
        for words in WORDS {
            let of = |mail: &&Taken| parse(&mail.data).subject.contains(words);
            assert_eq!(taken.iter().filter(of).count(), 2, "{words}");
        }
    }

    /// RFC 5322 §3.6.4: each mail has an id of its own, of its mailbox's domain; RFC 2046 §5.1.1: boundaries of at most 70
    /// characters.
    async fn ids_are_unique_and_boundaries_short(engine: Engine) {
        let sink = Sink::start(&[]).await;
        let app = desk(engine, &sink).await;
        let ada = Caller::admin(&app.desk).await;
        let made = ada.json("POST", "/mailboxes", &json!({"address": "help@other.test"})).await;
        assert_eq!(made.status, 201, "{made:?}");
        for number in 0..5 {
            write_in(&app, &format!("jo{number}@shop.test"), SUPPORT, "Lamp").await;
            write_in(&app, &format!("bo{number}@shop.test"), "help@other.test", "Lamp").await;
        }
        let taken = leave(&app, &sink).await;
        let mut ids = BTreeSet::new();
        let mut of_other = 0;
        for mail in &taken {
            let read = parse(&mail.data);
            let id = read.message_id.as_ref().expect("an id").as_str().to_owned();
            let domain = read.from[0].email.rsplit_once('@').expect("an address").1.to_owned();
            assert!(id.ends_with(&format!("@{domain}")), "{id} from {domain}");
            of_other += usize::from(domain == "other.test");
            ids.insert(id);
            let text = String::from_utf8_lossy(&mail.data);
            let boundaries: Vec<_> =
                text.split("boundary=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
            assert!(!boundaries.is_empty() && boundaries.iter().all(|one| (1..=70).contains(&one.len())), "{boundaries:?}");
        }
        assert_eq!((ids.len(), taken.len()), (20, 20));
        assert_eq!(of_other, 10);
    }
}

/// CHECKLIST §3, reply key entropy: sixteen characters that nobody without the secret can tell, each of them anything.
#[test]
fn reply_keys_have_sixteen_characters_nobody_can_guess() {
    let ticket = TicketNumber::parse("TKT-2026-K7Q4ZP").expect("a number");
    let rings = (0..400).map(|n| KeyRing::new(&[format!("secret {n}")]).expect("a secret"));
    let tokens: Vec<String> = rings.map(|ring| ring.reply_token(&ticket, "jo@example.org")).collect();
    let seen_at = |at: usize| tokens.iter().map(|token| token.as_bytes()[at]).collect::<BTreeSet<_>>().len();
    let unpredictable = (0..tokens[0].len()).filter(|at| seen_at(*at) == 32).count();
    assert!(unpredictable >= 16, "{unpredictable} of {}", tokens[0]);
    assert_eq!(tokens.iter().collect::<BTreeSet<_>>().len(), tokens.len());
}
