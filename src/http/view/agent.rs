//! Those who answer (API.md §3.6), and the caller (§5.5).

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::Time;
use crate::desk::AgentView;
use crate::model::{Scope, Wishes};

/// Somebody who answers.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agent<'a> {
    /// UUIDv7.
    pub id: Uuid,
    /// Shown to customers.
    #[schema(example = "Ada")]
    pub name: &'a str,
    /// Notified and recognised.
    #[schema(example = "ada@shop.example")]
    pub email: &'a str,
    /// Further addresses they write from.
    pub alternate_emails: &'a [String],
    /// `agent admin` and others.
    #[schema(example = "agent")]
    pub role: &'a str,
    /// The teams they are in.
    pub team_ids: &'a [Uuid],
    /// Put under public replies.
    pub signature: Option<&'a str>,
    /// Their language, BCP 47.
    #[schema(example = "en")]
    pub locale: Option<&'a str>,
    /// IANA name.
    #[schema(example = "Europe/Berlin")]
    pub timezone: Option<&'a str>,
    /// Kinds of mail they switched on or off, and `bundle_minutes`. What is not said is as the settings say.
    #[schema(value_type = Object, example = json!({"agent_new_ticket": false, "bundle_minutes": 15}))]
    pub notifications: &'a Wishes,
    /// While they are away.
    #[schema(value_type = Option<Object>)]
    pub out_of_office: Option<Value>,
    /// Whether they work here.
    pub is_active: bool,
    /// When made.
    pub created_at: Time,
    /// When last changed.
    pub updated_at: Time,
    /// Counts changes, from 1; also the `ETag`.
    pub version: i64,
}

impl<'a> Agent<'a> {
    /// API.md §3.6.
    pub fn of(AgentView { agent: a, alternate_emails, team_ids }: &'a AgentView) -> Self {
        Self {
            id: a.id,
            name: &a.name,
            email: &a.email,
            alternate_emails,
            role: &a.role,
            team_ids,
            signature: a.signature.as_deref(),
            locale: a.locale.as_deref(),
            timezone: a.timezone.as_deref(),
            notifications: &a.notifications,
            out_of_office: None,
            is_active: a.is_active,
            created_at: Time(a.created_at),
            updated_at: Time(a.updated_at),
            version: a.version,
        }
    }
}

/// The caller: an agent, and what their token may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me<'a> {
    /// The agent.
    #[serde(flatten)]
    pub agent: Agent<'a>,
    /// What the token may do.
    pub scopes: &'a [Scope],
}

/// The caller: a program, and what its token may do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Service<'a> {
    /// Null: no agent stands behind it.
    #[schema(value_type = Option<Uuid>)]
    pub id: Option<Uuid>,
    /// The token's.
    #[schema(example = "shop")]
    pub name: &'a str,
    /// `service`.
    #[schema(example = "service")]
    pub role: &'a str,
    /// What the token may do.
    pub scopes: &'a [Scope],
}

/// The caller, an agent or a program.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Caller<'a> {
    /// The token acts as an agent.
    Agent(Me<'a>),
    /// It is a service's.
    Service(Service<'a>),
}
