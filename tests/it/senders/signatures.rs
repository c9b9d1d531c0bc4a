//! Signatures at the door: with which keys they prove anything, and that nobody says more by them than was signed.

use data_encoding::BASE64;
use postdesk::model::Authority;
use postdesk::sender::Zone;
use serde_json::Value;

use super::desk::{behind_a_proxy, send};
use crate::support::app::SUPPORT;
use crate::support::python::Python;
use crate::support::{App, Engine};

/// Who may not send for `example.org`.
const IP: &str = "203.0.113.9";

/// RFC 8463, appendix A: a mail with a signature of each kind, and the keys.
const JOES: &str = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r
 d=football.example.com; i=@football.example.com;\r
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r
 subject : date : message-id : from : subject : date;\r
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r
 d=football.example.com; i=@football.example.com;\r
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r
 date : message-id : from : subject : date;\r
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r
From: Joe SixPack <joe@football.example.com>\r
To: Suzie Q <suzie@shopping.example.net>\r
Subject: Is dinner ready?\r
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r
Message-ID: <20030712040037.46341.5F8J@football.example.com>\r
\r
Hi.\r
\r
We lost the game.  Are you hungry yet?\r
\r
Joe.\r
";
const ED25519: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const RSA: &str = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";

/// Either key alone proves the mail, and a broken one is not believed.
#[tokio::test]
async fn signatures_of_both_kinds_are_verified() {
    const BRISBANE: &str = "brisbane._domainkey.football.example.com";
    const TEST: &str = "test._domainkey.football.example.com";
    for (zone, changed, want) in [
        (Zone::default().text(BRISBANE, ED25519), ("", ""), Authority::Pass),
        (Zone::default().text(TEST, RSA), ("", ""), Authority::Pass),
        (Zone::default().text(BRISBANE, ED25519).text(TEST, RSA), ("Joe.", "Jo."), Authority::Fail),
        (Zone::default().text(BRISBANE, ED25519).text(TEST, RSA), ("dinner", "lunch"), Authority::Fail),
        (Zone::default().text(BRISBANE, RSA), ("", ""), Authority::Fail),
        (Zone::default().text(BRISBANE, "v=DKIM1; k=ed25519; p="), ("", ""), Authority::Fail),
    ] {
        let app = App::start_in(Engine::Sqlite, zone, behind_a_proxy).await;
        let raw = if changed.0.is_empty() { JOES.to_owned() } else { JOES.replace(changed.0, changed.1) };
        let found = send(&app, IP, "", SUPPORT, raw.as_bytes()).await.authentication;
        let got = if found.dkim == Authority::Pass { Authority::Pass } else { Authority::Fail };
        assert_eq!((got, found.is_verified()), (want, want == Authority::Pass), "{changed:?}: {found:?}");
    }
}

/// A key of 512 bits, whose public half is [`WEAK_RECORD`].
const WEAK: &str = "-----BEGIN RSA PRIVATE KEY-----
MIIBOgIBAAJBALlSNeFBIN5qDrje6n0V+VwyVIdoZ4OJPbzHV0YshuS58MeU/4U+
fMy0j+0ufbyYgEmTzEo0yQXdVxEJ66i4nLUCAwEAAQJAIcTPOJqLiLu+rwU/qUdl
xt0M9heaNSe+7jVMu+bFNcw0mtLfef6KWsFI5K4SLvbSu9qBiFZDROu7uKgSXyW/
iQIhAOH5lGgZc9zpVI9w8oDA/gcRIdGgkvdUQpACgn8SElXPAiEA0fHQLjCgCxaI
AsIkFsVNsV7rXkiR691Fh881bWB/SjsCIQDTceCe46oZfK8mJS6UsYFBBZPafeDm
0w4RiHepBTTo2wIgQvfYiTNXidHpFsAo1N6g9sgpWgzaBxuw9y5Ag6A5WksCIBT+
MBb8rHpZgpvNuGShCwrIAstr2mFHZHizAvPs3nJy
-----END RSA PRIVATE KEY-----
";
const WEAK_RECORD: &str = "v=DKIM1; p=MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBALlSNeFBIN5qDrje6n0V+VwyVIdoZ4OJPbzHV0YshuS58MeU/4U+fMy0j+0ufbyYgEmTzEo0yQXdVxEJ66i4nLUCAwEAAQ==";
/// One of 1024 bits, the least that counts.
const SHORT: &str = "-----BEGIN RSA PRIVATE KEY-----
MIICXgIBAAKBgQDDIdu9lDaQz6m+VeKQqU+e8dZCf+3c/n7TIYkWApGHNPjVTUr0
F85yIWYA3fAnNwZ95CJjmsLpQhLISgdx4+7/BT0ReVQeRssDAOIwy24p27wqlxkL
j0p4Zn5Uu0lZQ1uYWMPIkzow9vaCWOmfyhIKu9zrxeT50qVlkL4XbScbwwIDAQAB
AoGBAJEUHWJoTeGA5D1lcZwIpfAQ8jJjFyDV/slPB7NbmYOjONauLuoowQ9OEZ7X
Y/RkDumOsprHt97hh0Fu+PYOd+PKHetq8jrQ+KdeROxxT5dicXxAFq5Njk1Ptj4d
FwRDVu8oJDRG31UOYqhZp57/yy51hKpoXw9izmI/BbJV+qsBAkEA81ecCQqdHlGG
Sa9X/eI7KDeP5eckyhyHT7RaUKKzn0OEVKUQ7ydhdtx0gPMDWRkADKHLXsecQlGa
QYPuOpoAQQJBAM1IRqSjdmcCRm2ET0QS3n+FaONCaDQLHVOWznH6u7yk8+t44c2E
nscKf67LTia2tH8RbqiyQDoUvgKCsE7CWwMCQQCIYV+ICbTJGzPB9E3CcpppDcrO
NN9/jsGfQBsl+inlZrexoNl+z3lmXmPFKW2E7+gBLGSIeCLxYD6t3T0VBt6BAkB4
/EzuQYzJ3xRk/WK+KyTJIXaU4hGKArbxCeN4V58H6mv77s2eE7iEdJKWESppNKsi
bMK8V/n0gT8PObjxYijDAkEAt1Cwd7q2ON5KKrVHOlYiVGPnPazms6NAp+ubYXta
YCMB5bsajFpWbaxiGZi2J0TgCuhuUFO8n56iOW2ChM+Eig==
-----END RSA PRIVATE KEY-----
";
const SHORT_RECORD: &str = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDDIdu9lDaQz6m+VeKQqU+e8dZCf+3c/n7TIYkWApGHNPjVTUr0F85yIWYA3fAnNwZ95CJjmsLpQhLISgdx4+7/BT0ReVQeRssDAOIwy24p27wqlxkLj0p4Zn5Uu0lZQ1uYWMPIkzow9vaCWOmfyhIKu9zrxeT50qVlkL4XbScbwwIDAQAB";

