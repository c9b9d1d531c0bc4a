//! What the demo data consists of, and taking it away again.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};
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
        let rows = self.run(include_str!("sql/seeding/note.sql"), args![kind, id]).await?;
        Ok(rows == 1)
    }

    /// Takes the demo data away, with what was added to its tickets since; contacts and agents that are used
    /// elsewhere stay. Answers how many seeded rows are gone.
    pub async fn clean_seed_rows(&mut self) -> Result<u64> {
        for sql in CLEAN {
            self.run(sql, args![]).await?;
        }
        self.run(include_str!("sql/seeding/forget.sql"), args![]).await
    }

    /// Adds a template; `false` when there is one of this type, name and language.
    pub async fn insert_template(&mut self, t: &ReplyTemplate) -> Result<bool> {
        let rows = self
            .run(
                include_str!("sql/seeding/insert_template.sql"),
                args![
                    t.id,
                    &t.r#type,
                    &t.key,
                    &t.name,
                    &t.category,
                    &t.locale,
                    &t.subject,
                    &t.body,
                    t.body_format,
                    &t.visibility,
                    t.team_id,
                    t.is_active,
                    t.usage_count,
                    t.last_used_at,
                    t.created_at,
                    t.updated_at,
                    t.version
                ],
            )
            .await?;
        Ok(rows == 1)
    }
}
