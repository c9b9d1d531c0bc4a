//! Everything that can be known of a mail without asking the store.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Decision;
use crate::desk::files::picture_path;
use crate::desk::{Desk, Recipient};
use crate::mail::dsn::RecipientReport;
use crate::mail::kind::{self, Judgement, Ourselves};
use crate::mail::parse::{self, ParsedMail};
use crate::mail::{html, language, quote};
use crate::model::*;

/// From this size on, a mail is read on a thread of its own, octets.
const LARGE: usize = 128 * 1024;

/// A mail, read.
pub(in crate::desk) struct Reading {
    pub id: Uuid,
    pub response_id: Uuid,
    pub mail: InboundMail,
    /// Without the bytes of attachments.
    pub parsed: ParsedMail,
    pub judgement: Judgement,
    /// Where it goes: the first of our mailboxes among the recipients.
    pub mailbox: Option<Mailbox>,
    /// What stood behind the delimiter of our mailboxes, in the order of the recipients.
    pub tokens: Vec<String>,
    /// The outbox entry named by `bounce+token@`.
    pub bounced_entry: Option<Uuid>,
    pub from_address: String,
    pub from_name: Option<String>,
    pub subject: String,
    pub body_text: String,
    pub quoted_text: String,
    pub full_text: String,
    pub body_html: Option<String>,
    /// BCP 47, where the mail tells it.
    pub language: Option<String>,
    pub attachments: Vec<AttachmentRecord>,
    pub sha256: String,
    /// What it is known by; `None` without a Message-ID, which any server gives its mail (RFC 5321 §6.4): two equal mails
    /// without one may well be two.
    pub dedupe_key: Option<String>,
    /// Whether it mails those whom a mail like it does.
    pub notify: bool,
}

/// Whether a mail is read in no time.
pub(super) fn is_quick(mail: &InboundMail) -> bool {
    mail.raw.len() < LARGE
}

impl Desk {
    /// Reads a mail; `None` when no recipient is ours.
    pub(super) async fn read(&self, mail: InboundMail) -> Option<Reading> {
        let id = self.ids().uuid(mail.received_at);
        self.read_as(mail, id).await
    }

    /// Reads the mail that has this row in the ledger, or will have it; `None` when no recipient is ours.
    pub(super) async fn read_as(&self, mail: InboundMail, id: Uuid) -> Option<Reading> {
        if is_quick(&mail) {
            return self.read_now(mail, id);
        }
        let desk = self.clone();
        tokio::task::spawn_blocking(move || desk.read_now(mail, id)).await.expect("reading is total")
    }

    fn read_now(&self, mail: InboundMail, id: Uuid) -> Option<Reading> {
        let directory = self.directory();
        let looked_up: Vec<_> =
            mail.envelope.recipients.iter().map(|address| directory.recipients.look_up(address)).collect();
        let mailbox = looked_up.iter().find_map(|recipient| match recipient {
            Recipient::Mailbox { id, .. } | Recipient::Role { id } => directory.mailbox(*id),
            _ => None,
        });
        let to_bounce_address = looked_up.iter().any(|r| matches!(r, Recipient::Bounce { .. }));
        if mailbox.is_none() && !to_bounce_address {
            return None;
        }
        let parsed = parse_safely(&mail.raw);
        let us = Ourselves {
            is_our_address: &|address| directory.recipients.is_ours(address),
            is_our_message_id: &|id| MessageId::new(id).is_some_and(|id| self.keys().is_ours(&id)),
            to_bounce_address,
        };
        let judgement = kind::judge(&mail.envelope, &parsed, &us);
        let bounced_entry = looked_up.iter().find_map(|recipient| match recipient {
            Recipient::Bounce { token } => self.keys().read_bounce(token),
            _ => None,
        });
        let tokens = looked_up.iter().filter_map(|recipient| match recipient {
            Recipient::Mailbox { token, .. } => token.clone(),
            _ => None,
        });
        let (tokens, mailbox) = (tokens.collect(), mailbox.cloned());
        Some(Reading { mailbox, tokens, bounced_entry, ..self.texts(mail, id, parsed, judgement) })
    }

