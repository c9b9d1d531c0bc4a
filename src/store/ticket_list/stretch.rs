//! The order of a list, cut where no index goes on: one priority after the other, those with a value before those without.

use crate::model::Priority;
use crate::store::query::{Choice, Order, Start, TicketFilter, TicketKey};
use crate::store::select::{Param, Select};

/// A part of the order in which one index has it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// What its tickets have in common.
    pub filters: Vec<TicketFilter>,
    /// Its tickets have a value in this column.
    pub valued: Option<&'static str>,
    /// What it is sorted by; whether descending.
    pub columns: Vec<(&'static str, bool)>,
    /// Begin behind the ticket with these values.
    pub after: Option<Vec<Param>>,
}

impl Stretch {
    /// Has a value, and is behind the start: `(a, b, id) > (…)` where all keys run one way, spelt out where they don't.
    pub fn add_bounds(&self, select: &mut Select) {
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

    pub fn add_order(&self, select: &mut Select) {
        for (i, (column, descending)) in self.columns.iter().enumerate() {
            select.sql(if i == 0 { " ORDER BY " } else { ", " }).sql(column);
            select.sql(if *descending { " DESC" } else { "" });
        }
    }
}

/// The stretches of an order from a start on, in the order they are gone through; each ends in the id.
pub fn stretches(order: &[Order<TicketKey>], start: &Start) -> Vec<Stretch> {
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
    use super::super::add_all;
    use super::*;
    use uuid::Uuid;

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
}
