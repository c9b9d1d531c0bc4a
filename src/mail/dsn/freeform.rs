//! Bounces in plain words, as qmail, Exim, old Postfix and sendmail, Exchange, Notes and many others write them.
//!
//! They have three things in common: a machine writes them, a phrase says that something was not delivered, and the
//! address stands behind the phrase, on a line of its own or in the sentence that gives the reason.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

use super::super::parse::ParsedMail;
use super::super::pattern::Pattern;
use super::returned::{self, Returned};
use super::rfc3464::shortened;
use super::sender::{self, Signs};
use super::{Action, DeliveryReport, RecipientReport, fields, status};
use crate::model::Envelope;

/// A report says what it has to say early.
const MAX_LINES: usize = 400;
const MAX_LINE: usize = 1_000;
const MAX_WORDS: usize = 2_000;
const MAX_DIAGNOSTIC: usize = 1_000;
const MAX_RECIPIENTS: usize = 100;

/// "This was not delivered", in the languages of the large providers.
static PHRASE: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?ix) (could|can|was|were|is|has|have|been|be)\s?(not|n.t)\ (yet\ )?(be\ |been\ )?(successfully\ )?(deliver|sent|reach) | not\ (be\ )?(deliver|reach)(ed|able)?\ (to|within)
        | (unable|not\ able|failed|wasn.t\ able|unsuccessful|tried|attempt\w*)\ (to|in)\ (be\ )?(deliver|send|reach|relay) | undeliver(able|ed) | delivery\ (to|of|for)\ .{0,60}(fail|delay|aborted|not\ possible|impossible)
        | delivery\ (has\ )?(failed|failure|is\ delayed|error|was\ not|attempt|problem) | (error|problem|failure|trouble|difficult(y|ies))s?\ .{0,30}(deliver|sending) | rejected\ recipient | (fail|error)\w*\ (to|address|recipient)
        | address(es|\(es\))?\ .{0,20}(failed|delivery\ problems|fatal|errors?) | failed\ (address|recipient) | did\ ?n[o']t\ (reach|receive) | did\ not\ reach | not\ .{0,20}receive\ (a\ copy\ of\ )?(your|this)\ m
        | (permanent|fatal|transient|delivery)\ (fatal\ |delivery\ )?errors? | could\ not\ be\ (reached|found|completed|sent|processed) | (has|have)\ been\ (delayed|rejected|returned|blocked|bounced)
        | (is|are|being)\ (being\ )?(returned|delayed|rejected|bounced) | delayed\ for | will\ be\ retried | problem\ with\ the\ e-?mail\ address | not\ accepting\ mail | no\ valid\ recipients | delivery\ status\ notification
        | not\ (a\ )?member\ of | duplicated\ message-id | is\ not\ accepted | failure\ reasons | error_code | was\ (rejected|refused|blocked|returned)\ (by|because|to|due) | message\ was\ rejected | (mailbox|folder)\ is\ full | returned\ to\ (the\ )?sender
        | n.a\ (pas\ )?pu\ (etre|être) | non\ remis | n.a\ pas\ été | n.ont\ pas | konnte\ .{0,80}nicht | nicht\ (zugestellt|ausgeliefert|zustellbar) | unzustellbar | no\ (se\ )?(pudo|ha\ podido|puede|ha\ sido) | non\ (è|e)\ stat | impossibile
        | não\ (foi|pôde|pode) | niet\ (worden\ )?(bezorgd|afgeleverd) | kunde\ inte | kunne\ ikke | ei\ voitu | nie\ (można|mo|został) | nelze | iletilemedi | не\ (может|удалось|была?|было)\ (быть\ )?доставл | не\ удалось
        | 退回 | 送信できません | 配信できません | 配送できません | 失敗しま | 届けることができません | 届きません | 无法 | 無法 | 失败 | 未能 | 전송.{0,10}실패",
    )
});
/// The lines that introduce an address which did not fail.
static OTHER: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?i)contact|questions?\b|assistance|send (e-?)?mail to|sent by|^\s*(from|reply-to|sender|cc|bcc|subject)\s*:|if you (feel|think|believe|need|have)|mail from|envelope-from|generat(ed|ing)|(complain|write|e-?mail|refer|forward\w*) to|on behalf|^\W*(hi|hello|dear|sorry|hallo|bonjour|hola)\b|please reply",
    )
});
/// A notice that it is still being tried.
static DELAY: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?i)warning message only|this is a warning|delayed|will be retried|still being retried|will keep trying|do not need to re-?send|delivery attempts will continue|temporary failure report|still undelivered|will continue trying|not yet been delivered",
    )
});
/// An address at the head of a line, in any dress, perhaps with a label in front.
static HEAD: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^[\s>*•·|-]*(?:(?:failed |intended )?(?:recipient|receiver|address|addressee|rcpt to|destinatario|destinataire|empfänger|收件人|宛先)s?\s*[:=：]\s*)?[\[(<\x22']*(?:smtp:|mailto:|rfc822;\s*)?",
    )
});
/// `Your message to: jo@example.org`, the address failing in the next line.
static SENT_TO: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?i)\b(message|mail|e-mail|nachricht|correo|mensaje|courriel)\b( \w+){0,3} (to|for|an|a|à|para)\s*:?\s*[<\x22']?\S+@",
    )
});
/// The words before an address on the next line: `A message you sent to`.
static INTRODUCES: LazyLock<Pattern> =
    LazyLock::new(|| Pattern::new(r"(?i)\b(message|mail|e-mail)( \w+){0,4} to:?\s*$"));
