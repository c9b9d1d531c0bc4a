//! Values on their way into a statement and out of a row, the same for both engines: words, numbers and JSON are text
//! in the database, times are integers, ids are `uuid` or 16 bytes.

use std::borrow::Cow;

use rusqlite::types::{ToSqlOutput, ValueRef};
use sqlx::postgres::{PgArguments, PgValueRef};
use sqlx::{Arguments as _, Decode, Postgres, Type, TypeInfo as _, ValueRef as _};
use uuid::Uuid;

use super::{Error, Result};
use crate::model::*;

/// A parameter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    /// PostgreSQL wants to know what is missing.
    Null(Kind),
    Flag(bool),
    Int(i64),
    Id(Uuid),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
}

/// What a value is kept as.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Flag,
    Int,
    Id,
    Text,
    Bytes,
}

/// A field of a row, not yet read.
pub(crate) enum Cell<'r> {
    Sqlite(ValueRef<'r>),
    Postgres(PgValueRef<'r>),
}

/// Kept in the database.
pub(crate) trait Kept {
    const KIND: Kind;

    fn value(&self) -> Value<'_>;
}

/// Read from the database.
pub(crate) trait Field: Sized {
    fn read(cell: Cell<'_>) -> Result<Self>;
}

/// The parameters of a statement, `$1` first.
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::store::value::Kept::value(&$value)),*] };
}
pub(crate) use args;

/// A value as JSON text, for a parameter.
pub(crate) fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("model values are JSON")
}

impl<T: Kept + ?Sized> Kept for &T {
    const KIND: Kind = T::KIND;

    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: Kept> Kept for Option<T> {
    const KIND: Kind = T::KIND;

    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null(T::KIND), Kept::value)
    }
}

impl<T: Field> Field for Option<T> {
    fn read(cell: Cell<'_>) -> Result<Self> {
        if cell.is_null() { Ok(None) } else { T::read(cell).map(Some) }
    }
}

/// Types the engines know themselves: how they are bound, and what SQLite has for them.
macro_rules! engines_own {
    ($($type:ty as $kind:ident, $value:expr, $sqlite:pat => $read:expr;)+) => { $(
        impl Kept for $type {
            const KIND: Kind = Kind::$kind;

            fn value(&self) -> Value<'_> {
                let value: for<'a> fn(&'a $type) -> Value<'a> = $value;
                value(self)
            }
        }
        impl Field for $type {
            fn read(cell: Cell<'_>) -> Result<Self> {
                match cell {
                    Cell::Sqlite($sqlite) => $read,
                    Cell::Sqlite(other) => Err(unfit(stringify!($type), &other.data_type().to_string())),
                    Cell::Postgres(value) => from_postgres(value),
                }
            }
        }
    )+ };
}

engines_own! {
    bool as Flag, |flag| Value::Flag(*flag), ValueRef::Integer(number) => Ok(number != 0);
    i64 as Int, |number| Value::Int(*number), ValueRef::Integer(number) => Ok(number);
    String as Text, |text| Value::Text(text.as_str().into()), ValueRef::Text(text) => utf8(text);
    Vec<u8> as Bytes, |bytes| Value::Bytes(bytes.as_slice().into()), ValueRef::Blob(bytes) => Ok(bytes.to_vec());
    Uuid as Id, |id| Value::Id(*id), ValueRef::Blob(bytes) =>
        Uuid::from_slice(bytes).map_err(|error| unfit("id", &error.to_string()));
}

impl Kept for str {
    const KIND: Kind = Kind::Text;

    fn value(&self) -> Value<'_> {
        Value::Text(self.into())
    }
}

impl Kept for [u8] {
    const KIND: Kind = Kind::Bytes;

    fn value(&self) -> Value<'_> {
        Value::Bytes(self.into())
    }
}

impl Kept for Timestamp {
    const KIND: Kind = Kind::Int;

    fn value(&self) -> Value<'_> {
        Value::Int(self.0)
    }
}

impl Field for Timestamp {
    fn read(cell: Cell<'_>) -> Result<Self> {
        i64::read(cell).map(Self)
    }
}

impl Kept for WebhookSecret {
    const KIND: Kind = Kind::Text;

    fn value(&self) -> Value<'_> {
        Value::Text(self.reveal().into())
    }
}

impl Field for WebhookSecret {
    fn read(cell: Cell<'_>) -> Result<Self> {
        String::read(cell).map(Self::from_text)
    }
}

/// Types of a few words, kept as those.
macro_rules! words {
    ($($type:ty),+ $(,)?) => { $(
        impl Kept for $type {
            const KIND: Kind = Kind::Text;

            fn value(&self) -> Value<'_> {
                Value::Text(self.as_str().into())
            }
        }
        impl Field for $type {
            fn read(cell: Cell<'_>) -> Result<Self> {
                let text = String::read(cell)?;
                <$type>::parse(&text).ok_or_else(|| unfit(stringify!($type), &text))
            }
        }
    )+ };
}

words!(
    ActorType,
    Audience,
    BodyFormat,
    Category,
    Channel,
    ContactType,
    DeliveryState,
    EmailStatus,
    EventType,
    InboundAction,
    JobKind,
    JobState,
    MailKind,
    NotificationTemplate,
    PlacedBy,
    Priority,
    Status,
    TemplateType,
    TemplateVisibility,
    TicketNumber,
    Via,
    Visibility,
);

impl Cell<'_> {
    fn is_null(&self) -> bool {
        match self {
            Self::Sqlite(value) => *value == ValueRef::Null,
            Self::Postgres(value) => value.is_null(),
        }
    }
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null(_) => ValueRef::Null,
            Self::Flag(flag) => ValueRef::Integer(i64::from(*flag)),
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Id(id) => ValueRef::Blob(id.as_bytes()),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// Parameters as PostgreSQL takes them.
pub(crate) fn postgres_arguments(values: &[Value<'_>]) -> Result<PgArguments> {
    let mut arguments = PgArguments::default();
    for value in values {
        let added = match value {
            Value::Null(Kind::Flag) => arguments.add(None::<bool>),
            Value::Null(Kind::Int) => arguments.add(None::<i64>),
            Value::Null(Kind::Id) => arguments.add(None::<Uuid>),
            Value::Null(Kind::Text) => arguments.add(None::<&str>),
            Value::Null(Kind::Bytes) => arguments.add(None::<&[u8]>),
            Value::Flag(flag) => arguments.add(flag),
            Value::Int(number) => arguments.add(number),
            Value::Id(id) => arguments.add(id),
            Value::Text(text) => arguments.add(text.as_ref()),
            Value::Bytes(bytes) => arguments.add(bytes.as_ref()),
        };
        added.map_err(|error| Error::Broken(error.to_string()))?;
    }
    Ok(arguments)
}

fn from_postgres<T>(value: PgValueRef<'_>) -> Result<T>
where
    T: for<'r> Decode<'r, Postgres> + Type<Postgres>,
{
    let kind = value.type_info().into_owned();
    if !T::compatible(&kind) {
        return Err(unfit(T::type_info().name(), kind.name()));
    }
    T::decode(value).map_err(|error| unfit(kind.name(), &error.to_string()))
}

fn utf8(text: &[u8]) -> Result<String> {
    String::from_utf8(text.to_vec()).map_err(|error| unfit("text", &error.to_string()))
}

fn unfit(wanted: &str, found: &str) -> Error {
    Error::Broken(format!("no {wanted}: {found}"))
}
