//! DMARC at the door (RFC 9989): which domain answers for the author's, and what is near enough to it.

use postdesk::clock::Ids;
use postdesk::config::DkimKey;
use postdesk::model::Authority;
use postdesk::sender::{Signers, SigningKey, Zone, new_ed25519};

use super::desk::{behind_a_proxy, send};
use crate::support::app::{MONDAY_MORNING, SUPPORT};
use crate::support::{App, Engine};

/// Who may send for every reverse-path here.
const IP: &str = "198.51.100.7";

/// What is tried | domain of `From` | of the reverse-path, which passes SPF | of a signature, which holds | policies,
/// each below `_dmarc.` of the name in front of it | DMARC's result, and a star where the sender is believed. Each line
/// has names of its own.
const CASES: &str = "
§4.10.2: the same by SPF | a1.example | a1.example | | a1.example v=DMARC1; p=reject | pass *
the same by DKIM alone, forwarded | a2.example | evil.example | a2.example | a2.example v=DMARC1; p=reject | pass *
by neither | a3.example | evil.example | | a3.example v=DMARC1; p=reject | fail
by neither, which the domain doesn't mind | a4.example | evil.example | | a4.example v=DMARC1; p=none | fail
a stranger's signature | a5.example | evil.example | evil.example | a5.example v=DMARC1; p=none | fail
§3.2.10.1: SPF of a name below, relaxed | a6.example | b.a6.example | | a6.example v=DMARC1; p=reject | pass *
the same, strict | a7.example | b.a7.example | | a7.example v=DMARC1; p=reject; aspf=s | fail
§3.2.10.2: DKIM of a name beside, relaxed | n.a8.example | evil.example | m.a8.example | a8.example v=DMARC1; p=reject; adkim=r | pass *
the same, strict | n.a9.example | evil.example | m.a9.example | a9.example v=DMARC1; p=reject; adkim=s | fail
strict for SPF alone | b1.example | b.b1.example | m.b1.example | b1.example v=DMARC1; p=reject; aspf=s | pass *
another name that ends the same | b2.example | notb2.example | | b2.example v=DMARC1; p=reject | fail
the same in other letters | bücher.example | xn--bcher-kva.example | | xn--bcher-kva.example v=DMARC1; p=reject | pass *
the same in capitals | B3.Example | b3.example | | b3.example v=DMARC1; p=reject | pass *
§4.10.1: the domain above answers | h.c1.example | evil.example | | c1.example v=DMARC1; p=none; sp=reject; np=reject | fail
and for its own | h.c2.example | c2.example | | c2.example v=DMARC1; p=none; sp=reject; np=reject | pass *
the own record comes first | h.c3.example | c3.example | | h.c3.example v=DMARC1; p=reject; aspf=s / c3.example v=DMARC1; p=none | fail
§4.10.2: one organisation below a public suffix | a.shop.bank1 | b.shop.bank1 | | bank1 v=DMARC1; p=reject; psd=y | pass *
two of them | shop.bank2 | other.bank2 | | bank2 v=DMARC1; p=reject; psd=y | fail
the suffix itself | shop.co.bank3 | co.bank3 | | co.bank3 v=DMARC1; p=reject; psd=y | fail
psd=n ends the walk | x.d.c4.example | y.c4.example | | d.c4.example v=DMARC1; p=reject; psd=n / c4.example v=DMARC1; p=reject | fail
both below psd=n | x.d.c5.example | y.d.c5.example | | d.c5.example v=DMARC1; p=reject; psd=n / c5.example v=DMARC1; p=reject | pass *
§4.10: of twelve labels, eleven and eight are not asked | a.b.c.d.e.f.g.h.i.j.k.example | k.example | | b.c.d.e.f.g.h.i.j.k.example v=DMARC1; p=reject; psd=n / e.f.g.h.i.j.k.example v=DMARC1; p=reject; psd=n / k.example v=DMARC1; p=reject | pass *
seven are | a.b.c.d.e.f.g.h.i.j.m.example | m.example | | f.g.h.i.j.m.example v=DMARC1; p=reject; psd=n / m.example v=DMARC1; p=reject | fail
nobody answers | h.c6.example | c6.example | | | none *
nobody answers for a stranger | h.c7.example | evil.example | | | none
§4.7: a policy on trial proves as much as another | d1.example | evil.example | | d1.example v=DMARC1; p=reject; t=y | fail
tags of RFC 7489 that are none any more | d2.example | evil.example | | d2.example v=DMARC1; p=reject; pct=0; rf=afrf; ri=1 | fail
two records are none | d3.example | d3.example | | d3.example v=DMARC1; p=reject / d3.example v=DMARC1; p=none | none *
a record of another version is none | d4.example | evil.example | | d4.example v=DMARC2; p=reject | none
and no second one | d5.example | evil.example | | d5.example v=DMARC10; p=none / d5.example v=DMARC1; p=reject | fail
blanks around the version | d6.example | evil.example | | d6.example v = DMARC1 ; p=reject | fail
no policy, but somebody to report to | d7.example | evil.example | | d7.example v=DMARC1; rua=mailto:r@d7.example | fail
a policy nobody knows | d8.example | evil.example | | d8.example v=DMARC1; p=maybe | none
a value nobody knows counts for nothing | d9.example | b.d9.example | | d9.example v=DMARC1; p=reject; aspf=q; x=y | pass *
";

/// RFC 9989. Whatever the policies ask for, the mail is taken.
#[tokio::test]
async fn who_is_proved_is_what_the_policies_say() {
    let cases: Vec<[&str; 6]> = CASES
        .lines()
        .filter(|line| !line.is_empty())
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>().try_into().expect("six columns"))
        .collect();
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("key.pem");
    std::fs::write(&file, new_ed25519(&Ids::seeded(9))).expect("it writes");
    let key_of =
        |domain: &str| DkimKey { domain: domain.into(), selector: "s".into(), key: file.clone(), sign: true };
    let mut zone = Zone::default().text("evil.example", &format!("v=spf1 ip4:{IP} -all"));
    for [_, _, path, signer, policies, _] in &cases {
        if *path != "evil.example" {
            zone = zone.text(path, &format!("v=spf1 ip4:{IP} -all"));
        }
        if !signer.is_empty() {
            let key = SigningKey::load(&key_of(signer)).expect("a good key");
            zone = zone.text(&key.record_name(), &key.record());
        }
        for (name, policy) in policies.split(" / ").filter_map(|policy| policy.split_once(' ')) {
            zone = zone.text(&format!("_dmarc.{name}"), policy);
        }
    }
    let app = App::start_in(Engine::Sqlite, zone, behind_a_proxy).await;
    let mut wrong = Vec::new();
    for [what, author, path, signer, _, want] in cases {
        let raw =
            format!("From: Jo <jo@{author}>\r\nTo: {SUPPORT}\r\nSubject: x\r\n\r\nHi.\r\n").into_bytes();
        let signers =
            Signers::load(&[key_of(if signer.is_empty() { author } else { signer })]).expect("a key");
        let raw =
            if signer.is_empty() { raw } else { signers.sign(raw, &format!("x@{signer}"), MONDAY_MORNING) };
        let found = send(&app, IP, &format!("jo@{path}"), SUPPORT, &raw).await.authentication;
        assert_eq!(found.spf, Authority::Pass, "{what}");
        assert_eq!(found.dkim == Authority::Pass, !signer.is_empty(), "{what}: {found:?}");
        let got = format!("{}{}", found.dmarc, if found.is_verified() { " *" } else { "" });
        if got != want {
            wrong.push(format!("{what}: {got}, not {want}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
