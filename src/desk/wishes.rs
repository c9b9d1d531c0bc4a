//! What agents wish to be told no more, by the link in a mail that they have enough of. By the API: `agents.rs`.

use uuid::Uuid;

use super::{Desk, Error, Result};
use crate::model::wishes::may_be_switched_off;
use crate::model::{Agent, NotificationTemplate, Wishes};
use crate::store::Tx;

impl Desk {
    /// No more mails of the kind that this one is to its recipient. Asked again, nothing changes.
    ///
    /// # Errors
    /// [`Error::NotFound`] when the mail went to no agent who works here; [`Error::InvalidState`] when it is of a kind that
    /// can't be switched off; the store's.
    pub async fn unsubscribe(&self, mail: Uuid) -> Result<NotificationTemplate> {
        let mut tx = self.store().begin().await?;
        let mail = tx.outbox_entry(mail).await?.ok_or(Error::NotFound("email_log"))?;
        let kind = NotificationTemplate::parse(&mail.template).filter(|kind| may_be_switched_off(*kind));
        let kind = kind.ok_or(Error::InvalidState("mails of this kind can't be switched off"))?;
        let agent = self.directory().agent_by_address(&mail.to_address).map(|agent| agent.id);
        let agent = match agent {
            Some(id) => tx.lock_agent(id).await?,
            None => None,
        };
        let agent = agent.ok_or(Error::NotFound("agent"))?;
        let mut wishes = agent.notifications.clone();
        wishes.kinds.insert(kind, false);
        self.wish(&mut tx, agent, wishes).await?;
        tx.commit().await?;
        self.reload_directory().await?;
        Ok(kind)
    }

    async fn wish(&self, tx: &mut Tx, mut agent: Agent, wishes: Wishes) -> Result<Agent> {
        if wishes != agent.notifications {
            agent.notifications = wishes;
            agent.updated_at = self.clock().now();
            agent.version += 1;
            tx.set_agent_wishes(&agent).await?;
        }
        Ok(agent)
    }
}
