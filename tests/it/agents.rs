//! Agents who work by mail alone (MAIL.md §1.6): who is one, what they may command, and what never happens.

use postdesk::mail::reply_token::LinkKind;
use postdesk::model::{
    ActorType, Agent, Authentication, Authority, Envelope, InboundAction, InboundMail, InboundRecord,
    Priority, Response, ReversePath, Scope, Status, Ticket, Via, Visibility,
};
use postdesk::store::Tx;
use serde_json::json;
use uuid::Uuid;

use crate::api::call::Client;
use crate::support::App;
use crate::support::app::{AGENT, SUPPORT};

const JO: &str = "jo@shop.test";
const BOB: &str = "bob@desk.test";

/// A desk with two agents, and a ticket of a customer whose address is verified.
struct Desk {
    app: App,
    ticket: Uuid,
}

/// A mail as somebody sends it.
#[derive(Clone, Copy)]
struct Mail<'a> {
    from: &'a str,
    to: &'a str,
    subject: &'a str,
    /// Further header lines, each with CR LF.
    more: &'a str,
    body: &'a str,
    authentication: Authentication,
}

const STRANGER: Authentication = Authentication::UNAUTHENTICATED;
const FORGED: Authentication = Authentication { dmarc: Authority::Fail, ..STRANGER };

const MAIL: Mail<'static> = Mail {
    from: AGENT,
    to: SUPPORT,
    subject: "Re: Lamp",
    more: "",
    body: "Hello",
    authentication: Authentication::TRUSTED,
};

