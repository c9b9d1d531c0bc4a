//! The variables of a mail. For an unverified recipient those that a caller wrote don't exist (invariant 9): a
//! template that uses them fails rather than tell them.

mod event;

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};
use serde_json::{Value as Json, json};

use super::catalog::Catalogs;
use crate::model::{
    ActorType, Agent, Download, Look, NotificationTemplate, OutgoingLinks, OutgoingMail, Response, Ticket,
    Visibility,
};

/// Flag of a message whose sender isn't known to be who they say.
const UNVERIFIED_SENDER: &str = "unverified_sender";
/// Most of the quoted message, octets.
const MAX_QUOTE: usize = 4096;
/// Most of all that stands below it, octets.
const MAX_HISTORY: usize = 24_576;

/// Everything a template of this mail may use. What is absent is null.
pub(super) fn of(
    mail: &OutgoingMail,
    template: NotificationTemplate,
    locale: &str,
    subject: &str,
    catalogs: &Catalogs,
) -> Value {
    let words = Words { locale, catalogs };
    let dir = words.or("dir", "ltr");
    let json = json!({
        "locale": locale,
        "dir": dir,
        // For mail programs that don't know `text-align: start`.
        "align": if dir == "rtl" { "right" } else { "left" },
        "layout": if mail.look == Look::Plain { "layout.html" } else { "layout_branded.html" },
        "now": mail.date,
        "subject": subject,
        "reply_marker": mail.reply_marker,
        "brand": { "name": mail.brand, "url": mail.public_url, "support_email": mail.entry.from_address },
        "mailbox": mailbox(mail),
        "recipient": recipient(mail, locale),
        "signature": signature(mail),
        "agent": mail.author.as_ref().map(agent_facts),
        "ticket": mail.ticket.as_ref().map(|ticket| ticket_facts(ticket, mail.entry.verified)),
        "quoted": quoted(mail, template, words),
        "history": history(mail, template, words),
        "links": links(&mail.links),
    });
    let mut all = members(json);
    all.extend(event::of(&mail.entry, words));
    if mail.entry.verified {
        all.insert("requester".into(), Value::from(Serde(requester(mail, words))));
    }
    if let Some(message) = mail.response.as_ref().filter(|response| may_be_told(mail, response)) {
        let html = mail.response_html.as_deref();
        all.insert("message".into(), message_facts(message, html, words));
    } else if mail.response.is_none() {
        all.insert("message".into(), Value::from(()));
    }
    let told = told(mail);
    let downloads = mail.downloads.iter().filter(|_| told.is_some());
    all.insert("downloads".into(), downloads.map(download_facts).collect());
    if let Some(told) = told {
        all.insert("attachments".into(), mail.file_names.iter().map(String::as_str).collect());
        let newest = told.last().map_or(words.somebody(), |(response, _)| author(response, words));
        all.insert("author".into(), Value::from(newest));
        let facts = told.iter().map(|(response, html)| message_facts(response, *html, words));
        all.insert("messages".into(), facts.collect());
    }
    Value::from(all)
}

/// The texts of the mail's language.
#[derive(Clone, Copy)]
struct Words<'a> {
    locale: &'a str,
    catalogs: &'a Catalogs,
}

impl<'a> Words<'a> {
    fn or(self, key: &str, otherwise: &'a str) -> &'a str {
        self.catalogs.text(self.locale, key).unwrap_or(otherwise)
    }

    fn somebody(self) -> &'a str {
        self.or("somebody", "")
    }

    /// The word itself when there is a text for it, else `other`.
    fn known<'w>(self, group: &str, word: &'w str) -> &'w str {
        if self.catalogs.text(self.locale, &format!("{group}.{word}")).is_some() { word } else { "other" }
    }
}

fn members(json: Json) -> BTreeMap<String, Value> {
    let Json::Object(all) = json else { return BTreeMap::new() };
    all.into_iter().map(|(name, value)| (name, Value::from(Serde(value)))).collect()
}

fn agent_facts(agent: &Agent) -> Json {
    json!({ "name": agent.name, "first_name": first_name(&agent.name), "email": agent.email })
}

