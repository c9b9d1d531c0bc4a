//! Feedback reports (RFC 5965): someone marked our mail as spam.

use std::collections::HashSet;

use super::super::parse::ParsedMail;
use super::fields::{self, Field};
use super::{Action, DeliveryReport, RecipientReport, returned};

/// Feedback that nobody complains in: reports on authentication (RFC 6591).
const NO_COMPLAINTS: [&str; 3] = ["auth-failure", "dmarc", "dkim"];

/// A report with a `message/feedback-report` part, or Microsoft's older form; `None` otherwise.
pub(super) fn read(mail: &ParsedMail) -> Option<DeliveryReport> {
    let Some(part) = mail.attachments.iter().find(|part| part.content_type == "message/feedback-report")
    else {
        return junk_mail_report(mail);
    };
    let text = String::from_utf8_lossy(&part.content);
    let all: Vec<Field> = fields::groups(&text).into_iter().flatten().collect();
    let value = |name: &str| all.iter().find(|field| field.name == name).map(|field| field.value.as_str());
    let kind = value("feedback-type").unwrap_or("abuse").to_ascii_lowercase();
    if NO_COMPLAINTS.contains(&kind.as_str()) {
        return None;
    }
    let returned = returned::read(mail);
    let is_not_spam = kind == "not-spam";
    let named = all.iter().filter(|f| matches!(f.name.as_str(), "original-rcpt-to" | "removal-recipient"));
    let named: Vec<String> = named.filter_map(|field| fields::address(&field.value)).collect();
    let recipients = if named.is_empty() { &returned.to } else { &named };
    let diagnostic = format!("feedback type {kind}");
    let sender = value("original-mail-from").and_then(fields::address);
    Some(DeliveryReport {
        recipients: if is_not_spam { Vec::new() } else { complaints(recipients, &diagnostic) },
        original_message_id: returned.message_id,
        reporting_mta: value("reporting-mta").map(|mta| fields::untyped(mta).to_owned()),
        original_return_path: sender.or(returned.return_path),
        is_not_spam,
        unread: None,
    })
}

/// Outlook.com's junk mail reporting gives the mail back without a word.
fn junk_mail_report(mail: &ParsedMail) -> Option<DeliveryReport> {
    let from_microsoft = mail.sole_from()?.email.eq_ignore_ascii_case("staff@hotmail.com");
    if !from_microsoft || !mail.subject.to_ascii_lowercase().starts_with("complaint about message from") {
        return None;
    }
    let returned = returned::read(mail);
    let recipients = complaints(&returned.to, "reported as junk");
    Some(DeliveryReport {
        recipients,
        original_message_id: returned.message_id,
        original_return_path: returned.return_path,
        ..DeliveryReport::default()
    })
}

/// One complaint for each recipient; one of nobody where the report hides who complains (RFC 6590).
fn complaints(recipients: &[String], diagnostic: &str) -> Vec<RecipientReport> {
    let mut seen = HashSet::new();
    let report = |recipient: &String| RecipientReport {
        recipient: recipient.clone(),
        action: Action::Complaint,
        status: None,
        diagnostic: Some(diagnostic.to_owned()),
    };
    let unknown = [String::new()];
    let recipients = if recipients.is_empty() { &unknown } else { recipients };
    recipients.iter().filter(|recipient| seen.insert(*recipient)).map(report).collect()
}
