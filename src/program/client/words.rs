//! What people type: tickets by a few characters, people by name, points in time by how long ago they were.

use postdesk::model::Timestamp;
use serde_json::Value;

const DAY_MS: i64 = 86_400_000;

/// The numbers that a ticket may have which somebody calls by its last six characters, of this year and some before
/// it; `None` when that is not how it was called.
pub fn numbers(short: &str, year: i32) -> Option<Vec<String>> {
    let short = short.to_ascii_uppercase();
    let fits = short.len() == 6 && short.bytes().all(|b| b.is_ascii_alphanumeric());
    fits.then(|| (0..6).map(|before| format!("TKT-{}-{short}", year - before)).collect())
}

/// `7d`, `24h`, `2w` ago, a day, or a point in time, as the API wants it.
pub fn since(text: &str, now: Timestamp) -> Option<String> {
    if let Some(unit @ ('m' | 'h' | 'd' | 'w')) = text.chars().last()
        && let Ok(count) = text[..text.len() - 1].parse::<u32>()
    {
        let ms = match unit {
            'm' => 60_000,
            'h' => 3_600_000,
            'd' => DAY_MS,
            _ => 7 * DAY_MS,
        };
        return Some(now.plus_ms(-ms * i64::from(count)).rfc3339());
    }
    let day = chrono::NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let point = chrono::DateTime::parse_from_rfc3339(text).ok();
    day.map(|day| format!("{day}T00:00:00Z")).or(point.map(|_| text.to_owned()))
}

/// How long ago, in one short word.
pub fn ago(at: &str, now: Timestamp) -> String {
    let Ok(at) = chrono::DateTime::parse_from_rfc3339(at) else { return String::new() };
    let seconds = (now.0 - at.timestamp_millis()) / 1_000;
    match seconds {
        ..60 => "now".into(),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        86_400..5_184_000 => format!("{} d", seconds / 86_400),
        _ => at.format("%Y-%m-%d").to_string(),
    }
}

/// A stretch of time, for people.
pub fn lasting(seconds: f64) -> String {
    match seconds {
        ..90.0 => format!("{seconds:.0} s"),
        90.0..5_400.0 => format!("{:.0} min", seconds / 60.0),
        5_400.0..129_600.0 => format!("{:.1} h", seconds / 3_600.0),
        _ => format!("{:.1} d", seconds / 86_400.0),
    }
}

/// The agents somebody may mean by `ada`: by id, address, name, or how one of them begins.
pub fn meant<'a>(agents: &'a [Value], who: &str) -> Vec<&'a Value> {
    let who = who.to_lowercase();
    let texts = |agent: &Value| {
        ["id", "email", "name"].map(|name| agent[name].as_str().unwrap_or_default().to_lowercase())
    };
    let exact: Vec<_> = agents.iter().filter(|agent| texts(agent).contains(&who)).collect();
    if !exact.is_empty() {
        return exact;
    }
    let begins = |agent: &&Value| texts(agent)[1..].iter().any(|text| text.starts_with(&who));
    agents.iter().filter(begins).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_795_000_000_000);

    #[test]
    fn tickets_are_called_by_six_characters() {
        assert_eq!(numbers("k7q4zp", 2026).expect("short")[1], "TKT-2025-K7Q4ZP");
        for long in ["TKT-2026-K7Q4ZP", "K7Q4Z", "k7q4z!", "019c0000-0000-7000-8000-000000000000"] {
            assert_eq!(numbers(long, 2026), None, "{long}");
        }
    }

    #[test]
    fn points_in_time_are_read() {
        for (text, want) in [
            ("7d", Some("2026-11-11T11:06:40.000Z")),
            ("90m", Some("2026-11-18T09:36:40.000Z")),
            ("2026-11-01", Some("2026-11-01T00:00:00Z")),
            ("2026-11-01T10:00:00+01:00", Some("2026-11-01T10:00:00+01:00")),
            ("yesterday", None),
            ("d", None),
            ("€", None),
        ] {
            assert_eq!(since(text, NOW).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn times_are_short() {
        for (at, want) in [
            ("2026-11-18T11:06:00Z", "now"),
            ("2026-11-18T10:40:00Z", "26 min"),
            ("2026-11-17T10:40:00Z", "1 d"),
            ("2025-11-17T10:00:00Z", "2025-11-17"),
            ("?", ""),
        ] {
            assert_eq!(ago(at, NOW), want, "{at}");
        }
        for (seconds, want) in [(9.0, "9 s"), (600.0, "10 min"), (9_000.0, "2.5 h"), (345_600.0, "4.0 d")] {
            assert_eq!(lasting(seconds), want);
        }
    }

    #[test]
    fn agents_are_called_as_people_do() {
        let agents = [
            serde_json::json!({"id": "1", "name": "Ada Lovelace", "email": "ada@shop.example"}),
            serde_json::json!({"id": "2", "name": "Adam", "email": "adam@shop.example"}),
        ];
        for (who, want) in [("ada", 2), ("ADAM", 1), ("ada@shop.example", 1), ("ada l", 1), ("bo", 0)] {
            assert_eq!(meant(&agents, who).len(), want, "{who}");
        }
    }
}
