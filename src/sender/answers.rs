//! What the DNS said, in the form mail-auth reads: all of a mail's questions are asked by our own [`Resolver`], at once,
//! and mail-auth itself asks nobody.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::join_all;
use mail_auth::common::parse::TxtRecordParser;
use mail_auth::common::verify::DomainKey;
use mail_auth::dmarc::Dmarc;
use mail_auth::hickory_resolver::proto::op::ResponseCode;
use mail_auth::{DnsError, Error, MX, Parameters, RecordSet, ResolverCache, Txt};

use super::{LookupError, Resolver};

/// Most names that are asked for one mail: who signs it a hundred times gets no hundred look-ups.
const MOST_NAMES: usize = 40;
/// Most names of a tree walk (RFC 9989 §4.10).
const LONGEST_WALK: usize = 8;

/// What a check of mail-auth is called with.
type Asking<'a, P> = Parameters<
    'a,
    P,
    Answers,
    Nothing<Box<str>, MX>,
    Nothing<Box<str>, Ipv4Addr>,
    Nothing<Box<str>, Ipv6Addr>,
    Nothing<IpAddr, Box<str>>,
>;

/// Names that are to be asked, and what they hold.
#[derive(Default)]
pub struct Answers {
    asked: HashSet<String>,
    known: HashMap<Box<str>, Txt>,
}

impl Answers {
    /// A signature's key (RFC 6376 §3.6.2).
    pub fn want_key(&mut self, selector: &str, domain: &str) {
        self.want(format!("{selector}._domainkey.{domain}"));
    }

    /// The policies on the way from a domain to the root (RFC 9989 §4.10).
    pub fn want_policies(&mut self, domain: &str) {
        let domain = domain.to_lowercase();
        let labels: Vec<_> = domain.split('.').filter(|label| !label.is_empty()).collect();
        let shorter = (1..labels.len().min(LONGEST_WALK)).rev();
        for count in [labels.len()].into_iter().chain(shorter) {
            self.want(format!("_dmarc.{}", labels[labels.len() - count..].join(".")));
        }
    }

    fn want(&mut self, name: String) {
        if self.asked.len() < MOST_NAMES {
            self.asked.insert(name.to_lowercase());
        }
    }

    /// Asks for all that is wanted, at once.
    pub async fn ask(mut self, resolver: &Resolver) -> Self {
        let asked = self.asked.drain().map(async |name| {
            let said = said(&name, resolver.texts(&name).await);
            (format!("{name}.").into_boxed_str(), said)
        });
        self.known = join_all(asked).await.into_iter().collect();
        self
    }

    /// The parameters of a check that asks nobody.
    pub fn to<P>(&self, what: P) -> Asking<'_, P> {
        Parameters {
            params: what,
            cache_txt: Some(self),
            cache_mx: Some(&Nothing::NEW),
            cache_ptr: Some(&Nothing::NEW),
            cache_ipv4: Some(&Nothing::NEW),
            cache_ipv6: Some(&Nothing::NEW),
        }
    }
}

impl ResolverCache<Box<str>, Txt> for Answers {
    fn get<Q>(&self, name: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Some(self.known.get(name).cloned().unwrap_or_else(|| Txt::Error(not_found(ResponseCode::NoError))))
    }

    fn remove<Q>(&self, _: &Q) -> Option<Txt>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
}

/// Records of a kind that no check here needs: there are none.
pub struct Nothing<K, T>(std::marker::PhantomData<fn() -> (K, T)>);

impl<K, T> Nothing<K, T> {
    const NEW: Self = Self(std::marker::PhantomData);
}

impl<K, T> ResolverCache<K, RecordSet<T>> for Nothing<K, T> {
    fn get<Q>(&self, _: &Q) -> Option<RecordSet<T>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        Some(RecordSet { rrset: Arc::new([]), dnssec_status: mail_auth::DnssecStatus::Indeterminate })
    }

    fn remove<Q>(&self, _: &Q) -> Option<RecordSet<T>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        None
    }

    fn insert(&self, _: K, _: RecordSet<T>, _: Instant) {}
}

/// What a name holds of what it is asked for.
fn said(name: &str, texts: Result<Vec<String>, LookupError>) -> Txt {
    let texts = match texts {
        Ok(texts) => texts,
        Err(LookupError::NoSuchName) => return Txt::Error(not_found(ResponseCode::NXDomain)),
        Err(LookupError::Trouble(why)) => return Txt::Error(Error::Dns(DnsError::Resolver(why))),
    };
    let none = || Txt::Error(not_found(ResponseCode::NoError));
    if name.starts_with("_dmarc.") {
        // Two of them are none (RFC 9989 §4.7).
        let mut policies = texts.iter().filter_map(|text| policy(text));
        return match (policies.next(), policies.next()) {
            (Some(policy), None) => policy.into(),
            _ => none(),
        };
    }
    let key = texts.iter().map(|text| DomainKey::parse(text.as_bytes()));
    match key.reduce(|first, next| first.or(next)) {
        Some(Ok(key)) => key.into(),
        Some(Err(error)) => Txt::Error(error),
        None => none(),
    }
}

/// A record that says it is of DMARC; what nobody can read in it counts for nothing (RFC 9989 §4.7).
fn policy(text: &str) -> Option<Dmarc> {
    let (version, tags) = text.split_once(';').unwrap_or((text, ""));
    let with = |tags: &str| Dmarc::parse(format!("{version};{tags}").as_bytes()).ok();
    let readable: Vec<_> = tags.split(';').filter(|tag| with(tag).is_some()).collect();
    with(&readable.join(";"))
}

fn not_found(code: ResponseCode) -> Error {
    Error::Dns(DnsError::RecordNotFound(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9989 §4.10: whatever the number of labels, a walk asks for eight names at most.
    #[test]
    fn a_walk_is_short() {
        for (domain, most) in [("example", 1), ("jo.shop.example", 3), ("a.b.c.d.e.f.g.example", 8)] {
            let mut answers = Answers::default();
            answers.want_policies(domain);
            assert_eq!(answers.asked.len(), most, "{domain}");
        }
        let mut answers = Answers::default();
        answers.want_policies("a.b.c.d.e.f.g.h.i.j.k.Example.");
        let mut asked: Vec<_> = answers.asked.iter().map(|name| name.matches('.').count()).collect();
        asked.sort_unstable();
        assert_eq!(asked, [1, 2, 3, 4, 5, 6, 7, 12]);
        (0..100).for_each(|n| answers.want_policies(&format!("a{n}.example")));
        assert_eq!(answers.asked.len(), MOST_NAMES);
    }
}
