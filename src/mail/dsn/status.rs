//! Enhanced status codes (RFC 3463), read from a remote's words or inferred from them.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::super::pattern::ascii_bounds;

/// `550 5.1.1`, `550-5.1.1`, `550 #5.1.1`, `550: 5.1.1`: the code that goes with a reply.
static WITH_REPLY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(&ascii_bounds(r"\b[45]\d\d[ :\-]{1,3}(?:<[^>]*>[ :]*)?[#(\[]{0,2}([45]\.\d{1,3}\.\d{1,3})\b"))
});
/// Any code; what follows must not make it an IP address or a version.
static ANY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?:^|[^\w.])([245]\.\d{1,3}\.\d{1,3})(?:[^\w.]|\.?$|\.\s)"));
static REPLY: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:^|[^\w.:\[])([45][0-5]\d)(?:[ \-:,#]|$)"));

/// What remotes say, and the code for it. The first that fits counts: the particular before the general.
const PHRASES: [(&str, &str); 13] = [
    (
        "5.1.8",
        r"\b(sender|return[- ]path)('s)?( e-?mail)?( address)?( domain)?:? .{0,60}\b(reject|unknown|invalid|not exist|n't exist|not found|not resolve|could not be verified|denied|refused)|(unknown|invalid|bad|unverified) (sender|return[- ]path)|sender (address )?(verify|verification|callout)",
    ),
    (
        "5.2.2",
        r"(mail ?box|mail ?folder|account|inbox|user|recipient|quota|disk|storage)\W.{0,40}\b(full|over ?quota|exceed(s|ed|ing)?)\b|over ?quota|quota (is )?exceeded|exceed\w* .{0,30}quota|insufficient (disk|storage) |not enough (disk |storage )?space|exceeded the local limit|quota violation|mailbox.?full|out of (storage|disk)|postfach (ist )?voll|boîte .{0,20}pleine|buzón lleno|casella (è )?piena|邮箱.{0,6}已?满|(メール|受信).{0,12}(いっぱい|容量)",
    ),
    (
        "5.3.4",
        r"(message|mail|attachment|content)('s)? (size|length|file size).{0,40}(exceed|too|limit)|too (big|large)|(exceed\w*|over) .{0,30}(maximum|size)|maximum (message|allowed) |size limit|larger than",
    ),
    ("5.7.25", r"\bptr record|reverse[- ]dns|\brdns\b|no reverse|reverse (lookup|mapping|hostname)"),
    (
        "5.4.6",
        r"too many hops|(mail|routing|forwarding|delivery)[- ]loop|loops? back to|hop count|loop detected",
    ),
    (
        "5.2.1",
        r"(account|mail ?box|user|address|recipient|addressee)\b.{0,40}\b(disabled|inactive|suspended|deactivated|discontinued|expired|locked|not active|closed|cancel+ed|terminated)|disabled or discontinued",
    ),
    (
        "5.1.2",
        r"unknown (host|domain)|(host|domain)( or domain)?( name)? (is )?(unknown|not found|lookup fail|does not exist)|host \S{1,80} (was )?not found|no (such|mx|a) .{0,10}(domain|host|record)|no mx|nxdomain|unrouteable|(illegal|bad|invalid) (host|domain|destination)|dns error|couldn't find any host|domain .{0,60}(does not exist|not found|unknown)|name server: .{0,60}not found|no route to domain",
    ),
    (
        "5.1.1",
        r"(user|user ?name|recipient|mail ?box|address(ee)?|account|alias|userid|e-?mail|login|person|name|subscriber)\b.{0,60}\b(unknown|not found|not exist|n't exist|wasn't found|isn.t found|not recogni[sz]ed|invalid|not listed|unavailable|nonexistent|not known|not a valid|not valid|not local)|(unknown|invalid|no such|bad|nonexistent|non-existent|undeliverable|unrecogni[sz]ed|incorrect) (local |final delivery |virtual |e-?mail |destination |smtp |in |mailbox |user |receiver )*(user|recipient|receiver|address|account|mail ?box|name|person|userid|login|alias|part|final)|no (such )?(mail ?box|recipient|user|account|address|valid recipients)|n't have an? .{0,60}account|not (a |our )(valid |known )?(customer|user)|no longer (valid|with|works|available|in use|accept)|not in (our )?directory|destination address rejected|does ?n.t exist|not exist|(utilisateur|destinataire|adresse) inconnue?|(benutzer|empfänger|adresse) .{0,20}(unbekannt|nicht bekannt|nicht gefunden)|unbekannter? (benutzer|empfänger)|(usuario|destinatario) .{0,20}(desconocido|no existe)|(utente|destinatario) .{0,20}(sconosciuto|non esiste)|onbekende? (gebruiker|ontvanger)|(用户|收件人|邮箱|帐号)不存在|存在しません|見つかりません",
    ),
    (
        "4.4.7",
        r"timed? ?-?out|expired|giv(ing|en) up|(queue|retry|delivery|time).{0,30}(exceed|expire|too long)|in (the )?queue (for|too)|not delivered within|allowed queue|for a long time|(undelivered|deliver\w*|failed|trying) .{0,30}\d+ (day|hour|minute|second|attempt)|still being retried|still undelivered",
    ),
    (
        "4.4.1",
        r"connection (was )?(refused|reset|closed|lost|dropped|failed)|unreachable|not respond|network (error|problem)|(could not|couldn't|unable to|can't|cannot|failed to) (connect|establish|contact|reach)|socket error|requests to connect|no answer from|host (is )?down|unavailable or busy",
    ),
    (
        "5.7.1",
        r"spam|block(ed|ing)|black ?list|block ?list|blacklist|banned|\bpolicy|den(y|ied)|not accept(ing|ed)?|not (permitted|allowed|authori[sz]ed)|refused|reject|virus|\bspf\b|dmarc|\bdkim\b|unsolicited|permission|prohibited|authenticat|forbidden|restricted|content filter|relay",
    ),
    ("4.3.0", r"temporar|try again later|deferred|greylist"),
    ("5.5.0", r"protocol error|syntax error|bad sequence|command (not|un)"),
];
static PHRASE_SET: LazyLock<RegexSet> = LazyLock::new(|| {
    RegexSet::new(PHRASES.iter().map(|(_, words)| format!("(?i){}", ascii_bounds(words))))
        .expect("constant patterns")
});

/// A code written out in the words of the remote, or of an MTA about it.
pub(super) fn written(text: &str) -> Option<String> {
    let found = WITH_REPLY.captures(text).or_else(|| ANY.captures(text))?;
    Some(found[1].to_owned())
}

/// The code that the words mean: written, else inferred from phrases and the SMTP reply. `delayed` and a 4xx reply
/// make the class 4. `None` when they mean nothing known.
pub(super) fn inferred(text: &str, delayed: bool) -> Option<String> {
    written(text).or_else(|| {
        let reply = REPLY.captures(text).map(|found| found[1].to_owned());
        let class = reply.as_ref().map(|reply| &reply[..1]).or(delayed.then_some("4"));
        match (phrase(text), class) {
            (Some(code), Some(class)) => Some(format!("{class}{}", &code[1..])),
            (Some(code), None) => Some(code.to_owned()),
            (None, Some(class)) => Some(format!("{class}.0.0")),
            (None, None) => None,
        }
    })
}

/// The code that the phrases alone mean, in the class of a code that says little.
pub(super) fn refined(code: &str, text: &str) -> Option<String> {
    let class = code.split('.').next().unwrap_or("5");
    phrase(text).map(|meant| format!("{class}{}", &meant[1..]))
}

fn phrase(text: &str) -> Option<&'static str> {
    PHRASE_SET.matches(text).iter().next().map(|at| PHRASES[at].0)
}

/// Whether the words have a code in them, of either kind.
pub(super) fn has_code(text: &str) -> bool {
    REPLY.is_match(text) || written(text).is_some()
}

/// Whether the words say why a mail could not be delivered.
pub(super) fn is_reason(text: &str) -> bool {
    has_code(text) || PHRASE_SET.is_match(text)
}

/// The remote's own code before the one that the reporting MTA made of it: sendmail calls each refused recipient
/// 5.1.1, and every MTA calls a mail that grew too old 4.4.7, whatever the remote said.
pub(super) fn truest(words: &str, stated: Option<String>) -> Option<String> {
    let of_replies = WITH_REPLY.captures_iter(words).map(|found| found[1].to_owned());
    let precise = of_replies.take(20).find(|code| !is_generic(code));
    precise
        .or_else(|| stated.clone().filter(|code| !is_generic(code)))
        .or_else(|| written(words).filter(|code| !is_generic(code)))
        .or(stated)
        .or_else(|| written(words))
}

/// `5.1.0` as well as those of [`is_generic`]: it leaves open whose address is meant, and what is wrong with it.
pub(super) fn says_little(code: &str) -> bool {
    is_generic(code) || code.ends_with(".1.0")
}

/// `5.0.0` and `4.4.7`: they say only that it failed, or that it failed for long.
pub(super) fn is_generic(code: &str) -> bool {
    code.ends_with(".0.0") || code.ends_with(".4.7")
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern")
}
