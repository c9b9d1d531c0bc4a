//! Blocks of From, Sent, To, Subject above a quoted mail, and the lines that announce one.

use super::super::pattern::Pattern;
use super::line::{Line, is_blank_char};
use std::{collections::HashMap, sync::LazyLock};

/// A field of the block, whatever its language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    From = 1,
    Date = 2,
    To = 4,
    Subject = 8,
    Other = 16,
    /// Asked by a contact form, said by no header.
    Form = 32,
}

const FROM: &str = "from|von|absender|de|expéditeur|envoyé par|enviado por|da|inviato da|mittente|van|afzender|från|avsändare|fra|avsender|afsender|od|nadawca|odesílatel|odesilatel|odosielateľ|pošiljatelj|šalje|pošiljalac|од|от|отправитель|від|відправник|от кого|feladó|küldő|lähettäjä|από|αποστολέας|kimden|gönderen|de la|expeditor|từ|người gửi|dari|pengirim|daripada|จาก|ผู้ส่ง|מאת|שולח|من|المرسل|از|差出人|送信者|发件人|寄件者|寄件人|发信人|발신|보낸 사람|보낸사람|발신자|보낸이|saatja|kellelt|no|sūtītājs|nuo|siuntėjas|remitente|remetente|frá|nga|de part de|prejeto od";
const DATE: &str = "sent|date|sent at|date sent|gesendet|datum|gesendet am|envoyé|envoyé le|date d'envoi|message du|enviado|enviado el|fecha|enviado em|enviada em|enviada|data|data de envio|inviato|inviato il|data invio|ricevuto|verzonden|verzonden op|skickat|skickad|sendt|dato|wysłano|wysłane|data wysłania|odesláno|odoslané|dátum|poslano|послато|отправлено|дата|надіслано|изпратено|elküldve|küldve|időpont|lähetetty|päivämäärä|pvm|ημερομηνία|στάλθηκε|απεστάλη|tarih|gönderme tarihi|gönderildi|gönderilme|trimis|dată|đã gửi|ngày|gửi|tanggal|dikirim|terkirim|tarikh|ส่งเมื่อ|วันที่|ส่ง|נשלח|תאריך|تاريخ|التاريخ|أرسلت|تم الإرسال|تاریخ|送信日時|日時|日付|发送时间|日期|发送日期|寄件日期|傳送時間|傳送日期|发件时间|时间|보낸 날짜|날짜|보낸날짜|일시|보낸시간|saadetud|kuupäev|nosūtīts|datums|išsiųsta|sent on|dagsetning";
const TO: &str = "to|an|empfänger|à|a|destinataire|para|destinatario|destinatário|naar|aan|till|til|do|adresat|komu|pro|za|prima|кому|до|za|címzett|vastaanottaja|kohde|προς|παραλήπτης|kime|alıcı|către|pentru|đến|tới|kepada|untuk|ke|ถึง|אל|אל:|إلى|الى|به|宛先|收件人|收件者|收信人|받는 사람|받는사람|수신|수신자|받는이|saaja|kellele|adresāts|kam|gavėjas|per a|til þess|за|prejemnik";
const SUBJECT: &str = "subject|betreff|objet|sujet|asunto|assunto|oggetto|onderwerp|ämne|emne|temat|předmět|predmet|тема|предмет|относно|tárgy|aihe|θέμα|konu|subiect|chủ đề|tiêu đề|perihal|subjek|judul|หัวข้อ|เรื่อง|נושא|الموضوع|موضوع|件名|題名|主题|主旨|主題|제목|teema|temats|tēma|tema|assumpte|efni|gaia";
const OTHER: &str = "cc|bcc|kopie|copie|copie à|copia|copia a|cópia|kopia|kopi|dw|udw|kopie an|копия|копія|másolatot kap|másolat|kopio|κοιν|κοινοποίηση|bilgi|đồng gửi|tembusan|สำเนา|עותק|نسخة|抄送|副本|참조|reply-to|antwort an|répondre à|responder a|rispondi a|risposta|importance|priority|wichtigkeit|importancia|attachments|anlagen|pièces jointes|organisation|organization|newsgroups|message-id|in-reply-to|references|reply to|send to|サイズ|답장";

/// Labels of contact forms.
const FORM: &str = "name|first name|last name|vorname|nachname|nom|prénom|nombre|apellidos|nome|cognome|naam|message|message body|nachricht|mensaje|messaggio|mensagem|bericht|meddelande|wiadomość|comment|comments|kommentar|phone|telefon|téléphone|teléfono|telefono|telefone|email|e-mail|e-mail-adresse|website|company|firma|question|frage";

