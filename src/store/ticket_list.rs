//! Pages of tickets. A page costs about the same whatever is asked for and however many tickets there are:
//!
//! * The order is cut into stretches: one priority after the other, those with a value before those without. In a stretch
//!   an index has the order.
//! * First it is probed how many tickets each filter leaves, counting no further than a few thousand. Few: they are read
//!   by that filter's index and sorted. Many: the index of the order is walked and what does not match is passed over.
//! * A walk that passes over too many is given up for the filter that leaves the fewest.

mod stretch;

use std::collections::{BTreeSet, HashMap};

use uuid::Uuid;

use stretch::{Stretch, stretches};

use super::query::{Choice, Order, Person, Start, TextColumn, TicketFilter, TicketKey};
use super::select::Select;
use super::value::args;
use super::{Result, Tx};
use crate::model::{Category, Channel, Status, Ticket};

/// So many tickets are read and sorted without a thought.
const FEW: i64 = 2_000;
/// And so many when a walk was in vain.
const SOME: i64 = 50_000;
/// Tickets that a walk passes by before it is given up.
const STEPS: i64 = 2_000;
/// Most values of a filter that are walked each on its own.
const MOST_LEGS: usize = 8;

impl Tx {
    /// A page of tickets; in reverse when it ends before a row.
    pub async fn list_tickets(
        &mut self,
        filters: &[TicketFilter],
        order: &[Order<TicketKey>],
        start: &Start,
        limit: i64,
    ) -> Result<Vec<Ticket>> {
        let filters = self.resolved(filters).await?;
        let skipped = if let Start::Offset(rows) = start { *rows } else { 0 };
        let mut ids = Vec::new();
        for stretch in stretches(order, start) {
            let left = skipped + limit - length(&ids);
            if left <= 0 {
                break;
            }
            ids.extend(self.ids_in(&filters, &stretch, left).await?);
        }
        ids.drain(..ids.len().min(usize::try_from(skipped).unwrap_or(0)));
        self.tickets_in_order(&ids).await
    }

    /// How many tickets there are, when one of the filters leaves few.
    pub async fn count_few_tickets(&mut self, filters: &[TicketFilter]) -> Result<Option<i64>> {
        let filters = self.resolved(filters).await?;
        let Some(driver) = self.fewest(&filters, FEW).await? else { return Ok(None) };
        let mut select = few(self, &driver, &columns_of(&filters, None), "COUNT(*)");
        driver.add_others(&mut select, &filters);
        super::reading::count(select, self).await.map(Some)
    }

    /// How many tickets there are. Of many, each is looked at.
    pub async fn count_tickets(&mut self, filters: &[TicketFilter]) -> Result<i64> {
        if let Some(count) = self.count_few_tickets(filters).await? {
            return Ok(count);
        }
        let filters = self.resolved(filters).await?;
        let mut select = Select::on(self, "SELECT COUNT(*) FROM tickets WHERE deleted_at IS NULL");
        add_all(&mut select, &filters);
        super::reading::count(select, self).await
    }

    /// The first tickets by id, for going through them all.
    pub async fn ticket_ids(&mut self, filters: &[TicketFilter], limit: i64) -> Result<Vec<Uuid>> {
        let filters = self.resolved(filters).await?;
        let mut select = match self.fewest(&filters, FEW).await? {
            Some(driver) => {
                let mut select = few(self, &driver, &columns_of(&filters, None), "id");
                driver.add_others(&mut select, &filters);
                select
            }
            None => {
                let mut select = Select::on(self, "SELECT id FROM tickets WHERE deleted_at IS NULL");
                add_all(&mut select, &filters);
                select
            }
        };
        select.sql(" ORDER BY id LIMIT ").number(limit);
        self.ids_of(select).await
    }

