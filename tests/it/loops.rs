//! No loops, no relay: machines that answer everything fall silent, and nobody mails a stranger through us.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use postdesk::config::{AckUnverified, Config};
use postdesk::mail::parse::{self, ParsedMail};
use postdesk::outbox::{Transport, Worker};
use postdesk::templates::Templates;
use serde_json::json;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::call::Client as Caller;
use crate::outbox::by_relay;
use crate::support::app::{AGENT, SUPPORT};
use crate::support::client::Client;
use crate::support::sink::{Sink, Taken};
use crate::support::{App, Engine};

/// Whoever is behind it, it answers everything it gets.
const ROBOT: &str = "robot@example.org";
const HOUR_MS: i64 = 3_600_000;

/// How an auto-responder answers that gives no sign of being one.
#[derive(Debug, Clone, Copy)]
enum Manner {
    /// As a person's program does: to Reply-To, with References.
    Reply,
    /// To From, naming the ticket in the subject alone.
    SubjectOnly,
    /// To From, as if it were a mail of its own.
    Fresh,
}

/// The worker, until the guard is dropped.
fn send(app: &App) -> DropGuard {
    let stop = CancellationToken::new();
    let transport = Transport::from_config(app.desk.config()).expect("it can work");
    let worker = Worker::new(app.desk.clone(), Arc::new(Templates::load(None)), transport);
    tokio::spawn(worker.run(stop.clone()));
    stop.drop_guard()
}

