//! What a domain demands of those who bring it mail (MTA-STS, RFC 8461): its record and its policy, read.

use std::time::Duration;

use mail_auth::common::parse::TxtRecordParser as _;
use mail_auth::mta_sts::MtaSts;

/// Longest time a policy is kept (RFC 8461 §3.2).
const LONGEST: Duration = Duration::from_secs(31_557_600);

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Policy {
    /// How much it is meant.
    pub mode: Mode,
    /// How long it holds.
    pub max_age: Duration,
    mx: Vec<String>,
}

/// What follows when a server is not as the policy has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// It gets no mail.
    Enforce,
    /// It is noted.
    Testing,
    /// Nothing: there is no policy any more.
    None,
}

impl Policy {
    /// Reads a policy; `Err` says what is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        let fields: Vec<_> = fields.map(|(name, value)| (name.trim(), value.trim())).collect();
        let first = |wanted| fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        if first("version") != Some("STSv1") {
            return Err("it has no version STSv1");
        }
        let mode = match first("mode") {
            Some("enforce") => Mode::Enforce,
            Some("testing") => Mode::Testing,
            Some("none") => Mode::None,
            _ => return Err("its mode is none of enforce, testing, none"),
        };
        let seconds = first("max_age").and_then(|age| age.parse().ok()).ok_or("it has no max_age")?;
        let names = fields.iter().filter(|(name, _)| *name == "mx");
        let mx: Vec<_> = names.map(|(_, name)| name.trim_end_matches('.').to_ascii_lowercase()).collect();
        if mx.is_empty() && mode != Mode::None {
            return Err("it names no mx");
        }
        Ok(Self { mode, max_age: LONGEST.min(Duration::from_secs(seconds)), mx })
    }

    /// Whether it names this host (RFC 8461 §4.1): `*` stands for one label at the left.
    pub(super) fn allows(&self, host: &str) -> bool {
        let behind_label = host.split_once('.').map(|(_, rest)| rest);
        self.mx.iter().any(|name| match name.strip_prefix("*.") {
            Some(rest) => behind_label == Some(rest),
            None => name == host,
        })
    }
}

/// The id of a domain's policy, by the texts at `_mta-sts`; `None` when it has none, or says so in two voices.
pub(super) fn policy_id(texts: &[String]) -> Option<String> {
    let mut records = texts.iter().filter(|text| text.starts_with("v=STSv1"));
    let record = records.next().filter(|_| records.next().is_none())?;
    MtaSts::parse(record.as_bytes()).ok().map(|record| record.id).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read() {
        let read = |mode, seconds, mx: &[&str]| {
            let mx = mx.iter().map(|&name| name.to_owned()).collect();
            Ok(Policy { mode, max_age: Duration::from_secs(seconds), mx })
        };
        let enforce =
            "version: STSv1\r\nmode: enforce\r\nmx: Mail.shop.test\r\nmx: *.shop.test\r\nmax_age: 604800\r\n";
        for (text, want) in [
            (enforce, read(Mode::Enforce, 604_800, &["mail.shop.test", "*.shop.test"])),
            ("version:STSv1\nmax_age:1\nmode:testing\nmx:a\nmx:b", read(Mode::Testing, 1, &["a", "b"])),
            ("version: STSv1\nmode: none\nmax_age: 0", read(Mode::None, 0, &[])),
            (
                "version: STSv1\nmode: enforce\nmode: none\nmx: a\nodd: x: y\nmax_age: 99999999999",
                read(Mode::Enforce, 31_557_600, &["a"]),
            ),
            ("mode: enforce\nmx: a\nmax_age: 1", Err("it has no version STSv1")),
            ("version: STSv2\nmode: enforce\nmx: a\nmax_age: 1", Err("it has no version STSv1")),
            (
                "version: STSv1\nmode: report\nmx: a\nmax_age: 1",
                Err("its mode is none of enforce, testing, none"),
            ),
            ("version: STSv1\nmode: enforce\nmx: a\nmax_age: -1", Err("it has no max_age")),
            ("version: STSv1\nmode: enforce\nmax_age: 1", Err("it names no mx")),
            ("<html>", Err("it has no version STSv1")),
        ] {
            assert_eq!(Policy::read(text), want, "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_one_label() {
        let policy =
            Policy::read("version: STSv1\nmode: enforce\nmax_age: 1\nmx: mail.a.test\nmx: *.b.test").unwrap();
        for (host, want) in [
            ("mail.a.test", true),
            ("mx.a.test", false),
            ("mx.b.test", true),
            ("b.test", false),
            ("a.mx.b.test", false),
        ] {
            assert_eq!(policy.allows(host), want, "{host}");
        }
    }

    #[test]
    fn a_record_names_the_policy() {
        for (texts, want) in [
            (&["v=STSv1; id=20260302T0900;"][..], Some("20260302T0900")),
            (&["v=spf1 -all", "v=STSv1;id=1"], Some("1")),
            (&["v=STSv1; id=1", "v=STSv1; id=2"], None),
            (&["v=STSv1;"], None),
            (&["v=STSv2; id=1"], None),
            (&[], None),
        ] {
            let texts: Vec<_> = texts.iter().map(|&text| text.to_owned()).collect();
            assert_eq!(policy_id(&texts).as_deref(), want, "{texts:?}");
        }
    }
}