fn links(links: &OutgoingLinks) -> Json {
    let OutgoingLinks { ticket, console, confirm, release, unsubscribe, preferences } = links;
    json!({
        "ticket": ticket, "console": console, "confirm": confirm, "release": release,
        "unsubscribe": unsubscribe, "preferences": preferences,
    })
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
fn requester(mail: &OutgoingMail, words: Words<'_>) -> Json {
    let Some(ticket) = &mail.ticket else { return Json::Null };
    let email = ticket.requester_email.as_str();
    let name = mail.requester_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    let shown = match (name, email) {
        (Some(name), "") => name.to_owned(),
        (Some(name), email) => format!("{name} <{email}>"),
        (None, "") => words.somebody().to_owned(),
        (None, email) => email.to_owned(),
    };
    let display = name.unwrap_or(if email.is_empty() { words.somebody() } else { email });
    json!({
        "name": name, "first_name": name.map(first_name), "email": email, "display": display, "shown": shown,
        "type": ticket.requester_type,
    })
}

fn recipient(mail: &OutgoingMail, locale: &str) -> Json {
    let entry = &mail.entry;
    let is_requester = mail.ticket.as_ref().is_some_and(|ticket| ticket.requester_email == entry.to_address);
    let requester = mail.requester_name.as_deref().filter(|_| is_requester && entry.verified);
    let known = entry.to_name.as_deref().filter(|_| entry.verified);
    let name = known.or(requester).map(str::trim).filter(|name| !name.is_empty());
    json!({
        "kind": entry.audience, "name": name, "first_name": name.map(first_name), "email": entry.to_address,
        "locale": locale, "timezone": mail.timezone,
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

/// The messages of this mail, oldest first; `None` when a caller's are among them, who is not to be told.
fn told(mail: &OutgoingMail) -> Option<Vec<(&Response, Option<&str>)>> {
    let alone = mail.response.iter().map(|response| (response, mail.response_html.as_deref()));
    let bundle = mail.bundled.iter().map(|(response, html)| (response, html.as_deref()));
    let all: Vec<_> = if mail.bundled.is_empty() { alone.collect() } else { bundle.collect() };
    all.iter().all(|(response, _)| may_be_told(mail, response)).then_some(all)
}

fn download_facts(file: &Download) -> Value {
    let Download { name, size, url } = file;
    minijinja::context! { name, size, url }
}

fn message_facts(response: &Response, html: Option<&str>, words: Words<'_>) -> Value {
    minijinja::context! {
        text => response.body_text.trim(),
        html => Value::from_safe_string(html.unwrap_or_default().to_owned()),
        author => author(response, words),
        created_at => response.created_at.0,
        channel => response.channel.as_str(),
        is_internal => response.visibility == Visibility::Internal,
        is_unverified => response.flags.iter().any(|flag| flag == UNVERIFIED_SENDER),
    }
}

/// Somebody's name, else their address.
fn author<'a>(response: &'a Response, words: Words<'a>) -> &'a str {
    let known = [response.author_name.as_deref(), response.author_email.as_deref()];
    known
        .into_iter()
        .flatten()
        .map(str::trim)
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| words.somebody())
}

/// The message that is answered, as text, its beginning when it is long; null when there is none to show.
fn quoted(mail: &OutgoingMail, template: NotificationTemplate, words: Words<'_>) -> Json {
    let shown = mail.entry.verified && template == NotificationTemplate::TicketReply;
    mail.quoted.as_ref().filter(|_| shown).map_or(Json::Null, |message| quotation(message, words))
}

/// What was written before that, newest first, as much of it as is worth sending.
fn history(mail: &OutgoingMail, template: NotificationTemplate, words: Words<'_>) -> Vec<Json> {
    if !mail.entry.verified || template != NotificationTemplate::TicketReply {
        return Vec::new();
    }
    let mut left = MAX_HISTORY;
    let fits = mail.history.iter().take_while(|message| {
        left = left.saturating_sub(message.body_text.len().min(MAX_QUOTE));
        left > 0
    });
    fits.map(|message| quotation(message, words)).collect()
}

/// `mark` tells one quotation in a mail from the next.
fn quotation(message: &Response, words: Words<'_>) -> Json {
    let id = message.id.simple().to_string();
    json!({
        "author": author(message, words), "date": message.created_at, "mark": &id[id.len() - 8..],
        "text": beginning(message.body_text.trim(), MAX_QUOTE),
    })
}

fn beginning(text: &str, octets: usize) -> String {
    if text.len() <= octets {
        return text.to_owned();
    }
    let end = (0..=octets).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
    format!("{}…", &text[..end])
}

/// Of `Jo Doe` and `Doe, Jo`: `Jo`.
fn first_name(name: &str) -> &str {
    let given = name.split_once(',').map_or(name, |(_, given)| given);
    given.split_whitespace().next().unwrap_or(name)
}
