//! Reply templates made text for an agent's answer. A customer's words are values here, never a template.

use minijinja::value::{Object, Serde, Value};
use minijinja::{Environment, UndefinedBehavior};
use serde_json::{Value as Json, json};

use super::{TemplateFault, TemplatePart, TemplateRecord, Vocabulary, environment};
use crate::model::{Agent, BodyFormat, Mailbox, Ticket};

/// Largest answer, characters (API.md §4.4).
const LONGEST: usize = 100_000;

/// What a reply template may speak of.
#[derive(Debug, Clone, Copy)]
#[expect(missing_docs, reason = "TEMPLATES.md §3 names the objects")]
pub struct ReplyFacts<'a> {
    pub ticket: &'a Ticket,
    pub requester_name: Option<&'a str>,
    /// Who answers; a service has a name alone.
    pub agent: Option<&'a Agent>,
    pub agent_name: Option<&'a str>,
    pub brand: &'a str,
    pub mailbox: Option<&'a Mailbox>,
    pub public_url: Option<&'a str>,
}

/// A template's text for a ticket; `variables` are the caller's own, `variables.NAME` in the template.
///
/// # Errors
/// An unknown variable above all; an answer that is empty or too long.
pub fn fill(
    template: &TemplateRecord,
    facts: ReplyFacts<'_>,
    variables: Option<Json>,
) -> Result<String, TemplateFault> {
    let variables = Value::from(Serde(variables.unwrap_or_else(|| json!({}))));
    run(template, context(objects(facts), variables))
}

/// A template's text for a made-up ticket.
///
/// # Errors
/// As of [`fill`].
pub fn fill_sample(template: &TemplateRecord) -> Result<String, TemplateFault> {
    run(template, context(sample(), Value::from_object(Anything)))
}

/// What is wrong with a reply template, tried on a made-up ticket.
pub fn check_reply(template: &TemplateRecord) -> Vec<TemplateFault> {
    if let Some(fault) = TemplateFault::too_deep(TemplatePart::Body, &template.body) {
        return vec![fault];
    }
    let faults = reply_vocabulary().faults(&reply_environment(), TemplatePart::Body, &template.body);
    match fill_sample(template) {
        Err(fault) if faults.is_empty() => vec![fault],
        _ => faults,
    }
}

/// The variables of reply templates.
pub fn reply_vocabulary() -> Vocabulary {
    Vocabulary::of([context(sample(), Value::from(Serde(json!({}))))])
}

fn run(template: &TemplateRecord, context: Value) -> Result<String, TemplateFault> {
    let source = template.body.as_str();
    if let Some(fault) = TemplateFault::too_deep(TemplatePart::Body, source) {
        return Err(fault);
    }
    let name = if template.body_format == BodyFormat::Html { "reply.html" } else { "reply.txt" };
    let text = reply_environment().render_named_str(name, source, context);
    let text =
        text.map_err(|error| TemplateFault::new(TemplatePart::Body, &error, source, &reply_vocabulary()))?;
    let detail = match text.chars().count() {
        _ if text.trim().is_empty() => "nothing comes of it but blanks",
        ..=LONGEST => return Ok(text),
        _ => "more than 100 000 characters come of it",
    };
    Err(TemplateFault::whole(TemplatePart::Body, detail))
}

/// A question about what is not there is no error here, only to say it.
fn reply_environment() -> Environment<'static> {
    let mut environment = environment();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment
}

fn context(objects: Json, variables: Value) -> Value {
    minijinja::context! { variables, ..Value::from(Serde(objects)) }
}

fn objects(facts: ReplyFacts<'_>) -> Json {
    let ReplyFacts { ticket: t, requester_name, agent, brand, mailbox, public_url, .. } = facts;
    let agent_name = agent.map(|agent| agent.name.as_str()).or(facts.agent_name);
    json!({
        "ticket": {
            "id": t.id, "number": t.number, "subject": t.subject, "status": t.status, "priority": t.priority,
            "category": t.category, "channel": t.channel, "tags": t.tags, "order_id": t.order_id,
            "store_id": t.store_id, "seller_id": t.seller_id, "user_id": t.user_id,
            "created_at": t.created_at.rfc3339(), "resolution": t.resolution, "custom_fields": t.custom_fields,
        },
        "requester": {
            "name": requester_name, "first_name": requester_name.and_then(first_name), "email": t.requester_email,
            "type": t.requester_type, "locale": t.locale,
        },
        "agent": {
            "name": agent_name, "first_name": agent_name.and_then(first_name),
            "email": agent.map(|agent| &agent.email), "signature": agent.and_then(|agent| agent.signature.as_ref()),
        },
        "brand": { "name": brand, "url": public_url },
        "mailbox": {
            "name": mailbox.and_then(|m| m.from_name.as_ref()), "email": mailbox.map(|m| &m.address),
            "signature": mailbox.and_then(|m| m.signature.as_ref()),
        },
        "links": { "ticket": null, "portal": null, "console": null },
    })
}

