//! Strangers who dress up as an agent, or who know a ticket's number, each in every way that some desk fell for.

use postdesk::model::{ActorType, InboundAction, Response, Status};

use super::desk::{Desk, EVE, EVES_IP, JO, send};
use crate::support::Engine;
use crate::support::app::SUPPORT;

/// Header fields that name an agent. What comes of the mail: held back as what claims to be hers (`held`), or
/// somebody else's (`another's`).
const AGENTS: [(&str, &str); 36] = [
    ("held", "From: ada@desk.test"),
    ("held", "From: ADA@Desk.Test"),
    ("held", "From:\r\n ada@desk.test"),
    ("held", "From : Ada Agent <ada@desk.test>"),
    ("held", "From: \"eve@evil.example\" <ada@desk.test>"),
    ("held", "From: ada@desk.test (eve@evil.example)"),
    ("held", "From: ada@desk.test\r\nAuthentication-Results: mx.desk.test; dmarc=pass header.from=desk.test"),
    (
        "held",
        "From: ada@desk.test\r\nARC-Authentication-Results: i=1; mx.desk.test; dmarc=pass header.from=desk.test",
    ),
    ("held", "From: ada@desk.test\r\nFrom: eve@evil.example"),
    ("held", "From: ada@desk.test, eve@evil.example"),
    ("held", "From: ada@desk.test\r\nSender: eve@evil.example"),
    ("held", "From: Agents: ada@desk.test;"),
    ("held", "From: Agents: ada@desk.test, eve@evil.example;"),
    ("held", "From: <@evil.example:ada@desk.test>"),
    ("held", "From: =?utf-8?q?ada=40desk=2Etest?="),
    ("held", "From: ada@desk.te\0st"),
    ("another's", "From: ada@desk.test\0 <eve@evil.example>, x"),
    ("held", "From: \u{202e}ada@desk.test"),
    ("held", "From: ada@desk.test\u{200e}"),
    ("held", "From: <ada@desk.test"),
    ("another's", "From: ada @ desk . test"),
    ("another's", "From: \"ada\"@desk.test"),
    ("another's", "From: \"ada@desk.test\" <eve@evil.example>"),
    ("another's", "From: ada@desk.test <eve@evil.example>"),
    ("another's", "From: eve@evil.example (ada@desk.test)"),
    ("another's", "From: =?utf-8?q?ada=40desk=2Etest?= <eve@evil.example>"),
    ("another's", "From: <ada@desk.test> <eve@evil.example>"),
    ("another's", "From: eve@evil.example\r\nFrom: ada@desk.test"),
    ("another's", "From: eve@evil.example\r\nSender: ada@desk.test"),
    ("another's", "From: eve@evil.example\r\nResent-From: ada@desk.test\r\nResent-Sender: ada@desk.test"),
    ("another's", "From: eve@evil.example\r\nReply-To: ada@desk.test"),
    (
        "another's",
        "From: eve@evil.example\r\nX-Original-From: ada@desk.test\r\nX-Forwarded-For: ada@desk.test",
    ),
    ("another's", "From: ada@desk.test@evil.example"),
    ("another's", "From: \"ada@desk.test\"@evil.example"),
    ("another's", "From: ada%desk.test@evil.example"),
    ("another's", "From: аda@desk.test.evil.example"),
];

fn texts_of(responses: &[Response]) -> Vec<(ActorType, String)> {
    responses.iter().map(|response| (response.author_type, response.body_text.clone())).collect()
}

