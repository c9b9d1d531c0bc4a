//! Which tickets a question is about, tried on a fact at a time.

use super::facts::TicketFact;

/// One condition on tickets. Sets of words are masks by the word's place in its list; values that are numbered, and
/// whether each is wanted, stand in tables whose first place is for tickets without one.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "API.md §4.2 names the filters")]
pub enum Test {
    Status(u16),
    Priority(u16),
    Category(u16),
    Channel(u16),
    Assignee(Vec<bool>),
    Team(Vec<bool>),
    Store(Vec<bool>),
    Seller(Vec<bool>),
    Tags(Vec<bool>),
    Spam(bool),
    /// Inclusive, unix milliseconds.
    CreatedFrom(i64),
    /// Exclusive, unix milliseconds.
    CreatedTo(i64),
    /// By their places.
    Among(Bits),
}

impl Test {
    /// Whether the ticket at this place passes.
    pub(super) fn passes(&self, place: usize, ticket: &TicketFact) -> bool {
        let has = |mask: u16, word: u8| mask & (1 << word) != 0;
        let wanted = |table: &Vec<bool>, number: u32| table.get(number as usize).copied().unwrap_or(false);
        match self {
            Self::Status(mask) => has(*mask, ticket.status as u8),
            Self::Priority(mask) => has(*mask, ticket.priority as u8),
            Self::Category(mask) => has(*mask, ticket.category as u8),
            Self::Channel(mask) => has(*mask, ticket.channel as u8),
            Self::Assignee(table) => wanted(table, ticket.assignee),
            Self::Team(table) => wanted(table, ticket.team),
            Self::Store(table) => wanted(table, ticket.store),
            Self::Seller(table) => wanted(table, ticket.seller),
            Self::Tags(table) => wanted(table, ticket.tags),
            Self::Spam(spam) => ticket.is_spam == *spam,
            Self::CreatedFrom(at) => ticket.created >= *at,
            Self::CreatedTo(at) => ticket.created < *at,
            Self::Among(places) => places.has(place),
        }
    }
}

/// The mask of words, by their places in their list.
pub fn chosen(places: impl Iterator<Item = u8>, negated: bool) -> u16 {
    let mask = places.fold(0, |mask, place| mask | (1 << place));
    if negated { !mask } else { mask }
}

/// A set of places.
#[derive(Debug, Clone, Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// None of so many.
    pub fn none_of(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64)])
    }

    /// Takes one in.
    pub fn add(&mut self, place: usize) {
        self.0[place / 64] |= 1 << (place % 64);
    }

    /// Takes in all of another set.
    pub fn add_all(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(word, more)| *word |= more);
    }

    /// Whether it is in.
    pub fn has(&self, place: usize) -> bool {
        self.0.get(place / 64).is_some_and(|word| word & (1 << (place % 64)) != 0)
    }
}
