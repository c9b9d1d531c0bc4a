//! Support addresses.

use uuid::Uuid;

use super::paging::add_oldest_first;
use super::query::Start;
use super::select::Select;
use super::value::args;
use super::{Result, Tx};
use crate::model::{Mailbox, Timestamp};

impl Tx {
    /// Mailboxes that take mail, oldest first.
    pub async fn active_mailboxes(&mut self) -> Result<Vec<Mailbox>> {
        self.all(include_str!("sql/mailboxes/active.sql"), args![]).await
    }

    /// A mailbox, closed or not.
    pub async fn mailbox(&mut self, id: Uuid) -> Result<Option<Mailbox>> {
        self.one(include_str!("sql/mailboxes/get.sql"), args![id]).await
    }

    /// The same, held until the transaction ends.
    pub async fn lock_mailbox(&mut self, id: Uuid) -> Result<Option<Mailbox>> {
        let sql = self.pick(
            include_str!("sql/mailboxes/lock.sqlite.sql"),
            include_str!("sql/mailboxes/lock.postgres.sql"),
        );
        self.one(sql, args![id]).await
    }

    /// A page of mailboxes, oldest first, closed ones too; in reverse when it ends before a row.
    pub async fn list_mailboxes(&mut self, start: &Start, limit: i64) -> Result<Vec<Mailbox>> {
        let mut select = Select::new("SELECT * FROM mailboxes WHERE TRUE");
        add_oldest_first(&mut select, start, limit);
        select.all(self).await
    }

    /// How many mailboxes there are.
    pub async fn count_mailboxes(&mut self) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/mailboxes/count.sql"), args![]).await?;
        Ok(count)
    }

    /// Writes what people may change of a mailbox.
    pub async fn update_mailbox(&mut self, mailbox: &Mailbox) -> Result<()> {
        self.run(
            include_str!("sql/mailboxes/update.sql"),
            args![
                mailbox.id,
                &mailbox.from_name,
                &mailbox.signature,
                &mailbox.receive,
                mailbox.default_category,
                mailbox.team_id,
                &mailbox.store_id,
                &mailbox.locale,
                mailbox.is_active,
                mailbox.updated_at,
                mailbox.version
            ],
        )
        .await
        .map(drop)
    }

    /// Writes when a mailbox got mail, unless it got some since.
    pub async fn mailbox_received(&mut self, mailbox: Uuid, at: Timestamp) -> Result<()> {
        self.run(include_str!("sql/mailboxes/received.sql"), args![mailbox, at]).await.map(drop)
    }

    /// Writes what a check found wrong.
    pub async fn mailbox_checked(&mut self, mailbox: Uuid, error: Option<&str>) -> Result<()> {
        self.run(include_str!("sql/mailboxes/checked.sql"), args![mailbox, error]).await.map(drop)
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
                    mailbox.last_received_at,
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
