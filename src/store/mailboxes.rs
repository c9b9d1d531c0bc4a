//! Support addresses.

use super::{Result, Tx, on};
use crate::model::Mailbox;

impl Tx {
    /// Mailboxes that take mail, oldest first.
    pub async fn active_mailboxes(&mut self) -> Result<Vec<Mailbox>> {
        Ok(on!(self, c => sqlx::query_as(include_str!("sql/mailboxes/active.sql")).fetch_all(c).await)?)
    }

    /// Adds a mailbox; nothing happens when the address is taken.
    pub async fn insert_mailbox(&mut self, mailbox: &Mailbox) -> Result<bool> {
        let done = on!(self, c => sqlx::query(include_str!("sql/mailboxes/insert.sql"))
            .bind(mailbox.id).bind(&mailbox.address).bind(&mailbox.from_name).bind(&mailbox.signature)
            .bind(&mailbox.receive).bind(mailbox.default_category).bind(mailbox.team_id).bind(&mailbox.store_id)
            .bind(&mailbox.locale).bind(mailbox.is_active).bind(&mailbox.last_error).bind(mailbox.created_at)
            .bind(mailbox.updated_at).bind(mailbox.version)
            .execute(c).await.map(|done| done.rows_affected()))?;
        Ok(done == 1)
    }
}
