//! Who may do what: mails of every kind of sender on a ticket of somebody else's, by the real door. What each of them
//! becomes, and that nobody learns, changes or gets anything by it that is not theirs.

use postdesk::mail::reply_token::KeyRing;
use postdesk::model::{InboundAction, Status};

use super::desk::{self, DESK_IP, Desk, EVE, EVES_IP, JO, JOS_IP, LIST_IP};
use crate::support::app::{AGENT, SUPPORT};

const NEW_JO: &str = "jo@newmail.example";

/// A mail on somebody's ticket, and what must come of it.
struct Case {
    name: &'static str,
    from: &'static str,
    ip: &'static str,
    /// What leads it to the ticket.
    by: By,
    /// Further header lines, each with CR LF.
    more: &'static str,
    body: &'static str,
    /// The ticket before.
    status: Status,
    want: Want,
}

/// How a mail claims to belong to the ticket.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Nothing,
    Number,
    /// A Message-ID of ours, of a mail to the customer.
    OurMessageId,
    /// The customer's own Message-ID.
    TheirMessageId,
    JosToken,
    AdasToken,
    /// One of a key that we don't have.
    StrangeToken,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Want {
    action: InboundAction,
    /// It stands on the customer's ticket.
    on_ticket: bool,
    /// It is shown as not proved to be its sender's.
    flagged: bool,
    status: Status,
    /// How many mails go to the customer.
    to_jo: i64,
}

const fn want(action: InboundAction, on_ticket: bool, flagged: bool, status: Status, to_jo: i64) -> Want {
    Want { action, on_ticket, flagged, status, to_jo }
}

const NEW: Want = want(InboundAction::Created, false, false, Status::Resolved, 0);
const HELD: Want = want(InboundAction::Quarantined, false, false, Status::Resolved, 0);
const CASE: Case = Case {
    name: "",
    from: EVE,
    ip: EVES_IP,
    by: By::Nothing,
    more: "",
    body: "Let me in.",
    status: Status::Resolved,
    want: NEW,
};

/// The table.
fn cases() -> Vec<Case> {
    use InboundAction::Appended;
    let flagged = |status| want(Appended, true, true, status, 0);
    let open = want(Appended, true, false, Status::Open, 0);
    vec![
        Case { name: "the customer, by number", from: JO, ip: JOS_IP, by: By::Number, want: open, ..CASE },
        Case { name: "the customer, forged, by number", from: JO, by: By::Number, want: NEW, ..CASE },
        Case {
            name: "the customer, forged, by the Message-ID of a mail that was stolen",
            from: JO,
            by: By::OurMessageId,
            want: flagged(Status::Resolved),
            ..CASE
        },
        Case { name: "a stranger, by number", by: By::Number, ..CASE },
        Case {
            name: "a stranger, by number, who claims to be the customer in every other field",
            by: By::Number,
            more: "Sender: jo@example.org\r\nReply-To: jo@example.org\r\nResent-From: jo@example.org\r\n",
            ..CASE
        },
        Case {
            name: "a stranger who claims that somebody found them proved",
            from: JO,
            by: By::Number,
            more: "Authentication-Results: mx.desk.test; dmarc=pass header.from=example.org\r\n",
            ..CASE
        },
        Case {
            name: "a stranger, by a stolen Message-ID",
            by: By::OurMessageId,
            want: flagged(Status::Resolved),
            ..CASE
        },
        Case {
            name: "a stranger, by the customer's Message-ID",
            by: By::TheirMessageId,
            want: flagged(Status::Resolved),
            ..CASE
        },
        Case {
            name: "a stranger, by header fields of other desks",
            more: "X-Ticket-ID: 1\r\nX-Zammad-Ticket-ID: 1\r\nX-RT-Ticket: 1\r\n",
            ..CASE
        },
        Case {
            name: "a stranger, by our header field: that is a loop",
            more: "X-Postdesk-Ticket: TKT-2026-K7Q4ZP\r\n",
            want: Want { action: InboundAction::Ignored, ..NEW },
            ..CASE
        },
        Case { name: "a stranger, by a token of another desk's key", by: By::StrangeToken, ..CASE },
        Case {
            name: "a stranger with the customer's token",
            by: By::JosToken,
            want: flagged(Status::Open),
            ..CASE
        },
        Case {
            name: "a stranger with the customer's token, on a closed ticket",
            by: By::JosToken,
            status: Status::Closed,
            want: Want { status: Status::Closed, ..NEW },
            ..CASE
        },
        Case {
            name: "the customer on a closed ticket",
            from: JO,
            ip: JOS_IP,
            by: By::JosToken,
            status: Status::Closed,
            want: Want { status: Status::Closed, ..NEW },
            ..CASE
        },
        Case {
            name: "the customer's token, from the address it was sent to, unproved",
            from: JO,
            by: By::JosToken,
            want: open,
            ..CASE
        },
        Case {
            name: "the customer, who has another address now",
            from: NEW_JO,
            by: By::JosToken,
            want: flagged(Status::Open),
            ..CASE
        },
        Case {
            name: "the customer through a mailing list, which breaks all proofs",
            from: JO,
            ip: LIST_IP,
            by: By::TheirMessageId,
            more: "List-Id: <users.list.example>\r\nPrecedence: list\r\n",
            want: flagged(Status::Resolved),
            ..CASE
        },
        Case {
            name: "an agent",
            from: AGENT,
            ip: DESK_IP,
            by: By::Number,
            want: want(Appended, true, false, Status::Resolved, 1),
            ..CASE
        },
        Case {
            name: "an agent, forged",
            from: AGENT,
            by: By::Number,
            body: "#close\r\nDone.",
            want: HELD,
            ..CASE
        },
        Case {
            name: "an agent, forged in capitals",
            from: "ADA@DESK.TEST",
            by: By::OurMessageId,
            body: "#close\r\nDone.",
            want: HELD,
            ..CASE
        },
        Case {
            name: "an agent's token, from the agent's address, unproved",
            from: AGENT,
            by: By::AdasToken,
            want: want(Appended, true, false, Status::Resolved, 1),
            ..CASE
        },
        Case {
            name: "an agent's token, from a stranger",
            by: By::AdasToken,
            body: "#close\r\nDone.",
            want: HELD,
            ..CASE
        },
        Case {
            name: "an agent's name alone",
            from: "\"ada@desk.test\" <eve@evil.example>",
            by: By::Number,
            ..CASE
        },
        Case { name: "an agent as Sender", by: By::Number, more: "Sender: ada@desk.test\r\n", ..CASE },
        Case { name: "an agent as a second From", by: By::Number, more: "From: ada@desk.test\r\n", ..CASE },
        Case {
            name: "an agent first of two in From",
            from: "ada@desk.test, eve@evil.example",
            by: By::Number,
            body: "#close\r\nDone.",
            want: HELD,
            ..CASE
        },
        Case {
            name: "an agent before a NUL",
            from: "ada@desk.test\0, eve@evil.example",
            by: By::Number,
            body: "#close\r\nDone.",
            want: HELD,
            ..CASE
        },
        Case {
            name: "a customer who tries commands",
            from: JO,
            ip: JOS_IP,
            by: By::Number,
            body: "#close\r\n#cc eve@evil.example",
            want: want(Appended, true, false, Status::Open, 0),
            ..CASE
        },
    ]
}

