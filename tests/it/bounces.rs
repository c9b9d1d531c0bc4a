//! Mail that comes back: which of our mails a report is about, what it does to address and ticket, and who is told.

use std::collections::HashSet;

use postdesk::config::{Config, TransportKind};
use postdesk::desk::{ReadyMail, Round, Try, Wanted};
use postdesk::model::{
    ActorType, AttemptReport, Authentication, Envelope, InboundAction, InboundMail, InboundRecord,
    OutboxEntry, Outcome, Response, ReversePath, Status, Suppression, Ticket, Via, Visibility,
};
use postdesk::store::{Store, Tx};
use uuid::Uuid;

use crate::support::app::{AGENT, SUPPORT};
use crate::support::{App, Engine};

const JO: &str = "jo@example.org";
const DAY_MS: i64 = 24 * 3_600_000;

/// A desk on which Jo wrote, and Ada answered.
struct Desk {
    app: App,
    store: Store,
    ticket: Uuid,
}

/// What a report says of one recipient.
struct Said<'a> {
    recipient: &'a str,
    action: &'a str,
    status: &'a str,
    words: &'a str,
}

const GONE: Said<'static> = Said {
    recipient: JO,
    action: "failed",
    status: "5.1.1",
    words: "550 5.1.1 <jo@example.org>: no such user",
};
const FULL: Said<'static> =
    Said { recipient: JO, action: "failed", status: "5.2.2", words: "552 5.2.2 mailbox full" };

impl Desk {
    async fn start(engine: Engine) -> Self {
        Self::start_with(engine, |_| {}).await
    }

    async fn start_with(engine: Engine, change: impl FnOnce(&mut Config)) -> Self {
        let app = App::start_with(engine, change).await;
        let store = Store::open(&app.database.url, 2).await.expect("it opens");
        let mut desk = Self { app, store, ticket: Uuid::nil() };
        let row = desk.take(JO, SUPPORT, "Subject: Lost parcel\r\n\r\nIt is late.\r\n").await;
        desk.ticket = row.ticket_id.expect("a ticket");
        desk.send_all().await;
        desk
    }

    /// Hands a mail in, and gives the ledger's row.
    async fn take(&self, from: &str, to: &str, raw: &str) -> InboundRecord {
        self.app.clock.advance_ms(1_000);
        let sender = if from.is_empty() { "MAILER-DAEMON@mx.example.org" } else { from };
        let verdict = self
            .app
            .desk
            .receive(InboundMail {
                via: Via::Smtp,
                remote_ip: None,
                envelope: Envelope {
                    reverse_path: ReversePath::from_text(from),
                    recipients: vec![to.into()],
                },
                received_header: String::new(),
                raw: format!("From: {sender}\r\nTo: {to}\r\n{raw}").into_bytes(),
                received_at: self.app.clock.now(),
                authentication: Authentication::TRUSTED,
            })
            .await;
        let id = verdict.inbound().unwrap_or_else(|| panic!("it was not kept: {verdict:?}"));
        self.read().await.inbound(id).await.expect("it reads").expect("it is in the ledger")
    }

    /// Ada answers by mail; gives the reply to Jo as it stands in the outbox, handed to the next server.
    async fn reply(&self) -> OutboxEntry {
        let token = self.app.desk.keys().reply_token(&self.ticket().await.number, AGENT);
        let to = format!("support+{token}@desk.test");
        self.take(AGENT, &to, "Subject: Re: Lost parcel\r\n\r\nIt is found.\r\n").await;
        self.send_all().await.into_iter().find(|entry| entry.to_address == JO).expect("a reply")
    }

    /// Hands everything in the outbox to the next server.
    async fn send_all(&self) -> Vec<OutboxEntry> {
        self.try_all(Outcome::Delivered, "250 2.0.0 taken").await
    }

    async fn try_all(&self, outcome: Outcome, reply: &str) -> Vec<OutboxEntry> {
        let nowhere = HashSet::new();
        let wanted = Wanted { lease: "test", lease_ms: 60_000, limit: 50, resting: &nowhere };
        let due = self.app.desk.claim_due(&mut Round::default(), wanted).await.expect("it claims");
        let attempt = AttemptReport {
            outcome,
            at: self.app.clock.now(),
            duration_ms: 1,
            remote: None,
            tls: None,
            smtp_code: reply[..3].parse().ok(),
            enhanced_code: reply.split(' ').nth(1).filter(|code| code.contains('.')).map(str::to_owned),
            smtp_response: Some(reply.into()),
            error: None,
        };
        let mail = |entry| ReadyMail { entry, mime: b"Subject: x\r\n\r\n".to_vec(), fixed: false };
        let mut tries: Vec<_> =
            due.iter().cloned().map(|entry| Try { mail: mail(entry), report: attempt.clone() }).collect();
        self.app.desk.record_attempts(&mut tries).await.expect("it writes");
        due
    }

