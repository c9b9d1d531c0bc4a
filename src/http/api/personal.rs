//! What people have in common, as it is sent: words that null clears, a language, a time zone.

use crate::http::extract::Fields;
use crate::model::template::{ALL_LOCALES, locale_of};

/// Longest text of a signature or a note, characters.
const LONGEST: usize = 10_000;

/// One line; null clears.
pub fn line(f: &mut Fields, name: &'static str, max: usize) -> Option<Option<String>> {
    f.clearable(name, |f| f.line(name, 1, max))
}

/// Text of many lines; null clears.
pub fn text(f: &mut Fields, name: &'static str) -> Option<Option<String>> {
    f.clearable(name, |f| f.text(name, 1, LONGEST))
}

/// `locale`, such as `de` or `pt-BR`; null clears.
pub fn locale(f: &mut Fields) -> Option<Option<String>> {
    f.clearable("locale", |f| {
        let text = f.line("locale", 1, 35)?;
        let locale = locale_of(&text).filter(|locale| locale != ALL_LOCALES);
        if locale.is_none() {
            f.refuse("locale", "bad_format", "a language such as de or pt-BR");
        }
        locale
    })
}

/// `timezone`, by the names of the IANA; null clears.
pub fn timezone(f: &mut Fields) -> Option<Option<String>> {
    f.clearable("timezone", |f| {
        let text = f.line("timezone", 1, 64)?;
        let zone = text.parse::<chrono_tz::Tz>().ok();
        if zone.is_none() {
            f.refuse("timezone", "bad_format", "a name such as Europe/Berlin");
        }
        zone.map(|zone| zone.name().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_and_zones_are_known_ones() {
        for (body, language, zone, right) in [
            (r#"{"locale":"pt-BR","timezone":"Europe/Berlin"}"#, Some("pt-br"), Some("Europe/Berlin"), true),
            (r#"{"locale":"*"}"#, None, None, false),
            (r#"{"timezone":"Berlin"}"#, None, None, false),
            (r#"{"timezone":"+02:00"}"#, None, None, false),
            (r#"{"locale":null,"timezone":null}"#, None, None, true),
        ] {
            let mut fields = Fields::parse(body.as_bytes()).expect("an object");
            let read = (locale(&mut fields).flatten(), timezone(&mut fields).flatten());
            assert_eq!((read.0.as_deref(), read.1.as_deref()), (language, zone), "{body}");
            assert_eq!(fields.finish().is_ok(), right, "{body}");
        }
    }
}
