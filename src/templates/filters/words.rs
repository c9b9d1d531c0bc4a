//! Text made fit for its place in a mail.

use linkify::{LinkFinder, LinkKind};
use minijinja::HtmlEscape;
use minijinja::value::Value;

/// Longest text when a template names no length, characters.
const SHORT: usize = 80;

/// `value`, or `otherwise` when there is none or it is empty.
pub(super) fn or_default(value: Value, otherwise: Option<Value>) -> Value {
    let is_missing =
        value.is_undefined() || value.is_none() || value.as_str().is_some_and(|s| s.trim().is_empty());
    if is_missing { otherwise.unwrap_or_else(|| Value::from("")) } else { value }
}

/// At most so many characters, the last of them `…` when some are missing.
pub(super) fn truncate(text: &str, length: Option<usize>) -> String {
    let length = length.unwrap_or(SHORT);
    if text.chars().count() <= length {
        return text.to_owned();
    }
    let kept: String = text.chars().take(length.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

/// `> ` before each line (RFC 3676 §4.5: no blank between marks).
pub(super) fn quote(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = if line.starts_with('>') { format!(">{line}") } else { format!("> {line}") };
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Text as HTML, line breaks kept; of HTML, the line breaks alone.
pub(super) fn nl2br(text: &Value) -> Value {
    let html = if text.is_safe() { text.to_string() } else { HtmlEscape(&text.to_string()).to_string() };
    Value::from_safe_string(html.replace("\r\n", "\n").replace('\n', "<br>\n"))
}

/// Text as HTML, its web and mail addresses linked. `javascript:` and its like stay text.
pub(super) fn autolink(text: &str) -> Value {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url, LinkKind::Email]);
    let mut html = String::with_capacity(text.len() * 2);
    for span in finder.spans(text) {
        let words = HtmlEscape(span.as_str()).to_string();
        match span.kind().and_then(|kind| scheme(kind, span.as_str())) {
            Some(scheme) => html.push_str(&format!("<a href=\"{scheme}{words}\">{words}</a>")),
            None => html.push_str(&words),
        }
    }
    Value::from_safe_string(html)
}

/// What stands before the address in its link; `None` when it is no address to follow.
fn scheme(kind: &LinkKind, address: &str) -> Option<&'static str> {
    let lower = address.to_ascii_lowercase();
    match kind {
        LinkKind::Email => Some("mailto:"),
        _ => (lower.starts_with("https://") || lower.starts_with("http://")).then_some(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_links() {
        for (text, want) in [
            (
                "see https://x.example/a?b=1&c.",
                "see <a href=\"https://x.example/a?b=1&amp;c\">https://x.example/a?b=1&amp;c</a>.",
            ),
            ("mail jo@x.example", "mail <a href=\"mailto:jo@x.example\">jo@x.example</a>"),
            ("javascript://x.example/%0aalert(1)", "javascript:&#x2f;&#x2f;x.example&#x2f;%0aalert(1)"),
            ("data://x ftp://x.example", "data:&#x2f;&#x2f;x ftp:&#x2f;&#x2f;x.example"),
            ("<b>https://x.example/\"onload=1</b>", "&lt;b&gt;<a"),
        ] {
            let html = autolink(text).to_string().replace("&#x2f;</a>", "/</a>");
            assert!(html.replace("&#x2f;", "/").starts_with(&want.replace("&#x2f;", "/")), "{html}");
            assert!(!html.contains("\"onload"), "{html}");
        }
    }

    #[test]
    fn text_becomes_html_once() {
        assert_eq!(nl2br(&Value::from("a<b>\r\nc")).to_string(), "a&lt;b&gt;<br>\nc");
        assert_eq!(nl2br(&autolink("a&b\nc")).to_string(), "a&amp;b<br>\nc");
    }

    #[test]
    fn long_text_is_shortened_and_quoted() {
        assert_eq!(truncate("one two", Some(5)), "one…");
        assert_eq!(truncate("one", None), "one");
        assert_eq!(quote("a\n\n> b"), "> a\n>\n>> b");
    }

    #[test]
    fn what_is_missing_has_a_stand_in() {
        let there = || Some(Value::from("there"));
        for (value, want) in [
            (Value::UNDEFINED, "there"),
            (Value::from(()), "there"),
            (Value::from(" "), "there"),
            (Value::from("Jo"), "Jo"),
            (Value::from(0), "0"),
        ] {
            assert_eq!(or_default(value, there()).to_string(), want);
        }
    }
}
