//! STARTTLS (RFC 3207), TLS from the first byte, and a certificate that changes.

use std::path::Path;
use std::sync::Arc;

use postdesk::config::Tls;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::door::{Client, Door};

/// Writes a fresh certificate and key; gives the certificate.
pub(super) fn make_certificate(files: &Tls) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(["mx.shop.example".to_owned()]).unwrap();
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

pub(super) fn files(dir: &Path) -> Tls {
    Tls { certificate: dir.join("cert.pem"), key: dir.join("key.pem") }
}

pub(super) async fn open(dir: &Path) -> Door {
    Door::open(|smtp| {
        smtp.tls = Some(files(dir));
        smtp.listen_tls = vec!["127.0.0.1:0".parse().unwrap()];
    })
    .await
}

/// The handshake, by a client that trusts this one certificate.
pub(super) async fn secure(
    stream: TcpStream,
    certificate: &CertificateDer<'static>,
) -> std::io::Result<Client<TlsStream<TcpStream>>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("mx.shop.example").unwrap();
    Ok(Client::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
}

/// The answer to EHLO, without our name.
async fn offers_of<S: AsyncRead + AsyncWrite + Unpin>(client: &mut Client<S>) -> Vec<String> {
    client.send("EHLO client.example\r\n").await;
    client.whole_reply().await.split_off(1)
}

/// RFC 3207 §4.2, §6.
#[tokio::test]
async fn starttls_begins_the_session_anew() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = make_certificate(&files(dir.path()));
    let door = open(dir.path()).await;
    let mut client = door.connect().await;
    client.expect("220 *").await;
    client.ask("EHLO client.example", "250-mx.shop.example").await;
    client.expect("250 STARTTLS").await;
    client.begin_mail().await;
    // What stands behind STARTTLS in the same packet was not said in TLS, and is not obeyed (CVE-2011-0411).
    client.ask("STARTTLS\r\nNOOP\r\nQUIT", "220 2.0.0 *").await;
    let mut client = secure(client.stream, &certificate).await.unwrap();
    assert_eq!(client.try_expect_silence().await, Ok(()));
    client.ask("MAIL FROM:<a@client.example>", "503 5.5.1 *").await;
    client.ask("RCPT TO:<support@shop.example>", "503 5.5.1 *").await;
    client.ask("EHLO client.example", "250 DSN").await;
    client.ask("STARTTLS", "503 5.5.1 *").await;
    client.begin_mail().await;
    client.ask("DATA", "354 *").await;
    client.ask("Subject: one\r\n\r\none\r\n.", "250 2.0.0 accepted as *").await;
    client.ask("QUIT", "221 2.0.0 *").await;
}

/// RFC 3207 §4.1.
#[tokio::test]
async fn a_failed_handshake_ends_the_session() {
    let dir = tempfile::tempdir().unwrap();
    make_certificate(&files(dir.path()));
    let door = open(dir.path()).await;
    let mut client = door.client().await;
    client.ask("STARTTLS", "220 2.0.0 *").await;
    client.send("EHLO client.example\r\nMAIL FROM:<a@client.example>\r\n").await;
    let mut answer = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut client.stream, &mut answer).await;
    assert!(!answer.windows(3).any(|three| three == b"250"), "{}", answer.escape_ascii());
}

/// RFC 3207 §4.2: inside TLS, STARTTLS is not offered; RFC 4954 §4: nor is AUTH, which nobody here could use.
#[tokio::test]
async fn tls_is_offered_where_there_is_none_and_a_login_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let certificate = make_certificate(&files(dir.path()));
    let door = open(dir.path()).await;
    let mut plain = door.client().await;
    let mut offers = vec![offers_of(&mut plain).await];
    plain.ask("STARTTLS", "220 2.0.0 *").await;
    let mut upgraded = secure(plain.stream, &certificate).await.unwrap();
    offers.push(offers_of(&mut upgraded).await);
    let stream = TcpStream::connect(door.addresses.smtps[0]).await.unwrap();
    let mut from_the_start = secure(stream, &certificate).await.unwrap();
    from_the_start.expect("220 *").await;
    offers.push(offers_of(&mut from_the_start).await);
    for (offers, starttls) in offers.iter().zip([true, false, false]) {
        assert_eq!(offers.iter().any(|offer| offer == "STARTTLS"), starttls, "{offers:?}");
        assert!(!offers.iter().any(|offer| offer.starts_with("AUTH")), "{offers:?}");
    }
}

/// RFC 8314 §3, and a certificate that changes.
#[tokio::test]
async fn a_new_certificate_is_taken_without_dropping_sessions() {
    let dir = tempfile::tempdir().unwrap();
    let old = make_certificate(&files(dir.path()));
    let door = open(dir.path()).await;
    let address = door.addresses.smtps[0];
    let mut before = secure(TcpStream::connect(address).await.unwrap(), &old).await.unwrap();
    before.expect("220 *").await;

    std::fs::write(&files(dir.path()).key, "not a key").unwrap();
    assert!(door.listener.reload().is_err());
    let mut kept = secure(TcpStream::connect(address).await.unwrap(), &old).await.unwrap();
    kept.expect("220 *").await;

    let new = make_certificate(&files(dir.path()));
    door.listener.reload().unwrap();
    assert!(secure(TcpStream::connect(address).await.unwrap(), &old).await.is_err());
    let mut after = secure(TcpStream::connect(address).await.unwrap(), &new).await.unwrap();
    after.expect("220 *").await;
    after.ask("EHLO client.example", "250 DSN").await;
    before.ask("EHLO client.example", "250 DSN").await;
}
