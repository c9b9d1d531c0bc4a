//! The document as OpenAPI 3.0.3: its schemas are an older JSON Schema, where null is no type and examples are one.

use serde_json::{Map, Value, json};

/// The same contract in the older form.
pub fn of(document: &Value) -> Value {
    let mut document = document.clone();
    document["openapi"] = json!("3.0.3");
    document.as_object_mut().map(|members| members.remove("webhooks"));
    lower(&mut document);
    document
}

fn lower(value: &mut Value) {
    match value {
        Value::Object(members) => {
            drop_null(members);
            one_example(members);
            no_roles(members);
            members.values_mut().for_each(lower);
        }
        Value::Array(items) => items.iter_mut().for_each(lower),
        _ => {}
    }
}

/// `type: [string, null]` → `nullable`; so with `oneOf` of a schema and null.
fn drop_null(members: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = members.get("type") {
        let mut types: Vec<_> = types.iter().filter(|kind| **kind != "null").cloned().collect();
        let nullable = members["type"].as_array().is_some_and(|all| all.len() > types.len());
        match types.len() {
            1 => members.insert("type".into(), types.remove(0)),
            _ => members.remove("type"),
        };
        if nullable {
            members.insert("nullable".into(), json!(true));
        }
    }
    for of in ["oneOf", "anyOf"] {
        let Some(Value::Array(all)) = members.get(of) else { continue };
        let rest: Vec<_> = all.iter().filter(|schema| schema["type"] != "null").cloned().collect();
        if rest.len() < all.len() {
            members.remove(of);
            // A reference stands alone in 3.0: what goes with it needs a schema around both.
            members.insert(if rest.len() == 1 { "allOf" } else { of }.into(), json!(rest));
            members.insert("nullable".into(), json!(true));
        }
    }
}

fn one_example(members: &mut Map<String, Value>) {
    let is_schema = ["type", "$ref", "properties", "allOf", "oneOf", "x-extensible-enum"];
    if !is_schema.iter().any(|name| members.contains_key(*name)) {
        return;
    }
    if let Some(Value::Array(examples)) = members.get("examples").cloned() {
        members.remove("examples");
        if let Some(first) = examples.into_iter().next() {
            members.insert("example".into(), first);
        }
    }
}

/// Scopes of a scheme that is not OAuth can't be told in 3.0.
fn no_roles(members: &mut Map<String, Value>) {
    let Some(Value::Array(security)) = members.get_mut("security") else { return };
    for requirement in security.iter_mut().filter_map(Value::as_object_mut) {
        requirement.values_mut().for_each(|scopes| *scopes = json!([]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_no_type() {
        for (schema, want) in [
            (json!({"type": ["string", "null"]}), json!({"type": "string", "nullable": true})),
            (
                json!({"oneOf": [{"type": "null"}, {"$ref": "#/x"}], "description": "d"}),
                json!({"allOf": [{"$ref": "#/x"}], "nullable": true, "description": "d"}),
            ),
            (json!({"type": "string", "examples": ["a", "b"]}), json!({"type": "string", "example": "a"})),
            (json!({"security": [{"token": ["admin"]}]}), json!({"security": [{"token": []}]})),
        ] {
            let mut lowered = schema.clone();
            lower(&mut lowered);
            assert_eq!(lowered, want, "{schema}");
        }
    }
}