impl Desk {
    async fn start(engine: crate::support::Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    async fn start_with(
        engine: crate::support::Engine,
        change: impl FnOnce(&mut postdesk::config::Config),
    ) -> Self {
        let app = App::start_with(engine, change).await;
        let ada = app.desk.directory().agents[0].clone();
        let bob = Agent { id: Uuid::from_u128(77), name: "Bob Builder".into(), email: BOB.into(), ..ada };
        let mut tx = app.store.begin().await.expect("a turn");
        tx.insert_agent(&bob).await.expect("it writes");
        tx.commit().await.expect("on disk");
        app.desk.reload_directory().await.expect("it reads");
        let mut desk = Self { app, ticket: Uuid::nil() };
        desk.ticket = desk.open("Lamp").await.id;
        desk
    }

    /// A customer's new ticket.
    async fn open(&self, subject: &str) -> Ticket {
        let row = self.take(Mail { from: "Jo Doe <jo@shop.test>", subject, body: "It broke.", ..MAIL }).await;
        assert_eq!(row.action, InboundAction::Created);
        self.ticket_of(&row).await
    }

    async fn take(&self, mail: Mail<'_>) -> InboundRecord {
        self.app.clock.advance_ms(1_000);
        let raw = format!(
            "From: {}\r\nTo: {SUPPORT}\r\nSubject: {}\r\nMIME-Version: 1.0\r\n{}\r\n{}\r\n",
            mail.from, mail.subject, mail.more, mail.body
        );
        let path = mail.from.rsplit('<').next().unwrap_or_default().trim_end_matches('>');
        let inbound = InboundMail {
            via: Via::Smtp,
            remote_ip: None,
            envelope: Envelope {
                reverse_path: ReversePath::from_text(path),
                recipients: vec![mail.to.into()],
            },
            received_header: String::new(),
            raw: raw.into_bytes(),
            received_at: self.app.clock.now(),
            authentication: mail.authentication,
        };
        let verdict = self.app.desk.receive(inbound).await;
        let id = verdict.inbound().unwrap_or_else(|| panic!("it was not kept: {verdict:?}"));
        self.inbound(id).await
    }

    /// What an agent answers on the ticket, by the address that was made for them.
    async fn answer(&self, from: &str, body: &str) -> InboundRecord {
        let to = self.address_of(from).await;
        self.take(Mail { from, to: &to, body, authentication: STRANGER, ..MAIL }).await
    }

    /// The reply address of somebody for the ticket.
    async fn address_of(&self, somebody: &str) -> String {
        let token = self.app.desk.keys().reply_token(&self.ticket().await.number, somebody);
        format!("support+{token}@desk.test")
    }

    async fn read(&self) -> Tx {
        self.app.store.read().await.expect("it opens")
    }

    async fn inbound(&self, id: Uuid) -> InboundRecord {
        self.read().await.inbound(id).await.expect("it reads").expect("it is in the ledger")
    }

    async fn ticket(&self) -> Ticket {
        self.read().await.ticket(self.ticket).await.expect("it reads").expect("there is one")
    }

    async fn ticket_of(&self, row: &InboundRecord) -> Ticket {
        let id = row.ticket_id.expect("it is on a ticket");
        self.read().await.ticket(id).await.expect("it reads").expect("there is one")
    }

    async fn response_of(&self, row: &InboundRecord) -> Response {
        let id = row.response_id.expect("it became a response");
        self.read().await.response(id).await.expect("it reads").expect("there is one")
    }

    async fn responses(&self) -> Vec<Response> {
        self.read().await.responses_of(self.ticket).await.expect("it reads")
    }

    /// Templates of the mails for somebody, in their order.
    async fn mails_to(&self, address: &str) -> Vec<String> {
        let sql = format!("SELECT template FROM outbox WHERE to_address = '{address}' ORDER BY id");
        self.app.database.texts(&sql).await
    }

    /// The context of the newest mail of a kind.
    async fn context(&self, template: &str) -> serde_json::Value {
        let sql =
            format!("SELECT context FROM outbox WHERE template = '{template}' ORDER BY id DESC LIMIT 1");
        let text = self.app.database.texts(&sql).await.pop().unwrap_or_else(|| panic!("no {template}"));
        serde_json::from_str(&text).expect("JSON")
    }

    /// Kinds of the audit trail's lines.
    async fn events(&self) -> Vec<String> {
        self.app.database.texts("SELECT type FROM ticket_events ORDER BY at, id").await
    }
}

both_engines! {
    async fn commands_change_the_ticket_and_the_customer_reads_none_of_them(engine: Engine) {
        let desk = Desk::start(engine).await;
        let body = "#resolve\r\n#priority high\r\n\r\n#tag vip,lamp\r\n#assign Bob\r\n#category shipping\r\n#cc sam@shop.test\r\n\r\nIt is found.\r\n#close is not a command here\r\n";
        let row = desk.answer(AGENT, body).await;
        assert_eq!((row.action, row.reason.as_str()), (InboundAction::Appended, "reply_token"), "{}", row.detail);
        let ticket = desk.ticket().await;
        assert_eq!((ticket.status, ticket.priority, ticket.category.as_str()), (Status::Resolved, Priority::High, "shipping"));
        assert_eq!((ticket.tags.join(" "), ticket.cc.join(" ")), ("vip lamp".to_owned(), "sam@shop.test".to_owned()));
        assert_eq!(ticket.assignee_id, Some(Uuid::from_u128(77)));
        let response = desk.response_of(&row).await;
        assert_eq!((response.author_type, response.visibility), (ActorType::Agent, Visibility::Public));
        assert_eq!(response.body_text.trim(), "It is found.\n#close is not a command here");
        assert!(response.full_text.is_some_and(|full| full.contains("#resolve")), "nothing is lost");
        assert_eq!(desk.mails_to(JO).await.last().map(String::as_str), Some("ticket_reply"));
        assert_eq!(desk.mails_to("sam@shop.test").await, ["ticket_reply"]);
        let events = desk.events().await;
        for kind in ["assigned", "priority_changed", "category_changed", "tags_changed", "cc_changed", "response_added"] {
            assert!(events.iter().any(|event| event == kind), "{kind} is missing in {events:?}");
        }
        assert!(!desk.mails_to(AGENT).await.contains(&"agent_command_result".to_owned()), "success needs no word");
    }

    async fn a_mail_of_commands_alone_says_nothing_in_the_agents_name(engine: Engine) {
        let desk = Desk::start(engine).await;
        let before = desk.mails_to(JO).await;
        let row = desk.answer(AGENT, "#tag vip\r\n#snooze 2d\r\n").await;
        assert_eq!((row.action, row.reason.as_str(), row.response_id), (InboundAction::Appended, "commands", None));
        assert_eq!(row.ticket_id, Some(desk.ticket));
        let ticket = desk.ticket().await;
        assert_eq!(ticket.snoozed_until, Some(row.received_at.plus_ms(2 * 86_400_000)));
        assert_eq!((ticket.tags, ticket.response_count), (vec!["vip".to_owned()], 1));
        assert_eq!(desk.mails_to(JO).await, before, "the customer is told nothing");

        desk.answer(AGENT, "#resolve").await;
        assert_eq!(desk.ticket().await.status, Status::Resolved);
        assert_eq!(desk.mails_to(JO).await.last().map(String::as_str), Some("ticket_resolved"), "as by the API");

        let to = desk.address_of(JO).await;
        desk.take(Mail { from: JO, to: &to, body: "Still broken.", ..MAIL }).await;
        let ticket = desk.ticket().await;
        assert_eq!((ticket.status, ticket.snoozed_until), (Status::Open, None), "a customer's mail wakes it");
    }

    async fn one_wrong_command_stops_them_all(engine: Engine) {
        let desk = Desk::start(engine).await;
        let before = desk.ticket().await;
        let mails = desk.mails_to(JO).await;
        for (line, why, near) in [
            ("#reslove", "unknown_command", "#resolve"),
            ("#assign nobody-here", "no_such_agent", ""),
            ("#merge TKT-2026-000000", "no_such_ticket", ""),
            ("#template nothing", "no_such_template", ""),
            ("#cc support@desk.test", "bad_value", ""),
            ("#send", "nothing_to_send", ""),
        ] {
            let text = if line == "#send" { "" } else { "It is found." };
            let row = desk.answer(AGENT, &format!("#priority urgent\r\n{line}\r\n{text}")).await;
            assert_eq!((row.action, row.reason.as_str()), (InboundAction::Ignored, "commands_refused"), "{line}");
            assert_eq!(desk.ticket().await, before, "{line} changed something");
            let context = desk.context("agent_command_result").await;
            assert_eq!(context["refused"][0]["line"], line);
            assert_eq!(context["refused"][0]["why"], why);
            assert_eq!(context["refused"][0]["near"][0].as_str().unwrap_or_default(), near);
            assert_eq!(context["refused"].as_array().map(Vec::len), Some(1));
        }
        assert_eq!(desk.mails_to(JO).await, mails);
        assert_eq!(desk.responses().await.len(), 1);
    }

    async fn transcripts_end_where_a_machine_answers_them(engine: Engine) {
        let desk = Desk::start(engine).await;
        for _ in 0..20 {
            desk.answer(AGENT, "#Ticket 4711 was received, we will be in touch.").await;
        }
        let told = desk.mails_to(AGENT).await.iter().filter(|template| *template == "agent_command_result").count();
        assert_eq!(told, 12);
    }

    async fn notes_stay_internal(engine: Engine) {
        let desk = Desk::start(engine).await;
        let mails = desk.mails_to(JO).await;
        let row = desk.answer(AGENT, "#note\r\nHe called twice.").await;
        let note = desk.response_of(&row).await;
        assert_eq!((note.visibility, note.body_text.trim()), (Visibility::Internal, "He called twice."));
        assert_eq!(desk.ticket().await.status, Status::Open, "a note moves nothing");

        let token = desk.app.desk.keys().note_token(&desk.ticket().await.number, AGENT);
        let to = format!("support+{token}@desk.test");
        let row = desk.take(Mail { to: &to, body: "Then we call back.", authentication: STRANGER, ..MAIL }).await;
        assert_eq!(desk.response_of(&row).await.visibility, Visibility::Internal, "an answer to a note is one");
        assert_eq!(desk.mails_to(JO).await, mails);
    }

    async fn an_answer_that_crossed_another_waits_for_a_word(engine: Engine) {
        let desk = Desk::start(engine).await;
        let seen = desk.app.database.texts("SELECT message_id FROM outbox WHERE audience = 'agent' AND to_address = 'ada@desk.test' ORDER BY id").await;
        let answers = format!("In-Reply-To: <{}>\r\n", seen[0]);
        let bobs = desk.answer(BOB, "It is on its way.").await;
        assert_eq!(desk.response_of(&bobs).await.visibility, Visibility::Public);
        let mails = desk.mails_to(JO).await;

        let to = desk.address_of(AGENT).await;
        let late = Mail { to: &to, more: &answers, body: "#resolve\r\nIt is lost.", authentication: STRANGER, ..MAIL };
        let row = desk.take(late).await;
        let note = desk.response_of(&row).await;
        assert_eq!((note.visibility, note.flags.contains(&"kept_as_note".to_owned())), (Visibility::Internal, true));
        assert_eq!(desk.ticket().await.status, Status::InProgress, "its commands wait as well");
        assert_eq!(desk.mails_to(JO).await, mails);
        let asked = desk.context("agent_command_result").await;
        assert_eq!((&asked["kept_as_note"], &asked["newer"]["author"]), (&true.into(), &"Bob Builder".into()));
        assert_eq!(asked["newer"]["text"], "It is on its way.");

        let row = desk.answer(AGENT, "#send").await;
        let sent = desk.response_of(&row).await;
        assert_eq!((sent.id, sent.visibility, sent.flags.len()), (note.id, Visibility::Public, note.flags.len() - 1));
        assert_eq!(sent.body_text.trim(), "It is lost.");
        assert_eq!(desk.mails_to(JO).await.len(), mails.len() + 1);
        assert_eq!(desk.responses().await.last().map(|last| last.id), Some(note.id), "it is the newest word now");
        let row = desk.answer(AGENT, "#send").await;
        assert_eq!(row.reason, "commands_refused", "it is sent once");

        let row = desk.take(Mail { to: &to, more: &answers, body: "#send\r\nReally lost.", authentication: STRANGER, ..MAIL }).await;
        assert_eq!(desk.response_of(&row).await.visibility, Visibility::Public, "#send with text sends the text");
    }

    async fn a_merged_tickets_mail_goes_to_its_target(engine: Engine) {
        let desk = Desk::start(engine).await;
        let target = desk.open("Lamp again").await;
        let source = desk.ticket().await;
        let row = desk.answer(AGENT, &format!("#merge {}\r\n#note\r\nThe same lamp.", target.number)).await;
        assert_eq!(row.action, InboundAction::Appended);
        let merged = desk.ticket().await;
        assert_eq!((merged.merged_into_id, merged.status, merged.response_count), (Some(target.id), Status::Closed, 0));
        let mut read = desk.read().await;
        assert_eq!(read.responses_of(target.id).await.expect("it reads").len(), 3);
        let events = read.events_of(target.id).await.expect("it reads");
        assert!(events.iter().any(|event| event.r#type == "merged_from"), "{events:?}");
        drop(read);
        let token = desk.app.desk.keys().reply_token(&source.number, JO);
        let to = format!("support+{token}@desk.test");
        let row = desk.take(Mail { from: JO, to: &to, body: "And now?", ..MAIL }).await;
        assert_eq!((row.action, row.ticket_id), (InboundAction::Appended, Some(target.id)));
        let row = desk.answer(AGENT, &format!("#merge {}", source.number)).await;
        assert_eq!(row.reason, "commands_refused", "not into itself, by whichever number");
        assert_eq!(desk.context("agent_command_result").await["refused"][0]["why"], "same_ticket");
    }

    async fn html_mails_command_too(engine: Engine) {
        let desk = Desk::start(engine).await;
        let more = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n";
        let body = "<html><body><p class=MsoNormal><a href=\"https://x.example\">#resolve</a>&nbsp;<o:p></o:p></p>\r\n<p class=MsoNormal>&#8203;#tag&nbsp;vip<o:p></o:p></p><p class=MsoNormal><o:p>&nbsp;</o:p></p><p class=MsoNormal>It is <b>found</b>.</p></body></html>";
        let to = desk.address_of(AGENT).await;
        let row = desk.take(Mail { to: &to, more, body, authentication: STRANGER, ..MAIL }).await;
        let response = desk.response_of(&row).await;
        assert_eq!((desk.ticket().await.status, desk.ticket().await.tags), (Status::Resolved, vec!["vip".to_owned()]));
        assert_eq!(response.body_text.trim(), "It is found.");
        let html = response.body_html.expect("it has HTML");
        assert!(html.contains("<b>found</b>") && !html.contains('#') && !html.contains("vip"), "{html}");
    }

    /// MAIL.md §1.6; CHECKLIST §3, forged agent and reply key used by someone else.
    async fn nobody_else_commands(engine: Engine) {
        let desk = Desk::start(engine).await;
        let (ada, jo) = (desk.address_of(AGENT).await, desk.address_of(JO).await);
        let note = desk.app.desk.keys().note_token(&desk.ticket().await.number, JO);
        let notes = format!("support+{note}@desk.test");
        let old = postdesk::mail::reply_token::KeyRing::new(&["a key that was taken away, thirty-two characters"]).expect("a ring");
        let rotated = format!("support+{}@desk.test", old.reply_token(&desk.ticket().await.number, AGENT));
        let number = desk.ticket().await.number.to_string();
        let body = "#close\r\n#spam\r\n#assign me\r\nHello";
        let quoted = "> #close\r\n> #spam\r\n\r\nOn Monday, Jo wrote:\r\n> #assign me\r\n";
        let trusted = Authentication::TRUSTED;
        let before = desk.ticket().await;
        for (what, from, to, subject, body, authentication, want) in [
            ("forged, no token", AGENT, SUPPORT, "Re", body, STRANGER, "unverified_agent"),
            ("forged, belied", AGENT, SUPPORT, "Re", body, FORGED, "unverified_agent"),
            ("forged, by number", AGENT, SUPPORT, number.as_str(), body, STRANGER, "unverified_agent"),
            ("forged, customer's token", AGENT, jo.as_str(), "Re", body, STRANGER, "unverified_agent"),
            ("agent's token, other address", "eve@evil.test", ada.as_str(), "Re", body, STRANGER, "unverified_agent"),
            ("agent's token, verified other", "eve@evil.test", ada.as_str(), "Re", body, trusted, "unverified_agent"),
            ("agent's token, customer", JO, ada.as_str(), "Re", body, trusted, "unverified_agent"),
            ("another agent's token, forged", BOB, ada.as_str(), "Re", body, STRANGER, "unverified_agent"),
            ("a key that was taken away", AGENT, rotated.as_str(), "Re", body, STRANGER, "unverified_agent"),
            ("two senders", "ada@desk.test, bob@desk.test", ada.as_str(), "Re", body, STRANGER, "unverified_agent"),
            ("customer", JO, jo.as_str(), "Re", body, trusted, "reply_token"),
            ("customer, note token", JO, notes.as_str(), "Re", body, trusted, "reply_token"),
            ("stranger", "eve@evil.test", jo.as_str(), "Re", body, trusted, "reply_token"),
            ("agent, commands quoted", AGENT, ada.as_str(), "Re", quoted, trusted, "reply_token"),
        ] {
            let row = desk.take(Mail { from, to, subject, body, authentication, more: "" }).await;
            let ticket = desk.ticket().await;
            assert_eq!(row.reason, want, "{what}: {row:?}");
            assert_eq!((ticket.is_spam, ticket.assignee_id), (false, None), "{what}");
            assert!(matches!(ticket.status, Status::Open | Status::InProgress), "{what}");
            assert_eq!(ticket.cc, before.cc, "{what}");
        }
        let told = |mails: Vec<String>| mails.iter().filter(|template| *template == "agent_reply_refused").count();
        assert_eq!(told(desk.mails_to(AGENT).await), 1, "once an hour");
        assert_eq!(told(desk.mails_to("eve@evil.test").await), 0, "nobody else is told");
        desk.app.clock.advance_ms(3_600_000);
        desk.take(Mail { to: &jo, authentication: STRANGER, ..MAIL }).await;
        assert_eq!(told(desk.mails_to(AGENT).await), 2);
    }

    async fn a_held_reply_is_released_by_its_link_and_by_nothing_less(engine: Engine) {
        let desk = Desk::start_with(engine, |config| config.http.public_url = Some("https://desk.test/".into())).await;
        let mails = desk.mails_to(JO).await;
        let ada = desk.address_of(AGENT).await;
        let home = Mail { from: "Ada <ada@home.test>", to: &ada, body: "#resolve\r\nIt is found.", authentication: STRANGER, ..MAIL };
        let held = desk.take(home).await;
        assert_eq!((held.action, held.ticket_id), (InboundAction::Quarantined, None));
        let told = desk.app.database.texts("SELECT template FROM outbox WHERE template = 'agent_reply_refused' AND to_address = 'ada@desk.test'").await;
        assert_eq!(told.len(), 1, "the agent is told where we know them");

        let token = desk.app.desk.keys().link_token(LinkKind::Release, held.id);
        let browser = Client::anonymous(&desk.app.desk);
        let path = format!("/confirm/{token}");
        for _ in 0..3 {
            let page = browser.get(&path).await;
            let html = String::from_utf8(page.body.clone()).expect("text");
            assert_eq!((page.status.as_u16(), page.header("cache-control")), (200, "no-store"));
            assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
            for shown in ["ada@home.test", "It is found.", "method=\"post\"", "Ada Agent"] {
                assert!(html.contains(shown), "{shown} is missing: {html}");
            }
            assert!(!html.contains("<script"));
        }
        assert_eq!(desk.inbound(held.id).await, held, "looking changes nothing");
        let other = desk.app.desk.keys().link_token(LinkKind::Unsubscribe, held.id);
        assert_eq!(browser.get(&format!("/confirm/{other}")).await.status.as_u16(), 404);
        assert_eq!(browser.get("/confirm/nonsense").await.status.as_u16(), 404);

        let form = "application/x-www-form-urlencoded";
        let done = browser.raw("POST", &path, form, "trust=yes").await;
        assert_eq!(done.status.as_u16(), 200, "{}", String::from_utf8_lossy(&done.body));
        let row = desk.inbound(held.id).await;
        assert_eq!((row.action, row.reason.as_str(), row.ticket_id), (InboundAction::Appended, "reply_token", Some(desk.ticket)));
        assert_eq!((row.released_by.as_deref(), row.released_at), (Some("Ada Agent"), Some(desk.app.clock.now())));
        let reply = desk.response_of(&row).await;
        assert_eq!((reply.author_type, reply.author_name.as_deref()), (ActorType::Agent, Some("Ada Agent")));
        assert_eq!((reply.body_text.trim(), desk.ticket().await.status), ("It is found.", Status::Resolved));
        assert_eq!(desk.mails_to(JO).await.len(), mails.len() + 1);
        assert_eq!(browser.raw("POST", &path, form, "trust=yes").await.status.as_u16(), 200, "once more changes nothing");
        assert_eq!(desk.mails_to(JO).await.len(), mails.len() + 1);

        let row = desk.take(home).await;
        assert_eq!(row.action, InboundAction::Appended, "the address is the agent's from now on: {row:?}");
        let row = desk.take(Mail { to: SUPPORT, ..home }).await;
        assert_eq!(row.reason, "unverified_agent", "and is believed no more than the first one");

        desk.app.clock.advance_ms(31 * 86_400_000);
        assert_eq!(browser.get(&path).await.status.as_u16(), 410);
    }

    async fn a_customers_address_never_becomes_an_agents(engine: Engine) {
        let desk = Desk::start(engine).await;
        let ada = desk.address_of(AGENT).await;
        let held = desk.take(Mail { from: JO, to: &ada, body: "I got this mail forwarded.", ..MAIL }).await;
        assert_eq!(held.reason, "unverified_agent");
        let token = desk.app.desk.keys().link_token(LinkKind::Release, held.id);
        let browser = Client::anonymous(&desk.app.desk);
        let page = browser.get(&format!("/confirm/{token}")).await;
        assert!(!String::from_utf8_lossy(&page.body).contains("checkbox"));
        browser.raw("POST", &format!("/confirm/{token}"), "application/x-www-form-urlencoded", "trust=yes").await;
        assert!(desk.app.desk.directory().agent_by_address(JO).is_none());
    }

    async fn held_mail_is_looked_at_let_in_and_thrown_away_by_the_api(engine: Engine) {
        let desk = Desk::start(engine).await;
        let forged = Mail { authentication: STRANGER, ..MAIL };
        let first = desk.take(Mail { body: "First.", ..forged }).await;
        let second = desk.take(Mail { body: "Second.", ..forged }).await;
        let api = Client::new(&desk.app.desk, &[Scope::EmailLogsWrite]).await;
        let list = api.get("/quarantine?reason=unverified_agent&include=total").await.json();
        assert_eq!((&list["data"][0]["id"], &list["pagination"]["total"]), (&second.id.to_string().into(), &2.into()));
        assert_eq!(api.get(&format!("/quarantine/{}", first.id)).await.json()["reason"], "unverified_agent");

        let release = format!("/quarantine/{}/release", first.id);
        let wish = json!({"to": desk.ticket().await.number, "notify": false});
        let dry = api.json("POST", &format!("{release}?dry_run=true"), &wish).await;
        assert_eq!((dry.status.as_u16(), &dry.json()["action"]), (200, &"appended".into()), "{dry:?}");
        assert_eq!(desk.inbound(first.id).await.action, InboundAction::Quarantined);
        let mails = desk.mails_to(JO).await;
        let done = api.json("POST", &release, &wish).await;
        assert_eq!((done.status.as_u16(), &done.json()["released_by"]), (200, &"shop".into()), "{done:?}");
        let row = desk.inbound(first.id).await;
        assert_eq!((row.action, row.ticket_id), (InboundAction::Appended, Some(desk.ticket)));
        assert_eq!(desk.mails_to(JO).await, mails, "as was wished");
        assert_eq!(api.json("POST", &release, &wish).await.problem(), (409, "invalid_state".into()));
        assert_eq!(api.get(&format!("/quarantine/{}", first.id)).await.problem(), (404, "inbound_mail_not_found".into()));

        let path = format!("/quarantine/{}", second.id);
        assert_eq!(api.json("POST", &format!("{path}/release"), &json!({"to": "there"})).await.problem().0, 422);
        assert_eq!(api.json("DELETE", &path, &json!({})).await.status.as_u16(), 204);
        let row = desk.inbound(second.id).await;
        assert_eq!((row.action, row.reason.as_str()), (InboundAction::Ignored, "discarded"));
        assert_eq!(api.json("DELETE", &path, &json!({})).await.status.as_u16(), 404);
        let reader = Client::new(&desk.app.desk, &[Scope::EmailLogsRead]).await;
        assert_eq!(reader.json("DELETE", &path, &json!({})).await.status.as_u16(), 403);
        assert_eq!(Client::anonymous(&desk.app.desk).get("/quarantine").await.status.as_u16(), 401);
    }

    async fn an_address_is_confirmed_by_a_click(engine: Engine) {
        let desk = Desk::start_with(engine, |config| config.intake.ack_unverified = Some(postdesk::config::AckUnverified::Neutral)).await;
        desk.take(Mail { from: "kim@shop.test", subject: "Hello", authentication: STRANGER, ..MAIL }).await;
        let asked = desk.app.database.texts("SELECT CAST(message_id AS TEXT) FROM outbox WHERE template = 'ticket_received_neutral'").await;
        let id = postdesk::model::MessageId::new(&asked[0]).expect("an id");
        let entry = desk.app.desk.keys().read_message_id(&id).and_then(|ours| ours.entry).expect("its row");
        let path = format!("/confirm/{}", desk.app.desk.keys().link_token(LinkKind::Confirm, entry));
        let browser = Client::anonymous(&desk.app.desk);
        let verified = async || {
            let email = desk.read().await.contact_email("kim@shop.test").await.expect("it reads");
            email.expect("it is known").verified
        };
        assert_eq!(browser.get(&path).await.status.as_u16(), 200);
        assert!(!verified().await, "a program that follows links confirms nothing");
        assert_eq!(browser.raw("POST", &path, "application/x-www-form-urlencoded", "").await.status.as_u16(), 200);
        assert!(verified().await);
    }

    async fn a_forwarded_mail_is_its_writers_and_tells_them_nothing(engine: Engine) {
        let desk = Desk::start(engine).await;
        let body = "#assign me\r\nPlease be quick.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Kim Roe <kim@shop.test>\r\nDate: Mon, 2 Mar 2026 at 08:00\r\nSubject: Parcel\r\nTo: <ada@desk.test>\r\n\r\nMy parcel is lost.\r\n";
        let row = desk.take(Mail { subject: "Fwd: Parcel", body, ..MAIL }).await;
        assert_eq!((row.action, row.reason.as_str()), (InboundAction::Created, "forwarded"));
        let ticket = desk.ticket_of(&row).await;
        assert_eq!((ticket.requester_email.as_str(), ticket.assignee_id), ("kim@shop.test", desk.app.desk.directory().agent_by_address(AGENT).map(|ada| ada.id)));
        let responses = desk.read().await.responses_of(ticket.id).await.expect("it reads");
        let said: Vec<_> = responses.iter().map(|r| (r.visibility, r.author_type, r.body_text.trim())).collect();
        assert_eq!(said, [
            (Visibility::Public, ActorType::Customer, "My parcel is lost."),
            (Visibility::Internal, ActorType::Agent, "Please be quick."),
        ]);
        assert_eq!(desk.mails_to("kim@shop.test").await, Vec::<String>::new());

        let whole = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=o\r\n";
        let body = "--o\r\n\r\nOne more.\r\n--o\r\nContent-Type: message/rfc822\r\n\r\nFrom: Lee <lee@shop.test>\r\nSubject: Blue lamp\r\nMessage-ID: <l1@shop.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nIt is blue.\r\n--i\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=lamp.png\r\n\r\nPNG\r\n--i--\r\n\r\n--o--\r\n";
        let row = desk.take(Mail { subject: "see below", more: whole, body, ..MAIL }).await;
        let ticket = desk.ticket_of(&row).await;
        assert_eq!((ticket.requester_email.as_str(), ticket.subject.as_str()), ("lee@shop.test", "Blue lamp"));
        let first = desk.response_of(&row).await;
        assert_eq!((first.body_text.trim(), first.message_id.as_deref()), ("It is blue.", Some("l1@shop.test")));
        let files = desk.read().await.attachments_of_response(first.id).await.expect("it reads");
        let names: Vec<_> = files.iter().filter_map(|file| file.filename.as_deref()).collect();
        assert!(names.contains(&"lamp.png"), "{files:?}");
        assert_eq!(desk.mails_to("lee@shop.test").await, Vec::<String>::new());
    }

    /// RFC 8058 §3.2: a POST of `List-Unsubscribe=One-Click` unsubscribes, looking at the page does not.
    async fn one_click_ends_a_kind_of_mail(engine: Engine) {
        let desk = Desk::start(engine).await;
        let told = desk.app.database.texts("SELECT message_id FROM outbox WHERE to_address = 'bob@desk.test' AND template = 'agent_new_ticket'").await;
        let id = postdesk::model::MessageId::new(&told[0]).expect("an id");
        let entry = desk.app.desk.keys().read_message_id(&id).and_then(|ours| ours.entry).expect("its row");
        let path = format!("/confirm/{}", desk.app.desk.keys().link_token(LinkKind::Unsubscribe, entry));
        let program = Client::anonymous(&desk.app.desk);
        assert_eq!(program.get(&path).await.status.as_u16(), 200);
        desk.open("Second").await;
        assert_eq!(desk.mails_to(BOB).await.len(), 2, "looking ends nothing");
        let form = "application/x-www-form-urlencoded";
        assert_eq!(program.raw("POST", &path, form, "List-Unsubscribe=One-Click").await.status.as_u16(), 200);
        desk.open("Third").await;
        assert_eq!(desk.mails_to(BOB).await.len(), 2);
    }

    /// RFC 3834 §2, §5: what a program answers is no answer of a person's.
    async fn an_agents_auto_reply_is_nobodys_answer(engine: Engine) {
        let desk = Desk::start(engine).await;
        let to = desk.address_of(AGENT).await;
        let more = "Auto-Submitted: auto-replied\r\n";
        for authentication in [STRANGER, Authentication::TRUSTED] {
            let row = desk.take(Mail { to: &to, more, body: "#close\r\nI am away.", authentication, ..MAIL }).await;
            assert_eq!((row.action, row.response_id), (InboundAction::Ignored, None));
        }
        assert_eq!(desk.ticket().await.status, Status::Open);
        assert_eq!(desk.responses().await.len(), 1);
    }
}
