//! Parts of mails as files: names that strangers chose, types that browsers run, and what others signed or encrypted.

use data_encoding::HEXLOWER;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::api::call::{Answer, Client as Api};
use crate::support::app::SUPPORT;
use crate::support::client::Client;
use crate::support::{App, Engine};

/// Names as strangers write them, and as they are kept; empty where nothing is left.
const NAMES: [(&str, &str); 24] = [
    ("box.jpg", "box.jpg"),
    ("Größe 1.pdf", "Größe 1.pdf"),
    ("invoice\u{202E}fdp.exe", "invoicefdp.exe"),
    ("\u{2066}a\u{2069}\u{200F}\u{61C}.txt", "a.txt"),
    ("in\u{200B}voi\u{2060}ce\u{FEFF}\u{AD}.pdf", "invoice.pdf"),
    ("a\r\nContent-Type: text/html\r\n\r\n<script>", "html <script>"),
    ("a\0\u{7}\u{1b}[2J\u{7f}\u{85}b.txt", "a[2J b.txt"),
    ("a\u{2028}b\u{2029}c", "a b c"),
    ("../../../etc/passwd", "passwd"),
    ("..\\..\\windows\\win.ini", "win.ini"),
    ("C:\\a\\b.doc", "b.doc"),
    ("/etc/", "etc"),
    ("CON", "_CON"),
    ("nul.txt", "_nul.txt"),
    ("Com1.tar.gz", "_Com1.tar.gz"),
    ("console.log", "console.log"),
    ("setup.exe. . ", "setup.exe"),
    (".htaccess", ".htaccess"),
    ("a\"; filename=\"b.exe", "a\"; filename=\"b.exe"),
    ("a%00%2e%2e%2fb.txt", "a%00%2e%2e%2fb.txt"),
    ("..", ""),
    (" . ", ""),
    ("\u{202E}\u{200B}", ""),
    ("", ""),
];

/// The name as an RFC 2231 parameter, which takes every character.
fn named(name: &str) -> String {
    format!("filename*=utf-8''{}", utf8_percent_encode(name, NON_ALPHANUMERIC))
}

/// A mail with these parts, each its header and content, sent by SMTP.
async fn send(app: &App, parts: &[String]) {
    app.clock.advance_ms(1_000);
    let mut client = Client::connect(app.smtp).await.expect("greeted");
    let parts: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
    let raw = format!(
        "From: jo@shop.test\r\nSubject: Lamp\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\n\r\nIt broke.\r\n{parts}--b--\r\n"
    );
    deliver(&mut client, raw.as_bytes()).await;
}

async fn deliver(client: &mut Client, raw: &[u8]) {
    let reply = client.send("jo@shop.test", SUPPORT, raw).await.expect("answered");
    assert!(reply.starts_with("250 "), "{reply}");
}

/// The files of the newest ticket, in order.
async fn files(api: &Api) -> Vec<Value> {
    let newest = api.get("/tickets?sort=-created_at&limit=1").await.json();
    let path = format!("/tickets/{}?include=attachments", newest["data"][0]["id"].as_str().expect("an id"));
    api.get(&path).await.json()["attachments"].as_array().expect("a list").clone()
}

async fn download(api: &Api, file: &Value) -> Answer {
    api.get(&format!("/attachments/{}", file["id"].as_str().expect("an id"))).await
}

/// The name is the one that is wanted, in the object and in the answer's head, where it changes nothing else.
async fn assert_named(api: &Api, file: &Value, given: &str, want: &str) {
    assert_eq!(file["filename"].as_str().unwrap_or_default(), want, "{given:?}");
    let answer = download(api, file).await;
    let disposition = answer.header("content-disposition");
    let rest = disposition.strip_prefix("attachment; filename=\"").expect(disposition);
    let (plain, rest) = rest.split_once('"').expect(disposition);
    assert!(
        plain.bytes().all(|b| (b' '..=b'~').contains(&b)) && !plain.contains(['/', '\\', '%']),
        "{disposition}"
    );
    match rest.strip_prefix("; filename*=UTF-8''") {
        Some(coded) => {
            assert!(!coded.contains(['"', ';', ' ', '/']), "{disposition}");
            let name = percent_encoding::percent_decode_str(coded).decode_utf8().expect("UTF-8");
            assert_eq!(name, want, "{given:?}");
        }
        None => {
            assert_eq!((rest, plain), ("", if want.is_empty() { "attachment" } else { want }), "{given:?}")
        }
    }
}

/// "CHECKLIST §3, attachments: traversal, bidi names" (CWE-22, CWE-451; RFC 6266 §4.3): a base name of at most 255 octets
/// without controls, whichever way the file came.
#[tokio::test]
async fn names_of_files_are_made_harmless() {
    let app = App::start_with(Engine::Sqlite, |config| config.limits.max_pending_uploads = 100).await;
    let api = Api::admin(&app.desk).await;
    let part = |name: &str| {
        format!("Content-Type: a/b\r\nContent-Disposition: attachment; {}\r\n\r\nwords", named(name))
    };
    send(&app, &NAMES.map(|(name, _)| part(name))).await;
    for ((given, want), file) in NAMES.iter().zip(files(&api).await) {
        assert_named(&api, &file, given, want).await;
    }
    for (given, want) in NAMES {
        let raw = api
            .request("POST", "/attachments")
            .header("content-disposition", format!("attachment; {}", named(given)));
        let sent = api.send(raw.body("words".into()).expect("a request")).await;
        assert_eq!(sent.status.as_u16(), 201, "{given:?}: {sent:?}");
        assert_named(&api, &sent.json(), given, want).await;
    }
    let long = format!("{}.pdf", "\u{e4}".repeat(2_000));
    send(&app, &[part(&long)]).await;
    let kept = files(&api).await[0]["filename"].as_str().expect("a name").to_owned();
    assert!((250..=255).contains(&kept.len()) && kept.ends_with("\u{e4}.pdf"), "{} {kept}", kept.len());
}

