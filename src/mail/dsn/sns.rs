//! Bounces and complaints that Amazon SES posts as JSON through its notification service.

use serde::Deserialize;

use super::super::parse::ParsedMail;
use super::{Action, DeliveryReport, RecipientReport, fields, status};
use crate::model::MessageId;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(alias = "eventType")]
    notification_type: String,
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
    delivery: Option<Delivery>,
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
struct Delivery {
    recipients: Vec<String>,
    smtp_response: Option<String>,
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
    let text = mail.text.trim_start();
    if !sender.ends_with(".amazonaws.com") || !text.starts_with('{') {
        return None;
    }
    // The service breaks long lines, even inside a string.
    let json = text.replace('\n', "");
    let mut values = serde_json::Deserializer::from_str(&json).into_iter::<Notification>();
    let notification = values.next()?.ok()?;
    let mta = notification.bounce.as_ref().and_then(|bounce| bounce.reporting_mta.as_deref());
    let reporting_mta = mta.map(|mta| fields::untyped(mta).to_owned());
    let original_message_id =
        notification.mail.as_ref().and_then(|m| MessageId::new(m.message_id.as_deref()?));
    let recipients = recipients(notification)?;
    Some(DeliveryReport { recipients, original_message_id, reporting_mta, ..DeliveryReport::default() })
}

fn recipients(notification: Notification) -> Option<Vec<RecipientReport>> {
    match notification.notification_type.as_str() {
        "Bounce" => {
            let bounce = notification.bounce?;
            let transient = bounce.bounce_type.as_deref() == Some("Transient");
            Some(bounce.bounced_recipients.into_iter().map(|r| bounced(r, transient)).collect())
        }
        "Complaint" => {
            Some(notification.complaint?.complained_recipients.into_iter().map(complained).collect())
        }
        "Delivery" => {
            let delivery = notification.delivery?;
            Some(
                delivery.recipients.iter().map(|r| delivered(r, delivery.smtp_response.as_deref())).collect(),
            )
        }
        _ => None,
    }
}

fn delivered(recipient: &str, said: Option<&str>) -> RecipientReport {
    let (recipient, diagnostic) = (recipient.to_lowercase(), said.map(str::to_owned));
    RecipientReport { recipient, action: Action::Delivered, status: None, diagnostic }
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
