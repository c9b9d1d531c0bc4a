//! The engine that templates run on: bounded in steps, memory and depth, without files.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, escape_formatter};

/// Work a template may do: a step costs one, and so do 64 octets that it makes. A runaway loop ends, and nothing grows
/// beyond 32 MB.
const FUEL: u64 = 500_000;
/// How deep includes and macros may go.
const MAX_DEPTH: usize = 100;

/// Longest expression or statement, octets: each operator in it takes room on the stack while it is read.
const LONGEST_TAG: usize = 2_000;
/// Most statements: each may stand in the one before.
const MOST_STATEMENTS: usize = 500;

/// What of a source would take the engine too deep. It reads expressions and blocks by recursion, and has no bound for
/// operators: 10,000 of them would end the process.
pub fn too_deep(source: &str) -> Option<&'static str> {
    let bytes = source.as_bytes();
    let (mut at, mut statements) = (0, 0);
    while let Some(found) = memchr::memchr(b'{', &bytes[at..]) {
        let start = at + found + 1;
        at = match bytes.get(start) {
            Some(b'{') => start + 1 + tag_length(&bytes[start + 1..]),
            Some(b'%') => {
                statements += 1;
                start + 1 + tag_length(&bytes[start + 1..])
            }
            _ => start,
        };
        if at - start > LONGEST_TAG {
            return Some("an expression has more than 2000 characters");
        }
        if statements > MOST_STATEMENTS {
            return Some("it has more than 500 statements");
        }
    }
    None
}

/// Up to the end of an expression or a statement. Strings may hold what would end it.
fn tag_length(inside: &[u8]) -> usize {
    let (mut at, mut quote) = (0, None);
    while let Some(&byte) = inside.get(at) {
        match (quote, byte) {
            (Some(_), b'\\') => at += 1,
            (Some(open), _) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'}') if at > 0 && matches!(inside[at - 1], b'}' | b'%') => return at,
            _ => {}
        }
        at += 1;
    }
    inside.len()
}

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
