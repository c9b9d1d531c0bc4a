//! What templates can call besides minijinja's own (TEMPLATES: vocabulary): the functions `t(key, name=…)`,
//! `fact(label, value)` and `lead(label)`, and the filters `date`,
//! `time`, `datetime`, `relative`, `money`, `default`, `truncate`, `quote`, `nl2br`, `autolink`.

mod moment;
mod money;
mod words;

use std::sync::Arc;

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, State};

use super::catalog::Catalogs;

/// Adds them.
pub(super) fn add(environment: &mut Environment<'static>, catalogs: &Arc<Catalogs>) {
    let texts = catalogs.clone();
    environment.add_function("t", move |state: &State<'_, '_>, key: &str, names: Kwargs| {
        translate(state, &texts, key, &names)
    });
    let texts = catalogs.clone();
    environment.add_function("fact", move |state: &State<'_, '_>, label: &str, value: Value| {
        fact(state, &texts, text_of(state, &texts, label)?, &value.to_string())
    });
    let texts = catalogs.clone();
    environment.add_function("lead", move |state: &State<'_, '_>, label: &str| {
        fill(text_of(state, &texts, "lead")?, |_| Ok(text_of(state, &texts, label)?.to_owned()))
    });
    for (name, filter) in moment::FILTERS {
        let texts = catalogs.clone();
        environment.add_filter(*name, move |state: &State<'_, '_>, at: i64| filter(state, &texts, at));
    }
    let texts = catalogs.clone();
    environment.add_filter("money", move |state: &State<'_, '_>, amount: Value, currency: &str| {
        money::money(state, &texts, &amount, currency)
    });
    environment.add_filter("default", words::or_default);
    environment.add_filter("truncate", words::truncate);
    environment.add_filter("quote", words::quote);
    environment.add_filter("nl2br", words::nl2br);
    environment.add_filter("autolink", words::autolink);
}

/// The text of a key in the mail's language, `{name}` filled in once: what is filled in is never looked at again.
fn translate(state: &State<'_, '_>, catalogs: &Catalogs, key: &str, names: &Kwargs) -> Result<String, Error> {
    let rtl = text_of(state, catalogs, "dir")? == "rtl";
    let text = text_of(state, catalogs, key)?;
    fill(text, |name| Ok(isolated(&names.get::<Value>(name)?.to_string(), rtl)))
}

/// `Subject: Where is my order?`, with the colon that the language has.
fn fact(state: &State<'_, '_>, catalogs: &Catalogs, label: &str, value: &str) -> Result<String, Error> {
    let rtl = text_of(state, catalogs, "dir")? == "rtl";
    fill(text_of(state, catalogs, "fact")?, |name| {
        Ok(if name == "label" { label.to_owned() } else { isolated(value, rtl) })
    })
}

/// `text` with each `{name}` replaced.
fn fill(text: &str, mut value: impl FnMut(&str) -> Result<String, Error>) -> Result<String, Error> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        filled.push_str(&value(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// A name that runs against the sentence keeps its brackets in place (Unicode TR 9 §2.3). One that tries to turn the
/// sentence round is robbed of its marks.
fn isolated(value: &str, in_rtl: bool) -> String {
    let clean: String = value.chars().filter(|c| !is_bidi_mark(*c)).collect();
    let against = if in_rtl { clean.chars().any(char::is_alphanumeric) } else { clean.chars().any(is_rtl) };
    if against { format!("\u{2068}{clean}\u{2069}") } else { clean }
}

fn is_bidi_mark(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Hebrew, Arabic and their neighbours.
fn is_rtl(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}'
        | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

fn text_of<'c>(state: &State<'_, '_>, catalogs: &'c Catalogs, key: &str) -> Result<&'c str, Error> {
    let locale = state.lookup("locale").map(|locale| locale.to_string()).unwrap_or_default();
    catalogs
        .text(&locale, key)
        .ok_or_else(|| Error::new(ErrorKind::NonKey, format!("no text {key:?} in the catalogues")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_once() {
        let braces = |name: &str| Ok(format!("{{{name}}}"));
        assert_eq!(fill("Hi {a}, {b}! {", braces).unwrap(), "Hi {a}, {b}! {");
    }

    #[test]
    fn names_keep_to_themselves() {
        for (value, in_rtl, want) in [
            ("Jo <jo@x>", false, "Jo <jo@x>"),
            ("Jo <jo@x>", true, "\u{2068}Jo <jo@x>\u{2069}"),
            ("ليلى <l@x>", false, "\u{2068}ليلى <l@x>\u{2069}"),
            ("a\u{202e}b\u{2066}", false, "ab"),
        ] {
            assert_eq!(isolated(value, in_rtl), want);
        }
    }
}