    /// The filters, with ids in place of addresses and of words; what has them already costs nothing.
    pub async fn resolved(&mut self, filters: &[TicketFilter]) -> Result<Vec<TicketFilter>> {
        self.prefer_indexes().await?;
        let public = filters.contains(&TicketFilter::PublicWords);
        let mut resolved = Vec::with_capacity(filters.len());
        for filter in filters {
            resolved.push(match filter {
                TicketFilter::Assignee(choice) => {
                    let by = "SELECT email, id FROM agents WHERE email IN ";
                    TicketFilter::Assignee(self.known(choice, by).await?)
                }
                TicketFilter::Requester(choice) => {
                    let by = "SELECT address, contact_id FROM contact_emails WHERE address IN ";
                    TicketFilter::Requester(self.known(choice, by).await?)
                }
                TicketFilter::Status(choice) if choice.negated => {
                    let any = Status::ALL.iter().filter(|status| !choice.any.contains(status)).copied();
                    TicketFilter::Status(Choice { any: any.collect(), none: false, negated: false })
                }
                TicketFilter::Words(text) => {
                    let hits = self.newest_hits(text, public).await?;
                    let mut ids: Vec<_> = hits.into_iter().map(|hit| hit.ticket_id).collect();
                    ids.sort_unstable();
                    ids.dedup();
                    TicketFilter::Among(ids)
                }
                filter => filter.clone(),
            });
        }
        Ok(resolved)
    }

    /// On PostgreSQL, where statistics may be old: no table is read whole where there is an index, and each statement is
    /// planned for its own values.
    async fn prefer_indexes(&mut self) -> Result<()> {
        if self.is_postgres() {
            let _: (String,) =
                self.only(include_str!("sql/tickets/prefer_indexes.postgres.sql"), args![]).await?;
        }
        Ok(())
    }

    /// People by id alone; whom nobody knows is nobody.
    async fn known(&mut self, choice: &Choice<Person>, by_address: &'static str) -> Result<Choice<Person>> {
        let (mut any, mut addresses) = (Vec::new(), Vec::new());
        for who in &choice.any {
            match who {
                Person::Id(_) => any.push(who.clone()),
                Person::Address(address) => addresses.push(address.as_str()),
            }
        }
        if !addresses.is_empty() {
            let mut select = Select::new(by_address);
            select.bind_all(addresses);
            let found: Vec<(String, Uuid)> = select.all(self).await?;
            any.extend(found.into_iter().map(|(_, id)| Person::Id(id)));
        }
        Ok(Choice { any, none: choice.none, negated: choice.negated })
    }

    async fn ids_in(&mut self, filters: &[TicketFilter], stretch: &Stretch, limit: i64) -> Result<Vec<Uuid>> {
        let filters: Vec<_> = filters.iter().chain(&stretch.filters).cloned().collect();
        if let Some(driver) = self.fewest(&filters, FEW).await? {
            return self.ids_of(sorted(self, &driver, &filters, stretch, limit)).await;
        }
        if drivers(&filters).is_empty() {
            return self.ids_of(walk(self, &filters, stretch, limit, i64::MAX)).await;
        }
        let found = self.ids_of(walk(self, &filters, stretch, limit, STEPS.max(limit))).await?;
        if length(&found) >= limit {
            return Ok(found);
        }
        match self.fewest(&filters, SOME).await? {
            Some(driver) => self.ids_of(sorted(self, &driver, &filters, stretch, limit)).await,
            None => self.ids_of(walk(self, &filters, stretch, limit, i64::MAX)).await,
        }
    }