/// Waits until nothing is left to be sent now.
async fn settled(app: &App) {
    for _ in 0..400 {
        let due = format!(
            "SELECT COUNT(*) FROM outbox WHERE next_attempt_at <= {} OR status = 'sending'",
            app.clock.now().0
        );
        if app.database.count(&due).await == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("mail should have left");
}

/// What went to an address since we looked last.
fn to(sink: &Sink, address: &str, seen: &mut usize) -> Vec<Taken> {
    let taken: Vec<_> = sink.taken().into_iter().filter(|mail| mail.to == address).collect();
    let new = taken[*seen..].to_vec();
    *seen = taken.len();
    new
}

/// Writes a mail by SMTP.
async fn deliver(door: SocketAddr, from: &str, to: &str, raw: &str) -> String {
    let mut client = Client::connect(door).await.expect("greeted");
    let raw = raw.replace("\r\n", "\n").replace('\n', "\r\n");
    client.send(from, to, raw.as_bytes()).await.expect("answered")
}

/// The robot's answer to a mail.
async fn answer(app: &App, manner: Manner, got: &Taken, n: usize) {
    let mail = parse::parse(&got.data);
    let reply_to = mail.reply_to.first().map_or(SUPPORT, |address| address.email.as_str());
    let id = mail.message_id.as_ref().map_or(String::new(), ToString::to_string);
    let (recipient, subject, threaded) = match manner {
        Manner::Reply => {
            (reply_to, format!("Re: {}", mail.subject), format!("In-Reply-To: {id}\nReferences: {id}\n"))
        }
        Manner::SubjectOnly => (SUPPORT, mail.subject.clone(), String::new()),
        Manner::Fresh => (SUPPORT, "I have received your mail".to_owned(), String::new()),
    };
    let raw = format!(
        "From: Robot <{ROBOT}>\nTo: {SUPPORT}\nSubject: {subject}\nMessage-ID: <{n}.{manner:?}@example.org>\n{threaded}\n\
         Thank you, we read all mail. ({n})\n"
    );
    let reply = deliver(app.smtp, ROBOT, recipient, &raw).await;
    assert!(reply.starts_with("250 "), "{reply}");
}

/// Plays the robot against the desk, `pause_ms` between what it gets and what it answers; how many mails it got, and how
/// many each agent got.
async fn play(engine: Engine, manner: Manner, pause_ms: i64, change: fn(&mut Config)) -> (usize, usize) {
    let sink = Sink::start(&[]).await;
    let app = App::start_with(engine, |config| {
        by_relay(sink.address)(config);
        change(config);
    })
    .await;
    let _worker = send(&app);
    let first = format!(
        "From: Robot <{ROBOT}>\nTo: {SUPPORT}\nSubject: Hello\nMessage-ID: <0@example.org>\n\nHello.\n"
    );
    deliver(app.smtp, ROBOT, SUPPORT, &first).await;
    let (mut seen, mut n) = (0, 0);
    for _ in 0..12 {
        settled(&app).await;
        let got = to(&sink, ROBOT, &mut seen);
        app.clock.advance_ms(pause_ms);
        for mail in &got {
            n += 1;
            answer(&app, manner, mail, n).await;
        }
        // It may also write by itself, as one that resends what was not answered.
        if got.is_empty() && n < 8 && pause_ms < 24 * HOUR_MS {
            n += 1;
            let last = sink.taken().into_iter().rfind(|mail| mail.to == ROBOT).expect("one at least");
            answer(&app, manner, &last, n).await;
        }
    }
    settled(&app).await;
    let to_agent = sink.taken().iter().filter(|mail| mail.to == AGENT).count();
    let mut from_the_start = 0;
    (to(&sink, ROBOT, &mut from_the_start).len(), to_agent)
}

/// Everything on, so that every mail that an answer could set off is.
fn talkative(config: &mut Config) {
    config.notifications.message_received = true;
    config.notifications.ticket_reopened = true;
    config.notifications.agent_reopened = true;
}

both_engines! {
    /// RFC 3834 §2; CHECKLIST §3, auto-responder wars.
    async fn a_robot_that_answers_everything_at_once_falls_silent(engine: Engine) {
        for manner in [Manner::Reply, Manner::SubjectOnly, Manner::Fresh] {
            let (robot, agent) = play(engine, manner, 1_000, talkative).await;
            assert!((1..=2).contains(&robot), "{manner:?}: {robot} mails");
            assert!(agent <= 12, "{manner:?}: the agent is not flooded: {agent}");
        }
    }

    /// RFC 3834 §2; CHECKLIST §3, auto-responder wars.
    async fn a_robot_that_takes_its_time_falls_silent_too(engine: Engine) {
        for pause_ms in [HOUR_MS + 1_000, 25 * HOUR_MS] {
            for manner in [Manner::Reply, Manner::Fresh] {
                let (robot, _) = play(engine, manner, pause_ms, talkative).await;
                assert!((1..=2).contains(&robot), "{manner:?} after {pause_ms} ms: {robot} mails");
            }
        }
    }

    async fn a_person_who_writes_again_is_answered_once_somebody_wrote_to_them(engine: Engine) {
        let app = App::start(engine).await;
        let ada = Caller::admin(&app.desk).await;
        let acknowledged = async || {
            app.database.count("SELECT COUNT(*) FROM outbox WHERE template = 'ticket_received'").await
        };
        for (n, want) in [(1, 1), (2, 2), (3, 2)] {
            deliver(app.smtp, ROBOT, SUPPORT, &format!("From: {ROBOT}\nSubject: no {n}\n\n{n}\n")).await;
            assert_eq!(acknowledged().await, want, "after {n}");
            app.clock.advance_ms(2 * HOUR_MS);
        }
        let tickets = ada.get("/tickets").await.json();
        let first = tickets["data"][2]["id"].as_str().expect("an id").to_owned();
        ada.json("POST", &format!("/tickets/{first}/responses"), &json!({"body": "Here we are."})).await;
        deliver(app.smtp, ROBOT, SUPPORT, &format!("From: {ROBOT}\nSubject: no 4\n\n4\n")).await;
        assert_eq!(acknowledged().await, 3);
    }

    /// RFC 3834 §5; CHECKLIST §3, auto-responder wars.
    async fn two_desks_fall_silent_though_a_relay_takes_the_marks_of_machines_away(engine: Engine) {
        let (sink_a, sink_b) = (Sink::start(&[]).await, Sink::start(&[]).await);
        let a = App::start_with(engine, |config| {
            by_relay(sink_a.address)(config);
            talkative(config);
        }).await;
        let b = App::start_as(engine, "help@other.test", "bo@other.test", |config| {
            by_relay(sink_b.address)(config);
            config.keys.reply = vec!["another key for tests, of thirty-two characters or more".into()];
            talkative(config);
        }).await;
        let _workers = (send(&a), send(&b));
        let start = format!("From: help@other.test\nTo: {SUPPORT}\nSubject: Hello\nMessage-ID: <0@other.test>\n\nHello.\n");
        deliver(a.smtp, "help@other.test", SUPPORT, &start).await;
        for _ in 0..10 {
            for (sink, from, to) in [(&sink_a, &a, &b), (&sink_b, &b, &a)] {
                settled(from).await;
                carry_over(sink, to).await;
            }
            for app in [&a, &b] {
                app.clock.advance_ms(2 * HOUR_MS);
            }
        }
        for (sink, other) in [(&sink_a, "other.test"), (&sink_b, "desk.test")] {
            let over = sink.taken().iter().filter(|mail| mail.to.ends_with(other) && is_to_desk(mail)).count();
            assert!(over <= 2, "{over} mails to {other}");
        }
    }

    async fn nobody_mails_a_stranger_a_text_through_us(engine: Engine) {
        let app = App::start_with(engine, |config| {
            config.smtp.trusted_networks.clear();
            config.intake.public = true;
            config.intake.ack_unverified = Some(AckUnverified::Neutral);
            talkative(config);
        }).await;
        attack_by_mail(&app).await;
        attack_by_form(&app).await;
        agents_go_on(&app).await;
        let _worker = send(&app);
        let bare = "SELECT COUNT(*) FROM outbox WHERE mime IS NULL AND status = 'queued'";
        for _ in 0..400 {
            if app.database.count(bare).await == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let mails = customers_mails(&app).await;
        assert!(mails.len() >= 4, "there is something to look at: {}", mails.len());
        for (recipient, mail, raw) in &mails {
            let read = format!("{} {} {:?} {:?}", mail.subject, mail.text, mail.html, mail.headers);
            assert!(!read.contains("XYZZY") && !raw.contains("XYZZY"), "to {recipient}: {read}");
            assert!(!recipient.starts_with("copied"), "an unverified sender's cc gets nothing: {recipient}");
        }
    }

    async fn whom_a_customer_copies_reads_what_agents_write_and_nothing_else(engine: Engine) {
        let app = App::start(engine).await;
        let raw = format!(
            "From: XYZZY <{ROBOT}>\nTo: {SUPPORT}\nCc: Victim <victim@example.net>\nSubject: XYZZY\nMessage-ID: <xyzzy@example.org>\n\nXYZZY\n"
        );
        deliver(app.smtp, ROBOT, SUPPORT, &raw).await;
        let ada = Caller::admin(&app.desk).await;
        let ticket = ada.get("/tickets").await.json()["data"][0]["id"].as_str().expect("an id").to_owned();
        let to_victim = "SELECT COUNT(*) FROM outbox WHERE to_address = 'victim@example.net'";
        for status in ["waiting_customer", "resolved"] {
            ada.json("PATCH", &format!("/tickets/{ticket}/status"), &json!({"status": status})).await;
        }
        assert_eq!(app.database.count(to_victim).await, 0, "what the machine says goes to the requester alone");
        ada.json("POST", &format!("/tickets/{ticket}/responses"), &json!({"body": "It is on its way."})).await;
        assert_eq!(app.database.count(to_victim).await, 1);
        let _worker = send(&app);
        settled(&app).await;
        let mails = customers_mails(&app).await;
        let of = |address: &str| mails.iter().rfind(|(to, ..)| to == address).expect("a mail");
        let (_, mail, raw) = of("victim@example.net");
        assert!(mail.text.contains("It is on its way."), "{}", mail.text);
        let read = format!("{} {} {:?} {:?} {raw}", mail.subject, mail.text, mail.html, mail.headers);
        assert!(!read.to_lowercase().contains("xyzzy"), "{read}");
        assert!(of(ROBOT).1.text.contains("XYZZY"), "the one who wrote it is quoted to himself");
    }
}

/// Everything that a sender can put somewhere.
async fn attack_by_mail(app: &App) {
    let fields = [
        "From: \"XYZZY buy now\" <stranger1@example.net>\nSubject: hello",
        "From: stranger2@example.net\nSubject: XYZZY",
        "From: stranger3@example.net\nReply-To: XYZZY <stranger4@example.net>\nSender: XYZZY <stranger5@example.net>\nSubject: x",
        "From: stranger6@example.net\nTo: XYZZY <stranger7@example.net>\nCc: XYZZY <copied1@example.net>, copied2@example.net\nSubject: x",
        "From: stranger8@example.net\nSubject: x\nMessage-ID: <XYZZY@XYZZY.example>\nReferences: <XYZZY@a> <XYZZY@b>\nIn-Reply-To: <XYZZY@c>",
        "From: stranger9@example.net\nSubject: Order XYZZY-4711\nReturn-Path: <XYZZY@stranger.example>\nComments: XYZZY\nKeywords: XYZZY\nOrganization: XYZZY",
        "From: stranger10@example.net\nSubject: x\nContent-Language: XYZZY\nUser-Agent: XYZZY\nDisposition-Notification-To: XYZZY <copied3@example.net>\nReturn-Receipt-To: copied4@example.net",
        "From: stranger11@example.net\nSubject: Fwd: XYZZY\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=XYZZY\n\n--XYZZY\nContent-Type: message/rfc822\n\nFrom: XYZZY <copied5@example.net>\nSubject: XYZZY\n\nXYZZY\n--XYZZY\nContent-Type: text/calendar; name=XYZZY.ics\n\nBEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nATTENDEE:mailto:copied6@example.net\nSUMMARY:XYZZY\nEND:VEVENT\nEND:VCALENDAR\n--XYZZY--",
    ];
    for (n, head) in fields.iter().enumerate() {
        app.clock.advance_ms(1_000);
        let body = if head.contains("\n\n") { "" } else { "\n\nXYZZY, http://xyzzy.example/XYZZY\n" };
        let from = format!("stranger{n}@example.net");
        let reply = deliver(app.smtp, &from, SUPPORT, &format!("{head}{body}\n")).await;
        assert!(reply.starts_with("250 "), "{reply}");
    }
}

/// Every field that anybody may fill in.
async fn attack_by_form(app: &App) {
    let anybody = Caller::anonymous(&app.desk);
    for (n, more) in [
        json!({}),
        json!({"order_id": "XYZZY", "user_id": "XYZZY", "seller_id": "XYZZY"}),
        json!({"tags": ["XYZZY"], "custom_fields": {"XYZZY": "XYZZY"}, "metadata": {"page_url": "XYZZY"}, "locale": "de"}),
        json!({"customer_phone": "XYZZY", "store_id": "XYZZY", "body_format": "html", "channel": "web"}),
    ].into_iter().enumerate() {
        let mut form = json!({
            "subject": "XYZZY", "description": "<b>XYZZY</b>", "customer_name": "XYZZY",
            "customer_email": format!("asked{n}@example.net"),
        });
        form.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        let answer = anybody.json("POST", "/tickets", &form).await;
        assert_eq!(answer.status, 201, "{answer:?}");
    }
    let copied = json!({"subject": "x", "description": "x", "customer_email": "asked9@example.net", "cc": ["copied9@example.net"]});
    assert_eq!(anybody.json("POST", "/tickets", &copied).await.status, 422, "nobody copies others by a form");
}

/// What agents do next, as on any day: each act may mail the customer.
async fn agents_go_on(app: &App) {
    let ada = Caller::admin(&app.desk).await;
    let tickets = ada.get("/tickets?limit=100").await.json();
    for ticket in tickets["data"].as_array().expect("a list") {
        let path = |what: &str| format!("/tickets/{}/{what}", ticket["id"].as_str().expect("an id"));
        ada.json("POST", &path("responses"), &json!({"body": "We are on it."})).await;
        for status in ["waiting_customer", "resolved", "open"] {
            ada.json("PATCH", &path("status"), &json!({"status": status, "notify": true})).await;
        }
    }
}

/// Mails to customers that have bytes: to whom, as read, and as sent.
async fn customers_mails(app: &App) -> Vec<(String, ParsedMail, String)> {
    let mut tx = app.store.read().await.expect("it opens");
    let mut mails = Vec::new();
    for ticket in app.database.texts("SELECT number FROM tickets").await {
        let number = postdesk::model::TicketNumber::parse(&ticket).expect("a number");
        let ticket = tx.ticket_by_number(&number).await.expect("it reads").expect("there");
        for (id, ..) in tx.logs_of_responses(ticket.id).await.expect("it reads") {
            let entry = tx.outbox_entry(id).await.expect("it reads").expect("there");
            let Some(mime) = tx.outbox_mime(id).await.expect("it reads") else { continue };
            if entry.audience == postdesk::model::Audience::Customer {
                let raw = String::from_utf8_lossy(&mime).into_owned();
                mails.push((entry.to_address, parse::parse(&mime), raw));
            }
        }
    }
    mails
}

/// Carries mail to the other desk's mailbox over, without what says that a machine wrote it.
async fn carry_over(sink: &Sink, to: &App) {
    static CARRIED: std::sync::Mutex<Vec<Vec<u8>>> = std::sync::Mutex::new(Vec::new());
    for mail in sink.taken().into_iter().filter(is_to_desk) {
        let new = {
            let mut carried = CARRIED.lock().expect("no panic while held");
            let new = !carried.contains(&mail.data);
            carried.extend(new.then(|| mail.data.clone()));
            new
        };
        if !new {
            continue;
        }
        let raw = String::from_utf8(mail.data).expect("7 bit");
        let (head, body) = raw.split_once("\r\n\r\n").expect("a head");
        let marks = ["Auto-Submitted", "X-Auto-Response-Suppress", "X-Postdesk-", "Feedback-ID"];
        let kept = head.split("\r\n").filter(|line| !marks.iter().any(|mark| line.starts_with(mark)));
        let raw = format!("{}\r\n\r\n{body}", kept.collect::<Vec<_>>().join("\r\n"));
        deliver(
            to.smtp,
            &format!("someone@{}", mail.from.split('@').nth(1).unwrap_or("x.test")),
            &mail.to,
            &raw,
        )
        .await;
    }
}

/// To a mailbox, not to an agent.
fn is_to_desk(mail: &Taken) -> bool {
    ["support", "help"].iter().any(|name| mail.to.starts_with(name))
}
