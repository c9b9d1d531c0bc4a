//! The containers that known clients put quoted history and signatures in.

use super::{dom::Element, line::Hint};
use regex::Regex;
use std::sync::LazyLock;

const GMAIL_CLASSES: [&str; 2] = ["gmail_quote", "gmail_quote_container"];
/// Classes of containers that hold quoted history.
const QUOTE_CLASSES: [&str; 21] = [
    "gmail_attr",
    "moz-cite-prefix",
    "moz-forward-container",
    "moz-email-headers-table",
    "yahoo_quoted",
    "yahoo-quoted-text",
    "protonmail_quote",
    "tutanota_quote",
    "zmail_extra",
    "zmail_extra_hr",
    "desk-q",
    "ntes-mailmaster-quote",
    "freescout-quote",
    "quoted-text",
    "airmail_on",
    "bloop_original_html",
    "mailspring-quote",
    "ms-outlook-mobile-reference-message",
    "front-blockquote",
    "sh-quoted-content",
    "missive_quote",
];
/// Ids of containers that hold quoted history. Outlook on the web puts `x_` before those of older mails.
const QUOTE_IDS: [&str; 5] = [
    "OLK_SRC_BODY_SECTION",
    "mail-editor-reference-message-container",
    "replySplit",
    "isReplyContent",
    "reply-intro",
];
/// Ids of marks behind which all is history.
const TAIL_IDS: [&str; 8] = [
    "divRplyFwdMsg",
    "appendonsend",
    "stopSpelling",
    "EC_stopSpelling",
    "zwchr",
    "mail-editor-reference-message",
    "ms-outlook-mobile-body-separator-line",
    "divTaggedContent",
];
/// Classes of signatures.
const SIGNATURE_CLASSES: [&str; 8] = [
    "gmail_signature",
    "gmail_signature_prefix",
    "moz-signature",
    "protonmail_signature_block",
    "ms-outlook-mobile-signature",
    "zmail_signature",
    "mcntSignature",
    "bloop_sign",
];
/// Ids of signatures.
const SIGNATURE_IDS: [&str; 5] = [
    "ymail_android_signature",
    "ms-outlook-mobile-signature",
    "AppleMailSignature",
    "appleMailSignature",
    "ymail_ios_signature",
];

/// The line that desktop Outlook draws above the header block of the mail answered.
static OUTLOOK_RULE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)border-top: ?(?:solid (?:#B5C4DF|#E1E1E1) 1(?:\.0)?pt|1(?:\.0)?pt solid (?:#B5C4DF|#E1E1E1|rgb\(181, ?196, ?223\)|rgb\(225, ?225, ?225\)))|border-top-color: ?rgb\(229, ?229, ?229\)")
        .expect("a constant pattern")
});

/// All behind it is history.
pub fn is_tail_mark(element: &Element) -> bool {
    TAIL_IDS.contains(&bare(element.attribute("id")))
        || element.attribute("data-marker") == "__DIVIDER__"
        || (element.name == "div" && OUTLOOK_RULE.is_match(element.attribute("style")))
}

/// Gmail's wrapper around attribution and quote: what follows the quote in it is the person's again.
pub fn is_gmail_wrapper(element: &Element) -> bool {
    element.name != "blockquote" && has_class(element, &GMAIL_CLASSES)
}

/// What the element says about the text in it.
pub fn hint(element: &Element) -> Hint {
    let id = bare(element.attribute("id"));
    let cited = element.name == "blockquote" && element.attribute("type").eq_ignore_ascii_case("cite");
    if cited || has_class(element, &GMAIL_CLASSES) || has_class(element, &QUOTE_CLASSES) {
        return Hint::Quoted;
    }
    if QUOTE_IDS.contains(&id) || id.starts_with("desk-q-") || id.starts_with("yahoo_quoted") {
        return Hint::Quoted;
    }
    if has_class(element, &SIGNATURE_CLASSES)
        || SIGNATURE_IDS.contains(&id)
        || (id == "Signature" && element.name == "div")
    {
        return Hint::Signature;
    }
    Hint::None
}

fn has_class(element: &Element, classes: &[&str]) -> bool {
    element.attribute("class").split_ascii_whitespace().any(|class| classes.contains(&bare(class)))
}

/// A name without what web mailers put before those of mails they show: `x_`, `ecx`, `m_-123`, `ydp1a2b3c4d`.
fn bare(mut name: &str) -> &str {
    while let Some(rest) = name.strip_prefix("x_") {
        name = rest;
    }
    if let Some(rest) = name.strip_prefix("m_") {
        return rest.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
    }
    if name.starts_with("ydp") && name.ends_with("yahoo_quoted") {
        return "yahoo_quoted";
    }
    name.strip_prefix("ecx").unwrap_or(name)
}
