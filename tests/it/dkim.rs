//! Signatures on mail that leaves, judged by a verifier that others wrote (dkimpy) and by mail-auth's own, over the
//! bytes a server took.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mail_auth::common::parse::TxtRecordParser as _;
use mail_auth::common::verify::DomainKey;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt};
use postdesk::clock::Ids;
use postdesk::config::{Config, DkimKey, Relay, TransportKind};
use postdesk::outbox::{Transport, Worker};
use postdesk::sender::{Signers, SigningKey, new_ed25519, new_rsa};
use postdesk::templates::Templates;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::App;
use crate::support::app::{AGENT, MONDAY_MORNING, SUPPORT};
use crate::support::client::Client;
use crate::support::python::Python;
use crate::support::sink::{Sink, Taken};

const JO: &str = "jo@shop.test";

/// Prints a line for each mail on standard input, of `selector result` for each of its signatures. A mail's length stands
/// in front of it; the zone comes as name and record in turn.
const DKIMPY: &str = r#"
import sys, dkim
zone = dict(zip(sys.argv[1::2], sys.argv[2::2]))
def look(name, timeout=5):
    return zone.get(name.decode().rstrip('.'), '').encode()
def judge(mail):
    for index in range(sum(1 for name, _ in dkim.rfc822_parse(mail)[0] if name.lower() == b'dkim-signature')):
        one = dkim.DKIM(mail)
        try:
            good = one.verify(idx=index, dnsfunc=look)
        except dkim.DKIMException as error:
            good = error
        yield one.signature_fields[b's'].decode() + ' ' + ('pass' if good is True else str(good))
while length := sys.stdin.buffer.readline():
    print(', '.join(judge(sys.stdin.buffer.read(int(length)))))
"#;

/// A new key of `desk.test`, in a file.
fn key(dir: &Path, selector: &str, pem: &str) -> DkimKey {
    let key = dir.join(format!("{selector}.pem"));
    std::fs::write(&key, pem).expect("it writes");
    DkimKey { domain: "desk.test".into(), selector: selector.into(), key, sign: true }
}

/// One key of each kind.
fn keys(dir: &Path, generation: u64) -> Vec<DkimKey> {
    let ids = Ids::seeded(generation);
    vec![
        key(dir, &format!("rsa{generation}"), &new_rsa(&ids)),
        key(dir, &format!("ed{generation}"), &new_ed25519(&ids)),
    ]
}

fn signers(keys: &[DkimKey]) -> Signers {
    Signers::load(keys).expect("good keys")
}

/// What DNS says.
pub struct Zone(HashMap<String, String>);

impl Zone {
    /// Of these keys.
    pub fn of(keys: &[DkimKey]) -> Self {
        let keys = keys.iter().map(|key| SigningKey::load(key).expect("a good key"));
        Self(keys.map(|key| (key.record_name(), key.record())).collect())
    }

    /// `selector result` for each signature, by mail-auth.
    async fn by_mail_auth(&self, mail: &[u8]) -> String {
        let judge = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default());
        let message = AuthenticatedMessage::parse(mail).expect("a mail");
        let parameters = Parameters::new(&message).with_txt_cache(self);
        let judged = judge.expect("a resolver").verify_dkim(parameters).await;
        let line = |output: &mail_auth::DkimOutput<'_>| {
            let result = match output.result() {
                DkimResult::Pass => "pass".to_owned(),
                other => format!("{other:?}"),
            };
            format!("{} {result}", output.signature().map_or("", |signature| &signature.s))
        };
        judged.iter().map(line).collect::<Vec<_>>().join(", ")
    }

    /// The same by dkimpy, for many mails at once; nothing where there is none.
    fn by_dkimpy(&self, mails: &[&[u8]]) -> Vec<String> {
        let Some(python) = Python::with(&["dkim", "nacl"]) else { return Vec::new() };
        let zone: Vec<&str> = self.0.iter().flat_map(|(name, record)| [name.as_str(), record]).collect();
        let framed: Vec<u8> =
            mails.iter().flat_map(|mail| [format!("{}\n", mail.len()).as_bytes(), mail].concat()).collect();
        let said = String::from_utf8(python.run(DKIMPY, &zone, &framed)).expect("text");
        let said: Vec<String> = said.lines().map(str::to_owned).collect();
        assert_eq!(said.len(), mails.len());
        said
    }

    /// What both say of each mail.
    async fn judge(&self, mails: &[&[u8]]) -> Vec<(String, Option<String>)> {
        let mut others = self.by_dkimpy(mails).into_iter();
        let mut judged = Vec::new();
        for mail in mails {
            judged.push((self.by_mail_auth(mail).await, others.next()));
        }
        judged
    }

    /// Both take these mails as signed by these keys.
    async fn assert_good(&self, mails: &[&[u8]], selectors: [&str; 2]) {
        let want = selectors.map(|selector| format!("{selector} pass")).join(", ");
        for (mail, (one, other)) in mails.iter().zip(self.judge(mails).await) {
            let mail = String::from_utf8_lossy(mail);
            assert_eq!(one, want, "mail-auth: {mail}");
            assert!(other.as_ref().is_none_or(|other| *other == want), "dkimpy: {other:?} {mail}");
        }
    }
}

