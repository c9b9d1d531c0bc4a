//! What admins are told: troubles of the desk itself, each once a day while it lasts.

use serde_json::{Value, json};

use super::{Desk, Notice, Result};
use crate::model::{NotificationTemplate, OutboxEntry, RecentMail, Timestamp};
use crate::store::Tx;

/// Something wrong with the settings or around the desk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What: a file, a key, a name.
    pub what: String,
    /// What is wrong with it, and what would be right.
    pub detail: String,
}

impl Desk {
    /// Mail has waited for long: tells the admins, once a day. `words` are the relay's, where it said any.
    pub(in crate::desk) async fn notify_queue_stuck(
        &self,
        tx: &mut Tx,
        waiting: i64,
        oldest: Timestamp,
        words: Option<&str>,
    ) -> Result<Vec<OutboxEntry>> {
        let template = NotificationTemplate::AdminQueueStuck;
        if !self.is_on(template) || !self.first_today(tx, "queue_stuck").await? {
            return Ok(Vec::new());
        }
        let context = json!({ "waiting": waiting, "oldest_at": oldest, "words": words });
        self.tell_admins(tx, template, &context).await
    }

    /// Tells the admins what is wrong, each thing once a day.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn report_findings(&self, findings: &[Finding]) -> Result<Vec<OutboxEntry>> {
        if findings.is_empty() || !self.is_on(NotificationTemplate::AdminCheckFailed) {
            return Ok(Vec::new());
        }
        let mut tx = self.store().begin().await?;
        let entries = self.tell_findings(&mut tx, findings).await?;
        if !entries.is_empty() {
            tx.commit().await?;
            self.ring_outbox();
        }
        Ok(entries)
    }

    /// The same, within another verb's transaction.
    pub(in crate::desk) async fn tell_findings(
        &self,
        tx: &mut Tx,
        findings: &[Finding],
    ) -> Result<Vec<OutboxEntry>> {
        let template = NotificationTemplate::AdminCheckFailed;
        if !self.is_on(template) {
            return Ok(Vec::new());
        }
        let mut new = Vec::new();
        for finding in findings {
            if self.first_today(tx, &format!("check_failed {}", finding.what)).await? {
                new.push(json!({ "what": finding.what, "detail": finding.detail }));
            }
        }
        if new.is_empty() {
            return Ok(Vec::new());
        }
        self.tell_admins(tx, template, &json!({ "problems": new })).await
    }

    async fn tell_admins(
        &self,
        tx: &mut Tx,
        template: NotificationTemplate,
        context: &Value,
    ) -> Result<Vec<OutboxEntry>> {
        let mut entries = Vec::new();
        for admin in self.directory().agents.iter().filter(|agent| agent.role == "admin") {
            let notice = Notice { context: context.clone(), ..Notice::to_agent(template, None, admin) };
            entries.extend(self.tell_agent(tx, notice).await?);
        }
        Ok(entries)
    }

    /// Whether this was not told within a day; from now on it was. Nodes that ask at once get one yes among them.
    async fn first_today(&self, tx: &mut Tx, what: &str) -> Result<bool> {
        let now = self.clock().now();
        Ok(tx.take_turn(&format!("told {what}"), now, now.plus_ms(-RecentMail::DAY_MS)).await?)
    }
}