/// First octet of `：` in UTF-8.
const FULL_WIDTH_COLON: u8 = 0xEF;

static FIELDS: LazyLock<HashMap<&'static str, Field>> = LazyLock::new(|| {
    let mut fields = HashMap::new();
    for (field, labels) in [
        (Field::Form, FORM),
        (Field::Other, OTHER),
        (Field::Subject, SUBJECT),
        (Field::To, TO),
        (Field::Date, DATE),
        (Field::From, FROM),
    ] {
        fields.extend(labels.split('|').map(|label| (label, field)));
    }
    fields
});

/// "Original message" and "Forwarded message", between dashes or alone.
const ANNOUNCED: &str = concat!(
    r"original message|reply message|replied message|回复的原邮件|回复的邮件|original appointment|original email|original-nachricht|originalnachricht|ursprüngliche nachricht|ursprüngliche e-mail|urspr\. nachricht|message d'origine|message original|message d’origine|message initial|mensaje original|correo original|mensagem original|messaggio originale|",
    r"messaggio inoltrato|oorspronkelijk bericht|oorspronkelijke bericht|origineel bericht|ursprungligt meddelande|originalmeddelande|oprindelig meddelelse|original meddelelse|opprinnelig melding|original melding|alkuperäinen viesti|viesti alkaa|wiadomość oryginalna|oryginalna wiadomość|treść oryginalnej wiadomości|",
    r"původní zpráva|původní e-mail|pôvodná správa|izvorna poruka|originalna poruka|izvirno sporočilo|eredeti üzenet|mesaj original|mesajul original|исходное сообщение|оригинальное сообщение|пересылаемое сообщение|вихідне повідомлення|початкове повідомлення|оригинално съобщение|оригинална порука|αρχικό μήνυμα|orijinal ileti|özgün ileti|",
    r"asıl ileti|tin nhắn gốc|thư gốc|pesan asli|mesej asal|ข้อความต้นฉบับ|ข้อความเดิม|הודעה מקורית|הודעה שהועברה|الرسالة الأصلية|رسالة أصلية|پیام اصلی|元のメッセージ|原邮件|原始邮件|原始郵件|原始信息|原始訊息|원본 메시지|원본 메일|원본메일|original besked|algne teade|sākotnējais ziņojums|pradinis laiškas|missatge original|",
    r"forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|mensagem encaminhada|mensagem reencaminhada|doorgestuurd bericht|vidarebefordrat meddelande|videresendt meddelelse|videresendt melding|välitetty viesti|edelleenlähetetty viesti|przekazana wiadomość|wiadomość przekazana|přeposlaná zpráva|preposlaná správa|",
    r"továbbított üzenet|mesaj redirecționat|пересланное сообщение|переслане повідомлення|iletilmiş mesaj|iletilen mesaj|προωθημένο μήνυμα|転送されたメッセージ|转发的邮件|轉寄郵件|전달된 메시지|ursprüngliche mail|missatge reenviat|proslijeđena poruka|posredovano sporočilo",
);

/// Announcements that stand alone, as Apple Mail and web mailers write them, marks of other desks, and the line of
/// HCL Notes: name, date and first words with dashes between.
const ALONE: &str = concat!(
    r"(?i)^[-‐–—_=*~#< ]*(?:begin forwarded message|anfang der weitergeleiteten (?:nachricht|e-mail)|début du message (?:réexpédié|transféré)|inicio del mensaje reenviado|início da mensagem (?:reencaminhada|encaminhada)|inizio messaggio inoltrato|begin doorgestuurd bericht|vidarebefordrat brev|start på videresendt besked|",
    r"videresendt melding|välitetty viesti alkaa|początek przekazywanej wiadomości|začátek přeposílané zprávy|začiatok preposlanej správy|továbbított levél kezdete|începutul mesajului redirecționat|начало переадресованного сообщения|початок листа, що пересилається|iletilen iletinin başlangıcı|αρχή προωθημένου μηνύματος|転送されたメッセージ|开始转发邮件|下面是被转发的邮件|開始轉寄郵件|전달된 메시지 시작) *[:：]?$",
    r"|(?i)^[-‐–—_=*~# ]*(?:(?:please )?(?:type|write|enter)? ?(?:your )?repl(?:y|ies) above this line|reply above|bitte antworten sie oberhalb dieser (?:linie|zeile)|antwort oberhalb dieser linie|antworten sie über dieser (?:linie|zeile)|répondez au-dessus de cette ligne|répondre au-dessus de cette ligne|responda por encima de esta línea|responda acima desta linha|rispondi sopra questa riga)",
    r"|(?i)^[-‐–— ]{2,}(?:forwarded message from |forwarded (?:by|from) |weitergeleitet von |transféré par |reenviado por |encaminhado por |inoltrato da |doorgestuurd door |przekazane przez |begin(?:ning of)? forwarded (?:text|message|mail))",
    r"|(?i)^(?:reply to this email directly|you are receiving this because|you're receiving this notification because|visit topic to respond|visit message to respond)\b",
    r"|(?i)^[*_]{0,2}previous replies[*_]{0,2}:?$",
    r"|^[^-\n]{2,60}---? ?\d{1,4}[./-]\d{1,2}[./-]\d{2,4}[ ,]{1,2}\d{1,2}[:.]\d{2}[^-\n]{0,12}---",
);

