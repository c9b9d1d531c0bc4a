//! Where a person's words end and the signature begins.

use super::super::pattern::Pattern;
use super::{headers, line::Line};
use std::sync::LazyLock;

/// Written lines that may follow `-- `: a signature and a legal notice.
const MAX_SIGNATURE_LINES: usize = 60;
/// Written lines that may follow a delimiter without its blank.
const MAX_LOOSE_SIGNATURE_LINES: usize = 25;
/// A signature has at most so many parts (device, contact block, legal notice, …).
const MAX_PARTS: usize = 6;
/// A block of contact lines is at most so many lines.
const MAX_CONTACT_LINES: usize = 8;
/// A closing formula stands at most so many lines above the end.
const MAX_CLOSING_LINES: usize = 16;
/// A legal notice is at most so many lines.
const MAX_NOTICE_LINES: usize = 60;
/// A "sent from" line is followed by at most so many written lines.
const MAX_AFTER_DEVICE: usize = 3;

/// "Sent from my iPhone" and its kin.
static DEVICE: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(?i)^[-_*<( ]*(?:via (?:mobile|phone|iphone|android|ipad)$|sent (?:from|via|with|using|by) |sent on the go|get outlook for |get the new aol app|get bluemail for|download outlook|envoyé (?:de|depuis|à partir|avec|par|via|du) |envoye (?:de|depuis) |obtenir outlook|obtenez outlook|télécharge[rz] outlook|",
        r"gesendet (?:von|mit|über|aus|via) |von (?:meinem|meiner|unterwegs|samsung).{0,40}gesendet|diese (?:nachricht|e-mail) wurde von .{0,60}gesendet|holen sie sich outlook|outlook für (?:ios|android) beziehen|laden sie outlook|versendet mit |mobil gesendet|",
        r"enviado (?:desde|con|por|via|vía|do|da|de|a partir|através|com) |enviada (?:desde|do|da) |obtener outlook|obtén outlook|obter o outlook|baixar o outlook|inviato (?:da|dal|dall'|dalla|con|tramite) ?|ottieni outlook|scarica outlook|",
        r"verstuurd (?:vanaf|vanuit|met|via) |verzonden (?:vanaf|met|via|vanuit) |outlook voor (?:ios|android)|download outlook|skickat (?:från|med|via) |skickades från |hämta outlook|sendt (?:fra|med|via) |hent outlook|skaff deg outlook|få outlook|",
        r"lähetetty |hanki outlook|wysłan[eoya] (?:z|za|przez) |pobierz (?:program |aplikację )?outlook|odesláno (?:z|ze|pomocí) |odoslané (?:z|zo|pomocou) |získat outlook|získajte outlook|elküldve |küldve |trimis (?:de pe|din|de la|cu) |descărcați outlook|",
        r"отправлено (?:с|из|через|от) |скачать outlook|получить outlook|надіслано (?:з|із|через) |изпратено от |στάλθηκε |απεστάλη από|poslano (?:s|sa|iz|z) |послато са |saadetud |nosūtīts no |išsiųsta iš |dikirim dari |dihantar dari |(?:đã )?(?:được )?gửi từ |enviat des |",
        r"发自|發自|从我的|從我的|来自|ส่งจาก|נשלח מ|أرسلت من|أُرسلت من|تم الإرسال من|مرسل من|ارسال شده از|bidalia |az outlook beszerzése|(?:ios|android) (?:için|版) ?outlook|(?:取得|获取|獲取|下载|下載) ?(?:ios|android)?.{0,8}outlook|outlook for (?:ios|android) を入手|(?:ios|android)용 outlook)",
        r"|^.{0,40}(?:から送信|에서 보냄|에서 보냈습니다|gönderildi|-ról küldve|-ról küldött|発信$|傳送$|发送$)",
    ))
});

/// A product's or device's name behind "Sent from": a sentence that goes on is none.
static PROSE_AFTER: LazyLock<Pattern> =
    LazyLock::new(|| Pattern::new(r"[.!?] +\p{L}|,\s+\p{L}+\s+\p{L}+\s+\p{L}+\s+\p{L}+"));

