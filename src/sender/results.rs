//! `Authentication-Results` (RFC 8601): ours to be written, and those of our own MTAs to be read.

use std::iter::Peekable;
use std::str::Chars;

use crate::model::Authority;

const NAME: &str = "authentication-results";

/// One field, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// Who checked: `authserv-id`.
    pub authserv_id: String,
    /// What was checked, in their order.
    pub all: Vec<MethodResult>,
}

/// What one method says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MethodResult {
    /// Lower case: `spf`, `dkim`, `dmarc`, `arc`, others.
    pub method: String,
    /// The result; a word we don't know counts as neutral.
    pub result: Authority,
    /// `header.d` and the like, lower case, with their values.
    pub properties: Vec<(String, String)>,
}

impl MethodResult {
    /// The domain that a property names, or has in its address; lower case.
    pub fn domain(&self, property: &str) -> Option<String> {
        let (_, value) = self.properties.iter().find(|(name, _)| name == property)?;
        let domain = value.rsplit_once('@').map_or(value.as_str(), |(_, domain)| domain);
        Some(domain.to_ascii_lowercase()).filter(|domain| !domain.is_empty())
    }
}

impl Results {
    /// The value of a field (RFC 8601 §2.2); comments are left out. [`None`] for what names nobody, or has a
    /// quote that never ends.
    pub fn parse(value: &str) -> Option<Self> {
        let mut text = Text(value.chars().peekable());
        let authserv_id = text.word(&[';']).filter(|id| !id.is_empty())?.to_ascii_lowercase();
        let _version = text.pairs()?;
        let mut all = Vec::new();
        while text.0.peek().is_some() {
            all.extend(method_result(text.pairs()?));
        }
        Some(Self { authserv_id, all })
    }

    /// What the topmost field in a mail says, if one of these MTAs wrote it.
    pub fn reported(raw: &[u8], by: &[String]) -> Option<Self> {
        let top = fields(raw).find(|field| is_results(field))?;
        let results = Self::parse(&String::from_utf8_lossy(value_of(top)))?;
        by.iter().any(|id| id.eq_ignore_ascii_case(&results.authserv_id)).then_some(results)
    }

    /// What one of these methods says; the best of several.
    pub fn of(&self, method: &str) -> Authority {
        let mut of_it = self.all.iter().filter(|one| one.method == method).map(|one| one.result);
        let first = of_it.next().unwrap_or(Authority::None);
        if of_it.any(|result| result == Authority::Pass) { Authority::Pass } else { first }
    }
}

/// Header fields with their folded lines.
fn fields(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        loop {
            let rest = raw.get(at..).filter(|rest| !rest.is_empty())?;
            let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            if at == start && matches!(&rest[..line], b"\r\n" | b"\n") {
                return None;
            }
            at += line;
            if !matches!(raw.get(at), Some(b' ' | b'\t')) {
                return Some(&raw[start..at]);
            }
        }
    })
}

fn is_results(field: &[u8]) -> bool {
    let name = field.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
    name.eq_ignore_ascii_case(NAME.as_bytes())
}

fn value_of(field: &[u8]) -> &[u8] {
    memchr::memchr(b':', field).map_or(&[], |colon| &field[colon + 1..])
}

/// What is still to be read of a field's value. Quoted strings are a part of the word they stand in, so that
/// nothing in them is a sign: MTAs quote what strangers wrote (`reason`, `smtp.mailfrom`).
struct Text<'a>(Peekable<Chars<'a>>);

impl Text<'_> {
    /// Past white space and comments, which nest (CFWS, RFC 5322 §3.2.2).
    fn skip(&mut self) {
        let mut depth = 0_u32;
        while let Some(c) = self.0.next_if(|c| depth > 0 || c.is_whitespace() || *c == '(') {
            match c {
                '\\' => drop(self.0.next()),
                '(' => depth += 1,
                ')' => depth -= 1,
                _ => {}
            }
        }
    }

    /// Whether this sign is next, which is then read.
    fn takes(&mut self, sign: char) -> bool {
        self.skip();
        self.0.next_if_eq(&sign).is_some()
    }

    /// What stands before white space, a comment or one of these; [`None`] if a quote never ends.
    fn word(&mut self, ends: &[char]) -> Option<String> {
        self.skip();
        let (mut word, mut quoted) = (String::new(), false);
        let end = |c: char| c.is_whitespace() || c == '(' || ends.contains(&c);
        while let Some(c) = self.0.next_if(|c| quoted || !end(*c)) {
            match c {
                '"' => quoted = !quoted,
                '\\' if quoted => word.push(self.0.next()?),
                c => word.push(c),
            }
        }
        (!quoted).then_some(word)
    }

    /// The `name=value` before the next semicolon, names in lower case. A value may have `=` in it (BATV).
    fn pairs(&mut self) -> Option<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        while !self.takes(';') && self.0.peek().is_some() {
            let name = self.word(&['=', ';'])?.to_ascii_lowercase();
            let value = if self.takes('=') { self.word(&[';'])? } else { String::new() };
            pairs.push((name, value));
        }
        Some(pairs)
    }
}