    /// A report on a mail, sent to `to`; `returned` are header lines of the mail given back.
    async fn report(&self, to: &str, said: &Said<'_>, returned: &str) -> InboundRecord {
        let Said { recipient, action, status, words } = said;
        let raw = format!(
            "Subject: Undelivered Mail Returned to Sender\r\n\
             Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n\
             --b\r\n\r\nI'm sorry to have to inform you.\r\n\
             --b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n\
             Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n\
             Diagnostic-Code: smtp; {words}\r\n\r\n\
             --b\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}Subject: Re: Lost parcel\r\n\r\n--b--\r\n"
        );
        self.take("", to, &raw).await
    }

    async fn read(&self) -> Tx {
        self.store.read().await.expect("it opens")
    }

    async fn ticket(&self) -> Ticket {
        self.read().await.ticket(self.ticket).await.expect("it reads").expect("it is there")
    }

    async fn log(&self, entry: &OutboxEntry) -> OutboxEntry {
        self.read().await.outbox_entry(entry.id).await.expect("it reads").expect("it is there")
    }

    async fn notes(&self) -> Vec<Response> {
        let mut all = self.read().await.responses_of(self.ticket).await.expect("it reads");
        all.retain(|response| response.author_type == ActorType::System);
        all
    }

    async fn suppressed(&self, address: &str) -> Option<Suppression> {
        self.read().await.suppression(address, self.app.clock.now()).await.expect("it reads")
    }

    /// Mails to the agent that say a reply did not arrive.
    async fn told(&self) -> i64 {
        self.count("outbox WHERE template = 'agent_delivery_failed'").await
    }

    async fn count(&self, what: &str) -> i64 {
        self.app.database.count(&format!("SELECT count(*) FROM {what}")).await
    }
}