/// What "sent from" is said of.
static DEVICE_NAME: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(?i)phone|ipad|ipod|\bi[a-z]+\b|android|samsung|galaxy|mobil|móvil|movil|celular|handy|blackberry|outlook|mail|yahoo|windows|huawei|xiaomi|redmi|nokia|sony|xperia|htc\b|oneplus|pixel|\bios\b|\bapp\b|",
        r"tablet|gerät|\bmac|\bpc\b|device|telefon|телефон|смартфон|téléphone|puhelim|proton|\bgmx\b|web\.de|tutanota|\bspark\b|laposte|orange|unterwegs|on the go|gesendet$|\baol\b|poczt|почт|메일|メール|邮件|郵件|手机|手機|スマート|携帯|휴대|스마트|moto\b|motorola|thunderbird|zoho|appareil",
    ))
});

/// "my", which makes anything a device.
static MINE: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?i)\b(?:my|mein\w*|mon|ma|mi|meu|minha|mio|mia|mijn|min|mitt|mit|moj\w*|mého|môjho|моего|мого|minu)\b|我的|나의",
    )
});

/// Formulas that end a letter.
static CLOSING: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(?i)^(?:(?:mit )?(?:freundlichen?|besten?|vielen?|liebe|lieben|herzlichen?|schöne|viele)[a-zäöüß ]{0,20}(?:grüßen?|grüssen?|gruß|gruss|dank)|mfg|lg|vg|beste grüße|",
        r"(?:best|kind|warm|kindest|warmest|many|with (?:best|kind))? ?(?:regards|wishes|thanks)|best|cheers|sincerely|yours (?:sincerely|faithfully|truly)|sincerely yours|thanks|thank you|many thanks|thanks again|",
        r"(?:bien )?cordialement|bien à vous|(?:meilleures )?salutations|(?:un )?(?:cordial )?saludos?(?: cordiales)?|atentamente|atenciosamente|cumprimentos|abraços|(?:cordiali|distinti) saluti|met vriendelijke groet(?:en)?|mvh|(?:med )?(?:vänliga|venlig|vennlig) h[iä]ls(?:en|ningar?)|",
        r"z poważaniem|pozdrawiam|s pozdravem|s pozdravom|üdvözlettel|cu stimă|с уважением|з повагою|с уважение|με εκτίμηση|saygılarımla|ystävällisin terveisin|trân trọng)[ ,.!]*$",
    ))
});

/// "Please excuse my brevity" goes on behind the device.
static EXCUSE: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(
        r"(?i)brevity|excuse|forgive|typos|autocorrect|kürze|tippfehler|entschuldig|excuser|brièveté|disculp|brevedad|best free e-?mail app|brevità|brevidade|beknopt",
    )
});

/// A way to reach someone: address, site, number.
static CONTACT: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(?i)^[^\n]{0,40}(?:\b[\w.+-]+@[\w-]+\.[\w.-]+|https?://\S+|\bwww\.[\w.-]+\.\w+|(?:\+|\b00|\()\d[\d ()./–-]{5,}\d|\b\d{2,5}[ ./–-]\d[\d ./–-]{3,}\d)[^\n]{0,30}$",
        r"|^(?:geschäftsführ|amtsgericht|handelsregister|registergericht|sitz der|hrb\b|ust-?id|vat (?:no|id|reg)|registered (?:office|in)|company (?:no|reg)|siret|rcs\b|kvk\b|btw\b|p\.? ?iva|cif\b|nip\b)",
        r"|^(?:tel|phone|mobile?|mob|cell|fax|skype|office|direct|handy|telefon|fon|tél|portable|móvil|cel|m|t|p|f|e|w)\b ?[.:]",
    ))
});

/// What a customer says of an order or an account, which is no way to reach them; or a date.
static REFERENCE: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(?i)\b(?:order|booking|customer|client|account|invoice|ticket|case|contract|serial|tracking|policy|reference|ref)\b.{0,20}\d|(?:bestell|auftrag|kunden|rechnung|vertrag|serien|sendung|konto|vorgang)\w*.{0,20}\d|\biban\b|",
        r"\b(?:commande|facture|dossier|contrat|pedido|factura|fatura|cliente|ordine|fattura|bestelling|klantnummer|factuur|zamówieni\w+|faktur\w+|objednáv\w+|заказ\w*|договор\w*|sipariş)\b.{0,20}\d|",
        r"\b\d{1,2}\.\d{1,2}\.(?:\d\d){1,2}\b|\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b",
    ))
});

