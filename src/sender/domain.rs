//! What the DNS says of a domain that mail comes to and leaves from, and what others will make of it.

use std::time::Duration;

use super::{LookupError, MailExchanger, Resolver, SigningKey};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// As it should be.
    Fine,
    /// Worth a look: some mail may be distrusted, or it is not known.
    Doubtful,
    /// Mail is lost or refused.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `mx`, `spf`, `dkim`, `dmarc`.
    pub name: &'static str,
    /// How much it matters.
    pub weight: Weight,
    /// In words.
    pub detail: String,
}

impl Finding {
    /// A finding.
    pub fn new(name: &'static str, weight: Weight, detail: impl Into<String>) -> Self {
        Self { name, weight, detail: detail.into() }
    }
}

/// Looks a domain (ASCII) up; `keys` are those that sign its mail. All questions are asked at once, none for longer than
/// a few seconds.
pub async fn examine(resolver: &Resolver, domain: &str, keys: &[SigningKey]) -> Vec<Finding> {
    let keys: Vec<_> = keys.iter().filter(|key| key.domain().eq_ignore_ascii_case(domain)).collect();
    let (mx, spf, dmarc, dkim) = tokio::join!(
        in_time(resolver.mail_exchangers(domain)),
        in_time(resolver.texts(domain)),
        policy(resolver, domain),
        published(resolver, &keys),
    );
    vec![judge_mx(domain, mx), judge_spf(domain, spf), judge_dkim(domain, dkim), judge_dmarc(domain, dmarc)]
}

async fn in_time<T>(asked: impl Future<Output = Result<Vec<T>, LookupError>>) -> Result<Vec<T>, LookupError> {
    let late = || LookupError::Trouble("no answer in time".into());
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or_else(|_| Err(late()))
}

/// The domain's own policy, or else that of the domain above it (RFC 7489 §6.6.3, without the list of public suffixes).
async fn policy(resolver: &Resolver, domain: &str) -> Result<Vec<String>, LookupError> {
    let own = in_time(resolver.texts(&format!("_dmarc.{domain}"))).await;
    let above = domain.split_once('.').map(|(_, above)| above).filter(|above| above.contains('.'));
    match (&own, above) {
        (Ok(texts), Some(above)) if !texts.iter().any(|text| is_record(text, "v=dmarc1")) => {
            in_time(resolver.texts(&format!("_dmarc.{above}"))).await
        }
        (Err(LookupError::NoSuchName), Some(above)) => {
            in_time(resolver.texts(&format!("_dmarc.{above}"))).await
        }
        _ => own,
    }
}

/// Each key's record name, and whether the DNS has it.
async fn published(resolver: &Resolver, keys: &[&SigningKey]) -> Result<Vec<(String, bool)>, LookupError> {
    let mut found = Vec::new();
    for key in keys {
        let there = match in_time(resolver.texts(&key.record_name())).await {
            Ok(texts) => texts.iter().any(|text| key.is_published_by(text)),
            Err(LookupError::NoSuchName) => false,
            Err(error) => return Err(error),
        };
        found.push((key.record_name(), there));
    }
    Ok(found)
}

fn judge_mx(domain: &str, found: Result<Vec<MailExchanger>, LookupError>) -> Finding {
    let (weight, detail) = match found {
        Err(LookupError::NoSuchName) => (Weight::Broken, format!("there is no domain {domain}")),
        Err(error) => (Weight::Doubtful, format!("MX of {domain} not looked up: {error}")),
        Ok(hosts) if hosts.is_empty() => {
            (Weight::Doubtful, format!("{domain} has no MX: senders try its own address"))
        }
        Ok(hosts) if hosts.iter().any(|mx| mx.host.is_empty()) => {
            (Weight::Broken, format!("{domain} says that it takes no mail (null MX)"))
        }
        Ok(mut hosts) => {
            hosts.sort_by_key(|mx| mx.preference);
            let hosts: Vec<_> = hosts.into_iter().map(|mx| mx.host).collect();
            (Weight::Fine, format!("mail for {domain} comes to {}", hosts.join(", ")))
        }
    };
    Finding::new("mx", weight, detail)
}