    /// The conditions that leave the fewest tickets, when that is no more than so many. A list of ids is never long.
    async fn fewest(&mut self, filters: &[TicketFilter], most: i64) -> Result<Option<Driver>> {
        let mut drivers = drivers(filters);
        let listed = filters.iter().find(|filter| matches!(filter, TicketFilter::Among(_))).map(Driver::of);
        if drivers.is_empty() {
            return Ok(listed);
        }
        let mut select = Select::on(self, "");
        for (place, driver) in (0..).zip(&drivers) {
            select.sql(if place == 0 { "SELECT CAST(" } else { " UNION ALL SELECT CAST(" }).number(place);
            select.sql(" AS BIGINT), COUNT(*) FROM (SELECT 1 FROM ").sql(driver.table()).sql(" WHERE TRUE");
            driver.probe(&mut select);
            select.sql(" LIMIT ").number(most + 1).sql(") AS probe");
        }
        let counts: Vec<(i64, i64)> = select.all(self).await?;
        let least = counts.into_iter().min_by_key(|(_, count)| *count).filter(|(_, count)| *count <= most);
        let place = least.and_then(|(place, _)| usize::try_from(place).ok());
        Ok(place.map(|place| drivers.swap_remove(place)).or(listed))
    }

    async fn ids_of(&mut self, select: Select) -> Result<Vec<Uuid>> {
        Ok(select.all::<(Uuid,)>(self).await?.into_iter().map(|(id,)| id).collect())
    }

    async fn tickets_in_order(&mut self, ids: &[Uuid]) -> Result<Vec<Ticket>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut select = Select::new("SELECT * FROM tickets WHERE id IN ");
        select.bind_all(ids.iter().copied());
        let found: Vec<Ticket> = select.all(self).await?;
        let mut found: HashMap<_, _> = found.into_iter().map(|ticket| (ticket.id, ticket)).collect();
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }
}

/// Conditions that an index finds the tickets of.
#[derive(Debug, Clone, PartialEq)]
struct Driver {
    filters: Vec<TicketFilter>,
    /// What the index's own condition is, word for word.
    also: &'static str,
}

impl Driver {
    fn of(filter: &TicketFilter) -> Self {
        Self { filters: vec![filter.clone()], also: "" }
    }

    fn add(&self, select: &mut Select) {
        if let [TicketFilter::Tag(tags)] = &self.filters[..] {
            select.sql(" AND id IN (SELECT ticket_id FROM ticket_tags WHERE tag IN ");
            select.bind_all(tags.any.iter().map(String::as_str)).sql(")");
            return;
        }
        add_all(select, &self.filters);
        select.sql(self.also);
    }

    /// Adds the filters that it does not fulfil by itself.
    fn add_others(&self, select: &mut Select, filters: &[TicketFilter]) {
        filters.iter().filter(|filter| !self.filters.contains(filter)).for_each(|filter| filter.add(select));
    }

    /// Where its tickets are counted.
    fn table(&self) -> &'static str {
        if let [TicketFilter::Tag(_)] = self.filters[..] { "ticket_tags" } else { "tickets" }
    }

    fn probe(&self, select: &mut Select) {
        match &self.filters[..] {
            [TicketFilter::Tag(tags)] => {
                select.sql(" AND tag IN ").bind_all(tags.any.iter().map(String::as_str));
            }
            _ => self.add(select),
        }
    }
}

/// What each of the filters can be found by.
fn drivers(filters: &[TicketFilter]) -> Vec<Driver> {
    use TicketFilter as F;
    let mut drivers: Vec<_> = filters.iter().filter_map(driver).collect();
    let chosen = |filter: &&TicketFilter| matches!(filter, TicketFilter::Priority(c) if is_list(c));
    if let Some(priority) = filters.iter().find(chosen) {
        let listed = |filter: &&TicketFilter| matches!(filter, TicketFilter::Category(c) if is_list(c));
        let any = Choice { any: Category::ALL.to_vec(), none: false, negated: false };
        let category = filters.iter().find(listed).cloned().unwrap_or(TicketFilter::Category(any));
        drivers.push(Driver { filters: vec![category, priority.clone()], also: "" });
    }
    drivers.extend(stretch_of_time(filters, |f| matches!(f, F::CreatedFrom(_) | F::CreatedTo(_))));
    drivers.extend(stretch_of_time(filters, |f| matches!(f, F::UpdatedFrom(_) | F::UpdatedTo(_))));
    drivers
}

