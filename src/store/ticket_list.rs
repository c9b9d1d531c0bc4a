//! Pages of tickets. A page costs about the same whatever is asked for and however many tickets there are:
//!
//! * The order is cut into stretches: one priority after the other, those with a value before those without. In a stretch
//!   an index has the order.
//! * First it is probed how many tickets each filter leaves, counting no further than a few thousand. Few: they are read
//!   by that filter's index and sorted. Many: the index of the order is walked and what does not match is passed over.
//! * A walk that passes over too many is given up for the filter that leaves the fewest.

use std::collections::HashMap;

use uuid::Uuid;

use super::query::{Choice, Order, Person, Start, TextColumn, TicketFilter, TicketKey};
use super::select::{Param, Select};
use super::value::args;
use super::{Result, Tx};
use crate::model::{Category, Channel, Priority, Ticket};

/// So many tickets are read and sorted without a thought.
const FEW: i64 = 2_000;
/// And so many when a walk was in vain.
const SOME: i64 = 50_000;
/// Tickets that a walk passes by before it is given up.
const STEPS: i64 = 5_000;
/// Most values of a filter that are walked each on its own.
const MOST_LEGS: usize = 8;

/// Everything that filters and orders look at.
const NARROW: &str = "id, number, status, priority, category, channel, requester_id, assignee_id, team_id, user_id, \
    seller_id, store_id, order_id, external_id, tags, attachment_count, is_spam, deleted_at, waiting_since, \
    last_customer_message_at, created_at, updated_at";

/// A part of the order in which one index has it.
#[derive(Debug, Clone, PartialEq)]
struct Stretch {
    /// What its tickets have in common.
    filters: Vec<TicketFilter>,
    /// Its tickets have a value in this column.
    valued: Option<&'static str>,
    /// What it is sorted by; whether descending.
    columns: Vec<(&'static str, bool)>,
    /// Begin behind the ticket with these values.
    after: Option<Vec<Param>>,
}

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

    /// How many tickets there are.
    pub async fn count_tickets(&mut self, filters: &[TicketFilter]) -> Result<i64> {
        let filters = self.resolved(filters).await?;
        let mut select = match self.fewest(&filters, FEW).await? {
            Some(driver) => few(self, &driver, "COUNT(*)"),
            None => Select::on(self, "SELECT COUNT(*) FROM tickets WHERE deleted_at IS NULL"),
        };
        add_all(&mut select, &filters);
        super::reading::count(select, self).await
    }

    /// The first tickets by id, for going through them all.
    pub async fn ticket_ids(&mut self, filters: &[TicketFilter], limit: i64) -> Result<Vec<Uuid>> {
        let filters = self.resolved(filters).await?;
        let mut select = match self.fewest(&filters, FEW).await? {
            Some(driver) => few(self, &driver, "id"),
            None => Select::on(self, "SELECT id FROM tickets WHERE deleted_at IS NULL"),
        };
        add_all(&mut select, &filters);
        select.sql(" ORDER BY id LIMIT ").number(limit);
        self.ids_of(select).await
    }

