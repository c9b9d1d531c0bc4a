//! What agents answer with, and what replaces the words of notifications; every save of them.

use uuid::Uuid;

use super::query::Start;
use super::select::Select;
use super::value::args;
use super::{Result, Tx};
use crate::model::{TemplateRecord, TemplateType, TemplateVersion, Timestamp};

/// Counts changes of notifications, for nodes that keep them in memory.
const FACT: &str = "template_changes";

/// One condition on templates; a list of them must all hold.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "API.md §4.7 names the filters")]
pub enum TemplateFilter {
    Type(TemplateType),
    /// Any of them.
    Category(Vec<String>),
    /// Any of them.
    Locale(Vec<String>),
    Active(bool),
    /// Part of name, key or body, in any case.
    Words(String),
    /// Everybody's, and those of these teams.
    Seen(Vec<Uuid>),
}

impl Tx {
    /// A template.
    pub async fn template(&mut self, id: Uuid) -> Result<Option<TemplateRecord>> {
        self.one(include_str!("sql/templates/get.sql"), args![id]).await
    }

    /// A template, held until the transaction ends.
    pub async fn lock_template(&mut self, id: Uuid) -> Result<Option<TemplateRecord>> {
        let sql = self.pick(
            include_str!("sql/templates/lock.sqlite.sql"),
            include_str!("sql/templates/lock.postgres.sql"),
        );
        self.one(sql, args![id]).await
    }

