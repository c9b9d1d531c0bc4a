//! What of a stranger's HTML may stand in our pages.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use ammonia::{Builder, UrlRelative};
use percent_encoding::percent_decode_str;

use super::bounds::bounded;
use super::{from_text, to_text};

const TAGS: &[&str] = &[
    "a",
    "abbr",
    "acronym",
    "address",
    "article",
    "aside",
    "b",
    "bdi",
    "bdo",
    "big",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "colgroup",
    "dd",
    "del",
    "details",
    "dfn",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "font",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "main",
    "mark",
    "nav",
    "ol",
    "p",
    "pre",
    "q",
    "rp",
    "rt",
    "ruby",
    "s",
    "samp",
    "section",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "time",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
    "wbr",
];

/// Properties that change how a box looks inside, and none that move it or load anything.
const STYLES: &[&str] = &[
    "background-color",
    "border",
    "border-bottom",
    "border-collapse",
    "border-color",
    "border-left",
    "border-radius",
    "border-right",
    "border-spacing",
    "border-style",
    "border-top",
    "border-width",
    "color",
    "direction",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "list-style-type",
    "margin",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "max-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
    "word-wrap",
];

/// Safe to put into our pages: no script, form, frame, style that escapes the message, or remote content.
/// `cid_url` maps a Content-ID to the address of our attachment route, or `None` when there is no such part.
pub fn sanitise(html: &str, cid_url: &dyn Fn(&str) -> Option<String>) -> String {
    match bounded(html) {
        Some(html) => builder(addresses_of_parts(&html, cid_url)).clean(&html).to_string(),
        None => from_text(&to_text(html)),
    }
}

/// Content-IDs that the HTML refers to (RFC 2392), as written and with their percent-encoding undone.
pub(in crate::mail) fn content_ids(html: &str) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
    const MAX_REFERENCES: usize = 5_000;
    html.match_indices("cid:").take(MAX_REFERENCES).map(|(at, mark)| {
        let rest = &html[at + mark.len()..];
        let rest = &rest[..rest.floor_char_boundary(1_000)];
        let end = rest.find(['"', '\'', '>', ')', ' ', '\t', '\r', '\n', ';']).unwrap_or(rest.len());
        (&rest[..end], percent_decode_str(&rest[..end]).decode_utf8_lossy())
    })
}

/// The attachment route of each `cid:` that stands in the HTML; asked for beforehand, since ammonia keeps its filter.
fn addresses_of_parts(html: &str, cid_url: &dyn Fn(&str) -> Option<String>) -> HashMap<String, String> {
    content_ids(html).filter_map(|(written, id)| Some((written.to_owned(), cid_url(&id)?))).collect()
}

fn builder(parts: HashMap<String, String>) -> Builder<'static> {
    let attributes: HashMap<&str, HashSet<&str>> = [
        ("a", &["href"][..]),
        ("img", &["src", "alt", "width", "height", "border"]),
        ("font", &["color", "size", "face"]),
        ("ol", &["start", "type"]),
        ("li", &["value"]),
        ("table", &["border", "cellpadding", "cellspacing", "width", "bgcolor"]),
        ("tr", &["valign", "bgcolor"]),
        ("td", &["colspan", "rowspan", "valign", "width", "height", "bgcolor", "nowrap"]),
        ("th", &["colspan", "rowspan", "valign", "width", "height", "bgcolor", "nowrap", "scope"]),
        ("col", &["span", "width"]),
        ("bdo", &["dir"]),
    ]
    .into_iter()
    .map(|(tag, names)| (tag, names.iter().copied().collect()))
    .collect();
    let mut builder = Builder::empty();
    builder
        .tags(TAGS.iter().copied().collect())
        .clean_content_tags(HashSet::from(["script", "style", "title"]))
        .tag_attributes(attributes)
        .generic_attributes(HashSet::from(["dir", "lang", "title", "align", "style"]))
        .set_tag_attribute_value("a", "target", "_blank")
        .link_rel(Some("noopener noreferrer nofollow"))
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid", "data"]))
        // Ours are relative, and `attribute` lets no other through.
        .url_relative(UrlRelative::PassThrough)
        .strip_comments(true)
        .attribute_filter(move |tag, name, value| attribute(tag, name, value, &parts));
    builder
}

/// What of an allowed attribute is kept.
fn attribute<'v>(
    tag: &str,
    name: &str,
    value: &'v str,
    parts: &HashMap<String, String>,
) -> Option<Cow<'v, str>> {
    match (tag, name) {
        (_, "style") => Some(safe_style(value)).filter(|style| !style.is_empty()).map(Cow::Owned),
        ("img", "src") => image(value, parts).map(Cow::Owned),
        ("a", "href") => link_is_safe(value).then_some(Cow::Borrowed(value)),
        _ => Some(Cow::Borrowed(value)),
    }
}

