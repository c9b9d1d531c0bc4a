//! One line of a mail, looked at once.

/// What the HTML part says about the text of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hint {
    /// Nothing.
    #[default]
    None,
    /// It stands in a quote container that ends somewhere: text after it may be the person's again.
    Quoted,
    /// It stands behind a mark after which all is history.
    Tail,
    /// It stands in a signature container.
    Signature,
}

/// A line with what its first glance shows.
#[derive(Debug, Clone)]
pub struct Line<'a> {
    /// As written, without the line end.
    pub raw: &'a str,
    /// Without quote marks and blanks around.
    pub content: &'a str,
    /// How many `>` stand in front.
    pub depth: usize,
    /// What the HTML part says.
    pub hint: Hint,
}

impl<'a> Line<'a> {
    /// Looks at a line.
    pub fn new(raw: &'a str) -> Self {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        let (depth, rest) = unquoted(raw);
        Self { raw, content: rest.trim_matches(is_blank_char), depth, hint: Hint::None }
    }

    /// Nothing is written on it (it may be marked as quoted).
    pub fn is_blank(&self) -> bool {
        self.content.is_empty() && self.depth == 0
    }

    /// Marked with `>`, or in a quote container.
    pub fn is_quoted(&self) -> bool {
        self.depth > 0 || self.hint == Hint::Quoted
    }
}

/// White space, and the invisible characters that mails are full of.
pub fn is_blank_char(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{ad}')
}

/// The number of `>` in front, and what follows them. `>From` (an mbox escape) and a closing `> wrote:` are no marks.
fn unquoted(raw: &str) -> (usize, &str) {
    let mut rest = raw.trim_start_matches(is_blank_char);
    if rest.starts_with(">From ") || rest.trim_end().ends_with("<<<") {
        return (0, raw);
    }
    let mut depth = 0;
    while let Some(next) = rest.strip_prefix('>') {
        depth += 1;
        rest = next.trim_start_matches(is_blank_char);
    }
    (depth, rest)
}
