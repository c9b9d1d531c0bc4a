//! A domain's record (§4.5, §4.6, §5, §6), read whole: one wrong term, and none of it counts.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::Malformed;
use super::macros::MacroString;
use crate::model::Authority;

/// What a domain says of who may send its mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub directives: Vec<Directive>,
    /// Whose record to read when no directive matches.
    pub redirect: Option<MacroString>,
}

/// If the mechanism matches, this is the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    pub result: Authority,
    pub mechanism: Mechanism,
}

/// What may match. Without a domain, the record's own is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mechanism {
    All,
    Include(MacroString),
    A(Option<MacroString>, PrefixLengths),
    Mx(Option<MacroString>, PrefixLengths),
    Ptr(Option<MacroString>),
    Ip4(Ipv4Net),
    Ip6(Ipv6Net),
    Exists(MacroString),
}

/// How many bits of an address count, for each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixLengths {
    pub four: u8,
    pub six: u8,
}

impl Record {
    /// Whether a text is a record at all, good or bad (§4.5).
    pub fn is_one(text: &str) -> bool {
        text.split(' ').next().is_some_and(|version| version.eq_ignore_ascii_case("v=spf1"))
    }

    /// A text that [`Record::is_one`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut record = Self { directives: Vec::new(), redirect: None };
        let mut explained = false;
        for term in text.split(' ').skip(1).filter(|term| !term.is_empty()) {
            if !term.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Malformed);
            }
            match term.find([':', '/', '=']) {
                Some(at) if term.as_bytes()[at] == b'=' => {
                    let (name, value) = (&term[..at], &term[at + 1..]);
                    if name.eq_ignore_ascii_case("redirect") {
                        let target = MacroString::parse_domain(value)?;
                        if record.redirect.replace(target).is_some() {
                            return Err(Malformed);
                        }
                    } else if name.eq_ignore_ascii_case("exp") {
                        MacroString::parse_domain(value)?;
                        if std::mem::replace(&mut explained, true) {
                            return Err(Malformed);
                        }
                    } else {
                        unknown_modifier(name, value)?;
                    }
                }
                _ => record.directives.push(Directive::parse(term)?),
            }
        }
        Ok(record)
    }
}

impl Directive {
    fn parse(term: &str) -> Result<Self, Malformed> {
        let (result, rest) = match term.split_at_checked(1).ok_or(Malformed)? {
            ("+", rest) => (Authority::Pass, rest),
            ("-", rest) => (Authority::Fail, rest),
            ("~", rest) => (Authority::Softfail, rest),
            ("?", rest) => (Authority::Neutral, rest),
            _ => (Authority::Pass, term),
        };
        let (name, argument) = rest.split_at(rest.find([':', '/']).unwrap_or(rest.len()));
        let value = || argument.strip_prefix(':').ok_or(Malformed);
        let mechanism = match name.to_ascii_lowercase().as_str() {
            "all" if argument.is_empty() => Mechanism::All,
            "include" => Mechanism::Include(MacroString::parse_domain(value()?)?),
            "exists" => Mechanism::Exists(MacroString::parse_domain(value()?)?),
            "ptr" => Mechanism::Ptr(own_or_other(argument)?),
            "ip4" => {
                let (address, bits) = network(value()?, 32)?;
                let address: Ipv4Addr = address.parse().map_err(|_| Malformed)?;
                Mechanism::Ip4(Ipv4Net::new(address, bits).map_err(|_| Malformed)?)
            }
            "ip6" => {
                let (address, bits) = network(value()?, 128)?;
                let address: Ipv6Addr = address.parse().map_err(|_| Malformed)?;
                Mechanism::Ip6(Ipv6Net::new(address, bits).map_err(|_| Malformed)?)
            }
            kind @ ("a" | "mx") => {
                let (domain, lengths) = dual_prefix(argument)?;
                let domain = own_or_other(domain)?;
                if kind == "a" { Mechanism::A(domain, lengths) } else { Mechanism::Mx(domain, lengths) }
            }
            _ => return Err(Malformed),
        };
        Ok(Self { result, mechanism })
    }
}

