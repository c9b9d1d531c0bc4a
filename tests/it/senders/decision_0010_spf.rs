//! Decision 0010, proved: records that RFC 7208 judges one way, and mail-auth another.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use mail_auth::common::parse::TxtRecordParser as _;
use mail_auth::hickory_resolver::config::{ResolverConfig, ResolverOpts};
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::spf::Spf;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    DnsError, DnssecStatus, Error, MX, MessageAuthenticator, Parameters, RecordSet, ResolverCache, Txt,
};
use postdesk::model::Authority;
use postdesk::sender::{Resolver, Zone, spf};

/// Answers by name; what is not there is not asked for elsewhere.
struct Known<K, V>(HashMap<K, V>, V);

impl<K: Hash + Eq, V: Clone> ResolverCache<K, V> for Known<K, V> {
    fn get<Q>(&self, name: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Some(self.0.get(name).unwrap_or(&self.1).clone())
    }

    fn remove<Q>(&self, _: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: K, _: V, _: Instant) {}
}

fn set<T>(all: Vec<T>) -> RecordSet<T> {
    RecordSet { rrset: all.into(), dnssec_status: DnssecStatus::Indeterminate }
}

/// mail-auth's word for a sender of `a.example` at `192.0.2.1`, with these texts, and these names of the address.
async fn by_mail_auth(texts: &[(&str, &str)], names: &[&str]) -> String {
    let mut txt = HashMap::new();
    for (name, text) in texts {
        // The first that can be read, as its own look-up takes it.
        txt.entry(format!("{name}.").into_boxed_str()).or_insert_with(|| {
            Spf::parse(text.as_bytes()).map_or_else(Txt::Error, |spf| Txt::Spf(Arc::new(spf)))
        });
    }
    let none = Txt::Error(Error::Dns(DnsError::RecordNotFound(ResponseCode::NXDomain)));
    let (txt, ip) = (Known(txt, none), IpAddr::from([192, 0, 2, 1]));
    let pointers = names.iter().map(|name| format!("{name}.").into_boxed_str()).collect();
    let pointers = Known(HashMap::from([(ip, set::<Box<str>>(pointers))]), set(vec![]));
    let parameters = Parameters {
        params: SpfParameters::verify_mail_from(ip, "a.example", "desk.test", "jo@a.example"),
        cache_txt: Some(&txt),
        cache_mx: Some(&Known::<Box<str>, RecordSet<MX>>(HashMap::new(), set(vec![]))),
        cache_ptr: Some(&pointers),
        cache_ipv4: Some(&Known::<Box<str>, RecordSet<Ipv4Addr>>(HashMap::new(), set(vec![]))),
        cache_ipv6: Some(&Known::<Box<str>, RecordSet<Ipv6Addr>>(HashMap::new(), set(vec![]))),
    };
    let authenticator = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default());
    authenticator.expect("it asks nobody").check_host(parameters).await.result().to_string().to_lowercase()
}

async fn by_us(texts: &[(&str, &str)], names: &[&str]) -> Authority {
    let zone = texts.iter().fold(Zone::default(), |zone, (name, text)| zone.text(name, text));
    let zone = names.iter().fold(zone, |zone, name| zone.pointer("1.2.0.192.in-addr.arpa", name));
    spf::check(&Resolver::Fixed(Arc::new(zone)), [192, 0, 2, 1].into(), "a.example", "jo@a.example")
        .await
        .result
}

#[tokio::test]
async fn mail_auth_lets_pass_what_the_rfc_does_not() {
    for (what, texts, names, want) in [
        (
            "§4.5: two records",
            vec![("a.example", "v=spf1 +all"), ("a.example", "v=spf1 -all")],
            vec![],
            Authority::Permerror,
        ),
        (
            "§4.6.4: three look-ups that find nothing",
            vec![("a.example", "v=spf1 exists:x.a.example exists:y.a.example exists:z.a.example +all")],
            vec![],
            Authority::Permerror,
        ),
        (
            "§7.1: a name without a top-level domain",
            vec![("a.example", "v=spf1 a:museum +all")],
            vec![],
            Authority::Permerror,
        ),
    ] {
        assert_eq!(by_us(&texts, &names).await, want, "{what}");
        assert_ne!(
            by_mail_auth(&texts, &names).await,
            want.as_str(),
            "{what}: mail-auth is as good, and may do it"
        );
    }
}
