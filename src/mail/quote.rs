//! What the person newly wrote, against quoted history and signature (MAIL.md §1.5).

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
    let _ = html;
    NewText { body: text.to_owned(), quoted: String::new() }
}

/// The part of the HTML that the person newly wrote, not sanitised; the whole when unsure.
pub fn new_html(html: &str) -> String {
    html.to_owned()
}
