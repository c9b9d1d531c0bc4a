//! Bounces and complaints that Amazon SES posts as JSON through its notification service.

use serde::Deserialize;

use super::super::parse::ParsedMail;
use super::{Action, DeliveryReport, RecipientReport, status};
use crate::model::MessageId;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(alias = "eventType")]
    notification_type: String,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    mail: Option<Mail>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: Option<String>,
    bounced_recipients: Vec<Recipient>,
    #[serde(rename = "reportingMTA")]
    reporting_mta: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
    action: Option<String>,
    status: Option<String>,
    diagnostic_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    message_id: Option<String>,
}

/// A notification in the text of a mail from Amazon; `None` otherwise.
pub(super) fn read(mail: &ParsedMail) -> Option<DeliveryReport> {
    let sender = mail.sole_from()?.email.to_ascii_lowercase();
    let json = mail.text.trim_start();
    if !sender.ends_with(".amazonaws.com") || !json.starts_with('{') {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(json).into_iter::<Notification>();
    let notification = values.next()?.ok()?;
    let transient =
        notification.bounce.as_ref().is_some_and(|b| b.bounce_type.as_deref() == Some("Transient"));
    let reporting_mta = notification.bounce.as_ref().and_then(|bounce| bounce.reporting_mta.clone());
    let recipients =
        match (notification.notification_type.as_str(), notification.bounce, notification.complaint) {
            ("Bounce", Some(bounce), _) => {
                bounce.bounced_recipients.into_iter().map(|r| bounced(r, transient)).collect()
            }
            ("Complaint", _, Some(complaint)) => {
                complaint.complained_recipients.into_iter().map(complained).collect()
            }
            _ => return None,
        };
    let original_message_id = notification.mail.and_then(|m| m.message_id).and_then(|id| MessageId::new(&id));
    Some(DeliveryReport { recipients, original_message_id, reporting_mta })
}

fn bounced(recipient: Recipient, transient: bool) -> RecipientReport {
    let said = recipient.diagnostic_code.unwrap_or_default();
    let status = recipient.status.or_else(|| status::inferred(&said, transient));
    RecipientReport {
        recipient: recipient.email_address.to_lowercase(),
        action: recipient.action.and_then(|word| Action::parse(&word)).unwrap_or(Action::Failed),
        status,
        diagnostic: (!said.is_empty()).then_some(said),
    }
}

fn complained(recipient: Recipient) -> RecipientReport {
    let recipient = recipient.email_address.to_lowercase();
    RecipientReport { recipient, action: Action::Complaint, status: None, diagnostic: None }
}
