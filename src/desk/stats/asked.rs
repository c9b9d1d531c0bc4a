//! Filters made tests of facts. What no fact tells, such as words of the text, is looked up in the database.

use uuid::Uuid;

use crate::model::stats::{Bits, Facts, Test, chosen};
use crate::store::query::{Choice, Person, TextColumn, TicketFilter};
use crate::store::{Result, Tx};

/// Which tickets are meant.
pub(super) struct Chosen {
    /// Filters that facts can answer.
    plain: Vec<TicketFilter>,
    /// The tickets that pass the others, if there are any.
    among: Option<Vec<Uuid>>,
}

impl Chosen {
    /// Looks up what facts don't tell. Agents are as [`Tx::agent_names`] has them.
    pub async fn of(
        tx: &mut Tx,
        filters: Vec<TicketFilter>,
        agents: &[(Uuid, String, String)],
    ) -> Result<Self> {
        let by_id = |filter| match filter {
            TicketFilter::Assignee(choice) => TicketFilter::Assignee(named(choice, agents)),
            other => other,
        };
        let (plain, other): (_, Vec<_>) = filters.into_iter().map(by_id).partition(is_plain);
        let among = if other.is_empty() { None } else { Some(tx.matching_tickets(&other).await?) };
        Ok(Self { plain, among })
    }

    /// The tests that tickets have to pass.
    pub fn tests(&self, facts: &Facts) -> Vec<Test> {
        let of_filters = self.plain.iter().filter_map(|filter| test(facts, filter));
        of_filters.chain(self.among.as_ref().map(|ids| Test::Among(places(facts, ids)))).collect()
    }
}

fn is_plain(filter: &TicketFilter) -> bool {
    use TicketFilter as F;
    match filter {
        F::Status(_) | F::Priority(_) | F::Category(_) | F::Channel(_) | F::Assignee(_) | F::Team(_) => true,
        F::Text(column, _) => matches!(column, TextColumn::StoreId | TextColumn::SellerId),
        F::Tag(_) | F::Spam(_) | F::CreatedFrom(_) | F::CreatedTo(_) => true,
        _ => false,
    }
}

fn test(facts: &Facts, filter: &TicketFilter) -> Option<Test> {
    use TicketFilter as F;
    Some(match filter {
        F::Status(choice) => Test::Status(mask(choice, |word| *word as u8)),
        F::Priority(choice) => Test::Priority(mask(choice, |word| *word as u8)),
        F::Category(choice) => Test::Category(mask(choice, |word| *word as u8)),
        F::Channel(choice) => Test::Channel(mask(choice, |word| *word as u8)),
        F::Assignee(choice) => {
            let is = |id: &Uuid| choice.any.contains(&Person::Id(*id));
            Test::Assignee(turned(choice, facts.agents_table(choice.none, is)))
        }
        F::Team(choice) => {
            Test::Team(turned(choice, facts.teams_table(choice.none, |id| choice.any.contains(id))))
        }
        F::Text(TextColumn::StoreId, choice) => {
            Test::Store(turned(choice, facts.stores_table(choice.none, |id| choice.any.contains(id))))
        }
        F::Text(TextColumn::SellerId, choice) => {
            Test::Seller(turned(choice, facts.sellers_table(choice.none, |id| choice.any.contains(id))))
        }
        F::Tag(choice) => {
            Test::Tags(turned(choice, facts.tags_table(choice.none, |tag| choice.any.contains(tag))))
        }
        F::Spam(spam) => Test::Spam(*spam),
        F::CreatedFrom(at) => Test::CreatedFrom(at.0),
        F::CreatedTo(at) => Test::CreatedTo(at.0),
        _ => return None,
    })
}

/// Addresses made ids; nobody's address names nobody.
fn named(choice: Choice<Person>, agents: &[(Uuid, String, String)]) -> Choice<Person> {
    let id = |person| match person {
        Person::Id(id) => Person::Id(id),
        Person::Address(address) => {
            Person::Id(agents.iter().find(|agent| agent.2 == address).map_or(Uuid::nil(), |agent| agent.0))
        }
    };
    Choice { any: choice.any.into_iter().map(id).collect(), ..choice }
}

/// A ticket always has a word, so "none" chooses nothing.
fn mask<T>(choice: &Choice<T>, place: impl Fn(&T) -> u8) -> u16 {
    chosen(choice.any.iter().map(place), choice.negated)
}

fn turned<T>(choice: &Choice<T>, mut table: Vec<bool>) -> Vec<bool> {
    if choice.negated {
        table.iter_mut().for_each(|wanted| *wanted = !*wanted);
    }
    table
}

fn places(facts: &Facts, ids: &[Uuid]) -> Bits {
    let mut bits = Bits::none_of(facts.tickets_known());
    ids.iter().filter_map(|id| facts.place(*id)).for_each(|place| bits.add(place));
    bits
}
