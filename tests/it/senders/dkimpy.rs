//! Mails signed by dkimpy, which others wrote: whole, and changed on the way.

use std::sync::Arc;

use postdesk::clock::Ids;
use postdesk::config::{DkimKey, Smtp};
use postdesk::model::Authority;
use postdesk::sender::{Checker, Client, Resolver, SigningKey, Zone, new_rsa};
use serde_json::Value;

use crate::support::python::Python;

/// Signs with a key (PEM). Prints mails by name, with what a verifier should find.
const SIGN: &str = r#"
import base64, dkim, json, sys, time
mails = []
# Without From dkimpy signs nothing: it is to see one.
class Unseen(bytes):
    lower = lambda self: self
    __hash__ = bytes.__hash__
    __eq__ = lambda self, other: other == b'from' or bytes.__eq__(self, other)
pem = sys.argv[1].encode()
HEAD = b'From: Jo <jo@example.org>\r\nTo: support@desk.test\r\nSubject:  Two   blanks \r\n folded\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\n'
BODIES = {'plain': b'Hello.\r\n', 'empty': b'', 'blank': b'\r\n\r\n', 'blanks at the end': b'Hello.  \r\n \t\r\n\r\n',
          'no line end': b'Hello.', 'blanks alone': b' \r\n', 'blanks inside': b'a  b\t c \r\n\r\n\r\nd\r\n\r\n'}
def signed(body, how=(b'relaxed', b'relaxed'), pem=pem, **more):
    return dkim.sign(HEAD + body, b's', b'example.org', pem, canonicalize=how, include_headers=[b'from', b'to', b'subject'], **more) + HEAD + body
def add(name, mail, want):
    mails.append({'name': name, 'raw': base64.b64encode(mail).decode(), 'want': want})
for head in (b'simple', b'relaxed'):
    for end in (b'simple', b'relaxed'):
        for name, body in BODIES.items():
            how = (head + b'/' + end).decode()
            mail = signed(body, (head, end))
            add(how + ': ' + name, mail, 'pass')
            add(how + ': ' + name + ', a word more', mail + b'x\r\n', 'fail')
            add(how + ': ' + name + ', another subject', mail.replace(b'folded', b'forged'), 'fail')
mail = signed(b'Hello.\r\n')
add('a line between header and body', mail.replace(b'+0000\r\n\r\n', b'+0000\r\nHello there\r\n\r\n'), 'fail')
add('a line between header and no body', signed(b'').replace(b'+0000\r\n\r\n', b'+0000\r\nHello there\r\n\r\n'), 'fail')
add('a line in place of the first blank one', signed(b'\r\nHello.\r\n').replace(b'+0000\r\n\r\n\r\n', b'+0000\r\nHello there\r\n\r\n'), 'fail')
add('part of the body signed', signed(b'Hello.\r\n', length=True) + b'Buy this.\r\n', 'fail')
add('expired', mail.replace(b' t=', b' x=%d; t=' % (time.time() - 9)), 'fail')
add('From left out', dkim.sign(HEAD + b'x', b's', b'example.org', pem, include_headers=[Unseen(b'to'), b'subject']) + HEAD + b'x', 'fail')
add('another selector', mail.replace(b's=s;', b's=t;'), 'fail')
add('no key there', mail.replace(b'd=example.org', b'd=example.net'), 'fail')
add('tag twice', mail.replace(b' s=s;', b' s=s; s=s;'), 'fail')
print(json.dumps(mails))
"#;

/// RFC 6376 §3.4, §5.4, §6.1; RFC 8301.
#[tokio::test]
async fn signatures_hold_and_break_as_dkimpy_has_them() {
    let Some(python) = Python::with(&["dkim"]) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("key.pem");
    let pem = new_rsa(&Ids::seeded(7));
    std::fs::write(&file, &pem).expect("it writes");
    let settings = DkimKey { domain: "example.org".into(), selector: "s".into(), key: file, sign: true };
    let key = SigningKey::load(&settings).expect("a good key");
    let mails: Value = serde_json::from_slice(&python.run(SIGN, &[&pem], b"")).expect("JSON");
    let zone = Zone::default()
        .text(&key.record_name(), &key.record())
        .text("t._domainkey.example.org", "v=DKIM1; p=");
    let checker =
        Checker::new(&Smtp::default(), "mx.desk.test", Resolver::Fixed(Arc::new(zone))).expect("made");
    let client = Client {
        ip: "192.0.2.1".parse().expect("an address"),
        helo: "client.example".into(),
        mail_from: "jo@example.org".into(),
    };
    let mut wrong = Vec::new();
    for mail in mails.as_array().expect("mails") {
        let raw =
            data_encoding::BASE64.decode(mail["raw"].as_str().expect("text").as_bytes()).expect("base64");
        let got = checker.check(&client, &raw).await.authentication.dkim;
        if (got == Authority::Pass) != (mail["want"] == "pass") {
            wrong.push(format!("{}: {got}, not {}", mail["name"], mail["want"]));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
