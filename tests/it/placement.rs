//! Where a mail goes: the rules of MAIL.md §1.3 to §1.7, through the one call every door makes.

use postdesk::desk::Verdict;
use postdesk::model::{
    Authentication, Envelope, InboundAction, InboundMail, InboundRecord, MailKind, PlacedBy, Response,
    ReversePath, Status, Ticket, TokenState, Via,
};
use postdesk::store::{Store, Tx};

use crate::support::App;
use crate::support::app::{AGENT, SUPPORT};

/// A desk, and what stands behind it.
struct Desk {
    app: App,
    store: Store,
}

/// A mail as somebody sends it.
struct Mail<'a> {
    from: &'a str,
    to: &'a str,
    subject: &'a str,
    /// Further header lines, each with CR LF.
    more: &'a str,
    body: &'a str,
    trusted: bool,
}

const MAIL: Mail<'static> = Mail {
    from: "jo@example.org",
    to: SUPPORT,
    subject: "Lost parcel",
    more: "",
    body: "It is late.",
    trusted: true,
};

impl Mail<'_> {
    fn inbound(&self, app: &App) -> InboundMail {
        let raw = format!(
            "From: {}\r\nTo: {SUPPORT}\r\nSubject: {}\r\n{}\r\n{}\r\n",
            self.from, self.subject, self.more, self.body
        );
        let reverse_path = self.from.rsplit('<').next().unwrap_or_default().trim_end_matches('>');
        InboundMail {
            via: Via::Smtp,
            remote_ip: None,
            envelope: Envelope {
                reverse_path: ReversePath::from_text(reverse_path),
                recipients: vec![self.to.into()],
            },
            received_header: String::new(),
            raw: raw.into_bytes(),
            received_at: app.clock.now(),
            authentication: if self.trusted {
                Authentication::TRUSTED
            } else {
                Authentication::UNAUTHENTICATED
            },
        }
    }
}

impl Desk {
    async fn start(engine: crate::support::Engine) -> Self {
        let app = App::start(engine).await;
        let store = Store::open(&app.database.url, 2).await.expect("it opens");
        Self { app, store }
    }

    /// Sends it, and gives the ledger's row.
    async fn take(&self, mail: Mail<'_>) -> InboundRecord {
        self.app.clock.advance_ms(1_000);
        let verdict = self.app.desk.receive(mail.inbound(&self.app)).await;
        let id = verdict.inbound().unwrap_or_else(|| panic!("it was not kept: {verdict:?}"));
        self.read().await.inbound(id).await.expect("it reads").expect("it is in the ledger")
    }

    async fn read(&self) -> Tx {
        self.store.read().await.expect("it opens")
    }

    async fn ticket(&self, row: &InboundRecord) -> Ticket {
        let id = row.ticket_id.expect("it is on a ticket");
        self.read().await.ticket(id).await.expect("it reads").expect("there is one")
    }

    async fn response(&self, row: &InboundRecord) -> Response {
        let id = row.response_id.expect("it became a response");
        self.read().await.response(id).await.expect("it reads").expect("there is one")
    }

    async fn set_status(&self, ticket: &Ticket, status: Status) {
        let mut tx = self.store.begin().await.expect("a turn");
        tx.update_ticket(&Ticket { status, ..ticket.clone() }).await.expect("it writes");
        tx.commit().await.expect("on disk");
    }
}

