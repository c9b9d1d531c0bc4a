//! What notes by the desk itself say, in the languages of the mails: they share the built-in catalogues.

use std::sync::LazyLock;

use toml::{Table, Value};

const BUILT_IN: [(&str, &str); 5] = [
    ("en", include_str!("../../templates/locales/en.toml")),
    ("de", include_str!("../../templates/locales/de.toml")),
    ("fr", include_str!("../../templates/locales/fr.toml")),
    ("es", include_str!("../../templates/locales/es.toml")),
    ("ar", include_str!("../../templates/locales/ar.toml")),
];

static CATALOGUES: LazyLock<Vec<(&str, Table)>> = LazyLock::new(|| {
    let read = |(name, text): (&'static str, &str)| (name, text.parse().expect("a test reads each"));
    BUILT_IN.map(read).into()
});

/// Words in one language.
#[derive(Debug, Clone, Copy)]
pub(super) struct NoteWords {
    own: &'static Table,
    english: &'static Table,
}

impl NoteWords {
    /// In the language of `locale` (`de`, `de-AT`), else in English.
    pub fn of(locale: Option<&str>) -> Self {
        let language = locale.unwrap_or_default().split(['-', '_']).next().unwrap_or_default().to_lowercase();
        let table = |name: &str| CATALOGUES.iter().find(|(known, _)| *known == name).map(|(_, table)| table);
        let english = table("en").expect("it is built in");
        Self { own: table(&language).unwrap_or(english), english }
    }

    /// The text of `section.key`, with `{name}` filled in; empty when there is none.
    pub fn text(self, section: &str, key: &str, fill: &[(&str, &str)]) -> String {
        let find = |table: &'static Table| table.get(section)?.get(key)?.as_str();
        let text = find(self.own).or_else(|| find(self.english)).unwrap_or_default();
        fill.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// The text as a line before what follows, with the colon that the language has.
    pub fn lead(self, section: &str, key: &str) -> String {
        let shape = self.own.get("fact").or_else(|| self.english.get("fact")).and_then(Value::as_str);
        let line = shape.unwrap_or("{label}: {value}").replace("{value}", "");
        line.trim_end().replace("{label}", &self.text(section, key, &[]))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::bounce::Cause;

    #[test]
    fn every_language_of_the_mails_is_here() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/locales");
        let files = std::fs::read_dir(dir).expect("a directory").flatten();
        let mut there: Vec<_> = files.map(|file| file.file_name().into_string().expect("text")).collect();
        let mut here: Vec<_> = BUILT_IN.iter().map(|(name, _)| format!("{name}.toml")).collect();
        there.sort();
        here.sort();
        assert_eq!(here, there);
    }

    #[test]
    fn every_cause_has_its_words() {
        for (locale, _) in BUILT_IN {
            let words = NoteWords::of(Some(locale));
            for cause in Cause::ALL {
                for section in ["delivery_cause", "delivery_advice"] {
                    assert!(
                        !words.text(section, cause.as_str(), &[]).is_empty(),
                        "{locale} {section} {cause}"
                    );
                }
            }
            for key in ["delayed", "delayed_body", "complaint", "complaint_body", "resting", "unproven"] {
                assert!(!words.text("delivery_note", key, &[]).is_empty(), "{locale} {key}");
            }
        }
    }

    #[test]
    fn languages_are_found_and_filled() {
        for (locale, want) in [
            (Some("de-AT"), "Noch nicht zugestellt an jo@example.org"),
            (Some("xx"), "Not yet delivered to jo@example.org"),
            (None, "Not yet delivered to jo@example.org"),
        ] {
            let got =
                NoteWords::of(locale).text("delivery_note", "delayed", &[("address", "jo@example.org")]);
            assert_eq!(got, want);
        }
    }

    #[test]
    fn a_line_before_others_has_its_languages_colon() {
        for (locale, want) in [("en", "In the words of the other mail server:"), ("fr", "\u{a0}:")] {
            let line = NoteWords::of(Some(locale)).lead("agent_delivery_failed", "words");
            assert!(line.ends_with(want), "{line:?}");
        }
    }
}