/// Beginning and end together leave fewer than each of them alone.
fn stretch_of_time(filters: &[TicketFilter], bounds: impl Fn(&TicketFilter) -> bool) -> Option<Driver> {
    let filters: Vec<_> = filters.iter().filter(|filter| bounds(filter)).cloned().collect();
    (!filters.is_empty()).then_some(Driver { filters, also: "" })
}

fn driver(filter: &TicketFilter) -> Option<Driver> {
    let found = match filter {
        TicketFilter::Status(choice) => is_list(choice),
        TicketFilter::Category(choice) => is_list(choice),
        TicketFilter::Assignee(choice) | TicketFilter::Requester(choice) => is_list(choice),
        TicketFilter::Team(choice) => is_list(choice),
        TicketFilter::Text(_, choice) | TicketFilter::Tag(choice) => is_list(choice),
        TicketFilter::Channel(choice) if is_list(choice) && !choice.any.contains(&Channel::Email) => {
            return Some(Driver { filters: vec![filter.clone()], also: " AND channel <> 'email'" });
        }
        TicketFilter::HasAttachment(wanted) | TicketFilter::Spam(wanted) => *wanted,
        TicketFilter::Refs(_) | TicketFilter::Mail(..) => true,
        TicketFilter::Without(key) => *key == TicketKey::LastCustomerMessageAt,
        _ => false,
    };
    found.then(|| Driver::of(filter))
}

/// Some values, and nothing else.
fn is_list<T>(choice: &Choice<T>) -> bool {
    !choice.negated && !choice.none
}

/// What filters and an order look at, and no more: each column costs time where tens of thousands of rows are read.
fn columns_of(filters: &[TicketFilter], stretch: Option<&Stretch>) -> BTreeSet<&'static str> {
    let mut columns: BTreeSet<_> = filters.iter().filter_map(TicketFilter::column).collect();
    columns.extend(["id", "deleted_at"]);
    if let Some(stretch) = stretch {
        let sorted_by = |key: &TicketKey| stretch.columns.iter().any(|(by, _)| by.contains(key.column()));
        columns.extend(TicketKey::ALL.iter().filter(|key| sorted_by(key)).map(|key| key.column()));
        columns.extend(stretch.valued);
    }
    columns
}

fn add_columns(select: &mut Select, columns: &BTreeSet<&'static str>) {
    for (place, column) in columns.iter().enumerate() {
        select.sql(if place == 0 { "" } else { ", " }).sql(column);
    }
}

/// The few tickets of these conditions, to be looked through.
fn few(tx: &Tx, driver: &Driver, columns: &BTreeSet<&'static str>, what: &'static str) -> Select {
    let mut select = Select::on(tx, "WITH few AS MATERIALIZED (SELECT ");
    add_columns(&mut select, columns);
    select.sql(" FROM tickets WHERE TRUE");
    driver.add(&mut select);
    select.sql(") SELECT ").sql(what).sql(" FROM few WHERE deleted_at IS NULL");
    select
}

fn sorted(tx: &Tx, driver: &Driver, filters: &[TicketFilter], stretch: &Stretch, limit: i64) -> Select {
    let mut select = few(tx, driver, &columns_of(filters, Some(stretch)), "id");
    driver.add_others(&mut select, filters);
    stretch.add_bounds(&mut select);
    stretch.add_order(&mut select);
    select.sql(" LIMIT ").number(limit);
    select
}

/// Along the index of the order. Both engines hand the rows of an ordered and limited subquery on in its order.
fn walk(tx: &Tx, filters: &[TicketFilter], stretch: &Stretch, limit: i64, steps: i64) -> Select {
    let legs = legs(filters, stretch);
    let columns = columns_of(filters, Some(stretch));
    if legs.len() == 1 {
        let mut select = Select::on(tx, "SELECT id FROM (");
        add_walk(&mut select, &columns, &legs[0], stretch, steps);
        select.sql(") AS walked WHERE deleted_at IS NULL");
        add_all(&mut select, filters);
        select.sql(" LIMIT ").number(limit);
        return select;
    }
    let mut select = Select::on(tx, "SELECT id FROM (");
    for (i, leg) in legs.iter().enumerate() {
        select.sql(if i == 0 {
            "SELECT * FROM (SELECT * FROM ("
        } else {
            " UNION ALL SELECT * FROM (SELECT * FROM ("
        });
        add_walk(&mut select, &columns, leg, stretch, steps);
        select.sql(") AS walked WHERE deleted_at IS NULL");
        add_all(&mut select, filters);
        select.sql(" LIMIT ").number(limit).sql(") AS leg");
    }
    select.sql(") AS legs");
    stretch.add_order(&mut select);
    select.sql(" LIMIT ").number(limit);
    select
}