/// The same of a made-up ticket.
fn sample() -> Json {
    json!({
        "ticket": {
            "id": "01995d2e-6a00-7000-8000-000000000001", "number": "TKT-2026-K7Q4ZP", "subject": "Where is my order?",
            "status": "open", "priority": "medium", "category": "shipping", "channel": "email", "tags": ["vip"],
            "order_id": "1001", "store_id": "st_81", "seller_id": "se_7", "user_id": "u_312",
            "created_at": "2026-11-21T09:30:00.000Z", "resolution": "The parcel was found.", "custom_fields": {},
        },
        "requester": {
            "name": "Jo Doe", "first_name": "Jo", "email": "jo@example.org", "type": "customer", "locale": "en",
        },
        "agent": {
            "name": "Ada Byron", "first_name": "Ada", "email": "ada@shop.example", "signature": "Ada, Lamps & More",
        },
        "brand": { "name": "Lamps & More", "url": "https://shop.example" },
        "mailbox": { "name": "Lamps & More", "email": "support@shop.example", "signature": "Your Lamps & More" },
        "links": { "ticket": null, "portal": null, "console": null },
    })
}

fn first_name(name: &str) -> Option<&str> {
    name.split_whitespace().next()
}

/// Has every member: values of their own that callers will send.
#[derive(Debug)]
struct Anything;

impl Object for Anything {
    fn get_value(self: &std::sync::Arc<Self>, key: &Value) -> Option<Value> {
        key.as_str().map(|name| Value::from(format!("({name})")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::model::template::TemplateType;

    fn template(body: &str, body_format: BodyFormat) -> TemplateRecord {
        let blank = TemplateRecord::blank(uuid::Uuid::nil(), TemplateType::Reply);
        TemplateRecord { body: body.into(), body_format, ..blank }
    }

    #[test]
    fn reply_templates_are_checked_when_saved() {
        for (body, want) in [
            ("Hi {{ requester.first_name | default('there') }}", None),
            ("{{ ticket.custom_fields.size | default('?') }}", None),
            ("{{ variables.tracking }}", None),
            ("{% if variables.tracking %}{{ variables.tracking }}{% endif %}x", None),
            ("{{ requester.frist_name }}", Some("did you mean requester.first_name?")),
            ("{% if ticket.status == 'x' %}{{ nope }}{% endif %}x", Some("unknown variable nope")),
            ("{{ message.text }}", Some("unknown variable message.text")),
            ("{{ t('hello') }}", Some("unknown variable t")),
            ("{% include 'layout.txt' %}", Some("never files")),
            ("{{ 'x' * 200000 }}", Some("100 000 characters")),
            (" {% if ticket.status == 'x' %}y{% endif %} ", Some("blanks")),
            (
                "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
                Some("too much"),
            ),
        ] {
            let faults = check_reply(&template(body, BodyFormat::Markdown));
            match want {
                None => assert_eq!(faults, [], "{body}"),
                Some(words) => assert!(faults.iter().any(|f| f.detail.contains(words)), "{body}: {faults:?}"),
            }
        }
    }

    /// Each of them would overflow the stack of the thread that reads it.
    #[test]
    fn what_goes_too_deep_is_refused_unread() {
        let many = |open: &str, again: &str, close: &str| {
            format!("{open}{}{close}", again.repeat(90_000 / again.len()))
        };
        for source in [
            many("{{ ", "-", "1 }}"),
            many("{{ ", "not ", "1 }}"),
            many("{{ 1", "+1", " }}"),
            many("{{ a", ".b", " }}"),
            many("{{ a", "[0]", " }}"),
            many("{{ 1", "|abs", " }}"),
            many("{{ \"}}\" ~ ", "-", "1 }}"),
            many("{% set a = ", "-", "1 %}"),
            many("{% if 1 %}", "{% elif 1 %}", "{% endif %}"),
            many("", "{% if 1 %}", ""),
            many("", "{% filter upper %}", ""),
            many("{{ 1|default(", "-", "1) }}"),
        ] {
            let faults = check_reply(&template(&source, BodyFormat::Text));
            assert_eq!(faults.len(), 1, "{:.40}", source);
        }
        let nested = |count: usize| format!("{}x{}", "{% if 1 %}".repeat(count), "{% endif %}".repeat(count));
        assert_eq!(check_reply(&template(&nested(100), BodyFormat::Text)), vec![]);
    }

    #[test]
    fn html_is_escaped_and_text_is_not() {
        for (format, want) in [(BodyFormat::Html, "Lamps &amp; More"), (BodyFormat::Text, "Lamps & More")] {
            let filled = run(&template("{{ brand.name }}", format), context(sample(), Value::from(())));
            assert_eq!(filled.as_deref(), Ok(want));
        }
    }
}
