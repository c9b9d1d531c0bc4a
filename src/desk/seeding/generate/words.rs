//! What made-up people are called and write, from a file; and the dice that choose among it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::clock::Ids;
use crate::model::Category;

const WORDS: &str = include_str!("../../../../seeds/generate.toml");

/// The file.
#[derive(Debug, Deserialize)]
pub struct Words {
    pub agents: Vec<String>,
    pub products: Vec<String>,
    pub cities: Vec<String>,
    pub tags: Vec<String>,
    pub relays: Vec<String>,
    pub languages: Vec<Language>,
}

/// How people write in one language.
#[derive(Debug, Deserialize)]
pub struct Language {
    pub locale: String,
    /// Of a hundred people.
    pub share: u64,
    pub first_names: Vec<String>,
    pub last_names: Vec<String>,
    pub greetings: Vec<String>,
    pub closings: Vec<String>,
    pub subjects: HashMap<Category, Vec<String>>,
    pub messages: Vec<String>,
    pub follow_ups: Vec<String>,
    pub answers: Vec<String>,
    pub notes: Vec<String>,
}

impl Words {
    pub fn read() -> Self {
        toml::from_str(WORDS).expect("our own file")
    }

    /// A language, as often as people speak it.
    pub fn language(&self, dice: &Dice) -> usize {
        let all = self.languages.iter().map(|language| language.share).sum();
        let mut left = dice.below(all);
        for (place, language) in self.languages.iter().enumerate() {
            if left < language.share {
                return place;
            }
            left -= language.share;
        }
        0
    }
}

impl Language {
    /// Words for a subject about this; what nobody has words for is asked in general.
    pub fn subject(&self, category: Category, dice: &Dice) -> &str {
        let known = self.subjects.get(&category).or_else(|| self.subjects.get(&Category::General));
        known.map_or("", |subjects| dice.pick(subjects).as_str())
    }
}

/// What stands in the gaps of a text; the same for all texts of a ticket.
pub struct Gaps<'a> {
    pub name: &'a str,
    pub agent: &'a str,
    pub order: &'a str,
    pub number: &'a str,
    pub product: &'a str,
    pub city: &'a str,
}

impl Gaps<'_> {
    /// The text with its gaps filled.
    pub fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len() + 32);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((gap, after)) = after.split_once('}') else { break };
            filled.push_str(match gap {
                "name" => self.name,
                "agent" => self.agent,
                "order" => self.order,
                "number" => self.number,
                "product" => self.product,
                "city" => self.city,
                _ => "",
            });
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// Chance, repeatable.
pub struct Dice(Ids);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(Ids::seeded(seed))
    }

    pub fn below(&self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// Between two numbers, the second one included.
    pub fn between(&self, least: i64, most: i64) -> i64 {
        least + self.below(most.abs_diff(least) + 1).cast_signed()
    }

    /// So often in a hundred.
    pub fn chance(&self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// A place in a list of so many.
    pub fn place(&self, among: usize) -> usize {
        usize::try_from(self.below(among as u64)).unwrap_or(0)
    }

    pub fn pick<'a, T>(&self, from: &'a [T]) -> &'a T {
        &from[self.place(from.len())]
    }

    /// One of these, as often as its number says.
    pub fn weigh<T: Copy>(&self, from: &[(u64, T)]) -> T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, value) in from {
            if left < *weight {
                return *value;
            }
            left -= weight;
        }
        from[0].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_words_for_everybody() {
        let words = Words::read();
        assert_eq!(words.languages.iter().map(|language| language.share).sum::<u64>(), 100);
        let gaps = Gaps { name: "n", agent: "a", order: "o", number: "1", product: "p", city: "c" };
        for language in &words.languages {
            assert!(language.subjects.contains_key(&Category::General), "{}", language.locale);
            let texts = [&language.messages, &language.follow_ups, &language.answers, &language.notes];
            for text in texts.into_iter().flatten().chain(language.subjects.values().flatten()) {
                assert!(!gaps.fill(text).contains(['{', '}']), "{text}");
            }
        }
    }

    #[test]
    fn dice_repeat_themselves() {
        let thrown = |seed| {
            let dice = Dice::new(seed);
            (0..50).map(|_| dice.weigh(&[(1, 'a'), (3, 'b'), (0, 'c')])).collect::<String>()
        };
        assert_eq!(thrown(7), thrown(7));
        assert_ne!(thrown(7), thrown(8));
        assert!(!thrown(7).contains('c'));
    }
}
