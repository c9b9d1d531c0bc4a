//! Text with macros in it (§7), and what becomes of it in one evaluation.

use std::net::IpAddr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Malformed;

/// Characters of a name in the DNS, dots between its labels among them.
const LONGEST_NAME: usize = 253;
/// What an upper-case letter leaves as it is: the unreserved characters (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text that is made anew for each mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MacroString(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Macro(Macro),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Macro {
    /// Lower case.
    letter: char,
    escaped: bool,
    /// How many parts stay, from the right.
    kept: Option<usize>,
    reversed: bool,
    delimiters: String,
}

/// What macros stand for.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    pub ip: IpAddr,
    /// The reverse-path: local part and domain.
    pub sender: (&'a str, &'a str),
    pub helo: &'a str,
    /// The domain whose record is read.
    pub domain: &'a str,
    /// The validated name of the client; asked for only where `%{p}` stands.
    pub client_name: &'a str,
}

impl MacroString {
    /// `macro-string` of §7.1. `c`, `r` and `t` belong to explanations.
    pub fn parse(text: &str, in_explanation: bool) -> Result<Self, Malformed> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            literal(&mut pieces, &rest[..at]);
            let after = &rest[at + 1..];
            rest = match after.chars().next() {
                Some('%') => escape(&mut pieces, "%", after),
                Some('_') => escape(&mut pieces, " ", after),
                Some('-') => escape(&mut pieces, "%20", after),
                Some('{') => {
                    let (inside, rest) = after[1..].split_once('}').ok_or(Malformed)?;
                    pieces.push(Piece::Macro(Macro::parse(inside, in_explanation)?));
                    rest
                }
                _ => return Err(Malformed),
            };
        }
        literal(&mut pieces, rest);
        Ok(Self(pieces))
    }

    /// `domain-spec` of §7.1: ends in a label that can be a top-level domain, or in a macro.
    pub fn parse_domain(text: &str) -> Result<Self, Malformed> {
        let parsed = Self::parse(text, false)?;
        let ends_well = text.ends_with('}')
            || ["%%", "%_", "%-"].iter().any(|escape| text.ends_with(escape))
            || matches!(parsed.0.last(), Some(Piece::Literal(end)) if ends_in_top_label(end));
        if ends_well { Ok(parsed) } else { Err(Malformed) }
    }

    /// Whether the client's name has to be looked up.
    pub fn names_client(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Macro(Macro { letter: 'p', .. })))
    }

    /// The name to be asked for, cut from the left to what the DNS takes (§7.3).
    pub fn expand(&self, facts: &Facts<'_>) -> String {
        let mut name: String = self
            .0
            .iter()
            .map(|piece| match piece {
                Piece::Literal(text) => text.clone(),
                Piece::Macro(one) => one.expand(facts),
            })
            .collect();
        while name.len() > LONGEST_NAME {
            let Some((_, rest)) = name.split_once('.') else { break };
            name = rest.to_owned();
        }
        name.trim_end_matches('.').to_owned()
    }
}

impl Macro {
    fn parse(inside: &str, in_explanation: bool) -> Result<Self, Malformed> {
        let mut chars = inside.chars();
        let letter = chars.next().ok_or(Malformed)?;
        let lower = letter.to_ascii_lowercase();
        let known = "slodiphv".contains(lower) || in_explanation && "crt".contains(lower);
        let rest = chars.as_str();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let kept = match &rest[..digits] {
            "" => None,
            number => Some(number.parse().unwrap_or(usize::MAX)),
        };
        let rest = &rest[digits..];
        let delimiters = rest.strip_prefix(['r', 'R']).unwrap_or(rest);
        let is_valid = known && kept != Some(0) && delimiters.chars().all(|c| ".-+,/_=".contains(c));
        if !is_valid {
            return Err(Malformed);
        }
        let reversed = delimiters.len() < rest.len();
        let delimiters = if delimiters.is_empty() { "." } else { delimiters }.to_owned();
        Ok(Self { letter: lower, escaped: letter.is_ascii_uppercase(), kept, reversed, delimiters })
    }