impl Desk {
    /// To whom, and what leads to the ticket.
    async fn address(&self, case: &Case) -> (String, String) {
        let keys = self.app.desk.keys();
        let token = |address: &str| format!("support+{}@desk.test", keys.reply_token(&self.number, address));
        let strange =
            KeyRing::new(&["another key, which is also thirty-two characters long"]).expect("a key");
        let plain = || SUPPORT.to_owned();
        match case.by {
            By::Nothing => (plain(), "Subject: Hello\r\n".into()),
            By::Number => (plain(), format!("Subject: Re: [{}]\r\n", self.number)),
            By::OurMessageId => {
                (plain(), format!("Subject: Re: x\r\nIn-Reply-To: {}\r\n", self.our_message_id().await))
            }
            By::TheirMessageId => (plain(), "Subject: Re: x\r\nReferences: <jo1@example.org>\r\n".into()),
            By::JosToken => (token(JO), "Subject: Re: x\r\n".into()),
            By::AdasToken => (token(AGENT), "Subject: Re: x\r\n".into()),
            By::StrangeToken => {
                let token = strange.reply_token(&self.number, JO);
                (format!("support+{token}@desk.test"), "Subject: Re: x\r\n".into())
            }
        }
    }
}

both_engines! {
    /// RFC 9989 §4.10.2 (who is proved), RFC 5322 §3.6 (one `From`); CHECKLIST §3, hijack and forged agents.
    async fn nobody_gets_at_a_ticket_that_is_not_theirs(engine: Engine) {
        let mut wrong = Vec::new();
        for case in cases() {
            let desk = Desk::start(engine, case.status).await;
            let (to, leads) = desk.address(&case).await;
            let before = desk.count("to_address = 'jo@example.org'").await;
            let raw = format!(
                "From: {}\r\nTo: {SUPPORT}\r\n{leads}{}Message-ID: <m@evil.example>\r\n\r\n{}\r\n",
                case.from, case.more, case.body
            );
            let envelope = case.from.rsplit(['<', ' ']).next().unwrap_or_default().trim_end_matches('>');
            let row = desk::send(&desk.app, case.ip, envelope, &to, raw.as_bytes()).await;
            let ticket = desk.ticket().await;
            let got = Want {
                action: row.action,
                on_ticket: row.ticket_id == Some(desk.ticket) && row.response_id.is_some(),
                flagged: row.flags.iter().any(|flag| flag == "unverified_sender") && row.ticket_id == Some(desk.ticket),
                status: ticket.status,
                to_jo: desk.count("to_address = 'jo@example.org'").await - before,
            };
            if got != case.want {
                wrong.push(format!("{}: {got:?}, not {:?} ({}: {:?})", case.name, case.want, row.reason, row.authentication));
            }
            // Whatever it was: nothing of this ticket is mailed to anybody new, and nobody has joined it.
            assert_eq!(desk.to_others().await, 0, "{}", case.name);
            assert_eq!((ticket.requester_email.as_str(), ticket.cc.len()), (JO, 0), "{}", case.name);
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
