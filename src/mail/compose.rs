//! Outgoing mail: the words of a rendered mail made RFC 5322 bytes, with every header of MAIL.md §2.2 but DKIM's.
//! All of it comes from values, so the same values give the same bytes.

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart, header};
use lettre::{Address, Message};

use crate::model::{Audience, MessageId, NotificationTemplate, OutgoingFile, OutgoingMail, Timestamp};

/// Longest display name or header text kept, characters.
const MAX_WORDS: usize = 500;

/// What was written for the reader.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// Whole subject.
    pub subject: &'a str,
    /// Text part.
    pub text: &'a str,
    /// HTML part.
    pub html: &'a str,
    /// Its language, BCP 47.
    pub locale: &'a str,
}

/// Why a mail can't be composed: no try would ever succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// An address that is none.
    #[error("{0:?} is not an address mail can be sent to")]
    Address(String),
    /// The builder refused.
    #[error("the mail can't be composed: {0}")]
    Builder(String),
}

/// The bytes of a mail: CR LF line ends, 7-bit but for addresses that are not (RFC 6532).
///
/// # Errors
/// When an address is none.
pub fn compose(mail: &OutgoingMail, words: Words<'_>) -> Result<Vec<u8>, Unsendable> {
    let entry = &mail.entry;
    let from = mailbox(from_name(mail), &entry.from_address)?;
    let to = mailbox(entry.to_name.as_deref(), &entry.to_address)?;
    let envelope = Envelope::new(None, vec![to.email.clone()]).map_err(builder)?;
    let mut message = Message::builder()
        .envelope(envelope)
        .header(header::Date::new(UNIX_EPOCH + since_epoch(mail.date)))
        .from(from)
        .to(to)
        .subject(one_line(words.subject))
        .message_id(Some(format!("<{}>", one_line(&entry.message_id))));
    if let Some(reply_to) = &mail.reply_to {
        message = message.reply_to(mailbox(None, reply_to)?);
    }
    if let Some(id) = mail.in_reply_to.as_ref().filter(|id| is_plain(id)) {
        message = message.in_reply_to(id.to_string());
    }
    if !mail.references.is_empty() {
        message = message.references(joined(&mail.references));
    }
    for (name, value) in machine_headers(mail, words.locale) {
        message =
            message.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), one_line(&value)));
    }
    let message = message.multipart(body(mail, words)).map_err(builder)?;
    Ok(message.formatted())
}

/// What mail programs, filters and other machines read.
fn machine_headers(mail: &OutgoingMail, locale: &str) -> Vec<(&'static str, String)> {
    let entry = &mail.entry;
    let domain = entry.from_address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let mut headers = Vec::new();
    if entry.automatic {
        headers.push(("Auto-Submitted", auto_submitted(&entry.template).to_owned()));
        headers.push(("X-Auto-Response-Suppress", "All".to_owned()));
    }
    if let Some(ticket) = &mail.ticket {
        headers.push(("X-Postdesk-Ticket", ticket.number.to_string()));
    }
    headers.push(("X-Postdesk-Template", versioned(mail)));
    headers.push(("Feedback-ID", format!("{}:{}:desk:{domain}", entry.template, mailbox_word(mail))));
    if entry.audience == Audience::Agent {
        headers.push(("List-Id", format!("<notifications.postdesk.{domain}>")));
    }
    if let Some(page) = &mail.links.unsubscribe {
        headers.push(("List-Unsubscribe", format!("<{page}>")));
        // RFC 8058 §3.1: one click, and only by TLS.
        if page.starts_with("https://") {
            headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
    }
    headers.push(("Content-Language", locale.to_owned()));
    headers
}

/// RFC 3834 §5: an answer to a mail, or something the desk says by itself.
fn auto_submitted(template: &str) -> &'static str {
    let answers = NotificationTemplate::parse(template).is_some_and(NotificationTemplate::answers_a_mail);
    if answers { "auto-replied" } else { "auto-generated" }
}

fn versioned(mail: &OutgoingMail) -> String {
    match mail.entry.template_version {
        Some(version) => format!("{}@{version}", mail.entry.template),
        None => mail.entry.template.clone(),
    }
}

fn mailbox_word(mail: &OutgoingMail) -> &str {
    mail.entry.from_address.split('@').next().unwrap_or_default()
}

/// `Ada at Lamps & More` would be a lie for machine mail: an agent's name stands only on what the agent wrote.
fn from_name(mail: &OutgoingMail) -> Option<&str> {
    let own = mail.mailbox.as_ref().and_then(|mailbox| mailbox.from_name.as_deref());
    own.or(Some(mail.brand.as_str())).filter(|name| !name.trim().is_empty())
}

