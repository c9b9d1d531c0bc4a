//! The variables of a mail. For an unverified recipient those that a caller wrote don't exist (invariant 9): a
//! template that uses them fails rather than tell them.

use minijinja::value::{Serde, Value};
use serde_json::{Map, Value as Json, json};

use super::catalog::Catalogs;
use crate::model::{ActorType, NotificationTemplate, OutgoingMail, Response, Ticket};

/// Most of the quoted message, octets.
const MAX_QUOTE: usize = 4096;

/// Everything a template of this mail may use.
pub(super) fn of(
    mail: &OutgoingMail,
    template: NotificationTemplate,
    locale: &str,
    subject: &str,
    catalogs: &Catalogs,
) -> Value {
    let mut all = Map::new();
    all.insert("locale".into(), json!(locale));
    let dir = catalogs.text(locale, "dir").unwrap_or("ltr");
    all.insert("dir".into(), json!(dir));
    // For mail programs that don't know `text-align: start`.
    all.insert("align".into(), json!(if dir == "rtl" { "right" } else { "left" }));
    all.insert("subject".into(), json!(subject));
    all.insert(
        "brand".into(),
        json!({ "name": mail.brand, "url": mail.public_url, "support_email": mail.entry.from_address }),
    );
    all.insert("mailbox".into(), mailbox(mail));
    all.insert("recipient".into(), recipient(mail, locale));
    all.insert("signature".into(), json!(signature(mail)));
    all.insert("attachments".into(), json!(mail.file_names));
    all.insert(
        "change".into(),
        json!({ "from": mail.entry.context.get("from"), "to": mail.entry.context.get("to") }),
    );
    if let Some(ticket) = &mail.ticket {
        all.insert("ticket".into(), ticket_facts(ticket, mail.entry.verified));
    }
    if let Some(agent) = &mail.author {
        all.insert(
            "agent".into(),
            json!({ "name": agent.name, "first_name": first_name(&agent.name), "email": agent.email }),
        );
    }
    let somebody = catalogs.text(locale, "somebody").unwrap_or_default();
    if mail.entry.verified {
        all.insert("requester".into(), requester(mail, somebody));
    }
    all.insert("quoted".into(), quoted(mail, template, somebody));
    let message = mail.response.as_ref().filter(|response| may_be_told(mail, response));
    let context = Value::from(Serde(Json::Object(all)));
    let message = message.map(|response| message_facts(mail, response));
    match message {
        Some(message) => minijinja::context! { message, ..context },
        None => context,
    }
}

/// What a caller wrote reaches verified addresses alone; what an agent wrote reaches everybody it is sent to.
fn may_be_told(mail: &OutgoingMail, response: &Response) -> bool {
    mail.entry.verified || matches!(response.author_type, ActorType::Agent | ActorType::System)
}

fn ticket_facts(ticket: &Ticket, verified: bool) -> Json {
    let mut facts = json!({
        "id": ticket.id, "number": ticket.number, "status": ticket.status, "priority": ticket.priority,
        "category": ticket.category, "channel": ticket.channel, "created_at": ticket.created_at,
        "resolution": ticket.resolution,
    });
    if verified {
        facts["subject"] = json!(ticket.subject);
        facts["tags"] = json!(ticket.tags);
        facts["order_id"] = json!(ticket.order_id);
        facts["store_id"] = json!(ticket.store_id);
        facts["seller_id"] = json!(ticket.seller_id);
        facts["custom_fields"] = ticket.custom_fields.clone();
    }
    facts
}

/// `display`: a name for a sentence; `shown`: name and address, so that nobody answers the wrong one.
fn requester(mail: &OutgoingMail, somebody: &str) -> Json {
    let email = mail.ticket.as_ref().map_or("", |ticket| ticket.requester_email.as_str());
    let name = mail.requester_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let shown = match (name, email) {
        (Some(name), "") => name.to_owned(),
        (Some(name), email) => format!("{name} <{email}>"),
        (None, "") => somebody.to_owned(),
        (None, email) => email.to_owned(),
    };
    let display = name.unwrap_or(if email.is_empty() { somebody } else { email });
    json!({ "name": name, "first_name": name.map(first_name), "email": email, "display": display, "shown": shown })
}

fn recipient(mail: &OutgoingMail, locale: &str) -> Json {
    let entry = &mail.entry;
    let is_requester = mail.ticket.as_ref().is_some_and(|ticket| ticket.requester_email == entry.to_address);
    let requester = mail.requester_name.as_deref().filter(|_| is_requester && entry.verified);
    let name = entry.to_name.as_deref().or(requester).map(str::trim).filter(|name| !name.is_empty());
    json!({
        "kind": entry.audience, "name": name, "first_name": name.map(first_name), "email": entry.to_address,
        "locale": locale,
    })
}

fn mailbox(mail: &OutgoingMail) -> Json {
    let mailbox = mail.mailbox.as_ref();
    let name = mailbox.and_then(|mailbox| mailbox.from_name.as_deref()).unwrap_or(&mail.brand);
    json!({ "email": mail.entry.from_address, "name": name, "signature": mailbox.and_then(|mailbox| mailbox.signature.clone()) })
}

/// The agent's, or else the mailbox's.
fn signature(mail: &OutgoingMail) -> Option<&str> {
    let agent = mail.author.as_ref().and_then(|agent| agent.signature.as_deref());
    let mailbox = mail.mailbox.as_ref().and_then(|mailbox| mailbox.signature.as_deref());
    agent.or(mailbox).map(str::trim).filter(|signature| !signature.is_empty())
}

fn message_facts(mail: &OutgoingMail, response: &Response) -> Value {
    minijinja::context! {
        text => response.body_text.trim_end(),
        html => Value::from_safe_string(mail.response_html.clone().unwrap_or_default()),
        author => response.author_name.as_deref(),
        created_at => response.created_at.0,
        channel => response.channel.as_str(),
    }
}

/// The message that is answered, as text, its beginning when it is long; null when there is none to show.
fn quoted(mail: &OutgoingMail, template: NotificationTemplate, somebody: &str) -> Json {
    let Some(message) = &mail.quoted else { return Json::Null };
    if !mail.entry.verified || template != NotificationTemplate::TicketReply {
        return Json::Null;
    }
    let author = message.author_name.as_deref().or(message.author_email.as_deref()).unwrap_or(somebody);
    json!({ "author": author, "date": message.created_at, "text": beginning(message.body_text.trim(), MAX_QUOTE) })
}

fn beginning(text: &str, octets: usize) -> String {
    if text.len() <= octets {
        return text.to_owned();
    }
    let end = (0..=octets).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    format!("{}…", &text[..end])
}

fn first_name(name: &str) -> &str {
    name.split_whitespace().next().unwrap_or(name)
}
