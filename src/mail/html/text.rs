//! HTML as text, by html5ever's tokenizer: no tree, so linear in the input.

use std::cell::RefCell;

use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::bounds;

/// Elements that start and end a line.
const BLOCKS: &[&str] = &[
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "dd",
    "details",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "legend",
    "li",
    "main",
    "nav",
    "ol",
    "option",
    "p",
    "pre",
    "section",
    "summary",
    "table",
    "tr",
    "ul",
];
/// Blocks with an empty line around them.
const PARAGRAPHS: &[&str] =
    &["p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "ul", "ol", "dl", "blockquote", "table"];

/// Readable text: blocks and `<br>` become line breaks, cells are kept apart, `style` and `script` vanish. Linear time.
pub fn to_text(html: &str) -> String {
    let html = bounds::with_few_attributes(html);
    let queue = BufferQueue::default();
    queue.push_back(html.as_ref().into());
    let has_title_end = ["</title", "</TITLE", "</Title"].iter().any(|end| html.contains(end));
    let sink = Sink(RefCell::new(Writer { has_title_end, ..Writer::default() }));
    let tokenizer = Tokenizer::new(sink, TokenizerOpts::default());
    let _ = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.0.into_inner().finish()
}

struct Sink(RefCell<Writer>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut writer = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => writer.text(&text),
            Token::TagToken(tag) => return writer.tag(&tag),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[derive(Default)]
struct Writer {
    out: String,
    /// A space is due before the next word.
    space: bool,
    /// Line breaks due before the next word: none at the very start.
    breaks: usize,
    /// Depth of `pre`, where white space counts.
    pre: usize,
    /// Whether a title ends anywhere; one that doesn't would swallow the mail.
    has_title_end: bool,
    /// Inside an element whose text nobody sees.
    hidden: Option<String>,
}

impl Writer {
    fn tag(&mut self, tag: &Tag) -> TokenSinkResult<()> {
        let name = &*tag.name;
        if self.hidden.as_deref() == Some(name) && tag.kind == TagKind::EndTag {
            self.hidden = None;
            return TokenSinkResult::Continue;
        }
        let opens = tag.kind == TagKind::StartTag;
        match name {
            "script" | "style" if opens => return self.hide(name),
            "title" if opens && self.has_title_end => return self.hide(name),
            "br" => self.line_break(),
            "td" | "th" | "img" => self.space = true,
            "pre" if opens => self.pre += 1,
            "pre" => self.pre = self.pre.saturating_sub(1),
            _ => {}
        }
        if BLOCKS.contains(&name) {
            self.breaks = self.breaks.max(if PARAGRAPHS.contains(&name) { 2 } else { 1 });
        }
        if opens && name == "li" {
            self.word("* ");
        }
        TokenSinkResult::Continue
    }

    fn hide(&mut self, name: &str) -> TokenSinkResult<()> {
        self.hidden = Some(name.to_owned());
        TokenSinkResult::RawData(match name {
            "script" => RawKind::ScriptData,
            "style" => RawKind::Rawtext,
            _ => RawKind::Rcdata,
        })
    }

    fn line_break(&mut self) {
        self.settle();
        self.out.push('\n');
        self.space = false;
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        if self.pre > 0 {
            self.settle();
            self.out.push_str(text);
            return;
        }
        for (index, word) in text.split(is_collapsible).enumerate() {
            self.space |= index > 0;
            if !word.is_empty() {
                self.word(word);
            }
        }
    }

    fn word(&mut self, word: &str) {
        self.settle();
        if self.space && !self.out.is_empty() && !self.out.ends_with(['\n', ' ']) {
            self.out.push(' ');
        }
        self.space = false;
        self.out.push_str(word);
    }

    /// Writes the line breaks that are due.
    fn settle(&mut self) {
        if self.breaks > 0 {
            let there = self.out.bytes().rev().take_while(|b| *b == b'\n').count();
            if !self.out.is_empty() {
                (there..self.breaks).for_each(|_| self.out.push('\n'));
            }
            (self.breaks, self.space) = (0, false);
        }
    }

    fn finish(mut self) -> String {
        self.out.truncate(self.out.trim_end().len());
        self.out
    }
}

/// White space that HTML folds; a no-break space is not.
fn is_collapsible(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_as_a_person_would() {
        for (html, text) in [
            ("<p>Hi  there,<p>bye", "Hi there,\n\nbye"),
            ("a<br>b<br><br>c", "a\nb\n\nc"),
            ("<div>a</div><div>b <b>c</b></div>", "a\nb c"),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
            ("<ul><li>one</li><li>two</li></ul>x", "* one\n* two\n\nx"),
            ("<pre>a\n  b</pre>c", "a\n  b\n\nc"),
            ("<style>p{}</style>a<script>x('<p>')</script>b", "ab"),
            ("<a href=x>link</a> &amp; &lt;b&gt; &uuml;", "link & <b> ü"),
            ("a < b", "a < b"),
            ("<title>never ends", "never ends"),
            ("<title>t</title>a<!-- c -->b", "ab"),
            ("", ""),
            ("<b", ""),
        ] {
            assert_eq!(to_text(html), text, "{html}");
        }
    }
}