/// Names end with a dot, as mail-auth asks for them.
impl ResolverCache<Box<str>, Txt> for Zone {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let found = self.0.iter().find(|(have, _)| {
            let have: Box<str> = format!("{have}.").into();
            <Box<str> as Borrow<Q>>::borrow(&have) == name
        });
        let missing = || Txt::Error(mail_auth::Error::NoHeadersFound);
        Some(found.map_or_else(missing, |(_, record)| {
            Txt::DomainKey(Arc::new(DomainKey::parse(record.as_bytes()).expect("a record")))
        }))
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: std::time::Instant) {}
}

/// Mail leaves for the sink.
fn by_relay(sink: &Sink) -> impl FnOnce(&mut Config) {
    let (host, port) = (sink.address.ip().to_string(), sink.address.port());
    move |config| {
        config.outbox.transport = TransportKind::Relay;
        config.outbox.relay = Some(Relay::at(host, port));
    }
}

/// The worker, until the guard is dropped.
fn send(app: &App, keys: &[DkimKey]) -> DropGuard {
    let stop = CancellationToken::new();
    let transport = Transport::from_config(app.desk.config()).expect("it can work");
    let worker = Worker::new(app.desk.clone(), Arc::new(Templates::load(None)), transport);
    tokio::spawn(worker.signing_by(signers(keys)).run(stop.clone()));
    stop.drop_guard()
}

async fn hand_in(app: &App, from: &str, to: &str, head: &str, body: &str) {
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    let raw = format!("From: {from}\r\nTo: {to}\r\n{head}\r\n{body}");
    let reply = client.send(from, to, raw.as_bytes()).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
}

