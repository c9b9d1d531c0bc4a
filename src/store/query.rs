//! What a list of tickets may be asked, and what all lists have of that: conditions, order, and a place to go on from.

use uuid::Uuid;

pub use super::contact_list::ContactFilter;
pub use super::mail_query::{EmailLogFilter, InboundFilter};
pub use super::select::Param;
use super::select::Select;
pub use super::templates::TemplateFilter;
pub use super::threads::ResponseFilter;
use crate::model::{Category, Channel, DeliveryState, Priority, Status, TicketNumber, Timestamp};

/// Any of these values, or none of them.
#[derive(Debug, Clone, PartialEq)]
pub struct Choice<T> {
    /// The values.
    pub any: Vec<T>,
    /// Also rows without a value.
    pub none: bool,
    /// All rows but those.
    pub negated: bool,
}

impl<T> Choice<T> {
    /// Exactly this value.
    pub fn only(value: T) -> Self {
        Self { any: vec![value], none: false, negated: false }
    }
}

/// Somebody, by id or by address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// Contact or agent.
    Id(Uuid),
    /// Lower case.
    Address(String),
}

/// `{ticket}` of a path: id or number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TicketRef {
    /// UUIDv7.
    Id(Uuid),
    /// Canonical.
    Number(TicketNumber),
}

impl TicketRef {
    /// Id or number, any case.
    pub fn parse(text: &str) -> Option<Self> {
        match Uuid::try_parse(text) {
            Ok(id) => Some(Self::Id(id)),
            Err(_) => TicketNumber::parse(text).map(Self::Number),
        }
    }
}

/// A plain text column of tickets that can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextColumn {
    /// The shop's id of the user.
    UserId,
    /// The shop's id of the seller.
    SellerId,
    /// The shop's id of the store.
    StoreId,
    /// The shop's id of the order.
    OrderId,
    /// The caller's own id of the ticket.
    ExternalId,
}

/// One condition on tickets; a list of them must all hold.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §4.2 names the filters")]
pub enum TicketFilter {
    Status(Choice<Status>),
    Priority(Choice<Priority>),
    Category(Choice<Category>),
    Channel(Choice<Channel>),
    Assignee(Choice<Person>),
    Requester(Choice<Person>),
    Team(Choice<Uuid>),
    Text(TextColumn, Choice<String>),
    Tag(Choice<String>),
    Spam(bool),
    /// Inclusive.
    CreatedFrom(Timestamp),
    /// Exclusive.
    CreatedTo(Timestamp),
    /// Inclusive.
    UpdatedFrom(Timestamp),
    /// Exclusive.
    UpdatedTo(Timestamp),
    Refs(Vec<TicketRef>),
    /// Holds this mail, in or out: its Message-ID without brackets, and the outbox entry that the id names when it is
    /// ours.
    Mail(String, Option<Uuid>),
    HasAttachment(bool),
    /// Full text: every word, in one message with its subject and people.
    Words(String),
    /// Words are looked for in what customers may read, too: not in notes.
    PublicWords,
    /// Any of these.
    Among(Vec<Uuid>),
    /// Those that have no value of this key.
    Without(TicketKey),
}

/// What tickets can be sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §4.2 names the keys")]
pub enum TicketKey {
    CreatedAt,
    UpdatedAt,
    WaitingSince,
    Priority,
    Number,
    LastCustomerMessageAt,
}

/// A key and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order<K> {
    /// What by.
    pub key: K,
    /// Largest first.
    pub descending: bool,
}

/// Where a page begins.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// At the first row.
    Top,
    /// Behind the row with these keys (and its id last).
    After(Vec<Param>),
    /// Before the row with these keys: the rows come in reverse.
    Before(Vec<Param>),
    /// So many rows down.
    Offset(i64),
}

/// One condition on deliveries of a webhook.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "API.md §3.6 names the fields")]
pub enum WebhookDeliveryFilter {
    State(Choice<DeliveryState>),
    Type(Choice<String>),
}

/// Adds ` AND …` for a choice of values in a column.
pub(super) fn choose<T, P: Into<Param>>(
    select: &mut Select,
    column: &'static str,
    choice: &Choice<T>,
    param: impl Fn(&T) -> P,
) {
    among(select, choice.negated, choice.none.then_some(column), |select| {
        select.sql(column).sql(" IN ").bind_all(choice.any.iter().map(&param));
    });
}