    /// The filters, with ids in place of addresses and of words.
    pub(super) async fn resolved(&mut self, filters: &[TicketFilter]) -> Result<Vec<TicketFilter>> {
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

    /// The conditions that leave the fewest tickets, when that is no more than so many.
    async fn fewest(&mut self, filters: &[TicketFilter], most: i64) -> Result<Option<Driver>> {
        let mut drivers = drivers(filters);
        if drivers.is_empty() {
            return Ok(None);
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
        Ok(place.map(|place| drivers.swap_remove(place)))
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
    let mut drivers: Vec<_> = filters.iter().filter_map(driver).collect();
    let chosen = |filter: &&TicketFilter| matches!(filter, TicketFilter::Priority(c) if is_list(c));
    if let Some(priority) = filters.iter().find(chosen) {
        let listed = |filter: &&TicketFilter| matches!(filter, TicketFilter::Category(c) if is_list(c));
        let any = Choice { any: Category::ALL.to_vec(), none: false, negated: false };
        let category = filters.iter().find(listed).cloned().unwrap_or(TicketFilter::Category(any));
        drivers.push(Driver { filters: vec![category, priority.clone()], also: "" });
    }
    drivers
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
        TicketFilter::Spam(true) => {
            return Some(Driver { filters: vec![filter.clone()], also: " AND is_spam" });
        }
        TicketFilter::HasAttachment(wanted) => *wanted,
        TicketFilter::CreatedFrom(_) | TicketFilter::CreatedTo(_) => true,
        TicketFilter::UpdatedFrom(_) | TicketFilter::UpdatedTo(_) => true,
        TicketFilter::Refs(_) | TicketFilter::Mail(..) | TicketFilter::Among(_) => true,
        TicketFilter::Without(key) => *key == TicketKey::LastCustomerMessageAt,
        _ => false,
    };
    found.then(|| Driver::of(filter))
}

/// Some values, and nothing else.
fn is_list<T>(choice: &Choice<T>) -> bool {
    !choice.negated && !choice.none
}

/// The few tickets of these conditions, to be looked through.
fn few(tx: &Tx, driver: &Driver, what: &'static str) -> Select {
    let mut select = Select::on(tx, "WITH few AS MATERIALIZED (SELECT ");
    select.sql(NARROW).sql(" FROM tickets WHERE TRUE");
    driver.add(&mut select);
    select.sql(") SELECT ").sql(what).sql(" FROM few WHERE deleted_at IS NULL");
    select
}

fn sorted(tx: &Tx, driver: &Driver, filters: &[TicketFilter], stretch: &Stretch, limit: i64) -> Select {
    let mut select = few(tx, driver, "id");
    add_all(&mut select, filters);
    stretch.add_bounds(&mut select);
    stretch.add_order(&mut select);
    select.sql(" LIMIT ").number(limit);
    select
}

/// Along the index of the order. Both engines hand the rows of an ordered and limited subquery on in its order.
fn walk(tx: &Tx, filters: &[TicketFilter], stretch: &Stretch, limit: i64, steps: i64) -> Select {
    let legs = legs(filters, stretch);
    if legs.len() == 1 {
        let mut select = Select::on(tx, "SELECT id FROM (");
        add_walk(&mut select, &legs[0], stretch, steps);
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
        add_walk(&mut select, leg, stretch, steps);
        select.sql(") AS walked WHERE deleted_at IS NULL");
        add_all(&mut select, filters);
        select.sql(" LIMIT ").number(limit).sql(") AS leg");
    }
    select.sql(") AS legs");
    stretch.add_order(&mut select);
    select.sql(" LIMIT ").number(limit);
    select
}

fn add_walk(select: &mut Select, leg: &Option<TicketFilter>, stretch: &Stretch, steps: i64) {
    select.sql("SELECT ").sql(NARROW).sql(" FROM tickets WHERE TRUE");
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

impl Stretch {
    /// Has a value, and is behind the start: `(a, b, id) > (…)` where all keys run one way, spelt out where they don't.
    fn add_bounds(&self, select: &mut Select) {
        if let Some(column) = self.valued {
            select.sql(" AND ").sql(column).sql(" IS NOT NULL");
        }
        let Some(keys) = &self.after else { return };
        let sign = |descending| if descending { " < " } else { " > " };
        let columns = &self.columns;
        if columns.iter().all(|(_, descending)| *descending == columns[0].1) {
            select.sql(" AND (");
            for (i, (column, _)) in columns.iter().enumerate() {
                select.sql(if i == 0 { "" } else { ", " }).sql(column);
            }
            select.sql(")").sql(sign(columns[0].1)).bind_all(keys.iter().take(columns.len()).cloned());
            return;
        }
        // The first of them alone bounds the walk.
        select.sql(" AND ").sql(columns[0].0).sql(if columns[0].1 { " <= " } else { " >= " });
        select.bind(keys[0].clone()).sql(" AND (FALSE");
        for last in 0..columns.len() {
            select.sql(" OR (TRUE");
            for i in 0..=last {
                let (column, descending) = columns[i];
                let sign = if i < last { " = " } else { sign(descending) };
                select.sql(" AND ").sql(column).sql(sign).bind(keys[i].clone());
            }
            select.sql(")");
        }
        select.sql(")");
    }

    fn add_order(&self, select: &mut Select) {
        for (i, (column, descending)) in self.columns.iter().enumerate() {
            select.sql(if i == 0 { " ORDER BY " } else { ", " }).sql(column);
            select.sql(if *descending { " DESC" } else { "" });
        }
    }
}

/// The stretches of an order from a start on, in the order they are gone through; each ends in the id.
fn stretches(order: &[Order<TicketKey>], start: &Start) -> Vec<Stretch> {
    let (keys, reverse) = match start {
        Start::After(keys) => (Some(&keys[..]), false),
        Start::Before(keys) => (Some(&keys[..]), true),
        Start::Top | Start::Offset(_) => (None, false),
    };
    let id_down = order.first().is_none_or(|order| order.descending) != reverse;
    let mut stretches = Vec::new();
    cut(order, keys, reverse, id_down, &[], &mut stretches);
    stretches
}

fn cut(
    order: &[Order<TicketKey>],
    keys: Option<&[Param]>,
    reverse: bool,
    id_down: bool,
    filters: &[TicketFilter],
    stretches: &mut Vec<Stretch>,
) {
    let rest = keys.map(|keys| &keys[1.min(keys.len())..]);
    let with = |filter: TicketFilter| [filters, &[filter]].concat();
    match order.first() {
        Some(Order { key: TicketKey::Priority, descending }) => {
            let rank = |p: &Priority| {
                Param::Int(Priority::ALL.iter().position(|known| known == p).unwrap_or(0) as i64)
            };
            let mut values = Priority::ALL.to_vec();
            if *descending != reverse {
                values.reverse();
            }
            let at = keys.and_then(|keys| values.iter().position(|value| rank(value) == keys[0]));
            for (place, value) in values.iter().enumerate().skip(at.unwrap_or(0)) {
                let rest = rest.filter(|_| at == Some(place));
                let only = with(TicketFilter::Priority(Choice::only(*value)));
                cut(&order[1..], rest, reverse, id_down, &only, stretches);
            }
        }
        Some(Order {
            key: key @ (TicketKey::WaitingSince | TicketKey::LastCustomerMessageAt),
            descending,
        }) => {
            let nothing = TicketKey::nothing(*descending);
            let in_nothing = keys.is_some_and(|keys| keys[0] == nothing);
            let valued = |stretches: &mut Vec<Stretch>| {
                let mut columns = columns(order, reverse, id_down);
                columns[0].0 = key.column();
                let after = keys.filter(|_| !in_nothing).map(<[Param]>::to_vec);
                let valued = Some(key.column());
                stretches.push(Stretch { filters: filters.to_vec(), valued, columns, after });
            };
            if !reverse && !in_nothing {
                valued(stretches);
            }
            if !reverse || keys.is_none() || in_nothing {
                let without = with(TicketFilter::Without(*key));
                cut(&order[1..], rest.filter(|_| in_nothing), reverse, id_down, &without, stretches);
            }
            if reverse {
                valued(stretches);
            }
        }
        _ => stretches.push(Stretch {
            filters: filters.to_vec(),
            valued: None,
            columns: columns(order, reverse, id_down),
            after: keys.map(<[Param]>::to_vec),
        }),
    }
}

/// What to sort by, ending in what makes it total: the id, or a number, which is unique.
fn columns(order: &[Order<TicketKey>], reverse: bool, id_down: bool) -> Vec<(&'static str, bool)> {
    let mut columns = Vec::new();
    for Order { key, descending } in order {
        columns.push((key.expression(*descending), *descending != reverse));
        if *key == TicketKey::Number {
            return columns;
        }
    }
    columns.push(("id", id_down));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Status, Timestamp};

    fn by(key: TicketKey, descending: bool) -> Order<TicketKey> {
        Order { key, descending }
    }

    fn shown(order: &[Order<TicketKey>], start: &Start) -> Vec<String> {
        let show = |stretch: &Stretch| {
            let mut select = Select::new("");
            add_all(&mut select, &stretch.filters);
            stretch.add_bounds(&mut select);
            stretch.add_order(&mut select);
            select.text().replace(" AND ", " & ")
        };
        stretches(order, start).iter().map(show).collect()
    }

    #[test]
    fn an_order_is_cut_where_no_index_goes_on() {
        let id = Param::Id(Uuid::nil());
        let updated = [by(TicketKey::UpdatedAt, true)];
        assert_eq!(shown(&updated, &Start::Top), [" ORDER BY updated_at DESC, id DESC"]);
        assert_eq!(
            shown(&updated, &Start::Before(vec![Param::Int(7), id.clone()])),
            [" & (updated_at, id) > ($1, $2) ORDER BY updated_at, id"]
        );
        let number = [by(TicketKey::Number, false)];
        assert_eq!(
            shown(&number, &Start::After(vec![Param::Text("T".into()), id.clone()])),
            [" & (number) > ($1) ORDER BY number"]
        );
        let waiting = [by(TicketKey::WaitingSince, false)];
        let (valued, without) = (" & waiting_since IS NOT NULL", " & waiting_since IS NULL");
        assert_eq!(
            shown(&waiting, &Start::Top),
            [format!("{valued} ORDER BY waiting_since, id"), format!("{without} ORDER BY id")]
        );
        let at = |key| vec![key, id.clone()];
        assert_eq!(
            shown(&waiting, &Start::After(at(Param::Int(5)))),
            [
                format!("{valued} & (waiting_since, id) > ($1, $2) ORDER BY waiting_since, id"),
                format!("{without} ORDER BY id")
            ]
        );
        let nothing = TicketKey::nothing(false);
        assert_eq!(
            shown(&waiting, &Start::After(at(nothing.clone()))),
            [format!("{without} & (id) > ($1) ORDER BY id")]
        );
        assert_eq!(
            shown(&waiting, &Start::Before(at(nothing))),
            [
                format!("{without} & (id) < ($1) ORDER BY id DESC"),
                format!("{valued} ORDER BY waiting_since DESC, id DESC")
            ]
        );
        assert_eq!(
            shown(&waiting, &Start::Before(at(Param::Int(5)))),
            [format!("{valued} & (waiting_since, id) < ($1, $2) ORDER BY waiting_since DESC, id DESC")]
        );
    }

    #[test]
    fn priorities_come_one_after_the_other() {
        let order = [by(TicketKey::Priority, true), by(TicketKey::CreatedAt, false)];
        assert_eq!(stretches(&order, &Start::Top).len(), 4);
        let high = vec![Param::Int(2), Param::Int(9), Param::Id(Uuid::nil())];
        let after = stretches(&order, &Start::After(high.clone()));
        let only = |priority| vec![TicketFilter::Priority(Choice::only(priority))];
        assert_eq!(after.len(), 3);
        assert_eq!((&after[0].filters, after[0].after.is_some()), (&only(Priority::High), true));
        assert_eq!((&after[1].filters, after[1].after.is_some()), (&only(Priority::Medium), false));
        let before = stretches(&order, &Start::Before(high));
        assert_eq!(before.len(), 2);
        assert_eq!((&before[0].filters, before[0].after.is_some()), (&only(Priority::High), true));
        assert_eq!((&before[1].filters, before[1].after.is_some()), (&only(Priority::Urgent), false));
    }

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
