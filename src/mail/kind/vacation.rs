//! Vacation notes that no header marks: known by their subjects and words, never by one sign alone.

use std::sync::LazyLock;

use super::super::parse::ParsedMail;
use super::super::pattern::Pattern;
use super::super::quote;
use super::answerable;

/// A vacation note is short; longer texts are people's.
const MAX_TEXT: usize = 2_500;
/// So many words are looked at.
const MAX_OPENING: usize = 100;
/// Words of a greeting, a closing or a name.
const MAX_FILLER: usize = 5;
/// Places of two signs in [`SIGNS`].
const NOBODY_WROTE_IT: usize = 3;
const THANKS: usize = 4;

/// Subjects that vacation programs write, in front of the subject answered or alone.
static SUBJECT: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?ix)^\W*(auto(mat(ic|ed|isch|isk|iskt))?[\ _-]?(reply|response|respons|respond(er|ed)?|answer|svar|vastaus|antwort)|automat(ic|ed)\ (e-?mail|message)\ (reply|response)
        | automatische\ (antwort|abwesenheit\w*|beantwoording) | automatisch\ antwoord | abwesenheits?(notiz|nachricht|assistent|meldung|benachrichtigung) | abwesenheit
        | out\ of\ (the\ )?office(\ (auto-?\s?)?(reply|response|message|notification|notice|assistant))? | (vacation|holiday|away|absence|ooo)\ (auto-?\s?)?(reply|response|message|notice|notification)
        | away\ from\ (the\ |my\ )?(office|mail|e-?mail|desk) | on\ (annual\ leave|vacation|holiday|parental\ leave|maternity\ leave) | réponse\ automatique | absence\ du\ bureau | message\ d.absence
        | absen(t|ce)\ (du|de) | respuesta\ autom[aá]tica | fuera\ de\ (la\ )?oficina | ausencia | risposta\ automatica | fuori\ (sede|ufficio) | resposta\ autom[aá]tica | fora\ do\ escrit[oó]rio | ausência
        | afwezig(heid)?\b | niet\ aanwezig | automatiskt\ svar | automatisk\ sv[aæ]r | frånvaro | ikke\ til\ stede | fraværsmelding | automaattinen\ vastaus | poissa | autom\w*\ odpowied[zź] | nieobecno
        | automatická\ odpov | mimo\ kancelář | automatikus\ válasz | răspuns\ automat | otomatik\ (yanıt|cevap) | автоответ | автоматическ\w*\ ответ | нет\ на\ месте | відповідь\ автомат | автоматична\ відповідь
        | αυτόματη\ απάντηση | 自動(返信|応答|回覆|回复) | 不在(通知|の) | 自动(回复|答复|回覆) | 자동\s?(회신|응답) | תשובה\ אוטומטית | מענה\ אוטומטי | رد\ تلقائي | ตอบกลับอัตโนมัติ | trả\ lời\ tự\ động | balasan\ otomatis
        )\W*(:|：|\[|-|–|\bre\b|$|\bis\b|\bfor\b|until|till|bis)|\((automatic|auto)[\ -]?(response|reply|answer)\)\s*$|\[auto-?(reply|response)\]",
    )
});

/// That the writer is away, said of oneself; the sentence that such a note begins with.
static ABSENCE: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?ix)\b(i\ ?(.?m|am|will\ be|.ll\ be)|we\ ?(.?re|are|will\ be))\s.{0,30}(out\ of\ (the\ |my\ )?office|away\b|on\ (\w+\ )?(leave|vacation|holiday|pto|business\ travel)|travell?ing|unavailable|not\ (be\ )?(in\ the\ office|available)|out\ (until|from|till|on))
        | (currently|presently|now)\ (out\ of|away|on\ (leave|vacation|holiday)) | out\ of\ (the\ )?office\ (until|from|and|with|on|starting|through) | ich\ (bin|befinde\ mich|werde)\b.{0,80}\b(nicht|abwesend|im\ urlaub|außer\ haus|ausser\ haus|unterwegs|erreichbar)
        | (bis|vom|ab)\b.{0,40}\b(nicht\ (erreichbar|im\ (büro|haus))|abwesend|im\ urlaub) | je\ suis\b.{0,60}(absent|en\ congé|en\ vacances|en\ déplacement) | actuellement\ absent | (estoy|estaré|me\ encuentro)\b.{0,50}(fuera|de\ vacaciones|ausente|de\ viaje)
        | (sono|sarò)\b.{0,40}(assente|fuori|in\ ferie|in\ vacanza) | (estou|estarei)\b.{0,40}(fora|ausente|de\ férias) | ik\ ben\b.{0,60}(afwezig|niet\ aanwezig|met\ vakantie|op\ vakantie|niet\ op\ kantoor) | jag\ är\b.{0,40}(inte|borta|ledig|semester|frånvarande)
        | jeg\ er\b.{0,40}(ikke|på\ ferie|fraværende|bortrejst) | olen\b.{0,30}(poissa|lomalla) | (jestem|będę)\b.{0,40}(nieobecn|na\ urlopie|poza\ biurem) | (меня\ нет|нахожусь\ в\ отпуске|буду\ отсутствовать|в\ отпуске\ до|отсутствую) | 不在 | 休暇 | 休假 | 外出 | 부재\ ?중 | 휴가",
    )
});

