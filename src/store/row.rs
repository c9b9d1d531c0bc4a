//! Rows made into model values, and values made into parameters. A field has its column's name; words, numbers and
//! JSON are text in the database, times are integers.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::{Database, Decode, Encode, Type};

use crate::model::*;

/// Values kept as another type: how they are written, how they are read.
macro_rules! kept_as {
    ($kept:ty: $($type:ty, $write:expr, $read:expr;)+) => { $(
        impl<DB: Database> Type<DB> for $type where $kept: Type<DB> {
            fn type_info() -> DB::TypeInfo { <$kept as Type<DB>>::type_info() }
            fn compatible(info: &DB::TypeInfo) -> bool { <$kept as Type<DB>>::compatible(info) }
        }
        impl<'q, DB: Database> Encode<'q, DB> for $type where $kept: Encode<'q, DB> {
            fn encode_by_ref(&self, buffer: &mut <DB as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let write: fn(&$type) -> $kept = $write;
                write(self).encode(buffer)
            }
        }
        impl<'r, DB: Database> Decode<'r, DB> for $type where $kept: Decode<'r, DB> {
            fn decode(value: <DB as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let read: fn($kept) -> Option<$type> = $read;
                let kept = <$kept>::decode(value)?;
                read(kept.clone()).ok_or_else(|| format!("{kept:?} is no {}", stringify!($type)).into())
            }
        }
    )+ };
}

macro_rules! words_kept {
    ($($type:ty),+ $(,)?) => {
        kept_as! { String: $($type, |word| word.as_str().to_owned(), |text| <$type>::parse(&text);)+ }
    };
}

words_kept!(
    ActorType,
    Audience,
    BodyFormat,
    Category,
    Channel,
    ContactType,
    EmailStatus,
    InboundAction,
    MailKind,
    NotificationTemplate,
    PlacedBy,
    Priority,
    Status,
    TicketNumber,
    Via,
    Visibility,
);
kept_as! { i64: Timestamp, |at| at.0, |ms| Some(Timestamp(ms)); }

/// A value as JSON text, for a parameter.
pub(crate) fn json<T: serde::Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("model values are JSON")
}

/// Reads a column of JSON text.
pub(crate) fn from_json<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text)
        .map_err(|error| sqlx::Error::ColumnDecode { index: column.into(), source: Box::new(error) })
}

/// `row!(Ticket { id, number, … } json { cc, tags, … })`: a row of either engine becomes the value. A trailing
/// `optional { … }` names JSON columns that may be null.
macro_rules! row {
    ($type:ident { $($field:ident),* $(,)? } $(json { $($json:ident),* $(,)? })? $(optional { $($opt:ident),* $(,)? })?) => {
        $crate::store::row::row!(@one sqlx::sqlite::SqliteRow, $type { $($field),* } { $($($json),*)? } { $($($opt),*)? });
        $crate::store::row::row!(@one sqlx::postgres::PgRow, $type { $($field),* } { $($($json),*)? } { $($($opt),*)? });
    };
    (@one $row:ty, $type:ident { $($field:ident),* } { $($json:ident),* } { $($opt:ident),* }) => {
        impl sqlx::FromRow<'_, $row> for $type {
            fn from_row(row: &$row) -> Result<Self, sqlx::Error> {
                use sqlx::Row as _;
                Ok(Self {
                    $($field: row.try_get($crate::store::row::column(stringify!($field)))?,)*
                    $($json: $crate::store::row::from_json(stringify!($json), row.try_get(stringify!($json))?)?,)*
                    $($opt: match row.try_get::<Option<String>, _>(stringify!($opt))? {
                        Some(text) => Some($crate::store::row::from_json(stringify!($opt), &text)?),
                        None => None,
                    },)*
                })
            }
        }
    };
}
pub(crate) use row;

/// A raw identifier's column (`r#type` is `type`).
pub(crate) fn column(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

row!(Mailbox {
    id,
    address,
    from_name,
    signature,
    receive,
    default_category,
    team_id,
    store_id,
    locale,
    is_active,
    last_error,
    created_at,
    updated_at,
    version,
});
row!(Agent {
    id,
    name,
    email,
    role,
    signature,
    locale,
    timezone,
    is_active,
    created_at,
    updated_at,
    version,
});
row!(Contact {
    id, r#type, name, phone, locale, timezone, user_id, seller_id, store_id, notes, created_at, updated_at, version,
} json { custom_fields });
row!(ContactEmail { address, contact_id, verified, is_primary });
row!(Ticket {
    id, number, subject, mail_subject, preview, status, priority, category, channel, mailbox_id,
    requester_id, requester_type, requester_email, assignee_id, team_id, user_id, seller_id, store_id, order_id,
    external_id, external_scope, locale, response_count, attachment_count, resolution, is_spam, deleted_at,
    merged_into_id, follow_up_of_id, related_to_id, waiting_since, snoozed_until, first_response_at,
    last_customer_message_at, last_agent_message_at, resolved_at, closed_at, created_at, updated_at, version,
} json { cc, tags, custom_fields, metadata });
row!(Response {
    id, ticket_id, visibility, channel, author_type, author_id, author_name, author_email, body_format, body_text,
    body_html, quoted_text, full_text, message_id, in_reply_to, placement_by, placement_reason, mail_kind,
    inbound_mail_id, template_id, send_at, created_at, edited_at, deleted_at, version,
} json { to_addresses, cc, bcc, refs, flags } optional { authentication });
row!(AttachmentRecord {
    id,
    ticket_id,
    response_id,
    inbound_mail_id,
    position,
    blob_sha256,
    filename,
    content_type,
    size,
    sha256,
    is_inline,
    content_id,
    scan,
    created_at,
    expires_at,
});
row!(TicketEvent {
    id, ticket_id, at, r#type, actor_type, actor_id, actor_name, channel, response_id, inbound_mail_id,
} json { changes });
row!(InboundRecord {
    id, received_at, via, remote_ip, reverse_path, message_id, dedupe_key, from_address, from_name, subject, size,
    sha256, kind, action, reason, detail, ticket_id, ticket_number, response_id, duplicate_of, in_reply_to,
    placement_by, placement_reason, released_at, released_by,
} json { recipients, refs, flags, authentication, bounces, defects });
row!(OutboxEntry {
    id, ticket_id, response_id, template, template_version, locale, audience, automatic, verified, from_address,
    to_address, to_name, subject, message_id, envelope_from, status, priority, attempts, next_attempt_at, lease,
    give_up_at, remote, tls, smtp_code, enhanced_code, smtp_response, error, size, queued_at, sent_at, delivered_at,
    bounced_at, created_at,
} json { context });
row!(DeliveryAttempt {
    id,
    outbox_id,
    at,
    duration_ms,
    outcome,
    remote,
    tls,
    smtp_code,
    enhanced_code,
    smtp_response,
    error,
});
row!(ReplyTemplate {
    id,
    r#type,
    key,
    name,
    category,
    locale,
    subject,
    body,
    body_format,
    visibility,
    team_id,
    is_active,
    usage_count,
    last_used_at,
    created_at,
    updated_at,
    version,
});
row!(Suppression { address, reason, outbox_id, note, expires_at, created_at });
