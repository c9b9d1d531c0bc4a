//! What lets programs and people in (API.md §3.6).

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Time, time};
use crate::desk::WithSecret;
use crate::model::{ApiToken, Scope};

/// A bearer token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Token<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is for.
    #[schema(example = "shop")]
    pub name: &'a str,
    /// How its secret begins.
    #[schema(example = "pdk_7f3q")]
    pub prefix: &'a str,
    /// The agent it acts as; null: a service.
    pub agent_id: Option<Uuid>,
    /// What it may do.
    pub scopes: &'a [Scope],
    /// From when it is refused.
    pub expires_at: Option<Time>,
    /// To the hour or so.
    pub last_used_at: Option<Time>,
    /// When made.
    pub created_at: Time,
    /// When last rotated.
    pub updated_at: Time,
    /// Counts that, from 1.
    pub version: i64,
}

impl<'a> Token<'a> {
    /// API.md §3.6.
    pub fn of(token: &'a ApiToken) -> Self {
        Self {
            id: token.id,
            name: &token.name,
            prefix: &token.prefix,
            agent_id: token.agent_id,
            scopes: &token.scopes,
            expires_at: time(token.expires_at),
            last_used_at: time(token.last_used_at),
            created_at: Time(token.created_at),
            updated_at: Time(token.updated_at),
            version: token.version,
        }
    }
}

/// A token with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewToken<'a> {
    /// The token.
    #[serde(flatten)]
    pub about: Token<'a>,
    /// The secret, shown this once. Null in a dry run, and in the answer to a repeat.
    #[schema(example = "pdk_7f3qn4v5…")]
    pub token: Option<&'a str>,
}

impl<'a> NewToken<'a> {
    /// With the secret where it is shown.
    pub fn of(made: &'a WithSecret<ApiToken>) -> Self {
        Self { about: Token::of(&made.made), token: made.secret.as_deref() }
    }
}