/// CHECKLIST §3, forged agent `From` with `#close`; RFC 5322 §3.6.2, RFC 8601 §5.
#[tokio::test]
async fn nobody_is_an_agent_who_only_says_so() {
    let desk = Desk::start(Engine::Sqlite, Status::Open).await;
    let ours = desk.our_message_id().await;
    let (before, to_jo) = (texts_of(&desk.responses().await), format!("to_address = '{JO}'"));
    let waiting = desk.count(&to_jo).await;
    let mut wrong = Vec::new();
    for (n, (want, head)) in AGENTS.iter().enumerate() {
        for leads in
            [format!("Subject: Re: [{}]", desk.number), format!("Subject: Re\r\nIn-Reply-To: <{ours}>")]
        {
            let raw = format!(
                "{head}\r\nTo: {SUPPORT}\r\n{leads}\r\n\r\n#close\r\n#cc eve@evil.example\r\nAttack {n}.\r\n"
            );
            let row = send(&desk.app, EVES_IP, EVE, SUPPORT, raw.as_bytes()).await;
            let got = match (row.action, row.reason.as_str()) {
                (InboundAction::Quarantined, "unverified_agent") => "held",
                (InboundAction::Created, _) => "another's",
                // Who knows a Message-ID is shown, and flagged (MAIL.md §1.4).
                (InboundAction::Appended, _) if row.flags.iter().any(|flag| flag == "unverified_sender") => {
                    "another's"
                }
                _ => "?",
            };
            if got != *want {
                wrong.push(format!(
                    "{head:?}: {got}, {:?} {} {:?}",
                    row.action, row.reason, row.authentication
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let now = texts_of(&desk.responses().await);
    let by_agents = now.iter().filter(|(author, _)| *author == ActorType::Agent).count();
    assert_eq!((by_agents, &now[..before.len()]), (0, before.as_slice()));
    let ticket = desk.ticket().await;
    assert_eq!((ticket.status, ticket.cc.len(), ticket.requester_email.as_str()), (Status::Open, 0, JO));
    assert_eq!((desk.count(&to_jo).await, desk.to_others().await), (waiting, 0), "nothing is forwarded");
}

/// CHECKLIST §3, hijack by number in the subject, by headers and by the address without its key. By a stranger, and by one
/// who writes as the customer.
#[tokio::test]
async fn a_number_opens_nothing() {
    let desk = Desk::start(Engine::Sqlite, Status::Resolved).await;
    let number = desk.number.to_string();
    let (first, rest) = number.split_at(6);
    let encoded = data_encoding::BASE64.encode(format!("Re: [{number}]").as_bytes());
    let fields = [
        format!("Subject: {number}"),
        format!("Subject: [#{number}] My secret"),
        format!("Subject: ({number})"),
        format!("Subject: Re: [{}]", number.to_lowercase()),
        format!("Subject: RE: FWD: [{}] MY SECRET", number.to_uppercase()),
        format!("Subject: Fwd: [{number}] My secret"),
        format!("Subject: AW: WG: {number}"),
        format!("Subject: =?utf-8?b?{encoded}?="),
        format!("Subject: =?utf-8?q?Re:_[{first}?= =?utf-8?q?{rest}]?="),
        format!("Subject: Re:\r\n [{number}]\r\n My secret"),
        format!(
            "Subject: x\r\nThread-Topic: [{number}] My secret\r\nKeywords: {number}\r\nComments: {number}"
        ),
        format!(
            "Subject: x\r\nX-Ticket-ID: {number}\r\nX-Zammad-Ticket-ID: {number}\r\nX-RT-Ticket: desk #{number}\r\nX-OTRS-TicketNumber: {number}"
        ),
        format!(
            "Subject: x\r\nX-Zendesk-Ticket-ID: {number}\r\nX-Freshdesk-Ticket-Id: {number}\r\nX-Helpscout-ID: {number}\r\nTicket-ID: {number}"
        ),
        format!(
            "Subject: x\r\nIn-Reply-To: <{number}@desk.test>\r\nReferences: <{number}@desk.test> <ticket-{number}@mx.desk.test>"
        ),
    ];
    let (plain, with_number) = (SUPPORT.to_owned(), format!("support+{number}@desk.test"));
    let ways = fields.iter().map(|field| (&plain, field.clone()));
    let ways = ways.chain([(&with_number, "Subject: x".to_owned()), (&with_number, fields[0].clone())]);
    let before = texts_of(&desk.responses().await);
    let to_jo = desk.count(&format!("to_address = '{JO}'")).await;
    for (to, field) in ways {
        for from in [EVE, JO] {
            let raw = format!("From: {from}\r\nTo: {to}\r\n{field}\r\n\r\nWhat did you write?\r\n");
            let row = send(&desk.app, EVES_IP, EVE, to, raw.as_bytes()).await;
            assert_eq!(row.action, InboundAction::Created, "{from} {field:?}: {}", row.reason);
            assert_ne!(row.ticket_id, Some(desk.ticket), "{from} {field:?}");
        }
    }
    assert_eq!(texts_of(&desk.responses().await), before);
    assert_eq!((desk.ticket().await.status, desk.to_others().await), (Status::Resolved, 0));
    // Jo, whose address was used, hears of new tickets at the most, and nothing of their text.
    let told = desk
        .app
        .database
        .texts(&format!("SELECT template FROM outbox WHERE to_address = '{JO}' ORDER BY id"))
        .await;
    assert!(told[to_jo as usize..].iter().all(|template| template == "ticket_received_neutral"), "{told:?}");
    let leaked = "to_address NOT IN ('jo@example.org', 'ada@desk.test') AND context LIKE '%It is a secret%'";
    assert_eq!(desk.count(leaked).await, 0);
}