/// All announcements in one pattern: every line is held against it.
static ANNOUNCEMENT: LazyLock<Pattern> = LazyLock::new(|| {
    Pattern::new(format!(
        r"(?i)^[-‐–—_=*~ ]*(?:[-‐–—_=*~]{{2,}} *)(?:{ANNOUNCED})[^\n]{{0,40}}$|^(?:{ANNOUNCED}) *(?:[-‐–—_=*~]{{2,}}|:?)$|{ALONE}"
    ))
});

/// A line that announces quoted history: all after it is history.
pub fn announces(line: &Line) -> bool {
    let text = line.content;
    text.len() <= 200 && ANNOUNCEMENT.is_match(text)
}

/// A rule drawn with dashes, underscores or the like.
pub fn is_rule(line: &Line) -> bool {
    let mut count = 0;
    line.content.chars().all(|c| {
        count += usize::from(!c.is_whitespace());
        matches!(c, '-' | '‐' | '–' | '—' | '_' | '=' | '*' | '~' | '#' | '─' | 'ᐧ') || c.is_whitespace()
    }) && (count >= 3 || matches!(line.content, "__" | "ᐧ"))
}

/// A header block begins at `at`. A traveller's "From: Berlin / To: Paris" is none: it takes an address, or a subject and two more.
pub fn block_begins(lines: &[Line], at: usize) -> bool {
    let Some((first, _)) = field(&lines[at]) else { return false };
    if matches!(first, Field::Other | Field::Form) {
        return false;
    }
    let (mut seen, mut address, mut strays) = (0, false, 0);
    for line in lines[at..].iter().filter(|line| !line.content.is_empty()).take(12) {
        match field(line) {
            Some((field, value)) => {
                seen |= field as u32;
                address |= matches!(field, Field::From | Field::To) && value.contains('@');
                strays = 0;
            }
            None => {
                strays += 1;
                address |= line.content.contains('@');
            }
        }
        if enough(seen, address) {
            return !is_form(&lines[at..]);
        }
        if strays > 2 {
            return false;
        }
    }
    false
}

/// The index behind the announcement and the header block that begin at `at`: the first written line after their blank line.
pub fn block_end(lines: &[Line], at: usize) -> usize {
    let heads = |line: &Line| line.content.is_empty() || is_rule(line) || announces(line);
    let fields = at + lines[at..].iter().take_while(|line| heads(line)).count();
    let blank = fields + lines[fields..].iter().take(20).take_while(|line| !line.content.is_empty()).count();
    blank + lines[blank..].iter().take_while(|line| line.content.is_empty()).count()
}

fn enough(seen: u32, address: bool) -> bool {
    let has = |field: Field| seen & field as u32 != 0;
    let (from, to, date) = (has(Field::From), has(Field::To), has(Field::Date));
    let sent = (from && (to || date)) || (to && date);
    sent && (address || has(Field::Subject))
}

/// A form that a web page sends: its labels ask what no header says.
fn is_form(lines: &[Line]) -> bool {
    let block = lines.iter().take(12).take_while(|line| !line.content.is_empty());
    block.filter_map(field).any(|(field, _)| field == Field::Form)
}

/// The field a line names, and its value.
fn field<'a>(line: &Line<'a>) -> Option<(Field, &'a str)> {
    memchr::memchr2(b':', FULL_WIDTH_COLON, line.content.as_bytes())?;
    let text =
        line.content.trim_start_matches(|c: char| is_blank_char(c) || matches!(c, '*' | '_' | '|' | '#'));
    let colon = text.char_indices().take(28).find(|(_, c)| matches!(c, ':' | '：'))?;
    let label = text[..colon.0].trim_matches(|c: char| is_blank_char(c) || matches!(c, '*' | '_' | '.'));
    let value = &text[colon.0 + colon.1.len_utf8()..];
    FIELDS.get(label.to_lowercase().as_str()).map(|field| (*field, value))
}
