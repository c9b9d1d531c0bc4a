//! The path of `MAIL` and `RCPT` (RFC 5321 §4.1.2). smtp-proto's own reader makes `<postmaster>` the null path, takes
//! quotes off, and knows no address literals; all three matter here.

/// Longest domain (RFC 5321 §4.5.3.1.2).
const MAX_DOMAIN: usize = 255;

/// Reads `<path>` at the start of `text`; gives the address without brackets and source route (which is not followed,
/// RFC 5321 §3.6.1), empty for `<>`, and what stands behind it. `None`: not a path.
pub fn read(text: &str) -> Option<(String, &str)> {
    let inner = text.strip_prefix('<')?;
    let end = closing_bracket(inner)?;
    let (path, rest) = (&inner[..end], &inner[end + 1..]);
    if path.is_empty() {
        return Some((String::new(), rest));
    }
    let mailbox = match path.strip_prefix('@') {
        Some(route) => route.split_once(':')?.1,
        None => path,
    };
    Some((address(mailbox)?, rest))
}

/// Position of the first `>` outside quotes.
fn closing_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.bytes().position(|octet| {
        let was_escaped = std::mem::take(&mut escaped);
        match octet {
            _ if was_escaped => false,
            b'\\' => {
                escaped = quoted;
                false
            }
            b'"' => {
                quoted = !quoted;
                false
            }
            octet => octet == b'>' && !quoted,
        }
    })
}

/// `local@domain`, or a bare local part such as `postmaster` (RFC 5321 §4.5.1).
fn address(mailbox: &str) -> Option<String> {
    let Some((local, domain)) = mailbox.rsplit_once('@') else { return local_part(mailbox) };
    is_domain(domain).then_some(())?;
    Some(format!("{}@{domain}", local_part(local)?))
}

/// The local part; quotes that quote nothing special are taken off, for `"support"@` and `support@` are the same
/// (RFC 5321 §4.1.2). Dots may stand anywhere: some carriers give such addresses to people.
fn local_part(text: &str) -> Option<String> {
    let is_plain =
        |text: &str| !text.is_empty() && text.bytes().all(|octet| octet == b'.' || is_atext(octet));
    let Some(quoted) = text.strip_prefix('"') else { return is_plain(text).then(|| text.to_owned()) };
    let content = unquote(quoted.strip_suffix('"')?)?;
    Some(if is_plain(&content) { content } else { text.to_owned() })
}

/// The content of a quoted string; `None` for a quote or backslash inside that is not escaped.
fn unquote(text: &str) -> Option<String> {
    let mut content = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return None,
            '\\' => content.push(chars.next()?),
            _ => content.push(char),
        }
    }
    Some(content)
}

/// A domain, or an address literal in brackets. Underscores are taken: hosts of that kind send mail.
pub fn is_domain(text: &str) -> bool {
    if let Some(literal) = text.strip_prefix('[') {
        let is_part = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b':' | b'-');
        return literal.strip_suffix(']').is_some_and(|l| !l.is_empty() && l.bytes().all(is_part));
    }
    let is_part = |octet: u8| octet.is_ascii_alphanumeric() || octet >= 0x80 || matches!(octet, b'-' | b'_');
    text.len() <= MAX_DOMAIN && text.split('.').all(|label| !label.is_empty() && label.bytes().all(is_part))
}

/// RFC 5321 §4.1.2 with RFC 6531 §3.3.
fn is_atext(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet >= 0x80 || b"!#$%&'*+-/=?^_`{|}~".contains(&octet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read() {
        let label = "a".repeat(255);
        for (text, want) in [
            ("<>", Some(("", ""))),
            ("<> SIZE=1", Some(("", " SIZE=1"))),
            ("<a@b.example>x", Some(("a@b.example", "x"))),
            ("<postmaster>", Some(("postmaster", ""))),
            ("<\"support\"@b.example>", Some(("support@b.example", ""))),
            ("<\"a b\"@b.example>", Some(("\"a b\"@b.example", ""))),
            ("<\"a>b\\\"c\"@b.example>", Some(("\"a>b\\\"c\"@b.example", ""))),
            ("<\"a@other.example\"@b.example>", Some(("\"a@other.example\"@b.example", ""))),
            ("<a@[192.0.2.1]>", Some(("a@[192.0.2.1]", ""))),
            ("<a@[IPv6:2001:db8::1]>", Some(("a@[IPv6:2001:db8::1]", ""))),
            ("<@x.example,@y.example:a@b.example>", Some(("a@b.example", ""))),
            ("<jörg@bücher.example>", Some(("jörg@bücher.example", ""))),
            ("<.a..b.@docomo.example>", Some((".a..b.@docomo.example", ""))),
            ("<a%x.example@b.example>", Some(("a%x.example@b.example", ""))),
            ("a@b.example", None),
            ("<a@b.example", None),
            ("<a@b@c.example>", None),
            ("<a b@c.example>", None),
            ("<@b.example>", None),
            ("<a@>", None),
            ("<a@b..example>", None),
            ("<a@b.example.>", None),
            ("<a@[]>", None),
            ("<\"a\"b\"@c.example>", None),
            ("<<a@b.example>>", None),
            (&format!("<a@{label}>"), Some((&format!("a@{label}"), ""))),
            (&format!("<a@{label}a>"), None),
        ] {
            let got = read(text);
            assert_eq!(got.as_ref().map(|(address, rest)| (address.as_str(), *rest)), want, "{text}");
        }
    }
}
