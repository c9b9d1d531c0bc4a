//! HTML as a flat list of nodes, and back. Linear in time and memory whatever the nesting.

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts, states::RawKind,
};
use std::cell::RefCell;

use crate::mail::html::with_few_attributes;

/// One token of the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A start tag.
    Open(Element),
    /// An end tag.
    Close(String),
    /// Characters to be read.
    Text(String),
    /// What stands in `style`, `script`, `title` and the like.
    Raw(String),
}

/// A start tag's name and attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// In lower case.
    pub name: String,
    /// As decoded, names in lower case.
    pub attributes: Vec<(String, String)>,
}

impl Element {
    /// The value of an attribute, empty when it has none.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// It never has an end tag.
    pub fn is_void(&self) -> bool {
        const VOID: [&str; 14] = [
            "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source",
            "track", "wbr",
        ];
        VOID.contains(&self.name.as_str())
    }
}

/// The nodes of a document, in order. Comments and document types are left out.
pub fn parse(html: &str) -> Vec<Node> {
    let html = with_few_attributes(html);
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(&html));
    let tokenizer = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    while !matches!(tokenizer.feed(&queue), html5ever::TokenizerResult::Done) {}
    tokenizer.end();
    tokenizer.sink.nodes.into_inner()
}

#[derive(Default)]
struct Sink {
    nodes: RefCell<Vec<Node>>,
    raw: RefCell<bool>,
}

impl Sink {
    fn text(&self, text: &str) {
        let mut nodes = self.nodes.borrow_mut();
        let raw = *self.raw.borrow();
        match nodes.last_mut() {
            Some(Node::Text(last)) if !raw => last.push_str(text),
            Some(Node::Raw(last)) if raw => last.push_str(text),
            _ if raw => nodes.push(Node::Raw(text.to_owned())),
            _ => nodes.push(Node::Text(text.to_owned())),
        }
    }

    fn tag(&self, tag: Tag) -> TokenSinkResult<()> {
        let name = tag.name.to_string();
        let raw = raw_kind(&name);
        let opens = tag.kind == TagKind::StartTag;
        self.raw.replace(opens && raw.is_some());
        self.nodes.borrow_mut().push(if opens { Node::Open(element(name, &tag)) } else { Node::Close(name) });
        raw.filter(|_| opens).map_or(TokenSinkResult::Continue, TokenSinkResult::RawData)
    }
}

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        match token {
            Token::TagToken(tag) => return self.tag(tag),
            Token::CharacterTokens(text) => self.text(&text),
            Token::NullCharacterToken => self.text("\u{fffd}"),
            Token::DoctypeToken(_) | Token::CommentToken(_) | Token::EOFToken | Token::ParseError(_) => {}
        }
        TokenSinkResult::Continue
    }
}

fn element(name: String, tag: &Tag) -> Element {
    let attributes = tag
        .attrs
        .iter()
        .map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()))
        .collect();
    Element { name, attributes }
}

fn raw_kind(name: &str) -> Option<RawKind> {
    match name {
        "script" => Some(RawKind::ScriptData),
        "style" | "xmp" | "iframe" | "noembed" | "noframes" => Some(RawKind::Rawtext),
        "title" | "textarea" => Some(RawKind::Rcdata),
        _ => None,
    }
}

/// Writes a node.
pub fn write(node: &Node, out: &mut String) {
    match node {
        Node::Open(element) => write_open(element, out),
        Node::Close(name) => out.extend(["</", name, ">"]),
        Node::Text(text) => escape(text, false, out),
        Node::Raw(text) => out.push_str(text),
    }
}

fn write_open(element: &Element, out: &mut String) {
    out.extend(["<", &element.name]);
    for (name, value) in &element.attributes {
        out.extend([" ", name, "=\""]);
        escape(value, true, out);
        out.push('"');
    }
    out.push('>');
}

fn escape(text: &str, attribute: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '\u{a0}' => out.push_str("&nbsp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' if attribute => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
}
