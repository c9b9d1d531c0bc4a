//! Where a setting stands: the variable that set it, or file and line.

use std::collections::HashMap;

use toml::de::{DeTable, DeValue};

/// Where values came from.
pub(super) struct Source<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    /// Key → the variable that set it.
    pub(super) variables: HashMap<String, String>,
}

impl Source<'_> {
    /// The variable that set a key, or file and line; for a missing key, the line of the table it belongs to.
    pub(super) fn place(&self, key: &str) -> String {
        let set_by = |key: &str| self.variables.get(key).cloned();
        let mut at = key;
        loop {
            if let Some(variable) = set_by(at) {
                return variable;
            }
            if let Some(line) = self.line(at) {
                return format!("{}:{line}", self.name);
            }
            match at.rfind(['.', '[']) {
                Some(end) => at = &at[..end],
                None => return self.name.to_owned(),
            }
        }
    }

    /// The line a key stands on.
    fn line(&self, key: &str) -> Option<usize> {
        let document = DeTable::parse(self.text).ok()?;
        let steps: Vec<&str> = key.split(['.', '[']).map(|step| step.trim_end_matches(']')).collect();
        let (last, way) = steps.split_last()?;
        let offset = match way.split_first() {
            None => entry(document.get_ref(), last)?.0,
            Some((first, way)) => {
                let mut value = entry(document.get_ref(), first)?.1;
                for step in way {
                    value = child(value, step)?.1;
                }
                child(value, last)?.0
            }
        };
        Some(line_of(self.text, offset))
    }
}

/// Where a key of a table begins, and its value.
fn entry<'t, 'i>(table: &'t DeTable<'i>, name: &str) -> Option<(usize, &'t DeValue<'i>)> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    Some((key.span().start, value.get_ref()))
}

/// Likewise for an item of a table or a list.
fn child<'t, 'i>(value: &'t DeValue<'i>, step: &str) -> Option<(usize, &'t DeValue<'i>)> {
    match value {
        DeValue::Table(table) => entry(table, step),
        DeValue::Array(items) => {
            let item = items.get(step.parse::<usize>().ok()?)?;
            Some((item.span().start, item.get_ref()))
        }
        _ => None,
    }
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
