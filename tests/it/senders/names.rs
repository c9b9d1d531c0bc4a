//! Names that make a sender look like somebody else: what agents see of them, in the API and in their mail.

use postdesk::mail::parse;
use postdesk::outbox::Transport;

use super::desk::taken;
use crate::api::call::Client as Api;
use crate::outbox::by_relay;
use crate::support::app::{AGENT, SUPPORT};
use crate::support::client::Client;
use crate::support::outgoing::{send_by, until};
use crate::support::sink::Sink;
use crate::support::{App, Engine};

/// `From`, the address that is shown, and the name.
const SENDERS: [(&str, &str, &str); 13] = [
    ("\"ceo@desk.test\" <eve@evil.example>", "eve@evil.example", "ceo@desk.test"),
    ("\"Ada <ada@desk.test>\" <eve@evil.example>", "eve@evil.example", "Ada <ada@desk.test>"),
    ("=?utf-8?q?Ada_=3Cada=40desk=2Etest=3E?= <eve@evil.example>", "eve@evil.example", "Ada <ada@desk.test>"),
    ("=?utf-8?q?ada=40desk=2Etest=00?= <eve@evil.example>", "eve@evil.example", "ada@desk.test"),
    (
        "=?utf-8?q?ada=40desk=2Etest=0A=0D=0ABcc:_x=40y?= <eve@evil.example>",
        "eve@evil.example",
        "ada@desk.test Bcc: x@y",
    ),
    ("=?utf-8?q?Jo_=E2=80=AEtset=2Eksed=40ada?= <eve@evil.example>", "eve@evil.example", "Jo tset.ksed@ada"),
    ("=?utf-8?q?=E2=81=A6Jo=E2=81=A9=E2=80=8F?= <eve@evil.example>", "eve@evil.example", "Jo"),
    ("\u{202e}Jo\u{202c} <eve@evil.example>", "eve@evil.example", "Jo"),
    ("=?utf-8?q?=1B=5B2JJo=C2=9B?= <eve@evil.example>", "eve@evil.example", "[2JJo"),
    ("ada@desk.test <eve@evil.example>", "eve@evil.example", "ada@desk.test"),
    ("eve@evil.example (ada@desk.test)", "eve@evil.example", "ada@desk.test"),
    ("Jo <jo@xn--exmple-cua.example>", "jo@xn--exmple-cua.example", "Jo"),
    ("Jo <jo@еxample.org>", "jo@еxample.org", "Jo"),
];

/// Mailsploit: an address in encoded words with what ends a text in it. Whatever is shown, it is of the real domain.
const ENCODED: [&str; 3] = [
    "=?utf-8?b?YWRhQGRlc2sudGVzdA==?==?utf-8?Q?=00?==?utf-8?b?YWRhQGRlc2sudGVzdA==?=@evil.example",
    "=?utf-8?b?YWRhQGRlc2sudGVzdA==?==?utf-8?Q?=0A=00?=@evil.example",
    "=?utf-8?Q?=42=45=47=49=4E=20=2F=20=28=7C=29=7C=3C=7C=3E?= <=?utf-8?q?ada=40desk=2Etest=00?=@evil.example>",
];

fn is_clean(text: &str) -> bool {
    let is_mark =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.chars().any(|c| is_mark(c) || c.is_control() && !"\r\n\t".contains(c))
}

/// CHECKLIST §3, homograph, bidi and mailsploit names; Unicode TR 36 §2.8, RFC 2047 §5.
#[tokio::test]
async fn the_real_address_is_shown() {
    let sink = Sink::start(&[]).await;
    let app = App::start_with(Engine::Sqlite, by_relay(sink.address)).await;
    let api = Api::admin(&app.desk).await;
    let encoded = ENCODED.iter().map(|from| (*from, None));
    for (from, want) in
        SENDERS.iter().map(|(from, email, name)| (*from, Some((*email, *name)))).chain(encoded)
    {
        let mut client = Client::connect(app.smtp).await.expect("greeted");
        let raw = format!("From: {from}\r\nTo: {SUPPORT}\r\nSubject: Hello\r\n\r\nHi.\r\n");
        let row =
            taken(&app, &client.send("eve@evil.example", SUPPORT, raw.as_bytes()).await.expect("answered"))
                .await;
        let row = api.get(&format!("/inbound/{}", row.id)).await.json();
        let ticket = api
            .get(&format!(
                "/tickets/{}",
                row["ticket_id"].as_str().unwrap_or_else(|| panic!("{from}: {row}"))
            ))
            .await
            .json();
        let (email, name) = (&ticket["requester"]["email"], &ticket["requester"]["name"]);
        assert_eq!(row["from"], *email, "{from}");
        if let Some((real, shown)) = want {
            assert_eq!((email.as_str(), row["from_name"].as_str()), (Some(real), Some(shown)), "{from}");
        }
        let real = email.as_str().unwrap_or_default();
        assert!(!real.ends_with("@desk.test") && real != "jo@example.org", "{from}: {email}");
        assert!(
            is_clean(&row.to_string()) && is_clean(&ticket.to_string()) && is_clean(real),
            "{from}: {row}"
        );
        assert!(is_clean(name.as_str().unwrap_or_default()), "{from}: {name}");
    }
    let _worker = send_by(&app, Transport::from_config(app.desk.config()).expect("it can work"));
    let told = || sink.taken().into_iter().filter(|mail| mail.to == AGENT).collect::<Vec<_>>();
    let all = SENDERS.len() + ENCODED.len();
    until("every new ticket told", async || told().len() == all).await;
    for mail in told() {
        let read = parse::parse(&mail.data);
        let html = read.html.unwrap_or_default();
        assert!(is_clean(&read.text) && is_clean(&html) && is_clean(&read.subject), "{}", read.text);
        let fields = String::from_utf8_lossy(parse::header_bytes(&mail.data));
        assert!(is_clean(&fields) && !fields.contains("\r\nBcc"), "{fields}");
    }
    let texts: String = told().iter().map(|mail| parse::parse(&mail.data).text).collect();
    for (from, email, _) in SENDERS {
        assert!(texts.contains(email), "{from}: {texts}");
    }
}
