//! Responses, one at a time or those of a ticket.

use uuid::Uuid;

use super::row::json;
use super::{Result, Tx, on};
use crate::model::Response;

impl Tx {
    /// A response.
    pub async fn response(&mut self, id: Uuid) -> Result<Option<Response>> {
        Ok(
            on!(self, c => sqlx::query_as(include_str!("sql/responses/get.sql")).bind(id).fetch_optional(c).await)?,
        )
    }

    /// A ticket's responses, oldest first.
    pub async fn responses_of(&mut self, ticket: Uuid) -> Result<Vec<Response>> {
        let sql = include_str!("sql/responses/of_ticket.sql");
        Ok(on!(self, c => sqlx::query_as(sql).bind(ticket).fetch_all(c).await)?)
    }

    /// Adds a response.
    pub async fn insert_response(&mut self, r: &Response) -> Result<()> {
        on!(self, c => sqlx::query(include_str!("sql/responses/insert.sql"))
            .bind(r.id).bind(r.ticket_id).bind(r.visibility).bind(r.channel).bind(r.author_type).bind(r.author_id)
            .bind(&r.author_name).bind(&r.author_email).bind(r.body_format).bind(&r.body_text).bind(&r.body_html)
            .bind(&r.quoted_text).bind(&r.full_text).bind(json(&r.to_addresses)).bind(json(&r.cc))
            .bind(json(&r.bcc)).bind(&r.message_id).bind(&r.in_reply_to).bind(json(&r.refs)).bind(r.placement_by)
            .bind(&r.placement_reason).bind(r.mail_kind).bind(json(&r.flags)).bind(r.inbound_mail_id)
            .bind(r.authentication.as_ref().map(json)).bind(r.template_id).bind(r.send_at).bind(r.created_at)
            .bind(r.edited_at).bind(r.deleted_at).bind(r.version)
            .execute(c).await.map(drop))?;
        Ok(())
    }
}