fn body(mail: &OutgoingMail, words: Words<'_>) -> MultiPart {
    let boundary = |part: &str| format!("postdesk-{part}-{}", mail.entry.id.simple());
    let (shown, attached): (Vec<_>, Vec<_>) = mail.files.iter().partition(|file| file.content_id.is_some());
    let alternative =
        MultiPart::alternative().boundary(boundary("words")).singlepart(SinglePart::plain(crlf(words.text)));
    let html = SinglePart::html(crlf(words.html));
    let alternative = if shown.is_empty() {
        alternative.singlepart(html)
    } else {
        // RFC 2387: the HTML, and the pictures it shows.
        let related = MultiPart::related().boundary(boundary("pictures")).singlepart(html);
        alternative.multipart(shown.into_iter().fold(related, |all, file| all.singlepart(part(file))))
    };
    if attached.is_empty() {
        return alternative;
    }
    let mixed = MultiPart::mixed().boundary(boundary("files")).multipart(alternative);
    attached.into_iter().fold(mixed, |all, file| all.singlepart(part(file)))
}

fn part(file: &OutgoingFile) -> SinglePart {
    let octets = || ContentType::parse("application/octet-stream").expect("a type literal");
    let kind = ContentType::parse(&one_line(&file.content_type)).unwrap_or_else(|_| octets());
    let name = one_line(&file.filename);
    let part = match &file.content_id {
        Some(id) => Attachment::new_inline_with_name(one_line(id), name),
        None => Attachment::new(name),
    };
    part.body(file.content.clone(), kind)
}

/// A domain beyond ASCII is written in its ASCII form (RFC 5891): a mail whose local parts are ASCII then goes through
/// every server.
fn mailbox(name: Option<&str>, address: &str) -> Result<Mailbox, Unsendable> {
    let wrong = || Unsendable::Address(one_line(address));
    let email: Address = address.trim().parse().map_err(|_| wrong())?;
    let email = match idna::domain_to_ascii(email.domain()) {
        Ok(domain) if !email.domain().is_ascii() => {
            Address::new(email.user(), domain).map_err(|_| wrong())?
        }
        _ => email,
    };
    let name = name.map(one_line).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, email))
}

/// Ids that fit on a line of 998 octets with their fold, and need no encoding: others place no answer anyway.
fn joined(ids: &[MessageId]) -> String {
    let plain = ids.iter().filter(|id| is_plain(id));
    plain.map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn is_plain(id: &MessageId) -> bool {
    id.as_str().len() <= MAX_WORDS
        && id.as_str().bytes().all(|b| b.is_ascii_graphic() && b != b'<' && b != b'>')
}

fn since_epoch(at: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(at.0).unwrap_or(0))
}

fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace(['\r', '\0'], "").replace('\n', "\r\n")
}

/// Fit for a header: no control character (CR, LF, NUL among them) and no bidirectional override, bounded. What looks like
/// an encoded word (RFC 2047) is none any more: receivers would decode what was decoded and cleaned already.
fn one_line(text: &str) -> String {
    let blanked = text.chars().map(|c| if c.is_control() || is_bidi_control(c) { ' ' } else { c });
    let blanked: String = blanked.take(4 * MAX_WORDS).collect();
    let words = blanked.split_whitespace().collect::<Vec<_>>().join(" ").replace("=?", "= ?");
    words.chars().take(MAX_WORDS).collect()
}