fn judge_spf(domain: &str, found: Result<Vec<String>, LookupError>) -> Finding {
    let records = match found {
        Ok(texts) => texts.into_iter().filter(|text| is_record(text, "v=spf1")).collect(),
        Err(LookupError::NoSuchName) => Vec::new(),
        Err(error) => {
            return Finding::new("spf", Weight::Doubtful, format!("SPF of {domain} not looked up: {error}"));
        }
    };
    let (weight, detail) = match records.as_slice() {
        [] => (Weight::Doubtful, format!("{domain} has no SPF record: nobody knows who may send for it")),
        [one] if one.to_lowercase().split_whitespace().any(|term| matches!(term, "all" | "+all")) => {
            (Weight::Doubtful, format!("SPF of {domain} lets everybody send for it: {one}"))
        }
        [one] => (Weight::Fine, format!("SPF of {domain}: {one}")),
        many => (Weight::Broken, format!("{domain} has {} SPF records, which is an error", many.len())),
    };
    Finding::new("spf", weight, detail)
}

fn judge_dkim(domain: &str, found: Result<Vec<(String, bool)>, LookupError>) -> Finding {
    let (weight, detail) = match found {
        Err(error) => (Weight::Doubtful, format!("DKIM of {domain} not looked up: {error}")),
        Ok(keys) if keys.is_empty() => {
            (Weight::Doubtful, format!("no key under [[dkim]] is for {domain}: we don't sign its mail"))
        }
        Ok(keys) => match keys.iter().find(|(_, there)| !there) {
            Some((name, _)) => (Weight::Broken, format!("{name} is not published: signatures fail")),
            None => (Weight::Fine, format!("mail is signed for {domain}")),
        },
    };
    Finding::new("dkim", weight, detail)
}

fn judge_dmarc(domain: &str, found: Result<Vec<String>, LookupError>) -> Finding {
    let records: Vec<_> = match found {
        Ok(texts) => texts.into_iter().filter(|text| is_record(text, "v=dmarc1")).collect(),
        Err(LookupError::NoSuchName) => Vec::new(),
        Err(error) => {
            let detail = format!("DMARC of {domain} not looked up: {error}");
            return Finding::new("dmarc", Weight::Doubtful, detail);
        }
    };
    let (weight, detail) = match records.as_slice() {
        [] => (Weight::Doubtful, format!("{domain} has no DMARC record: large providers may distrust it")),
        [one] => (Weight::Fine, format!("DMARC of {domain}: {one}")),
        many => (Weight::Doubtful, format!("{domain} has {} DMARC records: none counts", many.len())),
    };
    Finding::new("dmarc", weight, detail)
}

/// Whether a text is a record of this version, and not one that only begins like it.
fn is_record(text: &str, version: &str) -> bool {
    let text = text.trim_start().to_lowercase();
    let rest = text.strip_prefix(version);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ';']))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::sender::Zone;

    async fn weights(zone: Zone, domain: &str) -> Vec<(&'static str, Weight)> {
        let found = examine(&Resolver::Fixed(Arc::new(zone)), domain, &[]).await;
        found.into_iter().map(|finding| (finding.name, finding.weight)).collect()
    }

    #[tokio::test]
    async fn domains_are_judged_as_others_judge_them() {
        use Weight::{Broken, Doubtful, Fine};
        let good = || Zone::default().mx("shop.test", 10, "mx.shop.test").text("shop.test", "v=spf1 mx -all");
        let dmarc = |zone: Zone, name: &str| zone.text(name, "v=DMARC1; p=reject");
        for (zone, domain, want) in [
            (dmarc(good(), "_dmarc.shop.test"), "shop.test", [Fine, Fine, Doubtful, Fine]),
            (good().text("shop.test", "v=spf1 -all"), "shop.test", [Fine, Broken, Doubtful, Doubtful]),
            (good().text("shop.test", "v=spf10 x"), "shop.test", [Fine, Fine, Doubtful, Doubtful]),
            (
                Zone::default().mx("shop.test", 0, "").text("shop.test", "v=spf1 +all"),
                "shop.test",
                [Broken, Doubtful, Doubtful, Doubtful],
            ),
            (Zone::default(), "gone.test", [Broken, Doubtful, Doubtful, Doubtful]),
            (good().broken("shop.test"), "shop.test", [Doubtful, Doubtful, Doubtful, Doubtful]),
            (
                dmarc(Zone::default().mx("help.shop.test", 1, "mx.shop.test"), "_dmarc.shop.test"),
                "help.shop.test",
                [Fine, Doubtful, Doubtful, Fine],
            ),
        ] {
            let found = weights(zone, domain).await;
            let want: Vec<_> = ["mx", "spf", "dkim", "dmarc"].into_iter().zip(want).collect();
            assert_eq!(found, want, "{domain}");
        }
    }
}