/// ` AND (…)` or its opposite; a comparison with null counts as "no".
fn among(
    select: &mut Select,
    negated: bool,
    or_null: Option<&'static str>,
    condition: impl FnOnce(&mut Select),
) {
    select.sql(if negated { " AND NOT COALESCE((" } else { " AND (" });
    condition(select);
    if let Some(column) = or_null {
        select.sql(" OR ").sql(column).sql(" IS NULL");
    }
    select.sql(if negated { "), FALSE)" } else { ")" });
}

/// Somebody in an id column; addresses were made ids before.
fn choose_person(select: &mut Select, column: &'static str, choice: &Choice<Person>) {
    let ids = |who: &Person| if let Person::Id(id) = who { *id } else { Uuid::nil() };
    choose(select, column, choice, ids);
}

impl TicketFilter {
    pub(super) fn add(&self, select: &mut Select) {
        match self {
            Self::Status(choice) => choose(select, "status", choice, |v| v.as_str()),
            Self::Priority(choice) => choose(select, "priority", choice, |v| v.as_str()),
            Self::Category(choice) => choose(select, "category", choice, |v| v.as_str()),
            Self::Channel(choice) => choose(select, "channel", choice, |v| v.as_str()),
            Self::Assignee(choice) => choose_person(select, "assignee_id", choice),
            Self::Requester(choice) => choose_person(select, "requester_id", choice),
            Self::Team(choice) => choose(select, "team_id", choice, |id| *id),
            Self::Text(column, choice) => choose(select, column.name(), choice, String::clone),
            Self::Tag(choice) => add_tag(select, choice),
            Self::Spam(wanted) => drop(select.sql(if *wanted { " AND is_spam" } else { " AND NOT is_spam" })),
            Self::CreatedFrom(at) => drop(select.sql(" AND created_at >= ").bind(*at)),
            Self::CreatedTo(at) => drop(select.sql(" AND created_at < ").bind(*at)),
            Self::UpdatedFrom(at) => drop(select.sql(" AND updated_at >= ").bind(*at)),
            Self::UpdatedTo(at) => drop(select.sql(" AND updated_at < ").bind(*at)),
            Self::Refs(refs) => add_refs(select, refs),
            Self::Mail(id, entry) => add_mail(select, id, *entry),
            Self::HasAttachment(true) => drop(select.sql(" AND attachment_count > 0")),
            Self::HasAttachment(false) => drop(select.sql(" AND attachment_count = 0")),
            // Words were made ids before.
            Self::Words(_) | Self::PublicWords => {}
            Self::Among(ids) => drop(select.sql(" AND id IN ").bind_ids(ids)),
            Self::Without(key) => drop(select.sql(" AND ").sql(key.column()).sql(" IS NULL")),
        }
    }
}

impl TicketFilter {
    /// The column, besides the id, that the condition looks at.
    pub(super) fn column(&self) -> Option<&'static str> {
        Some(match self {
            Self::Status(_) => "status",
            Self::Priority(_) => "priority",
            Self::Category(_) => "category",
            Self::Channel(_) => "channel",
            Self::Assignee(_) => "assignee_id",
            Self::Requester(_) => "requester_id",
            Self::Team(_) => "team_id",
            Self::Text(column, _) => column.name(),
            Self::Tag(choice) if choice.none => "tags",
            Self::Spam(_) => "is_spam",
            Self::CreatedFrom(_) | Self::CreatedTo(_) => "created_at",
            Self::UpdatedFrom(_) | Self::UpdatedTo(_) => "updated_at",
            Self::Refs(_) => "number",
            Self::HasAttachment(_) => "attachment_count",
            Self::Without(key) => key.column(),
            Self::Tag(_) | Self::Mail(..) | Self::Words(_) | Self::PublicWords | Self::Among(_) => {
                return None;
            }
        })
    }
}

