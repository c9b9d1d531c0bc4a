//! `Authentication-Results` (RFC 8601): ours to be written, and those of our own MTAs to be read.

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
    /// The value of a field (RFC 8601 §2.2); comments are left out.
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = clauses(value).into_iter();
        let authserv_id = parts.next()?.split_whitespace().next()?.to_ascii_lowercase();
        Some(Self { authserv_id, all: parts.filter_map(|part| method_result(&part)).collect() })
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

/// What stands between semicolons, without comments, quotes taken away.
fn clauses(value: &str) -> Vec<String> {
    let mut clauses = vec![String::new()];
    let (mut depth, mut quoted, mut escaped) = (0_u32, false, false);
    for c in value.chars() {
        let plain = !std::mem::take(&mut escaped);
        match c {
            '\\' if plain && (quoted || depth > 0) => escaped = true,
            '"' if plain && depth == 0 => quoted = !quoted,
            '(' if plain && !quoted => depth += 1,
            ')' if plain && !quoted => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            ';' if !quoted => clauses.push(String::new()),
            c => clauses.last_mut().expect("there is one").push(if c.is_whitespace() { ' ' } else { c }),
        }
    }
    clauses
}

/// `dkim/1=pass reason=… header.d=example.org`.
fn method_result(clause: &str) -> Option<MethodResult> {
    let spaced = clause.replace('=', " = ");
    let mut words = spaced.split_whitespace();
    let method = words.next()?.split('/').next()?.to_ascii_lowercase();
    let result = words.next().filter(|sign| *sign == "=").and_then(|_| words.next())?.to_ascii_lowercase();
    let rest: Vec<_> = words.collect();
    let properties = rest.windows(3).filter(|window| window[1] == "=");
    Some(MethodResult {
        method,
        result: Authority::parse(&result).unwrap_or(Authority::Neutral),
        properties: properties.map(|of| (of[0].to_ascii_lowercase(), of[2].to_owned())).collect(),
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
