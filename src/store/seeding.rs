//! What the demo data consists of, and taking it away again.

use uuid::Uuid;

use super::value::args;
use super::{Result, Tx};

/// What hangs on tickets, in this order, so that nothing refers to what is gone.
const CLEAN_TICKETS: [&str; 6] = [
    include_str!("sql/seeding/clean_attempts.sql"),
    include_str!("sql/seeding/clean_outbox.sql"),
    include_str!("sql/seeding/clean_attachments.sql"),
    include_str!("sql/seeding/clean_events.sql"),
    include_str!("sql/seeding/clean_responses.sql"),
    include_str!("sql/seeding/clean_tickets.sql"),
];

/// What is left then.
const CLEAN: [&str; 7] = [
    include_str!("sql/seeding/clean_inbound.sql"),
    include_str!("sql/seeding/clean_contact_words.sql"),
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

    /// The same for a row that was just made.
    pub async fn note_new_seed_row(&mut self, kind: &str, id: Uuid) -> Result<()> {
        self.put(include_str!("sql/seeding/note_new.sql"), args![kind, id]).await
    }

    /// Takes some tickets of the demo data away, with what was added to them since; answers how many.
    pub async fn clean_seed_tickets(&mut self, limit: i64) -> Result<u64> {
        let search = self.pick(
            include_str!("sql/seeding/clean_search.sqlite.sql"),
            include_str!("sql/seeding/clean_search.postgres.sql"),
        );
        self.run(search, args![limit]).await?;
        for sql in CLEAN_TICKETS {
            self.run(sql, args![limit]).await?;
        }
        self.run(include_str!("sql/seeding/forget_tickets.sql"), args![limit]).await
    }

    /// A ticket of the demo data that another one was merged into is demo data no longer.
    pub async fn keep_merged_seed_tickets(&mut self) -> Result<()> {
        self.run(include_str!("sql/seeding/keep_merged.sql"), args![]).await.map(drop)
    }

    /// Takes the rest of the demo data away; contacts and agents that are used elsewhere stay. Answers how many seeded
    /// rows are gone.
    pub async fn clean_seed_rows(&mut self) -> Result<u64> {
        for sql in CLEAN {
            self.run(sql, args![]).await?;
        }
        self.run(include_str!("sql/seeding/forget.sql"), args![]).await
    }
}
