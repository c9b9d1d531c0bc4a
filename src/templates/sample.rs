//! Made-up mails that templates are tried on.

mod rows;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::model::*;
use rows::{agent, entry, response, ticket};

/// Full and bare ones of each template, language and kind of recipient.
pub(super) fn mails(locales: &[String]) -> Vec<OutgoingMail> {
    let each =
        |locale: &String| NotificationTemplate::ALL.iter().flat_map(|key| variants(*key, locale)).collect();
    let all: Vec<Vec<OutgoingMail>> = locales.iter().map(each).collect();
    all.into_iter().flatten().collect()
}

/// Every mail there can be of a template: the fullest last.
pub(super) fn variants(key: NotificationTemplate, locale: &str) -> Vec<OutgoingMail> {
    named_variants(key, locale).into_iter().map(|(_, mail)| mail).collect()
}

/// The same, each with what is special about it.
pub(super) fn named_variants(key: NotificationTemplate, locale: &str) -> Vec<(String, OutgoingMail)> {
    let verified = key != NotificationTemplate::TicketReceivedNeutral;
    let full = mail(key, locale, verified);
    let mut all = vec![("bare".to_owned(), bare(&full))];
    if verified && !key.is_for_verified_only() {
        let unverified = mail(key, locale, false);
        all.push(("unverified, bare".into(), bare(&unverified)));
        all.push(("unverified".into(), unverified));
    }
    all.extend(events(key).into_iter().map(|(name, context)| (name, with_event(&full, context))));
    all.extend(told_otherwise(key, &full));
    all.push(("full".into(), full));
    all
}

/// The same mail with everything absent that may be.
fn bare(mail: &OutgoingMail) -> OutgoingMail {
    let mut bare = OutgoingMail {
        mailbox: None,
        public_url: None,
        requester_name: None,
        bundled: Vec::new(),
        quoted: None,
        history: Vec::new(),
        author: None,
        links: OutgoingLinks::default(),
        file_names: Vec::new(),
        downloads: Vec::new(),
        ..mail.clone()
    };
    bare.entry.to_name = None;
    bare.entry.context = least(&bare.entry.context);
    for response in bare.response.iter_mut() {
        response.author_name = None;
    }
    for ticket in bare.ticket.iter_mut() {
        (ticket.resolution, ticket.order_id) = (None, None);
    }
    bare
}

/// What need not be known of an event is not known.
fn least(context: &Value) -> Value {
    let mut least = context.clone();
    for name in ["by", "words", "oldest_at", "newer"] {
        if let Some(value) = least.get_mut(name) {
            *value = Value::Null;
        }
    }
    if let Some(open) = least.get_mut("open") {
        *open = json!([]);
    }
    least
}

/// A made-up mail from and to real addresses, which answers nothing and is not to be answered.
pub(super) fn trial(sample: OutgoingMail, mail: OutgoingMail, trial: &TrialMail) -> OutgoingMail {
    let made_up = sample.entry;
    let entry = OutboxEntry {
        automatic: true,
        verified: made_up.verified,
        subject: made_up.subject,
        context: made_up.context,
        ..mail.entry
    };
    let reply = trial.reply.clone();
    let response = sample.response.map(|response| match &reply {
        Some((text, _)) => Response { body_text: text.clone(), ..response },
        None => response,
    });
    let response_html = match reply {
        Some((text, html)) => Some(html.unwrap_or_else(|| super::paragraphs::html(&text))),
        None => sample.response_html,
    };
    OutgoingMail {
        entry,
        date: mail.date,
        mailbox: mail.mailbox,
        brand: mail.brand,
        public_url: mail.public_url,
        response,
        response_html,
        reply_to: None,
        in_reply_to: None,
        references: Vec::new(),
        ..sample
    }
}

