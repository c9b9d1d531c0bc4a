//! Templates that people edit: kept with every save, found by name, and handed to whoever renders mails.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::query::{Param, Start, TemplateFilter};
use super::reading::cut;
use super::teams::check_team;
use super::writing::{Answered, Ending, check_version};
use super::{Caller, Desk, Error, Page, PageOf, Result};
use crate::model::template::{ALL_LOCALES, notification_id};
use crate::model::*;
use crate::store::Tx;

/// How old what this node knows of templates may be: another node's save is seen within this time.
const FRESH: Duration = Duration::from_secs(1);

/// Templates that replace notifications, as this node knows them.
#[derive(Debug, Default)]
pub(super) struct KnownOverrides(RwLock<Option<(Instant, Arc<Overrides>)>>);

impl KnownOverrides {
    fn fresh(&self) -> Option<Arc<Overrides>> {
        let known = self.0.read().expect("no panic while held");
        known.as_ref().filter(|(at, _)| at.elapsed() < FRESH).map(|(_, overrides)| overrides.clone())
    }

    fn last(&self) -> Option<Arc<Overrides>> {
        self.0.read().expect("no panic while held").as_ref().map(|(_, overrides)| overrides.clone())
    }

    fn put(&self, overrides: &Arc<Overrides>) {
        *self.0.write().expect("no panic while held") = Some((Instant::now(), overrides.clone()));
    }

    fn forget(&self) {
        *self.0.write().expect("no panic while held") = None;
    }
}

impl Desk {
    /// Templates that replace notifications, at most a second old; read again only when some were changed.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn template_overrides(&self) -> Result<Arc<Overrides>> {
        let known = &self.inner.overrides;
        if let Some(fresh) = known.fresh() {
            return Ok(fresh);
        }
        let mut tx = self.store().read().await?;
        let count = tx.template_changes().await?;
        let overrides = match known.last().filter(|last| last.count == count) {
            Some(same) => same,
            None => Arc::new(Overrides { count, templates: tx.template_overrides().await? }),
        };
        known.put(&overrides);
        Ok(overrides)
    }

    /// A page of the templates that the caller sees, by name. `built_in` stand among them, as long as nothing replaces them.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_templates(
        &self,
        mut filters: Vec<TemplateFilter>,
        page: &PageOf,
        caller: &Caller,
        built_in: Vec<TemplateRecord>,
    ) -> Result<Page<TemplateRecord>> {
        let mut tx = self.store().read().await?;
        filters.extend(teams_of(&mut tx, caller.agent.as_ref()).await?.map(TemplateFilter::Seen));
        let replaced = tx.overridden_templates().await?;
        let mut shown = built_in;
        shown.retain(|t| !replaced.contains(&t.id) && filters.iter().all(|filter| filter.allows(t)));
        let total = match page.count {
            true => Some(tx.count_templates(&filters).await? + i64::try_from(shown.len()).unwrap_or(0)),
            false => None,
        };
        let skipped = if let Start::Offset(skipped) = page.start { skipped } else { 0 };
        let wanted = skipped + page.limit + 1;
        shown.retain(|t| is_within(t, &page.start));
        shown.extend(tx.list_templates(&filters, &page.start, wanted).await?);
        shown.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        if matches!(page.start, Start::Before(_)) {
            shown.reverse();
        }
        let rows = shown.into_iter().skip(usize_of(skipped)).take(usize_of(page.limit + 1)).collect();
        Ok(cut(rows, page, total))
    }

    /// A template that is kept; `None` when none that this caller sees has this id: a built-in one may. The desk itself
    /// sees all.
    ///
    /// # Errors
    /// The store's.
    pub async fn template(&self, id: Uuid, caller: Option<&Caller>) -> Result<Option<TemplateRecord>> {
        let mut tx = self.store().read().await?;
        let Some(template) = tx.template(id).await? else { return Ok(None) };
        let agent = caller.and_then(|caller| caller.agent.as_ref());
        Ok(is_seen(&mut tx, agent, &template).await?.then_some(template))
    }

    /// Keeps a new template, or the first override of a notification. Its version follows those it had before.
    ///
    /// # Errors
    /// [`Error::Duplicate`]; [`Error::Invalid`] for a team that is not there; the store's.
    pub async fn create_template(
        &self,
        template: TemplateRecord,
        caller: &Caller,
        ending: Ending<'_, TemplateRecord>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        check_team(&mut tx, template.team_id).await?;
        let now = self.clock().now();
        let version = tx.newest_template_version(template.id).await? + 1;
        let template = TemplateRecord { version, created_at: now, updated_at: now, ..template };
        if !tx.insert_template(&template).await? {
            return Err(taken(&mut tx, &template).await?);
        }
        self.keep_save(&mut tx, &template, caller).await?;
        self.conclude_template(tx, &ending, &template).await
    }

    /// Keeps a changed template; `template.version` is the one it was made of.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`], [`Error::Duplicate`]; [`Error::Invalid`] for a team that is not
    /// there; the store's.
    pub async fn save_template(
        &self,
        template: TemplateRecord,
        caller: &Caller,
        ending: Ending<'_, TemplateRecord>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let current = tx.lock_template(template.id).await?.ok_or(Error::NotFound("template"))?;
        if current.version != template.version {
            return Err(Error::VersionMismatch { current: current.version });
        }
        check_team(&mut tx, template.team_id).await?;
        let other = tx.template_of_name(template.r#type, &template.name, &template.locale).await?;
        if other.is_some_and(|other| other != template.id) {
            return Err(taken(&mut tx, &template).await?);
        }
        let version = tx.newest_template_version(template.id).await?.max(template.version) + 1;
        let template = TemplateRecord { version, updated_at: self.clock().now(), ..template };
        tx.update_template(&template).await?;
        self.keep_save(&mut tx, &template, caller).await?;
        self.conclude_template(tx, &ending, &template).await
    }

    /// Takes a template away. An override gives way to what came with the program, and keeps its versions.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::VersionMismatch`], [`Error::InvalidState`] for what came with the program; the
    /// store's.
    pub async fn delete_template(
        &self,
        id: Uuid,
        version: Option<i64>,
        caller: &Caller,
        ending: Ending<'_, ()>,
    ) -> Result<Answered> {
        let mut tx = self.store().begin().await?;
        let Some(current) = tx.lock_template(id).await? else {
            return Err(match builtin_of(id) {
                Some(_) => Error::InvalidState("what came with the program can only be replaced"),
                None => Error::NotFound("template"),
            });
        };
        if !is_seen(&mut tx, caller.agent.as_ref(), &current).await? {
            return Err(Error::NotFound("template"));
        }
        check_version(current.version, version)?;
        tx.delete_template(id).await?;
        match current.r#type {
            TemplateType::Reply => tx.delete_template_versions(id).await?,
            TemplateType::Notification => tx.count_template_change().await?,
        }
        let answered = self.conclude(tx, &ending, &()).await?;
        self.inner.overrides.forget();
        Ok(answered)
    }

    /// A page of the saves of a template, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn template_versions(
        &self,
        id: Uuid,
        page: &PageOf,
        caller: &Caller,
    ) -> Result<Page<TemplateVersion>> {
        let mut tx = self.store().read().await?;
        if let Some(template) = tx.template(id).await?
            && !is_seen(&mut tx, caller.agent.as_ref(), &template).await?
        {
            return Err(Error::NotFound("template"));
        }
        let total = tx.count_template_versions(id).await?;
        if total == 0 && builtin_of(id).is_none() {
            return Err(Error::NotFound("template"));
        }
        let rows = tx.template_versions(id, &page.start, page.limit + 1).await?;
        Ok(cut(rows, page, page.count.then_some(total)))
    }

    /// One save of a template.
    ///
    /// # Errors
    /// [`Error::NotFound`]; the store's.
    pub async fn template_version(&self, id: Uuid, version: i64) -> Result<TemplateVersion> {
        let found = self.store().read().await?.template_version(id, version).await?;
        found.ok_or(Error::NotFound("template"))
    }

    async fn keep_save(&self, tx: &mut Tx, template: &TemplateRecord, caller: &Caller) -> Result<()> {
        tx.insert_template_version(&template.as_version(&caller.actor())).await?;
        if template.r#type == TemplateType::Notification {
            tx.count_template_change().await?;
        }
        Ok(())
    }

    async fn conclude_template(
        &self,
        tx: Tx,
        ending: &Ending<'_, TemplateRecord>,
        template: &TemplateRecord,
    ) -> Result<Answered> {
        let answered = self.conclude(tx, ending, template).await;
        self.inner.overrides.forget();
        answered
    }
}

