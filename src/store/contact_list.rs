//! Lists of people.

use super::query::{Choice, Start, choose};
use super::reading::add_by_id;
use super::select::Select;
use super::value::args;
use super::{Result, Tx};
use crate::model::{Contact, ContactType, fold};

/// Contacts that are read and sorted without a thought.
const FEW: i64 = 10_000;
/// Words that are looked for.
const MOST_WORDS: usize = 10;

/// One condition on contacts; a list of them must all hold.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §5.5 names the filters")]
pub enum ContactFilter {
    /// Lower case.
    Email(Choice<String>),
    UserId(Choice<String>),
    SellerId(Choice<String>),
    StoreId(Choice<String>),
    Type(Choice<ContactType>),
    /// Each of these begins a word of name, phone or an address; case and accents don't count.
    Words(String),
}

impl Tx {
    /// A page of contacts, the newest first; in reverse when it ends before a row.
    pub async fn list_contacts(
        &mut self,
        filters: &[ContactFilter],
        start: &Start,
        limit: i64,
    ) -> Result<Vec<Contact>> {
        let words = self.words_sought(filters).await?;
        let mut select = Select::new("SELECT * FROM contacts WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        words.iter().for_each(|word| word.add(&mut select));
        add_by_id(&mut select, true, start, limit);
        select.all(self).await
    }

    /// How many contacts there are.
    pub async fn count_contacts(&mut self, filters: &[ContactFilter]) -> Result<i64> {
        let words = self.words_sought(filters).await?;
        let mut select = Select::new("SELECT COUNT(*) FROM contacts WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        words.iter().for_each(|word| word.add(&mut select));
        let row: Option<(i64,)> = select.optional(self).await?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// The words, and which of them few enough have to begin with.
    async fn words_sought(&mut self, filters: &[ContactFilter]) -> Result<Vec<Sought>> {
        let texts =
            filters.iter().filter_map(|f| if let ContactFilter::Words(text) = f { Some(text) } else { None });
        let mut words = Vec::new();
        for text in texts {
            let folded = fold(text);
            // Where nothing is left of what was typed, "" finds nobody.
            words.extend(folded.split(' ').take(MOST_WORDS).map(Sought::new));
        }
        let mut rarest = None;
        for (place, Sought { from, to, .. }) in words.iter().enumerate() {
            let sql = include_str!("sql/contacts/count_word.sql");
            let (count,): (i64,) = self.only(sql, args![from, to, FEW + 1]).await?;
            rarest = rarest.into_iter().chain((count <= FEW).then_some((count, place))).min();
        }
        if let Some((_, place)) = rarest {
            words[place].leads = true;
        }
        Ok(words)
    }
}

/// A word that was typed: all words from one on and before another.
struct Sought {
    from: String,
    to: String,
    /// Contacts are found by it; by the others, they are only tried.
    leads: bool,
}

impl Sought {
    fn new(word: &str) -> Self {
        let to = if word.is_empty() { String::new() } else { format!("{word}{}", char::MAX) };
        Self { from: word.to_owned(), to, leads: false }
    }

    fn add(&self, select: &mut Select) {
        select.sql(if self.leads {
            " AND id IN (SELECT contact_id FROM contact_words WHERE word >= "
        } else {
            " AND EXISTS (SELECT 1 FROM contact_words w WHERE w.contact_id = contacts.id AND w.word >= "
        });
        select.bind(self.from.as_str()).sql(" AND word < ").bind(self.to.as_str()).sql(")");
    }
}

impl ContactFilter {
    fn add(&self, select: &mut Select) {
        match self {
            Self::Email(choice) => add_email(select, choice),
            Self::UserId(choice) => choose(select, "user_id", choice, String::clone),
            Self::SellerId(choice) => choose(select, "seller_id", choice, String::clone),
            Self::StoreId(choice) => choose(select, "store_id", choice, String::clone),
            Self::Type(choice) => choose(select, "type", choice, |r#type| r#type.as_str()),
            // Looked up before: see `words_sought`.
            Self::Words(_) => {}
        }
    }
}

/// Somebody who has one of these addresses; `none`: who has no address.
fn add_email(select: &mut Select, choice: &Choice<String>) {
    select.sql(if choice.negated { " AND NOT (" } else { " AND (" });
    select.sql("id IN (SELECT contact_id FROM contact_emails WHERE address IN ");
    select.bind_all(choice.any.iter().cloned()).sql(")");
    if choice.none {
        select.sql(" OR NOT EXISTS (SELECT 1 FROM contact_emails e WHERE e.contact_id = contacts.id)");
    }
    select.sql(")");
}
