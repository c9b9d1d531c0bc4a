//! Delivery status notifications (RFC 3464) with their UTF-8 form (RFC 6533), also where a sloppy MTA puts the fields
//! into the text; and disposition notifications (RFC 8098).

use super::super::parse::ParsedMail;
use super::fields::{self, Field};
use super::{Action, DeliveryReport, RecipientReport, freeform, returned, sender, status};
use crate::model::Envelope;

const MAX_RECIPIENTS: usize = 1_000;
const MAX_PART: usize = 1024 * 1024;
const MAX_DIAGNOSTIC: usize = 1_000;

/// A report with a status part, or with its fields in the text; `None` otherwise.
pub(super) fn read(envelope: &Envelope, mail: &ParsedMail) -> Option<DeliveryReport> {
    let machine = sender::signs(envelope, mail).machine;
    if !machine && mail.content_type != "multipart/report" {
        return None;
    }
    let mut report = match status_parts(mail).map(|part| from_fields(&part)).reduce(merged) {
        Some(mut report) => {
            complete(&mut report, envelope, mail);
            report
        }
        None => in_text(mail)?,
    };
    let returned = returned::read(mail);
    report.original_message_id = report.original_message_id.or(returned.message_id);
    report.original_return_path = returned.return_path;
    Some(report)
}

/// The fields where they stand in the text, or in a body whose parts can't be told apart.
fn in_text(mail: &ParsedMail) -> Option<DeliveryReport> {
    let body = returned::body(mail);
    let (text, _) = returned::split(&body);
    let stated = text.contains("inal-Recipient:") || text.contains("inal-recipient:");
    stated.then(|| from_fields(text)).filter(|report| !report.recipients.is_empty())
}

/// The status parts of a report: only of the mail itself, so that a bounce which a person forwards is none.
fn status_parts(mail: &ParsedMail) -> impl Iterator<Item = String> {
    let wanted = |kind: &str| {
        let kind = kind.strip_prefix("message/").unwrap_or_default();
        matches!(
            kind,
            "delivery-status"
                | "global-delivery-status"
                | "disposition-notification"
                | "global-disposition-notification"
        )
    };
    let own = mail.attachments.iter().filter(move |part| wanted(&part.content_type));
    own.map(|part| String::from_utf8_lossy(&part.content[..part.content.len().min(MAX_PART)]).into_owned())
}

fn from_fields(text: &str) -> DeliveryReport {
    let mut report = DeliveryReport::default();
    for group in fields::groups(text) {
        let mta = value(&group, "reporting-mta").or_else(|| value(&group, "reporting-ua"));
        report.reporting_mta =
            report.reporting_mta.or_else(|| mta.map(|mta| fields::untyped(mta).to_owned()));
        if report.original_message_id.is_none() {
            report.original_message_id =
                value(&group, "original-message-id").and_then(crate::model::MessageId::new);
        }
        for group in by_recipient(&group) {
            for recipient in recipient_reports(group) {
                if report.recipients.len() < MAX_RECIPIENTS && !report.recipients.contains(&recipient) {
                    report.recipients.push(recipient);
                }
            }
        }
    }
    report
}

/// Reports that forget the blank line between recipients begin anew with the next address.
fn by_recipient(group: &[Field]) -> impl Iterator<Item = &[Field]> {
    let several = group.iter().filter(|field| field.name == "final-recipient").count() > 1;
    let mut seen_final = false;
    group.chunk_by(move |previous, next| {
        seen_final |= previous.name == "final-recipient";
        let starts =
            several && seen_final && matches!(next.name.as_str(), "final-recipient" | "original-recipient");
        seen_final &= !starts;
        !starts
    })
}

/// One for the address that we wrote to, and one for the address that it was forwarded to, where they differ: the
/// report names both, and only the first is known to us.
fn recipient_reports(group: &[Field]) -> Vec<RecipientReport> {
    let address = |name: &&str| value(group, name).and_then(fields::address);
    let original = ["original-recipient", "x-original-recipient"].iter().find_map(address);
    let last = ["final-recipient", "x-actual-recipient"].iter().find_map(address);
    let diagnostic = diagnostic(group);
    let said = diagnostic.as_deref().unwrap_or_default();
    let stated = value(group, "status").and_then(status::written);
    let action = action(group, stated.as_deref());
    let status = status::truest(said, stated).or_else(|| status::inferred(said, action == Action::Delayed));
    let forwarded = last.filter(|last| original.as_ref() != Some(last));
    let report = |recipient| RecipientReport {
        recipient,
        action,
        status: status.clone(),
        diagnostic: diagnostic.clone(),
    };
    original.into_iter().chain(forwarded).map(report).collect()
}

fn diagnostic(group: &[Field]) -> Option<String> {
    let stated = value(group, "diagnostic-code").filter(|text| !fields::untyped(text).is_empty());
    let text = stated.or_else(|| value(group, "x-notes")).or_else(|| value(group, "x-supplementary-info"))?;
    Some(shortened(text, MAX_DIAGNOSTIC))
}

/// The action stated, however it is dressed; else the one that the status means.
fn action(group: &[Field], status: Option<&str>) -> Action {
    if value(group, "disposition").is_some() {
        return Action::Delivered;
    }
    let stated = value(group, "action").unwrap_or_default().trim().to_ascii_lowercase();
    let word: String = stated.chars().take_while(char::is_ascii_alphabetic).collect();
    match (word.as_str(), status.and_then(|code| code.chars().next())) {
        ("delayed" | "delay" | "deferred", _) => Action::Delayed,
        ("delivered" | "deliverable", _) => Action::Delivered,
        ("relayed", _) => Action::Relayed,
        ("expanded", _) => Action::Expanded,
        ("failed" | "failure" | "fail" | "error", _) => Action::Failed,
        (_, Some('2')) => Action::Delivered,
        (_, Some('4')) => Action::Delayed,
        _ => Action::Failed,
    }
}

/// A status part may name nobody, or nobody with a domain: then the text says who it was.
fn complete(report: &mut DeliveryReport, envelope: &Envelope, mail: &ParsedMail) {
    if report.recipients.is_empty()
        && let Some(said) = freeform::read(envelope, mail)
    {
        report.recipients = said.recipients;
    }
    let is_generic = |r: &RecipientReport| r.status.as_deref().is_none_or(status::is_generic);
    if !report.recipients.iter().any(is_generic) {
        return;
    }
    let words = freeform::words(mail);
    for recipient in report.recipients.iter_mut().filter(|r| is_generic(r)) {
        if let Some(said) = words.get(&recipient.recipient) {
            recipient.status = status::truest(said, recipient.status.take());
        }
    }
}

fn merged(mut one: DeliveryReport, other: DeliveryReport) -> DeliveryReport {
    one.recipients.extend(other.recipients);
    one.reporting_mta = one.reporting_mta.or(other.reporting_mta);
    one.original_message_id = one.original_message_id.or(other.original_message_id);
    one
}

fn value<'a>(group: &'a [Field], name: &str) -> Option<&'a str> {
    group.iter().find(|field| field.name == name).map(|field| field.value.as_str()).filter(|v| !v.is_empty())
}

/// At most `octets`, cut between characters.
pub(super) fn shortened(text: &str, octets: usize) -> String {
    text[..text.floor_char_boundary(octets)].to_owned()
}