impl TextColumn {
    /// The column of this name.
    pub fn parse(name: &str) -> Option<Self> {
        let all = [Self::UserId, Self::SellerId, Self::StoreId, Self::OrderId, Self::ExternalId];
        all.into_iter().find(|column| column.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::UserId => "user_id",
            Self::SellerId => "seller_id",
            Self::StoreId => "store_id",
            Self::OrderId => "order_id",
            Self::ExternalId => "external_id",
        }
    }
}

/// Tags stand in a table of their own, one a row.
fn add_tag(select: &mut Select, choice: &Choice<String>) {
    among(select, choice.negated, None, |select| {
        select.sql(if choice.none { "tags = '[]'" } else { "FALSE" });
        if !choice.any.is_empty() {
            select.sql(" OR EXISTS (SELECT 1 FROM ticket_tags WHERE ticket_id = id AND tag IN ");
            select.bind_all(choice.any.iter().map(String::as_str)).sql(")");
        }
    });
}

fn add_refs(select: &mut Select, refs: &[TicketRef]) {
    let ids = refs.iter().filter_map(|r| if let TicketRef::Id(id) = r { Some(*id) } else { None });
    let numbers = refs
        .iter()
        .filter_map(|r| if let TicketRef::Number(number) = r { Some(number.as_str()) } else { None });
    select.sql(" AND (id IN ").bind_all(ids).sql(" OR number IN ").bind_all(numbers).sql(")");
}

fn add_mail(select: &mut Select, id: &str, entry: Option<Uuid>) {
    select.sql(" AND id IN (SELECT ticket_id FROM inbound_mails WHERE message_id = ").bind(id);
    select.sql(" UNION SELECT ticket_id FROM outbox WHERE id = ").bind(entry.unwrap_or_default());
    select.sql(" AND message_id = ").bind(id).sql(")");
}

/// The pattern of `LIKE … ESCAPE '!'` for texts that hold this one.
pub(super) fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.to_lowercase().chars() {
        if matches!(c, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

impl TicketKey {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::CreatedAt,
        Self::UpdatedAt,
        Self::WaitingSince,
        Self::Priority,
        Self::Number,
        Self::LastCustomerMessageAt,
    ];

    /// Where the value stands.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::CreatedAt => "created_at",
            Self::UpdatedAt => "updated_at",
            Self::WaitingSince => "waiting_since",
            Self::Priority => "priority",
            Self::Number => "number",
            Self::LastCustomerMessageAt => "last_customer_message_at",
        }
    }

    /// What stands for no value.
    pub(super) fn nothing(descending: bool) -> Param {
        Param::Int(if descending { -1 } else { i64::MAX })
    }

    /// The SQL to sort by; never null, rows without a value come last in either direction.
    pub(super) fn expression(self, descending: bool) -> &'static str {
        match (self, descending) {
            (Self::CreatedAt, _) => "created_at",
            (Self::UpdatedAt, _) => "updated_at",
            (Self::Number, _) => "number",
            (Self::Priority, _) => {
                "CASE priority WHEN 'low' THEN 0 WHEN 'medium' THEN 1 WHEN 'high' THEN 2 ELSE 3 END"
            }
            (Self::WaitingSince, false) => "COALESCE(waiting_since, 9223372036854775807)",
            (Self::WaitingSince, true) => "COALESCE(waiting_since, -1)",
            (Self::LastCustomerMessageAt, false) => "COALESCE(last_customer_message_at, 9223372036854775807)",
            (Self::LastCustomerMessageAt, true) => "COALESCE(last_customer_message_at, -1)",
        }
    }

    /// The same value of a row that was read.
    pub fn of(self, ticket: &crate::model::Ticket, descending: bool) -> Param {
        let nothing = if descending { -1 } else { i64::MAX };
        match self {
            Self::CreatedAt => ticket.created_at.into(),
            Self::UpdatedAt => ticket.updated_at.into(),
            Self::Number => ticket.number.as_str().into(),
            Self::Priority => {
                Param::Int(Priority::ALL.iter().position(|p| *p == ticket.priority).unwrap_or(0) as i64)
            }
            Self::WaitingSince => Param::Int(ticket.waiting_since.map_or(nothing, |at| at.0)),
            Self::LastCustomerMessageAt => {
                Param::Int(ticket.last_customer_message_at.map_or(nothing, |at| at.0))
            }
        }
    }
}
