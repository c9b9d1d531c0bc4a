//! Texts by language. A text that a language lacks is taken from English.

use std::collections::{BTreeMap, HashMap};

use toml::Value;

/// The language that has every text.
pub(super) const FALLBACK: &str = "en";

/// Language → key (`ticket_received.heading`) → text.
#[derive(Debug, Default)]
pub(super) struct Catalogs {
    by_locale: BTreeMap<String, HashMap<String, String>>,
}

impl Catalogs {
    /// From the `locales/*.toml` among these files.
    pub fn built_in(files: &BTreeMap<String, String>) -> Self {
        let mut all = Self::default();
        for (name, text) in files.iter().filter(|(name, _)| name.starts_with("locales/")) {
            all.put(name, text).expect("built-in catalogues are TOML: a test reads each");
        }
        all
    }

    /// Adds the texts of `locales/{locale}.toml`, over those there are.
    pub fn put(&mut self, name: &str, text: &str) -> Result<(), String> {
        let locale = name.trim_start_matches("locales/").trim_end_matches(".toml").to_lowercase();
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| error.to_string())?;
        let texts = self.by_locale.entry(locale).or_default();
        for (key, value) in table {
            flatten(texts, key, value);
        }
        Ok(())
    }

    /// Every language there is.
    pub fn locales(&self) -> Vec<String> {
        self.by_locale.keys().cloned().collect()
    }

    /// The nearest language there is: `de-AT` → `de-at`, `de`, then English.
    pub fn nearest(&self, locale: &str) -> &str {
        let wanted = locale.trim().to_lowercase().replace('_', "-");
        let language = wanted.split('-').next().unwrap_or_default();
        [wanted.as_str(), language]
            .into_iter()
            .find_map(|name| self.by_locale.get_key_value(name))
            .map_or(FALLBACK, |(name, _)| name.as_str())
    }

    /// The text of a key, in this language or else in English.
    pub fn text(&self, locale: &str, key: &str) -> Option<&str> {
        let own = self.by_locale.get(locale).and_then(|texts| texts.get(key));
        own.or_else(|| self.by_locale.get(FALLBACK)?.get(key)).map(String::as_str)
    }
}

fn flatten(texts: &mut HashMap<String, String>, key: String, value: Value) {
    match value {
        Value::String(text) => drop(texts.insert(key, text)),
        Value::Table(table) => {
            for (inner, value) in table {
                flatten(texts, format!("{key}.{inner}"), value);
            }
        }
        other => drop(texts.insert(key, other.to_string())),
    }
}

#[cfg(test)]
impl Catalogs {
    pub fn keys(&self, locale: &str) -> impl Iterator<Item = &String> {
        self.by_locale[locale].keys()
    }

    pub fn has_own(&self, locale: &str, key: &str) -> bool {
        self.by_locale[locale].contains_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_language_is_found() {
        let mut all = Catalogs::default();
        all.put("locales/en.toml", "a = 'A'\n[b]\nc = 'C'").unwrap();
        all.put("locales/de.toml", "a = 'Ä'").unwrap();
        for (wanted, want) in [("de-AT", "de"), ("DE_de", "de"), ("en", "en"), ("xx", "en"), ("", "en")] {
            assert_eq!(all.nearest(wanted), want, "{wanted}");
        }
        assert_eq!(
            (all.text("de", "a"), all.text("de", "b.c"), all.text("de", "d")),
            (Some("Ä"), Some("C"), None)
        );
    }
}
