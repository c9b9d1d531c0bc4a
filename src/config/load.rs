//! Reading: a TOML file, then `POSTDESK_*` variables over it. Whatever is wrong names its place, its key, and what
//! would be right; as much of it as can be found is said at once.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use toml::{Table, Value};

use super::place::{Source, line_of};
use super::variables::{PREFIX, Variables, from_variable, put};
use super::{Config, every_key, validate};

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

struct Reading<'a> {
    source: Source<'a>,
    problems: Vec<Problem>,
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

pub(super) fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let near = known.min_by_key(|known| (strsim::damerau_levenshtein(name, known), known.len()));
    near.unwrap_or_default().to_owned()
}

/// Whether a key's value must not be shown.
fn is_secret(key: &str) -> bool {
    key.starts_with("keys.")
        || ["password", "access_token"].iter().any(|secret| key.ends_with(secret))
        || key == "store.url"
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
    use crate::config::variables::collect;

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
            (
                "[smtp]\nlmtp_listen = \"[::]:25\"",
                &[],
                "postdesk.toml:4 smtp.lmtp_listen[0]: port 25 is for SMTP (RFC 2033 §5); expected another, such as 2424",
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
                ("POSTDESK_OUTBOX_RELAYS", "mx2.example:587, mx3.example"),
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
        let relays: Vec<_> =
            config.outbox.relays_in_order().map(|(_, r)| (r.host.as_str(), r.port)).collect();
        assert_eq!(relays, [("mx.example", 25), ("mx2.example", 587), ("mx3.example", 25)]);
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
            if !["store.url", "keys.reply", "dkim", "mailboxes", "agents", "outbox.relays", "email.brand"]
                .contains(&key.as_str())
            {
                assert_eq!(have[&name].1, default, "the example shows another default of {key}");
            }
        }
        let every = Table::try_from(every_key()).unwrap();
        let relays = |table: &Table| table["outbox"]["relays"].clone();
        for (list, have, known) in [
            ("mailboxes", shown["mailboxes"].clone(), every["mailboxes"].clone()),
            ("dkim", shown["dkim"].clone(), every["dkim"].clone()),
            ("agents", shown["agents"].clone(), every["agents"].clone()),
            ("outbox.relays", relays(&shown), relays(&every)),
        ] {
            let (Value::Array(have), Value::Array(known)) = (have, known) else { panic!("lists") };
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
