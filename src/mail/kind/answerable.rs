//! Whether a person's mail may be answered by a machine (RFC 3834 §2).

use std::sync::LazyLock;

use regex::Regex;

use super::super::parse::ParsedMail;
use super::{Ourselves, keyword, starts_with_fold};
use crate::model::Envelope;

/// Local parts that nobody reads (RFC 3834 §2, RFC 2142 for the roles of mail itself).
static NOBODY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?ix)^(no|do[._-]?not|don'?t|never|ne|nao|keine?)[._-]?(reply|respond|answer|repl[yi]e[sr]?|responder|pas[._-]?repondre|antwort(en)?)
        | ^(mailer|mail)[._-]?daemon | ^postmaster([+-]|$) | ^bounces?([+_-]|$) | [+_-]bounces?([+_-]|$) | ^listserv$ | ^majordomo$ | ^mdaemon | ^double-bounce
        | -(request|owner|return|errors)$ | ^owner- | ^msprvs1= | ^prvs=.*bounce",
    )
    .expect("a constant pattern")
});

/// Why no automatic answer may go out; `None` when it may.
pub(super) fn refusal(envelope: &Envelope, mail: &ParsedMail, us: &Ourselves<'_>) -> Option<String> {
    if envelope.reverse_path.is_null() {
        return Some("null reverse-path".to_owned());
    }
    if let Some(mark) = list_mark(mail) {
        return Some(mark);
    }
    if let Some(named) = mail.header("X-Auto-Response-Suppress").and_then(suppressed) {
        return Some(format!("X-Auto-Response-Suppress: {named}"));
    }
    let senders = mail.from.iter().chain(&mail.reply_to).map(|address| address.email.as_str());
    let mut senders = senders.chain([envelope.reverse_path.as_str()]);
    senders.find_map(|sender| refused_sender(sender, us))
}

/// The header that shows bulk mail or a mailing list (RFC 2369, RFC 2919, RFC 2076).
pub(super) fn list_mark(mail: &ParsedMail) -> Option<String> {
    let bulk =
        mail.header_all("Precedence").map(keyword).find(|w| matches!(w.as_str(), "bulk" | "junk" | "list"));
    if let Some(word) = bulk {
        return Some(format!("Precedence: {word}"));
    }
    let names = mail.headers.iter().map(|header| header.name.as_str());
    let mut marks = names.filter(|name| {
        starts_with_fold(name, "List-")
            || name.eq_ignore_ascii_case("Feedback-ID")
            || name.eq_ignore_ascii_case("Mailing-List")
            || name.eq_ignore_ascii_case("X-Mailing-List")
    });
    marks.next().map(|name| format!("{name} is set"))
}

/// What `X-Auto-Response-Suppress` forbids of `All`, `OOF` and `AutoReply` (MS-OXCMAIL §2.2.3.2.14).
fn suppressed(value: &str) -> Option<&str> {
    let mut words = value.split([',', ';']).map(str::trim);
    words.find(|word| ["all", "oof", "autoreply"].contains(&word.to_ascii_lowercase().as_str()))
}

fn refused_sender(address: &str, us: &Ourselves<'_>) -> Option<String> {
    if (us.is_our_address)(address) {
        return Some(format!("{address} is our own address"));
    }
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    NOBODY.is_match(local).then(|| format!("nobody reads {address}"))
}
