//! An HTML part as lines of text, each with the container it stands in, and the HTML without what is cut.

use super::{
    align::{self, HintedWord},
    containers,
    dom::{self, Element, Node},
    line::{Hint, Line},
    mark,
};
use std::collections::HashMap;

/// The words of the document, each with what its container says.
pub fn hinted_words(html: &str) -> Vec<HintedWord> {
    let page = Page::read(html);
    page.lines
        .iter()
        .zip(&page.hints)
        .flat_map(|(line, hint)| align::words(line).map(|word| (word, *hint)))
        .collect()
}

/// The document without what is cut; `None` when nothing is, or everything.
pub fn new_html(html: &str) -> Option<String> {
    let page = Page::read(html);
    let lines: Vec<Line> = page
        .lines
        .iter()
        .zip(&page.hints)
        .map(|(line, hint)| Line { hint: *hint, ..Line::new(line) })
        .collect();
    let cut = mark::mark(&lines);
    let written =
        |side: bool| lines.iter().zip(&cut).any(|(line, cut)| *cut == side && !line.content.is_empty());
    (written(true) && written(false)).then(|| page.without(&cut))
}

/// The document without its first lines of text, as long as they go; blank lines before and between them go too.
pub fn without_top(html: &str, mut goes: impl FnMut(&str) -> bool) -> String {
    let mut page = Page::read(html);
    page.let_breaks_end_their_lines();
    let mut cut = vec![false; page.lines.len()];
    let (mut at, mut end) = (0, 0);
    while let Some(line) = page.lines.get(at) {
        if !Line::new(line).content.is_empty() {
            if !goes(line) {
                break;
            }
            end = at + 1;
        }
        at += 1;
    }
    // The blank lines below the last that goes.
    end = if end == 0 { 0 } else { at };
    cut[..end].fill(true);
    page.take_blanks_up(end);
    page.without(&cut)
}

/// A document as lines of text, and which node stands on which line.
#[derive(Default)]
struct Page {
    nodes: Vec<Node>,
    /// For each node, the line that it stands on.
    line_of: Vec<usize>,
    lines: Vec<String>,
    hints: Vec<Hint>,
    /// For each line, whether it has more than blanks.
    written: Vec<bool>,
}

impl Page {
    fn read(html: &str) -> Self {
        let mut page = Self {
            lines: vec![String::new()],
            hints: vec![Hint::None],
            written: vec![false],
            ..Self::default()
        };
        let mut walk = Walk::default();
        for node in dom::parse(html) {
            page.push(node, &mut walk);
        }
        page
    }

    fn push(&mut self, node: Node, walk: &mut Walk) {
        match node {
            Node::Open(element) => {
                walk.open(&element);
                self.open(&element);
                self.keep(Node::Open(element));
            }
            Node::Close(name) => {
                self.keep(Node::Close(name.clone()));
                walk.close(&name);
                self.close(&name);
            }
            Node::Text(text) if walk.in_pre() => self.push_pre(&text, walk.hint()),
            Node::Text(text) => self.push_text(text, walk.hint()),
            raw @ Node::Raw(_) => self.keep(raw),
        }
    }

    fn keep(&mut self, node: Node) {
        self.nodes.push(node);
        self.line_of.push(self.lines.len() - 1);
    }

    fn push_pre(&mut self, text: &str, hint: Hint) {
        for line in text.split_inclusive('\n') {
            self.push_text(line.to_owned(), hint);
            if line.ends_with('\n') {
                self.new_line();
            }
        }
    }

    fn push_text(&mut self, text: String, hint: Hint) {
        if !text.chars().all(char::is_whitespace) && *self.last_hint() != hint {
            self.break_line();
            *self.last_hint() = hint;
        }
        let line = self.lines.last_mut().expect("never empty");
        if text.starts_with(char::is_whitespace) && !line.is_empty() && !line.ends_with(' ') {
            line.push(' ');
        }
        let words: Vec<&str> =
            text.split(|c: char| c.is_whitespace() && c != '\u{a0}').filter(|w| !w.is_empty()).collect();
        line.push_str(&words.join(" "));
        *self.written.last_mut().expect("never empty") |= words.iter().any(|word| !word.trim().is_empty());
        if !words.is_empty() && text.ends_with(char::is_whitespace) {
            line.push(' ');
        }
        self.keep(Node::Text(text));
    }

    fn last_hint(&mut self) -> &mut Hint {
        self.hints.last_mut().expect("never empty")
    }

    fn open(&mut self, element: &Element) {
        match element.name.as_str() {
            "br" => self.new_line(),
            "td" | "th" => self.keep_apart(),
            "p" if element.attribute("class").starts_with("Mso") => self.break_line(),
            "p" => self.break_paragraph(),
            name if is_block(name) => self.break_line(),
            _ => {}
        }
    }

    fn close(&mut self, name: &str) {
        if is_block(name) {
            self.break_line();
        }
    }

    fn keep_apart(&mut self) {
        let line = self.lines.last_mut().expect("never empty");
        if !line.ends_with(' ') {
            line.push(' ');
        }
    }

    fn new_line(&mut self) {
        self.lines.push(String::new());
        self.hints.push(Hint::None);
        self.written.push(false);
    }

    fn break_line(&mut self) {
        if self.written.last().is_some_and(|written| *written) {
            self.new_line();
        }
    }

