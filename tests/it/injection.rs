//! What strangers and callers write stays what it is on the way out: no header, no recipient, no template of its own.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postdesk::mail::parse::parse;
use postdesk::outbox::Transport;
use serde_json::{Value, json};

use crate::api::call::Client as Api;
use crate::outbox::by_relay;
use crate::support::app::{AGENT, SUPPORT};
use crate::support::client::Client;
use crate::support::outgoing::{send_by, until};
use crate::support::sink::{Sink, Taken};
use crate::support::{App, Engine};

/// Where what was injected would go.
const EVE: &str = "eve@evil.test";

/// What everybody here writes who means no harm.
const HARMLESS: &str = "Lamp";

/// Every way a line may end, or be taken to end, before a header that nobody asked for.
const ATTACKS: [&str; 14] = [
    "x\r\nBcc: eve@evil.test",
    "x\nBcc: eve@evil.test",
    "x\rBcc: eve@evil.test",
    "x\0\r\nBcc: eve@evil.test",
    "x\u{2028}Bcc: eve@evil.test",
    "x\u{85}Bcc: eve@evil.test",
    "x\u{b}\u{c}\u{1b}Bcc: eve@evil.test",
    "x\r\n\r\nbody\r\n.\r\nMAIL FROM:<eve@evil.test>\r\nRCPT TO:<eve@evil.test>\r\nDATA",
    "=?utf-8?q?x=0D=0ABcc:_eve@evil.test?=",
    "=?utf-8?b?eA0KQmNjOiBldmVAZXZpbC50ZXN0?=",
    "=?utf-8?q?x=0D=0A=0D=0Abody=00?= =?utf-7?q?+AA0ACg-Bcc:?=",
    "x\" <eve@evil.test>, \"y",
    "x%0d%0aBcc: eve@evil.test\\r\\nBcc: eve@evil.test",
    "",
];

/// The attacks, the last a text without a place to break it.
fn attacks() -> impl Iterator<Item = String> {
    ATTACKS.iter().map(|attack| match *attack {
        "" => "\u{e4}".repeat(4_000),
        attack => attack.to_owned(),
    })
}

/// A desk whose mail goes to a sink, and who may do everything there.
struct Scene {
    app: App,
    api: Api,
    sink: Sink,
}

impl Scene {
    async fn set() -> Self {
        let sink = Sink::start(&[]).await;
        let relay = by_relay(sink.address);
        let app = App::start_with(Engine::Sqlite, |config| {
            relay(config);
            config.outbox.concurrency = 8;
            config.outbox.step_timeout_seconds = 30;
            config.intake.max_automatic_per_day = 10_000;
            config.api.limits.enabled = false;
        })
        .await;
        let api = Api::admin(&app.desk).await;
        Self { app, api, sink }
    }

    /// The callers' fields: the subject, names, a file's name. What is refused is refused as the caller's fault.
    async fn call(&self, text: &str, customer: &str) {
        let told = |status: u16| assert!((200..300).contains(&status) || status == 422, "{status}: {text:?}");
        for list in ["/mailboxes", "/agents"] {
            let path = format!(
                "{list}/{}",
                self.api.get(list).await.json()["data"][0]["id"].as_str().expect("an id")
            );
            let field = if list == "/agents" { "name" } else { "from_name" };
            told(self.api.json("PATCH", &path, &json!({field: text})).await.status.as_u16());
        }
        let mut ticket = json!({"subject": HARMLESS, "description": "It broke.", "customer_email": customer});
        let opened = self.api.json("POST", "/tickets", &ticket).await.json();
        for field in ["subject", "customer_name"] {
            ticket[field] = json!(text);
            told(self.api.json("POST", "/tickets", &ticket).await.status.as_u16());
            ticket[field] = json!(HARMLESS);
        }
        let file = self.upload(text).await;
        let mut answer =
            json!({"body": "See here.", "attachment_ids": [file], "cc": [format!("cc@shop.test {text}")]});
        let path = format!("/tickets/{}/responses", opened["id"].as_str().expect("an id"));
        assert_eq!(self.api.json("POST", &path, &answer).await.status.as_u16(), 422, "no address: {text:?}");
        answer["cc"] = json!([]);
        assert_eq!(self.api.json("POST", &path, &answer).await.status.as_u16(), 201, "{text:?}");
    }