    /// Texts, files and fingerprints.
    fn texts(&self, mail: InboundMail, id: Uuid, mut parsed: ParsedMail, judgement: Judgement) -> Reading {
        let at = mail.received_at;
        let attachments = self.attachment_rows(&mut parsed, id, at);
        let text = match &self.config().email.reply_marker {
            Some(marker) => quote::split_above(marker, &parsed.text, parsed.html.as_deref()),
            None => quote::split(&parsed.text, parsed.html.as_deref()),
        };
        let body_html = parsed.html.take().map(|sent| storable(show(&sent, &attachments)));
        let from = parsed.from.first().cloned().unwrap_or_default();
        let from_address =
            if from.email.is_empty() { mail.envelope.reverse_path.as_str().to_owned() } else { from.email };
        let full_text = storable(std::mem::take(&mut parsed.text));
        let language = language::of(&parsed, &text.body);
        Reading {
            id,
            response_id: self.ids().uuid(at),
            judgement,
            mailbox: None,
            tokens: Vec::new(),
            bounced_entry: None,
            from_address: storable(from_address),
            from_name: from.name.map(storable),
            subject: storable(std::mem::take(&mut parsed.subject)),
            body_text: storable(text.body),
            quoted_text: storable(text.quoted),
            full_text,
            body_html: body_html.filter(|html| !html.trim().is_empty()),
            language,
            attachments,
            sha256: hex(&Sha256::digest(&mail.raw)),
            dedupe_key: dedupe_key(&mail, &parsed),
            notify: true,
            parsed,
            mail,
        }
    }

    /// Rows of the mail's files; their bytes are let go, since they stay in the mail.
    fn attachment_rows(&self, parsed: &mut ParsedMail, mail: Uuid, at: Timestamp) -> Vec<AttachmentRecord> {
        let row = |(position, file): (usize, parse::Attachment)| AttachmentRecord {
            id: self.ids().uuid(at),
            ticket_id: None,
            response_id: None,
            inbound_mail_id: Some(mail),
            position: i64::try_from(position).ok(),
            blob_sha256: None,
            filename: file.filename.map(storable),
            content_type: storable(file.content_type),
            size: i64::try_from(file.content.len()).unwrap_or(i64::MAX),
            sha256: hex(&Sha256::digest(&file.content)),
            is_inline: file.inline,
            content_id: file.content_id.map(storable),
            scan: "skipped".into(),
            owner_id: None,
            created_at: at,
            expires_at: None,
        };
        std::mem::take(&mut parsed.attachments).into_iter().enumerate().map(row).collect()
    }
}

impl Reading {
    /// The ledger row of what was decided.
    pub(super) fn record(&self, decision: &Decision) -> InboundRecord {
        let ticket = decision
            .filed
            .as_ref()
            .map(|f| (f.ticket.id, f.ticket.number.clone()))
            .or(decision.ticket.clone());
        let (ticket_id, ticket_number) = ticket.unzip();
        let authentication = Authentication { token: decision.token, ..self.mail.authentication };
        let reports = self.judgement.report.iter().flat_map(|report| &report.recipients);
        InboundRecord {
            dedupe_key: self.dedupe_key.clone().filter(|_| decision.duplicate_of.is_none()),
            message_id: self.parsed.message_id.as_ref().map(|id| storable(id.as_str().to_owned())),
            from_address: self.from_address.clone(),
            from_name: self.from_name.clone(),
            subject: self.subject.clone(),
            kind: self.judgement.kind,
            ticket_id,
            ticket_number,
            response_id: decision.filed.as_ref().map(|filed| filed.response.id),
            in_reply_to: self.parsed.in_reply_to.first().map(|id| storable(id.as_str().to_owned())),
            refs: self.parsed.references.iter().map(|id| storable(id.as_str().to_owned())).collect(),
            placement_by: decision.placement.as_ref().map(|placement| placement.by),
            placement_reason: decision.placement.as_ref().map(|placement| placement.reason.clone()),
            flags: self.flags(&decision.flags),
            authentication,
            bounces: reports.map(|line| bounce(line, decision.reported)).collect(),
            defects: self.parsed.defects.iter().cloned().map(storable).collect(),
            ..self.bare_record(decision)
        }
    }

