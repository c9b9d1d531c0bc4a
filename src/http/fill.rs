//! Reply templates filled for an agent's answer. A customer's words are values here, never a template.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value, json};

use super::problem::Problem;
use crate::desk::{Caller, TicketView};
use crate::model::{BodyFormat, ReplyTemplate};

/// Steps a template may take: far beyond any answer.
const FUEL: u64 = 50_000;
/// Largest filled body, characters (API.md §4.4).
const LONGEST: usize = 100_000;

/// The body of an answer.
///
/// # Errors
/// 422 `template_error` with its line, for an unknown variable above all.
pub fn fill(
    template: &ReplyTemplate,
    view: &TicketView,
    caller: &Caller,
    brand: &str,
    variables: Option<Value>,
) -> Result<String, Problem> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    let html = template.body_format == BodyFormat::Html;
    environment.set_auto_escape_callback(move |_| if html { AutoEscape::Html } else { AutoEscape::None });
    let filled = environment
        .render_str(&template.body, minijinja::Value::from(Serde(context(view, caller, brand, variables))))
        .map_err(|error| {
            let problem = Problem::new("template_error", error.to_string());
            problem.member("line", error.line())
        })?;
    if filled.chars().count() > LONGEST || filled.trim().is_empty() {
        return Err(Problem::new("template_error", "the filled body is empty or too long"));
    }
    Ok(filled)
}

/// `ticket requester agent brand`, and the caller's variables beside them.
fn context(view: &TicketView, caller: &Caller, brand: &str, variables: Option<Value>) -> Value {
    let t = &view.ticket;
    let name = view.requester.name.as_deref();
    let mut all = match variables {
        Some(Value::Object(variables)) => variables,
        _ => Map::new(),
    };
    let ours = json!({
        "ticket": {
            "number": t.number, "subject": t.subject, "status": t.status, "priority": t.priority,
            "category": t.category, "order_id": t.order_id, "store_id": t.store_id, "seller_id": t.seller_id,
            "user_id": t.user_id, "created_at": t.created_at.rfc3339(), "custom_fields": t.custom_fields,
        },
        "requester": {
            "name": name, "email": t.requester_email,
            "first_name": name.and_then(|name| name.split_whitespace().next()),
        },
        "agent": {
            "name": caller.actor().name, "email": caller.agent.as_ref().map(|agent| &agent.email),
            "signature": caller.agent.as_ref().and_then(|agent| agent.signature.as_ref()),
        },
        "brand": {"name": brand},
    });
    if let Value::Object(ours) = ours {
        all.extend(ours);
    }
    Value::Object(all)
}