fn scheme(url: &str) -> String {
    url.trim_start().split(':').next().unwrap_or_default().to_ascii_lowercase()
}

fn link_is_safe(url: &str) -> bool {
    matches!(scheme(url).as_str(), "http" | "https" | "mailto" | "tel")
}

/// Parts of the mail are shown by our route, small pixels that came along as they are, and nothing remote.
fn image(url: &str, parts: &HashMap<String, String>) -> Option<String> {
    if let Some(id) = url.trim().strip_prefix("cid:") {
        return parts.get(id).cloned();
    }
    let lower = url.trim().get(..23).unwrap_or_default().to_ascii_lowercase();
    let harmless = ["png", "jpeg", "jpg", "gif", "webp"];
    let is_picture = harmless.iter().any(|kind| lower.starts_with(&format!("data:image/{kind};base64,")));
    is_picture.then(|| url.trim().to_owned())
}

/// Declarations of known properties whose values are plain words, numbers and colours.
fn safe_style(style: &str) -> String {
    let mut out = String::new();
    for declaration in style.split(';').take(100) {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let property = property.trim().to_ascii_lowercase();
        let value = value.trim().replace(['"', '\''], "");
        let value = value.trim_end_matches("!important").trim();
        if STYLES.contains(&property.as_str()) && is_plain(&property, value) {
            if !out.is_empty() {
                out.push(';');
            }
            out.push_str(&format!("{property}:{value}"));
        }
    }
    out
}

/// No functions but colours, no escapes, and no margin that pulls a box out of the message.
fn is_plain(property: &str, value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let colour = ["rgb(", "rgba(", "hsl(", "hsla("].iter().any(|function| lower.starts_with(function));
    let characters = value
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b" #%.,-".contains(&b) || (colour && b"()".contains(&b)));
    let pulls = (property.starts_with("margin") || property == "text-indent") && value.contains('-');
    !value.is_empty() && value.len() <= 200 && characters && !pulls
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_safe_and_drops_the_rest() {
        let part = |id: &str| (id == "logo@x").then(|| "/attachments/1".to_owned());
        for (html, safe) in [
            ("<p>Hi <b>you</b></p>", "<p>Hi <b>you</b></p>"),
            ("a<script>alert(1)</script>b", "ab"),
            ("<p onclick=x() class=c id=i>t</p>", "<p>t</p>"),
            ("<form action=/x>t<input name=a></form>", "t"),
            ("<img src=\"cid:logo@x\">", "<img src=\"/attachments/1\">"),
            ("<img src='cid:logo%40x'>", "<img src=\"/attachments/1\">"),
            ("<img src=\"cid:other\" alt=o>", "<img alt=\"o\">"),
            ("<img src=https://tracker.example/p.gif>", "<img>"),
            ("<img src=\"data:image/svg+xml;base64,AAAA\">", "<img>"),
            (
                "<a href=javascript:x()>t</a>",
                "<a target=\"_blank\" rel=\"noopener noreferrer nofollow\">t</a>",
            ),
            (
                "<a href=\"https://x.example/\" target=_top>t</a>",
                "<a href=\"https://x.example/\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">t</a>",
            ),
            (
                "<a href=\"cid:logo@x\">t</a>",
                "<a rel=\"noopener noreferrer nofollow\" target=\"_blank\">t</a>",
            ),
            (
                "<p style=\"color: red; position:fixed; background:url(//x)\">t</p>",
                "<p style=\"color:red\">t</p>",
            ),
            ("<p style=\"width:expression(x())\">t</p>", "<p>t</p>"),
            (
                "<p style=\"margin-top:-900px;color:rgb(1, 2, 3)\">t</p>",
                "<p style=\"color:rgb(1, 2, 3)\">t</p>",
            ),
            ("<td background=//x.example/t.png>t", "t"),
        ] {
            assert_eq!(sanitise(html, &part), safe, "{html}");
        }
    }

    #[test]
    fn costly_html_becomes_text() {
        let html = format!("{}{}", "<b>".repeat(190), "<p>x".repeat(100_000));
        assert!(sanitise(&html, &|_| None).starts_with('x'));
    }

    /// Each would take minutes if any step were quadratic.
    #[test]
    fn bombs_are_bounded() {
        for unit in
            ["&", "&a", "& ", "&amp;", "&nbsp;", "\u{a0}", "&</b>", "<", "<table><tr><td>", "<ul><li>"]
        {
            let html = unit.repeat(100_000 / unit.len());
            sanitise(&html, &|_| None);
            crate::mail::quote::split(&to_text(&html), Some(&html));
            crate::mail::quote::new_html(&html);
        }
        let attributes: String = (0..50_000).map(|n| format!(" a{n}=1")).collect();
        crate::mail::quote::new_html(&format!("<p{attributes}>x"));
    }
}