both_engines! {
    /// RFC 3464 §2, RFC 6522.
    async fn a_bounced_reply_is_noted_and_its_writer_told(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        let before = desk.ticket().await;
        let row = desk.report(&reply.envelope_from, &GONE, "").await;
        assert_eq!((row.action, row.ticket_id), (InboundAction::Bounce, Some(desk.ticket)));
        assert_eq!(row.bounces[0]["email_log_id"], reply.id.to_string());
        let log = desk.log(&reply).await;
        assert_eq!((log.status.as_str(), log.enhanced_code.as_deref()), ("bounced", Some("5.1.1")));
        assert_eq!(log.smtp_response.as_deref(), Some(GONE.words));

        let notes = desk.notes().await;
        let [note] = notes.as_slice() else { panic!("one note, not {notes:?}") };
        assert_eq!((note.visibility, note.author_name.as_deref()), (Visibility::Internal, Some("Postdesk")));
        for part in ["jo@example.org", "does not exist", GONE.words] {
            assert!(note.body_text.contains(part), "{part:?} in {:?}", note.body_text);
        }
        let ticket = desk.ticket().await;
        assert_eq!((ticket.status, ticket.last_customer_message_at, ticket.waiting_since), (before.status, before.last_customer_message_at, before.waiting_since));

        let told = "SELECT to_address || ' ' || context FROM outbox WHERE template = 'agent_delivery_failed'";
        let told = desk.app.database.texts(told).await;
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with(AGENT) && told[0].contains("no_such_user"), "{told:?}");
        let suppression = desk.suppressed(JO).await.expect("no more mail");
        assert_eq!((suppression.reason.as_str(), suppression.outbox_id, suppression.expires_at), ("hard_bounce", Some(reply.id), None));

        desk.report(&reply.envelope_from, &GONE, "").await;
        assert_eq!((desk.notes().await.len(), desk.told().await), (1, 1), "said once");
        assert_eq!(desk.log(&desk.reply_suppressed().await).await.status.as_str(), "suppressed");
    }

    async fn whoever_writes_again_is_answered_again(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        desk.report(&reply.envelope_from, &GONE, "").await;
        assert!(desk.suppressed(JO).await.is_some());
        desk.take(JO, SUPPORT, "Subject: Still here\r\n\r\nMy mailbox works again.\r\n").await;
        assert_eq!(desk.suppressed(JO).await, None);
    }

    async fn a_refusal_at_once_goes_the_way_of_a_bounce(engine: Engine) {
        let desk = Desk::start(engine).await;
        let token = desk.app.desk.keys().reply_token(&desk.ticket().await.number, AGENT);
        desk.take(AGENT, &format!("support+{token}@desk.test"), "Subject: Re\r\n\r\nFound.\r\n").await;
        desk.try_all(Outcome::Failed, "550 No such user here").await;
        assert_eq!((desk.notes().await.len(), desk.told().await), (1, 1));
        assert_eq!(desk.suppressed(JO).await.expect("no more mail").reason, "hard_bounce");
    }

    /// RFC 3464 §2, RFC 6522 §3: the returned header has our Message-ID.
    async fn a_report_without_token_is_tied_by_our_message_id(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        let returned = format!("Message-ID: <{}>\r\n", reply.message_id);
        let row = desk.report(SUPPORT, &GONE, &returned).await;
        assert_eq!(row.bounces[0]["email_log_id"], reply.id.to_string());
        assert!(desk.suppressed(JO).await.is_some());
    }

    /// RFC 3462.
    async fn a_message_id_in_the_words_of_a_report_is_enough(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        let raw = format!("Subject: Mail delivery failed: returning message to sender\r\n\r\nA message that you sent could not be delivered to one or more of its recipients.\r\nThe following address failed:\r\n\r\n  jo@example.org\r\n    550 unknown user\r\n\r\nMessage-ID: <{}>\r\n", reply.message_id);
        let row = desk.take("", SUPPORT, &raw).await;
        assert_eq!(row.bounces[0]["email_log_id"], reply.id.to_string());
        assert_eq!(desk.log(&reply).await.status.as_str(), "bounced");
    }

    async fn a_forged_bounce_suppresses_nobody(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        desk.report(SUPPORT, &GONE, "Message-ID: <made-up@desk.test>\r\n").await;
        assert_eq!(desk.log(&reply).await.status.as_str(), "bounced", "by recipient and time");
        assert_eq!(desk.suppressed(JO).await, None);
        let notes = desk.notes().await;
        assert_eq!((notes.len(), desk.told().await), (1, 0));
        assert!(notes[0].body_text.contains("anybody may have written it"), "{:?}", notes[0].body_text);
        desk.report(SUPPORT, &Said { action: "delivered", status: "2.0.0", ..GONE }, "").await;
        desk.report(SUPPORT, &Said { recipient: "sam@example.org", ..GONE }, "").await;
        assert_eq!(desk.notes().await.len(), 1, "and no more than that");
    }

    /// A return path that we did not make proves nothing, though it names the very mail.
    async fn a_forged_return_path_suppresses_nobody(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        let (local, domain) = reply.envelope_from.split_once('@').expect("an address");
        let (front, last) = local.split_at(local.len() - 1);
        let other = if last == "0" { "1" } else { "0" };
        desk.report(&format!("{front}{other}@{domain}"), &GONE, "").await;
        assert_eq!((desk.suppressed(JO).await, desk.told().await), (None, 0));
    }

    /// A guess does not keep the truth out: who has seen the mail is heard behind it, once.
    async fn what_is_proved_counts_though_something_was_guessed_before(engine: Engine) {
        for (said, status) in [(GONE, "bounced"), (Said { action: "delivered", status: "2.0.0", ..GONE }, "delivered")] {
            let desk = Desk::start(engine).await;
            let reply = desk.reply().await;
            desk.report(SUPPORT, &GONE, "").await;
            desk.report(&reply.envelope_from, &said, "").await;
            desk.report(&reply.envelope_from, &said, "").await;
            let log = desk.log(&reply).await;
            let bounced = status == "bounced";
            assert_eq!((log.status.as_str(), log.bounced_at.is_some()), (status, bounced));
            assert_eq!(desk.suppressed(JO).await.is_some(), bounced, "{status}");
            let (notes, told) = if bounced { (2, 1) } else { (1, 0) };
            assert_eq!((desk.notes().await.len(), desk.told().await), (notes, told), "{status}");
        }
    }

    /// Nor does the proof of an earlier sending: sent once more, the mail may come back once more.
    async fn a_proof_is_of_one_sending(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        desk.report(&reply.envelope_from, &GONE, "").await;
        desk.app.database.texts("UPDATE outbox SET status = 'sent', bounced_at = NULL WHERE status = 'bounced' RETURNING status").await;
        desk.report(SUPPORT, &GONE, "").await;
        let notes = desk.notes().await.len();
        desk.report(&reply.envelope_from, &GONE, "").await;
        assert_eq!((notes, desk.notes().await.len()), (2, 3), "it is believed over the guess");
    }

    async fn an_old_mail_is_not_guessed(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        desk.app.clock.advance_ms(6 * DAY_MS);
        desk.report(SUPPORT, &GONE, "").await;
        assert_eq!(desk.log(&reply).await.status.as_str(), "sent");
    }

    async fn soft_bounces_count_to_a_limit(engine: Engine) {
        let desk = Desk::start(engine).await;
        for round in 1..=4 {
            let reply = desk.reply().await;
            desk.report(&reply.envelope_from, &FULL, "").await;
            desk.report(&reply.envelope_from, &FULL, "").await;
            assert_eq!(desk.suppressed(JO).await, None, "after {round}");
        }
        let reply = desk.reply().await;
        desk.report(&reply.envelope_from, &FULL, "").await;
        let suppression = desk.suppressed(JO).await.expect("it rests");
        assert!(suppression.expires_at.is_some(), "for a while");
        assert_eq!(suppression.reason, "hard_bounce");
        desk.app.clock.advance_ms(15 * DAY_MS);
        assert_eq!(desk.suppressed(JO).await, None);
        let reply = desk.reply().await;
        desk.report(&reply.envelope_from, &FULL, "").await;
        assert_eq!(desk.suppressed(JO).await, None, "it counts anew");
    }

    async fn a_delivery_clears_the_count(engine: Engine) {
        let desk = Desk::start(engine).await;
        for _ in 0..4 {
            let reply = desk.reply().await;
            desk.report(&reply.envelope_from, &FULL, "").await;
        }
        let reply = desk.reply().await;
        let arrived = Said { action: "delivered", status: "2.0.0", words: "250 ok", ..GONE };
        let row = desk.report(&reply.envelope_from, &arrived, "").await;
        assert_eq!((row.action, desk.log(&reply).await.status.as_str()), (InboundAction::Ignored, "delivered"));
        let reply = desk.reply().await;
        desk.report(&reply.envelope_from, &FULL, "").await;
        assert_eq!(desk.suppressed(JO).await, None);
    }

    async fn on_our_own_way_a_mail_taken_is_a_delivery(engine: Engine) {
        for (transport, counted) in [(TransportKind::Direct, 0), (TransportKind::Relay, 1)] {
            let desk = Desk::start_with(engine, |config| config.outbox.transport = transport).await;
            let reply = desk.reply().await;
            desk.report(&reply.envelope_from, &FULL, "").await;
            desk.reply().await;
            assert_eq!(desk.count("soft_bounces").await, counted, "{transport:?}");
        }
    }

    async fn a_sender_that_is_refused_is_no_fault_of_the_recipient(engine: Engine) {
        let desk = Desk::start(engine).await;
        let token = desk.app.desk.keys().reply_token(&desk.ticket().await.number, AGENT);
        desk.take(AGENT, &format!("support+{token}@desk.test"), "Subject: Re\r\n\r\nFound.\r\n").await;
        desk.try_all(Outcome::Failed, "550 Sender address rejected: Domain not found").await;
        assert_eq!(desk.notes().await.len(), 1);
        assert_eq!((desk.suppressed(JO).await, desk.count("soft_bounces").await), (None, 0));
    }

    async fn a_refusal_for_spam_says_nothing_of_the_address(engine: Engine) {
        let desk = Desk::start(engine).await;
        for _ in 0..6 {
            let reply = desk.reply().await;
            let spam = Said { status: "5.7.1", words: "554 5.7.1 looks like spam", ..GONE };
            desk.report(&reply.envelope_from, &spam, "").await;
        }
        assert_eq!(desk.suppressed(JO).await, None);
        assert_eq!(desk.notes().await.len(), 6);
    }

    async fn a_delay_is_noted_once_and_is_no_bounce(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        let delayed = Said { action: "delayed", status: "4.4.1", words: "connection timed out", ..GONE };
        for _ in 0..2 {
            let row = desk.report(&reply.envelope_from, &delayed, "").await;
            assert_eq!((row.action, row.reason.as_str()), (InboundAction::Ignored, "delay_notice"));
            assert_eq!(row.bounces[0]["action"], "delayed");
        }
        let log = desk.log(&reply).await;
        assert_eq!((log.status.as_str(), log.enhanced_code.as_deref()), ("sent", Some("4.4.1")));
        assert_eq!((desk.notes().await.len(), desk.told().await), (1, 0));
    }

    async fn receipts_and_agents_mails_are_not_missed(engine: Engine) {
        let desk = Desk::start(engine).await;
        let sql = "SELECT envelope_from FROM outbox ORDER BY id";
        for return_path in desk.app.database.texts(sql).await {
            desk.report(&return_path, &FULL, "").await;
        }
        assert_eq!(desk.count("outbox WHERE status = 'bounced'").await, 2, "the receipt and the agent's notice");
        assert_eq!((desk.notes().await.len(), desk.told().await), (0, 0));
        assert_eq!(desk.count("ticket_events WHERE type = 'email_bounced'").await, 2);
    }

    /// RFC 5321 §6.1: never an error about an error.
    async fn a_bounce_of_the_bad_news_ends_there(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        desk.report(&reply.envelope_from, &GONE, "").await;
        let news = desk.send_all().await.into_iter().find(|e| e.template == "agent_delivery_failed").expect("told");
        desk.report(&news.envelope_from, &Said { recipient: AGENT, ..GONE }, "").await;
        assert_eq!((desk.notes().await.len(), desk.told().await), (1, 1));
        assert!(desk.suppressed(AGENT).await.is_some());
    }

    async fn a_forwarded_address_that_is_gone_only_counts(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        desk.report(&reply.envelope_from, &Said { recipient: "jo.doe@elsewhere.example", ..GONE }, "").await;
        assert_eq!(desk.log(&reply).await.status.as_str(), "bounced");
        assert_eq!(desk.suppressed(JO).await, None);
        assert_eq!(desk.count("soft_bounces").await, 1);
    }

    async fn a_note_of_ours_reopens_and_collides_with_nothing(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        let mut tx = desk.store.begin().await.expect("a turn");
        tx.update_ticket(&Ticket { status: Status::Resolved, ..desk.ticket().await }).await.expect("it writes");
        tx.commit().await.expect("on disk");
        desk.report(&reply.envelope_from, &GONE, "").await;
        assert_eq!(desk.ticket().await.status, Status::Resolved);
        assert_eq!(desk.count("ticket_events WHERE type = 'note_added'").await, 1);
    }

    /// RFC 5965 §3.
    async fn complaints_suppress_and_can_be_withdrawn(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        let feedback = |kind: &str| format!(
            "Subject: FW: Re: Lost parcel\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n\
             --b\r\n\r\nThis is an email abuse report.\r\n\
             --b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nUser-Agent: FBL/1\r\nVersion: 1\r\n\
             Original-Mail-From: <{}>\r\n\r\n\
             --b\r\nContent-Type: message/rfc822\r\n\r\nTo: redacted\r\nSubject: Re: Lost parcel\r\n\r\nFound.\r\n--b--\r\n",
            reply.envelope_from
        );
        let row = desk.take("fbl@provider.example", SUPPORT, &feedback("abuse")).await;
        assert_eq!((row.action, row.reason.as_str()), (InboundAction::Bounce, "complaint"));
        assert_eq!(desk.suppressed(JO).await.expect("no more mail").reason, "complaint");
        assert_eq!((desk.notes().await.len(), desk.told().await, desk.count("tickets").await), (1, 0, 1));
        assert_eq!(desk.log(&reply).await.status.as_str(), "sent", "it arrived");
        let row = desk.take("fbl@provider.example", SUPPORT, &feedback("not-spam")).await;
        assert_eq!(row.action, InboundAction::Ignored);
        assert_eq!(desk.suppressed(JO).await, None);
    }

    async fn what_came_back_unreadable_is_kept_in_its_own_words(engine: Engine) {
        let desk = Desk::start(engine).await;
        let reply = desk.reply().await;
        let row = desk.take("", &reply.envelope_from, "Subject: Nope\r\n\r\nZut alors.\r\n").await;
        assert_eq!(row.action, InboundAction::Bounce);
        let log = desk.log(&reply).await;
        assert_eq!((log.status.as_str(), log.smtp_response.as_deref().map(str::trim)), ("bounced", Some("Zut alors.")));
        assert_eq!(desk.suppressed(JO).await, None);
    }
}

impl Desk {
    /// Ada answers once more; gives the reply, which is not sent.
    async fn reply_suppressed(&self) -> OutboxEntry {
        let token = self.app.desk.keys().reply_token(&self.ticket().await.number, AGENT);
        self.take(AGENT, &format!("support+{token}@desk.test"), "Subject: Re\r\n\r\nOnce more.\r\n").await;
        let sql = "SELECT message_id FROM outbox WHERE template = 'ticket_reply' ORDER BY id DESC LIMIT 1";
        let id = self.app.database.texts(sql).await.remove(0);
        let ours =
            self.app.desk.keys().read_message_id(&postdesk::model::MessageId::new(&id).expect("an id"));
        let entry = ours.and_then(|ours| ours.entry).expect("of an entry");
        self.read().await.outbox_entry(entry).await.expect("it reads").expect("it is there")
    }
}
