//! Support addresses.

use super::value::args;
use super::{Result, Tx};
use crate::model::Mailbox;

impl Tx {
    /// Mailboxes that take mail, oldest first.
    pub async fn active_mailboxes(&mut self) -> Result<Vec<Mailbox>> {
        self.all(include_str!("sql/mailboxes/active.sql"), args![]).await
    }

    /// Adds a mailbox; nothing happens when the address is taken.
    pub async fn insert_mailbox(&mut self, mailbox: &Mailbox) -> Result<bool> {
        let done = self
            .run(
                include_str!("sql/mailboxes/insert.sql"),
                args![
                    mailbox.id,
                    &mailbox.address,
                    &mailbox.from_name,
                    &mailbox.signature,
                    &mailbox.receive,
                    mailbox.default_category,
                    mailbox.team_id,
                    &mailbox.store_id,
                    &mailbox.locale,
                    mailbox.is_active,
                    &mailbox.last_error,
                    mailbox.created_at,
                    mailbox.updated_at,
                    mailbox.version
                ],
            )
            .await?;
        Ok(done == 1)
    }
}