/// `c=US;a= ;…;dda:SMTP=jo@example.org;`: an X.400 name, as Exchange shows it.
static X400: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\bSMTP[=:]\s*([^\s;\])>]+@[^\s;\])>]+)"));
/// A local part alone, where a provider knows its own users by nothing more.
static BARE_NAME: LazyLock<Pattern> = LazyLock::new(|| Pattern::new(r"^[A-Za-z0-9][A-Za-z0-9._-]{2,40}$"));

struct Found {
    recipient: String,
    /// What is said about it.
    words: String,
    /// Whether all has been said.
    ended: bool,
}

/// A bounce without a status part; `None` when a sign is missing.
pub(super) fn read(envelope: &Envelope, mail: &ParsedMail) -> Option<DeliveryReport> {
    let signs = sender::signs(envelope, mail);
    if !signs.machine {
        return None;
    }
    let body = returned::body(mail);
    let (report, back) = returned::split(&body);
    let gives_back =
        !back.is_empty() || mail.attachments.iter().any(|p| p.content_type.starts_with("message/"));
    if !is_report(signs, PHRASE.is_match(&one_line(report)), gives_back) {
        return None;
    }
    let returned = returned::read(mail);
    let found = recipients(mail, report, &returned);
    if found.is_empty() && !(signs.subject && signs.daemon) {
        return None;
    }
    let delayed = DELAY.is_match(report) || DELAY.is_match(&mail.subject);
    let recipients = found.into_iter().map(|found| found.into_report(delayed)).collect();
    Some(DeliveryReport { recipients, ..returned.into_report() })
}

/// What the text says about each address that it names.
pub(super) fn words(mail: &ParsedMail) -> HashMap<String, String> {
    let body = returned::body(mail);
    let (report, _) = returned::split(&body);
    at_line_heads(report).into_iter().map(|found| (found.recipient, found.words)).collect()
}

/// Two signs beside the machine: it is a mailer's, it has a report's subject, it says so, it gives the mail back.
fn is_report(signs: Signs, says_so: bool, gives_back: bool) -> bool {
    let count = [signs.daemon, signs.subject, says_so, gives_back].into_iter().filter(|sign| *sign).count();
    count >= 2 && (signs.subject || says_so)
}

/// Who failed: by the text, else by `X-Failed-Recipients`, else the one to whom the returned mail went.
fn recipients(mail: &ParsedMail, report: &str, returned: &Returned) -> Vec<Found> {
    let whole = one_line(report);
    let ways: [&dyn Fn() -> Vec<Found>; 5] = [
        &|| at_line_heads(report),
        &|| in_sentences(report),
        &|| named(mail.header_all("x-failed-recipients").flat_map(fields::addresses), &whole),
        &|| bare_names(mail, report),
        &|| named(returned.to.iter().filter(|_| returned.to.len() == 1).cloned(), &whole),
    ];
    let mut found = ways.into_iter().map(|way| way()).find(|found| !found.is_empty()).unwrap_or_default();
    if let [one] = found.as_mut_slice()
        && (!status::is_reason(&one.words) || (!status::has_code(&one.words) && status::has_code(&whole)))
    {
        one.words = whole;
    }
    found
}

/// Addresses that begin a line behind the phrase; the lines up to the next one, or to the end of the paragraph that
/// gives the reason, are about it.
fn at_line_heads(report: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut before = String::new();
    for line in lines(report) {
        let head = head_address(line).filter(|(_, rest)| counts(&before, line, rest, &found));
        match (head, found.last_mut()) {
            (Some((recipient, rest)), _) => mention(&mut found, recipient, rest),
            (None, Some(last)) if line.trim().is_empty() => last.ended |= status::is_reason(&last.words),
            (None, Some(last)) if !last.ended => last.add(line),
            (None, _) => {}
        }
        before.push(' ');
        before.push_str(line.trim());
        before.drain(..before.floor_char_boundary(before.len().saturating_sub(400)));
    }
    found
}

