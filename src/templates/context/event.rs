//! What the outbox row itself carries for its template: a change, a failure, the result of commands. Each variable is
//! there in every mail, null where it makes no sense; what a caller wrote only for verified recipients.

use std::collections::BTreeMap;

use minijinja::value::{Serde, Value};
use serde_json::{Value as Json, json};

use super::Words;
use crate::model::{NotificationTemplate, OutboxEntry};

/// What agents may write on the first lines of a reply (MAIL.md §1.6): word and usage.
const COMMANDS: &[(&str, &str)] = &[
    ("resolve", "#resolve"),
    ("wait", "#wait"),
    ("hold", "#hold"),
    ("open", "#open"),
    ("close", "#close"),
    ("note", "#note"),
    ("assign", "#assign NAME|me|none"),
    ("priority", "#priority low|medium|high|urgent"),
    ("category", "#category NAME"),
    ("tag", "#tag a,-b"),
    ("cc", "#cc ADDRESS"),
    ("template", "#template NAME"),
    ("snooze", "#snooze 2d"),
    ("merge", "#merge TKT-…"),
    ("spam", "#spam"),
    ("send", "#send"),
    ("help", "#help"),
];

/// The variables that come from the row's `context`.
pub(super) fn of(entry: &OutboxEntry, words: Words<'_>) -> BTreeMap<String, Value> {
    let given = &entry.context;
    let template = NotificationTemplate::parse(&entry.template);
    let only = |wanted, facts: Json| if template == Some(wanted) { facts } else { Json::Null };
    let mut all = super::members(json!({
        "change": { "from": given.get("from").filter(|from| from.is_string()), "to": given.get("to") },
        "by": given.get("by"),
        "merged_from": given.get("from_number"),
        "failure": only(NotificationTemplate::AgentDeliveryFailed, failure(given, words)),
        "result": only(NotificationTemplate::AgentCommandResult, result(given, words)),
        "queue": only(NotificationTemplate::AdminQueueStuck, queue(given)),
        "command_lines": COMMANDS
            .iter()
            .map(|(verb, usage)| json!({ "verb": verb, "usage": usage }))
            .collect::<Vec<_>>(),
        "problems": given.get("problems").unwrap_or(&Json::Null),
    }));
    if entry.verified {
        let open = given.get("open").cloned().unwrap_or(Json::Null);
        let refused = only(NotificationTemplate::AgentReplyRefused, refused(given));
        all.insert("open_tickets".into(), Value::from(Serde(open)));
        all.insert("refused".into(), Value::from(Serde(refused)));
    }
    all
}

/// `cause` is a word that has a text.
fn failure(given: &Json, words: Words<'_>) -> Json {
    let cause = given.get("cause").and_then(Json::as_str).unwrap_or_default();
    json!({
        "address": given.get("address"), "cause": words.known("delivery_cause", cause),
        "words": given.get("words"), "template": given.get("template"),
    })
}

/// `why` of each refused line is a word that has a text; `outcome` is the one word for all of it.
fn result(given: &Json, words: Words<'_>) -> Json {
    let refused: Vec<Json> = list(given, "refused")
        .iter()
        .map(|one| {
            let why = one.get("why").and_then(Json::as_str).unwrap_or_default();
            let near: Vec<&str> = list(one, "near").iter().filter_map(Json::as_str).collect();
            let near = (!near.is_empty()).then(|| near.join(", "));
            json!({ "line": one.get("line"), "why": words.known("command_refused", why), "near": near })
        })
        .collect();
    let (kept, help) = (is_true(given, "kept_as_note"), is_true(given, "help"));
    let outcome = match () {
        () if !refused.is_empty() => "refused",
        () if kept => "kept",
        () if help && list(given, "done").is_empty() => "help",
        () => "done",
    };
    json!({
        "outcome": outcome, "done": list(given, "done"), "refused": refused, "newer": given.get("newer"),
        "kept_as_note": kept, "help": help,
    })
}

fn queue(given: &Json) -> Json {
    json!({ "waiting": given.get("waiting"), "oldest_at": given.get("oldest_at"), "words": given.get("words") })
}

fn refused(given: &Json) -> Json {
    json!({ "from": given.get("from"), "subject": given.get("subject") })
}

fn list<'a>(given: &'a Json, name: &str) -> &'a [Json] {
    given.get(name).and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn is_true(given: &Json, name: &str) -> bool {
    given.get(name).and_then(Json::as_bool).unwrap_or(false)
}
