//! What the demo data consists of, and taking it away again.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};

/// In this order, so that nothing refers to what is gone.
const CLEAN: [&str; 12] = [
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
    include_str!("sql/seeding/clean_template_versions.sql"),
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
}
