//! What a mail says about the ticket it belongs to (MAIL.md §1.4). Whether that is believed is the desk's decision.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::Regex;

use super::parse::ParsedMail;
use crate::model::{MessageId, TicketNumber};

/// Most ids that a mail may be looked up by; a header full of them costs no more than this.
const MAX_IDS: usize = 50;

/// Prefixes of replies, as mail programs write them: en, de, nl, sv/da/no/is, fi, hu, fr, it, pt, pl, hr/sl, tr, cy, id,
/// el, ru, zh, ja, ko, he, ar, vi. `VS` is a Finnish reply and a Danish forward: it counts as a reply.
const REPLY_WORDS: &str = "re|aw|antw|antwort|sv|vs|vá|ré|rép|r|rif|res|odp|odg|ynt|atb|bls|σχετ|απ|отв|ответ|回复|回覆|答复|\
    答覆|返信|回信|답장|회신|תשובה|השב|رد|trả lời";
/// Prefixes of forwarded mail: en, de, sv, fi, is, fr, nl, it, es, pt, pl, tr, hu, ro, cy, id, el, ru, zh, ja, ko, he,
/// ar, vi.
const FORWARD_WORDS: &str = "fwd?|wg|vb|vl|fs|tr|doorst|i|rv|enc|pd|[iİ]lt|továbbítás|redirecționat|yml|trs|πρθ|пересл|转发|轉寄|\
    轉發|転送|전달|הועבר|إعادة توجيه|chuyển tiếp";

/// One prefix: the word, perhaps counted (`Re[2]`, `Re(2)`, `Re^2`, `RE2`), and a colon of either width.
static PREFIX: LazyLock<Regex> = LazyLock::new(|| prefix(&format!("{REPLY_WORDS}|{FORWARD_WORDS}")));
static FORWARD: LazyLock<Regex> = LazyLock::new(|| prefix(FORWARD_WORDS));
static TAG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\[\s*#?TKT-[0-9OIL]{4}-[0-9A-Z]{6}\s*\]"));
static NUMBER: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)TKT-[0-9OIL]{4}-[0-9A-Z]{6}"));

/// Ids the mail answers, best first: `In-Reply-To`, then `References` from the newest back; no doubles, at most 50.
pub fn answered_ids(mail: &ParsedMail) -> Vec<MessageId> {
    let mut seen = HashSet::new();
    let best_first = mail.in_reply_to.iter().chain(mail.references.iter().rev());
    best_first.filter(|id| seen.insert(*id)).take(MAX_IDS).cloned().collect()
}

