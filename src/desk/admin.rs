//! What the settings name, made at start: mailboxes and agents.

use super::{Desk, Result};
use crate::config::{AgentConfig, MailboxConfig};
use crate::model::{Agent, Category, Mailbox, Timestamp};

impl Desk {
    /// Makes the mailboxes and agents the settings name where they don't exist yet; what was edited later stays.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn ensure_configured(&self) -> Result<()> {
        let config = self.config().clone();
        let now = self.clock().now();
        let mut tx = self.store().begin().await?;
        // A millisecond apart, so that they keep the order of the file: the first mailbox gets role addresses.
        for (at, mailbox) in (now.0..).map(Timestamp).zip(&config.mailboxes) {
            tx.insert_mailbox(&self.new_mailbox(mailbox, at)).await?;
        }
        for (at, agent) in (now.0..).map(Timestamp).zip(&config.agents) {
            tx.insert_agent(&self.new_agent(agent, at)).await?;
        }
        tx.commit().await?;
        self.reload_directory().await
    }

    fn new_mailbox(&self, from: &MailboxConfig, at: Timestamp) -> Mailbox {
        let category = from.default_category.as_deref().and_then(Category::from_input);
        Mailbox {
            id: self.ids().uuid(at),
            address: from.address.to_lowercase(),
            from_name: from.from_name.clone(),
            signature: None,
            receive: "smtp".into(),
            default_category: category.unwrap_or(Category::General),
            team_id: None,
            store_id: from.store_id.clone(),
            locale: from.locale.clone(),
            is_active: true,
            last_error: None,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    fn new_agent(&self, from: &AgentConfig, at: Timestamp) -> Agent {
        Agent {
            id: self.ids().uuid(at),
            name: from.name.clone(),
            email: from.email.to_lowercase(),
            role: from.role.clone().unwrap_or_else(|| "agent".into()),
            signature: None,
            locale: None,
            timezone: None,
            notifications: Default::default(),
            is_active: true,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }
}
