//! A text as HTML: paragraphs, line breaks and links are kept, everything else is data.

use std::sync::LazyLock;

use minijinja::HtmlEscape;
use regex::Regex;

/// Addresses of pages, as they stand in texts; what ends a sentence ends them too.
static LINK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"https?://[^\s<>"]*[^\s<>"'.,:;!?)\]}]"#).expect("a pattern literal"));

/// Empty lines part paragraphs.
pub(super) fn html(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(str::trim_end).filter(|paragraph| !paragraph.trim().is_empty());
    paragraphs.map(|paragraph| format!("<p dir=\"auto\">{}</p>\n", linked(paragraph))).collect()
}

fn linked(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let mut rest = 0;
    for link in LINK.find_iter(text) {
        html.push_str(&escaped(&text[rest..link.start()]));
        let address = escaped(link.as_str());
        html.push_str(&format!("<a href=\"{address}\">{address}</a>"));
        rest = link.end();
    }
    html.push_str(&escaped(&text[rest..]));
    html
}

fn escaped(text: &str) -> String {
    HtmlEscape(text).to_string().replace('\n', "<br>\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_shown_as_it_stands() {
        for (text, want) in [
            ("a\nb\n\n\nc\n", "<p dir=\"auto\">a<br>\nb</p>\n<p dir=\"auto\">\nc</p>\n".replace("\">\nc", "\"><br>\nc")),
            ("<b> & \"", "<p dir=\"auto\">&lt;b&gt; &amp; &quot;</p>\n".into()),
            (
                "see https://a.example/x?y=1&z=2.",
                "<p dir=\"auto\">see <a href=\"https:&#x2f;&#x2f;a.example&#x2f;x?y=1&amp;z=2\">https:&#x2f;&#x2f;a.example&#x2f;x?y=1&amp;z=2</a>.</p>\n".into(),
            ),
            ("javascript:alert(1)", "<p dir=\"auto\">javascript:alert(1)</p>\n".into()),
        ] {
            assert_eq!(html(text), want);
        }
    }
}