/// Modifiers of later versions are let pass, as long as they are written as such (§6).
fn unknown_modifier(name: &str, value: &str) -> Result<(), Malformed> {
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if is_name { MacroString::parse(value, true).map(drop) } else { Err(Malformed) }
}

/// `:domain`, or nothing.
fn own_or_other(argument: &str) -> Result<Option<MacroString>, Malformed> {
    match argument.strip_prefix(':') {
        Some(domain) => MacroString::parse_domain(domain).map(Some),
        None if argument.is_empty() => Ok(None),
        None => Err(Malformed),
    }
}

/// `/24//64` at an argument's end (§5.6), and what stands in front of it.
fn dual_prefix(argument: &str) -> Result<(&str, PrefixLengths), Malformed> {
    let (rest, six) = match argument.rsplit_once("//").filter(|(_, bits)| is_number(bits)) {
        Some((rest, bits)) => (rest, prefix_length(bits, 128)?),
        None => (argument, 128),
    };
    let (rest, four) = match rest.rsplit_once('/').filter(|(_, bits)| is_number(bits)) {
        Some((rest, bits)) => (rest, prefix_length(bits, 32)?),
        None => (rest, 32),
    };
    Ok((rest, PrefixLengths { four, six }))
}

fn network(text: &str, most: u8) -> Result<(&str, u8), Malformed> {
    match text.split_once('/') {
        Some((address, bits)) => Ok((address, prefix_length(bits, most)?)),
        None => Ok((text, most)),
    }
}

fn prefix_length(bits: &str, most: u8) -> Result<u8, Malformed> {
    let has_zero_in_front = bits.len() > 1 && bits.starts_with('0');
    let length: u8 = bits.parse().map_err(|_| Malformed)?;
    if is_number(bits) && !has_zero_in_front && length <= most { Ok(length) } else { Err(Malformed) }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_of_this_version_are_records() {
        for (text, want) in [
            ("v=spf1", true),
            ("V=sPf1 -all", true),
            ("v=spf10", false),
            ("v=spf1-all", false),
            (" v=spf1", false),
        ] {
            assert_eq!(Record::is_one(text), want, "{text:?}");
        }
    }

    #[test]
    fn one_wrong_term_spoils_a_record() {
        for good in [
            "v=spf1",
            "v=spf1  -all ",
            "v=spf1 a mx:example.com/24//64 ptr ?include:%{d2} ~exists:%{i}.x.%{d} -ALL",
            "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 a/0//0 redirect=a.example exp=b.example new.mod-1=%{c}",
            "v=spf1 a:foo:bar/baz.example.com",
        ] {
            assert!(Record::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "-all.",
            "all:x",
            "all/8",
            "a:",
            "a/",
            "a/33",
            "a/08",
            "a//129",
            "a:museum",
            "a:1.2.3.4",
            "a/x",
            "mx:",
            "ptr/0",
            "ip4",
            "ip4:1.2.3",
            "ip4:1.2.3.256",
            "ip4:1.2.3.4/33",
            "ip4:1.2.3.4//32",
            "ip6::/0",
            "ip6:::1/129",
            "ip6:::1//33",
            "include",
            "include:",
            "include:a.example/24",
            "exists:",
            "exists:a.example/8",
            "redirect=",
            "redirect=a.example redirect=b.example",
            "exp=a.example exp=a.example",
            "moo",
            "-foo=x",
            "=x",
            "1a=x",
            "a\tmx",
            "a:example.\u{fffd}.com",
            "--all",
            "%{d}",
            "foo=%",
            "a:%{c}.example",
        ] {
            assert_eq!(Record::parse(&format!("v=spf1 {bad}")), Err(Malformed), "{bad}");
        }
    }
}