    /// Who has a name in a language.
    pub async fn template_of_name(
        &mut self,
        r#type: TemplateType,
        name: &str,
        locale: &str,
    ) -> Result<Option<Uuid>> {
        self.field(include_str!("sql/templates/id_of_name.sql"), args![r#type, name, locale]).await
    }

    /// Active reply templates of this key or name (lower case), oldest first.
    pub async fn reply_templates_named(&mut self, name: &str) -> Result<Vec<TemplateRecord>> {
        self.all(include_str!("sql/templates/named.sql"), args![name]).await
    }

    /// Adds a template; `false` when its id, or its name in its language, is taken.
    pub async fn insert_template(&mut self, t: &TemplateRecord) -> Result<bool> {
        let rows = self
            .run(
                include_str!("sql/templates/insert.sql"),
                args![
                    t.id,
                    t.r#type,
                    &t.key,
                    &t.name,
                    &t.category,
                    &t.locale,
                    &t.subject,
                    &t.body,
                    t.body_format,
                    &t.body_html,
                    t.visibility,
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

    /// Writes what people may change of a template.
    pub async fn update_template(&mut self, t: &TemplateRecord) -> Result<()> {
        self.run(
            include_str!("sql/templates/update.sql"),
            args![
                t.id,
                &t.key,
                &t.name,
                &t.category,
                &t.locale,
                &t.subject,
                &t.body,
                t.body_format,
                &t.body_html,
                t.visibility,
                t.team_id,
                t.is_active,
                t.updated_at,
                t.version
            ],
        )
        .await
        .map(drop)
    }

    /// Takes a template away; its versions stay.
    pub async fn delete_template(&mut self, id: Uuid) -> Result<()> {
        self.run(include_str!("sql/templates/delete.sql"), args![id]).await.map(drop)
    }

    /// Takes its versions away.
    pub async fn delete_template_versions(&mut self, id: Uuid) -> Result<()> {
        self.run(include_str!("sql/templates/delete_versions.sql"), args![id]).await.map(drop)
    }

    /// Counts a use of a template.
    pub async fn template_used(&mut self, id: Uuid, at: Timestamp) -> Result<()> {
        self.run(include_str!("sql/templates/used.sql"), args![id, at]).await.map(drop)
    }

    /// Keeps a save.
    pub async fn insert_template_version(&mut self, v: &TemplateVersion) -> Result<()> {
        self.run(
            include_str!("sql/templates/insert_version.sql"),
            args![
                v.template_id,
                v.version,
                &v.name,
                &v.category,
                &v.locale,
                &v.subject,
                &v.body,
                v.body_format,
                &v.body_html,
                v.is_active,
                v.author_id,
                &v.author_name,
                v.created_at
            ],
        )
        .await
        .map(drop)
    }

    /// A page of the saves of a template, newest first; in reverse when it ends before one.
    pub async fn template_versions(
        &mut self,
        id: Uuid,
        start: &Start,
        limit: i64,
    ) -> Result<Vec<TemplateVersion>> {
        let mut select = Select::new("SELECT * FROM template_versions WHERE template_id = ");
        select.bind(id);
        match start {
            Start::After(keys) => drop(select.sql(" AND version < ").bind_all(keys.iter().take(1).cloned())),
            Start::Before(keys) => drop(select.sql(" AND version > ").bind_all(keys.iter().take(1).cloned())),
            Start::Top | Start::Offset(_) => {}
        }
        let before = matches!(start, Start::Before(_));
        select
            .sql(if before { " ORDER BY version LIMIT " } else { " ORDER BY version DESC LIMIT " })
            .bind(limit);
        if let Start::Offset(skipped) = start {
            select.sql(" OFFSET ").bind(*skipped);
        }
        select.all(self).await
    }

    /// How often a template was saved.
    pub async fn count_template_versions(&mut self, id: Uuid) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/templates/count_versions.sql"), args![id]).await?;
        Ok(count)
    }

    /// One save of a template.
    pub async fn template_version(&mut self, id: Uuid, version: i64) -> Result<Option<TemplateVersion>> {
        self.one(include_str!("sql/templates/version.sql"), args![id, version]).await
    }

    /// The highest version that was ever saved, 0 when none was.
    pub async fn newest_template_version(&mut self, id: Uuid) -> Result<i64> {
        let (version,) = self.only(include_str!("sql/templates/newest_version.sql"), args![id]).await?;
        Ok(version)
    }

    /// Active templates that replace notifications.
    pub async fn template_overrides(&mut self) -> Result<Vec<TemplateRecord>> {
        self.all(include_str!("sql/templates/overrides.sql"), args![]).await
    }

    /// Ids of all templates that replace notifications, active or not.
    pub async fn overridden_templates(&mut self) -> Result<Vec<Uuid>> {
        self.fields(include_str!("sql/templates/overridden.sql"), args![]).await
    }

    /// How often templates were changed.
    pub async fn template_changes(&mut self) -> Result<i64> {
        let value: Option<String> = self.field(include_str!("sql/facts/get.sql"), args![FACT]).await?;
        Ok(value.and_then(|value| value.parse().ok()).unwrap_or(0))
    }

    /// Tells every node that templates were changed.
    pub async fn count_template_change(&mut self) -> Result<()> {
        self.run(include_str!("sql/facts/count_up.sql"), args![FACT]).await.map(drop)
    }

    /// A page of templates by name; in reverse when it ends before a row.
    pub async fn list_templates(
        &mut self,
        filters: &[TemplateFilter],
        start: &Start,
        limit: i64,
    ) -> Result<Vec<TemplateRecord>> {
        // By octets on both engines, as the built-in ones are put between them.
        let name = self.pick("name", "name COLLATE \"C\"");
        let mut select = Select::new("SELECT * FROM templates WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        let (keys, before) = match start {
            Start::After(keys) => (Some(keys), false),
            Start::Before(keys) => (Some(keys), true),
            Start::Top | Start::Offset(_) => (None, false),
        };
        if let Some(keys) = keys {
            select.sql(" AND (").sql(name).sql(if before { ", id) < " } else { ", id) > " });
            select.bind_all(keys.iter().cloned());
        }
        let order = if before { " DESC, id DESC LIMIT " } else { ", id LIMIT " };
        select.sql(" ORDER BY ").sql(name).sql(order).bind(limit);
        select.all(self).await
    }

    /// How many templates there are.
    pub async fn count_templates(&mut self, filters: &[TemplateFilter]) -> Result<i64> {
        let mut select = Select::new("SELECT COUNT(*) FROM templates WHERE TRUE");
        filters.iter().for_each(|filter| filter.add(&mut select));
        let row: Option<(i64,)> = select.optional(self).await?;
        Ok(row.map_or(0, |(count,)| count))
    }
}

impl TemplateFilter {
    fn add(&self, select: &mut Select) {
        match self {
            Self::Type(r#type) => drop(select.sql(" AND type = ").bind(r#type.as_str())),
            Self::Category(any) => drop(select.sql(" AND category IN ").bind_all(any.iter().cloned())),
            Self::Locale(any) => drop(select.sql(" AND locale IN ").bind_all(any.iter().cloned())),
            Self::Active(active) => drop(select.sql(" AND is_active = ").bind(*active)),
            Self::Seen(teams) => {
                select.sql(" AND (team_id IS NULL OR team_id IN ").bind_all(teams.iter().copied()).sql(")");
            }
            Self::Words(words) => {
                let pattern = format!("%{}%", escaped(words));
                for (i, column) in ["LOWER(name)", "LOWER(key)", "LOWER(body)"].into_iter().enumerate() {
                    select.sql(if i == 0 { " AND (" } else { " OR " }).sql(column).sql(" LIKE ");
                    select.bind(pattern.as_str()).sql(" ESCAPE '!'");
                }
                select.sql(")");
            }
        }
    }

    /// The same of a template in memory.
    pub fn allows(&self, template: &TemplateRecord) -> bool {
        match self {
            Self::Type(r#type) => template.r#type == *r#type,
            Self::Category(any) => template.category.as_ref().is_some_and(|category| any.contains(category)),
            Self::Locale(any) => any.contains(&template.locale),
            Self::Active(active) => template.is_active == *active,
            Self::Seen(teams) => template.team_id.is_none_or(|team| teams.contains(&team)),
            Self::Words(words) => [&template.name, &template.key, &template.body]
                .into_iter()
                .any(|text| text.to_lowercase().contains(&words.to_lowercase())),
        }
    }
}

/// Text to be found as it stands by `LIKE … ESCAPE '!'`.
fn escaped(text: &str) -> String {
    text.to_lowercase().replace('!', "!!").replace('%', "!%").replace('_', "!_")
}