/// Adds a recipient, or more words about a known one.
fn mention(found: &mut Vec<Found>, recipient: String, words: &str) {
    match found.iter().position(|known| known.recipient == recipient) {
        Some(known) => {
            found[known].ended = false;
            found[known].add(words);
        }
        None if found.len() < MAX_RECIPIENTS => found.push(Found::new(recipient, words)),
        None => {}
    }
}

/// Whether an address at the head of a line is a failed one: introduced by the phrase, followed by its reason, or
/// written as qmail's bounces have it (<https://cr.yp.to/proto/qsbmf.txt>).
fn counts(before: &str, line: &str, rest: &str, found: &[Found]) -> bool {
    if line.starts_with('<') && rest.starts_with(':') {
        return true;
    }
    let previous = &before[before.floor_char_boundary(before.len().saturating_sub(80))..];
    if rest.starts_with("...") {
        return found.is_empty();
    }
    if rest.is_empty() && found.is_empty() && INTRODUCES.is_match(previous.trim_end()) {
        return true;
    }
    if OTHER.is_match(previous) && !PHRASE.is_match(previous) && found.is_empty() {
        return false;
    }
    !found.is_empty() || PHRASE.is_match(before) || (rest.starts_with(':') && status::is_reason(rest))
}

fn head_address(line: &str) -> Option<(String, &str)> {
    if let Some(x400) = X400.captures(line) {
        return Some((fields::address(&x400[1])?, ""));
    }
    let skipped = HEAD.find(line).map_or(0, |head| head.end());
    let rest = &line[skipped..];
    let (length, recipient) = fields::leading_address(rest)?;
    let tail = rest[length..].trim_start_matches(['>', ')', ']', '"', '\'', '<']).trim_start();
    let tail = tail.strip_prefix("mailto:").map_or(tail, |_| "");
    let ends = tail.is_empty() || tail.starts_with([':', ',', ';', '.', '-', '(', '<', '[', '|']);
    (ends || tail.starts_with("on ") || status::is_reason(tail)).then_some((recipient, tail))
}

/// Addresses in sentences that say of them that they failed.
fn in_sentences(report: &str) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut pending = false;
    for line in lines(report).filter(|line| !line.trim().is_empty()) {
        let sent_to = SENT_TO.is_match(line) || line.contains("generated from");
        let says_so = sent_to || PHRASE.is_match(line) || status::is_reason(line);
        let other = OTHER.is_match(line) && !line.contains("generated from");
        let addresses = fields::addresses(line);
        if (says_so || pending) && !other {
            addresses.into_iter().take(1).for_each(|recipient| mention(&mut found, recipient, ""));
        }
        pending = says_so && found.is_empty();
        if let Some(last) = found.last_mut() {
            last.add(line);
        }
    }
    found
}

fn named(recipients: impl Iterator<Item = String>, whole: &str) -> Vec<Found> {
    recipients.take(MAX_RECIPIENTS).map(|recipient| Found::new(recipient, whole)).collect()
}

/// Users of the reporting provider, named without its domain.
fn bare_names(mail: &ParsedMail, report: &str) -> Vec<Found> {
    let Some((_, domain)) = mail.from.first().and_then(|from| from.email.rsplit_once('@')) else {
        return Vec::new();
    };
    let mut introduced = false;
    let mut found = Vec::new();
    for line in lines(report) {
        if introduced && BARE_NAME.is_match(line.trim()) {
            found.push(Found::new(format!("{}@{domain}", line.trim()).to_lowercase(), &one_line(report)));
        }
        introduced |= PHRASE.is_match(line) && line.to_ascii_lowercase().contains("recipient");
    }
    found.truncate(MAX_RECIPIENTS);
    found
}

fn lines(report: &str) -> impl Iterator<Item = &str> {
    let cut = |line: &'_ str| line.floor_char_boundary(MAX_LINE);
    report.lines().take(MAX_LINES).map(move |line| &line[..cut(line)])
}

/// The beginning of a text in one line.
fn one_line(text: &str) -> String {
    let words = lines(text).flat_map(str::split_whitespace).take(MAX_WORDS);
    words.collect::<Vec<_>>().join(" ")
}

impl Found {
    fn new(recipient: String, words: &str) -> Self {
        Self { recipient, words: words.to_owned(), ended: false }
    }

    fn add(&mut self, line: &str) {
        if self.words.len() < MAX_DIAGNOSTIC {
            self.words.push(' ');
            self.words.push_str(line.trim());
        }
    }

    fn into_report(self, delayed: bool) -> RecipientReport {
        let said = self.words.trim_start_matches([':', ' ', ',']).trim();
        RecipientReport {
            status: status::inferred(said, delayed),
            action: if delayed { Action::Delayed } else { Action::Failed },
            diagnostic: (!said.is_empty()).then(|| shortened(said, MAX_DIAGNOSTIC)),
            recipient: self.recipient,
        }
    }
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}