/// Signs with both. Prints mails by name, with whether they are believed.
const SIGN: &str = r#"
import base64, dkim, json, sys
weak, short = (pem.encode() for pem in sys.argv[1:])
HEAD = b'From: Jo <jo@example.org>\r\nTo: support@desk.test\r\nSubject: Lamp\r\nContent-Type: text/plain\r\n\r\n'
MAIL = HEAD + b'It broke.\r\n'
mails = []
def signed(selector, pem, fields, algorithm=b'rsa-sha256'):
    return dkim.sign(MAIL, selector, b'example.org', pem, canonicalize=(b'relaxed', b'relaxed'), include_headers=fields, signature_algorithm=algorithm) + MAIL
def add(name, mail, want):
    mails.append({'name': name, 'raw': base64.b64encode(mail).decode(), 'want': want})
ONCE = [b'from', b'to', b'subject']
once, sealed = signed(b'short', short, ONCE), signed(b'short', short, ONCE + ONCE + [b'reply-to', b'content-type', b'content-type'])
add('1024 bits', once, True)
add('sealed', sealed, True)
add('512 bits', signed(b'weak', weak, ONCE), False)
add('SHA-1', signed(b'short', short, ONCE, b'rsa-sha1'), False)
for name, mail in ('signed', once), ('sealed', sealed):
    for field in b'From: Boss <jo@example.org>', b'From: ceo@example.org', b'Subject: Free', b'SUBJECT : Free', b'To: a@example.org':
        add(name + ', with a second ' + field.decode(), field + b'\r\n' + mail, False)
add('signed, with a Received', b'Received: by relay.example\r\n' + once, True)
add('sealed, with a Received', b'Received: by relay.example\r\nX-Spam: no\r\n' + sealed, True)
add('sealed, with a Reply-To', b'Reply-To: eve@evil.example\r\n' + sealed, False)
add('sealed, with another type', b'Content-Type: text/html\r\n' + sealed, False)
print(json.dumps(mails))
"#;

/// RFC 8301 §3.1 (no SHA-1) and §3.2 (1024 bits at least); RFC 6376 §5.4, §8.15: of a field that should be there once no
/// second one is put in front of the signed one.
#[tokio::test]
async fn weak_keys_and_added_fields_prove_nothing() {
    let Some(python) = Python::with(&["dkim"]) else { return };
    let mails: Value = serde_json::from_slice(&python.run(SIGN, &[WEAK, SHORT], b"")).expect("JSON");
    let zone = Zone::default()
        .text("weak._domainkey.example.org", WEAK_RECORD)
        .text("short._domainkey.example.org", SHORT_RECORD);
    let app = App::start_in(Engine::Sqlite, zone, behind_a_proxy).await;
    let mut wrong = Vec::new();
    for mail in mails.as_array().expect("mails") {
        let raw = BASE64.decode(mail["raw"].as_str().expect("text").as_bytes()).expect("base64");
        let found = send(&app, IP, "jo@example.org", SUPPORT, &raw).await.authentication;
        let proved = (found.dkim == Authority::Pass, found.is_verified());
        if proved != (mail["want"] == true, mail["want"] == true) {
            wrong.push(format!("{}: {found:?}", mail["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
