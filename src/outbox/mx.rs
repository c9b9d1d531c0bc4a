//! Which hosts take a domain's mail (RFC 5321 §5.1), by what the DNS says.

use crate::sender::{LookupError, MailExchanger};

use super::judge::{BAD_DOMAIN, Ending, NULL_MX};
use super::line::Step;
use super::talk::trouble;

/// Most hosts that one try asks.
const MOST: usize = 5;

/// The hosts in the order they are asked: better ones first, equally good ones as chance (`random`) has it.
///
/// # Errors
/// When there is no such domain, when it takes no mail (RFC 7505), or when the DNS is in trouble.
pub(super) fn hosts(
    domain: &str,
    answer: Result<Vec<MailExchanger>, LookupError>,
    mut random: impl FnMut() -> u64,
) -> Step<Vec<String>> {
    let mut exchangers = match answer {
        Ok(exchangers) => exchangers,
        Err(LookupError::NoSuchName) => {
            return Err(Ending::Nowhere(BAD_DOMAIN, format!("the domain {domain} does not exist")));
        }
        Err(LookupError::Trouble(words)) => return Err(trouble(&format!("MX of {domain}: {words}"))),
    };
    if exchangers.is_empty() {
        return Ok(vec![domain.to_owned()]);
    }
    exchangers.retain(|exchanger| !exchanger.host.is_empty());
    if exchangers.is_empty() {
        return Err(Ending::Nowhere(NULL_MX, format!("the domain {domain} takes no mail (null MX)")));
    }
    exchangers.sort_by_cached_key(|exchanger| (exchanger.preference, random()));
    let mut hosts: Vec<String> = exchangers.into_iter().map(|exchanger| exchanger.host).collect();
    hosts.dedup();
    hosts.truncate(MOST);
    Ok(hosts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mx(list: &[(u16, &str)]) -> Result<Vec<MailExchanger>, LookupError> {
        let exchanger = |(preference, host): &(u16, &str)| MailExchanger {
            preference: *preference,
            host: (*host).to_owned(),
        };
        Ok(list.iter().map(exchanger).collect())
    }

    #[test]
    fn hosts_come_in_order() {
        let many: Vec<_> = (1..9).map(|n| (n, ["a", "b", "c", "d"][usize::from(n) % 4])).collect();
        let nowhere = |code, words: &str| Err(Ending::Nowhere(code, words.to_owned()));
        for (answer, want) in [
            (mx(&[(20, "b"), (10, "a"), (30, "c")]), Ok(vec!["a", "b", "c"])),
            (mx(&[(10, "a"), (10, "b"), (5, "z")]), Ok(vec!["z", "b", "a"])),
            (mx(&[(10, "a"), (20, "a")]), Ok(vec!["a"])),
            (mx(&many), Ok(vec!["b", "c", "d", "a", "b"])),
            (mx(&[]), Ok(vec!["shop.test"])),
            (mx(&[(0, "")]), nowhere(NULL_MX, "the domain shop.test takes no mail (null MX)")),
            (mx(&[(0, ""), (10, "a")]), Ok(vec!["a"])),
            (Err(LookupError::NoSuchName), nowhere(BAD_DOMAIN, "the domain shop.test does not exist")),
            (Err(LookupError::Trouble("SERVFAIL".into())), Err(trouble("MX of shop.test: SERVFAIL"))),
        ] {
            // Chance turns every order round.
            let mut chance = 100;
            let hosts = hosts("shop.test", answer.clone(), || {
                chance -= 1;
                chance
            });
            let want = want.map(|hosts| hosts.into_iter().map(str::to_owned).collect());
            assert_eq!(hosts, want, "{answer:?}");
        }
    }
}