    fn expand(&self, facts: &Facts<'_>) -> String {
        let (local, domain) = facts.sender;
        let value = match self.letter {
            's' => format!("{local}@{domain}"),
            'l' => local.to_owned(),
            'o' => domain.to_owned(),
            'd' => facts.domain.to_owned(),
            'i' => dotted(facts.ip),
            'p' => facts.client_name.to_owned(),
            'h' => facts.helo.to_owned(),
            'v' if facts.ip.is_ipv4() => "in-addr".to_owned(),
            'v' => "ip6".to_owned(),
            // Of explanations, which nobody is given.
            _ => String::new(),
        };
        let mut parts: Vec<_> = value.split(|c| self.delimiters.contains(c)).collect();
        if self.reversed {
            parts.reverse();
        }
        let dropped = parts.len().saturating_sub(self.kept.unwrap_or(usize::MAX));
        let joined = parts[dropped..].join(".");
        if self.escaped { utf8_percent_encode(&joined, ESCAPED).to_string() } else { joined }
    }
}

fn literal(pieces: &mut Vec<Piece>, text: &str) {
    if !text.is_empty() {
        pieces.push(Piece::Literal(text.to_owned()));
    }
}

fn escape<'t>(pieces: &mut Vec<Piece>, means: &str, after: &'t str) -> &'t str {
    literal(pieces, means);
    &after[1..]
}

/// `.` and a label of letters, digits and inner hyphens that is no number; a dot may follow.
fn ends_in_top_label(end: &str) -> bool {
    let Some((_, label)) = end.strip_suffix('.').unwrap_or(end).rsplit_once('.') else { return false };
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    label.bytes().all(inner)
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().any(|byte| !byte.is_ascii_digit())
}

/// An address as `%{i}` has it: IPv6 in single hexadecimal digits.
fn dotted(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => {
            let digits = ip.octets().into_iter().flat_map(|octet| [octet >> 4, octet & 15]);
            digits.map(|digit| format!("{digit:x}")).collect::<Vec<_>>().join(".")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of §7.4.
    #[test]
    fn macros_stand_for_what_the_rfc_says() {
        let facts = Facts {
            ip: "192.0.2.3".parse().expect("an address"),
            sender: ("strong-bad", "email.example.com"),
            helo: "mx.example.net",
            domain: "email.example.com",
            client_name: "unknown",
        };
        let v6 = Facts { ip: "2001:db8::cb01".parse().expect("an address"), ..facts.clone() };
        for (text, want) in [
            ("%{s}", "strong-bad@email.example.com"),
            ("%{o}", "email.example.com"),
            ("%{d4}", "email.example.com"),
            ("%{d2}", "example.com"),
            ("%{d1}", "com"),
            ("%{dr}", "com.example.email"),
            ("%{d2r}", "example.email"),
            ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"),
            ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"),
            ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
            ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
            ("%{S}", "strong-bad%40email.example.com"),
            ("a%%b%_c%-d.example", "a%b c%20d.example"),
        ] {
            assert_eq!(MacroString::parse(text, false).expect(text).expand(&facts), want, "{text}");
        }
        let six = MacroString::parse("%{ir}.%{v}._spf.%{d2}", false).expect("it is one").expand(&v6);
        let want = "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com";
        assert_eq!(six, want);
    }

    #[test]
    fn what_is_no_domain_is_refused() {
        for good in ["a.example", "%{d}", "x.%{d}", "a:b/c.example.com", "example.co-m.", "%{i}._s.%{d2}"] {
            assert!(MacroString::parse_domain(good).is_ok(), "{good}");
        }
        for bad in [
            "", "museum", "museum.", "a.1", "a.-b", "%{d}com", "%{x}.a.b", "%{d", "%(d)", "%{d0}", "%{c}",
            "%a.b",
        ] {
            assert!(MacroString::parse_domain(bad).is_err(), "{bad}");
        }
    }
}
