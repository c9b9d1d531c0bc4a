//! What is wrong with a template, in a sentence, and where.

use std::error::Error as _;

use minijinja::{Error, ErrorKind};

use super::Vocabulary;
use crate::model::words;

words! {
    /// A source of a template, by its member in API.md §3.5.
    TemplatePart { Subject = "subject", Body = "body", BodyHtml = "body_html" }
}

/// Something wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{part}, line {line}, column {column}: {detail}")]
pub struct TemplateFault {
    /// Where it stands.
    pub part: TemplatePart,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// A plain sentence without values of variables.
    pub detail: String,
}

impl TemplateFault {
    /// What the engine says of a source, with the nearest names of a vocabulary.
    pub fn new(part: TemplatePart, error: &Error, source: &str, known: &Vocabulary) -> Self {
        let error = innermost(error);
        let detail = sentence(error, known);
        // In a template that this one is built on, the place means nothing to whoever wrote this one.
        let elsewhere = error.template_source().filter(|text| *text != source);
        if elsewhere.is_some() {
            let name = error.name().unwrap_or_default();
            let detail = format!("in {name}, line {}: {detail}", error.line().unwrap_or(1));
            return Self { part, line: 1, column: 1, detail };
        }
        let line = error.line().unwrap_or(1);
        Self { part, line, column: column(error, source, line), detail }
    }

    /// A name that no sample knows.
    pub(super) fn unknown(part: TemplatePart, name: &str, source: &str, known: &Vocabulary) -> Self {
        let (line, column) = place_of(name, source).unwrap_or((1, 1));
        Self { part, line, column, detail: unknown_variable(name, known) }
    }

    /// What the engine must not be given at all.
    pub fn too_deep(part: TemplatePart, source: &str) -> Option<Self> {
        super::engine::too_deep(source).map(|detail| Self::whole(part, detail))
    }

    /// Nothing in particular: the whole part.
    pub fn whole(part: TemplatePart, detail: impl Into<String>) -> Self {
        Self { part, line: 1, column: 1, detail: detail.into() }
    }
}

/// Errors of included templates come wrapped.
fn innermost(error: &Error) -> &Error {
    let mut inner = error;
    while let Some(next) = inner.source().and_then(|cause| cause.downcast_ref::<Error>()) {
        inner = next;
    }
    inner
}

fn sentence(error: &Error, known: &Vocabulary) -> String {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::UndefinedError => match undefined(error) {
            Some(name) if known.has(name) => {
                format!("{name} is not there in every mail: put it into an if, or give it a default(…)")
            }
            Some(name) => unknown_variable(name, known),
            None => "a variable is unknown".into(),
        },
        ErrorKind::OutOfFuel => "it does too much: a loop that does not end, or far too much text".into(),
        ErrorKind::TemplateNotFound => {
            format!("{detail}: only templates of the desk can be included, never files")
        }
        ErrorKind::SyntaxError => format!("syntax error: {detail}"),
        kind if detail.is_empty() => kind.to_string(),
        _ => detail.to_owned(),
    }
}

fn unknown_variable(name: &str, known: &Vocabulary) -> String {
    match known.near(name) {
        Some(near) => format!("unknown variable {name}: did you mean {near}?"),
        None => format!("unknown variable {name}: there are {}", known.roots().join(", ")),
    }
}

/// The name in "`ticket.numbr` is undefined".
fn undefined(error: &Error) -> Option<&str> {
    error.detail()?.split('`').nth(1)
}

fn column(error: &Error, source: &str, line: usize) -> usize {
    let text = source.lines().nth(line - 1).unwrap_or_default();
    if let Some((before, _)) = undefined(error).and_then(|name| text.split_once(name)) {
        return before.chars().count() + 1;
    }
    let Some(start) = error.range().map(|range| range.start) else { return 1 };
    let before = source.get(..start).unwrap_or_default();
    before.rsplit('\n').next().unwrap_or_default().chars().count() + 1
}

/// Line and column of a name.
fn place_of(name: &str, source: &str) -> Option<(usize, usize)> {
    let (i, line) = source.lines().enumerate().find(|(_, line)| line.contains(name))?;
    let (before, _) = line.split_once(name)?;
    Some((i + 1, before.chars().count() + 1))
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;
    use crate::model::template::environment;

    #[test]
    fn errors_are_plain_sentences_with_their_place() {
        let facts = || context! { requester => context! { first_name => "Jo" }, ticket => context! {} };
        let known = Vocabulary::of([facts()]);
        for (source, line, column, words) in [
            ("Hi\n {{ requester.frist_name }}", 2, 5, "did you mean requester.first_name?"),
            ("{{ requester.frist_name | upper }}", 1, 4, "did you mean requester.first_name?"),
            ("é {{ xyzzy }}", 1, 6, "unknown variable xyzzy: there are requester, ticket"),
            ("a\n{% if %}", 2, 7, "syntax error: unexpected end of block"),
            ("{{ a ", 1, 4, "syntax error"),
            ("{{ 'a' | nofilter }}", 1, 10, "filter nofilter is unknown"),
            ("{% include '/etc/passwd' %}", 1, 4, "never files"),
            (
                "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
                1,
                55,
                "too much",
            ),
            ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", 1, 19, "recursion limit"),
            ("{% extends 'x.txt' %}", 1, 4, "cycle in template inheritance"),
            ("{{ debug() }}", 1, 4, "debug is unknown"),
        ] {
            let mut environment = environment();
            let rendered = environment
                .add_template_owned("x.txt", source)
                .and_then(|()| environment.get_template("x.txt")?.render(facts()));
            let error = rendered.expect_err(source);
            let fault = TemplateFault::new(TemplatePart::Body, &error, source, &known);
            assert_eq!((fault.line, fault.column), (line, column), "{source}: {fault}");
            assert!(fault.detail.contains(words), "{source}: {fault}");
        }
    }
}