/// A name, alone on its line, perhaps in bold: two to four words that begin with a capital.
static NAME: LazyLock<Pattern> =
    LazyLock::new(|| Pattern::new(r"^[*_]{0,2}(?:\p{Lu}[\p{L}.'’-]*\s+){1,3}\p{Lu}[\p{L}.'’-]*,?[*_]{0,2}$"));

/// What stands for a picture in plain text: a logo above the name.
static PICTURE: LazyLock<Pattern> =
    LazyLock::new(|| Pattern::new(r"(?i)^[\[<](?:cid:|image\b|logo\b|bild\b)[^\]>]{0,100}[\]>]$"));

/// Words that only a legal notice brings together.
static NOTICE: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(concat!(
        r"(?i)^\W*(?:disclaimer|confidentiality notice|legal notice|confidentiality:|aviso legal|aviso de confidencialidad|avis de confidentialité|haftungsausschluss)\b.{0,600}(?:confid|vertraulich|recipient|liab|haft|virus|destinat|privileged)",
        r"|(?:confidential|privileged|vertraulich|confidentiel|confidencial|riservat|vertrouwelijk|poufn|konfidentiell|fortrolig|конфиденц).{0,600}(?:intended recipient|addressee|intended (?:solely|only)|solely for|empfänger|adressat|destinataire|destinat[aá]ri|geadresseerde|adresat|mottagare|modtager|адресат)",
        r"|^\W*(?:this (?:e-?mail|message|communication)|the (?:information|contents?) (?:contained )?in this|diese (?:e-?mail|nachricht)|ce (?:message|courriel|courrier)|este (?:mensaje|correo|e-?mail)|esta mensagem|questo messaggio|questa e-?mail|dit bericht|deze e-?mail|niniejsza wiadomość|ta wiadomość|tato zpráva|данное (?:сообщение|письмо)|это сообщение)\b",
        r".{0,300}(?:exclusiv|uniquement|ausschließlich|solely|intended only|esclusiv|uitsluitend|wyłącznie|výhradně|исключительно).{0,200}(?:recipient|addressee|empfänger|adressat|destinat|geadresseerde|adresat|адресат|получател)",
        r".{0,400}(?:confiden|vertraulich|riservat|vertrouwelijk|poufn|důvěrn|конфиденц)",
        r"|(?:consider the environment|think before you print|pensez à l'environnement|imprimer (?:ce|cet) (?:e-?mail|message|courriel)|denken sie an die umwelt|umwelt, bevor sie|antes de imprimir|prima di stampare|voordat u deze e-?mail print)",
        r"|^\W*to unsubscribe(?: from this (?:group|list))?(?: and stop receiving emails from it)?[,:]? (?:send|e-?mail|visit|go to)\b.{0,80}(?:@|https?:)|^\W*you are currently subscribed to \S{1,80} as:|^[_-]{5,}\W*[\w.-]+ mailing list\b.{0,20}@",
        r"|^\W*(?:https?://(?:www\.)?(?:avast|avg)\.com/sig-email|este e-?mail foi (?:escaneado|verificado)|deze e-mail is gecontroleerd op|questa e-?mail è stata (?:controllata|esaminata)|ta wiadomość (?:e-mail )?została sprawdzona|tento e-?mail byl zkontrolován|wolny od wirusów|(?:без вирусов|senza virus|virusvrij|virusfri|bez virů|vírusmentes)\. ?www)",
        r"|^\W*(?:this (?:e-?mail|message) (?:has been|was) (?:checked|scanned)|virenfrei|virus-free|diese e-mail wurde (?:von|auf viren)|l'absence de virus|este correo electrónico ha sido (?:comprobado|analizado)|dit e-mailbericht is gecontroleerd|libre de virus|sans virus)",
    ))
});

