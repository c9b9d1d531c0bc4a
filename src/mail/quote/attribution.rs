//! "On 3 May, Jo Doe <jo@…> wrote:" in the world's languages, on one line or broken over several.

use super::super::pattern::Pattern;
use super::line::Line;
use std::sync::LazyLock;

/// Lines that one attribution may take, blank ones included.
const MAX_LINES: usize = 7;
/// Longer is prose.
const MAX_BYTES: usize = 600;

/// "wrote", as the clients of each language put it.
static VERB: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(?i)(?:\b(?:wrote|writes|sent|schrieb|schrieben|schreibt|geschrieben|écrit|ecrit|escribió|escribio|escribi[oó]|escrito|escreveu|scritto|scrive|",
        r"schreef|schrijft|geschreven|skrev|skriver|napisał\(a\)|napisał|napisała|napisano|napisana|pisze|napsal\(a\)|napsal|napsala|napísal\(a\)|napísal|napísala|",
        r"написал|написала|написал\(а\)|пишет|писал|писала|написав|написала|пише|писа|написа|napisao|napisala|napisao/la|napisal|napisal/-a|piše|írta|ír|kirjoitti|",
        r"έγραψε|γράφει|yazdı|yazmış|yazdi|scris|viết|menulis|tulis|escriu|escriure|escrigué|escrit|idatzi|skrifaði|kirjutas|rakstīja|raksta|parašė|rašė|shkroi|ysgrifennodd|scríobh|nagsulat|sumulat|aliandika|het geskryf|skryf|escribiu|missatge de|написао|написао/ла|напиша|isinulat|бичсэн|жазды|yazıb)\b",
        r"|写道|寫道|写到|寫到|のメール|書きました|書いた|님이 작성|작성|쓴 글|님이 쓴|썼습니다|เขียน|כתב|כתבה|כתב/ה|كتب|كتبت|نوشت|نوشته|लिखा|লিখেছেন|எழுதியது|లిఖించారు|రాసారు|ಬರೆದಿದ್ದಾರೆ|എഴുതി|लिहिले|લખ્યું|لکھا|ጽፏል|წერდა|დაწერა|գրել)",
    ))
});

/// The words that an attribution begins with.
static OPENER: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(?i)^(?:on|at|in a message dated|am|vom|le|el|il|op|em|a|o dia|dia|den|på|dnia|w dniu|dne|dňa|dana|dne|v|vào|pe|în|in data|in|la|στις|στο|на|в|пн|у|",
        r"pada|tanggal|tarihinde|ar|data|kl\.?|kell|пт|чт|ср|вт|сб|вс|nd|noong|mnamo|ngày|ve|trong|quoting|citando|citáts?|zitat von|citazione|в сообщении|от|",
        r"em|ons|tir|tor|fre|lør|søn|man|lör|sön|mån|tis|pon|wt|śr|czw|pt|sob|niedz|po|út|st|čt|pá|so|ne|ma|di|wo|do|vr|za|zo|lun|mar|mer|jeu|ven|sam|dim|",
        r"mon|tue|wed|thu|fri|sat|sun|mo|mi|dg|dl|dt|dc|dj|dv|ds|jue|vie|sáb|sab|dom|seg|ter|qua|qui|sex|mié|gio|στ|dv\.)\b[.,]?",
        r"|^在|^於|^于|^בתאריך|^ב-|^في|^در|^เมื่อ|^\p{L}+[,.]? ?\d",
    ))
});

/// A date or a time, in digits.
static DATE: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"\b(?:19|20)\d\d\b|\b\d{1,4}[./-] ?\d{1,2}[./-] ?\d{2,4}\b|\b\d{1,2}[:.h]\d{2}\b|\d年|\d월|\d日|\d일",
        r"|(?i:\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.? \d{1,2}\b)",
    ))
});

/// It begins with a date.
static DATE_FIRST: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"^(?:\d{4}[-/.年년]|\d{1,2}[-/.] ?\d{1,2}[-/.]|\d{1,2}\.? \p{L}+\.? \d{4}|\p{L}{2,12}[.,]{1,2} \d{1,2}\b)",
    )
});

/// `<jo@example.org>:`, the end of an attribution that has no verb.
static ADDRESS_LAST: LazyLock<Pattern> =
    LazyLock::new(|| Pattern::new(r"[<(\[][^<>]*@[^<>]*(?:<[^<>]*>)?[>)\]]+\s*(?:님이 작성)?[:：]$"));

/// "Jo Doe 於 2026/3/3 上午 9:41 寫道:", the verb last.
static VERB_LAST: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(r"^[^。！？]{3,80}(?:写道|寫道|写到|寫到|書きました|のメール|쓴 글|작성) ?[:：]$")
});

/// "Jo Doe wrote on 3.5.2012 …:", the name first.
static NAME_FIRST: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?i)^(?-i:\p{Lu})[^:]{1,60} (?:wrote|schrieb|a écrit|escribió|ha scritto|schreef|skrev|napisał(?:\(a\))?|escreveu|napsal(?:\(a\))?|kirjoitti) (?:(?:on|am|le|el|il|op|den|em|no dia|dnia|w dniu|dne) [^:]{0,20})?\d",
    )
});

