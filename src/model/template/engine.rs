//! The engine that templates run on: bounded in steps, memory and depth, without files.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};

/// Work a template may do: a step costs one, and so do 64 octets that it makes. A runaway loop ends, and nothing grows
/// beyond 32 MB.
const FUEL: u64 = 500_000;
/// How deep includes and macros may go.
const MAX_DEPTH: usize = 100;

/// An environment for templates that people edit. There is no loader: a template reaches no file. Names that end in
/// `.html` are escaped. Unknown variables are errors, and errors know their place. What is null prints as nothing.
pub fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
    });
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("minijinja's own delimiters"));
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(MAX_DEPTH);
    environment.set_debug(true);
    // It would print every variable there is.
    environment.remove_global("debug");
    environment.set_formatter(|out, state, value| match value.is_none() {
        true => Ok(()),
        false => escape_formatter(out, state, value),
    });
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment
}

/// What is missing, null or empty is replaced: a name of nothing is no name either.
fn default(value: Value, instead: Option<Value>) -> Value {
    let missing = value.is_undefined() || value.is_none() || value.as_str().is_some_and(str::is_empty);
    if missing { instead.unwrap_or_else(|| Value::from("")) } else { value }
}