/// Which notification an id is of, in all languages.
pub fn builtin_of(id: Uuid) -> Option<NotificationTemplate> {
    NotificationTemplate::ALL.iter().copied().find(|key| notification_id(*key, ALL_LOCALES) == id)
}

/// The teams whose templates an agent sees besides everybody's; `None`: those of all, as admins and services do.
pub(super) async fn teams_of(tx: &mut Tx, agent: Option<&Agent>) -> Result<Option<Vec<Uuid>>> {
    let Some(agent) = agent.filter(|agent| agent.role != "admin") else { return Ok(None) };
    let teams = tx.teams_of_agents([agent.id]).await?;
    Ok(Some(teams.into_iter().map(|(_, team)| team).collect()))
}

/// Whether a template is everybody's, or of a team that the agent is in.
async fn is_seen(tx: &mut Tx, agent: Option<&Agent>, template: &TemplateRecord) -> Result<bool> {
    let Some(team) = template.team_id else { return Ok(true) };
    Ok(teams_of(tx, agent).await?.is_none_or(|teams| teams.contains(&team)))
}

/// Who has the name or the id that a template was to take.
async fn taken(tx: &mut Tx, template: &TemplateRecord) -> Result<Error> {
    let existing = match tx.template(template.id).await? {
        Some(same) => Some(same.id),
        None => tx.template_of_name(template.r#type, &template.name, &template.locale).await?,
    };
    Ok(Error::Duplicate { what: "name", existing: existing.map(|id| id.to_string()) })
}

/// Whether a template stands on this side of where a page begins.
fn is_within(template: &TemplateRecord, start: &Start) -> bool {
    let own = (template.name.as_str(), template.id);
    match start {
        Start::After(keys) => place(keys).is_some_and(|place| own > place),
        Start::Before(keys) => place(keys).is_some_and(|place| own < place),
        Start::Top | Start::Offset(_) => true,
    }
}

fn place(keys: &[Param]) -> Option<(&str, Uuid)> {
    match keys {
        [Param::Text(name), Param::Id(id)] => Some((name, *id)),
        _ => None,
    }
}

fn usize_of(count: i64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
