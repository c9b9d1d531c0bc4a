//! Fields that a mail has once, there twice (RFC 5322 §3.6).

use postdesk::model::{Authority, InboundAction, Status};

use super::desk::{DESK_IP, Desk, EVE, EVES_IP, JO, JOS_IP, send};
use crate::support::Engine;
use crate::support::app::{AGENT, SUPPORT};

/// RFC 5322 §3.6: of two the first counts, or none; a second one neither makes an item of its own nor lets anybody in.
#[tokio::test]
async fn the_first_of_two_fields_counts_or_none() {
    let desk = Desk::start(Engine::Sqlite, Status::Open).await;
    let token = desk.app.desk.keys().reply_token(&desk.number, JO);
    for (n, (name, first, second)) in [
        ("Subject", "First", format!("[{}] Second", desk.number)),
        ("Date", "Mon, 02 Mar 2026 08:00:00 +0000", "Thu, 01 Jan 1970 00:00:00 +0000".to_owned()),
        ("Message-ID", "<first@example.org>", "<jo1@example.org>".to_owned()),
        ("To", SUPPORT, format!("support+{token}@desk.test")),
        ("Reply-To", JO, EVE.to_owned()),
        ("Cc", "al@example.org", EVE.to_owned()),
        ("In-Reply-To", "<unknown@example.org>", "<jo1@example.org>".to_owned()),
    ]
    .into_iter()
    .enumerate()
    {
        let rest = [("From", JO), ("Subject", "Plain"), ("To", SUPPORT)];
        let rest: String = rest
            .iter()
            .filter(|(field, _)| *field != name)
            .map(|(field, value)| format!("{field}: {value}\r\n"))
            .collect();
        let items = desk.app.database.count("SELECT count(*) FROM inbound_mails").await;
        let raw = format!("{name}: {first}\r\n{rest}{name}: {second}\r\nX-Number: {n}\r\n\r\nHi {n}.\r\n");
        let row = send(&desk.app, JOS_IP, JO, SUPPORT, raw.as_bytes()).await;
        assert_eq!(desk.app.database.count("SELECT count(*) FROM inbound_mails").await, items + 1, "{name}");
        assert_eq!(
            (row.action, row.from_address.as_str()),
            (InboundAction::Created, JO),
            "{name}: {}",
            row.reason
        );
        assert_eq!(row.authentication.spf, Authority::Pass);
        match name {
            "Subject" => assert_eq!(row.subject, "First"),
            "Message-ID" => assert_eq!(row.message_id.as_deref(), Some("first@example.org")),
            _ => assert_eq!(row.subject, "Plain", "{name}"),
        }
    }
    assert_eq!(desk.responses().await.len(), 1, "nothing came to the other ticket");
    assert_eq!(desk.count(&format!("to_address = '{EVE}'")).await, 0);
}

/// RFC 5322 §3.6.2: who says two names is not believed, whichever of them is proved.
#[tokio::test]
async fn nobody_is_believed_who_says_two_names() {
    let desk = Desk::start(Engine::Sqlite, Status::Resolved).await;
    for (froms, ip, action, on_it) in [
        ([JO, JO], JOS_IP, InboundAction::Appended, true),
        ([JO, EVE], JOS_IP, InboundAction::Appended, true),
        ([EVE, JO], JOS_IP, InboundAction::Created, false),
        ([JO, EVE], EVES_IP, InboundAction::Appended, true),
        ([EVE, JO], EVES_IP, InboundAction::Created, false),
        ([AGENT, AGENT], DESK_IP, InboundAction::Quarantined, false),
        ([JO, AGENT], JOS_IP, InboundAction::Appended, true),
    ] {
        let [one, two] = froms;
        let raw =
            format!("From: {one}\r\nFrom: {two}\r\nSubject: Re: [{}]\r\n\r\n#close\r\nHi.\r\n", desk.number);
        let row = send(&desk.app, ip, one, SUPPORT, raw.as_bytes()).await;
        let is_flagged = row.flags.iter().any(|flag| flag == "unverified_sender");
        assert_eq!((row.action, is_flagged), (action, on_it), "{froms:?} {ip}: {row:?}");
        assert!(row.defects.iter().any(|defect| defect == "more than one From"), "{row:?}");
    }
    assert_ne!(desk.ticket().await.status, Status::Closed);
    assert_eq!(desk.to_others().await, 0);
}
