//! Reading: a TOML file, then `POSTDESK_*` variables over it. Whatever is wrong names its place, its key, and what
//! would be right; as much of it as can be found is said at once.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

use super::{Config, every_key, validate};

/// What every variable begins with.
const PREFIX: &str = "POSTDESK_";
/// Variables that are not keys: of the command line, and of our own tests.
const OTHERS: [&str; 4] = ["POSTDESK_CONFIG", "POSTDESK_LOG", "POSTDESK_LOG_FORMAT", "POSTDESK_CORPORA"];
const OTHERS_PREFIX: &str = "POSTDESK_TEST_";

/// One thing wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `postdesk.toml:12`, or the variable's name.
    pub place: String,
    /// `smtp.listen`; empty when the file can't be read at all.
    pub key: String,
    /// What is wrong, and what would be right.
    pub detail: String,
}

/// Everything found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.detail),
            key => write!(f, "{} {key}: {}", self.place, self.detail),
        }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

impl Config {
    /// Reads a file, and the variables among `environment` over it.
    ///
    /// # Errors
    /// With everything found wrong.
    pub fn load(
        file: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let name = file.display().to_string();
        let text = std::fs::read_to_string(file).map_err(|error| {
            Problems(vec![Problem { place: name.clone(), key: String::new(), detail: error.to_string() }])
        })?;
        Self::from_text(&name, &text, environment)
    }

    /// As [`Config::load`], from text that goes by this name in messages.
    ///
    /// # Errors
    /// With everything found wrong.
    pub fn from_text(
        name: &str,
        text: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Problems> {
        let mut reading =
            Reading { source: Source { name, text, variables: HashMap::new() }, problems: Vec::new() };
        let config = reading.read(environment);
        match config {
            Some(config) if reading.problems.is_empty() => Ok(config),
            _ => Err(Problems(reading.problems)),
        }
    }
}

/// The variable of a key: `smtp.listen` is `POSTDESK_SMTP_LISTEN`.
pub fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "_"))
}

struct Reading<'a> {
    source: Source<'a>,
    problems: Vec<Problem>,
}

/// Where values came from.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
    /// Key → the variable that set it.
    variables: HashMap<String, String>,
}

impl Reading<'_> {
    fn read(&mut self, environment: impl IntoIterator<Item = (String, String)>) -> Option<Config> {
        let mut table: Table = match self.source.text.parse() {
            Ok(table) => table,
            Err(error) => {
                self.syntax_error(&error);
                return None;
            }
        };
        let known = Table::try_from(every_key()).expect("settings are TOML");
        self.find_unknown("", &table, &known);
        let variables = Variables::new(&known);
        for (name, text) in environment {
            self.apply(&variables, &mut table, &name, &text);
        }
        if !self.problems.is_empty() {
            return None;
        }
        let config: Config = match serde_path_to_error::deserialize(Value::Table(table)) {
            Ok(config) => config,
            Err(error) => {
                let key = error.path().to_string();
                let detail =
                    if is_secret(&key) { "expected text".into() } else { plain(error.inner().message()) };
                self.add(&key, detail);
                return None;
            }
        };
        for (key, detail) in validate::problems(&config) {
            self.add(&key, detail);
        }
        Some(config)
    }

    fn add(&mut self, key: &str, detail: String) {
        self.problems.push(Problem { place: self.source.place(key), key: key.to_owned(), detail });
    }

    fn syntax_error(&mut self, error: &toml::de::Error) {
        let line = error.span().map_or(1, |span| line_of(self.source.text, span.start));
        self.problems.push(Problem {
            place: format!("{}:{line}", self.source.name),
            key: String::new(),
            detail: format!("this is not TOML: {}", error.message()),
        });
    }

    /// Names every key there is no such of, with the nearest one there is.
    fn find_unknown(&mut self, at: &str, table: &Table, known: &Table) {
        for (name, value) in table {
            let key = join(at, name);
            match (known.get(name), value) {
                (None, _) => {
                    let nearest = nearest(name, known.keys().map(String::as_str));
                    self.add(&key, format!("there is no such key; did you mean {}?", join(at, &nearest)));
                }
                (Some(Value::Table(known)), Value::Table(inner)) => self.find_unknown(&key, inner, known),
                (Some(Value::Array(examples)), Value::Array(items)) => {
                    let Some(Value::Table(known)) = examples.first() else { continue };
                    for (i, item) in items.iter().enumerate() {
                        let Value::Table(item) = item else { continue };
                        self.find_unknown(&format!("{key}[{i}]"), item, known);
                    }
                }
                _ => {}
            }
        }
    }

    /// Puts a variable over the file's value.
    fn apply(&mut self, known: &Variables, table: &mut Table, name: &str, text: &str) {
        if !name.starts_with(PREFIX) || OTHERS.contains(&name) || name.starts_with(OTHERS_PREFIX) {
            return;
        }
        let Some((key, example)) = known.0.get(name) else {
            let nearest = nearest(name, known.0.keys().map(String::as_str));
            let detail = format!("there is no such setting; did you mean {nearest}?");
            self.problems.push(Problem { place: name.to_owned(), key: String::new(), detail });
            return;
        };
        match from_variable(example, text) {
            Ok(value) => put(table, key, value),
            Err(expected) => {
                let detail = format!("{text:?} is not {expected}");
                self.problems.push(Problem { place: name.to_owned(), key: key.clone(), detail });
            }
        }
        self.source.variables.insert(key.clone(), name.to_owned());
    }
}

