//! What the person newly wrote, against quoted history and signature (MAIL.md §1.5).
//!
//! A mail is read as lines. Each line gets a mark: kept, or cut. Three things say so: the line itself
//! (`>`, an attribution, a header block, a signature), its place among the others, and the container it
//! stands in where there is an HTML part. Whatever is cut stays in [`NewText::quoted`].

mod align;
mod attribution;
mod containers;
mod dom;
mod headers;
mod html;
mod line;
mod mark;
mod signature;

use line::Line;

/// A mail's text, cut in two. Nothing is lost: both parts together hold every word of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewText {
    /// What the person newly wrote; the whole text when unsure.
    pub body: String,
    /// Quoted history and signature, in their order; empty when there is none.
    pub quoted: String,
}

/// Cuts `text` (the whole text of the mail, `\n` line ends). `html` is the HTML part as sent, where there is one:
/// its structure (quote containers of known clients) may say what the text can't.
pub fn split(text: &str, html: Option<&str>) -> NewText {
    let mut lines: Vec<Line> = text.split('\n').map(Line::new).collect();
    if let Some(html) = html {
        align::apply_hints(&mut lines, &html::hinted_words(html));
    }
    let cut = mark::mark(&lines);
    if !is_written(&lines, &cut) && !all_marked(&lines) {
        return NewText { body: trimmed(text).to_owned(), quoted: String::new() };
    }
    NewText { body: joined(&lines, &cut, false), quoted: joined(&lines, &cut, true) }
}

/// The same, for mails whose whole text may hold a line of ours that asked for answers above it: what stands above is
/// what may be new. Where nothing does, the person wrote below.
pub fn split_above(marker: &str, text: &str, html: Option<&str>) -> NewText {
    let Some((above, below)) = at_marker(marker, text) else { return split(text, html) };
    let new = split(above, html);
    if new.body.trim().is_empty() {
        return split(text, html);
    }
    let quoted = [new.quoted.as_str(), below].join("\n");
    NewText { body: new.body, quoted: trimmed(&quoted).to_owned() }
}

/// What stands above the first line that says the marker, quoted or not, and the rest with it.
fn at_marker<'t>(marker: &str, text: &'t str) -> Option<(&'t str, &'t str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if Line::new(line.trim_end()).content == marker.trim() {
            return Some(text.split_at(at));
        }
        at += line.len();
    }
    None
}

/// The part of the HTML that the person newly wrote, not sanitised; the whole when unsure.
pub fn new_html(html: &str) -> String {
    html::new_html(html).unwrap_or_else(|| html.to_owned())
}

/// A forward cut in two: what was written above it, and the text below its header block, without marks where all of it
/// is marked. `None` when nothing in it looks like one.
pub fn at_forward(text: &str) -> Option<(String, String)> {
    let lines: Vec<Line> = text.split('\n').map(Line::new).collect();
    let begins = |at: &usize| headers::announces(&lines[*at]) || headers::block_begins(&lines, *at);
    let start = (0..lines.len()).find(begins)?;
    let below = &lines[headers::block_end(&lines, start)..];
    let marked = below.iter().all(|line| line.is_blank() || line.depth > 0);
    let shown = below.iter().map(|line| if marked { line.content } else { line.raw });
    let above = lines[..start].iter().map(|line| line.raw).collect::<Vec<_>>().join("\n");
    Some((above, shown.collect::<Vec<_>>().join("\n")))
}

/// The HTML without its first lines of text, as long as they go; blank lines before and between them go too.
pub fn without_top(html: &str, goes: impl FnMut(&str) -> bool) -> String {
    html::without_top(html, goes)
}

/// A character that takes no room: mails are full of them.
pub fn is_invisible(c: char) -> bool {
    line::is_blank_char(c) && !c.is_whitespace()
}

/// Something is kept.
fn is_written(lines: &[Line], cut: &[bool]) -> bool {
    lines.iter().zip(cut).any(|(line, cut)| !cut && !line.content.is_empty())
}

/// Every line is marked as quoted, and no forwarding says that this is what the person means to show.
fn all_marked(lines: &[Line]) -> bool {
    lines.iter().all(|line| line.is_blank() || (line.depth > 0 && !headers::announces(line)))
}

/// The lines on one side of the cut; where others were taken out between two paragraphs, one blank line remains.
fn joined(lines: &[Line], cut: &[bool], side: bool) -> String {
    let mut out = String::new();
    let mut gap = false;
    for (line, &is_cut) in lines.iter().zip(cut) {
        if is_cut != side {
            gap = true;
            continue;
        }
        if std::mem::take(&mut gap) && !out.is_empty() && !out.ends_with("\n\n") && !line.is_blank() {
            out.push('\n');
        }
        out.push_str(line.raw);
        out.push('\n');
    }
    trimmed(&out).to_owned()
}

/// Without blank lines at both ends; the first line keeps its indent.
fn trimmed(text: &str) -> &str {
    let text = text.trim_end();
    let start = text.len() - text.trim_start().len();
    let line_start = text[..start].rfind('\n').map_or(0, |i| i + 1);
    &text[line_start..]
}

#[cfg(test)]
mod tests;
