//! What programs need to know to show the desk: the words of each enum, the limits, what is switched on (API.md §5.7).

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::auth::Who;
use crate::http::extract::{JSON_LIMIT, Params, words};
use crate::http::problem::Problem;
use crate::http::{Api, answer};
use crate::model::{
    ActorType, BodyFormat, Category, Channel, ContactType, EmailStatus, InboundAction, MailKind,
    NotificationTemplate, PlacedBy, Priority, Scope, Status, TemplateType, Visibility,
};

/// Routes that answer JSON.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(get))
}

/// Enums, limits, and what is switched on.
#[derive(Debug, Serialize, ToSchema)]
struct Meta {
    /// The words of each enum, with what to call them; in the order to show them in.
    enums: BTreeMap<&'static str, Vec<Word>>,
    /// Most of everything.
    limits: Limits,
    /// What is switched on.
    features: Features,
}

/// A word of an enum.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EnumWord)]
struct Word {
    /// On the wire.
    #[schema(example = "in_progress")]
    value: &'static str,
    /// For people, in English.
    #[schema(example = "In progress")]
    label: String,
}

/// Most of everything.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MetaLimits)]
struct Limits {
    /// Of a JSON body.
    body_bytes: usize,
    /// Of a subject.
    subject_characters: usize,
    /// Of a text.
    text_characters: usize,
    /// Rows of a page.
    page_rows: usize,
    /// Of a mail that comes in.
    message_mb: u64,
    /// Calls of a token in a minute; null: as many as you like.
    calls_per_minute: Option<u32>,
}

/// What is switched on.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MetaFeatures)]
struct Features {
    /// Tickets may be opened without a token.
    public_intake: bool,
    /// Writes need `If-Match`.
    require_if_match: bool,
    /// Mail comes in by SMTP.
    smtp_in: bool,
    /// Mail leaves.
    smtp_out: bool,
}

/// Enums, limits, and what is switched on.
///
/// For any token.
#[utoipa::path(
    get,
    path = "/api/support/meta",
    operation_id = "get_meta",
    tag = "System",
    responses((status = 200, description = "All of it", body = Meta))
)]
pub async fn get(
    State(api): State<Api>,
    who: Who,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    who.known()?;
    Params::parse(query.as_deref())?.finish()?;
    let config = api.desk.config();
    let limits = Limits {
        body_bytes: JSON_LIMIT,
        subject_characters: 255,
        text_characters: 100_000,
        page_rows: 100,
        message_mb: config.smtp.max_message_mb,
        calls_per_minute: config.api.limits.enabled.then_some(config.api.limits.token),
    };
    let features = Features {
        public_intake: config.intake.public,
        require_if_match: config.api.require_if_match,
        smtp_in: config.smtp.enabled,
        smtp_out: config.outbox.enabled,
    };
    Ok(answer::list(&headers, HeaderMap::new(), &Meta { enums: enums(), limits, features }))
}

fn enums() -> BTreeMap<&'static str, Vec<Word>> {
    [
        ("status", words(Status::ALL)),
        ("priority", words(Priority::ALL)),
        ("category", words(Category::ALL)),
        ("channel", words(Channel::ALL)),
        ("visibility", words(Visibility::ALL)),
        ("body_format", words(BodyFormat::ALL)),
        ("author_type", words(ActorType::ALL)),
        ("requester_type", words(ContactType::ALL)),
        ("email_status", words(EmailStatus::ALL)),
        ("email_template", words(NotificationTemplate::ALL)),
        ("template_type", words(TemplateType::ALL)),
        ("mail_kind", words(MailKind::ALL)),
        ("inbound_action", words(InboundAction::ALL)),
        ("placement", words(PlacedBy::ALL)),
        ("scope", words(Scope::ALL)),
    ]
    .into_iter()
    .map(|(name, words)| (name, words.into_iter().map(Word::of).collect()))
    .collect()
}

impl Word {
    fn of(value: &'static str) -> Self {
        let text = value.replace('_', " ");
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
        Self { value, label: first + letters.as_str() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_shown_as_people_write_them() {
        for (value, want) in
            [("open", "Open"), ("in_progress", "In progress"), ("tickets:read", "Tickets:read")]
        {
            assert_eq!(Word::of(value).label, want);
        }
    }
}