/// Every key's variable, with the key and an example of its value.
struct Variables(HashMap<String, (String, Value)>);

impl Variables {
    fn new(known: &Table) -> Self {
        let mut all = HashMap::new();
        collect("", known, &mut all);
        // The contract's short way to switch limits off.
        all.insert("POSTDESK_API_LIMITS".into(), ("api.limits.enabled".into(), Value::Boolean(true)));
        Self(all)
    }
}

fn collect(at: &str, known: &Table, into: &mut HashMap<String, (String, Value)>) {
    for (name, value) in known {
        let key = join(at, name);
        match value {
            Value::Table(inner) => collect(&key, inner, into),
            value => {
                into.insert(variable(&key), (key, value.clone()));
            }
        }
    }
}

/// A variable's text as a value like the example; nothing (the default) when it is empty. Lists are separated by
/// commas. `Err` says what would be right.
fn from_variable(example: &Value, text: &str) -> Result<Option<Value>, &'static str> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Ok(Some(match example {
        Value::Boolean(_) => match text.to_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Value::Boolean(true),
            "false" | "off" | "no" | "0" => Value::Boolean(false),
            _ => return Err("true or false"),
        },
        Value::Integer(_) => Value::Integer(text.parse().map_err(|_| "a whole number")?),
        Value::Array(examples) => match examples.first() {
            Some(Value::Table(fields)) => Value::Array(items().map(|item| person(fields, item)).collect()),
            _ => Value::Array(items().map(Value::from).collect()),
        },
        _ => Value::from(text),
    }))
}

/// `Ada <ada@shop.example>` or the address alone, as an entry of `mailboxes` or `agents`.
fn person(fields: &Table, text: &str) -> Value {
    let (name, address) = match text.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, address)) => (name.trim(), address.trim()),
        None => ("", text),
    };
    let mut entry = Table::new();
    if fields.contains_key("email") {
        let name = if name.is_empty() { address } else { name };
        entry.insert("name".into(), name.into());
        entry.insert("email".into(), address.into());
    } else {
        entry.insert("address".into(), address.into());
        if !name.is_empty() {
            entry.insert("from_name".into(), name.into());
        }
    }
    Value::Table(entry)
}

/// Sets `a.b.c`, making tables on the way; `None` takes it away.
fn put(table: &mut Table, key: &str, value: Option<Value>) {
    match key.split_once('.') {
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
                if inner.is_empty() {
                    table.remove(first);
                }
            }
        }
        None => match value {
            Some(value) => drop(table.insert(key.to_owned(), value)),
            None => drop(table.remove(key)),
        },
    }
}

impl Source<'_> {
    /// The variable that set a key, or file and line; for a missing key, the line of the table it belongs to.
    fn place(&self, key: &str) -> String {
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

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.min_by_key(|known| (strsim::damerau_levenshtein(name, known), known.len()));
    near.unwrap_or_default().to_owned()
}

/// Whether a key's value must not be shown.
fn is_secret(key: &str) -> bool {
    key.starts_with("keys.") || key.ends_with("password") || key == "store.url"
}

