//! Which lines of the text stand in which container of the HTML part, word by word.

use super::line::{Hint, Line};
use std::collections::HashMap;

/// A word of the HTML part and the container it stands in.
pub type HintedWord = (u64, Hint);

/// Words that must agree before a lost place is found again.
const RUN: usize = 3;

/// Words skipped that make a leap.
const LEAP: usize = 40;
/// Words that must agree before a leap.
const LEAP_RUN: usize = 7;

/// Gives each line the hint that most of its words bear in the HTML part.
pub fn apply_hints(lines: &mut [Line], html: &[HintedWord]) {
    if html.iter().all(|(_, hint)| *hint == Hint::None) {
        return;
    }
    let places = places(html);
    let words: Vec<(usize, u64)> = lines
        .iter()
        .enumerate()
        .flat_map(|(i, line)| words(line.content).map(move |word| (i, word)))
        .collect();
    let mut counts = vec![[0_u32; 4]; lines.len()];
    let mut at = 0;
    for (index, (line, word)) in words.iter().enumerate() {
        if html.get(at).is_none_or(|(other, _)| other != word) {
            let Some(found) = found(html, &places, &words[index..], at) else { continue };
            at = found;
        }
        counts[*line][html[at].1 as usize] += 1;
        at += 1;
    }
    for (line, count) in lines.iter_mut().zip(counts) {
        line.hint = majority(count);
    }
}

fn majority(count: [u32; 4]) -> Hint {
    let total: u32 = count.iter().sum();
    [Hint::Quoted, Hint::Tail, Hint::Signature]
        .into_iter()
        .find(|hint| count[*hint as usize] * 2 > total)
        .unwrap_or(Hint::None)
}

/// Where each run of words stands in the HTML.
fn places(html: &[HintedWord]) -> HashMap<[u64; RUN], Vec<usize>> {
    let mut places: HashMap<[u64; RUN], Vec<usize>> = HashMap::new();
    for (at, run) in html.windows(RUN).enumerate() {
        places.entry([run[0].0, run[1].0, run[2].0]).or_default().push(at);
    }
    places
}

/// The next place at or behind `at` where the coming words stand. A leap takes a longer run of equal words.
fn found(
    html: &[HintedWord],
    places: &HashMap<[u64; RUN], Vec<usize>>,
    coming: &[(usize, u64)],
    at: usize,
) -> Option<usize> {
    let [a, b, c, ..] = coming else { return None };
    let places = places.get(&[a.1, b.1, c.1])?;
    let place = *places.get(places.partition_point(|place| *place < at))?;
    let equal =
        html[place..].iter().zip(coming).take(LEAP_RUN).take_while(|(html, text)| html.0 == text.1).count();
    (place - at <= LEAP || equal >= LEAP_RUN.min(coming.len())).then_some(place)
}

/// The words of a text, as numbers.
pub fn words(text: &str) -> impl Iterator<Item = u64> + '_ {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(number)
}

/// FNV-1a: equal words, equal numbers.
fn number(word: &str) -> u64 {
    word.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