    fn break_paragraph(&mut self) {
        self.break_line();
        if self.written.iter().rev().nth(1).is_some_and(|written| *written) {
            self.new_line();
        }
    }

    /// A `<br>` goes with the line above it, not with the one below.
    fn let_breaks_end_their_lines(&mut self) {
        let is_break = |node: &Node| matches!(node, Node::Open(element) if element.name == "br");
        for (_, line) in self.nodes.iter().zip(&mut self.line_of).filter(|(node, _)| is_break(node)) {
            *line = line.saturating_sub(1);
        }
    }

    /// Blanks at the start of a line go with the line above it.
    fn take_blanks_up(&mut self, line: usize) {
        let own = self.nodes.iter().zip(&mut self.line_of).filter(|(_, of)| **of == line && line > 0);
        for (_, of) in own.take_while(|(node, _)| !is_visible(node)) {
            *of -= 1;
        }
    }

    /// The document without the text of the lines that are cut, and without the elements that held nothing else.
    fn without(&self, cut: &[bool]) -> String {
        let empty = self.emptied(cut);
        let mut out = String::new();
        for (index, node) in self.nodes.iter().enumerate() {
            if !empty[index] {
                dom::write(node, &mut out);
            }
        }
        out
    }

    /// For each node whether it goes.
    fn emptied(&self, cut: &[bool]) -> Vec<bool> {
        let mut gone: Vec<bool> = self.nodes.iter().map(|_| false).collect();
        let mut open: Vec<(usize, Tally)> = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            let is_cut = cut[self.line_of[index]];
            match node {
                Node::Open(element) if !element.is_void() => open.push((index, Tally::default())),
                Node::Close(name) => close_element(&self.nodes, &mut open, &mut gone, index, name),
                Node::Raw(_) => {}
                Node::Open(_) | Node::Text(_) => {
                    gone[index] = is_cut;
                    if let Some((_, tally)) = open.last_mut() {
                        tally.add(is_cut, is_visible(node));
                    }
                }
            }
        }
        while let Some(top) = open.pop() {
            settle(&mut open, &mut gone, top);
        }
        gone
    }
}

/// What stands in an element.
#[derive(Default, Clone, Copy)]
struct Tally {
    kept: bool,
    cut: bool,
}

impl Tally {
    fn add(&mut self, is_cut: bool, visible: bool) {
        self.cut |= is_cut;
        self.kept |= !is_cut && visible;
    }
}

fn is_visible(node: &Node) -> bool {
    match node {
        Node::Text(text) => !text.trim().is_empty(),
        Node::Open(element) => element.name == "img",
        Node::Close(_) | Node::Raw(_) => false,
    }
}

/// Ends the innermost open element of that name; those left open inside it end with it.
fn close_element(
    nodes: &[Node],
    open: &mut Vec<(usize, Tally)>,
    gone: &mut [bool],
    index: usize,
    name: &str,
) {
    let is_it = |(at, _): &(usize, Tally)| matches!(&nodes[*at], Node::Open(element) if element.name == name);
    const REACH: usize = 64;
    if !open.iter().rev().take(REACH).any(is_it) {
        return;
    }
    while let Some(top) = open.pop() {
        let found = is_it(&top);
        settle(open, gone, top);
        if found {
            gone[index] = gone[top.0];
            return;
        }
    }
}

fn settle(open: &mut [(usize, Tally)], gone: &mut [bool], (at, tally): (usize, Tally)) {
    gone[at] = tally.cut && !tally.kept;
    if let Some((_, parent)) = open.last_mut() {
        parent.cut |= tally.cut;
        parent.kept |= tally.kept;
    }
}

fn is_block(name: &str) -> bool {
    const BLOCKS: [&str; 29] = [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "fieldset",
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
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ];
    BLOCKS.contains(&name)
}

/// The open elements while walking over the document.
#[derive(Default)]
struct Walk {
    open: Vec<Open>,
    counts: HashMap<String, usize>,
    tail: bool,
}

struct Open {
    name: String,
    hint: Hint,
    outer: Hint,
    /// Gmail's wrapper: what follows the blockquote in it is the person's again.
    wrapper: bool,
}

impl Walk {
    fn hint(&self) -> Hint {
        if self.tail { Hint::Tail } else { self.open.last().map_or(Hint::None, |top| top.hint) }
    }

    fn in_pre(&self) -> bool {
        self.counts.get("pre").is_some_and(|count| *count > 0)
    }

    fn open(&mut self, element: &Element) {
        self.tail |= containers::is_tail_mark(element);
        if element.is_void() {
            return;
        }
        let outer = self.open.last().map_or(Hint::None, |top| top.hint);
        let hint = if outer == Hint::None { containers::hint(element) } else { outer };
        let wrapper = containers::is_gmail_wrapper(element);
        *self.counts.entry(element.name.clone()).or_default() += 1;
        self.open.push(Open { name: element.name.clone(), hint, outer, wrapper });
    }

    fn close(&mut self, name: &str) {
        if self.counts.get(name).is_none_or(|count| *count == 0) {
            return;
        }
        while let Some(top) = self.open.pop() {
            if let Some(count) = self.counts.get_mut(&top.name) {
                *count -= 1;
            }
            if top.name == name {
                break;
            }
        }
        if let Some(top) = self.open.last_mut().filter(|top| top.wrapper && name == "blockquote") {
            top.hint = top.outer;
        }
    }
}