/// The person speaks of what they wrote themselves.
static FIRST_PERSON: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?i)\b(?:I|we|he|she|they) (?:\w+ )?(?:wrote|sent)\b|^(?:er|sie|elle|ella|él) |^il a écrit|\bschrieb(?:en)? (?:ich|wir)\b|\bj'ai\b|\bnous avons\b|\bhe escrito\b|\bho scritto\b|\bschreef (?:ik|we)\b|\bskrev jeg\b|\bskrev jag\b|\bsent (?:you|me|us|it)\b",
    )
});

/// The attribution that begins on line `at`: the index behind its last line.
pub fn end_of(lines: &[Line], at: usize) -> Option<usize> {
    if is_undressed(lines, at) {
        return Some(at + 1);
    }
    let end = window_end(lines, at)?;
    (!begins_later(lines, at, end)).then_some(end)
}

/// The shortest window from `at` on that reads as an attribution.
fn window_end(lines: &[Line], at: usize) -> Option<usize> {
    let first = lines[at].content;
    let window = &lines[at..lines.len().min(at + MAX_LINES)];
    if first.is_empty() || !window.iter().any(|line| ends_here(line.content)) {
        return None;
    }
    let starts = is_start(first);
    let mut joined = String::new();
    for (end, line) in (at + 1..).zip(window) {
        let broken = end > at + 1 && (!starts || breaks(&lines[at], line, &joined));
        if broken || (line.content.is_empty() && !continues(lines, end)) {
            return None;
        }
        push_word(&mut joined, line.content);
        if joined.len() > MAX_BYTES {
            return None;
        }
        if ends_here(line.content) && is_attribution(&joined, starts, quote_follows(lines, end)) {
            return Some(end);
        }
    }
    None
}

/// `2011/4/7 Jo Doe <jo@…>` and nothing more, as Gmail once wrote above a quote; `Quoting Jo Doe (2026-03-03 09:41)`.
fn is_undressed(lines: &[Line], at: usize) -> bool {
    let text = lines[at].content;
    let bare = text.ends_with('>') && text.contains('@') && DATE_FIRST.is_match(text);
    let quoting = text.starts_with("Quoting ") && text.ends_with(')') && DATE.is_match(text);
    (bare || quoting) && quote_follows(lines, at + 1)
}

/// After a blank line the attribution goes on with the address or the verb alone.
fn continues(lines: &[Line], next: usize) -> bool {
    lines
        .get(next)
        .is_some_and(|line| line.content.starts_with('<') || line.raw.trim_start().starts_with("> wrote"))
}

/// A line that can't belong to the attribution begun above: deeper or less quoted.
fn breaks(first: &Line, line: &Line, joined: &str) -> bool {
    line.depth != first.depth && !line.content.is_empty() && !open_bracket(joined)
}

/// `<` stands open: a `>` in front of the next line closes it.
fn open_bracket(joined: &str) -> bool {
    joined.matches('<').count() > joined.matches('>').count()
}

/// The person's own line ran into the window: a later line begins the attribution.
fn begins_later(lines: &[Line], at: usize, end: usize) -> bool {
    let first = lines[at].content;
    let dateless =
        !first.contains(|c: char| c.is_numeric() || c == '@') && first.split_whitespace().count() >= 3;
    let own = first.ends_with(['.', '!', '?']) || (dateless && !first.ends_with(','));
    own && (at + 1..end).any(|later| window_end(lines, later) == Some(end))
}

fn push_word(joined: &mut String, word: &str) {
    if !joined.is_empty() && !word.is_empty() {
        joined.push(' ');
    }
    joined.push_str(word);
}

fn is_start(first: &str) -> bool {
    let first = bare(first);
    (OPENER.is_match(first)
        && (first.len() < 24 || first.bytes().any(|b| b.is_ascii_digit()) || first.contains('@')))
        || DATE_FIRST.is_match(first)
}

/// Without the ornament that some clients put around: dashes, stars.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| {
        c.is_whitespace() || matches!(c, '-' | '‐' | '–' | '—' | '*' | '_' | '=' | '|' | '(' | '\u{a0}')
    })
}

fn ends_here(joined: &str) -> bool {
    if joined.ends_with(|c: char| c.is_ascii_alphanumeric()) {
        return false;
    }
    let end = joined.trim_end_matches(['*', '_', ' ', '\u{a0}']);
    end.ends_with([':', '：', '︰']) || end.ends_with("--")
}

fn is_attribution(joined: &str, starts: bool, quote_follows: bool) -> bool {
    let text = bare(joined);
    let address = text.contains('@');
    if quote_follows
        && text.len() <= 300
        && (address || VERB.is_match(text) || (starts && DATE.is_match(text)))
    {
        return true;
    }
    if !VERB.is_match(text) {
        return address && ADDRESS_LAST.is_match(text) && DATE.is_match(text);
    }
    let named = (address && has_bracketed(text))
        || (DATE.is_match(text)
            && (starts || address || NAME_FIRST.is_match(text) || VERB_LAST.is_match(text)));
    named && !FIRST_PERSON.is_match(text)
}

fn has_bracketed(text: &str) -> bool {
    text.contains(['<', '('])
}

/// The next written line is quoted.
fn quote_follows(lines: &[Line], from: usize) -> bool {
    lines[from..].iter().take(4).find(|line| !line.is_blank()).is_some_and(|line| line.is_quoted())
}
