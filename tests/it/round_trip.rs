//! The whole way, each step over real SMTP: a customer writes, an agent answers from the notification and resolves, the
//! customer answers that. Their mail programs are Python's `email` package, writing as the four great ones do.

use std::sync::Arc;
use std::time::Duration;

use postdesk::config::{Config, Relay, TransportKind};
use postdesk::mail::parse::{ParsedMail, parse};
use postdesk::model::{Response, Status, Ticket};
use postdesk::outbox::{Transport, Worker};
use postdesk::templates::Templates;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use crate::support::app::{AGENT, SUPPORT};
use crate::support::client::Client;
use crate::support::python::Python;
use crate::support::sink::Sink;
use crate::support::{App, Engine};

const SCRIPT: &str = include_str!("round_trip.py");

/// Mail programs, and the languages they speak here.
const PROGRAMS: [(&str, &[&str]); 4] = [
    ("gmail", &["en", "de", "fr"]),
    ("outlook", &["en", "de", "sv", "nl"]),
    ("apple", &["en", "de", "es"]),
    ("thunderbird", &["en", "de", "fr"]),
];

/// A desk whose mail goes to a relay of ours.
struct Desk {
    app: App,
    relay: Sink,
    python: Python,
    _worker: DropGuard,
}

/// Somebody with a mail program.
#[derive(Clone, Copy)]
struct Person<'a> {
    program: &'a str,
    language: &'a str,
    address: &'a str,
    name: &'a str,
}

impl Desk {
    async fn start(engine: Engine, python: Python) -> Self {
        let relay = Sink::start(&[]).await;
        let address = relay.address;
        let by_relay = move |config: &mut Config| {
            config.outbox.transport = TransportKind::Relay;
            config.outbox.relay = Some(Relay::at(address.ip().to_string(), address.port()));
        };
        let app = App::start_with(engine, by_relay).await;
        let stop = CancellationToken::new();
        let transport = Transport::from_config(app.desk.config()).expect("it can work");
        let worker = Worker::new(app.desk.clone(), Arc::new(Templates::load(None)), transport);
        tokio::spawn(worker.run(stop.clone()));
        Self { app, relay, python, _worker: stop.drop_guard() }
    }

    /// A new mail to the desk.
    async fn write(&self, who: Person<'_>, id: &str, subject: &str, text: &str) {
        let from = format!("{} <{}>", who.name, who.address);
        let arguments = ["write", who.program, who.language, &from, SUPPORT, subject, id, text];
        let raw = self.python.run(SCRIPT, &arguments, b"");
        self.hand_in(who.address, SUPPORT, &raw).await;
    }

    /// An answer to a mail, sent where the mail asks for it.
    async fn reply(&self, who: Person<'_>, id: &str, original: &[u8], text: &str) {
        let from = format!("{} <{}>", who.name, who.address);
        let arguments = ["reply", who.program, who.language, &from, id, text];
        let made = self.python.run(SCRIPT, &arguments, original);
        let end = made.iter().position(|byte| *byte == b'\n').expect("an address first");
        let to = std::str::from_utf8(&made[..end]).expect("an address");
        self.hand_in(who.address, to, &made[end + 1..]).await;
    }

    async fn hand_in(&self, from: &str, to: &str, raw: &[u8]) {
        self.app.clock.advance_ms(3_600_000);
        let mut client = Client::connect(self.app.smtp).await.expect("greeted");
        let reply = client.send(from, to, raw).await.expect("answered");
        assert!(reply.starts_with("250 "), "{reply}");
    }