/// "CHECKLIST §3, attachments: sniffing, inline SVG/HTML" (CWE-434): what a browser runs is octets when it comes down,
/// whatever its part said it was; the object says what it is.
#[tokio::test]
async fn what_browsers_run_comes_down_as_octets() {
    const OCTETS: &str = "application/octet-stream";
    let app = App::start(Engine::Sqlite).await;
    let api = Api::admin(&app.desk).await;
    let kinds = [
        ("text/html", OCTETS),
        ("Image/SVG+XML", OCTETS),
        ("application/xhtml+xml", OCTETS),
        ("text/xml", OCTETS),
        ("text/javascript", OCTETS),
        ("text/plain", "text/plain"),
        ("image/png", "image/png"),
        ("application/pdf", "application/pdf"),
    ];
    let content = "<svg onload=alert(1)><script>alert(1)</script>";
    send(&app, &kinds.map(|(kind, _)| format!("Content-Type: {kind}; name=a\r\n\r\n{content}"))).await;
    let files = files(&api).await;
    assert_eq!(files.len(), kinds.len());
    for ((kind, want), file) in kinds.iter().zip(files) {
        assert_eq!(file["content_type"], kind.to_lowercase());
        for inline in ["", "?inline=1"] {
            let answer =
                api.get(&format!("/attachments/{}{inline}", file["id"].as_str().expect("an id"))).await;
            assert_eq!(answer.header("content-type"), *want, "{kind}{inline}");
            assert!(answer.header("content-disposition").starts_with("attachment"), "{kind}{inline}");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
            assert_eq!(answer.body, content.as_bytes());
        }
    }
}

/// What others signed or encrypted: the header, and its parts as they were sent.
const SEALED: [(&str, &[(&str, &str)]); 4] = [
    (
        "multipart/signed; boundary=\"s b\"; micalg=pgp-sha256;\r\n protocol=\"application/pgp-signature\"",
        &[
            (
                "Content-Type: text/plain; charset=iso-8859-1; format=flowed\r\nContent-Transfer-Encoding: quoted-printable",
                "Trailing blank=20\r\n\tand =E4 \r\n\r\n",
            ),
            (
                "Content-Type: application/pgp-signature; name=\"signature.asc\"",
                "-----BEGIN PGP SIGNATURE-----\r\n\r\niQ==\r\n-----END PGP SIGNATURE-----\r\n",
            ),
        ],
    ),
    (
        "multipart/encrypted; boundary=\"s b\"; protocol=\"application/pgp-encrypted\"",
        &[
            ("Content-Type: application/pgp-encrypted; name=a.asc", "Version: 1\r\n"),
            (
                "Content-Type: application/octet-stream; name=\"encrypted.asc\"",
                "-----BEGIN PGP MESSAGE-----\r\n\r\nhQ== \r\n-----END PGP MESSAGE-----\r\n",
            ),
        ],
    ),
    (
        "multipart/signed; boundary=\"s b\"; micalg=sha-256;\r\n protocol=\"application/pkcs7-signature\"",
        &[
            ("Content-Type: text/html\r\nContent-Transfer-Encoding: 8bit", "<p>Hello\u{e4}  \r\n"),
            (
                "Content-Type: application/pkcs7-signature; name=smime.p7s\r\nContent-Transfer-Encoding: base64",
                "MIIB\r\nAQID\r\n",
            ),
        ],
    ),
    (
        "application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\nContent-Transfer-Encoding: base64",
        &[],
    ),
];

/// RFC 3156 §5 and RFC 8551 §3.1.1: signatures are over octets, so each mail comes back as it was sent, and its sealed
/// parts as files of their octets.
#[tokio::test]
async fn signed_and_encrypted_mail_is_kept_octet_for_octet() {
    let app = App::start(Engine::Sqlite).await;
    let api = Api::admin(&app.desk).await;
    for (number, (kind, parts)) in SEALED.iter().enumerate() {
        let mut body: String =
            parts.iter().map(|(head, content)| format!("--s b\r\n{head}\r\n\r\n{content}\r\n")).collect();
        body += if parts.is_empty() { "MIIB\r\nAQID\r\n" } else { "--s b--\r\n \r\n" };
        let raw = format!(
            "From: jo{number}@shop.test\r\nSubject:  Lamp \r\n\t{number}\r\nMIME-Version: 1.0\r\nContent-Type: {kind}\r\n\r\n{body}"
        );
        app.clock.advance_ms(1_000);
        deliver(&mut Client::connect(app.smtp).await.expect("greeted"), raw.as_bytes()).await;
        let row = api.get("/inbound?limit=1").await.json()["data"][0].clone();
        let hash = HEXLOWER.encode(&Sha256::digest(raw.as_bytes()));
        let kept = api.get(&format!("/inbound/{}/raw", row["id"].as_str().expect("an id"))).await;
        assert!(kept.body == raw.as_bytes() && row["sha256"] == json!(hash), "{kind}");
        let sealed = match parts.last() {
            Some((head, content)) if !head.contains("base64") => content.as_bytes().to_vec(),
            _ => data_encoding::BASE64.decode(b"MIIBAQID").expect("base64"),
        };
        let file = files(&api).await.last().expect("it is a file").clone();
        let got = download(&api, &file).await.body;
        assert!(got == sealed, "{kind}: {}", got.escape_ascii());
        assert_eq!(file["sha256"], HEXLOWER.encode(&Sha256::digest(&got)), "{kind}");
    }
}
