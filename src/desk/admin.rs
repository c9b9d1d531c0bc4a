//! What the settings name, made at start: mailboxes and agents.

use super::agents::nobody;
use super::mailboxes::unnamed;
use super::{Desk, Result};
use crate::config::{AgentConfig, MailboxConfig};
use crate::model::{Agent, Category, Mailbox, Timestamp};
use crate::store::Tx;

impl Desk {
    /// Makes the mailboxes and agents the settings name, each once: from then on they are the desk's, to be changed by the
    /// API. What was renamed, sent home or switched off there is not made again.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn ensure_configured(&self) -> Result<()> {
        let config = self.config().clone();
        let now = self.clock().now();
        let mut tx = self.store().begin().await?;
        // A millisecond apart, so that they keep the order of the file: the first mailbox gets role addresses.
        for (at, mailbox) in (now.0..).map(Timestamp).zip(&config.mailboxes) {
            let mailbox = self.new_mailbox(mailbox, at);
            if is_to_be_made(&mut tx, "mailbox", &mailbox.address).await? {
                tx.insert_mailbox(&mailbox).await?;
            }
        }
        for (at, agent) in (now.0..).map(Timestamp).zip(&config.agents) {
            let agent = self.new_agent(agent, at);
            if is_to_be_made(&mut tx, "agent", &agent.email).await? {
                tx.insert_agent(&agent).await?;
            }
        }
        tx.commit().await?;
        self.reload_directory().await
    }

    fn new_mailbox(&self, from: &MailboxConfig, at: Timestamp) -> Mailbox {
        let category = from.default_category.as_deref().and_then(Category::from_input);
        Mailbox {
            from_name: from.from_name.clone(),
            default_category: category.unwrap_or(Category::General),
            store_id: from.store_id.clone(),
            locale: from.locale.clone(),
            ..unnamed(self.ids().uuid(at), from.address.to_lowercase(), at)
        }
    }

    fn new_agent(&self, from: &AgentConfig, at: Timestamp) -> Agent {
        Agent {
            name: from.name.clone(),
            email: from.email.to_lowercase(),
            role: from.role.clone().unwrap_or_else(|| "agent".into()),
            ..nobody(self.ids().uuid(at), at)
        }
    }
}

/// Whether the settings name this address for the first time, and nobody has it.
async fn is_to_be_made(tx: &mut Tx, what: &str, address: &str) -> Result<bool> {
    let first = tx.note_made(&format!("made_{what}:{address}")).await?;
    Ok(first && tx.holder_of_address(address).await?.is_none())
}
