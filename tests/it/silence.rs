//! Whom nobody answers: forged senders, machines and lists, by the real door.

use std::fmt::Write as _;

use postdesk::outbox::Transport;

use crate::outbox::by_relay;
use crate::support::App;
use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::outgoing::{send_by, until, write_in};
use crate::support::sink::Sink;

/// Sends a mail; the reply, if it is answered.
async fn deliver(app: &App, from: &str, to: &str, raw: &str) -> String {
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    client.send(from, to, raw.as_bytes()).await.expect("answered")
}

/// How many mails go to somebody who is no agent.
async fn answers(app: &App) -> i64 {
    app.database.count("SELECT count(*) FROM outbox WHERE audience <> 'agent'").await
}

/// What no person wrote (RFC 3834 §2): each with the lines that say so.
const MACHINES: &[&str] = &[
    "Auto-Submitted: auto-replied",
    "Auto-Submitted: auto-generated (rejected)",
    "auto-submitted: AUTO-NOTIFIED; owner-email=x",
    "Precedence: bulk",
    "Precedence: list",
    "Precedence: JUNK",
    "List-Id: Lamps <lamps.example.org>",
    "List-Unsubscribe: <mailto:leave@example.org>",
    "X-Auto-Response-Suppress: All",
    "X-Auto-Response-Suppress: DR, RN, NRN, OOF, AutoReply",
    "X-Autoreply: yes",
    // RFC 3464 §2, RFC 5965 §2, RFC 8098 §3: reports of delivery, of abuse, of reading.
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
    "Content-Type: multipart/report; report-type=feedback-report; boundary=b",
    "Content-Type: multipart/report; report-type=disposition-notification; boundary=b",
];

/// The parts that fit the report; words for anything else.
fn body(line: &str) -> String {
    let (kind, fields) = match line.split("report-type=").nth(1).and_then(|rest| rest.split(';').next()) {
        Some("delivery-status") => (
            "delivery-status",
            "Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; jo@example.org\r\nAction: failed\r\nStatus: 5.1.1",
        ),
        Some("feedback-report") => {
            ("feedback-report", "Feedback-Type: abuse\r\nUser-Agent: FBL/1\r\nVersion: 1")
        }
        Some(_) => (
            "disposition-notification",
            "Final-Recipient: rfc822; jo@example.org\r\nDisposition: automatic-action/MDN-sent-automatically; displayed",
        ),
        None => return "I am not here.\r\n".into(),
    };
    let mut parts = String::from("--b\r\n\r\nThis is a report.\r\n");
    let _ = write!(parts, "--b\r\nContent-Type: message/{kind}\r\n\r\n{fields}\r\n");
    parts + "\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: Lamp\r\n\r\n--b--\r\n"
}

both_engines! {
    /// RFC 3834 §2, RFC 3464 §2, RFC 5965 §2, RFC 5321 §4.5.5: no acknowledgement, to whomever they say they are from.
    async fn machines_are_not_acknowledged(engine: Engine) {
        let app = App::start(engine).await;
        for (number, line) in MACHINES.iter().enumerate() {
            let from = format!("robot{number}@example.org");
            let raw = format!("From: {from}\r\nSubject: Away {number}\r\nMIME-Version: 1.0\r\n{line}\r\n\r\n{}", body(line));
            for path in [from.as_str(), ""] {
                let reply = deliver(&app, path, SUPPORT, &raw).await;
                assert!(reply.starts_with("250 "), "{line}: {reply}");
                assert_eq!(answers(&app).await, 0, "{line} from <{path}>");
            }
        }
        let reply = deliver(&app, "", SUPPORT, "From: jo@example.org\r\nSubject: Lamp\r\n\r\nIt broke.\r\n").await;
        assert!(reply.starts_with("250 "), "{reply}");
        assert_eq!(answers(&app).await, 0, "whoever writes from <> gets nothing");
        write_in(&app, 1).await;
        assert_eq!(answers(&app).await, 1, "but a person is answered");
    }

    /// RFC 5321 §6.2, §7.8, §7.9; CHECKLIST §3, backscatter: who is refused is told in the dialogue, and nobody by mail.
    async fn a_refusal_mails_nobody(engine: Engine) {
        let app = App::start_with(engine, |config| config.smtp.max_message_mb = 1).await;
        let good = "From: victim@forged.example\r\nSubject: Lamp\r\n\r\nIt broke.\r\n";
        let big = format!("{good}{}", "It broke and broke.\r\n".repeat(60_000));
        let loops = format!("{}{good}", "Received: by mx.example; Mon, 2 Mar 2026 09:00:00 +0000\r\n".repeat(60));
        for from in ["", "victim@forged.example", SUPPORT] {
            for (to, raw, want) in [
                ("nobody@desk.test", good, "550 5.1.1 "),
                ("victim@elsewhere.example", good, "550 5.7.1 "),
                ("@desk.test", good, "501 5.1.3 "),
                (SUPPORT, &big, "552 5.3.4 "),
                (SUPPORT, "Subject: Lamp\n\nIt broke.\r\n", "554 5.6.0 "),
                (SUPPORT, "Subject: Lamp\r\n\r\nIt broke.\rIt did.\r\n", "554 5.6.0 "),
                (SUPPORT, &loops, "554 5.4.6 "),
            ] {
                let reply = deliver(&app, from, to, raw).await;
                assert!(reply.starts_with(want), "from <{from}> to <{to}>: {reply}");
            }
        }
        let left = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM inbound_mails)";
        assert_eq!(app.database.count(left).await, 0);
    }

    /// RFC 3834 §2: a machine that says it is one, and answers all it gets, gets one mail.
    async fn a_robot_that_says_so_is_answered_once(engine: Engine) {
        let sink = Sink::start(&[]).await;
        let app = App::start_with(engine, by_relay(sink.address)).await;
        let _worker = send_by(&app, Transport::from_config(app.desk.config()).expect("it can work"));
        write_in(&app, 1).await;
        for round in 0..5 {
            let sent = "SELECT count(*) FROM outbox WHERE status <> 'sent'";
            until("all sent", async || app.database.count(sent).await == 0).await;
            let got: Vec<_> = sink.taken().into_iter().filter(|mail| mail.to == "jo1@shop.test").collect();
            assert_eq!(got.len(), 1, "in round {round}");
            let raw = String::from_utf8(got[0].data.clone()).expect("7 bit");
            let field = |name: &str| raw.lines().find_map(|line| line.strip_prefix(name)).expect("a field").trim().to_owned();
            let reply_to = field("Reply-To:");
            let address = reply_to.rsplit_once('<').map_or(reply_to.as_str(), |(_, rest)| rest.trim_end_matches('>'));
            let answer = format!(
                "From: jo1@shop.test\r\nTo: {address}\r\nSubject: Away\r\nAuto-Submitted: auto-replied\r\nIn-Reply-To: {}\r\n\r\nI am away ({round}).\r\n",
                field("Message-ID:")
            );
            let (path, to) = if round % 2 == 0 { ("jo1@shop.test", address) } else { ("", got[0].from.as_str()) };
            let reply = deliver(&app, path, to, &answer).await;
            assert!(reply.starts_with("250 "), "{reply}");
            app.clock.advance_ms(2 * 3_600_000);
        }
    }
}