/// A mail of this template, with everything that it may have.
pub(crate) fn mail(template: NotificationTemplate, locale: &str, verified: bool) -> OutgoingMail {
    let by_agent = is_about_our_words(template);
    let has_ticket = template.audience() != Audience::Admin;
    let response = has_ticket.then(|| Response {
        visibility: if template.is_about_a_note() { Visibility::Internal } else { Visibility::Public },
        ..response(by_agent, locale)
    });
    let files_are_named = !by_agent && template.audience() == Audience::Agent;
    OutgoingMail {
        entry: entry(template, locale, verified, event(template)),
        date: Timestamp(1_795_000_000_000),
        mailbox: None,
        brand: "Lamps & More".into(),
        look: template.look(Looks::default()),
        reply_marker: None,
        timezone: "Europe/Berlin".into(),
        public_url: Some("https://desk.shop.example".into()),
        ticket: has_ticket.then(ticket),
        requester_name: has_ticket.then(|| "Jo Doe".into()),
        response_html: response.as_ref().map(html_of),
        bundled: Vec::new(),
        quoted: by_agent.then(|| self::response(false, locale)),
        history: Vec::new(),
        response,
        author: template.is_from_person().then(agent),
        links: links(template),
        files: Vec::new(),
        file_names: if files_are_named { vec!["box.jpg".into(), "صورة.png".into()] } else { Vec::new() },
        downloads: Vec::new(),
        reply_to: has_ticket.then(|| "support+token@shop.example".into()),
        in_reply_to: MessageId::new("c1@example.org"),
        references: MessageId::new("c1@example.org").into_iter().collect(),
    }
}

fn is_about_our_words(template: NotificationTemplate) -> bool {
    use NotificationTemplate::{AgentDeliveryFailed, TicketWaitingReminder};
    template.is_from_person()
        || template.is_about_a_note()
        || matches!(template, TicketWaitingReminder | AgentDeliveryFailed)
}

fn html_of(response: &Response) -> String {
    format!("<p>{}</p>", response.body_text.replace("\n\n", "</p>\n<p>"))
}

fn links(template: NotificationTemplate) -> OutgoingLinks {
    let link = |token: &str| Some(format!("https://desk.shop.example/api/support/confirm/{token}"));
    match (template, template.audience()) {
        (NotificationTemplate::AgentReplyRefused, _) => {
            OutgoingLinks { release: link("r1"), ..Default::default() }
        }
        (NotificationTemplate::TicketReceivedNeutral, _) => {
            OutgoingLinks { confirm: link("c1"), ..Default::default() }
        }
        (_, Audience::Agent) => OutgoingLinks {
            console: Some("https://desk.shop.example/tickets/TKT-2026-K7Q4ZP".into()),
            unsubscribe: link("u1"),
            ..Default::default()
        },
        (_, Audience::Customer | Audience::Admin) => OutgoingLinks::default(),
    }
}

/// Mails that tell something else than the one message.
fn told_otherwise(key: NotificationTemplate, full: &OutgoingMail) -> Vec<(String, OutgoingMail)> {
    use NotificationTemplate::{
        AgentCustomerMessage, AgentNewTicket, AgentNote, TicketReceivedNeutral, TicketReply,
    };
    let mut mail = full.clone();
    let name = match key {
        AgentCustomerMessage | AgentNote => {
            mail.bundled = several(full);
            mail.downloads = downloads();
            "several messages"
        }
        AgentNewTicket => {
            mail.response.iter_mut().for_each(|one| one.flags = vec!["unverified_sender".into()]);
            "unverified sender"
        }
        TicketReply => {
            let locale = &full.entry.locale;
            mail.history = vec![response(true, locale), response(false, locale)];
            mail.reply_marker = Some("-- Please write above this line --".into());
            mail.downloads = downloads();
            "all quoted, marked"
        }
        TicketReceivedNeutral => {
            mail.links = OutgoingLinks::default();
            "without a page"
        }
        _ => return Vec::new(),
    };
    vec![(name.to_owned(), mail)]
}

fn downloads() -> Vec<Download> {
    let file = |name: &str, size, id: u128| Download {
        name: name.into(),
        size,
        url: format!("https://desk.shop.example/api/support/attachments/{}?exp=1&sig=s", Uuid::from_u128(id)),
    };
    vec![file("box.jpg", 84_211, 7), file("صورة.png", 12_000_000, 8)]
}

