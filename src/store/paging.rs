//! Pages of lists that have one order alone.

use super::Tx;
use super::query::Start;
use super::select::Select;

/// By name, by octets on both engines, and by id where names are the same. Follows a condition.
pub(super) fn add_by_name(select: &mut Select, tx: &Tx, start: &Start, limit: i64) {
    let name = tx.pick("name", "name COLLATE \"C\"");
    let (keys, before) = match start {
        Start::After(keys) => (Some(keys), false),
        Start::Before(keys) => (Some(keys), true),
        Start::Top | Start::Offset(_) => (None, false),
    };
    if let Some(keys) = keys {
        select.sql(" AND (").sql(name).sql(if before { ", id) < " } else { ", id) > " });
        select.bind_all(keys.iter().cloned());
    }
    let order = if before { " DESC, id DESC LIMIT " } else { ", id LIMIT " };
    select.sql(" ORDER BY ").sql(name).sql(order).bind(limit);
    if let Start::Offset(skipped) = start {
        select.sql(" OFFSET ").bind(*skipped);
    }
}

/// By the time rows were made, which their ids follow. Follows a condition.
pub(super) fn add_oldest_first(select: &mut Select, start: &Start, limit: i64) {
    match start {
        Start::After(keys) => drop(select.sql(" AND id > ").bind_all(keys.iter().cloned())),
        Start::Before(keys) => drop(select.sql(" AND id < ").bind_all(keys.iter().cloned())),
        Start::Top | Start::Offset(_) => {}
    }
    let before = matches!(start, Start::Before(_));
    select.sql(if before { " ORDER BY id DESC LIMIT " } else { " ORDER BY id LIMIT " }).bind(limit);
    if let Start::Offset(skipped) = start {
        select.sql(" OFFSET ").bind(*skipped);
    }
}
