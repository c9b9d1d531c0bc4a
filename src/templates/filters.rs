//! What templates can call besides minijinja's own: `t(key, name=…)`, `date`, `quote`, `nl2br`, `truncate`.

use std::sync::Arc;

use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, Error, ErrorKind, HtmlEscape, State};

use super::catalog::Catalogs;
use crate::model::Timestamp;

/// Adds them.
pub(super) fn add(environment: &mut Environment<'static>, catalogs: &Arc<Catalogs>) {
    let texts = catalogs.clone();
    environment.add_function("t", move |state: &State<'_, '_>, key: &str, names: Kwargs| {
        translate(state, &texts, key, &names)
    });
    let texts = catalogs.clone();
    environment.add_filter("date", move |state: &State<'_, '_>, at: i64| date(state, &texts, at));
    environment.add_filter("quote", quote);
    environment.add_filter("nl2br", nl2br);
    environment.add_filter("truncate", truncate);
}

/// The text of a key in the mail's language, `{name}` filled in once: what is filled in is never looked at again.
fn translate(state: &State<'_, '_>, catalogs: &Catalogs, key: &str, names: &Kwargs) -> Result<String, Error> {
    let text = text_of(state, catalogs, key)?;
    // A left-to-right name in a right-to-left sentence keeps its brackets in place (Unicode TR 9 §2.3).
    let rtl = text_of(state, catalogs, "dir")? == "rtl";
    let (before_name, after_name) = if rtl { ("\u{2068}", "\u{2069}") } else { ("", "") };
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        filled.push_str(before);
        filled.push_str(before_name);
        filled.push_str(&names.get::<Value>(name)?.to_string());
        filled.push_str(after_name);
        rest = after;
    }
    filled.push_str(rest);
    names.assert_all_used()?;
    Ok(filled)
}

/// Unix milliseconds as the language writes them.
fn date(state: &State<'_, '_>, catalogs: &Catalogs, at: i64) -> Result<String, Error> {
    let format = text_of(state, catalogs, "date_format")?;
    let mut written = String::new();
    std::fmt::write(&mut written, format_args!("{}", Timestamp(at).utc().format(format)))
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "date_format is no strftime format"))?;
    Ok(written)
}

fn text_of<'c>(state: &State<'_, '_>, catalogs: &'c Catalogs, key: &str) -> Result<&'c str, Error> {
    let locale = state.lookup("locale").map(|locale| locale.to_string()).unwrap_or_default();
    catalogs
        .text(&locale, key)
        .ok_or_else(|| Error::new(ErrorKind::NonKey, format!("no text {key:?} in the catalogues")))
}

/// `> ` before each line.
fn quote(text: &str) -> String {
    let lines =
        text.lines().map(|line| if line.starts_with('>') { format!(">{line}") } else { format!("> {line}") });
    lines.map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

/// Text as HTML, line breaks kept.
fn nl2br(text: &str) -> Value {
    let escaped = HtmlEscape(text).to_string();
    Value::from_safe_string(escaped.replace("\r\n", "\n").replace('\n', "<br>\n"))
}

/// At most so many characters, the last of them `…` when some are missing.
fn truncate(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return text.to_owned();
    }
    text.chars().take(length.saturating_sub(1)).chain(['…']).collect()
}