/// Serde's words, without Rust's types.
fn plain(message: &str) -> String {
    let mut text = message.trim().replace("expected a string", "expected text");
    for number in ["u16", "u32", "u64", "usize"] {
        text = text.replace(&format!("expected {number}"), "expected a whole number that is not negative");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::EXAMPLE;

    const KEYS: &str = "[keys]\nreply = \"0123456789abcdef0123456789abcdef\"\n";

    fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
        let environment = variables.iter().map(|(name, text)| (name.to_string(), text.to_string()));
        Config::from_text("postdesk.toml", &format!("{KEYS}{text}"), environment)
            .map_err(|problems| problems.to_string())
    }

    #[test]
    fn what_is_wrong_is_said_with_place_key_and_remedy() {
        for (text, variables, want) in [
            (
                "[smtp]\nlisten = \"here\"",
                &[][..],
                "postdesk.toml:4 smtp.listen: invalid value: string \"here\", expected an IP address with a port, such as 127.0.0.1:2525 or [::]:25",
            ),
            (
                "[smtp]\nlisen = 1",
                &[],
                "postdesk.toml:4 smtp.lisen: there is no such key; did you mean smtp.listen?",
            ),
            ("[smpt]\nlisten = 1", &[], "postdesk.toml:3 smpt: there is no such key; did you mean smtp?"),
            (
                "[[mailboxes]]\naddress = \"a@b.example\"\n[[mailboxes]]\nadress = \"c@b.example\"",
                &[],
                "postdesk.toml:6 mailboxes[1].adress: there is no such key; did you mean mailboxes[1].address?",
            ),
            (
                "[[mailboxes]]\naddress = \"nobody\"",
                &[],
                "postdesk.toml:4 mailboxes[0].address: \"nobody\" is no mail address; expected one like support@shop.example",
            ),
            ("[smtp", &[], "postdesk.toml:3: this is not TOML: unclosed table, expected `]`"),
            (
                "[smtp]\nmax_recipients = -1",
                &[],
                "postdesk.toml:4 smtp.max_recipients: invalid value: integer `-1`, expected a whole number that is not negative",
            ),
            (
                "",
                &[("POSTDESK_SMTP_LISTEN", "1")],
                "POSTDESK_SMTP_LISTEN smtp.listen[0]: invalid value: string \"1\", expected an IP address with a port, such as 127.0.0.1:2525 or [::]:25",
            ),
            (
                "",
                &[("POSTDESK_SMPT_LISTEN", "1")],
                "POSTDESK_SMPT_LISTEN: there is no such setting; did you mean POSTDESK_SMTP_LISTEN?",
            ),
            (
                "",
                &[("POSTDESK_SMTP_MAX_HOPS", "many")],
                "POSTDESK_SMTP_MAX_HOPS smtp.max_hops: \"many\" is not a whole number",
            ),
            (
                "",
                &[("POSTDESK_HTTP_ENABLED", "perhaps")],
                "POSTDESK_HTTP_ENABLED http.enabled: \"perhaps\" is not true or false",
            ),
        ] {
            assert_eq!(load(text, variables).expect_err(text), want, "{text}");
        }
    }

    #[test]
    fn variables_win_over_the_file() {
        let config = load(
            "[smtp]\nlisten = \"127.0.0.1:1\"\n[api.limits]\ntoken = 5",
            &[
                ("POSTDESK_SMTP_LISTEN", "127.0.0.1:2, [::1]:3"),
                ("POSTDESK_SMTP_TRUSTED_NETWORKS", "10.0.0.0/8,192.0.2.7"),
                ("POSTDESK_API_LIMITS", "off"),
                ("POSTDESK_OUTBOX_RELAY_HOST", "mx.example"),
                ("POSTDESK_MAILBOXES", "Shop <support@shop.example>, sales@shop.example"),
                ("POSTDESK_AGENTS", "Ada <ada@shop.example>"),
                ("POSTDESK_HTTP_PUBLIC_URL", ""),
                ("POSTDESK_CORPORA", "/tmp"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!(config.smtp.listen, ["127.0.0.1:2".parse().unwrap(), "[::1]:3".parse().unwrap()]);
        assert_eq!(config.smtp.trusted_networks[1].to_string(), "192.0.2.7/32");
        assert!(!config.api.limits.enabled && config.api.limits.token == 5);
        assert_eq!(config.outbox.relay.as_ref().map(|relay| relay.port), Some(25));
        assert_eq!(config.mailboxes[0].from_name.as_deref(), Some("Shop"));
        assert_eq!(config.mailboxes[1].address, "sales@shop.example");
        assert_eq!(config.agents[0].name, "Ada");
    }

    #[test]
    fn the_example_names_every_key_with_its_default() {
        let text: String = EXAMPLE.lines().map(uncommented).collect::<Vec<_>>().join("\n");
        let shown: Table = text.parse().expect("the example without its comment marks is TOML");
        Config::from_text("example", &text, []).unwrap();
        let (mut known, mut have, mut defaults) = (HashMap::new(), HashMap::new(), HashMap::new());
        collect("", &Table::try_from(every_key()).unwrap(), &mut known);
        collect("", &shown, &mut have);
        collect("", &Table::try_from(Config::default()).unwrap(), &mut defaults);
        let missing: Vec<_> = known.keys().filter(|name| !have.contains_key(*name)).collect();
        assert!(missing.is_empty(), "the example lacks {missing:?}");
        for (name, (key, default)) in defaults {
            if !["store.url", "keys.reply", "mailboxes", "agents", "email.brand"].contains(&key.as_str()) {
                assert_eq!(have[&name].1, default, "the example shows another default of {key}");
            }
        }
        for list in ["mailboxes", "agents"] {
            let (Value::Array(have), Value::Array(known)) =
                (&shown[list], &Table::try_from(every_key()).unwrap()[list])
            else {
                panic!("lists")
            };
            for key in known[0].as_table().unwrap().keys() {
                assert!(have[0].get(key).is_some(), "the example lacks {list}.{key}");
            }
        }
    }

    /// `#key = value` and `#[section]` are settings switched off; `# words` are words.
    fn uncommented(line: &str) -> &str {
        match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest,
            _ => line,
        }
    }

    #[test]
    fn secrets_stay_out_of_debug() {
        let config = load(
            "",
            &[
                ("POSTDESK_STORE_URL", "postgres://desk:secret1@db/desk"),
                ("POSTDESK_OUTBOX_RELAY_HOST", "mx"),
                ("POSTDESK_OUTBOX_RELAY_USERNAME", "desk"),
                ("POSTDESK_OUTBOX_RELAY_PASSWORD", "secret2"),
            ],
        )
        .unwrap();
        let shown = format!("{config:?}");
        for secret in ["secret1", "secret2", "0123456789abcdef"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
