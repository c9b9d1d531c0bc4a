//! Moments as people write them: in the mail's language, in its reader's time zone, with the zone named.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Timelike};
use chrono_tz::Tz;
use minijinja::{Error, State};

use super::{fill, text_of};
use crate::model::Timestamp;
use crate::templates::catalog::Catalogs;

type Filter = fn(&State<'_, '_>, &Catalogs, i64) -> Result<String, Error>;

/// Filters of Unix milliseconds.
pub(super) const FILTERS: &[(&str, Filter)] =
    &[("date", date), ("time", time), ("datetime", datetime), ("relative", relative)];

const MINUTE_MS: i64 = 60_000;

/// `Saturday, 14 November 2026`.
fn date(state: &State<'_, '_>, catalogs: &Catalogs, at: i64) -> Result<String, Error> {
    let at = local(state, at);
    let text = |key: &str| text_of(state, catalogs, key).map(str::to_owned);
    fill(text_of(state, catalogs, "moment.date")?, |name| match name {
        "weekday" => text(&format!("weekday.{}", at.weekday().number_from_monday())),
        "day" if at.day() == 1 => text("moment.first"),
        "day" => Ok(at.day().to_string()),
        "month" => text(&format!("month.{}", at.month())),
        _ => Ok(at.year().to_string()),
    })
}

/// `09:20 CET`.
fn time(state: &State<'_, '_>, catalogs: &Catalogs, at: i64) -> Result<String, Error> {
    let at = local(state, at);
    fill(text_of(state, catalogs, "moment.time")?, |name| {
        Ok(match name {
            "hour" => format!("{:02}", at.hour()),
            "minute" => format!("{:02}", at.minute()),
            _ => zone_name(&at),
        })
    })
}

/// Both.
fn datetime(state: &State<'_, '_>, catalogs: &Catalogs, at: i64) -> Result<String, Error> {
    fill(text_of(state, catalogs, "moment.datetime")?, |name| match name {
        "date" => date(state, catalogs, at),
        _ => time(state, catalogs, at),
    })
}

/// `3 h ago`, seen from when the mail was written.
fn relative(state: &State<'_, '_>, catalogs: &Catalogs, at: i64) -> Result<String, Error> {
    let now = state.lookup("now").and_then(|now| i64::try_from(now).ok()).unwrap_or(at);
    let apart = at.saturating_sub(now).saturating_abs();
    let (unit, count) = match apart / MINUTE_MS {
        0 => return Ok(text_of(state, catalogs, "relative.now")?.to_owned()),
        minutes @ 1..60 => ("minutes", minutes),
        minutes @ 60..1_440 => ("hours", minutes / 60),
        minutes => ("days", minutes / 1_440),
    };
    let when = if at < now { "ago" } else { "ahead" };
    fill(text_of(state, catalogs, &format!("relative.{unit}_{when}"))?, |_| Ok(count.to_string()))
}

/// In the recipient's zone, else UTC.
fn local(state: &State<'_, '_>, at: i64) -> DateTime<Tz> {
    let name = state.lookup("recipient").and_then(|recipient| recipient.get_attr("timezone").ok());
    let zone = name.and_then(|name| Tz::from_str(name.as_str()?).ok()).unwrap_or(Tz::UTC);
    Timestamp(at).utc().with_timezone(&zone)
}

/// `CET`; `UTC+03:00` where a zone has no letters of its own.
fn zone_name(at: &DateTime<Tz>) -> String {
    let letters = at.format("%Z").to_string();
    if letters.starts_with(char::is_alphabetic) { letters } else { format!("UTC{}", at.format("%:z")) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use minijinja::context;

    use super::*;

    fn said(locale: &str, timezone: &str, template: &str) -> String {
        let locales = ["en", "de", "fr", "es", "ar"];
        let files: BTreeMap<String, String> = locales
            .iter()
            .map(|locale| {
                let path = format!("{}/templates/locales/{locale}.toml", env!("CARGO_MANIFEST_DIR"));
                (format!("locales/{locale}.toml"), std::fs::read_to_string(path).unwrap())
            })
            .collect();
        let mut environment = minijinja::Environment::new();
        super::super::add(&mut environment, &Arc::new(Catalogs::built_in(&files)));
        let recipient = context! { timezone };
        // 1 November 2026, 08:20 UTC.
        let at = 1_793_521_200_000_i64;
        let context = context! { locale, recipient, at, now => at + 185 * MINUTE_MS };
        environment.render_str(template, context).unwrap()
    }

    #[test]
    fn dates_are_the_readers_own() {
        for (locale, zone, want) in [
            ("en", "UTC", "Sunday, 1 November 2026, 08:20 UTC"),
            ("de", "Europe/Berlin", "Sonntag, 1. November 2026, 09:20 Uhr CET"),
            ("fr", "Europe/Paris", "dimanche 1er novembre 2026 à 09:20 CET"),
            ("es", "America/Bogota", "domingo, 1 de noviembre de 2026, 03:20 UTC-05:00"),
            ("ar", "Asia/Riyadh", "الأحد، 1 نوفمبر 2026، 11:20 UTC+03:00"),
            ("en", "Nowhere/Atall", "Sunday, 1 November 2026, 08:20 UTC"),
            ("en", "Pacific/Apia", "Sunday, 1 November 2026, 21:20 UTC+13:00"),
        ] {
            assert_eq!(said(locale, zone, "{{ at | datetime }}"), want, "{locale} {zone}");
        }
    }

    #[test]
    fn distances_are_said_in_round_figures() {
        for (template, want) in [
            ("{{ at | relative }}", "3 h ago"),
            ("{{ now | relative }}", "now"),
            ("{{ (now + 3000000) | relative }}", "in 50 min"),
            ("{{ (at - 200000000) | relative }}", "2 d ago"),
        ] {
            assert_eq!(said("en", "UTC", template), want, "{template}");
        }
        assert_eq!(said("de", "UTC", "{{ at | relative }}"), "vor 3 Std.");
    }
}
