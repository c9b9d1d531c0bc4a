//! What the demo data consists of, and taking it away again.

use uuid::Uuid;

use super::{Result, Tx, on};
use crate::model::ReplyTemplate;

/// In this order, so that nothing refers to what is gone.
const CLEAN: [&str; 11] = [
    include_str!("sql/seeding/clean_attempts.sql"),
    include_str!("sql/seeding/clean_outbox.sql"),
    include_str!("sql/seeding/clean_attachments.sql"),
    include_str!("sql/seeding/clean_search.sql"),
    include_str!("sql/seeding/clean_events.sql"),
    include_str!("sql/seeding/clean_responses.sql"),
    include_str!("sql/seeding/clean_tickets.sql"),
    include_str!("sql/seeding/clean_contact_emails.sql"),
    include_str!("sql/seeding/clean_contacts.sql"),
    include_str!("sql/seeding/clean_agents.sql"),
    include_str!("sql/seeding/clean_templates.sql"),
];

impl Tx {
    /// Notes that a row is demo data; `false` when that was noted before.
    pub async fn note_seed_row(&mut self, kind: &str, id: Uuid) -> Result<bool> {
        let rows = on!(self, c => sqlx::query(include_str!("sql/seeding/note.sql")).bind(kind).bind(id)
            .execute(c).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }

    /// Takes the demo data away, with what was added to its tickets since; contacts and agents that are used
    /// elsewhere stay. Answers how many seeded rows are gone.
    pub async fn clean_seed_rows(&mut self) -> Result<u64> {
        for sql in CLEAN {
            on!(self, c => sqlx::query(sql).execute(c).await.map(drop))?;
        }
        Ok(on!(self, c => sqlx::query(include_str!("sql/seeding/forget.sql")).execute(c).await
            .map(|done| done.rows_affected()))?)
    }

    /// Adds a template; `false` when there is one of this type, name and language.
    pub async fn insert_template(&mut self, t: &ReplyTemplate) -> Result<bool> {
        let rows = on!(self, c => sqlx::query(include_str!("sql/seeding/insert_template.sql"))
            .bind(t.id).bind(&t.r#type).bind(&t.key).bind(&t.name).bind(&t.category).bind(&t.locale)
            .bind(&t.subject).bind(&t.body).bind(t.body_format).bind(&t.visibility).bind(t.team_id)
            .bind(t.is_active).bind(t.usage_count).bind(t.last_used_at).bind(t.created_at).bind(t.updated_at)
            .bind(t.version)
            .execute(c).await.map(|done| done.rows_affected()))?;
        Ok(rows == 1)
    }
}