fn several(mail: &OutgoingMail) -> Vec<(Response, Option<String>)> {
    let Some(first) = &mail.response else { return Vec::new() };
    let second = Response {
        id: Uuid::from_u128(6),
        body_text: "One more thing: https://shop.example/orders/1001 says it was delivered.".into(),
        created_at: first.created_at.plus_ms(120_000),
        ..first.clone()
    };
    [first.clone(), second].map(|response| (response.clone(), Some(html_of(&response)))).into()
}

fn with_event(mail: &OutgoingMail, context: Value) -> OutgoingMail {
    let mut mail = mail.clone();
    mail.entry.context = context;
    mail
}

/// What the row of such a mail carries.
fn event(template: NotificationTemplate) -> Value {
    match template {
        NotificationTemplate::AgentAssigned => json!({ "by": "Bo Chen" }),
        NotificationTemplate::TicketMerged => json!({ "from_number": "TKT-2026-M2R7WX" }),
        NotificationTemplate::RateLimitedNotice => json!({ "open": [
            { "number": "TKT-2026-K7Q4ZP", "subject": "Where is my order?" },
            { "number": "TKT-2026-M2R7WX", "subject": "أين طلبي؟" },
        ] }),
        NotificationTemplate::AgentDeliveryFailed => failure("no_such_user"),
        NotificationTemplate::AgentCommandResult => result(json!({
            "refused": [
                { "line": "#asign ada", "why": "unknown_command", "near": ["#assign"] },
                { "line": "#priority soon", "why": "bad_value", "near": [] },
            ],
        })),
        NotificationTemplate::AgentReplyRefused => {
            json!({ "inbound_mail_id": Uuid::from_u128(5), "from": "ada@home.example", "subject": "Re: Lamp" })
        }
        NotificationTemplate::AdminQueueStuck => json!({
            "waiting": 214, "oldest_at": 1_794_990_000_000_i64, "words": "connection refused",
        }),
        NotificationTemplate::AdminCheckFailed => json!({ "problems": [
            { "what": "DKIM", "detail": "s1._domainkey.shop.example is not in the DNS" },
            { "what": "disk", "detail": "5% left of /var/lib/postdesk" },
        ] }),
        _ => json!({ "from": Status::Open, "to": Status::WaitingCustomer }),
    }
}

/// The other things that rows of such mails carry.
fn events(template: NotificationTemplate) -> Vec<(String, Value)> {
    let named = |name: &str, context| (name.to_owned(), context);
    match template {
        NotificationTemplate::TicketStatusChanged => {
            let others = Status::ALL.iter().filter(|to| **to != Status::WaitingCustomer);
            others.map(|to| named(to.as_str(), json!({ "from": Status::Open, "to": to }))).collect()
        }
        NotificationTemplate::AgentDeliveryFailed => {
            let others = [
                "mailbox_full",
                "refused_as_spam",
                "too_large",
                "domain_unknown",
                "no_answer_for_days",
                "other",
            ];
            others.iter().map(|cause| named(cause, failure(cause))).collect()
        }
        NotificationTemplate::AgentCommandResult => vec![
            named("done", result(json!({ "done": ["#resolve", "#assign ada"] }))),
            named("help", result(json!({ "help": true }))),
            named(
                "kept",
                result(
                    json!({ "kept_as_note": true, "newer": { "author": "Bo Chen", "text": "It was found.\nBo" } }),
                ),
            ),
        ],
        _ => Vec::new(),
    }
}

fn failure(cause: &str) -> Value {
    json!({
        "address": "jo@example.org", "cause": cause, "template": "ticket_reply",
        "words": "<jo@example.org>: Recipient address rejected: User unknown",
    })
}

fn result(said: Value) -> Value {
    let mut all = json!({ "done": [], "refused": [], "kept_as_note": false, "newer": null, "help": false });
    for (name, value) in said.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}
