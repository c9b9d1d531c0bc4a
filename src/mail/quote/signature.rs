//! Where a person's words end and the signature begins.

use super::{headers, line::Line};
use regex::Regex;
use std::sync::LazyLock;

/// A signature has at most so many parts (device, contact block, legal notice, …).
const MAX_PARTS: usize = 6;
/// A block of contact lines is at most so many lines.
const MAX_CONTACT_LINES: usize = 8;
/// A legal notice is at most so many lines.
const MAX_NOTICE_LINES: usize = 60;
/// A "sent from" line is followed by at most so many written lines.
const MAX_AFTER_DEVICE: usize = 3;

/// "Sent from my iPhone" and its kin.
static DEVICE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)^[-_*<( ]*(?:via (?:mobile|phone|iphone|android|ipad)$|sent (?:from|via|with|using|by) |sent on the go|get outlook for |get bluemail for|download outlook|envoyé (?:de|depuis|à partir|avec|par|via|du) |envoye (?:de|depuis) |obtenir outlook|obtenez outlook|télécharge[rz] outlook|",
        r"gesendet (?:von|mit|über|aus|via) |von (?:meinem|meiner|unterwegs|samsung).{0,40}gesendet|diese (?:nachricht|e-mail) wurde von .{0,60}gesendet|holen sie sich outlook|outlook für (?:ios|android) beziehen|laden sie outlook|versendet mit |",
        r"enviado (?:desde|con|por|via|vía|do|da|de|a partir|através|com) |enviada (?:desde|do|da) |obtener outlook|obtén outlook|obter o outlook|baixar o outlook|inviato (?:da|dal|dall'|dalla|con|tramite) ?|ottieni outlook|scarica outlook|",
        r"verstuurd (?:vanaf|vanuit|met|via) |verzonden (?:vanaf|met|via|vanuit) |outlook voor (?:ios|android)|download outlook|skickat (?:från|med|via) |skickades från |hämta outlook|sendt (?:fra|med|via) |hent outlook|skaff deg outlook|få outlook|",
        r"lähetetty |hanki outlook|wysłan[eoya] (?:z|za|przez) |pobierz (?:program |aplikację )?outlook|odesláno (?:z|ze|pomocí) |odoslané (?:z|zo|pomocou) |získat outlook|získajte outlook|elküldve |küldve |trimis (?:de pe|din|de la|cu) |descărcați outlook|",
        r"отправлено (?:с|из|через|от) |скачать outlook|получить outlook|надіслано (?:з|із|через) |изпратено от |στάλθηκε |απεστάλη από|poslano (?:s|sa|iz|z) |послато са |saadetud |nosūtīts no |išsiųsta iš |dikirim dari |dihantar dari |(?:đã )?(?:được )?gửi từ |enviat des |",
        r"发自|發自|从我的|從我的|来自|ส่งจาก|נשלח מ|أرسلت من|أُرسلت من|تم الإرسال من|مرسل من|ارسال شده از|bidalia )",
        r"|^.{0,40}(?:から送信|에서 보냄|에서 보냈습니다|gönderildi|-ról küldve|-ról küldött|発信$|傳送$|发送$)",
    ))
});

/// A product's or device's name behind "Sent from": a sentence that goes on is none.
static PROSE_AFTER: LazyLock<Regex> =
    LazyLock::new(|| regex(r"[.!?] +\p{L}|,\s+\p{L}+\s+\p{L}+\s+\p{L}+\s+\p{L}+"));

/// A way to reach someone: address, site, number.
static CONTACT: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)^[^\n]{0,40}(?:\b[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|\bwww\.[\w.-]+\.\w+|(?:\+|00|\()?\d[\d ()./–-]{6,}\d)[^\n]{0,30}$",
        r"|^(?:tel|phone|mobile?|mob|cell|fax|skype|office|direct|handy|telefon|fon|tél|portable|móvil|cel|m|t|p|f|e|w)\b ?[.:]",
    ))
});

/// A name, alone on its line: two to four words that begin with a capital.
static NAME: LazyLock<Regex> =
    LazyLock::new(|| regex(r"^(?:\p{Lu}[\p{L}.'’-]*\s+){1,3}\p{Lu}[\p{L}.'’-]*,?$"));

