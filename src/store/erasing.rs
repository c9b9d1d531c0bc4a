//! What a ticket said, taken away for good; rows and counts stay.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};
use crate::model::Timestamp;

impl Tx {
    /// How many of a ticket's mails a worker has at this moment.
    pub async fn mails_leaving(&mut self, ticket: Uuid) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/erasing/leaving.sql"), args![ticket]).await?;
        Ok(count)
    }

    /// Takes away texts, addresses and files of a ticket, its raw mail, and the mails it made; those that have not left
    /// never will. The search index is its caller's.
    pub async fn erase_ticket(&mut self, ticket: Uuid, at: Timestamp) -> Result<()> {
        let none: &[u8] = &[];
        self.run(include_str!("sql/erasing/chunks.sql"), args![ticket]).await?;
        self.run(include_str!("sql/erasing/inbound.sql"), args![ticket, none]).await?;
        self.drop_files_of_ticket(ticket).await?;
        self.run(include_str!("sql/erasing/cancel_mails.sql"), args![ticket, at]).await?;
        for sql in [
            include_str!("sql/erasing/outbox.sql"),
            include_str!("sql/erasing/responses.sql"),
            include_str!("sql/erasing/events.sql"),
            include_str!("sql/erasing/ticket.sql"),
        ] {
            self.run(sql, args![ticket]).await?;
        }
        Ok(())
    }
}