    async fn upload(&self, name: &str) -> Value {
        let named = format!("attachment; filename*=utf-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC));
        let sent = self.api.request("POST", "/attachments").header("content-disposition", named);
        let sent = self.api.send(sent.body("words".into()).expect("a request")).await;
        assert_eq!(sent.status.as_u16(), 201, "{name:?}: {sent:?}");
        sent.json()["id"].clone()
    }

    /// A stranger's fields: the subject, the display name, a file's name. An answer quotes them.
    async fn write(&self, text: &str, customer: &str) {
        self.app.clock.advance_ms(1_000);
        let mut client = Client::connect(self.app.smtp).await.expect("greeted");
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let raw = format!(
            "From: \"{quoted}\" <{customer}>\r\nSubject: {text}\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nIt broke.\r\n\
             --b\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=\"{quoted}\"\r\n\r\nwords\r\n--b--\r\n"
        );
        let reply = client.send(customer, SUPPORT, raw.as_bytes()).await.expect("answered");
        if !reply.starts_with("250 ") {
            assert!(reply.starts_with('5'), "{reply}: {text:?}");
            return;
        }
        let newest = self.api.get("/tickets?sort=-created_at&limit=1").await.json();
        let path = format!("/tickets/{}/responses", newest["data"][0]["id"].as_str().expect("an id"));
        let answered = self.api.json("POST", &path, &json!({"body": "See here."})).await;
        assert_eq!(answered.status.as_u16(), 201, "{answered:?}");
    }

    /// What the relay took, once nothing waits any more. What goes to no address, since an attack broke off its `From`,
    /// failed before it came there.
    async fn taken(&self) -> Vec<Taken> {
        let _worker =
            send_by(&self.app, Transport::from_config(self.app.desk.config()).expect("it can work"));
        let wait = "SELECT COUNT(*) FROM outbox WHERE status NOT IN ('sent', 'failed')";
        until("sent", async || self.app.database.count(wait).await == 0).await;
        let failed = "SELECT DISTINCT to_address || ': ' || error FROM outbox WHERE status = 'failed'";
        let failed = self.app.database.texts(failed).await;
        assert!(
            failed.iter().all(|why| why == "x: \"x\" is not an address mail can be sent to"),
            "{failed:?}"
        );
        self.sink.taken()
    }
}

/// Names of header fields, of the mail and of its parts.
fn fields(mail: &Taken) -> Vec<String> {
    let text = String::from_utf8_lossy(&mail.data);
    let heads = text.split("\r\n--postdesk").filter_map(|part| part.split("\r\n\r\n").next());
    let lines = heads.flat_map(|head| head.split("\r\n")).filter(|line| !line.starts_with([' ', '\t']));
    lines.filter_map(|line| Some(line.split_once(':')?.0.to_lowercase())).collect()
}

/// "CHECKLIST §3, header/CRLF injection" (CWE-93; RFC 5322 §2.1.1 and §2.2): no field, no recipient, no bare CR or LF
/// (the sink looks for LF), no line too long, whatever stands in the fields of a call or a mail.
#[tokio::test]
async fn nobody_writes_headers_of_our_mails() {
    let scene = Scene::set().await;
    scene.call(HARMLESS, "jo@shop.test").await;
    scene.write(HARMLESS, "bo@shop.test").await;
    let harmless = scene.taken().await;
    let known: Vec<_> = harmless.iter().flat_map(fields).collect();
    let has_name = |mail: &Taken| String::from_utf8_lossy(&mail.data).contains("filename=\"Lamp\"");
    assert!(harmless.iter().any(has_name), "files have their names");
    assert!(known.len() > 50 && known.contains(&"content-disposition".into()), "{known:?}");
    let mut customers = vec![AGENT.to_owned(), "jo@shop.test".into(), "bo@shop.test".into()];
    for (number, text) in attacks().enumerate() {
        let (one, other) = (format!("jo{number}@shop.test"), format!("bo{number}@shop.test"));
        scene.call(&text, &one).await;
        scene.write(&text, &other).await;
        customers.extend([one, other]);
    }
    let taken = scene.taken().await;
    assert!(
        taken.len() > harmless.len() + 4 * ATTACKS.len(),
        "most attacks leave in a mail: {}",
        taken.len()
    );
    for mail in &taken {
        let text = String::from_utf8_lossy(&mail.data);
        assert!(customers.contains(&mail.to), "{}: {text}", mail.to);
        assert!(mail.from.starts_with("bounce+") || mail.from.is_empty(), "{}", mail.from);
        for name in fields(mail) {
            assert!(known.contains(&name), "{name:?} is new: {text}");
        }
        for line in text.split("\r\n") {
            assert!(line.len() <= 998 && !line.contains(['\r', '\n', '\0']), "{line:?}");
            assert!(!line.to_lowercase().starts_with("bcc:"), "{text}");
        }
        let read = parse(&mail.data);
        assert_eq!(read.from.iter().map(|a| a.email.as_str()).collect::<Vec<_>>(), [SUPPORT], "{text}");
        assert!(read.to.iter().chain(&read.cc).all(|a| a.email != EVE), "{text}");
        assert_eq!((read.from_fields, read.to.len()), (1, 1), "{text}");
    }
    let commands = scene.sink.commands().concat();
    assert!(!commands.contains(EVE), "{commands}");
}

/// "CHECKLIST §3, SSTI" (CWE-1336): what looks like a template leaves with the same characters, in the HTML escaped.
#[tokio::test]
async fn what_strangers_write_is_no_template() {
    const TEMPLATES: &str =
        "{{7*7}} {% include 'x' %} ${7*7} {{ self }} #{7*7} <%= 7*7 %> {# gone #} {{ ticket.number";
    let scene = Scene::set().await;
    let mut client = Client::connect(scene.app.smtp).await.expect("greeted");
    let raw = format!(
        "From: \"{TEMPLATES}\" <jo@shop.test>\r\nSubject: {TEMPLATES}\r\n\r\nIt says {TEMPLATES}\r\n"
    );
    let reply = client.send("jo@shop.test", SUPPORT, raw.as_bytes()).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
    let number =
        scene.api.get("/tickets").await.json()["data"][0]["number"].as_str().expect("a number").to_owned();
    let answered =
        scene.api.json("POST", &format!("/tickets/{number}/responses"), &json!({"body": TEMPLATES})).await;
    assert_eq!(answered.status.as_u16(), 201, "{answered:?}");
    let taken = scene.taken().await;
    assert_eq!(taken.len(), 3, "acknowledged, told, answered");
    let escaped = TEMPLATES.replace('<', "&lt;").replace('>', "&gt;");
    for mail in taken {
        let mail = parse(&mail.data);
        let html = mail.html.expect("HTML").replace("&#x27;", "'").replace("&#39;", "'");
        assert!(mail.subject.contains(TEMPLATES), "{}", mail.subject);
        assert!(
            mail.text.split_whitespace().collect::<Vec<_>>().join(" ").contains(TEMPLATES),
            "{}",
            mail.text
        );
        assert!(html.split_whitespace().collect::<Vec<_>>().join(" ").contains(&escaped), "{html}");
        assert!(!html.contains("49") || !mail.text.contains("49"), "{html}");
    }
}
