//! The last hand on the document: names, what is open, what overlaps, what is never absent.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

/// Enums that may get further values (API.md §2): clients must take what they don't know.
const OPEN_ENUMS: [&str; 2] = ["Category", "NotificationTemplate"];

/// Makes the whole document say what neither handlers nor the shapes of answers can.
pub(super) fn finish(document: &mut Value) {
    name_lists(document);
    say_what_is_open(document);
    let_shapes_overlap(document);
    require_members(document);
    drop_references_to_papers(document);
}

/// `List_Ticket` → `TicketList`, `All_Ticket` → `AllTickets`: what generators make types of.
fn name_lists(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().expect("there are schemas");
    let named: Map<String, Value> =
        std::mem::take(schemas).into_iter().map(|(name, schema)| (list_name(&name), schema)).collect();
    *schemas = named;
    each(document, &mut |value| {
        let Some(Value::String(reference)) = value.get_mut("$ref") else { return };
        if let Some(name) = reference.strip_prefix("#/components/schemas/") {
            *reference = format!("#/components/schemas/{}", list_name(name));
        }
    });
}

fn list_name(name: &str) -> String {
    match name.strip_prefix("List_").or(name.strip_prefix("All_")) {
        Some(row) => format!("{row}List"),
        None => name.to_owned(),
    }
}

/// Closed sets are `enum`, open ones only tell what is known today.
fn say_what_is_open(document: &mut Value) {
    for name in OPEN_ENUMS {
        let Some(Value::Object(schema)) = document["components"]["schemas"].get_mut(name) else { continue };
        if let Some(words) = schema.remove("enum") {
            schema.insert("examples".into(), words.clone());
            schema.insert("x-extensible-enum".into(), words);
        }
    }
}

/// What is one of several shapes may fit more than one of them: `anyOf`. Null stands apart from everything.
fn let_shapes_overlap(document: &mut Value) {
    each(document, &mut |value| {
        let Some(shapes) = value.get("oneOf").and_then(Value::as_array) else { return };
        if shapes.iter().any(|shape| shape["type"] == "null") {
            return;
        }
        let shapes = value.as_object_mut().and_then(|schema| schema.remove("oneOf"));
        value["anyOf"] = shapes.unwrap_or_default();
    });
}

/// In what is shown, a member that may be null is never absent (see `view`): it is required.
fn require_members(document: &mut Value) {
    let bodies = sent(document);
    let schemas = document["components"]["schemas"].as_object_mut().expect("there are schemas");
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !bodies.contains(name)) {
        each(schema, &mut |schema| {
            let Some(Value::Object(properties)) = schema.get("properties") else { return };
            let nulls = properties.iter().filter(|(_, member)| may_be_null(member));
            let nulls: Vec<_> = nulls.map(|(name, _)| json!(name)).collect();
            let mut required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
            required.extend(nulls.into_iter().filter(|name| !required.contains(name)).collect::<Vec<_>>());
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
        });
    }
}

/// Names of the schemas that bodies of requests are made of.
fn sent(document: &mut Value) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let paths = document["paths"].as_object_mut().expect("a document has paths");
    let operations = paths.values_mut().filter_map(Value::as_object_mut).flat_map(|item| item.values_mut());
    for operation in operations {
        if let Some(body) = operation.get_mut("requestBody") {
            found.extend(named(body));
        }
    }
    let mut next = 0;
    while let Some(name) = found.get(next).cloned() {
        let more = named(&mut document["components"]["schemas"][&name]);
        let more: Vec<_> = more.into_iter().filter(|name| !found.contains(name)).collect();
        found.extend(more);
        next += 1;
    }
    found
}

fn named(value: &mut Value) -> Vec<String> {
    let mut names = Vec::new();
    each(value, &mut |value| {
        let reference = value.get("$ref").and_then(Value::as_str);
        names
            .extend(reference.and_then(|text| text.strip_prefix("#/components/schemas/")).map(str::to_owned));
    });
    names
}

fn may_be_null(member: &Value) -> bool {
    let is_null = |schema: &Value| schema["type"] == "null";
    let types = member["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
    types
        || ["oneOf", "anyOf"]
            .iter()
            .any(|of| member[of].as_array().is_some_and(|all| all.iter().any(is_null)))
}

/// What the code says of its sources is not for readers of the document; and a summary is a title, without a full stop.
fn drop_references_to_papers(document: &mut Value) {
    static PAPER: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r" ?\((API|MAIL)\.md[^)]*\)").expect("it is a pattern"));
    each(document, &mut |value| {
        for name in ["description", "summary"] {
            if let Some(Value::String(text)) = value.get_mut(name) {
                *text = PAPER.replace_all(text, "").trim().to_owned();
            }
        }
        if let Some(Value::String(summary)) = value.get_mut("summary") {
            summary.truncate(summary.trim_end_matches('.').len());
        }
    });
}

/// Every object, outermost first.
fn each(value: &mut Value, act: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(_) => {
            act(value);
            value.as_object_mut().into_iter().flatten().for_each(|(_, member)| each(member, act));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each(item, act)),
        _ => {}
    }
}