/// Waits until the sink took so many mails.
async fn until_taken(sink: &Sink, wanted: usize) -> Vec<Taken> {
    for _ in 0..400 {
        if sink.taken().len() >= wanted {
            return sink.taken();
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{wanted} mails should have come, got {}", sink.taken().len());
}

fn data(mails: &[Taken]) -> Vec<&[u8]> {
    mails.iter().map(|mail| mail.data.as_slice()).collect()
}

/// A field's value.
fn field(mail: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(mail).replace("\r\n ", " ").replace("\r\n\t", " ");
    let start = format!("{name}: ");
    text.lines().find_map(|line| line.strip_prefix(&start)).unwrap_or_default().trim().to_owned()
}

/// A mail with a body of this kind; what follows `From` and `To`.
fn bodies() -> Vec<(&'static str, &'static str, String)> {
    let plain = "Subject: Lamp\r\n";
    let utf8 = "Subject: =?utf-8?q?L=C3=A4mpchen?=\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n";
    vec![
        ("ascii", plain, "It broke.\r\n".into()),
        ("utf-8", utf8, "Es ist kaputt, schön blöd. عربى \u{1F4A1}\r\n".into()),
        ("long lines", plain, format!("{}\r\nend\r\n", "word ".repeat(1_500))),
        ("trailing blank lines", plain, "It broke.\r\n\r\n\r\n\r\n".into()),
        ("dots", plain, ".\r\n..\r\n.It broke.\r\n.\r\n".into()),
        ("blanks", plain, "  a\t\tb  \r\n\r\n c \r\n".into()),
        ("no last line end", plain, "It broke.".into()),
        ("blank lines alone", plain, "\r\n\r\n".into()),
        ("nothing", plain, String::new()),
    ]
}

both_engines! {
    /// RFC 6376 §5.4 (`From` is signed), §3.4; RFC 8463 §3 (one signature of each kind).
    async fn what_leaves_is_signed_by_both_keys(engine: Engine) {
        let dir = tempfile::tempdir().expect("a directory");
        let (keys, sink) = (keys(dir.path(), 1), Sink::start(&[]).await);
        let zone = Zone::of(&keys);
        let app = App::start_with(engine, by_relay(&sink)).await;
        let _worker = send(&app, &keys);
        for (n, (_, head, body)) in bodies().into_iter().enumerate() {
            hand_in(&app, &format!("jo{n}@shop.test"), SUPPORT, head, &body).await;
        }
        let taken = until_taken(&sink, 2 * bodies().len()).await;
        zone.assert_good(&data(&taken), ["rsa1", "ed1"]).await;
    }

    /// RFC 6376 §3.7: the body as it is on the wire, files and all.
    async fn an_agents_reply_with_a_file_is_signed(engine: Engine) {
        let dir = tempfile::tempdir().expect("a directory");
        let (keys, sink) = (keys(dir.path(), 1), Sink::start(&[]).await);
        let app = App::start_with(engine, by_relay(&sink)).await;
        let _worker = send(&app, &keys);
        hand_in(&app, JO, SUPPORT, "Subject: Lamp\r\n", "It broke.\r\n").await;
        let notice = until_taken(&sink, 2).await.into_iter().find(|mail| mail.to == AGENT).expect("a notice");
        let reply_to = field(&notice.data, "Reply-To");
        let head = "Subject: Re: Lamp\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n";
        let body = "--b\r\n\r\nSee the manual.\r\n--b\r\nContent-Type: text/plain; name=manual.txt\r\n\
            Content-Disposition: attachment; filename=manual.txt\r\nContent-Transfer-Encoding: base64\r\n\r\n\
            LmEKCi4KZsO8cg0NCi4NCg==\r\n--b--\r\n";
        hand_in(&app, AGENT, &reply_to, head, body).await;
        let answer = until_taken(&sink, 3).await.remove(2);
        assert_eq!(answer.to, JO);
        assert!(String::from_utf8_lossy(&answer.data).contains("LmEKCi4KZsO8cg0NCi4NCg=="), "the file as it was");
        Zone::of(&keys).assert_good(&[&answer.data], ["rsa1", "ed1"]).await;
    }

    /// RFC 6376 §3.4, §5.3; RFC 5321 §4.5.2. Bytes that our own composer would not write, on the wire as they would be.
    async fn any_bytes_verify_behind_the_wire(engine: Engine) {
        let dir = tempfile::tempdir().expect("a directory");
        let (keys, sink) = (keys(dir.path(), 1), Sink::start(&[]).await);
        let app = App::start_with(engine, by_relay(&sink)).await;
        let (zone, signers) = (Zone::of(&keys), signers(&keys));
        let mut signed = Vec::new();
        for (n, (what, head, body)) in bodies().into_iter().enumerate().filter(|(_, (what, ..))| *what != "utf-8") {
            hand_in(&app, &format!("jo{n}@shop.test"), SUPPORT, "Subject: x\r\n", "x\r\n").await;
            let mail = format!("From: Desk <{SUPPORT}>\r\n{head}X-What: {what}\r\n\r\n{body}");
            signed.push(signers.sign(mail.into_bytes(), SUPPORT, MONDAY_MORNING));
        }
        let entries = app.claim("before anybody", 100).await;
        let mut tx = app.store.begin().await.expect("a turn");
        for (entry, mail) in entries.iter().zip(signed.iter().cycle()) {
            assert!(tx.fix_outbox_mime(entry, mail).await.expect("it writes"));
        }
        tx.commit().await.expect("on disk");
        app.desk.put_back(&entries).await.expect("it writes");
        let _worker = send(&app, &keys);
        let taken = until_taken(&sink, entries.len()).await;
        zone.assert_good(&data(&taken), ["rsa1", "ed1"]).await;
    }

    /// RFC 6376 §3.1: selectors, while a key is replaced by another.
    async fn a_new_key_signs_new_mail_and_old_mail_keeps_its_bytes(engine: Engine) {
        let dir = tempfile::tempdir().expect("a directory");
        let greylisted = crate::support::sink::Plan::Rcpt("450 4.7.1 come again");
        let (old, sink) = (keys(dir.path(), 1), Sink::start(&[greylisted; 2]).await);
        let app = App::start_with(engine, by_relay(&sink)).await;
        let worker = send(&app, &old);
        hand_in(&app, JO, SUPPORT, "Subject: Lamp\r\n", "It broke.\r\n").await;
        let deferred = "SELECT count(*) FROM outbox WHERE status = 'deferred'";
        while app.database.count(deferred).await < 2 {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        drop(worker);
        let both = [keys(dir.path(), 2), old].concat();
        let _worker = send(&app, &both);
        hand_in(&app, "bo@shop.test", SUPPORT, "Subject: Chair\r\n", "It creaks.\r\n").await;
        let zone = Zone::of(&both);
        zone.assert_good(&data(&until_taken(&sink, 2).await), ["rsa2", "ed2"]).await;
        app.clock.advance_ms(70_000);
        zone.assert_good(&data(&until_taken(&sink, 4).await)[2..], ["rsa1", "ed1"]).await;
    }
}

/// RFC 6376 §5.4, §8.15: what should be there once is signed once more than it is.
#[tokio::test]
async fn nothing_can_be_added_or_changed() {
    let dir = tempfile::tempdir().expect("a directory");
    let keys = keys(dir.path(), 1);
    let (zone, signers) = (Zone::of(&keys), signers(&keys));
    let mail = "From: support@desk.test\r\nTo: jo@shop.test\r\nSubject: Lamp\r\nList-Id: <a.desk.test>\r\n\r\nHello\r\n";
    let signed = signers.sign(mail.as_bytes().to_vec(), SUPPORT, MONDAY_MORNING);
    assert_eq!(signed, signers.sign(mail.as_bytes().to_vec(), SUPPORT, MONDAY_MORNING), "the same again");
    let signed = String::from_utf8(signed).expect("text");
    assert!(
        signed.contains("t=1772442000;") && !signed.contains("; l=") && !signed.contains("; x="),
        "{signed}"
    );
    for (what, changed) in [
        ("a subject", signed.replace("Subject: Lamp", "Subject: Free money")),
        ("a second subject", signed.replace("To: jo", "Subject: Free money\r\nTo: jo")),
        ("a second sender", signed.replace("Subject: Lamp", "From: ceo@desk.test\r\nSubject: Lamp")),
        ("a Reply-To", signed.replace("To: jo", "Reply-To: eve@evil.test\r\nTo: jo")),
        ("a content type", signed.replace("To: jo", "Content-Type: text/html\r\nTo: jo")),
        ("a second List-Id", signed.replace("To: jo", "List-Id: <evil>\r\nTo: jo")),
        ("more text", signed.replace("Hello", "Hello\r\nPay here")),
    ] {
        let judged = zone.judge(&[changed.as_bytes()]).await;
        let said = format!("{judged:?}");
        assert!(said.contains("rsa1") && !said.contains("pass"), "{what}: {said}");
    }
    let on_the_way = [
        signed.clone(),
        format!("Received: by relay.test\r\n{signed}"),
        signed.replace("To: jo", "List-Unsubscribe: <https://list.test>\r\nTo: jo"),
        signed.replace("To: jo", "To:\r\n  jo"),
        signed.replace("Hello\r\n", "Hello  \r\n\r\n"),
    ];
    let on_the_way: Vec<&[u8]> = on_the_way.iter().map(|mail| mail.as_bytes()).collect();
    zone.assert_good(&on_the_way, ["rsa1", "ed1"]).await;
}

/// RFC 8058 §4: the link and its one click are signed, in what leaves and by its bytes.
#[tokio::test]
async fn what_unsubscribes_is_sealed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (keys, sink) = (keys(dir.path(), 1), Sink::start(&[]).await);
    let app = App::start_with(crate::support::Engine::Sqlite, |config| {
        by_relay(&sink)(config);
        config.http.public_url = Some("https://desk.test".into());
    })
    .await;
    let _worker = send(&app, &keys);
    hand_in(&app, JO, SUPPORT, "Subject: Lamp\r\n", "It broke.\r\n").await;
    let notice = until_taken(&sink, 2).await.into_iter().find(|mail| mail.to == AGENT).expect("a notice");
    let covered = field(&notice.data, "DKIM-Signature").to_lowercase().replace(' ', "");
    for name in ["from", "list-unsubscribe", "list-unsubscribe-post"] {
        assert!(
            covered.split("h=").nth(1).is_some_and(|list| list.split([':', ';']).any(|one| one == name)),
            "{covered}"
        );
    }
    let zone = Zone::of(&keys);
    zone.assert_good(&[&notice.data], ["rsa1", "ed1"]).await;
    let text = String::from_utf8(notice.data).expect("7 bit");
    for (what, changed) in [
        (
            "the link",
            text.replace("List-Unsubscribe: <https://desk.test", "List-Unsubscribe: <https://evil.test"),
        ),
        ("the click", text.replace("List-Unsubscribe-Post: List", "List-Unsubscribe-Post: No")),
        ("no link", text.replace("List-Unsubscribe: <", "X-Nothing: <")),
    ] {
        assert_ne!(changed, text, "{what}");
        let said = format!("{:?}", zone.judge(&[changed.as_bytes()]).await);
        assert!(said.contains("rsa1") && !said.contains("pass"), "{what}: {said}");
    }
}

/// Where lines of blanks end a mail, mail-auth's verifier does not ignore them as RFC 6376 §3.4.4 wants.
#[tokio::test]
async fn lines_of_blanks_at_the_end_count_for_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let keys = keys(dir.path(), 1);
    let signed = |end: &str| {
        let mail = format!("From: {SUPPORT}\r\nSubject: x\r\n\r\nHello\r\n{end}");
        signers(&keys).sign(mail.into_bytes(), SUPPORT, MONDAY_MORNING)
    };
    let hash =
        |mail: &[u8]| String::from_utf8_lossy(mail).split("bh=").nth(1).map(|rest| rest[..44].to_owned());
    let (plain, blanks) = (signed(""), signed(" \r\n\t \r\n \r\n"));
    assert_eq!(hash(&plain), hash(&blanks));
    for judged in Zone::of(&keys).by_dkimpy(&[&plain, &blanks]) {
        assert_eq!(judged, "rsa1 pass, ed1 pass");
    }
}

#[tokio::test]
async fn a_domain_signs_with_its_own_keys_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut all = [keys(dir.path(), 1), keys(dir.path(), 2)].concat();
    all[0].sign = false;
    all[3].domain = "Other.test".into();
    let signers = signers(&all);
    let selectors = |from: &str| {
        let mail = format!("From: {from}\r\nSubject: x\r\n\r\nx\r\n");
        let signed = String::from_utf8(signers.sign(mail.into_bytes(), from, MONDAY_MORNING)).expect("text");
        let named =
            signed.split(" s=").skip(1).map(|rest| rest.split(';').next().unwrap_or_default().to_owned());
        named.collect::<Vec<_>>()
    };
    assert_eq!(selectors("a@desk.test"), ["ed1", "rsa2"], "the first of each kind that signs");
    assert_eq!(selectors("a@DESK.test"), ["ed1", "rsa2"]);
    assert_eq!(selectors("a@other.test"), ["ed2"]);
    assert_eq!(selectors("a@sub.desk.test"), Vec::<String>::new());
    assert_eq!(selectors("nobody"), Vec::<String>::new());
}