/// What else such a note says: each is a sign of its own.
static SIGNS: LazyLock<[Pattern; 5]> = LazyLock::new(|| {
    [
        // When it ends.
        r"(?ix)\b(until|till|through)\b.{0,30}(\d|mon|tue|wed|thu|fri|sat|sun|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|next) | (return|returning|back)\ (to\ the\ office\ )?(on|in|by)\b | from\b.{0,40}\d.{0,40}\b(to|until|through)\b.{0,20}\d
        | \bbis\b.{0,40}\d | zurück | wieder\ (erreichbar|im\ büro|da) | jusqu.au | de\ retour | de\ regreso | hasta\ el | fino\ al | rientr | até\ | tot\ (en\ met|\d) | terug | tillbaka | tilbage | tilbake | do\ dnia | wracam | до\ \d | まで",
        // Whom to ask meanwhile.
        r"(?ix)\b(please|kindly)\ (contact|call|reach|email|e-mail)|(for|if|in\ case).{0,40}(urgent|immediate|emergenc)|in\ (my|the)\ (absence|meantime)|dringend|wenden\ sie\ sich|(cas\ d.)?urgen(ce|te|za)|contactez|póngase\ en\ contacto|contattare|neem\ contact|kontakta|срочн",
        // When an answer comes.
        r"(?ix)(will|shall|.ll)\ (respond|reply|answer|get\ back|read|be\ (checking|reading|responding)|attend)|(limited|no|sporadic|intermittent|infrequent|without)\ (access|e-?mail|internet|connectivity)|(upon|on|after|when)\b.{0,20}\breturn|nach\ meiner\ rückkehr|(dès|à)\ mon\ retour|a\ mi\ regreso|al\ mio\ r",
        // That nobody wrote it.
        r"(?ix)(this\ is\ an?|automatic(ally)?|automated|auto-?)\ ?(auto\w*\ |computer\ )?(generated\ )?(reply|response|message|responder|answer|e-?mail)|automatically\ (generated|sent)|automatische?\ (antwort|nachricht)|réponse\ automatique|respuesta\ automática|risposta\ automatica|do\ not\ reply|自動(返信|応答)|自动回复",
        // How it thanks.
        r"(?ix)\bthank(s|\ you)\ for\ (your\ |the\ )?(e-?mail|mail|message|contacting|writing|note|reaching)|(vielen\ )?dank\ für\ ihre|merci\ (de|pour)\ votre|gracias\ por\ su|grazie\ per|bedankt\ voor|tack\ för",
    ]
    .map(Pattern::new)
});

/// What a machine says of the mail that it answers.
static RECEIVED: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?i)(have|has been|was) received|received your|(request|ticket|case|inquiry|enquiry) .{0,40}(created|opened|logged|registered|assigned)|eingegangen|erhalten|bien reçu|hemos recibido|abbiamo ricevuto|recebemos",
    )
});

/// Whether a vacation program wrote the subject. A reply or forward of one is a person's.
pub(super) fn is_subject(subject: &str) -> bool {
    SUBJECT.is_match(subject)
}

/// The two signs found, in a sentence; `None` when one is missing.
pub(super) fn says_so(mail: &ParsedMail) -> Option<String> {
    if is_subject(&mail.subject) {
        let second = second_sign(mail)?;
        return Some(format!("Subject {:?} and {second}", mail.subject));
    }
    let may_be = answers(mail) && mail.text.len() <= MAX_TEXT;
    let whole = may_be && is_note(&opening(&mail.text)) && is_all_note(mail);
    whole.then(|| "The words of a vacation note, and nothing else".to_owned())
}

fn second_sign(mail: &ParsedMail) -> Option<&'static str> {
    let opening = opening(&mail.text);
    if ABSENCE.is_match(&opening) || any_sign(&opening) {
        return Some("the words of a vacation note");
    }
    let asks = mail.header("X-Auto-Response-Suppress").is_some() || answerable::list_mark(mail).is_some();
    asks.then_some("headers that ask for no answer")
}

/// Away, and two signs more; or a machine's receipt.
fn is_note(opening: &str) -> bool {
    let signs = || SIGNS.iter().filter(|sign| sign.is_match(opening));
    (ABSENCE.is_match(opening) && signs().nth(1).is_some()) || is_receipt(opening)
}

fn any_sign(text: &str) -> bool {
    SIGNS.iter().any(|sign| sign.is_match(text))
}

/// Whether it names the mail that it answers, as RFC 3834 §3.1.5 asks of responders. A `Re:` alone is too weak.
fn answers(mail: &ParsedMail) -> bool {
    !mail.in_reply_to.is_empty() || !mail.references.is_empty()
}

/// A machine's "we have got your mail", which says itself that it is one.
fn is_receipt(opening: &str) -> bool {
    SIGNS[NOBODY_WROTE_IT].is_match(opening)
        && (SIGNS[THANKS].is_match(opening) || RECEIVED.is_match(opening))
}

/// Whether a text has a note's sentences, greetings and nothing that a person would ask.
fn is_all_note(mail: &ParsedMail) -> bool {
    let text = quote::split(&mail.text, mail.html.as_deref()).body;
    let of_note =
        |sentence: &str| ABSENCE.is_match(sentence) || any_sign(sentence) || RECEIVED.is_match(sentence);
    let is_filler = |sentence: &str| sentence.split_whitespace().count() <= MAX_FILLER;
    let mut sentences = text.split(['.', '!', '。', '\n']);
    !text.contains(['?', '？']) && sentences.all(|sentence| is_filler(sentence) || of_note(sentence))
}

/// The first words of a short text, in one line, without quoted ones.
fn opening(text: &str) -> String {
    if text.len() > 4 * MAX_TEXT {
        return String::new();
    }
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('>'));
    let words = lines.flat_map(str::split_whitespace).take(MAX_OPENING);
    words.collect::<Vec<_>>().join(" ")
}
