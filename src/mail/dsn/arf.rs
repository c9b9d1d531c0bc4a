//! Feedback reports (RFC 5965): someone marked our mail as spam.

use super::super::parse::ParsedMail;
use super::fields::{self, Field};
use super::returned::Returned;
use super::{Action, DeliveryReport, RecipientReport};

/// Feedback that nobody complains in: RFC 6591 reports on authentication, and mail taken out of a spam folder.
const NO_COMPLAINTS: [&str; 4] = ["auth-failure", "dmarc", "not-spam", "dkim"];

/// A report with a `message/feedback-report` part; `None` otherwise.
pub(super) fn read(mail: &ParsedMail, returned: &Returned) -> Option<DeliveryReport> {
    let part = mail.attachments.iter().find(|part| part.content_type == "message/feedback-report")?;
    let text = String::from_utf8_lossy(&part.content);
    let all: Vec<Field> = fields::groups(&text).into_iter().flatten().collect();
    let value = |name: &str| all.iter().find(|field| field.name == name).map(|field| field.value.as_str());
    let kind = value("feedback-type").unwrap_or("abuse").to_ascii_lowercase();
    if NO_COMPLAINTS.contains(&kind.as_str()) {
        return None;
    }
    let mut recipients: Vec<String> = all
        .iter()
        .filter(|field| matches!(field.name.as_str(), "original-rcpt-to" | "removal-recipient"))
        .filter_map(|field| fields::address(&field.value))
        .collect();
    if recipients.is_empty() {
        recipients.clone_from(&returned.to);
    }
    recipients.dedup();
    let report = |recipient| RecipientReport {
        recipient,
        action: Action::Complaint,
        status: None,
        diagnostic: Some(format!("feedback type {kind}")),
    };
    Some(DeliveryReport {
        recipients: recipients.into_iter().map(report).collect(),
        original_message_id: None,
        reporting_mta: value("reporting-mta").map(|mta| fields::untyped(mta).to_owned()),
    })
}