    /// The newest mail that left for somebody, once there are so many.
    async fn arrived(&self, to: &str, count: usize) -> Vec<u8> {
        for _ in 0..800 {
            let mut mails: Vec<_> = self.relay.taken().into_iter().filter(|mail| mail.to == to).collect();
            if mails.len() >= count {
                return mails.pop().expect("one at least").data;
            }
            // What waits for more of its kind becomes due.
            self.app.clock.advance_ms(1_000);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let sql = "SELECT from_address || ' ' || action || ' ' || reason || ': ' || detail FROM inbound_mails ORDER BY id";
        panic!("{to} should have got {count} mails: {:#?}", self.app.database.texts(sql).await);
    }

    fn count(&self, to: &str) -> usize {
        self.relay.taken().iter().filter(|mail| mail.to == to).count()
    }

    async fn ticket_of(&self, address: &str) -> Ticket {
        let sql = format!("SELECT number FROM tickets WHERE requester_email = '{address}'");
        let number = self.app.database.texts(&sql).await.pop().expect("a ticket");
        let number = postdesk::model::TicketNumber::parse(&number).expect("a number");
        let mut tx = self.app.store.read().await.expect("it opens");
        tx.ticket_by_number(&number).await.expect("it reads").expect("there is one")
    }

    async fn responses(&self, ticket: Uuid) -> Vec<Response> {
        self.app.store.read().await.expect("it opens").responses_of(ticket).await.expect("it reads")
    }
}

/// What a reader sees of a mail that left: the text part, and the HTML.
fn seen(raw: &[u8]) -> (ParsedMail, String, String) {
    let mail = parse(raw);
    let (text, html) = (mail.text.clone(), mail.html.clone().unwrap_or_default());
    (mail, text, html)
}

async fn there_and_back(desk: &Desk, program: &str, language: &str) {
    let what = format!("{program} in {language}");
    let address = format!("jo.{program}.{language}@shop.test");
    let jo = Person { program, language, address: &address, name: "Jo Doe" };
    let ada = Person { address: AGENT, name: "Ada Agent", ..jo };
    let id = |who: &str, n: u32| format!("{who}.{n}.{program}.{language}@their-{program}.test");
    let (told, got) = (desk.count(AGENT), desk.count(&address));

    desk.write(jo, &id("jo", 1), "Lamp broken", "Hello,\nmy lamp is dark since Monday.").await;
    let notification = desk.arrived(AGENT, told + 1).await;
    desk.arrived(&address, got + 1).await;

    let answer = "#resolve\n#tag lamp\n\nHello Jo,\na new lamp is on its way.\n\nAda";
    desk.reply(ada, &id("ada", 2), &notification, answer).await;
    let reply = desk.arrived(&address, got + 2).await;
    let ticket = desk.ticket_of(&address).await;
    assert_eq!((ticket.status, ticket.tags.join(" ")), (Status::Resolved, "lamp".to_owned()), "{what}");
    assert_reply(&what, &reply, &ticket, &id("jo", 1));

    desk.reply(jo, &id("jo", 3), &reply, "Thank you, but it is the wrong lamp.").await;
    let again = desk.arrived(AGENT, told + 2).await;
    let ticket = desk.ticket_of(&address).await;
    assert_eq!((ticket.status, ticket.response_count), (Status::Open, 3), "{what}");
    let newest = desk.responses(ticket.id).await.pop().expect("the third");
    assert_eq!(newest.body_text.trim(), "Thank you, but it is the wrong lamp.", "{what}: {newest:?}");
    assert!(!newest.flags.contains(&"unverified_sender".to_owned()), "{what}: {:?}", newest.flags);
    let (_, text, html) = seen(&again);
    assert!(text.contains("the wrong lamp") && html.contains("the wrong lamp"), "{what}: {text}");
}

/// The customer reads a person's mail: no command, no address of the agent, nothing of the machine, their own words
/// quoted.
fn assert_reply(what: &str, raw: &[u8], ticket: &Ticket, theirs: &str) {
    let (mail, text, html) = seen(raw);
    let whole = String::from_utf8_lossy(raw);
    assert_eq!(mail.subject, format!("Re: Lamp broken [{}]", ticket.number), "{what}");
    assert_eq!(mail.from[0].email, SUPPORT, "{what}");
    assert_eq!(mail.in_reply_to[0].as_str(), theirs, "{what}");
    assert_eq!(mail.header("Auto-Submitted"), None, "{what}");
    assert!(mail.reply_to[0].email.starts_with("support+"), "{what}");
    for part in [&text, &html] {
        assert!(part.contains("a new lamp is on its way."), "{what}: {part}");
        assert!(part.contains("my lamp is dark since Monday."), "{what}, quoted: {part}");
        assert_eq!(part.matches("a new lamp").count(), 1, "{what}: {part}");
    }
    assert!(text.trim_start().starts_with("Hello Jo,"), "{what}: {text}");
    assert!(text.contains("> my lamp is dark"), "{what}: {text}");
    for never in ["#resolve", "#tag", AGENT, "is sent to", "agent_new_ticket", "@their-"] {
        let hit = text.contains(never) || html.contains(never);
        assert!(!hit, "{what}: {never} in\n{text}\n{html}");
    }
    assert!(!whole.contains(AGENT), "{what}: {whole}");
    let foreign = mail.references.iter().any(|id| id.as_str().starts_with("ada."));
    assert!(!foreign, "{what}: {:?}", mail.references);
}

#[tokio::test]
async fn answers_go_there_and_back_through_every_mail_program() {
    let Some(python) = Python::with(&["email"]) else { return };
    let desk = Desk::start(Engine::Sqlite, python).await;
    for (program, languages) in PROGRAMS {
        for language in languages {
            there_and_back(&desk, program, language).await;
        }
    }
}

#[tokio::test]
async fn an_answer_goes_there_and_back_on_postgres() {
    if !crate::support::postgres::available() {
        return;
    }
    let Some(python) = Python::with(&["email"]) else { return };
    let desk = Desk::start(Engine::Postgres, python).await;
    there_and_back(&desk, "outlook", "de").await;
}