    /// The row with nothing in it that came out of the mail's own text.
    pub(super) fn bare_record(&self, decision: &Decision) -> InboundRecord {
        InboundRecord {
            id: self.id,
            received_at: self.mail.received_at,
            via: self.mail.via,
            remote_ip: self.mail.remote_ip.map(|ip| ip.to_string()),
            reverse_path: storable(self.mail.envelope.reverse_path.as_str().to_owned()),
            recipients: self.mail.envelope.recipients.iter().cloned().map(storable).collect(),
            message_id: None,
            dedupe_key: None,
            from_address: String::new(),
            from_name: None,
            subject: String::new(),
            size: i64::try_from(self.mail.raw.len()).unwrap_or(i64::MAX),
            sha256: self.sha256.clone(),
            kind: MailKind::Person,
            action: decision.action,
            reason: decision.reason.into(),
            detail: storable(decision.detail.clone()),
            ticket_id: None,
            ticket_number: None,
            response_id: None,
            duplicate_of: decision.duplicate_of,
            in_reply_to: None,
            refs: Vec::new(),
            placement_by: None,
            placement_reason: None,
            flags: Vec::new(),
            authentication: self.mail.authentication,
            bounces: Vec::new(),
            defects: Vec::new(),
            released_at: None,
            released_by: None,
        }
    }

    /// Flags of the decision and of the reading itself.
    pub fn flags(&self, decided: &[&'static str]) -> Vec<String> {
        let own =
            [(self.parsed.charset_repaired, "charset_repaired"), (self.parsed.is_damaged(), "parse_damaged")];
        let own = own.into_iter().filter_map(|(holds, flag)| holds.then_some(flag));
        decided.iter().copied().chain(own).map(str::to_owned).collect()
    }
}

/// A line of a report as the ledger keeps it (API.md §3.4).
fn bounce(line: &RecipientReport, mail: Option<Uuid>) -> serde_json::Value {
    let RecipientReport { recipient, action, status, diagnostic } = line;
    let storable = |text: &String| storable(text.clone());
    serde_json::json!({
        "recipient": storable(recipient), "action": action, "status": status,
        "diagnostic": diagnostic.as_ref().map(storable), "email_log_id": mail,
    })
}

/// The new part of the HTML, safe to show, with our own addresses for its images.
fn show(sent: &str, attachments: &[AttachmentRecord]) -> String {
    let url = |cid: &str| {
        let part = attachments.iter().find(|a| a.content_id.as_deref() == Some(cid))?;
        Some(picture_path(part))
    };
    html::sanitise(&quote::new_html(sent), &url)
}

/// Reading is total; should it fail all the same, the mail is kept whole and said to be unread.
fn parse_safely(raw: &[u8]) -> ParsedMail {
    std::panic::catch_unwind(|| parse::parse(raw)).unwrap_or_else(|_| ParsedMail {
        text: String::from_utf8_lossy(raw).into_owned(),
        defects: vec!["it could not be read".into()],
        ..ParsedMail::default()
    })
}

/// PostgreSQL keeps no NUL in text (and nobody needs one).
fn storable(text: String) -> String {
    if memchr::memchr(0, text.as_bytes()).is_some() { text.replace('\0', "\u{FFFD}") } else { text }
}

/// Message-ID, reverse-path, recipients and content (MAIL.md §1.7).
fn dedupe_key(mail: &InboundMail, parsed: &ParsedMail) -> Option<String> {
    let id = parsed.message_id.as_ref()?;
    let mut recipients: Vec<_> = mail.envelope.recipients.iter().map(|r| r.to_lowercase()).collect();
    recipients.sort_unstable();
    let mut hash = Sha256::new();
    for part in [id.as_str(), mail.envelope.reverse_path.as_str(), &recipients.join(" ")] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.update(body_of(&mail.raw));
    Some(hex(&hash.finalize()[..16]))
}

/// What stands behind the empty line; the whole when there is none.
fn body_of(raw: &[u8]) -> &[u8] {
    memchr::memmem::find(raw, b"\r\n\r\n").map_or(raw, |end| &raw[end + 4..])
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