both_engines! {
    async fn a_strangers_mail_is_a_ticket(engine: Engine) {
        let desk = Desk::start(engine).await;
        let row = desk.take(Mail { from: "Jo Doe <Jo@Example.org>", more: "Message-ID: <c1@example.org>\r\n", ..MAIL }).await;
        assert_eq!((row.action, row.reason.as_str(), row.kind), (InboundAction::Created, "new_ticket", MailKind::Person));
        assert_eq!((row.from_address.as_str(), row.from_name.as_deref()), ("Jo@Example.org", Some("Jo Doe")));
        let ticket = desk.ticket(&row).await;
        assert_eq!((ticket.subject.as_str(), ticket.status), ("Lost parcel", Status::Open));
        assert_eq!(ticket.mail_subject, format!("Lost parcel [{}]", ticket.number));
        assert_eq!((ticket.requester_email.as_str(), ticket.response_count), ("jo@example.org", 1));
        let response = desk.response(&row).await;
        assert_eq!((response.body_text.trim(), response.author_name.as_deref()), ("It is late.", Some("Jo Doe")));
        assert_eq!(desk.read().await.inbound_raw(row.id).await.expect("it reads").map(|raw| raw.len()), usize::try_from(row.size).ok());
    }

    async fn a_reply_token_places_before_everything(engine: Engine) {
        let desk = Desk::start(engine).await;
        let first = desk.take(MAIL).await;
        let ticket = desk.ticket(&first).await;
        let token = desk.app.desk.keys().reply_token(&ticket.number, "jo@example.org");
        let to = format!("support+{token}@desk.test");
        let row = desk.take(Mail { to: &to, subject: "something else", trusted: false, ..MAIL }).await;
        assert_eq!((row.action, row.placement_by), (InboundAction::Appended, Some(PlacedBy::ReplyToken)));
        assert_eq!((row.ticket_id, row.authentication.token), (Some(ticket.id), TokenState::Valid));
        assert!(!row.flags.contains(&"unverified_sender".to_owned()), "{:?}", row.flags);

        let row = desk.take(Mail { to: &to, from: "eve@example.net", trusted: false, ..MAIL }).await;
        assert_eq!(row.ticket_id, Some(ticket.id), "whoever has the token may write");
        assert!(row.flags.contains(&"unverified_sender".to_owned()), "but is not taken for Jo: {:?}", row.flags);

        let flip = |c: char| if c == '0' { '1' } else { '0' };
        let forged: String = token.char_indices().map(|(i, c)| if i == 20 { flip(c) } else { c }).collect();
        let to = format!("support+{forged}@desk.test");
        let row = desk.take(Mail { to: &to, from: "eve@example.net", ..MAIL }).await;
        assert_eq!((row.action, row.authentication.token), (InboundAction::Created, TokenState::Forged));
        assert!(row.flags.contains(&"forged_token".to_owned()), "{:?}", row.flags);
    }

    async fn references_lead_to_the_mail_they_name(engine: Engine) {
        let desk = Desk::start(engine).await;
        let first = desk.take(Mail { more: "Message-ID: <c1@example.org>\r\n", ..MAIL }).await;
        let answer = "Message-ID: <c2@example.org>\r\nIn-Reply-To: <nowhere@x>\r\nReferences: <c1@example.org> <z@x>\r\n";
        let row = desk.take(Mail { subject: "Re: new words", more: answer, ..MAIL }).await;
        assert_eq!((row.action, row.placement_by), (InboundAction::Appended, Some(PlacedBy::References)));
        assert_eq!(row.ticket_id, first.ticket_id);

        // What waits takes later words along.
        desk.app.clock.advance_ms(600_000);
        desk.app.claim("out", 100).await;
        let mails = desk.app.database.count("SELECT count(*) FROM outbox").await;
        let row = desk.take(Mail { from: "eve@example.net", more: "In-Reply-To: <c2@example.org>\r\n", ..MAIL }).await;
        assert_eq!((row.action, row.ticket_id), (InboundAction::Appended, first.ticket_id));
        assert!(row.flags.contains(&"unverified_sender".to_owned()), "{:?}", row.flags);
        assert_eq!(desk.app.database.count("SELECT count(*) FROM outbox").await, mails, "her words are mailed to nobody");
        let ticket = desk.ticket(&first).await;
        assert_eq!((ticket.requester_email.as_str(), ticket.cc.len()), ("jo@example.org", 0), "she joined nothing");
    }

    /// RFC 3834 §2: what we sent and get back, by somebody's forwarding, is no new mail.
    async fn our_own_mail_goes_no_further_when_it_comes_back(engine: Engine) {
        let desk = Desk::start(engine).await;
        desk.take(MAIL).await;
        let ours = desk.app.database.texts("SELECT message_id FROM outbox LIMIT 1").await.concat();
        let mails = desk.app.database.count("SELECT count(*) FROM outbox").await;
        for mark in [format!("Message-ID: <{ours}>\r\n"), "X-Postdesk-Ticket: TKT-2026-K7Q4ZP\r\n".into()] {
            let row = desk.take(Mail { more: &mark, ..MAIL }).await;
            assert_eq!((row.action, row.reason.as_str()), (InboundAction::Ignored, "loop"), "{mark}");
        }
        assert_eq!(desk.app.database.count("SELECT count(*) FROM outbox").await, mails);
    }

    async fn a_subject_number_opens_nothing_for_outsiders(engine: Engine) {
        let desk = Desk::start(engine).await;
        let first = desk.take(MAIL).await;
        let number = first.ticket_number.clone().expect("on a ticket").to_string();
        let subject = format!("about {}", number.to_lowercase());
        let row = desk.take(Mail { subject: &subject, ..MAIL }).await;
        assert_eq!((row.ticket_id, row.placement_by), (first.ticket_id, Some(PlacedBy::SubjectNumber)));

        let row = desk.take(Mail { subject: &subject, from: "eve@example.net", ..MAIL }).await;
        assert_eq!(row.action, InboundAction::Created);
        assert!(row.flags.contains(&"claimed_number".to_owned()), "{:?}", row.flags);
        assert_eq!(desk.ticket(&row).await.related_to_id, first.ticket_id);
    }

    /// RFC 1047: a client that lost our 250 sends again.
    async fn the_same_mail_twice_is_one(engine: Engine) {
        let desk = Desk::start(engine).await;
        let first = desk.take(Mail { more: "Message-ID: <c1@example.org>\r\n", ..MAIL }).await;
        let again = desk.take(Mail { more: "Message-ID: <c1@example.org>\r\n", ..MAIL }).await;
        assert_eq!((again.action, again.duplicate_of), (InboundAction::Duplicate, Some(first.id)));
        assert_eq!(again.response_id, None);
        for _ in 0..2 {
            let nameless = desk.take(MAIL).await;
            assert_eq!(nameless.action, InboundAction::Created, "two equal mails without Message-ID may be two");
        }
        let other = desk.take(Mail { more: "Message-ID: <c1@example.org>\r\n", body: "Other words.", ..MAIL }).await;
        assert_eq!(other.action, InboundAction::Created, "another mail under a used Message-ID is a mail of its own");
    }

    async fn a_customers_mail_reopens_but_a_closed_ticket_has_a_follow_up(engine: Engine) {
        let desk = Desk::start(engine).await;
        let first = desk.take(Mail { more: "Message-ID: <c1@example.org>\r\n", ..MAIL }).await;
        desk.set_status(&desk.ticket(&first).await, Status::Resolved).await;
        let row = desk.take(Mail { more: "In-Reply-To: <c1@example.org>\r\n", body: "Not yet.", ..MAIL }).await;
        assert_eq!((row.ticket_id, desk.ticket(&row).await.status), (first.ticket_id, Status::Open));

        desk.set_status(&desk.ticket(&first).await, Status::Closed).await;
        let row = desk.take(Mail { more: "In-Reply-To: <c1@example.org>\r\n", body: "Again.", ..MAIL }).await;
        assert_eq!((row.action, row.reason.as_str()), (InboundAction::Created, "closed_ticket"));
        assert_eq!(desk.ticket(&row).await.follow_up_of_id, first.ticket_id);
    }

    /// RFC 3834 §2.
    async fn an_auto_reply_wakes_nobody(engine: Engine) {
        let desk = Desk::start(engine).await;
        let first = desk.take(Mail { more: "Message-ID: <c1@example.org>\r\n", ..MAIL }).await;
        desk.set_status(&desk.ticket(&first).await, Status::Resolved).await;
        let before = desk.app.database.count("SELECT count(*) FROM outbox").await;
        let more = "In-Reply-To: <c1@example.org>\r\nAuto-Submitted: auto-replied (vacation)\r\n";
        let row = desk.take(Mail { more, body: "I am away.", ..MAIL }).await;
        assert_eq!((row.kind, row.action), (MailKind::AutoReply, InboundAction::Appended));
        assert_eq!(desk.ticket(&row).await.status, Status::Resolved, "it reopens nothing");
        let row = desk.take(Mail { more: "Auto-Submitted: auto-generated\r\n", body: "Nowhere to go.", ..MAIL }).await;
        assert_eq!((row.action, row.ticket_id), (InboundAction::Ignored, None));
        assert_eq!(desk.app.database.count("SELECT count(*) FROM outbox").await, before, "and mails nobody");
    }

    /// RFC 3464 §2.3.
    async fn a_bounce_is_tied_to_the_mail_that_bounced(engine: Engine) {
        let desk = Desk::start(engine).await;
        let first = desk.take(MAIL).await;
        let due = desk.app.claim("test", 10).await;
        let entry = due.iter().find(|entry| entry.to_address == "jo@example.org").expect("she is answered");
        let more = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n";
        let body = "--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; jo@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--";
        let row = desk.take(Mail { from: "", to: &entry.envelope_from, subject: "Undelivered", more, body, trusted: false }).await;
        assert_eq!((row.kind, row.action), (MailKind::Bounce, InboundAction::Bounce));
        assert_eq!((row.ticket_id, row.response_id), (first.ticket_id, None));
        let bounced = "SELECT count(*) FROM outbox WHERE status = 'bounced' AND enhanced_code = '5.1.1'";
        assert_eq!(desk.app.database.count(bounced).await, 1);
        assert_eq!(desk.app.database.count("SELECT count(*) FROM tickets").await, 1, "a bounce opens nothing");
    }

    async fn what_a_person_may_have_written_is_held_back(engine: Engine) {
        let desk = Desk::start(engine).await;
        let mut mail = MAIL.inbound(&desk.app);
        mail.envelope.reverse_path = ReversePath::Null;
        let verdict = desk.app.desk.receive(mail).await;
        assert!(matches!(verdict, Verdict::Quarantined { .. }), "{verdict:?}");
    }

    async fn only_a_believed_agent_answers_by_mail(engine: Engine) {
        let desk = Desk::start(engine).await;
        let first = desk.take(Mail { more: "Message-ID: <c1@example.org>\r\n", ..MAIL }).await;
        let ticket = desk.ticket(&first).await;
        let from = format!("Ada <{AGENT}>");
        let forged = Mail { from: &from, more: "In-Reply-To: <c1@example.org>\r\n", trusted: false, ..MAIL };
        let row = desk.take(forged).await;
        assert_eq!((row.action, row.reason.as_str()), (InboundAction::Quarantined, "unverified_agent"));

        let token = desk.app.desk.keys().reply_token(&ticket.number, AGENT);
        let to = format!("support+{token}@desk.test");
        let row = desk.take(Mail { to: &to, from: "eve@example.net", body: "As if.", ..MAIL }).await;
        assert_eq!((row.action, row.reason.as_str()), (InboundAction::Quarantined, "unverified_agent"));

        let row = desk.take(Mail { to: &to, from: &from, body: "It is found.", trusted: false, ..MAIL }).await;
        assert_eq!((row.action, row.ticket_id), (InboundAction::Appended, Some(ticket.id)));
        assert_eq!(desk.response(&row).await.author_type, postdesk::model::ActorType::Agent);
        assert_eq!(desk.ticket(&row).await.status, Status::InProgress);
    }

    async fn an_agent_forwards_a_customers_mail(engine: Engine) {
        let desk = Desk::start(engine).await;
        let body = "Please see to it.\r\n\r\n---------- Forwarded message ---------\r\nFrom: Jo Doe <jo@example.org>\r\nTo: ada\r\n\r\nIt broke.";
        let row = desk.take(Mail { from: AGENT, subject: "Fwd: Broken", body, ..MAIL }).await;
        assert_eq!((row.action, row.reason.as_str()), (InboundAction::Created, "forwarded"));
        assert_eq!(desk.ticket(&row).await.requester_email, "jo@example.org");
        assert!(desk.response(&row).await.body_text.contains("It broke."));
    }

    async fn a_mail_nobody_can_read_is_still_a_ticket(engine: Engine) {
        let desk = Desk::start(engine).await;
        for body in ["\0\u{1}\u{2} NUL in the text", "=?utf-8?B?", ""] {
            let row = desk.take(Mail { subject: "\0 odd", body, ..MAIL }).await;
            assert_eq!(row.action, InboundAction::Created, "{body:?}");
        }
        let mut mail = MAIL.inbound(&desk.app);
        mail.raw = vec![0xff; 3000];
        assert!(matches!(desk.app.desk.receive(mail).await, Verdict::Created(_)));
    }
}
