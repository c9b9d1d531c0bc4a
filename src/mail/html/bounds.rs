//! Bounds put on HTML in linear time, before anything builds a tree of it. Tree building costs elements × open formatting
//! elements, sanitising costs nesting squared, tokenising costs the attributes of a tag squared, and writing a text costs
//! its length for each `&` in it.

use std::borrow::Cow;

/// More HTML than this is cut off, in octets.
const MAX_SIZE: usize = 2 * 1024 * 1024;
/// Elements nested deeper than this are opened no more.
const MAX_DEPTH: usize = 200;
/// More attributes than this of one tag are dropped.
const MAX_ATTRIBUTES: usize = 60;
/// What all tags together may cost: each costs the elements open around it. What all text may cost: its length in units
/// of [`STRIDE`] for each character that is written as an entity.
const MAX_COST: usize = 3_000_000;
/// How many octets of text are looked through in the time that one element costs.
const STRIDE: usize = 1_024;

/// Elements that end without an end tag: they are not counted as open.
const SELF_ENDING: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr", "p", "li", "td", "th", "tr", "dt", "dd", "option", "thead", "tbody", "tfoot", "colgroup", "html",
    "head", "body", "rt", "rp",
];

/// The HTML within the bounds; `None` when it would cost too much to build a tree of it at all.
pub(super) fn bounded(html: &str) -> Option<Cow<'_, str>> {
    let html = &html[..html.floor_char_boundary(MAX_SIZE)];
    let mut scan = Scan { html, kept_to: 0, out: String::new(), open: 0, dropped: 0, cost: 0 };
    let (mut at, mut text, mut entities) = (0, 0, 0);
    while at < html.len() {
        let next = memchr::memchr(b'<', &html.as_bytes()[at..]).map_or(html.len(), |found| at + found);
        text += next - at;
        entities += entities_in(&html.as_bytes()[at..next]);
        at = if next < html.len() { scan.tag(next) } else { next };
        if scan.cost > MAX_COST || entities.saturating_mul(text) / STRIDE > MAX_COST {
            return None;
        }
    }
    Some(scan.finish())
}

/// Characters that are written as entities: `&` and the no-break space. (Those of `<` are tags, or next to one.)
fn entities_in(text: &[u8]) -> usize {
    memchr::memchr2_iter(b'&', NO_BREAK_SPACE, text).count()
}

/// The second octet of U+00A0.
const NO_BREAK_SPACE: u8 = 0xa0;

/// The HTML with no tag of more attributes than the tokenizer takes in linear time.
pub(in crate::mail) fn with_few_attributes(html: &str) -> Cow<'_, str> {
    let mut scan = Scan { html, kept_to: 0, out: String::new(), open: 0, dropped: 0, cost: 0 };
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'<', &html.as_bytes()[at..]) {
        let start = at + found;
        at = match html.as_bytes().get(start + 1) {
            Some(b) if b.is_ascii_alphabetic() || *b == b'/' => scan.attributes(start + 2),
            _ => start + 1,
        };
    }
    scan.finish()
}

struct Scan<'a> {
    html: &'a str,
    /// Everything before is in `out`.
    kept_to: usize,
    out: String,
    open: usize,
    dropped: usize,
    cost: usize,
}

impl<'a> Scan<'a> {
    /// Looks at what starts with the `<` at `start`; gives where to go on.
    fn tag(&mut self, start: usize) -> usize {
        let rest = &self.html.as_bytes()[start + 1..];
        if rest.starts_with(b"!--") {
            return memchr::memmem::find(rest, b"-->").map_or(self.html.len(), |end| start + 1 + end + 3);
        }
        let closing = rest.first() == Some(&b'/');
        let name_start = start + 1 + usize::from(closing);
        let name = name_at(self.html, name_start);
        if name.is_empty() {
            return start + 1;
        }
        let end = self.attributes(name_start + name.len());
        self.cost += 1 + self.open;
        self.count(name, closing, start, end);
        end
    }

    /// Goes to the end of the tag whose attributes start at `start`, and drops those that are too many.
    fn attributes(&mut self, start: usize) -> usize {
        let (end, cut) = tag_end(self.html.as_bytes(), start);
        if let Some(cut) = cut {
            let closed = self.html[..end].ends_with('>');
            self.drop_range(cut, end - usize::from(closed));
        }
        end
    }

    /// Keeps the balance of open elements, and drops what would nest too deep together with its end tag.
    fn count(&mut self, name: &str, closing: bool, start: usize, end: usize) {
        if SELF_ENDING.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return;
        }
        match (closing, self.dropped) {
            (true, 0) => self.open = self.open.saturating_sub(1),
            (true, _) => {
                self.dropped -= 1;
                self.drop_range(start, end);
            }
            (false, _) if self.open >= MAX_DEPTH => {
                self.dropped += 1;
                self.drop_range(start, end);
            }
            (false, _) => self.open += 1,
        }
    }

    fn drop_range(&mut self, start: usize, end: usize) {
        if start >= self.kept_to {
            self.out.push_str(&self.html[self.kept_to..start]);
        }
        self.kept_to = self.kept_to.max(end);
    }

    fn finish(mut self) -> Cow<'a, str> {
        if self.kept_to == 0 {
            return Cow::Borrowed(self.html);
        }
        self.out.push_str(&self.html[self.kept_to.min(self.html.len())..]);
        Cow::Owned(self.out)
    }
}

fn name_at(html: &str, start: usize) -> &str {
    let rest = &html[start..];
    if !rest.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return "";
    }
    let end = rest.bytes().take(40).position(|b| b.is_ascii_whitespace() || matches!(b, b'/' | b'>' | b'<'));
    let end = rest.floor_char_boundary(end.unwrap_or(rest.len().min(40)));
    &rest[..end]
}

/// Where a tag ends (behind its `>`), and where its attributes become too many. Quotes hide `>` only behind a `=`.
fn tag_end(bytes: &[u8], start: usize) -> (usize, Option<usize>) {
    let (mut at, mut attributes, mut cut) = (start, 0, None);
    let mut after_equals = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'>' => return (at + 1, cut),
            b'"' | b'\'' if after_equals => {
                at = memchr::memchr(byte, &bytes[at + 1..]).map_or(bytes.len(), |end| at + 1 + end);
                after_equals = false;
            }
            b'=' => after_equals = true,
            _ if byte.is_ascii_whitespace() || byte == b'/' => {
                attributes += usize::from(!after_equals);
                if attributes > 4 * MAX_ATTRIBUTES && cut.is_none() {
                    cut = Some(at);
                }
            }
            _ => after_equals = false,
        }
        at += 1;
    }
    (bytes.len(), cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_ordinary_html_alone() {
        let html = "<p>a<br><a title='>' href=\"x\">b</a><!-- <b> --><p>c < d";
        assert_eq!(bounded(html).as_deref(), Some(html));
    }

    #[test]
    fn bounds_depth_attributes_and_cost() {
        let deep = format!("{}x{}", "<div>".repeat(5_000), "</div>".repeat(5_000));
        assert_eq!(bounded(&deep).expect("cheap").matches("<div>").count(), MAX_DEPTH);
        let wide = format!("<p {}>x", "a=1 ".repeat(100_000));
        assert!(bounded(&wide).expect("cheap").len() < 2_000);
        let many = format!("{}{}", "<b>".repeat(190), "<p>".repeat(100_000));
        assert!(bounded(&many).is_none());
    }
}
