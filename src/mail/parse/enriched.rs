//! `text/enriched` (RFC 1896) and the `text/richtext` that it replaced (RFC 1341 §7.1.3), as plain text.

/// Longest name of a formatting command (RFC 1896: 60 characters), its brackets and slash included.
const MAX_COMMAND: usize = 63;

/// The text without formatting. Commands that hide what they enclose (`param`, `comment`) hide it here too;
/// where one never ends, the text is no such format, and stays.
pub(super) fn to_plain(text: &str, richtext: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut hidden, mut unfilled) = (0_usize, 0_usize);
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'<', b'\n', rest.as_bytes()) {
        if hidden == 0 {
            out.push_str(&rest[..at]);
        }
        rest = &rest[at..];
        let (length, shown) = match command(rest) {
            Some((name, length)) => {
                count(&name, &["param", "comment"], &mut hidden);
                count(&name, &["nofill"], &mut unfilled);
                (length, meaning(&name, richtext))
            }
            None if rest.starts_with("<<") && !richtext => (2, "<"),
            None if rest.starts_with('<') => (1, "<"),
            None => line_break(rest, unfilled > 0, richtext),
        };
        if hidden == 0 {
            out.push_str(shown);
        }
        rest = &rest[length..];
    }
    if hidden > 0 {
        return text.to_owned();
    }
    out.push_str(rest);
    out
}

/// A formatting command at the start: its name in lower case, with the slash that ends one, and its length.
fn command(text: &str) -> Option<(String, usize)> {
    let window = &text.as_bytes()[..text.len().min(MAX_COMMAND)];
    let end = memchr::memchr(b'>', window)?;
    let name = text.get(1..end)?;
    let plain = name.strip_prefix('/').unwrap_or(name);
    let valid = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    valid.then(|| (name.to_ascii_lowercase(), end + 1))
}

/// Counts how deep the text stands in one of these.
fn count(name: &str, of: &[&str], depth: &mut usize) {
    match name.strip_prefix('/') {
        Some(name) if of.contains(&name) => *depth = depth.saturating_sub(1),
        None if of.contains(&name) => *depth += 1,
        _ => {}
    }
}

/// What a command says by itself.
fn meaning(name: &str, richtext: bool) -> &'static str {
    match name {
        "lt" if richtext => "<",
        "nl" | "np" if richtext => "\n",
        _ => "",
    }
}

/// A run of line ends: one alone is a space, of more each but the first counts (RFC 1896 §3).
fn line_break(text: &str, unfilled: bool, richtext: bool) -> (usize, &str) {
    let length = text.bytes().take_while(|b| *b == b'\n').count();
    match length {
        _ if unfilled => (length, &text[..length]),
        _ if richtext => (length, " "),
        1 => (1, " "),
        _ => (length, &text[1..length]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_formatting_away() {
        for (text, plain) in [
            (
                "<bold>Now</bold> is the time\nfor <italic>all</italic>\n\nmen.",
                "Now is the time for all\nmen.",
            ),
            ("<color><param>red</param>Red</color> a<<b, <3 and <x@y>", "Red a<b, <3 and <x@y>"),
            ("<nofill>a\nb</nofill>\nc", "a\nb c"),
            ("one\n\n\nthree", "one\n\nthree"),
            ("<param>never ends", "<param>never ends"),
            ("ü<", "ü<"),
        ] {
            assert_eq!(to_plain(text, false), plain, "{text:?}");
        }
        assert_eq!(to_plain("a <lt>b<nl>c\n\nd<comment>x</comment>", true), "a <b\nc d");
    }
}