/// The index from which `lines` (a run of the person's lines) are signature; their number when there is none.
pub fn begins_at(lines: &[Line]) -> usize {
    let mut end = lines.len();
    end = delimiter(&lines[..end]).unwrap_or(end);
    for _ in 0..MAX_PARTS {
        let before = end;
        end = trim_blank(lines, end);
        for rule in [notice, device, contact_block, ruled_block, below_closing] {
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

/// `-- ` alone on its line (RFC 3676 §4.3), also where its blank was lost: the first with few enough lines behind it.
fn delimiter(lines: &[Line]) -> Option<usize> {
    let (mut behind, mut found) = (0, None);
    for (at, line) in lines.iter().enumerate().rev() {
        let limit = if line.raw.ends_with("-- ") { MAX_SIGNATURE_LINES } else { MAX_LOOSE_SIGNATURE_LINES };
        if behind <= limit && matches!(line.content, "--" | "—" | "–" | "- --") {
            found = Some(at);
        }
        behind += usize::from(!line.is_blank());
        if behind > MAX_SIGNATURE_LINES {
            break;
        }
    }
    found
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
    if text.chars().count() > 120
        || !DEVICE.is_match(text)
        || (PROSE_AFTER.is_match(text) && !EXCUSE.is_match(text))
    {
        return false;
    }
    DEVICE_NAME.is_match(text) || (MINE.is_match(text) && !text.ends_with('.'))
}

/// A name, then ways to reach it, as the last paragraph: an answer to "your number, please?" ends no such way,
/// for it is introduced by a colon, or stands alone.
fn contact_block(lines: &[Line]) -> Option<usize> {
    let start = lines.iter().rposition(Line::is_blank)? + 1;
    let block = &lines[start..];
    let written = &block[block.iter().take_while(|line| PICTURE.is_match(line.content)).count()..];
    if written.len() < 2 || block.len() > MAX_CONTACT_LINES || !NAME.is_match(written[0].content) {
        return None;
    }
    let contacts = contacts(&written[1..]);
    let short = block.iter().all(|line| line.content.chars().count() <= 80);
    let before = lines[..start].iter().rfind(|line| !line.is_blank())?;
    (short && contacts >= 2 && !before.content.ends_with(':')).then_some(start)
}

/// A drawn rule with a few short lines of contact behind it, or a mailing list's footer. A form filled in stays:
/// its rule is announced, or it outweighs what stands above.
fn ruled_block(lines: &[Line]) -> Option<usize> {
    let at = lines.iter().rposition(headers::is_rule)?;
    let (above, block) = (&lines[..at], &lines[at + 1..]);
    let short = block.iter().all(|line| line.content.chars().count() <= 60 || !line.content.contains(' '));
    let announced =
        above.iter().rfind(|line| !line.is_blank()).is_some_and(|line| line.content.ends_with(':'));
    if block.len() > 30 || !short || announced {
        return None;
    }
    let contact = contacts(block) > 0;
    let footer = lines[at].content.starts_with("_____") && contact;
    let named = block.iter().find(|line| !line.is_blank()).is_some_and(|line| NAME.is_match(line.content));
    (block.is_empty() || footer || (named && block.len() <= 10) || (contact && weight(above) > weight(block)))
        .then_some(at)
}

/// How many lines say how to reach someone; none does where one speaks of an order.
fn contacts(block: &[Line]) -> usize {
    if block.iter().any(|line| REFERENCE.is_match(line.content)) {
        return 0;
    }
    block.iter().filter(|line| CONTACT.is_match(line.content)).count()
}

fn weight(lines: &[Line]) -> usize {
    lines.iter().map(|line| line.content.len()).sum()
}

/// The contact lines below a closing formula and the name; formula and name stay.
fn below_closing(lines: &[Line]) -> Option<usize> {
    let closing = lines
        .iter()
        .enumerate()
        .rev()
        .take(MAX_CLOSING_LINES)
        .find(|(_, line)| CLOSING.is_match(line.content))?
        .0;
    let name = closing + 1 + lines[closing + 1..].iter().position(|line| !line.is_blank())?;
    let block = &lines[name + 1..];
    let short = lines[closing..].iter().all(|line| line.content.chars().count() <= 80);
    let contact = contacts(block) > 0;
    let is_name =
        !CONTACT.is_match(lines[name].content) && lines[name].content.split_whitespace().count() <= 5;
    (short && contact && is_name).then_some(name + 1)
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
