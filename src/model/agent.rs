//! Those who answer, what they may do, and who did a thing.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Timestamp, Wishes, words};

/// Somebody who answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agent {
    /// UUIDv7.
    pub id: Uuid,
    /// Shown to customers.
    pub name: String,
    /// Notified and recognised; lower case.
    pub email: String,
    /// `agent` or `admin`.
    pub role: String,
    /// Put under public replies.
    pub signature: Option<String>,
    /// BCP 47.
    pub locale: Option<String>,
    /// IANA name.
    pub timezone: Option<String>,
    /// What they wish to be told.
    pub notifications: Wishes,
    /// Whether they work here.
    pub is_active: bool,
    /// When made.
    pub created_at: Timestamp,
    /// When last changed.
    pub updated_at: Timestamp,
    /// Counts changes, from 1.
    pub version: i64,
}

words! {
    /// What an API token may do (API.md §1.2).
    Scope {
        TicketsRead = "tickets:read", TicketsWrite = "tickets:write", TicketsCreate = "tickets:create",
        ResponsesWrite = "responses:write", NotesRead = "notes:read", TemplatesRead = "templates:read",
        TemplatesWrite = "templates:write", StatsRead = "stats:read", EmailLogsRead = "email_logs:read",
        EmailLogsWrite = "email_logs:write", InboundWrite = "inbound:write", ContactsRead = "contacts:read",
        ContactsWrite = "contacts:write", WebhooksWrite = "webhooks:write", ExportsRead = "exports:read",
        Admin = "admin",
    }
}

impl Scope {
    /// Whether holding `self` allows what `wanted` allows: `x:write` includes `x:read`, `tickets:write` also
    /// `tickets:create`, `admin` all.
    pub fn includes(self, wanted: Self) -> bool {
        if self == wanted || self == Self::Admin {
            return true;
        }
        match self.as_str().strip_suffix(":write") {
            Some("tickets") => matches!(wanted, Self::TicketsRead | Self::TicketsCreate),
            Some(area) => wanted.as_str().strip_suffix(":read") == Some(area),
            None => false,
        }
    }
}

/// A bearer token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// UUIDv7.
    pub id: Uuid,
    /// What it is for; the author's name where no agent stands behind it.
    pub name: String,
    /// The first characters of the secret, to recognise it by.
    pub prefix: String,
    /// SHA-256 of the secret, hex.
    pub secret_hash: String,
    /// The same of the secret it had before it was rotated,
    pub old_secret_hash: Option<String>,
    /// and until when that one works.
    pub old_until: Option<Timestamp>,
    /// The agent it acts as; `None` for a service.
    pub agent_id: Option<Uuid>,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// From when it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was taken back.
    pub revoked_at: Option<Timestamp>,
    /// To the hour or so.
    pub last_used_at: Option<Timestamp>,
    /// When made.
    pub created_at: Timestamp,
    /// When last rotated or taken back.
    pub updated_at: Timestamp,
    /// Counts that, from 1.
    pub version: i64,
}

impl ApiToken {
    /// From when a secret (by its hash) is refused: an old one earlier than the new one.
    pub fn refused_from(&self, secret_hash: &str) -> Option<Timestamp> {
        let old = self.old_until.filter(|_| self.old_secret_hash.as_deref() == Some(secret_hash));
        old.into_iter().chain(self.expires_at).min()
    }

    /// Whether it may do this.
    pub fn allows(&self, wanted: Scope) -> bool {
        self.scopes.iter().any(|held| held.includes(wanted))
    }
}

words! {
    /// What sort of somebody did a thing (API.md §2, `author.type`).
    ActorType { Customer = "customer", Agent = "agent", Seller = "seller", System = "system" }
}

/// Who did a thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Actor {
    /// What sort of somebody.
    pub r#type: ActorType,
    /// Contact or agent; null for services and the desk itself.
    pub id: Option<Uuid>,
    /// For people.
    #[schema(example = "Ada")]
    pub name: Option<String>,
}

impl Actor {
    /// The desk itself.
    pub fn system() -> Self {
        Self { r#type: ActorType::System, id: None, name: Some("Postdesk".into()) }
    }

    /// An agent.
    pub fn agent(agent: &Agent) -> Self {
        Self { r#type: ActorType::Agent, id: Some(agent.id), name: Some(agent.name.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_include_what_the_contract_says() {
        for (held, wanted, want) in [
            (Scope::TicketsWrite, Scope::TicketsRead, true),
            (Scope::TicketsWrite, Scope::TicketsCreate, true),
            (Scope::TicketsRead, Scope::TicketsCreate, false),
            (Scope::ResponsesWrite, Scope::TicketsRead, false),
            (Scope::EmailLogsWrite, Scope::EmailLogsRead, true),
            (Scope::Admin, Scope::ExportsRead, true),
            (Scope::ResponsesWrite, Scope::NotesRead, false),
        ] {
            assert_eq!(held.includes(wanted), want, "{held} includes {wanted}");
        }
    }
}