/// Of `dkim/1=pass reason=… header.d=example.org`.
fn method_result(pairs: Vec<(String, String)>) -> Option<MethodResult> {
    let mut pairs = pairs.into_iter();
    let (method, result) = pairs.next().filter(|(_, result)| !result.is_empty())?;
    Some(MethodResult {
        method: method.split('/').next()?.to_owned(),
        result: Authority::parse(&result.to_ascii_lowercase()).unwrap_or(Authority::Neutral),
        properties: pairs.collect(),
    })
}

/// A field to be written, one method a line.
pub struct Field(String);

impl Field {
    /// Of a host.
    pub fn of(authserv_id: &str) -> Self {
        Self(format!("Authentication-Results: {authserv_id}"))
    }

    /// What a method says, and of what. Values that are no plain words are left out.
    pub fn add(&mut self, method: &str, result: Authority, properties: &[(&str, &str)]) {
        let (field, result) = (&mut self.0, result.as_str());
        field.push_str(&format!(";\r\n\t{method}={result}"));
        let plain = |value: &str| {
            (1..=255).contains(&value.len())
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@+/".contains(&b))
        };
        for (name, value) in properties.iter().filter(|(_, value)| plain(value)) {
            field.push_str(&format!("\r\n\t {name}={value}"));
        }
    }

    /// With its line end.
    pub fn end(self) -> String {
        self.0 + "\r\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples of RFC 8601, appendix B, and ways to write them strangely.
    #[test]
    fn fields_are_read_as_mtas_write_them() {
        let value = " example.com 1;\r\n spf=pass smtp.mailfrom=example.net (ok; really) ;\r\n\tdkim = fail (bad \\) sig) \
                     reason=\"body; changed\" header.i=@Example.Org; dmarc/1=pass header.from=example.net; iprev=policy";
        let results = Results::parse(value).expect("a field");
        assert_eq!(results.authserv_id, "example.com");
        let [spf, dkim, dmarc, iprev] = results.all.as_slice() else { panic!("{results:?}") };
        assert_eq!(
            (spf.result, spf.domain("smtp.mailfrom").as_deref()),
            (Authority::Pass, Some("example.net"))
        );
        assert_eq!((dkim.result, dkim.domain("header.i").as_deref()), (Authority::Fail, Some("example.org")));
        assert_eq!((dmarc.method.as_str(), dmarc.result), ("dmarc", Authority::Pass));
        assert_eq!(iprev.result, Authority::Neutral, "no word of ours");
        assert_eq!(results.of("dkim"), Authority::Fail);
        assert_eq!(Results::parse("example.com; none").expect("a field").all, []);
        assert_eq!(Results::parse(""), None);
        assert_eq!(Results::parse("example.com; dmarc=pass reason=\"never ends"), None);
    }

    /// An MTA quotes what a stranger wrote, as RFC 8601 §2.2 wants it: no word of it is a result or a property.
    #[test]
    fn what_is_quoted_is_no_result() {
        let value = "mx.example; spf=pass smtp.mailfrom=\"x; dmarc=pass header.from=shop.example\"@evil.example; \
                     dkim=fail reason=\"a \\\" header.d=shop.example\" header.d=evil.example; \
                     dmarc=fail header.from=evil.example";
        let results = Results::parse(value).expect("a field");
        assert_eq!(results.all.len(), 3, "{results:?}");
        assert_eq!(results.all[0].domain("smtp.mailfrom").as_deref(), Some("evil.example"));
        assert_eq!(results.all[1].domain("header.d").as_deref(), Some("evil.example"));
        assert_eq!((results.of("dkim"), results.of("dmarc")), (Authority::Fail, Authority::Fail));
        let batv =
            Results::parse("mx.example; spf=pass smtp.mailfrom=prvs=1=header.d=a@example.org").expect("a");
        assert_eq!(batv.all[0].domain("smtp.mailfrom").as_deref(), Some("example.org"));
        assert_eq!(batv.all[0].domain("header.d"), None);
    }

    #[test]
    fn only_the_topmost_field_of_our_own_is_believed() {
        let ours = ["mx.shop.example".to_owned()];
        let mail =
            |fields: &str| format!("Received: from x\r\n by y\r\n{fields}\r\n\r\nbody\r\n").into_bytes();
        let pass = "Authentication-Results: mx.shop.example; dmarc=pass";
        let other = "authentication-results : mx.other.example; dmarc=fail";
        let of = |fields: &str| Results::reported(&mail(fields), &ours).map(|results| results.of("dmarc"));
        assert_eq!(of(pass), Some(Authority::Pass));
        assert_eq!(of(&format!("{pass}\r\n{other}")), Some(Authority::Pass));
        assert_eq!(of(&format!("{other}\r\n{pass}")), None, "what stands below may be the stranger's");
        assert_eq!(of(&format!("Subject: x\r\n\r\n{pass}")), None, "that is the body");
        assert_eq!(of("Subject: x"), None);
    }

    #[test]
    fn what_we_write_is_read_again() {
        let mut field = Field::of("mx.shop.example");
        field.add("spf", Authority::Softfail, &[("smtp.mailfrom", "example.org")]);
        field.add("dkim", Authority::Pass, &[("header.d", "example.org"), ("header.s", "a b\r\nX: y")]);
        let field = field.end();
        assert!(!field.contains("X: y"));
        let results = Results::parse(field.split_once(':').expect("a name").1).expect("a field");
        assert_eq!((results.of("spf"), results.of("dkim")), (Authority::Softfail, Authority::Pass));
    }
}
