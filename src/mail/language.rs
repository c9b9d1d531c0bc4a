//! The language a mail is written in, for the answers of the machine.

use std::sync::LazyLock;

use whatlang::{Detector, Lang};

use super::parse::ParsedMail;

/// Languages told apart. Few of them, since each costs time, and the trigrams of a short text lie near those of many.
const LANGUAGES: [(Lang, &str); 16] = [
    (Lang::Eng, "en"),
    (Lang::Deu, "de"),
    (Lang::Fra, "fr"),
    (Lang::Spa, "es"),
    (Lang::Ara, "ar"),
    (Lang::Nld, "nl"),
    (Lang::Ita, "it"),
    (Lang::Por, "pt"),
    (Lang::Pol, "pl"),
    (Lang::Ces, "cs"),
    (Lang::Swe, "sv"),
    (Lang::Dan, "da"),
    (Lang::Nob, "no"),
    (Lang::Tur, "tr"),
    (Lang::Rus, "ru"),
    (Lang::Ukr, "uk"),
];
/// So many characters tell it; more only cost time.
const ENOUGH: usize = 200;
/// Below this, the guess is worth less than what the mail program says.
const SURE: f64 = 0.4;

static DETECTOR: LazyLock<Detector> =
    LazyLock::new(|| Detector::with_allowlist(LANGUAGES.iter().map(|(lang, _)| *lang).collect()));

/// BCP 47: of the text when it leaves no doubt, else what `Content-Language` says (RFC 3282), which mail programs fill
/// in with the language of their menus. `text` is what was newly written.
pub fn of(mail: &ParsedMail, text: &str) -> Option<String> {
    written_in(text).map(str::to_owned).or_else(|| stated(mail.header("content-language")?))
}

fn written_in(text: &str) -> Option<&'static str> {
    let beginning: String = text.chars().take(ENOUGH).collect();
    let found = DETECTOR.detect(&beginning).filter(|found| found.confidence() >= SURE)?;
    LANGUAGES.iter().find(|(lang, _)| *lang == found.lang()).map(|(_, tag)| *tag)
}

/// The first tag of a list, when it looks like one.
fn stated(field: &str) -> Option<String> {
    let tag = field.split(',').next()?.trim();
    let language = tag.split('-').next()?;
    let shaped = (2..=3).contains(&language.len())
        && tag.len() <= 35
        && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    shaped.then(|| tag.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::parse::parse;

    #[test]
    fn the_text_says_it_or_else_the_header() {
        for (header, text, want) in [
            ("en-US", "Guten Tag, die Lampe ist kaputt angekommen. Was nun?", Some("de")),
            ("", "Bonjour, ma commande n'est pas arrivée. Où est mon colis ? Merci d'avance", Some("fr")),
            ("", "Hola, mi pedido no ha llegado todavía, ¿dónde está el paquete? Gracias", Some("es")),
            ("", "مرحبا، لم يصل طلبي بعد، أين الطرد؟ شكرا", Some("ar")),
            ("", "Hello, I bought the lamp last week and the switch is broken. What can I do?", Some("en")),
            ("de-DE, en-US", "Bestellung 1001", Some("de-DE")),
            ("", "4711", None),
            ("x; drop table", "4711", None),
            ("", "", None),
        ] {
            let mail = parse(format!("Content-Language: {header}\r\n\r\n").as_bytes());
            assert_eq!(of(&mail, text).as_deref(), want, "{header:?} {text:?}");
        }
    }
}
