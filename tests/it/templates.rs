//! Mails in the words of templates that people edit: the next mail speaks them, and a broken one stops none.

use std::sync::Arc;
use std::time::Duration;

use postdesk::clock::Ids;
use postdesk::desk::Desk;
use postdesk::mail::parse;
use postdesk::model::template::notification_id;
use postdesk::model::{NotificationTemplate, TemplateRecord, TemplateType};
use postdesk::outbox::{Transport, Worker, tell_problems};
use postdesk::templates::Templates;
use serde_json::{Value, json};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::api::call::Client;
use crate::api::{PARCEL, mail_in};
use crate::support::App;

/// The worker, until the guard is dropped.
fn send(app: &App, templates: &Arc<Templates>) -> DropGuard {
    let stop = CancellationToken::new();
    let transport = Transport::from_config(app.desk.config()).expect("it can work");
    tokio::spawn(Worker::new(app.desk.clone(), templates.clone(), transport).run(stop.clone()));
    stop.drop_guard()
}

/// The log of the newest mail of a template, and its bytes, when it was captured.
async fn captured(api: &Client, template: &str) -> (Value, String) {
    for _ in 0..400 {
        let logs = api.get(&format!("/email-logs?template={template}&status=captured&limit=1")).await.json();
        if let Some(log) = logs["data"].get(0) {
            let raw = api.get(&format!("/email-logs/{}/raw", log["id"].as_str().expect("an id"))).await;
            return (log.clone(), String::from_utf8(raw.body).expect("7 bit"));
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("no {template} was captured");
}

fn text_of(raw: &str) -> String {
    parse::parse(raw.as_bytes()).text.trim_end().to_owned()
}

fn path_of(key: NotificationTemplate) -> String {
    format!("/templates/{}", notification_id(key, "*"))
}

/// An override as it would be kept, unchecked.
fn unchecked(key: NotificationTemplate, body: &str) -> TemplateRecord {
    TemplateRecord {
        key: key.as_str().into(),
        name: key.as_str().into(),
        body: body.into(),
        version: 7,
        ..TemplateRecord::blank(notification_id(key, "*"), TemplateType::Notification)
    }
}

both_engines! {
    async fn the_next_mail_speaks_the_override(engine: Engine) {
        let app = App::start(engine).await;
        let (api, templates) = (Client::admin(&app.desk).await, Arc::new(Templates::load(None)));
        let key = NotificationTemplate::TicketReceived;
        let mine = json!({"body": "Hi {{ recipient.first_name }}, it is {{ ticket.number }} about {{ ticket.subject }}."});
        assert_eq!(api.json("PATCH", &path_of(key), &mine).await.status.as_u16(), 200);
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let _worker = send(&app, &templates);
        let (log, raw) = captured(&api, "ticket_received").await;
        let number = api.get("/tickets").await.json()["data"][0]["number"].as_str().expect("a number").to_owned();
        assert_eq!(text_of(&raw), format!("Hi Jo, it is {number} about Where is my parcel?."));
        assert!(raw.contains("X-Postdesk-Template: ticket_received@1\r\n"), "{raw}");
        assert_eq!((&log["template_version"], &log["subject"]), (&json!(1), &json!(format!("Re: Where is my parcel? [{number}]"))));
        let shown = api.json("POST", &format!("{}/preview", path_of(key)), &json!({"ticket": number})).await.json();
        assert_eq!(shown["text"].as_str().map(str::trim_end), Some(text_of(&raw).as_str()), "what was shown is what is sent");
        assert_eq!(templates.problems(), []);
    }

    async fn a_broken_override_gives_way_and_is_named(engine: Engine) {
        let app = App::start(engine).await;
        let (api, templates) = (Client::admin(&app.desk).await, Arc::new(Templates::load(None)));
        let mut tx = app.store.begin().await.expect("a turn");
        let broken = [
            unchecked(NotificationTemplate::TicketReceived, "{% if"),
            unchecked(NotificationTemplate::AgentNewTicket, "{{ message.nope }}"),
        ];
        for template in &broken {
            assert!(tx.insert_template(template).await.expect("it writes"));
        }
        tx.count_template_change().await.expect("it writes");
        tx.commit().await.expect("on disk");
        mail_in(&app.desk, "jo@example.org", PARCEL).await;
        let _worker = send(&app, &templates);
        for template in ["ticket_received", "agent_new_ticket"] {
            let (log, raw) = captured(&api, template).await;
            assert_eq!(log["template_version"], Value::Null);
            assert!(raw.contains(&format!("X-Postdesk-Template: {template}\r\n")), "{raw}");
        }
        let problems: Vec<_> = templates.problems().iter().map(|p| format!("{}: {}", p.what, p.detail)).collect();
        for words in ["template ticket_received (all languages), version 7: body, line 1", "syntax error",
            "template agent_new_ticket (all languages), version 7: body, line 1, column 4: unknown variable message.nope",
            "gave way to the built-in one 1 times"] {
            assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:#?}");
        }
    }

    async fn admins_are_told_once_a_day_what_is_wrong(engine: Engine) {
        let app = App::start_with(engine, |config| config.notifications.admin_check_failed = true).await;
        app.database.texts("UPDATE agents SET role = 'admin'").await;
        app.desk.reload_directory().await.expect("it reads");
        let mut tx = app.store.begin().await.expect("a turn");
        let broken = unchecked(NotificationTemplate::TicketReply, "{{ nope }}");
        assert!(tx.insert_template(&broken).await.expect("it writes"));
        tx.count_template_change().await.expect("it writes");
        tx.commit().await.expect("on disk");
        let templates = Templates::load(None);
        for (hours, told) in [(0, 1), (1, 1), (25, 2)] {
            app.clock.advance_ms(hours * 3_600_000);
            tell_problems(&app.desk, &templates).await.expect("it writes");
            let sql = "SELECT context FROM outbox WHERE template = 'admin_check_failed'";
            let mails = app.database.texts(sql).await;
            assert_eq!(mails.len(), told, "after {hours} h: {mails:?}");
            assert!(mails[0].contains("template ticket_reply (all languages), version 7"), "{mails:?}");
        }
    }

    async fn every_node_sees_a_change_soon(engine: Engine) {
        let app = App::start(engine).await;
        let config = app.desk.config().clone();
        let other = Desk::open(app.store.clone(), config, app.clock.clone(), Ids::seeded(2)).await.expect("it opens");
        assert_eq!(other.template_overrides().await.expect("it reads").templates, []);
        let api = Client::admin(&app.desk).await;
        let path = path_of(NotificationTemplate::TicketReply);
        assert_eq!(api.json("PATCH", &path, &json!({"body": "Mine"})).await.status.as_u16(), 200);
        assert_eq!(app.desk.template_overrides().await.expect("it reads").templates.len(), 1, "at once here");
        for _ in 0..100 {
            if !other.template_overrides().await.expect("it reads").templates.is_empty() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the other node never saw it");
    }

    async fn a_test_shows_the_template_to_an_agent(engine: Engine) {
        let app = App::start(engine).await;
        let (api, templates) = (Client::admin(&app.desk).await, Arc::new(Templates::load(None)));
        let _worker = send(&app, &templates);
        let path = path_of(NotificationTemplate::TicketResolved);
        let mine = json!({"body": "Done: {{ ticket.number }}", "is_active": false});
        assert_eq!(api.json("PATCH", &path, &mine).await.status.as_u16(), 200);
        let log = api.json("POST", &format!("{path}/test"), &json!({"to": "ada@desk.test"})).await;
        assert_eq!(log.status.as_u16(), 202, "{log:?}");
        let (log, raw) = captured(&api, "ticket_resolved").await;
        assert_eq!(text_of(&raw), "Done: TKT-2026-K7Q4ZP");
        assert!(log["subject"].as_str().expect("a subject").starts_with("[Test] "), "{log}");
        assert!(raw.contains("To: Ada Agent <ada@desk.test>\r\n") || raw.contains("To: \"Ada Agent\" <ada@desk.test>\r\n"), "{raw}");
        assert!(raw.contains("Auto-Submitted: auto-generated\r\n") && !raw.contains("In-Reply-To"), "{raw}");
    }
}
