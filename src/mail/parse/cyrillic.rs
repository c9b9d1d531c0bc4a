//! Which of the many Cyrillic encodings a text is in. They share most byte values, and `chardetng` knows neither Apple's
//! nor IBM's older one; how often each letter comes, and where capitals stand, tells them apart.

use encoding_rs::{
    Encoding, IBM866, ISO_8859_2, ISO_8859_5, KOI8_R, KOI8_U, MACINTOSH, WINDOWS_1250, WINDOWS_1251,
    WINDOWS_1252, WINDOWS_1254, WINDOWS_1257, WINDOWS_1258, X_MAC_CYRILLIC,
};

use super::charset::{self, Charset};

/// In the order in which the less common ones must be better to win.
const CANDIDATES: [Charset; 6] = [
    Charset::Web(WINDOWS_1251),
    Charset::Web(KOI8_U),
    Charset::Web(ISO_8859_5),
    Charset::Web(IBM866),
    Charset::Web(X_MAC_CYRILLIC),
    Charset::Dos(855),
];

/// Less than this for a letter on average is no Cyrillic text.
const LEAST_SCORE: i64 = 30;
/// How much is looked at, in octets.
const MAX_SAMPLE: usize = 8 * 1024;

/// Letters of Russian per thousand, from the commonest on.
const COMMON: [(char, i64); 33] = [
    ('о', 109),
    ('е', 85),
    ('а', 80),
    ('и', 73),
    ('н', 67),
    ('т', 63),
    ('с', 55),
    ('р', 47),
    ('в', 45),
    ('л', 44),
    ('к', 35),
    ('м', 32),
    ('д', 30),
    ('п', 28),
    ('у', 26),
    ('я', 20),
    ('ы', 19),
    ('ь', 17),
    ('г', 17),
    ('з', 16),
    ('б', 16),
    ('ч', 14),
    ('й', 12),
    ('х', 10),
    ('ж', 9),
    ('ш', 7),
    ('ю', 6),
    ('ц', 5),
    ('щ', 4),
    ('э', 3),
    ('ф', 3),
    ('ъ', 1),
    ('ё', 1),
];

/// Whether a detector's guess may really be Cyrillic: the Cyrillic ones, and the western ones it falls back on.
pub(super) fn may_be_mistaken_for(guess: &'static Encoding) -> bool {
    [
        WINDOWS_1251,
        KOI8_R,
        KOI8_U,
        ISO_8859_5,
        IBM866,
        X_MAC_CYRILLIC,
        WINDOWS_1252,
        WINDOWS_1250,
        ISO_8859_2,
        WINDOWS_1254,
        WINDOWS_1257,
        WINDOWS_1258,
        MACINTOSH,
    ]
    .contains(&guess)
}

/// The likeliest, if the text is Cyrillic at all: words of 8-bit bytes, common letters, capitals in front.
pub(super) fn best(bytes: &[u8]) -> Option<Charset> {
    let sample = &bytes[..bytes.len().min(MAX_SAMPLE)];
    if mean_run_tenths(sample) < 25 {
        return None;
    }
    let (score, _, charset) = CANDIDATES
        .iter()
        .enumerate()
        .map(|(rank, charset)| {
            (score(&charset::decode(*charset, sample).0), CANDIDATES.len() - rank, *charset)
        })
        .max_by_key(|(score, rank, _)| (*score, *rank))?;
    (score >= LEAST_SCORE).then_some(charset)
}

/// Mean length of runs of 8-bit bytes, in tenths: about one in western text, a word's length in Cyrillic.
fn mean_run_tenths(bytes: &[u8]) -> usize {
    let runs = bytes.split(u8::is_ascii).filter(|run| !run.is_empty());
    let (count, total) = runs.fold((0, 0), |(count, total), run| (count + 1, total + run.len()));
    (total * 10).checked_div(count).unwrap_or(0)
}

/// Mean weight of the characters beyond ASCII.
fn score(text: &str) -> i64 {
    let (mut sum, mut count) = (0, 0);
    let mut before = ' ';
    for c in text.chars() {
        if !c.is_ascii() {
            sum += weight(c, before);
            count += 1;
        }
        before = c;
    }
    if count == 0 { 0 } else { sum / count }
}

fn weight(c: char, before: char) -> i64 {
    let lower = c.to_lowercase().next().unwrap_or(c);
    let common = COMMON.iter().find(|(letter, _)| *letter == lower).map(|(_, weight)| *weight);
    match common {
        Some(_) if c != lower && before.is_lowercase() => -60,
        Some(weight) if c != lower => weight / 2,
        Some(weight) => weight,
        None if matches!(lower, 'і' | 'ї' | 'є' | 'ґ' | 'ў' | 'ј') => 5,
        None if matches!(c, '«' | '»' | '№' | '–' | '—' | '“' | '”' | '„' | '…' | '\u{A0}') => {
            10
        }
        None => -40,
    }
}
