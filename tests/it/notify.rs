//! Who is told what: agents of what others did, customers of what the settings switch on, each once.

use std::collections::HashSet;
use std::sync::Mutex;

use postdesk::config::Config;
use postdesk::desk::{Finding, NewToken};
use postdesk::mail::compose::{Words, compose};
use postdesk::mail::parse::{self, ParsedMail};
use postdesk::mail::reply_token::TokenReading;
use postdesk::model::{MessageId, Scope, Timestamp};
use postdesk::templates::Templates;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::call::Client;
use crate::support::app::{self, AGENT, SUPPORT};
use crate::support::{App, Engine};

const BO: &str = "bo@desk.test";
const JO: &str = "jo@example.org";
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// A desk with two agents, and a client of each.
struct Desk {
    app: App,
    ada: Client,
    bo: Client,
    seen: Mutex<HashSet<String>>,
}

impl Desk {
    async fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    async fn start_with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        let app = App::start_with(engine, change).await;
        let mut admin = app::agent("Bo Berg", BO);
        admin.role = "admin".into();
        let mut tx = app.store.begin().await.expect("a turn");
        tx.insert_agent(&admin).await.expect("it writes");
        tx.commit().await.expect("on disk");
        app.desk.reload_directory().await.expect("it reads");
        let (ada, bo) = (client(&app, AGENT).await, client(&app, BO).await);
        Self { app, ada, bo, seen: Mutex::default() }
    }

    /// Jo writes; the id of the ticket.
    async fn mail(&self, subject: &str, body: &str) -> String {
        self.app.clock.advance_ms(1_000);
        let raw = format!("From: Jo Doe <{JO}>\nTo: {SUPPORT}\nSubject: {subject}\n\n{body}\n");
        let verdict = crate::api::mail_in(&self.app.desk, JO, &raw).await;
        let inbound = verdict.inbound().expect("it was taken");
        let row = self.app.store.read().await.expect("it opens").inbound(inbound).await.expect("it reads");
        row.and_then(|row| row.ticket_id).map_or_else(String::new, |id| id.to_string())
    }

    /// Jo writes on her ticket.
    async fn write_again(&self, ticket: &str, body: &str) {
        let number = self.ticket(ticket).await["number"].as_str().expect("a number").to_owned();
        assert_eq!(self.mail(&format!("Re: Lamp [{number}]"), body).await, ticket);
    }

    async fn ticket(&self, ticket: &str) -> Value {
        self.ada.get(&format!("/tickets/{ticket}?include=events,responses")).await.json()
    }

    /// Adds a response, and gives it.
    async fn respond(&self, who: &Client, ticket: &str, body: Value) -> Value {
        let answer = who.json("POST", &format!("/tickets/{ticket}/responses"), &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()
    }

    async fn set_status(&self, ticket: &str, body: Value) -> Value {
        let answer = self.ada.json("PATCH", &format!("/tickets/{ticket}/status"), &body).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    /// Mails that were put into the outbox and not looked at yet: `template to`, in order.
    async fn told(&self) -> Vec<String> {
        let rows = self
            .app
            .database
            .texts("SELECT message_id || ' ' || template || ' ' || to_address FROM outbox")
            .await;
        let mut seen = self.seen.lock().expect("no panic while held");
        let new = rows.into_iter().filter(|row| seen.insert(row.clone()));
        let mut told: Vec<_> = new.filter_map(|row| Some(row.split_once(' ')?.1.to_owned())).collect();
        told.sort();
        told
    }

    /// The newest waiting mail of a kind to somebody, as it would leave now.
    async fn rendered(&self, template: &str, to: &str) -> ParsedMail {
        let taken = self.app.claim("looking", 100).await;
        let fitting = taken.into_iter().filter(|entry| entry.template == template && entry.to_address == to);
        let newest = fitting.max_by_key(|entry| entry.created_at);
        let entry = newest.unwrap_or_else(|| panic!("{template} to {to} is due"));
        let mail = self.app.desk.outgoing(&entry).await.expect("it reads");
        let words = Templates::load(None).render(&mail).expect("words");
        let words =
            Words { subject: &words.subject, text: &words.text, html: &words.html, locale: &words.locale };
        parse::parse(&compose(&mail, words).expect("bytes"))
    }

    async fn due(&self, template: &str) -> Vec<i64> {
        let sql =
            format!("SELECT CAST(queued_at AS TEXT) FROM outbox WHERE template = '{template}' ORDER BY id");
        let now = self.app.clock.now().0;
        let due = self.app.database.texts(&sql).await;
        due.iter().map(|at| (at.parse::<i64>().expect("a time") - now) / 1_000).collect()
    }

    /// Everything that waits has left.
    async fn send_all(&self) {
        let sql = "UPDATE outbox SET status = 'sent', next_attempt_at = NULL, ready = FALSE, sent_at = queued_at \
                   WHERE status = 'queued' RETURNING template";
        self.app.database.texts(sql).await;
    }
}

async fn client(app: &App, email: &str) -> Client {
    let agent = app::agent("", email).id;
    let new =
        NewToken { name: email.into(), agent_id: Some(agent), scopes: vec![Scope::Admin], expires_at: None };
    Client::with(&app.desk, new).await
}

fn note(text: &str) -> Value {
    json!({"body": text, "visibility": "internal"})
}

both_engines! {
    async fn a_new_ticket_is_everybodys_and_an_assigned_one_is_its_owners(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        assert_eq!(desk.told().await, ["agent_new_ticket ada@desk.test", "agent_new_ticket bo@desk.test", "ticket_received jo@example.org"]);
        let bo = app::agent("", BO).id;
        desk.respond(&desk.ada, &ticket, json!({"body": "@nobody", "visibility": "internal", "assignee_id": bo})).await;
        assert_eq!(desk.told().await, ["agent_assigned bo@desk.test", "agent_note bo@desk.test"]);
        desk.write_again(&ticket, "Hello?").await;
        assert_eq!(desk.told().await, ["agent_customer_message bo@desk.test"]);
        desk.respond(&desk.bo, &ticket, json!({"body": "mine", "visibility": "internal", "assignee_id": null})).await;
        desk.respond(&desk.bo, &ticket, json!({"body": "mine", "visibility": "internal", "assignee_id": bo})).await;
        assert_eq!(desk.told().await, ["agent_note ada@desk.test"], "nobody is told of their own act, and the second note joined the first");
    }

    async fn a_note_is_told_to_those_it_concerns_and_its_answers_stay_internal(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        desk.told().await;
        desk.respond(&desk.ada, &ticket, note("I am on it")).await;
        assert_eq!(desk.told().await, [] as [&str; 0], "nobody else takes part yet");
        desk.respond(&desk.ada, &ticket, note("@bo what do you think? Not bo@desk.test")).await;
        assert_eq!(desk.told().await, ["agent_mentioned bo@desk.test"]);
        let mail = desk.rendered("agent_mentioned", BO).await;
        assert!(mail.subject.ends_with("(internal)"), "{}", mail.subject);
        assert!(mail.text.contains("what do you think?"), "{}", mail.text);
        let keys = desk.app.desk.keys();
        let token = mail.reply_to[0].email.split(['+', '@']).nth(1).expect("a token").to_owned();
        let TokenReading::Valid(token) = keys.read_reply(&token) else { panic!("our token") };
        assert!(token.internal && token.was_sent_to(keys, BO));
        let id = keys.read_message_id(mail.message_id.as_ref().expect("an id")).expect("ours");
        assert!(id.token.internal, "a client that answers to From alone stays internal too");
        desk.respond(&desk.bo, &ticket, note("No idea")).await;
        assert_eq!(desk.told().await, ["agent_note ada@desk.test"]);
    }

    /// Mail programs cut what has more than 100 kB of HTML (MAIL.md §2.2); the whole stands in the ticket.
    async fn agents_are_told_the_beginning_of_a_long_mail(engine: Engine) {
        let desk = Desk::start(engine).await;
        desk.mail("Long", &"wrote:\r\n".repeat(100_000)).await;
        let told = desk.rendered("agent_new_ticket", AGENT).await;
        let html = told.html.expect("it has HTML");
        assert!(html.len() < 90_000 && told.text.len() < 40_000, "{} {}", html.len(), told.text.len());
        assert!(told.text.contains("wrote:"));
    }

    async fn bursts_come_in_one_mail(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        desk.write_again(&ticket, "First").await;
        desk.send_all().await;
        desk.told().await;
        for text in ["Second", "Third"] {
            desk.app.clock.advance_ms(MINUTE_MS);
            desk.write_again(&ticket, text).await;
        }
        assert_eq!(desk.told().await, ["agent_customer_message ada@desk.test", "agent_customer_message bo@desk.test"]);
        let wait = desk.due("agent_customer_message").await;
        assert!((170..=180).contains(&wait[2]), "five minutes after the first: {wait:?}");
        assert!(desk.app.claim("early", 100).await.is_empty());
        desk.app.clock.advance_ms(3 * MINUTE_MS);
        let due = desk.app.claim("in time", 100).await;
        assert_eq!(due.len(), 2);
        let mail = desk.app.desk.outgoing(&due[0]).await.expect("it reads");
        let told: Vec<_> = mail.bundled.iter().map(|(response, _)| response.body_text.trim()).collect();
        assert_eq!(told, ["Second", "Third"]);
        desk.write_again(&ticket, "Fourth").await;
        assert_eq!(desk.told().await.len(), 2, "a worker has the others: a mail of its own");
    }

    async fn a_conversation_is_no_burst(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        desk.write_again(&ticket, "Hello?").await;
        desk.send_all().await;
        desk.app.clock.advance_ms(1_000);
        desk.respond(&desk.ada, &ticket, json!({"body": "Which lamp?", "assignee_id": app::agent("", AGENT).id})).await;
        desk.write_again(&ticket, "The blue one").await;
        let wait = desk.due("agent_customer_message").await;
        assert_eq!(wait.last(), Some(&0), "at once: {wait:?}");
    }

    async fn messages_that_come_at_once_are_each_told_once(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        desk.write_again(&ticket, "First").await;
        desk.send_all().await;
        let number = desk.ticket(&ticket).await["number"].as_str().expect("a number").to_owned();
        let write = async |n: i32| {
            let raw = format!("From: {JO}\nSubject: [{number}]\nMessage-ID: <{n}@example.org>\n\nno {n}\n");
            crate::api::mail_in(&desk.app.desk, JO, &raw).await
        };
        tokio::join!(write(1), write(2), write(3), write(4), async {
            desk.app.claim("meanwhile", 100).await
        });
        desk.app.clock.advance_ms(10 * MINUTE_MS);
        let due = desk.app.claim("later", 100).await;
        let mut told = Vec::new();
        for entry in due.iter().filter(|entry| entry.to_address == AGENT) {
            let mail = desk.app.desk.outgoing(entry).await.expect("it reads");
            match mail.bundled.as_slice() {
                [] => told.push(mail.response.expect("a message").body_text),
                bundled => told.extend(bundled.iter().map(|(response, _)| response.body_text.clone())),
            }
        }
        told.sort();
        assert_eq!(told.iter().map(|text| text.trim()).collect::<Vec<_>>(), ["no 1", "no 2", "no 3", "no 4"]);
    }

    async fn agents_say_what_they_wish_to_be_told(engine: Engine) {
        let desk = Desk::start(engine).await;
        let answer = desk.ada.json("PATCH", "/me", &json!({"notifications": {"agent_new_ticket": false, "bundle_minutes": 0}})).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["notifications"]), (200, &json!({"agent_new_ticket": false, "bundle_minutes": 0})));
        let ticket = desk.mail("Lamp", "It broke.").await;
        assert_eq!(desk.told().await, ["agent_new_ticket bo@desk.test", "ticket_received jo@example.org"]);
        desk.write_again(&ticket, "One").await;
        desk.send_all().await;
        desk.write_again(&ticket, "Two").await;
        let of_ada = "SELECT CAST(COUNT(*) AS TEXT) FROM outbox WHERE to_address = 'ada@desk.test' AND queued_at <= ";
        let due = desk.app.database.texts(&format!("{of_ada}{}", desk.app.clock.now().0)).await;
        assert_eq!(due, ["2"], "each at once");
        let me = desk.ada.get("/me").await.json();
        assert_eq!((&me["email"], &me["scopes"]), (&json!(AGENT), &json!(["admin"])));
        for (patch, pointer) in [
            (json!({"ticket_received": true}), "/notifications/ticket_received"),
            (json!({"agent_command_result": false}), "/notifications/agent_command_result"),
            (json!({"bundle_minutes": 90}), "/notifications/bundle_minutes"),
        ] {
            let answer = desk.ada.json("PATCH", "/me", &json!({"notifications": patch})).await;
            assert_eq!(answer.status, 422);
            assert_eq!(answer.json()["errors"][0]["pointer"], pointer);
        }
        let service = Client::admin(&desk.app.desk).await;
        assert_eq!(service.get("/me").await.json()["name"], "shop");
        assert_eq!(service.json("PATCH", "/me", &json!({})).await.problem(), (409, "invalid_state".into()));
    }

    /// RFC 2369 §3.2, RFC 8058 §3.1.
    async fn a_kind_of_mail_can_be_ended_from_the_mail_itself(engine: Engine) {
        let desk = Desk::start_with(engine, |config| config.http.public_url = Some("https://desk.test".into())).await;
        desk.mail("Lamp", "It broke.").await;
        let mail = desk.rendered("agent_new_ticket", BO).await;
        let link = mail.header("List-Unsubscribe").expect("a link").to_owned();
        assert!(link.starts_with("<https://desk.test/api/support/confirm/"), "{link}");
        assert_eq!(mail.header("List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));
        let sql = "SELECT CAST(context AS TEXT) || message_id FROM outbox WHERE to_address = 'bo@desk.test'";
        let row = desk.app.database.texts(sql).await.remove(0);
        let id = MessageId::new(row.trim_start_matches("{}")).expect("an id");
        let entry = desk.app.desk.keys().read_message_id(&id).and_then(|ours| ours.entry).expect("ours");
        desk.app.desk.unsubscribe(entry).await.expect("it may be ended");
        desk.app.desk.unsubscribe(entry).await.expect("twice is once");
        desk.told().await;
        desk.mail("Table", "It wobbles.").await;
        assert_eq!(desk.told().await, ["agent_new_ticket ada@desk.test"]);
    }

    async fn callers_decide_for_a_single_change(engine: Engine) {
        let desk = Desk::start(engine).await;
        let new = |notify: Value| json!({"subject": "Lamp", "description": "It broke", "customer_email": "kim@example.org", "notify": notify});
        let opened = desk.bo.json("POST", "/tickets", &new(json!(false))).await.json();
        let ticket = opened["id"].as_str().expect("an id").to_owned();
        assert_eq!(desk.told().await, [] as [&str; 0]);
        desk.set_status(&ticket, json!({"status": "waiting_customer", "notify": false})).await;
        desk.set_status(&ticket, json!({"status": "open"})).await;
        assert_eq!(desk.told().await, [] as [&str; 0], "open is told to nobody by itself");
        let emails = desk.set_status(&ticket, json!({"status": "resolved"})).await["emails"].clone();
        assert_eq!(emails[0]["template"], "ticket_resolved");
        desk.set_status(&ticket, json!({"status": "open", "notify": true})).await;
        assert_eq!(desk.told().await, ["ticket_reopened kim@example.org", "ticket_resolved kim@example.org"]);
        let customer = |notify: Value| json!({"body": "And?", "author_type": "customer", "notify": notify});
        desk.respond(&desk.bo, &ticket, customer(json!(false))).await;
        assert_eq!(desk.told().await, [] as [&str; 0]);
        desk.respond(&desk.bo, &ticket, customer(json!(true))).await;
        assert_eq!(desk.told().await, ["agent_customer_message ada@desk.test", "agent_customer_message bo@desk.test", "message_received kim@example.org"]);
    }

    async fn receipts_and_reopenings_are_told_when_switched_on(engine: Engine) {
        let desk = Desk::start_with(engine, |config| {
            config.notifications.message_received = true;
            config.notifications.ticket_reopened = true;
            config.notifications.agent_reopened = true;
        }).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        desk.told().await;
        desk.app.clock.advance_ms(2 * 60 * MINUTE_MS);
        desk.write_again(&ticket, "And?").await;
        assert_eq!(desk.told().await.last().expect("one"), "message_received jo@example.org");
        desk.set_status(&ticket, json!({"status": "resolved", "message": "Solved."})).await;
        desk.told().await;
        desk.write_again(&ticket, "No, it is not").await;
        assert_eq!(desk.told().await, ["agent_reopened ada@desk.test", "agent_reopened bo@desk.test", "ticket_reopened jo@example.org"]);
    }

    async fn time_closes_wakes_and_reminds(engine: Engine) {
        let desk = Desk::start_with(engine, |config| config.notifications.ticket_waiting_reminder = true).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        let ada = app::agent("", AGENT).id;
        desk.respond(&desk.ada, &ticket, json!({"body": "Which lamp?", "status": "waiting_customer", "assignee_id": ada})).await;
        desk.told().await;
        desk.app.clock.advance_ms(3 * DAY_MS - MINUTE_MS);
        assert_eq!(desk.app.desk.do_chores().await.expect("it works").reminded, 0);
        desk.app.clock.advance_ms(2 * MINUTE_MS);
        assert_eq!(desk.app.desk.do_chores().await.expect("it works").reminded, 1);
        assert_eq!(desk.told().await, ["ticket_waiting_reminder jo@example.org"]);
        let mail = desk.rendered("ticket_waiting_reminder", JO).await;
        assert!(mail.text.contains("Which lamp?") && mail.header("Auto-Submitted") == Some("auto-generated"));
        desk.app.clock.advance_ms(9 * DAY_MS);
        assert_eq!(desk.app.desk.do_chores().await.expect("it works").reminded, 0, "once while it waits");
        desk.set_status(&ticket, json!({"status": "resolved", "resolution": "Gone", "notify": false})).await;
        desk.app.clock.advance_ms(7 * DAY_MS);
        assert_eq!(desk.app.desk.do_chores().await.expect("it works").closed, 1);
        assert_eq!(desk.app.desk.do_chores().await.expect("it works").closed, 0);
        let closed = desk.ticket(&ticket).await;
        assert_eq!((&closed["status"], &closed["resolution"]), (&json!("closed"), &json!("Gone")));
        assert_eq!(closed["events"].as_array().expect("events").last().expect("one")["actor"]["type"], "system");
        assert_eq!(desk.told().await, [] as [&str; 0], "silently");
    }

    async fn a_snoozed_ticket_wakes_by_time_or_by_mail(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        let ada = app::agent("", AGENT).id;
        desk.respond(&desk.ada, &ticket, json!({"body": "Wait", "status": "waiting_third_party", "assignee_id": ada})).await;
        let snooze = async |days: i64| {
            let mut tx = desk.app.store.begin().await.expect("a turn");
            let mut row = tx.lock_ticket(Uuid::try_parse(&ticket).expect("an id")).await.expect("it reads").expect("there");
            row.snoozed_until = Some(Timestamp(desk.app.clock.now().0 + days * DAY_MS));
            tx.update_ticket(&row).await.expect("it writes");
            tx.commit().await.expect("on disk");
        };
        snooze(2).await;
        desk.told().await;
        desk.app.clock.advance_ms(DAY_MS);
        assert_eq!(desk.app.desk.do_chores().await.expect("it works").woken, 0);
        desk.app.clock.advance_ms(DAY_MS);
        assert_eq!(desk.app.desk.do_chores().await.expect("it works").woken, 1);
        let woken = desk.ticket(&ticket).await;
        assert_eq!((&woken["status"], &woken["snoozed_until"]), (&json!("open"), &json!(null)));
        assert_eq!(desk.told().await, ["agent_reopened ada@desk.test"]);
        snooze(2).await;
        desk.write_again(&ticket, "Hello?").await;
        assert_eq!(desk.ticket(&ticket).await["snoozed_until"], json!(null));
    }

    async fn admins_hear_of_troubles_once_a_day(engine: Engine) {
        let desk = Desk::start_with(engine, |config| {
            config.notifications.admin_queue_stuck = true;
            config.notifications.admin_check_failed = true;
        }).await;
        desk.mail("Lamp", "It broke.").await;
        desk.told().await;
        desk.app.desk.do_chores().await.expect("it works");
        assert_eq!(desk.told().await, [] as [&str; 0]);
        desk.app.desk.set_outbox_trouble(Some("mx.test: 421 4.3.2 not now".into()));
        for (hours, want) in [(1, vec!["admin_queue_stuck bo@desk.test"]), (5, vec![]), (20, vec!["admin_queue_stuck bo@desk.test"])] {
            desk.app.clock.advance_ms(hours * 60 * MINUTE_MS);
            desk.app.desk.do_chores().await.expect("it works");
            assert_eq!(desk.told().await, want, "{hours} hours later");
        }
        let words = desk.app.database.texts("SELECT context FROM outbox WHERE template = 'admin_queue_stuck'").await;
        assert!(words[0].contains("421 4.3.2 not now"), "{words:?}");
        let broken = |what: &str| Finding { what: what.into(), detail: "line 1: no such variable".into() };
        let findings = [broken("mail/ticket_reply.txt"), broken("mail/ticket_resolved.txt")];
        let report = async |findings: &[Finding]| {
            desk.app.clock.advance_ms(1_000);
            desk.app.desk.report_findings(findings).await.expect("it writes").len()
        };
        assert_eq!((report(&findings[..1]).await, report(&findings).await, report(&findings).await), (1, 1, 0));
        let mail = desk.rendered("admin_check_failed", BO).await;
        assert!(mail.text.contains("mail/ticket_resolved.txt") && !mail.text.contains("ticket_reply"), "{}", mail.text);
        assert!(!mail.subject.is_empty() && mail.header("X-Postdesk-Ticket").is_none());
        assert!(desk.app.desk.keys().is_ours(mail.message_id.as_ref().expect("an id")));
    }

    async fn a_held_reply_can_be_taken_back(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        desk.send_all().await;
        desk.told().await;
        let before = desk.ticket(&ticket).await;
        let held = desk.respond(&desk.ada, &ticket, json!({"body": "Go away", "status": "resolved", "undo_seconds": 30})).await;
        assert_eq!(held["emails"][0]["status"], "queued");
        assert!(desk.app.claim("early", 10).await.is_empty(), "held");
        let path = format!("/responses/{}/cancel", held["id"].as_str().expect("an id"));
        let service = Client::new(&desk.app.desk, &[Scope::TicketsRead]).await;
        assert_eq!(service.raw("POST", &path, "application/json", "").await.status, 403);
        let cancelled = desk.ada.raw("POST", &path, "application/json", "").await;
        assert_eq!((cancelled.status.as_u16(), &cancelled.json()["emails"][0]["status"]), (200, &json!("cancelled")));
        let after = desk.ticket(&ticket).await;
        for field in ["status", "response_count", "first_response_at", "last_agent_message_at", "resolved_at"] {
            assert_eq!(after[field], before[field], "{field}");
        }
        assert_eq!(after["responses"].as_array().map(Vec::len), Some(1));
        assert_eq!(desk.ada.raw("POST", &path, "application/json", "").await.problem(), (404, "response_not_found".into()));
        desk.app.clock.advance_ms(MINUTE_MS);
        assert!(desk.app.claim("late", 10).await.is_empty(), "it never leaves");
    }

    async fn a_reply_that_left_stays(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ticket = desk.mail("Lamp", "It broke.").await;
        desk.send_all().await;
        let at = desk.app.clock.now().plus_ms(DAY_MS).rfc3339();
        let held = desk.respond(&desk.ada, &ticket, json!({"body": "Soon", "send_at": at})).await;
        let path = format!("/responses/{}/cancel", held["id"].as_str().expect("an id"));
        desk.app.clock.advance_ms(DAY_MS);
        assert_eq!(desk.app.claim("a worker", 10).await.len(), 1);
        assert_eq!(desk.ada.raw("POST", &path, "application/json", "").await.problem(), (409, "invalid_state".into()));
        let unheld = desk.respond(&desk.ada, &ticket, note("No mail of it")).await;
        let path = format!("/responses/{}/cancel", unheld["id"].as_str().expect("an id"));
        assert_eq!(desk.ada.raw("POST", &path, "application/json", "").await.status, 404);
    }

    async fn mail_to_an_agent_ends_at_a_cap(engine: Engine) {
        let desk = Desk::start_with(engine, |config| config.notifications.max_per_agent_day = 10).await;
        let opened = async |n: i32| {
            let from = format!("c{n}@example.org");
            let raw = format!("From: {from}\nSubject: no {n}\n\n{n}\n");
            crate::api::mail_in(&desk.app.desk, &from, &raw).await
        };
        for n in 0..15 {
            opened(n).await;
        }
        let to_ada = "SELECT COUNT(*) FROM outbox WHERE to_address = 'ada@desk.test'";
        assert_eq!(desk.app.database.count(to_ada).await, 10);
        desk.app.clock.advance_ms(DAY_MS);
        opened(15).await;
        assert_eq!(desk.app.database.count(to_ada).await, 11);
    }

    async fn who_opens_too_many_tickets_is_held_back_and_told_once(engine: Engine) {
        let desk = Desk::start_with(engine, |config| {
            config.intake.max_tickets_per_sender_day = 2;
            config.notifications.rate_limited_notice = true;
        }).await;
        for subject in ["One", "Two"] {
            assert!(!desk.mail(subject, "Hello").await.is_empty());
            desk.app.clock.advance_ms(60 * MINUTE_MS);
        }
        desk.told().await;
        for subject in ["Three", "Four"] {
            assert_eq!(desk.mail(subject, "Hello").await, "", "it opens nothing");
        }
        assert_eq!(desk.told().await, ["rate_limited_notice jo@example.org"]);
        let mail = desk.rendered("rate_limited_notice", JO).await;
        assert!(mail.text.contains("One") && mail.text.contains("Two") && !mail.text.contains("Three"), "{}", mail.text);
        let reasons = desk.app.database.texts("SELECT reason FROM inbound_mails WHERE action = 'quarantined'").await;
        assert_eq!(reasons, ["sender_limit", "sender_limit"]);
        desk.app.clock.advance_ms(DAY_MS);
        assert!(!desk.mail("Five", "Hello").await.is_empty(), "another day");
    }
}
