//! Responses, one at a time or those of a ticket.

use uuid::Uuid;

use super::value::{args, json};
use super::{Result, Tx};
use crate::model::{Response, Timestamp};

impl Tx {
    /// A response.
    pub async fn response(&mut self, id: Uuid) -> Result<Option<Response>> {
        let response = self.one(include_str!("sql/responses/get.sql"), args![id]).await?;
        self.news(|news| response.iter().for_each(|response| news.saw_response(response)));
        Ok(response)
    }

    /// A ticket's responses, oldest first.
    pub async fn responses_of(&mut self, ticket: Uuid) -> Result<Vec<Response>> {
        let sql = include_str!("sql/responses/of_ticket.sql");
        self.all(sql, args![ticket]).await
    }

    /// The newest public one, whoever wrote it.
    pub async fn last_public_response(&mut self, ticket: Uuid) -> Result<Option<Response>> {
        self.one(include_str!("sql/responses/last_public.sql"), args![ticket]).await
    }

    /// The newest public one that an agent wrote.
    pub async fn last_answer_of(&mut self, ticket: Uuid) -> Result<Option<Response>> {
        self.one(include_str!("sql/responses/last_answer.sql"), args![ticket]).await
    }

    /// Agents who wrote on a ticket, notes too.
    pub async fn agents_who_wrote(&mut self, ticket: Uuid) -> Result<Vec<Uuid>> {
        self.fields(include_str!("sql/responses/agents_who_wrote.sql"), args![ticket]).await
    }

    /// Deletes a response that nobody has read; `false` when it is deleted already.
    pub async fn take_back_response(&mut self, id: Uuid, at: Timestamp) -> Result<bool> {
        Ok(self.run(include_str!("sql/responses/take_back.sql"), args![id, at]).await? == 1)
    }

    /// Adds a response.
    pub async fn insert_response(&mut self, r: &Response) -> Result<()> {
        self.news(|news| news.add_response(r));
        self.put(
            include_str!("sql/responses/insert.sql"),
            args![
                r.id,
                r.ticket_id,
                r.visibility,
                r.channel,
                r.author_type,
                r.author_id,
                &r.author_name,
                &r.author_email,
                r.body_format,
                &r.body_text,
                &r.body_html,
                &r.quoted_text,
                &r.full_text,
                json(&r.to_addresses),
                json(&r.cc),
                json(&r.bcc),
                &r.message_id,
                &r.in_reply_to,
                json(&r.refs),
                r.placement_by,
                &r.placement_reason,
                r.mail_kind,
                json(&r.flags),
                r.inbound_mail_id,
                r.authentication.as_ref().map(json),
                r.template_id,
                r.send_at,
                r.created_at,
                r.edited_at,
                r.deleted_at,
                r.version
            ],
        )
        .await
    }

    /// Writes what may change of a response: who may read it, to whom it went, and when.
    pub async fn update_response(&mut self, r: &Response) -> Result<()> {
        self.news(|news| news.saw_response(r));
        self.run(
            include_str!("sql/responses/update.sql"),
            args![
                r.id,
                r.visibility,
                json(&r.to_addresses),
                json(&r.cc),
                json(&r.flags),
                r.created_at,
                r.version
            ],
        )
        .await
        .map(drop)
    }

    /// Writes a response's texts, and when they were edited.
    pub async fn rewrite_response(&mut self, r: &Response) -> Result<()> {
        self.run(
            include_str!("sql/responses/rewrite.sql"),
            args![
                r.id,
                r.body_format,
                &r.body_text,
                &r.body_html,
                &r.quoted_text,
                &r.full_text,
                r.edited_at,
                r.version
            ],
        )
        .await
        .map(drop)
    }

    /// Moves everything that was said on a ticket to another one, with its files.
    pub async fn move_responses(&mut self, from: Uuid, into: Uuid) -> Result<()> {
        self.run(include_str!("sql/responses/move.sql"), args![from, into]).await?;
        self.run(include_str!("sql/attachments/move.sql"), args![from, into]).await.map(drop)
    }
}