/// Ticket numbers in a decoded subject, in order, no doubles: any case, o→0 and i,l→1, bracketed or not, but not as
/// part of a longer word.
pub fn subject_numbers(subject: &str) -> Vec<TicketNumber> {
    let mut numbers = Vec::new();
    for found in NUMBER.find_iter(subject) {
        let before = subject[..found.start()].chars().next_back();
        let after = subject[found.end()..].chars().next();
        if before.is_some_and(is_word) || after.is_some_and(is_word) {
            continue;
        }
        let Some(number) = TicketNumber::parse(found.as_str()) else { continue };
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

/// The subject without reply and forward prefixes (`Re:`, `AW:`, `Fwd:`, `WG:`, `SV[2]:`, … in the languages mail
/// programs use) and without our `[TKT-…]` tags; trimmed.
pub fn bare_subject(subject: &str) -> String {
    let untagged = TAG.replace_all(subject, " ");
    let mut rest = untagged.trim();
    let bracketed = rest.starts_with('[') && PREFIX.is_match(rest);
    while let Some(prefix) = PREFIX.find(rest) {
        rest = rest[prefix.end()..].trim_start();
    }
    if bracketed && !rest.contains('[') {
        rest = rest.strip_suffix(']').unwrap_or(rest);
    }
    rest.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether the first prefix of the subject says that the mail was forwarded (`Fwd:`, `WG:`, `TR:`, …).
pub fn is_forward_subject(subject: &str) -> bool {
    FORWARD.is_match(TAG.replace(subject, " ").trim())
}

/// A digit, letter or mark of any script, and `_`: what makes a longer word of a number.
fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn prefix(words: &str) -> Regex {
    pattern(&format!(r"(?i)^\[?(?:{words})(?:\s?[\[(^]?\d{{1,3}}[\])]?)?\]?\s?[:：]"))
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> MessageId {
        MessageId::new(text).unwrap()
    }

    #[test]
    fn answered_ids_come_best_first_and_once() {
        let mail = ParsedMail {
            in_reply_to: vec![id("c@x")],
            references: vec![id("a@x"), id("b@x"), id("c@x")],
            ..ParsedMail::default()
        };
        assert_eq!(answered_ids(&mail), [id("c@x"), id("b@x"), id("a@x")]);
        let many = ParsedMail {
            references: (0..1000).map(|n| id(&format!("{n}@x"))).collect(),
            ..ParsedMail::default()
        };
        let ids = answered_ids(&many);
        assert_eq!((ids.len(), &ids[0]), (MAX_IDS, &id("999@x")));
    }

    #[test]
    fn numbers_are_found_as_people_write_them() {
        for (subject, want) in [
            ("Re: Lamp broken [TKT-2026-K7Q4ZP]", vec!["TKT-2026-K7Q4ZP"]),
            ("tkt-2o26-koilzp: still broken", vec!["TKT-2026-K011ZP"]),
            ("[#TKT-2026-K7Q4ZP]", vec!["TKT-2026-K7Q4ZP"]),
            (
                "(TKT-2026-K7Q4ZP) and TKT-2026-000001, TKT-2026-K7Q4ZP",
                vec!["TKT-2026-K7Q4ZP", "TKT-2026-000001"],
            ),
            ("Ticket:TKT-2026-K7Q4ZP", vec!["TKT-2026-K7Q4ZP"]),
            ("回复：TKT-2026-K7Q4ZP。", vec!["TKT-2026-K7Q4ZP"]),
            ("XTKT-2026-K7Q4ZP", vec![]),
            ("TKT-2026-K7Q4ZPX", vec![]),
            ("TKT-2026-K7Q4ZP_old", vec![]),
            ("éTKT-2026-K7Q4ZP", vec![]),
            ("TKT-2026-K7Q4ZU", vec![]),
            ("TKT-2026", vec![]),
            ("", vec![]),
        ] {
            let got: Vec<_> = subject_numbers(subject).iter().map(|n| n.as_str().to_owned()).collect();
            assert_eq!(got, want, "{subject}");
        }
    }

    #[test]
    fn subjects_are_bared_of_prefixes_and_tags() {
        for (subject, want) in [
            ("Re: Lamp broken [TKT-2026-K7Q4ZP]", "Lamp broken"),
            ("RE: AW: Re[2]: Fwd: WG: Lamp", "Lamp"),
            ("SV[2]: Lampe", "Lampe"),
            ("Re^3: Lamp", "Lamp"),
            ("RE2: Lamp", "Lamp"),
            ("Re (4): Lamp", "Lamp"),
            ("TR : Lampe", "Lampe"),
            ("RÉP: Lampe", "Lampe"),
            ("回复：回复: 灯", "灯"),
            ("Ответ: Лампа", "Лампа"),
            ("[TKT-2026-K7Q4ZP] Re: Lamp", "Lamp"),
            ("[Fwd: Lamp]", "Lamp"),
            ("[Fwd: Lamp [blue]]", "Lamp [blue]]"),
            ("İLT: Lamba", "Lamba"),
            ("  Lamp   broken ", "Lamp broken"),
            ("Return: how?", "Return: how?"),
            ("Recipe: cake", "Recipe: cake"),
            ("Re:", ""),
            ("Bestellung 1: Re: Lampe", "Bestellung 1: Re: Lampe"),
        ] {
            assert_eq!(bare_subject(subject), want, "{subject}");
        }
    }

    #[test]
    fn forwards_are_told_by_the_first_prefix() {
        for (subject, want) in [
            ("Fwd: Lamp", true),
            ("FW: Lamp", true),
            ("WG: Lampe", true),
            ("TR : Lampe", true),
            ("[Fwd: Lamp]", true),
            ("[TKT-2026-K7Q4ZP] Fwd: Lamp", true),
            ("转发：灯", true),
            ("Re: Fwd: Lamp", false),
            ("Forward planning", false),
            ("Lamp", false),
        ] {
            assert_eq!(is_forward_subject(subject), want, "{subject}");
        }
    }
}
