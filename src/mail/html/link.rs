//! Text as HTML.

use std::sync::LazyLock;

use regex::{Match, Regex};

/// Web and mail addresses, found as fast in any language ([`crate::mail::pattern`]); what ends a sentence is cut off again
/// by [`address_end`].
static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?i)(?-u:\b)https?://[^\s<>\x22]+|(?-u:\b)[a-z0-9][a-z0-9._%+-]{0,63}@[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)+",
    )
    .expect("a valid pattern")
});

/// Text as HTML: escaped, line breaks kept, web addresses linked.
pub fn from_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    let mut done = 0;
    for found in ADDRESS.find_iter(text) {
        if is_within_word(text, found) {
            continue;
        }
        let address = &found.as_str()[..address_end(found.as_str())];
        escape(&text[done..found.start()], &mut out);
        let scheme = if address.contains("://") { "" } else { "mailto:" };
        out.push_str("<a href=\"");
        escape(scheme, &mut out);
        escape(address, &mut out);
        out.push_str("\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">");
        escape(address, &mut out);
        out.push_str("</a>");
        done = found.start() + address.len();
    }
    escape(&text[done..], &mut out);
    out
}

/// Whether a mail address is the end of a longer one: `ü` is no letter to the pattern.
fn is_within_word(text: &str, found: Match<'_>) -> bool {
    let before = text[..found.start()].chars().next_back();
    before.is_some_and(char::is_alphanumeric) && !found.as_str().contains("://")
}

/// Where an address ends in a sentence: before its full stop, and before a bracket that it didn't open.
fn address_end(address: &str) -> usize {
    let mut address = address.trim_end_matches(['.', ',', ';', ':', '!', '?', '\'']);
    while address.ends_with(')') && !address.contains('(') {
        address = address[..address.len() - 1].trim_end_matches(['.', ',', ';']);
    }
    address.len()
}

fn escape(text: &str, out: &mut String) {
    let mut last = ' ';
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push_str("<br>\n"),
            '\r' | '\0' => {}
            ' ' if last == ' ' || last == '\n' => out.push_str("&nbsp;"),
            _ => out.push(c),
        }
        last = c;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_breaks_and_links() {
        let link = |href: &str, text: &str| {
            format!("<a href=\"{href}\" rel=\"noopener noreferrer nofollow\" target=\"_blank\">{text}</a>")
        };
        for (text, html) in [
            ("a <b> & 'c'\nd", "a &lt;b&gt; &amp; &#39;c&#39;<br>\nd".to_owned()),
            (
                "see https://x.example/a?b=1&c=2.",
                format!(
                    "see {}.",
                    link("https://x.example/a?b=1&amp;c=2", "https://x.example/a?b=1&amp;c=2")
                ),
            ),
            ("(http://x.example)", format!("({})", link("http://x.example", "http://x.example"))),
            ("to jo@x.example!", format!("to {}!", link("mailto:jo@x.example", "jo@x.example"))),
            ("der müller@x.example", "der müller@x.example".to_owned()),
            ("見https://x.example", format!("見{}", link("https://x.example", "https://x.example"))),
            ("javascript:alert(1)", "javascript:alert(1)".to_owned()),
        ] {
            assert_eq!(from_text(text), html);
        }
    }
}
