//! The shape of `seeds/demo.toml`. Its comments say what it holds.

use serde::Deserialize;

use crate::model::{Category, Channel, NotificationTemplate, Priority, Status};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Seed {
    pub(super) store: String,
    pub(super) templates: Vec<SeedTemplate>,
    pub(super) customers: Vec<SeedCustomer>,
    pub(super) agents: Vec<SeedAgent>,
    pub(super) tickets: Vec<SeedTicket>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedTemplate {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) category: String,
    pub(super) body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedCustomer {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) locale: String,
    pub(super) user_id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedAgent {
    pub(super) key: String,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) role: String,
    pub(super) signature: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedTicket {
    pub(super) subject: String,
    pub(super) status: Status,
    pub(super) priority: Priority,
    pub(super) category: Category,
    pub(super) channel: Channel,
    pub(super) requester: String,
    pub(super) assignee: Option<String>,
    pub(super) order_id: Option<String>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) resolution: Option<String>,
    pub(super) minutes_ago: i64,
    pub(super) responses: Vec<SeedResponse>,
    #[serde(default)]
    pub(super) emails: Vec<SeedEmail>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedResponse {
    pub(super) author: String,
    pub(super) body: String,
    #[serde(default)]
    pub(super) internal: bool,
    #[serde(default)]
    pub(super) minutes_later: i64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SeedEmail {
    pub(super) template: NotificationTemplate,
    pub(super) to: String,
    pub(super) text: String,
    pub(super) reply: String,
    /// Which of the ticket's responses it brings, from 0.
    pub(super) response: Option<usize>,
    #[serde(default)]
    pub(super) failed: bool,
    #[serde(default)]
    pub(super) minutes_later: i64,
}