/// Marks that make text read in another order than it is written (Unicode TR 9 §2).
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn builder(error: impl std::fmt::Display) -> Unsendable {
    Unsendable::Builder(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::parse::parse;
    use crate::model::Mailbox as SupportAddress;
    use crate::templates::{Rendered, Templates, sample};

    const WORDS: Words<'_> =
        Words { subject: "Re: Lamp", text: "Hello\n.\n", html: "<p>Hello</p>\n", locale: "en" };

    fn mail(template: NotificationTemplate) -> OutgoingMail {
        sample::mail(template, "en", true)
    }

    fn text(mail: &OutgoingMail, words: Words<'_>) -> String {
        String::from_utf8(compose(mail, words).unwrap()).unwrap()
    }

    #[test]
    fn whole_mails() {
        let templates = Templates::load(None);
        use NotificationTemplate::{AgentCustomerMessage, TicketReceivedNeutral, TicketReply};
        for locale in ["en", "ar"] {
            for template in [TicketReceivedNeutral, TicketReply, AgentCustomerMessage] {
                let mail = sample::mail(template, locale, template != TicketReceivedNeutral);
                let words = templates.render(&mail).unwrap();
                let words = Words {
                    subject: &words.subject,
                    text: &words.text,
                    html: &words.html,
                    locale: &words.locale,
                };
                let mail = text(&mail, words).replace("\r\n", "\n");
                insta::with_settings!({ snapshot_path => "../../tests/snapshots/mails", prepend_module_to_snapshot => false, omit_expression => true }, {
                    insta::assert_snapshot!(format!("{template}.{locale}"), mail);
                });
            }
        }
    }

    /// A customer's mail program may quote ours as it likes: what we quoted ourselves is history in any language.
    #[test]
    fn what_we_quote_is_known_as_quoted() {
        let templates = Templates::load(None);
        for locale in templates.locales() {
            let mut mail = sample::mail(NotificationTemplate::TicketReply, &locale, true);
            mail.author = None;
            let (ours, theirs) =
                (mail.response.clone().unwrap().body_text, mail.quoted.clone().unwrap().body_text);
            let Rendered { subject, text, html, locale, .. } = templates.render(&mail).unwrap();
            let words = Words { subject: &subject, text: &text, html: &html, locale: &locale };
            let read = parse(&compose(&mail, words).unwrap());
            for html in [None, read.html.as_deref()] {
                let new = crate::mail::quote::split(&read.text, html);
                let (ours, theirs) = (ours.lines().next().unwrap(), theirs.lines().last().unwrap());
                assert!(new.body.starts_with(ours), "{locale}: {}", new.body);
                assert!(!new.body.contains(theirs) && new.quoted.contains(theirs), "{locale}: {}", new.body);
                assert!(new.quoted.contains("Jo Doe"), "{locale}: {}", new.body);
            }
        }
    }

    #[test]
    fn nothing_injects_a_header() {
        let attack = "Hi\r\nBcc: victim@example.net\r\n\r\nbody\0\u{202e}\u{85}\u{2028}";
        for template in NotificationTemplate::ALL {
            let mut mail = mail(*template);
            let clean = parse(&compose(&mail, WORDS).unwrap());
            mail.brand = attack.into();
            mail.mailbox = None;
            mail.entry.to_name = Some(attack.into());
            mail.entry.template_version = Some(1);
            mail.in_reply_to = MessageId::new(attack);
            mail.references = MessageId::new("a@b\u{e9}>\u{202e}").into_iter().collect();
            mail.files = vec![OutgoingFile {
                filename: attack.into(),
                content_type: attack.into(),
                content_id: None,
                content: b"x".to_vec(),
            }];
            let bytes = compose(&mail, Words { subject: attack, locale: attack, ..WORDS }).unwrap();
            let read = parse(&bytes);
            assert_eq!(read.header("Bcc"), None, "{template}");
            assert_eq!(read.to.len(), 1);
            assert_eq!(read.from.len(), clean.from.len());
            assert_eq!(read.attachments.len(), 1);
            assert!(is_clean(&bytes), "{template}: {}", String::from_utf8_lossy(&bytes));
        }
    }

    /// No bare CR or LF, no NUL, no line over 998 octets (RFC 5322 §2.1.1).
    fn is_clean(bytes: &[u8]) -> bool {
        let lines = bytes.split(|&b| b == b'\n');
        let whole = lines.clone().rev().skip(1).all(|line| line.ends_with(b"\r"));
        let short =
            lines.clone().all(|line| line.len() <= 999 && line.iter().filter(|&&b| b == b'\r').count() <= 1);
        whole && short && !bytes.contains(&0)
    }

    #[test]
    fn lines_are_short_and_words_survive() {
        let mut mail = mail(NotificationTemplate::TicketReply);
        let long = "ü".repeat(400);
        let many: Vec<_> = (0..21)
            .map(|n| MessageId::new(&format!("{n}{}@example.org", "x".repeat(400))).unwrap())
            .collect();
        mail.references = many;
        mail.entry.to_name = Some("Zoë \"Jo\" <jo@evil.example>".into());
        let wide = format!("{}\n", "y".repeat(5000));
        let words = Words { subject: &long, text: &wide, html: &wide, locale: "de" };
        let bytes = compose(&mail, words).unwrap();
        assert!(is_clean(&bytes) && bytes.is_ascii());
        let read = parse(&bytes);
        assert_eq!(read.subject, long);
        assert_eq!(read.references.len(), 21);
        assert_eq!(read.to[0].email, "jo@example.org");
        assert_eq!(read.to[0].name.as_deref(), mail.entry.to_name.as_deref());
        assert_eq!(read.text.trim_end(), wide.trim_end());
    }

    /// What was decoded once is not decoded again by whoever gets it.
    #[test]
    fn encoded_words_in_a_subject_are_words() {
        let attack = "abc =?utf-8?q?=0d=0aX-Evil:_1?= def";
        let bytes =
            compose(&mail(NotificationTemplate::TicketReply), Words { subject: attack, ..WORDS }).unwrap();
        assert_eq!(parse(&bytes).subject, "abc = ?utf-8?q?=0d=0aX-Evil:_1?= def");
    }

    /// RFC 3834 §5, RFC 2919, RFC 2369.
    #[test]
    fn machines_are_told_what_a_machine_wrote() {
        for template in NotificationTemplate::ALL {
            let read = parse(&compose(&mail(*template), WORDS).unwrap());
            let want = match template {
                _ if template.is_from_person() => None,
                _ if template.answers_a_mail() => Some("auto-replied"),
                _ => Some("auto-generated"),
            };
            assert_eq!(read.header("Auto-Submitted"), want, "{template}");
            assert_eq!(read.header("X-Auto-Response-Suppress"), want.map(|_| "All"), "{template}");
            assert_eq!(
                read.header("List-Id").is_some(),
                template.audience() == Audience::Agent,
                "{template}"
            );
            let number = (template.audience() != Audience::Admin).then_some("TKT-2026-K7Q4ZP");
            assert_eq!(read.header("X-Postdesk-Ticket"), number, "{template}");
        }
    }

    #[test]
    fn files_ride_along() {
        let mut mail = mail(NotificationTemplate::TicketReply);
        let content: Vec<u8> = (0..=255).collect();
        let name = "Größe \"1\"; x=y.pdf";
        mail.files = vec![OutgoingFile {
            filename: name.into(),
            content_type: "application/pdf".into(),
            content_id: None,
            content: content.clone(),
        }];
        let read = parse(&compose(&mail, WORDS).unwrap());
        assert_eq!(read.attachments[0].content, content);
        assert_eq!(read.attachments[0].filename.as_deref(), Some(name));
        assert_eq!(read.attachments[0].content_type, "application/pdf");
    }

    #[test]
    fn pictures_stand_beside_the_html_that_shows_them() {
        let mut mail = mail(NotificationTemplate::TicketReply);
        let file = |name: &str, content_id: Option<&str>| OutgoingFile {
            filename: name.into(),
            content_type: "image/png".into(),
            content_id: content_id.map(str::to_owned),
            content: b"\x89PNG".to_vec(),
        };
        mail.files = vec![file("shown.png", Some("p1@desk.test")), file("box.png", None)];
        let words = Words { html: "<p><img src=\"cid:p1@desk.test\"></p>\n", ..WORDS };
        let bytes = compose(&mail, words).unwrap();
        assert!(is_clean(&bytes));
        let read = parse(&bytes);
        let of = |name: &str| read.attachments.iter().find(|a| a.filename.as_deref() == Some(name)).unwrap();
        assert_eq!(
            (of("shown.png").inline, of("shown.png").content_id.as_deref()),
            (true, Some("p1@desk.test"))
        );
        assert_eq!((of("box.png").inline, of("box.png").content_id.as_deref()), (false, None));
        assert!(read.html.unwrap().contains("cid:p1@desk.test"));
    }

    #[test]
    fn of_an_address_that_is_not_ascii_only_the_domain_is_rewritten() {
        let mut mail = mail(NotificationTemplate::TicketReply);
        mail.entry.to_address = "jörg@example.org".into();
        assert!(text(&mail, WORDS).contains("To: jörg@example.org\r\n"));
        mail.entry.to_address = "joerg@bücher.example".into();
        assert!(text(&mail, WORDS).contains("To: joerg@xn--bcher-kva.example\r\n"));
        mail.entry.to_address = "nobody".into();
        assert_eq!(compose(&mail, WORDS), Err(Unsendable::Address("nobody".into())));
    }

    #[test]
    fn the_mailbox_says_who_we_are() {
        let mut mail = mail(NotificationTemplate::TicketReply);
        let from = |mail: &OutgoingMail| parse(&compose(mail, WORDS).unwrap()).from.remove(0);
        assert_eq!(from(&mail).name.as_deref(), Some("Lamps & More"));
        let support = SupportAddress {
            id: mail.entry.id,
            address: "support@shop.example".into(),
            from_name: Some("Lampen".into()),
            signature: None,
            receive: "smtp".into(),
            default_category: crate::model::Category::General,
            team_id: None,
            store_id: None,
            locale: None,
            is_active: true,
            last_received_at: None,
            last_error: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        };
        mail.mailbox = Some(support);
        assert_eq!(from(&mail).name.as_deref(), Some("Lampen"));
        assert_eq!(from(&mail).email, "support@shop.example");
    }
}
