//! What agents wish to be told, set by themselves: by the API, or by the link in a mail that they have enough of.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::writing::{Answered, Ending};
use super::{Desk, Error, Result};
use crate::model::wishes::may_be_switched_off;
use crate::model::{Agent, NotificationTemplate, Wishes};
use crate::store::Tx;

impl Desk {
    /// Changes an agent's own settings: a merge patch (API.md §5.5, `PATCH /me`).
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`]; [`Error::Invalid`] for a wish that can't be had; the store's.
    pub async fn set_notifications(
        &self,
        agent: Uuid,
        patch: &Map<String, Value>,
        version: Option<i64>,
        ending: Ending<'_, Agent>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let agent = tx.lock_agent(agent).await?.ok_or(Error::NotFound("agent"))?;
        if let Some(current) = version.map(|_| agent.version).filter(|current| version != Some(*current)) {
            return Err(Error::VersionMismatch { current });
        }
        let wishes = agent.notifications.patched(patch).map_err(|wrong| {
            let wrong = wrong.into_iter().next().expect("there is one at least");
            let detail = format!("{}: {}", wrong.key, wrong.detail);
            Error::Invalid { pointer: "/notifications", code: wrong.code, detail }
        })?;
        let agent = self.wish(&mut tx, agent, wishes).await?;
        let answered = self.conclude(tx, &ending, &agent).await?;
        self.reload_directory().await?;
        Ok(answered)
    }

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