fn add_walk(
    select: &mut Select,
    columns: &BTreeSet<&'static str>,
    leg: &Option<TicketFilter>,
    stretch: &Stretch,
    steps: i64,
) {
    select.sql("SELECT ");
    add_columns(select, columns);
    select.sql(" FROM tickets WHERE TRUE");
    if let Some(filter) = leg {
        filter.add(select);
    }
    stretch.add_bounds(select);
    stretch.add_order(select);
    if steps < i64::MAX {
        select.sql(" LIMIT ").number(steps);
    } else {
        // Without a limit it would be made one with what is around it.
        select.sql(" LIMIT ").number(1 << 40);
    }
}

/// Where an index has the order for each value of a filter, the values that are walked each on its own; else none.
fn legs(filters: &[TicketFilter], stretch: &Stretch) -> Vec<Option<TicketFilter>> {
    if stretch.columns[0].0 != "updated_at" {
        return vec![None];
    }
    let mut found: Vec<Vec<Option<TicketFilter>>> = filters.iter().filter_map(leg_values).collect();
    found.sort_by_key(Vec::len);
    found.into_iter().find(|legs| (1..=MOST_LEGS).contains(&legs.len())).unwrap_or_else(|| vec![None])
}

fn leg_values(filter: &TicketFilter) -> Option<Vec<Option<TicketFilter>>> {
    let legs = match filter {
        TicketFilter::Status(c) if is_list(c) => each(c, TicketFilter::Status),
        TicketFilter::Assignee(c) if is_list(c) => each(c, TicketFilter::Assignee),
        TicketFilter::Text(TextColumn::StoreId, c) if is_list(c) => {
            each(c, |one| TicketFilter::Text(TextColumn::StoreId, one))
        }
        TicketFilter::Spam(true) => vec![Some(filter.clone())],
        _ => return None,
    };
    Some(legs)
}

fn each<T: Clone>(
    choice: &Choice<T>,
    filter: impl Fn(Choice<T>) -> TicketFilter,
) -> Vec<Option<TicketFilter>> {
    choice.any.iter().map(|value| Some(filter(Choice::only(value.clone())))).collect()
}

fn add_all(select: &mut Select, filters: &[TicketFilter]) {
    filters.iter().for_each(|filter| filter.add(select));
}

fn length(ids: &[Uuid]) -> i64 {
    i64::try_from(ids.len()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Priority, Timestamp};

    #[test]
    fn what_finds_tickets_by_an_index() {
        let not = |any| Choice { any, none: false, negated: true };
        for (filter, want) in [
            (TicketFilter::Status(Choice::only(Status::Open)), true),
            (TicketFilter::Status(not(vec![Status::Open])), false),
            (TicketFilter::Priority(Choice::only(Priority::High)), true),
            (TicketFilter::Channel(Choice::only(Channel::Phone)), true),
            (TicketFilter::Channel(Choice::only(Channel::Email)), false),
            (TicketFilter::Tag(Choice { any: vec!["a".into()], none: true, negated: false }), false),
            (TicketFilter::Spam(true), true),
            (TicketFilter::Spam(false), false),
            (TicketFilter::CreatedFrom(Timestamp(1)), true),
        ] {
            assert_eq!(!drivers(std::slice::from_ref(&filter)).is_empty(), want, "{filter:?}");
        }
    }
}