/// Words that only a legal notice brings together.
static NOTICE: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)^\W*(?:disclaimer|confidentiality notice|legal notice|confidentiality:|aviso legal|aviso de confidencialidad|avis de confidentialité|haftungsausschluss)\b",
        r"|(?:confidential|privileged|vertraulich|confidentiel|confidencial|riservat|vertrouwelijk|poufn|konfidentiell|fortrolig|конфиденц).{0,600}(?:intended recipient|addressee|intended (?:solely|only)|solely for|empfänger|adressat|destinataire|destinatari|geadresseerde|adresat|mottagare|modtager|адресат)",
        r"|^\W*(?:this (?:e-?mail|message) (?:has been|was) (?:checked|scanned)|virenfrei|virus-free|diese e-mail wurde (?:von|auf viren)|l'absence de virus|este correo electrónico ha sido (?:comprobado|analizado)|dit e-mailbericht is gecontroleerd|libre de virus|sans virus)",
    ))
});

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a constant pattern")
}

/// The index from which `lines` (a run of the person's lines) are signature; their number when there is none.
pub fn begins_at(lines: &[Line]) -> usize {
    let mut end = lines.len();
    end = delimiter(&lines[..end]).unwrap_or(end);
    for _ in 0..MAX_PARTS {
        let before = end;
        end = trim_blank(lines, end);
        for rule in [notice, device, contact_block, ruled_block] {
            end = rule(&lines[..end]).unwrap_or(end);
            end = trim_blank(lines, end);
        }
        if end == before || end == 0 {
            break;
        }
    }
    end
}

fn trim_blank(lines: &[Line], mut end: usize) -> usize {
    while end > 0 && lines[end - 1].is_blank() {
        end -= 1;
    }
    end
}

/// `-- ` alone on its line (RFC 3676 §4.3), also where its blank was lost.
fn delimiter(lines: &[Line]) -> Option<usize> {
    let is_mark = |line: &Line| matches!(line.content, "--" | "—" | "- --" | "–" | "--­");
    let at = lines.iter().position(is_mark)?;
    let strict = lines[at].raw.ends_with("-- ");
    (strict || written(&lines[at..]) <= 25).then_some(at)
}

fn written(lines: &[Line]) -> usize {
    lines.iter().filter(|line| !line.is_blank()).count()
}

/// "Sent from my phone" at the end, with little behind it.
fn device(lines: &[Line]) -> Option<usize> {
    let mut behind = 0;
    for (at, line) in lines.iter().enumerate().rev().filter(|(_, line)| !line.is_blank()) {
        if is_device(line.content) && (at == 0 || behind == 0 || lines[at - 1].is_blank()) {
            return Some(with_name(lines, at));
        }
        behind += 1;
        if behind > MAX_AFTER_DEVICE {
            return None;
        }
    }
    None
}

/// The name alone above a "sent from" line goes with it.
fn with_name(lines: &[Line], at: usize) -> usize {
    let alone = at >= 2 && lines[at - 2].is_blank() && NAME.is_match(lines[at - 1].content);
    if alone { at - 1 } else { at }
}

fn is_device(text: &str) -> bool {
    text.chars().count() <= 120 && DEVICE.is_match(text) && !PROSE_AFTER.is_match(text)
}

/// A name, then ways to reach it, as the last paragraph: an answer to "your number, please?" ends no such way,
/// for it is introduced by a colon, or stands alone.
fn contact_block(lines: &[Line]) -> Option<usize> {
    let start = lines.iter().rposition(Line::is_blank)? + 1;
    let block = &lines[start..];
    if block.len() < 2 || block.len() > MAX_CONTACT_LINES || !NAME.is_match(block[0].content) {
        return None;
    }
    let contacts = block[1..].iter().filter(|line| CONTACT.is_match(line.content)).count();
    let short = block.iter().all(|line| line.content.chars().count() <= 80);
    let before = lines[..start].iter().rfind(|line| !line.is_blank())?;
    (short && contacts >= 2 && !before.content.ends_with(':')).then_some(start)
}

/// A drawn rule with a few short lines behind it.
fn ruled_block(lines: &[Line]) -> Option<usize> {
    let at = lines.iter().rposition(headers::is_rule)?;
    let block = &lines[at + 1..];
    let short = block.iter().all(|line| line.content.chars().count() <= 60 || !line.content.contains(' '));
    let contact = block.iter().any(|line| CONTACT.is_match(line.content));
    (at > 0 && block.len() <= 30 && short && (contact || block.is_empty())).then_some(at)
}

/// A legal notice or a virus scanner's line as the last paragraph.
fn notice(lines: &[Line]) -> Option<usize> {
    let start = lines.iter().rposition(Line::is_blank).map_or(0, |at| at + 1);
    if lines.len() - start > MAX_NOTICE_LINES {
        return None;
    }
    let paragraph = lines[start..].iter().map(|line| line.content).collect::<Vec<_>>().join(" ");
    (paragraph.len() <= 6000 && NOTICE.is_match(&paragraph)).then_some(start)
}
