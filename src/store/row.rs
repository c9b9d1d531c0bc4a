//! Rows made into model values: a field has its column's name.

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::value::{Cell, Field};
use super::{Error, Result};
use crate::model::*;

/// A row of either engine.
#[derive(Clone, Copy)]
pub(crate) enum Row<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r PgRow),
}

/// Made from a row.
pub(crate) trait FromRow: Sized {
    fn from_row(row: Row<'_>) -> Result<Self>;
}

impl<'r> Row<'r> {
    /// The field of this column.
    pub fn get<T: Field>(self, column: &str) -> Result<T> {
        let cell = match self {
            Self::Sqlite(row) => row.get_ref(column).map(Cell::Sqlite).map_err(Error::from),
            Self::Postgres(row) => row.try_get_raw(column).map(Cell::Postgres).map_err(Error::from),
        };
        cell.and_then(T::read).map_err(|error| Error::Broken(format!("column {column}: {error}")))
    }

    /// The field at this place, from 0.
    pub fn at<T: Field>(self, place: usize) -> Result<T> {
        T::read(match self {
            Self::Sqlite(row) => Cell::Sqlite(row.get_ref(place)?),
            Self::Postgres(row) => Cell::Postgres(row.try_get_raw(place)?),
        })
    }

    /// A column of JSON text.
    pub fn json<T: serde::de::DeserializeOwned>(self, column: &str) -> Result<T> {
        from_json(column, &self.get::<String>(column)?)
    }

    /// A column of JSON text, or null.
    pub fn optional_json<T: serde::de::DeserializeOwned>(self, column: &str) -> Result<Option<T>> {
        self.get::<Option<String>>(column)?.map(|text| from_json(column, &text)).transpose()
    }
}

fn from_json<T: serde::de::DeserializeOwned>(column: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Broken(format!("column {column}: {error}")))
}

macro_rules! tuple {
    ($($type:ident $place:literal),+) => {
        impl<$($type: Field),+> FromRow for ($($type,)+) {
            fn from_row(row: Row<'_>) -> Result<Self> {
                Ok(($(row.at::<$type>($place)?,)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);

/// `row!(Ticket { id, number, … } json { cc, tags, … })`: a row of either engine becomes the value. A trailing
/// `optional { … }` names JSON columns that may be null.
macro_rules! row {
    ($type:ident { $($field:ident),* $(,)? } $(json { $($json:ident),* $(,)? })? $(optional { $($opt:ident),* $(,)? })?) => {
        impl $crate::store::row::FromRow for $type {
            fn from_row(row: $crate::store::row::Row<'_>) -> $crate::store::Result<Self> {
                Ok(Self {
                    $($field: row.get($crate::store::row::column(stringify!($field)))?,)*
                    $($($json: row.json(stringify!($json))?,)*)?
                    $($($opt: row.optional_json(stringify!($opt))?,)*)?
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
    last_received_at,
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
} json { notifications });
row!(Contact {
    id, r#type, name, phone, locale, timezone, user_id, seller_id, store_id, notes, created_at, updated_at, version,
} json { custom_fields });
row!(ContactEmail { address, contact_id, verified, is_primary });
row!(Ticket {
    id, number, subject, mail_subject, preview, status, priority, category, channel, mailbox_id,
    requester_id, requester_type, requester_email, assignee_id, team_id, user_id, seller_id, store_id, order_id,
    external_id, external_scope, locale, response_count, attachment_count, resolution, is_spam, deleted_at,
    merged_into_id, follow_up_of_id, related_to_id, waiting_since, snoozed_until, reminded_at,
    first_response_at, last_customer_message_at, last_agent_message_at, resolved_at, reopened_at, closed_at, created_at, updated_at, version,
} json { cc, tags, custom_fields, metadata });
row!(EventTicket {
    id, number, status, priority, category, channel, requester_id, assignee_id, team_id, user_id, seller_id, store_id,
    order_id, external_id, is_spam, version,
} json { tags });
row!(DeskEvent { seq, id, at, r#type, ticket_id, body });
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
    owner_id,
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
    to_address, to_name, subject, message_id, envelope_from, status, priority, attempts, next_attempt_at, released,
    lease, give_up_at, remote, tls, smtp_code, enhanced_code, smtp_response, error, size, queued_at, sent_at, delivered_at,
    bounced_at, created_at,
} json { context });
row!(RecentMail {
    answers_hour,
    answers_day,
    automatic_day,
    unattended,
    last_answer,
    notices_day,
    suppressed
});
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
row!(TemplateRecord {
    id,
    r#type,
    key,
    name,
    category,
    locale,
    subject,
    body,
    body_format,
    body_html,
    visibility,
    team_id,
    is_active,
    usage_count,
    last_used_at,
    created_at,
    updated_at,
    version,
});
row!(Team { id, name, created_at, updated_at, version });
row!(Suppression { id, address, reason, outbox_id, note, expires_at, created_at, updated_at, version });
row!(TemplateVersion {
    template_id,
    version,
    name,
    category,
    locale,
    subject,
    body,
    body_format,
    body_html,
    is_active,
    author_id,
    author_name,
    created_at,
});
