//! Mail that somebody passed on, with their seals on it (RFC 8617): whose word for the author counts.

use std::path::Path;

use mail_auth::arc::ArcSealer;
use mail_auth::common::crypto::Ed25519Key;
use mail_auth::common::headers::HeaderWriter as _;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::{
    AuthenticatedMessage, AuthenticationResults, DmarcOutput, DmarcResult, Error, MessageAuthenticator,
    Parameters,
};
use postdesk::clock::Ids;
use postdesk::config::DkimKey;
use postdesk::model::Authority::{self, Fail, None as Nothing, Pass};
use postdesk::sender::{SigningKey, new_ed25519};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

use super::desk::{JO, LIST_IP, behind_a_proxy, send, zone};
use crate::dkim::Zone as Keys;
use crate::support::app::SUPPORT;
use crate::support::{App, Engine};

const MAIL: &str = "From: Jo <jo@example.org>\r\nTo: support@desk.test\r\nSubject: Lamp\r\n\r\nIt broke.\r\n";
const LIST: &str = "list.example";
const OTHER: &str = "other.example";
const STRANGER: &str = "evil.example";

/// Who seals, and what they found of the author and of whom.
type Hop = (&'static str, bool, &'static str);

const GOOD: Hop = (LIST, true, "example.org");

fn key(directory: &Path, pem: &str, domain: &str) -> DkimKey {
    let key = directory.join("key.pem");
    std::fs::write(&key, pem).expect("it writes");
    DkimKey { domain: domain.into(), selector: "s".into(), key, sign: true }
}

/// The mail with one more seal on it, over these fields.
async fn sealed(mail: &str, keys: &Keys, pem: &str, fields: &[&str], (sealer, proved, of): Hop) -> String {
    let message = AuthenticatedMessage::parse(mail.as_bytes()).expect("a mail");
    let judge = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default());
    let parameters = Parameters::new(&message).with_txt_cache(keys);
    let chain = judge.expect("a resolver").verify_arc(parameters).await;
    let found = if proved { DmarcResult::Pass } else { DmarcResult::Fail(Error::NotAligned) };
    let found = DmarcOutput::default().with_domain(of).with_spf_result(found);
    let results = AuthenticationResults::new(sealer).with_dmarc_result(&found);
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).expect("PEM");
    let key = Ed25519Key::from_pkcs8_maybe_unchecked_der(der.secret_pkcs8_der()).expect("a key");
    let sealer = ArcSealer::from_key(key).domain(sealer).selector("s").headers(fields.iter().copied());
    sealer.seal(&message, &results, &chain).expect("it can be sealed").to_header() + mail
}

/// RFC 8617 §5.2, §7.2, §9: a chain that holds is recorded, and proves the author only where all its sealers are trusted.
#[tokio::test]
async fn a_seal_counts_for_those_who_trust_the_sealer() {
    let directory = tempfile::tempdir().expect("a directory");
    let pem = new_ed25519(&Ids::seeded(8));
    let settings = [LIST, OTHER, STRANGER].map(|domain| key(directory.path(), &pem, domain));
    let zone = || {
        settings
            .iter()
            .map(|settings| SigningKey::load(settings).expect("a good key"))
            .fold(zone(), |zone, key| zone.text(&key.record_name(), &key.record()))
    };
    let keys = Keys::of(&settings);
    let by_nobody = App::start_in(Engine::Sqlite, zone(), behind_a_proxy).await;
    let by_us = App::start_in(Engine::Sqlite, zone(), |config| {
        behind_a_proxy(config);
        config.smtp.trusted_sealers = vec!["List.example".into(), OTHER.into()];
    })
    .await;
    let as_it_is: fn(String) -> String = |mail| mail;
    let all = ["From", "To", "Subject"];
    let mut wrong = Vec::new();
    for (what, app, hops, fields, changed, arc, believed) in [
        ("no seal", &by_us, vec![], &all[..], as_it_is, Nothing, false),
        ("a good chain, and nobody is trusted", &by_nobody, vec![GOOD], &all, as_it_is, Pass, false),
        ("a good chain of a trusted sealer", &by_us, vec![GOOD], &all, as_it_is, Pass, true),
        ("two of them", &by_us, vec![GOOD, (OTHER, false, "example.org")], &all, as_it_is, Pass, true),
        (
            "the author was not proved",
            &by_us,
            vec![(LIST, false, "example.org")],
            &all,
            as_it_is,
            Pass,
            false,
        ),
        ("another was", &by_us, vec![(LIST, true, STRANGER)], &all, as_it_is, Pass, false),
        (
            "proved too late",
            &by_us,
            vec![(LIST, false, "example.org"), (OTHER, true, "example.org")],
            &all,
            as_it_is,
            Pass,
            false,
        ),
        ("a foreign sealer", &by_us, vec![(STRANGER, true, "example.org")], &all, as_it_is, Pass, false),
        (
            "a foreign sealer first",
            &by_us,
            vec![(STRANGER, true, "example.org"), GOOD],
            &all,
            as_it_is,
            Pass,
            false,
        ),
        (
            "a foreign sealer in between",
            &by_us,
            vec![GOOD, (STRANGER, true, "example.org"), (OTHER, true, "example.org")],
            &all,
            as_it_is,
            Pass,
            false,
        ),
        (
            "a foreign sealer last",
            &by_us,
            vec![GOOD, (STRANGER, true, "example.org")],
            &all,
            as_it_is,
            Pass,
            false,
        ),
        ("another body", &by_us, vec![GOOD], &all, |mail| mail.replace("It broke", "Pay me"), Fail, false),
        (
            "another seal",
            &by_us,
            vec![GOOD],
            &all,
            |mail| mail.replace("dmarc=pass", "dmarc=PASS"),
            Fail,
            false,
        ),
        (
            "the first seal gone",
            &by_us,
            vec![GOOD, GOOD],
            &all,
            |mail| mail.replace("ARC-Seal: i=1", "X-Seal: i=1"),
            Fail,
            false,
        ),
        ("From not sealed", &by_us, vec![GOOD], &all[1..], |mail| mail.replace("jo@", "ceo@"), Fail, false),
        (
            "a second subject",
            &by_us,
            vec![GOOD],
            &all,
            |mail| format!("Subject: Free\r\n{mail}"),
            Fail,
            false,
        ),
        (
            "a second From",
            &by_us,
            vec![GOOD],
            &all,
            |mail| format!("From: ceo@example.org\r\n{mail}"),
            Fail,
            false,
        ),
    ] {
        let mut mail = MAIL.to_owned();
        for hop in hops {
            mail = sealed(&mail, &keys, &pem, fields, hop).await;
        }
        let found = send(app, LIST_IP, JO, SUPPORT, changed(mail).as_bytes()).await.authentication;
        assert_eq!(found.spf, Fail, "{what}");
        let want: (Authority, Authority, bool) = (arc, if believed { Pass } else { Fail }, believed);
        if (found.arc, found.dmarc, found.is_verified()) != want {
            wrong.push(format!("{what}: {found:?}, not {want:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
