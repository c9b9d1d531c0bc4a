//! Lists of people.

use super::query::{Choice, Start, choose, containing};
use super::reading::add_by_id;
use super::select::Select;
use super::{Result, Tx};
use crate::model::{Contact, ContactType};

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
    /// Part of name, phone or an address, in any case.
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
        let mut select = Select::new("SELECT * FROM contacts WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        add_by_id(&mut select, true, start, limit);
        select.all(self).await
    }

    /// How many contacts there are.
    pub async fn count_contacts(&mut self, filters: &[ContactFilter]) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM contacts WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        let row: Option<(i64,)> = select.optional(self).await?;
        Ok(row.map_or(0, |(count,)| count))
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
            Self::Words(text) => {
                let pattern = containing(text);
                select.sql(" AND (LOWER(name) LIKE ").bind(pattern.as_str()).sql(" ESCAPE '!'");
                select.sql(" OR LOWER(phone) LIKE ").bind(pattern.as_str()).sql(" ESCAPE '!'");
                select.sql(" OR EXISTS (SELECT 1 FROM contact_emails e WHERE e.contact_id = contacts.id");
                select.sql(" AND e.address LIKE ").bind(pattern).sql(" ESCAPE '!'))");
            }
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
