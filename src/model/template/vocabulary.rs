//! The variables a template may use, learnt from samples, and those it does use.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::Environment;
use minijinja::value::{Value, ValueKind};
use serde::Serialize;

use super::{TemplateFault, TemplatePart};

/// How deep variables have members.
const MAX_DEPTH: usize = 5;
/// Names less alike than this are no misspelling of each other.
const ALIKE: f64 = 0.72;

/// A variable, for those who write templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// With the objects it is a member of: `ticket.number`; `messages[].text` in lists.
    pub name: String,
    /// `string number boolean list object`.
    pub r#type: &'static str,
    /// What it says in the sample.
    pub sample: String,
}

/// All variables of some contexts.
#[derive(Debug, Clone, Default)]
pub struct Vocabulary {
    names: BTreeMap<String, Variable>,
}

impl Vocabulary {
    /// Every variable of any of these contexts.
    pub fn of(contexts: impl IntoIterator<Item = Value>) -> Self {
        let mut all = Self::default();
        for context in contexts {
            all.add("", &context, 0);
        }
        all
    }

    /// Variables by name.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.names.values()
    }

    /// Whether it is the name of a variable. Objects without members in any sample, and what is null or a list in all
    /// of them, may have any.
    pub fn has(&self, name: &str) -> bool {
        if self.names.contains_key(name) {
            return true;
        }
        let mut parent = name;
        while let Some((before, _)) = parent.rsplit_once('.') {
            parent = before;
            if let Some(known) = self.names.get(parent) {
                return matches!(known.r#type, "null" | "list") || self.is_open(parent);
            }
        }
        false
    }

    /// The name most like this one.
    pub fn near(&self, name: &str) -> Option<&str> {
        let alike = |known: &str| strsim::normalized_damerau_levenshtein(known, name);
        let candidates = self.names.keys().map(|known| (alike(known), known.as_str()));
        let best = candidates.max_by(|a, b| a.0.total_cmp(&b.0))?;
        (best.0 >= ALIKE).then_some(best.1)
    }

    /// Variables that are no member of another.
    pub fn roots(&self) -> Vec<&str> {
        self.names.keys().map(String::as_str).filter(|name| !name.contains(['.', '['])).collect()
    }

    /// What a source names that is no variable here, nor a function of the environment.
    pub fn faults(
        &self,
        environment: &Environment<'_>,
        part: TemplatePart,
        source: &str,
    ) -> Vec<TemplateFault> {
        let named = named(environment, source);
        let unknown = named.iter().filter(|name| !self.has(name));
        unknown.map(|name| TemplateFault::unknown(part, name, source, self)).collect()
    }

    fn is_open(&self, parent: &str) -> bool {
        let known = |name: &str| name.strip_prefix(parent).is_some_and(|rest| rest.starts_with('.'));
        self.names.get(parent).is_some_and(|it| it.r#type == "object") && !self.names.keys().any(|n| known(n))
    }

    fn add(&mut self, name: &str, value: &Value, depth: usize) {
        if !name.is_empty() {
            self.put(name, value);
        }
        if depth > MAX_DEPTH {
            return;
        }
        match value.kind() {
            ValueKind::Map => {
                for key in value.try_iter().into_iter().flatten() {
                    let Ok(member) = value.get_item(&key) else { continue };
                    let name = if name.is_empty() { key.to_string() } else { format!("{name}.{key}") };
                    self.add(&name, &member, depth + 1);
                }
            }
            ValueKind::Seq => {
                for item in
                    value.try_iter().into_iter().flatten().filter(|item| item.kind() == ValueKind::Map)
                {
                    self.add(&format!("{name}[]"), &item, depth + 1);
                }
            }
            _ => {}
        }
    }

    /// A sample that says something takes the place of one that does not.
    fn put(&mut self, name: &str, value: &Value) {
        let r#type = match value.kind() {
            ValueKind::Map => "object",
            ValueKind::Seq | ValueKind::Iterable => "list",
            ValueKind::Bool => "boolean",
            ValueKind::Number => "number",
            ValueKind::None | ValueKind::Undefined => "null",
            _ => "string",
        };
        let sample = if matches!(r#type, "object" | "list") { String::new() } else { value.to_string() };
        let variable = Variable { name: name.to_owned(), r#type, sample };
        match self.names.get(name) {
            Some(known) if known.r#type != "null" => {}
            _ => drop(self.names.insert(name.to_owned(), variable)),
        }
    }
}

/// The variables a source names, with their members, without the environment's own functions; nothing when it does not
/// parse.
pub(super) fn named(environment: &Environment<'_>, source: &str) -> BTreeSet<String> {
    let Ok(template) = environment.template_from_named_str("source.txt", source) else {
        return BTreeSet::new();
    };
    let functions: BTreeSet<String> = environment.globals().map(|(name, _)| name.to_owned()).collect();
    let named = template.undeclared_variables(true).into_iter();
    named.filter(|name| !functions.contains(name.split('.').next().unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;
    use crate::model::template::environment;

    #[test]
    fn names_are_learnt_from_samples() {
        let full = context! {
            ticket => context! { number => "TKT", custom_fields => context! {} },
            quoted => context! { author => "Jo" }, messages => [context! { text => "x" }],
        };
        let bare = context! { quoted => (), resolution => () };
        let known = Vocabulary::of([bare, full]);
        for (name, want) in [
            ("ticket", true),
            ("ticket.number", true),
            ("ticket.custom_fields.size", true),
            ("quoted.author", true),
            ("quoted.autor", false),
            ("resolution.text", true),
            ("messages.0", true),
            ("ticket.numbr", false),
            ("nope", false),
        ] {
            assert_eq!(known.has(name), want, "{name}");
        }
        assert_eq!(known.near("ticket.numbr"), Some("ticket.number"));
        assert!(known.variables().any(|v| v.name == "messages[].text" && v.sample == "x"));
    }

    #[test]
    fn every_branch_of_a_template_is_looked_at() {
        let known = Vocabulary::of([context! { a => 1, list => [1] }]);
        let source = "{% if a == 2 %}\n{{ range(3) }} {{ nope.b }}{% endif %}{% for x in list %}{{ x.y }}{{ loop.index }}{% endfor %}";
        let faults = known.faults(&environment(), TemplatePart::Body, source);
        let places: Vec<_> = faults.iter().map(|f| (f.line, f.column, f.detail.as_str())).collect();
        assert_eq!(places, [(2, 19, "unknown variable nope.b: there are a, list")]);
    }
}
